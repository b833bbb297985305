/** Files that have the name of an output, or of its partial file, already: which are replaced or continued, and which stay. @module */
import { dirname } from "node:path";
import { noDirectory, storageError, writeError } from "../content/file_errors.ts";
import { ConflictError, InvalidInputError } from "../errors.ts";

/**
 * The ordinary file at a path; `undefined` if there is nothing. Links are not followed: whoever may write to the directory
 * could lead us to any other file.
 *
 * @throws {InvalidInputError} if there is anything else than an ordinary file
 */
export async function ordinaryFile(path: string): Promise<Deno.FileInfo | undefined> {
  const found = await Deno.lstat(path).catch((error) => {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw writeError(error, path);
  });
  if (!found || found.isFile) return found;
  if (found.isSymlink) {
    throw new InvalidInputError(`${path} is a symbolic link, which is not followed`, {
      hint: "name the file that it points to, or remove the link",
    });
  }
  throw new InvalidInputError(`${path} is ${found.isDirectory ? "a directory" : "not an ordinary file"}`, {
    hint: found.isDirectory ? "name the file to write, in it or elsewhere" : "write to a pipe with -o -",
  });
}

/**
 * Makes sure that a file can be written at a path: its directory exists, and nothing has its name that has to stay. An
 * empty file does not: nothing of it is lost.
 *
 * @throws {NotFoundError} if the directory does not exist
 * @throws {ConflictError} if a file with content has the name, and `overwrite` is not set
 */
export async function requireReplaceable(
  path: string,
  { overwrite }: { overwrite?: boolean | undefined },
): Promise<void> {
  await requireParent(path);
  const found = await ordinaryFile(path);
  if (overwrite || !found || found.size === 0) return;
  throw new ConflictError(`${path} already exists, with other bytes`, {
    hint: "choose another name, or replace it with --overwrite",
  });
}

/**
 * Makes sure that the directory exists in which something is to be written at a path.
 *
 * @throws {NotFoundError} if it does not
 * @throws {InvalidInputError} if a part of the path is a file
 */
export async function requireParent(path: string): Promise<void> {
  const directory = await Deno.stat(dirname(path)).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw writeError(error, path);
  });
  if (!directory) throw noDirectory(path);
  if (!directory.isDirectory) throw storageError(new Deno.errors.NotADirectory(), path);
}

/**
 * Makes sure that an earlier run of this user can have made a partial file. Whoever else made it could change the bytes
 * after they are verified; but the owner of the directory could do that anyway. Windows has no such owners.
 *
 * @throws {ConflictError} if the file belongs to somebody else, or has a second name
 */
export async function requireOwn(path: string, { uid, nlink }: Deno.FileInfo): Promise<void> {
  const foreign = nlink !== null && nlink > 1
    ? "has a second name (a hard link)"
    : uid !== null && await isForeign(uid, dirname(path))
    ? "belongs to another user"
    : undefined;
  if (foreign === undefined) return;
  throw new ConflictError(`${path} ${foreign}`, {
    hint: "remove it, or write to another name: it is not taken for the beginning of this download",
  });
}

async function isForeign(uid: number, directory: string): Promise<boolean> {
  return uid !== (await Deno.stat(directory)).uid && uid !== Deno.uid();
}
