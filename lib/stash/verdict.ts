/** Decides for each chunk of an upload: it exists already, it has to be sent, or its tag holds other bytes. @module */
import { abortable } from "../async/abortable.ts";
import { inParallel } from "../async/pool.ts";
import type { Source } from "../content/source.ts";
import { ConflictError, MismatchError } from "../errors.ts";
import type { OnEvent } from "../events.ts";
import type { Input, InputChunk } from "../files/input.ts";
import { exactSize } from "../messages.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { OCTET_STREAM } from "../oci/media_types.ts";
import type { BlobStore, CallOptions } from "../store/store.ts";
import { DEFAULT_JOBS } from "../transfer/adaptive_jobs.ts";
import { chunkTag } from "./chunk_tags.ts";
import { type ExistingChunks, foreignConflict } from "./existing_chunks.ts";
import { chunkName, sliceSize, type Slicing, type Stash } from "./stash.ts";
import type { StashDraft } from "./stash_draft.ts";

/**
 * What becomes of a chunk. It is `present`: the store has its bytes as this layer. Or it is to be sent; `checkFirst` says
 * that its digest is known, so that the store can look for the blob before it takes the bytes. Or it is `lost`: it came
 * from a stream, which was read to compare it with its tag, and then the store did not have the blob.
 */
export type Verdict =
  | { kind: "present"; layer: Descriptor }
  | { kind: "send"; checkFirst: boolean }
  | { kind: "lost"; error: MismatchError };

/** How verdicts are reached. */
export interface VerdictOptions extends CallOptions {
  /** Whether a tag that holds other bytes is replaced. */
  overwrite?: boolean | undefined;
  /** How many chunks are compared at once, 1 for a stream; absent = {@link DEFAULT_JOBS}. */
  jobs?: number | undefined;
}

/** The verdicts on the chunks of one upload. */
export class Verdicts {
  readonly #store: BlobStore;
  readonly #existing: ExistingChunks;
  readonly #draft: StashDraft;
  readonly #options: VerdictOptions;
  /** The highest number whose tag exists; 0 = there is none. */
  readonly #last: number;
  /** What was decided before anything was sent, by number. */
  readonly #decided: Map<number, Verdict> = new Map();

  /** Takes what the store holds under the tags of the stash that is to be stored. */
  constructor(store: BlobStore, existing: ExistingChunks, draft: StashDraft, options: VerdictOptions) {
    this.#store = store;
    this.#existing = existing;
    this.#draft = draft;
    this.#options = options;
    this.#last = existing.layers.keys().reduce((last, number) => Math.max(last, number), 0);
  }

  /**
   * Decides on all chunks whose tag exists, so that a conflict is found before anything is changed. A stream is read for
   * it only where the existing stash is complete, and has to be the same; else its chunks are compared as they come.
   *
   * @returns the existing stash, if it is the same and nothing has to be sent
   * @throws {ConflictError} if a tag holds other bytes
   * @throws {MismatchError} if blobs of the stash are missing, and the input is a stream that was read by now
   */
  async compareExisting(input: Input): Promise<Stash | undefined> {
    const { complete, layers } = this.#existing;
    const { jobs = DEFAULT_JOBS, overwrite, signal } = this.#options;
    // A stream has one chunk at least, and as many as the stash that it has to be the same as.
    const needed = this.#draft.chunks ?? (overwrite ? 1 : complete?.chunks.length ?? 1);
    this.#existing.foreign.filter((number) => number <= needed).forEach((number) =>
      this.#requireNotForeign(number)
    );
    if (overwrite || this.#last === 0 || !(complete || input.seekable)) return undefined;
    if (input.size !== undefined) this.#requireSameSizes(input.size);
    let count = 0;
    await inParallel(input.chunks(this.#draft.chunkSize), { jobs, signal }, async (chunk, signal) => {
      count = Math.max(count, chunk.number);
      if (!complete && !layers.has(chunk.number)) return;
      this.#decided.set(chunk.number, await this.#decide(chunk, signal));
    });
    this.requireAllCompared(count);
    const missing = this.#decided.values().find(({ kind }) => kind !== "present");
    if (missing?.kind === "lost") throw missing.error;
    return missing ? undefined : complete;
  }

  /**
   * The verdict on a chunk. The bytes are hashed where they are compared with a tag.
   *
   * @throws {ConflictError} if the tag holds other bytes, and is not to be replaced
   */
  async of(chunk: InputChunk, signal: AbortSignal): Promise<Verdict> {
    return this.#decided.get(chunk.number) ?? await this.#decide(chunk, signal);
  }

