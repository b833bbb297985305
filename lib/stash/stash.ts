/** A stash: one stored file, as its chunks describe it. @module */
import type { OnEvent } from "../events.ts";
import type { SizedBlob } from "../oci/descriptor.ts";
import { type Digest, isDigest } from "../oci/digest.ts";
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
  /** The tag of its image, `<BASE_TAG>-<N>`; absent where the stash was found by its digest, which names no tags. */
  tag?: string | undefined;
  /** The digest of the bytes. */
  digest: Digest;
  /** How many bytes it has. */
  size: number;
  /** The offset of its first byte in the file, in bytes. */
  at: number;
}

/** How a file is sliced into chunks, in bytes. */
export interface Slicing {
  /** The size of every chunk but the last, which may be smaller. */
  chunkSize: number;
  /** The size of the file; absent where it is not known. */
  size?: number | undefined;
  /** Present where it is encrypted: the size then depends on that of the chunks. */
  encryption?: object | undefined;
}

/**
 * A stored file. Sizes are in bytes.
 *
 * @category Files
 */
export interface Stash {
  /** The name: the chunks have the tags `<baseTag>-1`, `<baseTag>-2` and so on. Or the digest, if it was found by that. */
  baseTag: string;
  /**
   * The digest of the manifest of its last chunk, which lists all chunks: so it stands for the whole file, and can take the
   * place of the name. Absent where `provenComplete` is false.
   */
  digest?: Digest | undefined;
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
  /** Present where each chunk is encrypted: all sizes and digests are those of what is stored. */
  encryption?: StashEncryption | undefined;
  /** Whether its last chunk lists all chunks, which proves that none is missing. The Python layerstash stores no such list. */
  provenComplete: boolean;
  /** The chunks whose tags are missing or hold something else; absent = no such tag is known. Only `info` looks for them. */
  faults?: StashFault[] | undefined;
}

/**
 * Something that a check of a stash found wrong.
 *
 * @category Files
 */
export interface StashFault {
  /** The chunk, from 1; 0 = the local file as a whole. */
  chunk: number;
  /**
   * What is wrong. The registry does not have the chunk's blob (`missing`), or has it with another size (`size`) or with
   * other bytes (`bytes`). Or its tag is missing (`tag`) or holds something else (`taken`), so that a registry which collects
   * garbage takes the blob. Or the local file that was compared differs from the stash (`file`).
   */
  kind: "missing" | "size" | "bytes" | "tag" | "taken" | "file";
  /** The fault in words, as a clause such as `its blob is missing`. */
  problem: string;
}

/**
 * How a stash is encrypted.
 *
 * @category Files
 */
export interface StashEncryption {
  /** The format of every chunk: `age` opens it. */
  format: "age";
  /** The size of the file itself, in bytes; absent where no key was given. */
  size?: number | undefined;
  /** Gives the encrypted description of the file, as a file of age in base64. */
  details?: (() => string) | undefined;
}

/** The size of the file itself, in bytes; of an encrypted one without a key, that of what is stored. */
export function sizeOf({ size, encryption }: Stash): number {
  return encryption?.size ?? size;
}

/** What messages call a chunk. */
export function chunkName({ number }: { number: number }): string {
  return `chunk ${number}`;
}

/** The size of the chunk with this number, counted from 1; zero or less = the file has fewer chunks. */
export function sliceSize(
  number: number,
  { chunkSize, size }: Required<Omit<Slicing, "encryption">>,
): number {
  return Math.min(chunkSize, size - (number - 1) * chunkSize);
}

/** Numbers the slices of a file from 1, and computes where each begins. A digest in the place of the name gives no tags. */
export function chunksOf(name: string, slices: Iterable<SizedBlob>): Chunk[] {
  return placeBlobs(slices).map(({ number, digest, size, at }) => (
    { number, ...(!isDigest(name) && { tag: chunkTag(name, number) }), digest, size, at }
  ));
}

/**
 * The chunks between the first and the last, if their tags are known: where a table lists them, these are not read to find
 * the stash.
 */
export function middleChunks({ chunks, provenComplete }: Stash): TaggedChunk[] {
  return provenComplete ? chunks.slice(1, -1).filter(hasTag) : [];
}

/** A chunk whose tag is known. */
export type TaggedChunk = Chunk & { tag: string };

function hasTag(chunk: Chunk): chunk is TaggedChunk {
  return chunk.tag !== undefined;
}

/** Reports what a transfer of a stash consists of. `times` = how often it goes through the bytes. */
export function reportPlan(
  { size, chunkSize, chunks }: Slicing & { chunks: number | undefined },
  onEvent: OnEvent | undefined,
  times = 1,
): void {
  const known = {
    ...(size !== undefined && { size: times * size }),
    ...(chunks && { blobs: times * chunks }),
  };
  onEvent?.({ type: "plan", chunkSize, ...known });
}
