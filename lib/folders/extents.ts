/** Writes parts of files, and leaves holes where there would be zeros. @module */
import type { Bytes } from "../content/bytes.ts";
import { writeAllSync } from "../content/write_all.ts";
import type { Extent } from "../layers/entry.ts";

/** How many bytes of zeros become a hole. */
export const HOLE = 64 * 1024;

/** Writes bytes at their place in a file. Zeros are left out where they fill blocks, unless other bytes may be there. */
export function writeExtent(file: Deno.FsFile, { offset, bytes }: Extent, { holes = true } = {}): void {
  let position = -1;
  for (let at = 0; at < bytes.length; at += HOLE) {
    const block = bytes.subarray(at, at + HOLE);
    if (holes && isZero(block)) continue;
    if (position !== offset + at) file.seekSync(offset + at, Deno.SeekMode.Start);
    writeAllSync(file, block);
    position = offset + at + block.length;
  }
}

function isZero(block: Bytes): boolean {
  if (block.length < HOLE) return false;
  for (let at = 0; at < block.length; at++) if (block[at] !== 0) return false;
  return true;
}