  /**
   * The number of the chunk that an upload has to pass before a tag is put; 0 = tags are put at once. A stream may be in conflict
   * until it has passed the last existing tag. A file that is replaced keeps its tags until all of the new one is there.
   */
  holdUntil({ seekable }: Input): number {
    const { isReadable, foreign } = this.#existing;
    if (this.#options.overwrite && isReadable) return Infinity;
    return seekable ? 0 : Math.max(this.#lastToCompare, foreign.at(-1) ?? 0);
  }

  get #lastToCompare(): number {
    return this.#options.overwrite ? 0 : this.#last;
  }

  /**
   * Makes sure that the input was not shorter than the existing stash.
   *
   * @throws {ConflictError} if a tag with a higher number exists, and is not to be replaced
   */
  requireAllCompared(count: number): void {
    if (this.#lastToCompare > count) throw this.#conflict(this.#last);
  }

  async #decide({ number, source }: InputChunk, signal: AbortSignal): Promise<Verdict> {
    const { overwrite, onEvent } = this.#options;
    const { layers, complete, isReadable } = this.#existing;
    this.#requireNotForeign(number);
    const tagged = layers.get(number);
    // A stream that was read to compare it cannot be sent, and what a new key encrypts is stored nowhere.
    const isOnlySent = source.once && overwrite || this.#draft.encryption?.isNew;
    const compared = tagged !== undefined && !isOnlySent;
    const same = compared && await hasBytesOf(tagged, source, { signal, onEvent });
    const other = !same && (layers.has(number) || complete !== undefined);
    if (other && !overwrite) throw this.#conflict(Math.min(number, this.#last));
    const layer = same ? tagged : knownLayer(source);
    const found = layer && await this.#store.reuse(layer, {
      what: chunkName({ number }),
      reread: overwrite,
      held: same,
      signal,
      onEvent,
    });
    if (layer && found === "present") return { kind: "present", layer };
    if (compared && source.once) return { kind: "lost", error: this.#lostBlob(number) };
    // A registry may keep a damaged blob: it is asked for before the bytes are sent to no purpose. What an earlier run has sent
    // in the place of a file that can be read has no tag: only its digest tells.
    const mayBeThere = compared || overwrite === true && isReadable && !isOnlySent;
    return { kind: "send", checkFirst: found === "damaged" || mayBeThere && !source.known };
  }

  /** A tag that holds an image of somebody else is never replaced. */
  #requireNotForeign(number: number): void {
    if (!this.#existing.foreign.includes(number)) return;
    throw foreignConflict(chunkTag(this.#draft.baseTag, number));
  }

  /** Sizes are compared first: a conflict that they show is found before terabytes are hashed. */
  #requireSameSizes(size: number): void {
    const { complete, layers } = this.#existing;
    if (complete && complete.size !== size) throw this.#conflict(this.#last);
    const { chunkSize } = this.#draft;
    for (const [number, layer] of layers) {
      if (layer?.size !== sliceSize(number, { chunkSize, size })) throw this.#conflict(number);
    }
  }

  #conflict(number: number): ConflictError {
    const tag = chunkTag(this.#draft.baseTag, number);
    const { slicing: existing, complete } = this.#existing;
    const isElsewhere = !complete && existing?.encryption && this.#draft.encryption?.isNew;
    return tagConflict(tag, { slicing: this.#draft, existing, hint: isElsewhere ? ELSEWHERE : undefined });
  }

  #lostBlob(number: number): MismatchError {
    return new MismatchError(`${chunkTag(this.#draft.baseTag, number)}: its blob is missing or damaged`, {
      hint: "the input was read to compare it, and cannot be sent any more: feed it again with --overwrite",
    });
  }
}

/**
 * The error of a tag that holds other bytes. Where the existing stash was sliced otherwise than this one, it may hold the
 * same file, and the hint names its chunk size.
 */
export function tagConflict(
  tag: string,
  { slicing, existing, hint }: {
    slicing?: Slicing | undefined;
    existing?: Slicing | undefined;
    /** What takes the place of how the two were sliced. */
    hint?: string | undefined;
  } = {},
): ConflictError {
  const differs = hint ?? (existing && slicing ? whatDiffers(existing, slicing) : "");
  return new ConflictError(`the tag ${tag} already exists and holds something else`, {
    hint: `${differs}use another name, or --overwrite to replace it`,
    isReplaceable: true,
  });
}

/** Of an encrypted upload that was interrupted: a new key gives nothing that could be compared. */
const ELSEWHERE = "an encrypted upload that was interrupted goes on only where it began, with its journal, " +
  "the same keys and the same --chunk-size; else ";

/** Says where an existing stash was made otherwise than this one. */
function whatDiffers(existing: Slicing, slicing: Slicing): string {
  const isEncrypted = existing.encryption !== undefined;
  if (isEncrypted !== (slicing.encryption !== undefined)) {
    return `it is ${isEncrypted ? "" : "not "}encrypted: `;
  }
  const mayBeSame = isEncrypted || existing.size === undefined || slicing.size === undefined ||
    existing.size === slicing.size;
  if (!mayBeSame || existing.chunkSize === slicing.chunkSize) return "";
  return `it has chunks of another size: say --chunk-size ${
    exactSize(existing.chunkSize)
  } if it is the same file, else `;
}

/** Compares a source with a layer, by size and digest. A source that can be read only once is read to its end. */
async function hasBytesOf(
  layer: Descriptor,
  source: Source,
  { signal, onEvent }: { signal: AbortSignal; onEvent: OnEvent | undefined },
): Promise<boolean> {
  if (source.once) await source.open().pipeTo(new WritableStream(), { signal });
  if (source.size !== undefined && source.size !== layer.size) return false;
  let hashed = 0;
  const report = (bytes: number) => {
    hashed += bytes;
    onEvent?.({ type: "progress", phase: "check", bytes });
  };
  const digest = source.known ?? await abortable(source.digest(report), signal);
  if (digest !== layer.digest && hashed > 0) report(-hashed); // these bytes have to be sent
  return digest === layer.digest;
}

/** The layer that an earlier process found a chunk to be, by the upload's journal. */
function knownLayer({ known, size }: Source): Descriptor | undefined {
  return known && size !== undefined ? { mediaType: OCTET_STREAM, digest: known, size } : undefined;
}
