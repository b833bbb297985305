/** The blob of a layer, of which no more is fetched than is needed. @module */
import { createHash, type Hash } from "node:crypto";
import { RangeRefusedError } from "../errors.ts";
import type { OnEvent } from "../events.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { corrupted, type Digest, digestOf } from "../oci/digest.ts";
import type { Store } from "../store/store.ts";
import { pull } from "../transfer/pull.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** What reading takes. */
export interface ReadingOptions {
  /** Told of bytes that are fetched, of retries, and of stores that give whole blobs only. */
  onEvent?: OnEvent | undefined;
  /** Ends the reading. */
  signal?: AbortSignal | undefined;
}

/** What is read, and how. */
interface FromOptions {
  /** The byte after the last; absent = the end of the blob. */
  end?: number | undefined;
  /** Fetches all of it in one step. */
  all?: boolean;
}

/** What is fetched at first where it is not known how much will be needed; each time twice as much. In bytes. */
const FIRST_STEP = 32 * 1024;
const LARGEST_STEP = 16 * 1024 * 1024;

const NOTHING = digestOf(new Uint8Array());

/** One blob, from any place on, and what of it was fetched. */
export class LayerBlob {
  readonly digest: Digest;
  /** In bytes. */
  readonly size: number;
  /** As the manifest says it, which may be wrong. */
  readonly mediaType: string;
  /** What the manifest has to say of it. */
  readonly annotations: Readonly<Record<string, string>>;
  /** The bytes that were fetched so far; some may have been more than once. */
  fetched = 0;
  /** Whether it is read by a table of contents that has a digest. */
  hasProvenTable = false;
  /** Whether the store gives whole blobs only: then nothing is gained by leaving something out. */
  wholeOnly = false;
  readonly #store: Store;
  readonly #options: ReadingOptions;
  #head: Bytes | undefined;
  /** Whether all that was fetched has the digest. Who was given the right bytes once may be given others later. */
  #isWhole = false;

  /** Fetches nothing yet. */
  constructor(
    store: Store,
    { digest, size, mediaType, annotations = {} }: Descriptor,
    options: ReadingOptions,
  ) {
    this.digest = digest;
    this.mediaType = mediaType;
    this.annotations = annotations;
    this.size = size;
    this.#store = store;
    this.#options = options;
  }

  /**
   * Whether what was read is proven: all of it has its digest, or it was read by a table that has one. Of nothing, all is
   * read without anything being fetched.
   */
  get proven(): boolean {
    return this.#isWhole || this.hasProvenTable || this.size === 0 && this.digest === NOTHING;
  }

  /** Says what its reader should know. */
  notice(message: string): void {
    this.#options.onEvent?.({ type: "notice", message });
  }

  /** Its first bytes: all of a small blob. */
  async head(): Promise<Bytes> {
    return this.#head ??= await this.slice(0, Math.min(FIRST_STEP, this.size));
  }

  /** A part of it, in memory; the caller has seen to it that it is small. */
  async slice(start: number, end: number): Promise<Bytes> {
    const bytes = new Uint8Array(end - start);
    let filled = 0;
    for await (const piece of this.#fetch(start, end)) {
      bytes.set(piece, filled);
      filled += piece.length;
    }
    return bytes;
  }

  /**
   * Its bytes from a place on, up to `end` where that is known, in steps that grow; with `all` in one step. Each piece
   * may be used until the next is asked for. What is read from the first byte to the last is verified, before its last
   * bytes are given: who has enough then has read all of it.
   *
   * @throws {MismatchError} when all of it was read and has another digest
   */
  async *from(start: number, { end = this.size, all = false }: FromOptions = {}): AsyncGenerator<Bytes> {
    const hash = start === 0 && end === this.size ? createHash("sha256") : undefined;
    let position = start;
    for await (const piece of this.#inSteps(start, end, all ? Infinity : FIRST_STEP)) {
      position += piece.length;
      hash?.update(piece);
      if (hash && position === end) this.#prove(hash);
      yield piece;
    }
  }

  #prove(hash: Hash): void {
    this.#isWhole = `sha256:${hash.digest("hex")}` === this.digest;
    if (this.#isWhole) return;
    throw corrupted(this.digest);
  }

  async *#inSteps(start: number, end: number, firstStep: number): AsyncGenerator<Bytes> {
    let [position, step] = [start, firstStep];
    if (this.#head && position < this.#head.length) {
      yield this.#head.subarray(position, end);
      position = Math.min(end, this.#head.length);
    }
    while (position < end) {
      const next = Math.min(end, this.wholeOnly ? Infinity : position + step);
      for await (const piece of this.#fetch(position, next)) {
        position += piece.length;
        yield piece;
      }
      step = Math.min(LARGEST_STEP, 2 * step);
    }
  }

  /** A store that gives whole blobs only is asked for the whole blob, and what is not wanted is dropped. */
  async *#fetch(start: number, end: number): AsyncGenerator<Bytes> {
    let position = start;
    if (start >= end) return;
    let offset = this.wholeOnly ? 0 : start;
    try {
      for await (const piece of this.#pull(offset, this.wholeOnly ? this.size : end)) {
        const wanted = piece.subarray(Math.max(0, position - offset), Math.max(0, end - offset));
        offset += piece.length;
        position += wanted.length;
        if (wanted.length > 0) yield wanted;
        if (position === end) return;
      }
    } catch (error) {
      if (!(error instanceof RangeRefusedError) || this.wholeOnly) throw error;
      this.wholeOnly = true;
      this.notice(`the registry gives whole blobs only: all of ${this.digest} is fetched`);
      yield* this.#fetch(position, end);
    }
  }

  async *#pull(start: number, end: number): AsyncGenerator<Bytes> {
    const { digest, size, wholeOnly: orWhole } = this;
    const range = { start, end };
    for await (const piece of pull(this.#store, { ...this.#options, digest, size, range, orWhole })) {
      this.fetched += piece.length;
      this.#isWhole = false;
      yield piece;
    }
  }
}
