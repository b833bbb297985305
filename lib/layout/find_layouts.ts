/** Finds the OCI image layouts in a directory, which are its repositories. @module */
import { join } from "node:path";
import { denied } from "../content/file_errors.ts";
import { LayerstashError, NotFoundError } from "../errors.ts";
import { compareNaturally } from "../messages.ts";
import { isDirectory, isFile } from "../oci/path_reference.ts";
import type { CallOptions } from "../store/store.ts";

/**
 * Whether a directory is a layout: the file `oci-layout` says so. Some tools leave it out, and what is listed beside blobs is
 * then a layout, too.
 */
export function isLayout(directory: string): boolean {
  return isLayoutWith({
    file: (name) => isFile(join(directory, name)),
    directory: (name) => isDirectory(join(directory, name)),
  });
}

/** What there is in a directory, by name. */
interface Inside {
  file(name: string): boolean;
  directory(name: string): boolean;
}

function isLayoutWith(has: Inside): boolean {
  return has.file("oci-layout") || has.file("index.json") && has.directory("blobs");
}

/**
 * The names of all layouts below a directory, such as `me/files`, sorted by name at each level. Symbolic links are not
 * followed: they may form a circle.
 *
 * @param options `below`: only names that begin with it and a slash are wanted, and looked for
 * @throws {NotFoundError} if there is no such directory
 * @throws {NotAllowedError} if it cannot be read
 */
export function findLayouts(
  directory: string,
  { below, signal }: CallOptions & { below?: string | undefined },
): AsyncGenerator<string> {
  return layoutsBelow(directory, "", { way: below?.split("/") ?? [], signal });
}

async function* layoutsBelow(
  directory: string,
  name: string,
  { way: [only, ...way], signal }: CallOptions & { way: readonly string[] },
): AsyncGenerator<string> {
  signal?.throwIfAborted();
  const entries = await readDirectory(directory);
  const names = entries.flatMap(({ name, isDirectory }) =>
    isDirectory && !name.startsWith(".") ? [name] : []
  );
  const isLayout = isLayoutWith({
    file: (name) => entries.some((each) => each.name === name && !each.isDirectory),
    directory: (name) => names.includes(name),
  });
  if (isLayout && name !== "" && only === undefined) yield name;
  for (const each of names.sort(compareNaturally)) {
    if (isLayout && each === "blobs" || only !== undefined && each !== only) continue;
    yield* layoutsBelow(join(directory, each), name === "" ? each : `${name}/${each}`, { way, signal });
  }
}

async function readDirectory(directory: string): Promise<Deno.DirEntry[]> {
  try {
    return await Array.fromAsync(Deno.readDir(directory));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) throw new NotFoundError(`there is no directory ${directory}`);
    if (error instanceof Deno.errors.NotADirectory) {
      throw new LayerstashError(`${directory} is not a directory`);
    }
    throw denied(error, `${directory} may not be read`) ?? error;
  }
}
