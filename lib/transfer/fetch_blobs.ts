/** Brings blobs into one file: several parts at once, each written where it belongs, each blob verified. @module */
import { storageError } from "../content/atomic_file.ts";
import type { FollowingHash, Hasher } from "../content/hasher.ts";
import { MismatchError, RangeRefusedError } from "../errors.ts";
import type { OnEvent } from "../events.ts";
import type { Digest } from "../oci/digest.ts";
import type { ByteRange, Store } from "../registry/store.ts";
import { inParallel } from "./pool.ts";
import { receive } from "./receive.ts";

/** A blob and its place in the file. */
export interface PlacedBlob {
  digest: Digest;
  /** In bytes. */
  size: number;
  /** Where its first byte belongs in the file. */
  position: number;
}

/** How blobs are fetched. */
export interface FetchOptions<B extends PlacedBlob> {
  /** The file, which exists and is large enough. */
  path: string;
  hasher: Hasher;
  /** How many parts are on their way at once. */
  jobs: number;
  onEvent?: OnEvent | undefined;
  signal?: AbortSignal | undefined;
  /** Told of each blob when it is in the file and verified. */
  onBlob?: (blob: B) => void;
}

/** The size of one range request, in bytes. */
const PART = 32 * 1024 * 1024;

/**
 * Fetches blobs into a file.
 *
 * @throws {MismatchError} when bytes that arrived have not the blob's digest
 */
export async function fetchBlobs<B extends PlacedBlob>(
  store: Store,
  blobs: Iterable<B>,
  options: FetchOptions<B>,
): Promise<void> {
  const { jobs, signal, path } = options;
  using file = await Deno.open(path, { write: true });
  const write = (bytes: Uint8Array, position: number) => {
    file.seekSync(position, Deno.SeekMode.Start);
    for (let offset = 0; offset < bytes.length;) offset += file.writeSync(bytes.subarray(offset));
  };
  try {
    await inParallel(
      partsOf(blobs, store, { ...options, write }),
      { jobs, signal },
      (part, each) => part(each),
    );
    await file.syncData();
  } catch (error) {
    throw storageError(error, path);
  }
}

type Part = (signal: AbortSignal) => Promise<void>;
type Context<B extends PlacedBlob> = FetchOptions<B> & { write(bytes: Uint8Array, position: number): void };

function* partsOf<B extends PlacedBlob>(
  blobs: Iterable<B>,
  store: Store,
  context: Context<B>,
): Generator<Part> {
  for (const blob of blobs) {
    const incoming = new IncomingBlob(blob, store, context);
    for (const range of cut(blob.size)) yield (signal) => incoming.fetch(range, signal);
  }
}

/** Cuts a blob into the ranges that are asked for; an empty blob is one empty range. */
function* cut(size: number): Generator<ByteRange> {
  for (let start = 0; start < size || start === 0; start += PART) {
    yield { start, end: Math.min(size, start + PART) };
  }
}

/** A blob on its way: which of its parts are there, and its hash, which follows the first gap. */
class IncomingBlob<B extends PlacedBlob> {
  readonly #blob: B;
  readonly #store: Store;
  readonly #context: Context<B>;
  #hash: FollowingHash;
  /** Parts that are there but for a gap before them: end by start. */
  readonly #ahead: Map<number, number> = new Map();
  #complete = 0;
  /** The bytes that were told as progress. */
  #moved = 0;
  /** Set where the store gives whole blobs only. */
  #whole: Promise<void> | undefined;

  constructor(blob: B, store: Store, context: Context<B>) {
    this.#blob = blob;
    this.#store = store;
    this.#context = context;
    this.#hash = context.hasher.follow(context.path, blob.position);
  }

  async fetch(range: ByteRange, signal: AbortSignal): Promise<void> {
    try {
      if (!this.#whole) await this.#receive(range, signal);
      if (!this.#whole) return await this.#arrived(range);
    } catch (error) {
      if (!(error instanceof RangeRefusedError)) throw error;
      this.#whole ??= this.#fetchWhole(error, signal);
    }
    await this.#whole;
  }

  /** Begins again, on one connection. What has come in parts is dropped: it may be overwritten with other bytes. */
  async #fetchWhole(refused: Error, signal: AbortSignal): Promise<void> {
    const { onEvent, hasher, path } = this.#context;
    const { position, size } = this.#blob;
    onEvent?.({ type: "notice", message: `${refused.message}: one connection for each chunk` });
    if (this.#moved > 0) onEvent?.({ type: "progress", phase: "fetch", bytes: -this.#moved });
    this.#hash.drop();
    this.#hash = hasher.follow(path, position);
    this.#ahead.clear();
    this.#complete = 0;
    const all = { start: 0, end: size };
    await this.#receive(all, signal);
    await this.#arrived(all);
  }

  async #receive(range: ByteRange, signal: AbortSignal): Promise<void> {
    const { digest, size, position } = this.#blob;
    const { write, onEvent } = this.#context;
    const orWhole = range.start === 0 && range.end === size;
    await receive(this.#store, {
      digest,
      size,
      range,
      orWhole,
      signal,
      sink: (bytes, offset) => {
        if (this.#whole && !orWhole) throw new RangeRefusedError("the blob is read as a whole by now");
        write(bytes, position + offset);
      },
      onEvent: (event) => {
        if (event.type === "progress") this.#moved += event.bytes;
        onEvent?.(event);
      },
    });
  }

  async #arrived({ start, end }: ByteRange): Promise<void> {
    const { size, position, digest } = this.#blob;
    this.#ahead.set(start, end);
    for (
      let next = this.#ahead.get(this.#complete);
      next !== undefined;
      next = this.#ahead.get(this.#complete)
    ) {
      this.#ahead.delete(this.#complete);
      this.#complete = next;
      if (next === 0) break;
    }
    this.#hash.advance(position + this.#complete);
    if (this.#complete < size) return;
    const found = await this.#hash.digest(position + size);
    if (found !== digest) {
      throw new MismatchError(`the blob ${digest} is corrupted: its bytes have the digest ${found}`);
    }
    this.#context.onBlob?.(this.#blob);
  }
}
