/** Compares the content of files on the disk with what is stored of them. @module */
import { type Bytes, isSameBytes } from "../content/bytes.ts";
import type { Extent } from "../layers/entry.ts";
import { digestOf } from "../oci/digest.ts";
import type { Disk } from "./disk.ts";
import type { Piece } from "./pack_table.ts";

/** Whether a file has a piece in its place. */
export function hasPiece(disk: Disk, path: string, { offset, length, digest }: Piece): boolean {
  const bytes = readRange(disk, path, { offset, length });
  return bytes?.length === length && digestOf(bytes) === digest;
}

/** Whether a file has the bytes that come, and zeros between them. */
export async function hasContent(
  disk: Disk,
  path: string,
  { size, extents }: { size: number; extents: Iterable<Extent> | AsyncIterable<Extent> },
): Promise<boolean> {
  let end = 0;
  for await (const { offset, bytes } of extents) {
    if (!hasZeros(disk, path, { offset: end, end: offset })) return false;
    const found = readRange(disk, path, { offset, length: bytes.length });
    if (!found || !isSameBytes(found, bytes)) return false;
    end = offset + bytes.length;
  }
  return hasZeros(disk, path, { offset: end, end: size });
}

/** How many zeros are compared at once, in bytes. */
const STEP = 1024 * 1024;

function hasZeros(disk: Disk, path: string, { offset, end }: { offset: number; end: number }): boolean {
  for (let at = offset; at < end; at += STEP) {
    const length = Math.min(STEP, end - at);
    const found = readRange(disk, path, { offset: at, length });
    if (!found || !isSameBytes(found, new Uint8Array(length))) return false;
  }
  return true;
}

/** A range of a file, as far as it goes; `undefined` if there is no file that can be read. */
function readRange(
  disk: Disk,
  path: string,
  { offset, length }: { offset: number; length: number },
): Bytes | undefined {
  try {
    using file = disk.open(path);
    const bytes = new Uint8Array(length);
    let filled = 0;
    for (let read; filled < length && (read = file.readAt(bytes.subarray(filled), offset + filled));) {
      filled += read;
    }
    return bytes.subarray(0, filled);
  } catch (error) {
    const isAway = [Deno.errors.NotFound, Deno.errors.NotADirectory, Deno.errors.PermissionDenied];
    if (isAway.some((kind) => error instanceof kind)) return undefined;
    throw error;
  }
}
