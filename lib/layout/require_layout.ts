/** Checks that a directory is a layout; the error names layouts inside it. @module */
import { dirname, join, normalize, sep } from "node:path";
import { NotFoundError } from "../errors.ts";
import { isLayout } from "./find_layouts.ts";
import { closestName } from "../messages.ts";
import { exists } from "../oci/path_reference.ts";

/** How deep layouts are looked for: that of the repository `me/files` is two levels down. */
const MAX_DEPTH = 2;
/** How many directories are looked into, and how many layouts are named. */
const [MAX_DIRECTORIES, MAX_NAMED] = [100, 3];

/**
 * Makes sure that a directory is a layout. One that lists nothing yet is a layout, too.
 *
 * @throws {NotFoundError} if it is not a layout; the hint names layouts inside it
 */
export async function requireLayout(directory: string): Promise<void> {
  if (isLayout(directory)) return;
  if (!exists(directory)) {
    const meant = await similarLayout(directory);
    throw new NotFoundError(`there is no directory ${directory}`, {
      hint: meant && `did you mean oci:${meant.replaceAll(sep, "/")}?`,
    });
  }
  const inside = await layoutsIn(directory, { depth: MAX_DEPTH, most: MAX_DIRECTORIES });
  throw new NotFoundError(`the directory ${directory} is not an OCI layout`, {
    hint: inside.length === 0
      ? "name the directory that has the files oci-layout and index.json"
      : `it contains these layouts: ${namedIn(inside)}`,
  });
}

/** Names the first of these layouts, and says how many more there are. */
function namedIn(layouts: readonly string[]): string {
  const named = layouts.slice(0, MAX_NAMED).map((each) => `oci:${each.replaceAll(sep, "/")}`).join(", ");
  return layouts.length > MAX_NAMED ? `${named}, and ${layouts.length - MAX_NAMED} more` : named;
}

/** A layout whose path is similar to one that leads nowhere: it is looked for where that path ends to exist. */
async function similarLayout(directory: string): Promise<string | undefined> {
  const path = normalize(directory);
  let [above, depth] = [path, 0];
  while (depth <= MAX_DEPTH && !exists(above)) [above, depth] = [dirname(above), depth + 1];
  return closestName(path, await layoutsIn(above, { depth, most: MAX_DIRECTORIES }));
}

/** The layouts in a directory, the nearest first. */
async function layoutsIn(
  directory: string,
  { depth: deepest, most }: { depth: number; most: number },
): Promise<string[]> {
  const found: string[] = [];
  const near = [{ path: directory, depth: 0 }]; // which grows on the way
  for (const [looked, { path, depth }] of near.entries()) {
    if (looked > MAX_DIRECTORIES || found.length === most) break;
    if (depth > 0 && isLayout(path)) found.push(path);
    else if (depth < deepest) {
      for (const name of await directoriesIn(path)) near.push({ path: join(path, name), depth: depth + 1 });
    }
  }
  return found;
}

/** The subdirectories; a directory that may not be read counts as empty. */
async function directoriesIn(path: string): Promise<string[]> {
  const names: string[] = [];
  try {
    for await (const { name, isDirectory } of Deno.readDir(path)) {
      if (isDirectory && names.push(name) === MAX_DIRECTORIES) break;
    }
  } catch { /* it is only a hint */ }
  return names.sort();
}
