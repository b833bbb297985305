/** Blobs in the order in which they make up a file. @module */
import type { OnEvent } from "../events.ts";
import type { SizedBlob } from "../oci/descriptor.ts";

/** A blob, and where its bytes belong in a file. */
export interface PlacedBlob extends SizedBlob {
  /** Which blob of the file it is, from 1. */
  number: number;
  /** The offset of its first byte in the file, in bytes. */
  at: number;
  /** What messages call it, such as `chunk 3`. */
  what: string;
}

/**
 * Lays blobs end to end, in order.
 *
 * @param nameOf what messages call a blob; absent = by its digest
 *
 * @example
 * ```ts
 * import { digestOf } from "@layerstash/cli/store";
 * import { placeBlobs } from "./placed_blob.ts";
 *
 * const blobs = ["hello", "world"].map((text) => {
 *   const bytes = new TextEncoder().encode(text);
 *   return { digest: digestOf(bytes), size: bytes.length };
 * });
 * if (placeBlobs(blobs)[1]?.at !== 5) throw new Error("unexpected offset");
 * ```
 */
export function placeBlobs(
  blobs: Iterable<SizedBlob>,
  nameOf: (blob: { digest: string; number: number }) => string = ({ digest }) => `the blob ${digest}`,
): PlacedBlob[] {
  const placed: PlacedBlob[] = [];
  let at = 0;
  for (const { digest, size } of blobs) {
    const number = placed.length + 1;
    placed.push({ number, digest, size, at, what: nameOf({ digest, number }) });
    at += size;
  }
  return placed;
}

/** The size of the file that blobs make up, in bytes. */
export function sizeOfFile(blobs: readonly PlacedBlob[]): number {
  const last = blobs.at(-1);
  return last === undefined ? 0 : last.at + last.size;
}

/** Reports blobs as present, because none of their bytes have to be moved. */
export function reportPresent(
  blobs: Iterable<SizedBlob & { number: number }>,
  onEvent: OnEvent | undefined,
): void {
  for (const { number, digest, size } of blobs) {
    onEvent?.({ type: "blob", index: number, state: "present", digest, size });
  }
}
