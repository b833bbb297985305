/** A stash: one stored file, as its chunks describe it. @module */
import type { SizedBlob } from "../oci/descriptor.ts";
import type { Digest } from "../oci/digest.ts";
import { placeBlobs } from "../transfer/placed_blob.ts";
import { chunkTag } from "./chunk_tags.ts";

/**
 * One slice of the file, stored as one blob. Sizes are in bytes.
 *
 * @category Files
 */
export interface Chunk {
  /** From 1. */
  number: number;
  /** The tag of its image, `<BASE_TAG>-<N>`. */
  tag: string;
  /** The digest of the bytes. */
  digest: Digest;
  /** How many bytes it has. */
  size: number;
  /** The offset of its first byte in the file, in bytes. */
  at: number;
}

/**
 * A stored file. Sizes are in bytes.
 *
 * @category Files
 */
export interface Stash {
  /** The name: the chunks have the tags `<baseTag>-1`, `<baseTag>-2` and so on. */
  baseTag: string;
  /** The name of the file that was stored; absent for standard input and for stashes of the Python layerstash. */
  name?: string | undefined;
  /** The size of the file. */
  size: number;
  /** The size of every chunk but the last. */
  chunkSize: number;
  /** When the file was last changed, or a stream was stored, as an ISO 8601 date; absent where it is not known. */
  modified?: string | undefined;
  /** The slices, in order. */
  chunks: Chunk[];
  /** Whether the stash says itself that it is complete; one of the Python layerstash cannot. */
  provenComplete: boolean;
}

/** What a chunk is called in messages. */
export function chunkName({ number }: { number: number }): string {
  return `chunk ${number}`;
}

/** The chunks of a stash, from what was cut out of the file, in order. */
export function chunksOf(baseTag: string, slices: Iterable<SizedBlob>): Chunk[] {
  return placeBlobs(slices).map(({ number, digest, size, at }) => (
    { number, tag: chunkTag(baseTag, number), digest, size, at }
  ));
}
