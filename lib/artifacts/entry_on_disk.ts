/** Compares the entry of an archive with what has its name on the disk. @module */
import { join } from "node:path";
import { isSameBytes } from "../content/bytes.ts";
import { collectNext } from "../content/collect.ts";
import { normalPath, type OpenEntry } from "../layers/entry.ts";

/** The most that is read at once, in bytes. */
const PIECE = 256 * 1024;

/**
 * Whether a directory has the entry: it is `absent`, or it is the `same`, or something `other` has its name. Modes and times
 * do not count. Devices and the like are never extracted, and so never in the way.
 */
export async function hasEntry(directory: string, entry: OpenEntry): Promise<"absent" | "same" | "other"> {
  const path = join(directory, entry.path);
  const found = await Deno.lstat(path).catch(() => undefined);
  if (!found) return "absent";
  return await isSame(directory, path, found, entry) ? "same" : "other";
}

async function isSame(
  directory: string,
  path: string,
  found: Deno.FileInfo,
  entry: OpenEntry,
): Promise<boolean> {
  if (entry.type === "directory") return found.isDirectory;
  if (entry.type === "symlink") return found.isSymlink && await Deno.readLink(path) === entry.target;
  if (entry.type === "file") return found.isFile && found.size === entry.size && await hasBytes(path, entry);
  if (entry.type !== "hardlink") return false;
  const target = await Deno.lstat(join(directory, normalPath(entry.target ?? ""))).catch(() => undefined);
  return found.isFile && target?.ino === found.ino && target.dev === found.dev;
}

/** Whether a file has the bytes of an entry. Holes are read as zeros. */
async function hasBytes(path: string, { size, extents }: OpenEntry): Promise<boolean> {
  using file = Deno.openSync(path);
  let position = 0;
  for await (const { offset, bytes } of extents()) {
    if (!hasZeros(file, offset - position)) return false;
    if (!isSameBytes(collectNext(file, bytes.length), bytes)) return false;
    position = offset + bytes.length;
  }
  return hasZeros(file, size - position);
}

function hasZeros(file: Deno.FsFile, count: number): boolean {
  for (let left = count; left > 0; left -= PIECE) {
    if (collectNext(file, Math.min(PIECE, left)).some((byte) => byte !== 0)) return false;
  }
  return true;
}
