/** Says that a directory is no layout, and which layouts are in it. @module */
import { join, sep } from "node:path";
import { NotFoundError } from "../errors.ts";

/** A layout in a box is the repository `me/files`: so deep is looked for others. */
const DEEPEST = 2;
/** So many directories are looked into, and so many layouts are named. */
const [MOST_LOOKED_INTO, MOST_NAMED] = [100, 3];

/**
 * Makes sure that a directory is a layout, be it one in which nothing is listed yet.
 *
 * @throws {NotFoundError} when it is none; the hint names layouts that are in it
 */
export async function requireLayout(directory: string): Promise<void> {
  if (await isLayout(directory)) return;
  if (!await exists(directory)) throw new NotFoundError(`there is no directory ${directory}`);
  const inside = await layoutsIn(directory);
  throw new NotFoundError(`the directory ${directory} is no OCI layout`, {
    hint: inside.length === 0
      ? "a layout has the files oci-layout and index.json: name the directory that they are in"
      : `there are layouts in it: ${inside.map((each) => `oci:${each.replaceAll(sep, "/")}`).join(", ")}`,
  });
}

/** The nearest come first. */
async function layoutsIn(directory: string): Promise<string[]> {
  const found: string[] = [];
  const near = [{ path: directory, depth: 0 }]; // which grows on the way
  for (const [looked, { path, depth }] of near.entries()) {
    if (looked > MOST_LOOKED_INTO || found.length === MOST_NAMED) break;
    if (depth > 0 && await isLayout(path)) found.push(path);
    else if (depth < DEEPEST) {
      for (const name of await directoriesIn(path)) near.push({ path: join(path, name), depth: depth + 1 });
    }
  }
  return found;
}

/** Those that may not be read have none. */
async function directoriesIn(path: string): Promise<string[]> {
  const names: string[] = [];
  try {
    for await (const { name, isDirectory } of Deno.readDir(path)) {
      if (isDirectory && names.push(name) === MOST_LOOKED_INTO) break;
    }
  } catch { /* it is only a hint */ }
  return names.sort();
}

async function isLayout(directory: string): Promise<boolean> {
  return await exists(join(directory, "index.json")) || await exists(join(directory, "oci-layout"));
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}
