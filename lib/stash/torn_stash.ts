/** The errors of a stash whose chunks do not make up one file: it is incomplete, or torn. @module */
import { type ErrorDetails, MismatchError, NotFoundError } from "../errors.ts";
import type { Digest } from "../oci/digest.ts";
import { addressIn, commandLine } from "../store/command_line.ts";
import type { CallOptions, StoreReader } from "../store/store.ts";
import { type ChunkImage, lookAtTag } from "./chunk_image.ts";
import { chunkTag } from "./chunk_tags.ts";
import { isConsistent, tableOf } from "./last_chunk.ts";

/**
 * Why a stash cannot be brought back: a chunk has no tag, its chunks are of different uploads, or something of it has other
 * bytes or is gone.
 *
 * @category Files
 */
export type StashState = "incomplete" | "torn" | "damaged";

/** What these errors have beside their message. */
interface FaultDetails extends ErrorDetails {
  /** What is wrong, in words that stand after the name of the stash. */
  fault: string;
}

/** The error of a stash of which a chunk is missing: its upload was interrupted, or somebody has removed the tag. */
export class IncompleteStashError extends NotFoundError {
  /** What is wrong, in words that stand after the name of the stash. */
  readonly fault: string;

  /** Makes the error. */
  constructor(message: string, details: FaultDetails) {
    super(message, details);
    this.fault = details.fault;
  }
}

/** The error of a stash whose chunks belong to different uploads. */
export class TornStashError extends MismatchError {
  /** What is wrong, in words that stand after the name of the stash. */
  readonly fault: string;
  /** By which digest the stash that was to be replaced is still there; absent = it is gone, or nobody knows. */
  readonly old: Digest | undefined;

  /** Makes the error. */
  constructor(message: string, details: FaultDetails & { old?: Digest | undefined }) {
    super(message, details);
    this.fault = details.fault;
    this.old = details.old;
  }
}

/** Which state of a stash an error tells. */
export function stateOfStash(error: unknown): StashState {
  if (error instanceof IncompleteStashError) return "incomplete";
  return error instanceof TornStashError ? "torn" : "damaged";
}

/** What an error says of a stash, in words that stand after its name. */
export function faultOfStash(error: Error): string {
  return error instanceof IncompleteStashError || error instanceof TornStashError
    ? error.fault
    : error.message;
}

function incompleteStash(baseTag: string, what: string): IncompleteStashError {
  const fault = `incomplete: ${what}`;
  return new IncompleteStashError(`the stash ${baseTag} is ${fault}`, {
    fault,
    hint: "its upload or copy may not be finished; " +
      "run that again to complete it, with --overwrite if it replaces a file",
  });
}

/** The error of a stash that cannot be read without a chunk that has no tag. */
export function chunkNotFound(baseTag: string, number: number): IncompleteStashError {
  return incompleteStash(baseTag, `${chunkTag(baseTag, number)} is missing`);
}

/** The error of a stash whose last chunk has no tag. */
export function lastNotFound(baseTag: string, number: number): IncompleteStashError {
  return incompleteStash(baseTag, `its last chunk, ${chunkTag(baseTag, number)}, is missing`);
}

/** The error of a stash whose highest chunk does not list the others. */
export function notItsLast(baseTag: string, { tag }: ChunkImage): IncompleteStashError {
  return incompleteStash(baseTag, `${tag} is not its last chunk, and no later one exists`);
}

/** The error of a stash two of whose chunks belong to different uploads. */
export function tornStash(
  baseTag: string,
  [one, other]: readonly [ChunkImage, ChunkImage],
  details: { hint: string; old?: Digest | undefined },
): TornStashError {
  const fault = `torn: ${one.tag} and ${other.tag} belong to different uploads`;
  return new TornStashError(`the stash ${baseTag} is ${fault}`, { ...details, fault });
}

/**
 * The error of a stash that an upload or a copy began to replace, and was interrupted. The hint names the digest of the old file,
 * where the tag of its last chunk has not moved yet.
 *
 * @param other a chunk of the old file
 */
export async function partlyReplaced(
  store: StoreReader,
  baseTag: string,
  { first, other, ...options }: CallOptions & { first: ChunkImage; other: ChunkImage },
): Promise<TornStashError> {
  const old = await digestByChunk(store, baseTag, { other, ...options });
  const download = old && commandLine("download", addressIn(store, old));
  const there = download ? `; the old file may still be there: ${download}` : "";
  const again = "an upload or copy that replaces it was interrupted; " +
    "run that again with --overwrite to complete it";
  return tornStash(baseTag, [first, other], { hint: `${again}${there}`, old });
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
