/** Reads the blob of a layer, and fetches no more of it than needed. @module */
import type { Bytes } from "../content/bytes.ts";
import { RangeRefusedError } from "../errors.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { algorithmOf, corrupted, type Digest, DigestHash, hasDigest } from "../oci/digest.ts";
import { withEmbedded } from "../store/embedded.ts";
import type { BlobReader, CallOptions } from "../store/store.ts";
import { pull } from "../transfer/pull.ts";

/** Options for {@link LayerBlob.from}. */
interface FromOptions {
  /** The position after the last byte; absent = the end of the blob. */
  end?: number | undefined;
  /** Fetches everything with one request. */
  all?: boolean;
}

/** The size of the first request, where nobody knows how much will be needed. Each further one is twice as large. */
const FIRST_STEP = 32 * 1024;
const LARGEST_STEP = 16 * 1024 * 1024;

const EMPTY = new Uint8Array();

/** A blob that can be read from any position, and that counts what it fetched. */
export class LayerBlob {
  readonly digest: Digest;
  /** In bytes. */
  readonly size: number;
  /** The media type in the manifest, which may be wrong. */
  readonly mediaType: string;
  /** The annotations of its descriptor. */
  readonly annotations: Readonly<Record<string, string>>;
  /** The number of bytes fetched so far. Bytes that were fetched twice count twice. */
  fetched = 0;
  /** Whether it was last read through a table of contents whose digest the manifest has. */
  hasProvenTable = false;
  /** Whether the store can only give whole blobs, so that skipping bytes saves nothing. */
  wholeOnly = false;
  readonly #store: BlobReader;
  readonly #options: CallOptions;
  #head: Bytes | undefined;
  /** Whether the last reading was verified. A server may give the right bytes once and others later. */
  #isWhole = false;

  /** Fetches nothing yet. */
  constructor(
    store: BlobReader,
    descriptor: Descriptor,
    options: CallOptions,
  ) {
    const { digest, size, mediaType, annotations = {} } = descriptor;
    this.digest = digest;
    this.mediaType = mediaType;
    this.annotations = annotations;
    this.size = size;
    this.#store = withEmbedded(store, descriptor);
    this.#options = options;
  }

  /** Whether what was read is verified by the digest of the whole blob. An empty blob needs no reading. */
  get proven(): boolean {
    return this.#isWhole || this.size === 0 && hasDigest(EMPTY, this.digest);
  }

  /** Ends every reading; each then rejects with the signal's reason. */
  get signal(): AbortSignal | undefined {
    return this.#options.signal;
  }

  /** Reports a notice. */
  notice(message: string): void {
    (this.#options.onEvent ?? this.#store.onEvent)?.({ type: "notice", message });
  }

  /** Its first 32 KiB, or all of a smaller blob. */
  async head(): Promise<Bytes> {
    return this.#head ??= await this.slice(0, Math.min(FIRST_STEP, this.size));
  }

  /** A range of its bytes, in memory. The caller limits the size. */
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
   * Its bytes from a position on, fetched by requests that grow. Each piece is valid until the next is requested. A
   * reading from the first byte to the last is verified before its last piece is given.
   *
   * @throws {MismatchError} if the whole blob was read and has another digest
   */
  async *from(start: number, { end = this.size, all = false }: FromOptions = {}): AsyncGenerator<Bytes> {
    const hash = start === 0 && end === this.size ? new DigestHash(algorithmOf(this.digest)) : undefined;
    let position = start;
    for await (const piece of this.#inSteps(start, end, all ? Infinity : FIRST_STEP)) {
      position += piece.length;
      hash?.update(piece);
      if (hash && position === end) this.#prove(hash);
      yield piece;
    }
  }

  #prove(hash: DigestHash): void {
    this.#isWhole = hash.digest() === this.digest;
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

  /** Fetches a range. If the store can only give whole blobs, fetches all of it and drops what is not wanted. */
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
