/** The errors of a stash whose chunks do not make up one file: it is incomplete, or torn. @module */
import { MismatchError, NotFoundError } from "../errors.ts";
import type { Digest } from "../oci/digest.ts";
import { addressIn, commandLine } from "../store/command_line.ts";
import type { CallOptions, StoreReader } from "../store/store.ts";
import { type ChunkImage, lookAtTag } from "./chunk_image.ts";
import { chunkTag } from "./chunk_tags.ts";
import { isConsistent, tableOf } from "./last_chunk.ts";

const COMPLETE_IT =
  "its upload may not be finished; run it again to complete it, with --overwrite if it replaces a file";

/** The error of a stash that cannot be read without a chunk that has no tag. */
export function chunkNotFound(baseTag: string, number: number): NotFoundError {
  return new NotFoundError(`the stash ${baseTag} is incomplete: ${chunkTag(baseTag, number)} is missing`, {
    hint: COMPLETE_IT,
  });
}

/** The error of a stash whose last chunk has no tag. */
export function lastNotFound(baseTag: string, number: number): NotFoundError {
  return new NotFoundError(
    `the stash ${baseTag} is incomplete: its last chunk, ${chunkTag(baseTag, number)}, is missing`,
    { hint: COMPLETE_IT },
  );
}

/** The error of a stash whose highest chunk does not list the others. */
export function notItsLast(baseTag: string, { tag }: ChunkImage): NotFoundError {
  return new NotFoundError(
    `the stash ${baseTag} is incomplete: ${tag} is not its last chunk, and no later one exists`,
    { hint: COMPLETE_IT },
  );
}

/** The error of a stash two of whose chunks belong to different uploads. */
export function tornStash(baseTag: string, one: ChunkImage, other: ChunkImage, hint: string): MismatchError {
  return new MismatchError(
    `the stash ${baseTag} is torn: ${one.tag} and ${other.tag} belong to different uploads`,
    { hint },
  );
}

/**
 * The error of a stash that an upload began to replace, and was interrupted. The hint names the digest of the old file, where
 * the tag of its last chunk has not moved yet.
 *
 * @param other a chunk of the old file
 */
export async function partlyReplaced(
  store: StoreReader,
  baseTag: string,
  { first, other, ...options }: CallOptions & { first: ChunkImage; other: ChunkImage },
): Promise<MismatchError> {
  const digest = await digestByChunk(store, baseTag, { other, ...options });
  const download = digest && commandLine("download", addressIn(store, digest));
  const old = download ? `; the old file may still be there: ${download}` : "";
  const again = "an upload that replaces it was interrupted; run that again with --overwrite to complete it";
  return tornStash(baseTag, first, other, `${again}${old}`);
}

/** The digest of the stash to which a chunk belongs; `undefined` = the chunk does not say which is the last, or that is gone. */
async function digestByChunk(
  store: StoreReader,
  baseTag: string,
  { other, ...options }: CallOptions & { other: ChunkImage },
): Promise<Digest | undefined> {
  const { chunk, chunks } = other.config.layerstash ?? {};
  if (chunk === undefined || chunks === undefined) return undefined;
  const found = chunk === chunks
    ? { kind: "chunk", image: other } as const
    : await lookAtTag(store, chunkTag(baseTag, chunks), options);
  const table = found.kind === "chunk" ? tableOf(found.image) : undefined;
  if (found.kind !== "chunk" || !table || !isConsistent(table, found.image)) return undefined;
  return table.digests[chunk - 1] === other.layer.digest ? found.image.manifest : undefined;
}
