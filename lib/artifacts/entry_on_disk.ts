/** Compares the entry of an archive with what has its name on the disk. @module */
import { isSameBytes } from "../content/bytes.ts";
import { collectNext } from "../content/collect.ts";
import { readError } from "../content/file_errors.ts";
import { compareWithDisk } from "../folders/compare_with_disk.ts";
import { type Disk, pathOnDisk } from "../folders/disk.ts";
import type { OpenEntry } from "../layers/entry.ts";

/** The most that is read at once, in bytes. */
const PIECE = 256 * 1024;

/**
 * Whether a directory has the entry: it is `absent`, or it is the `same`, or something `other` has its name. Modes and times
 * do not count.
 *
 * @throws {NotAllowedError} if it may not be read
 */
export async function hasEntry(
  entry: OpenEntry,
  { directory, disk }: { directory: string; disk: Disk },
): Promise<"absent" | "same" | "other"> {
  const at = pathOnDisk(directory, entry.path);
  const hasContent = () => hasBytes(at, entry);
  const found = await compareWithDisk(entry, { directory, disk, hasContent }).catch((error) => {
    throw readError(error, at);
  });
  if (found === "absent") return found;
  return found === "same" || found === "metadata" ? "same" : "other";
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
