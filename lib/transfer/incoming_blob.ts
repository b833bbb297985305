/** One blob on its way into a file: what is there, what is missing, and its hash, which follows the first gap. @module */
import { awaitDigest, type FollowingHash, type Hasher } from "../content/hasher.ts";
import { RangeRefusedError } from "../errors.ts";
import type { OnEvent } from "../events.ts";
import type { Digest } from "../oci/digest.ts";
import type { ByteRange } from "../content/source.ts";
import type { Store } from "../store/store.ts";
import { ByteRanges, cut } from "./byte_ranges.ts";
import { receive } from "./receive.ts";

/** A blob and its place in the file. */
export interface PlacedBlob {
  digest: Digest;
  /** In bytes. */
  size: number;
  /** Where its first byte belongs in the file. */
  position: number;
}

/** Where blobs come from, and where they go. */
export interface IncomingOptions<B extends PlacedBlob> {
  store: Store;
  /** The file, open for writing, and large enough. */
  file: Deno.FsFile;
  /** The same file's path: the hashing threads open it themselves. */
  path: string;
  hasher: Hasher;
  onEvent?: OnEvent | undefined;
  /** What a blob is, for messages; absent = the blob with its digest. */
  what?: ((blob: B) => string) | undefined;
  /** Told of bytes that are in the file now, as a range of the blob. */
  onWritten?: ((blob: B, range: ByteRange) => void) | undefined;
  /** The most that one request asks for, in bytes. */
  partSize: number;
  /** After how many bytes of a part what is written is told. */
  reportEvery: number;
}

/** A blob that is fetched in parts. */
export class IncomingBlob<B extends PlacedBlob> {
  /** The blob. */
  readonly blob: B;
  /** What has to be fetched; none where everything is there. */
  readonly parts: readonly ByteRange[];
  readonly #options: IncomingOptions<B>;
  /** The bytes that were there before. */
  #reused: number;
  readonly #there: ByteRanges;
  #hash: FollowingHash;
  /** The bytes that were told as progress. */
  #moved = 0;
  /** Set where the store gives whole blobs only. */
  #whole: Promise<boolean> | undefined;

  /**
   * Looks at what is to be done.
   *
   * @param blob the blob
   * @param have what is said to be in the file: it is hashed with the rest, not believed
   * @param options where it comes from, and where it goes
   */
  constructor(blob: B, have: readonly ByteRange[], options: IncomingOptions<B>) {
    this.blob = blob;
    this.#options = options;
    this.#there = new ByteRanges(have);
    this.#reused = this.#there.bytes;
    this.#hash = options.hasher.follow(options.path, blob.position);
    const missing = have.length > 0 ? this.#there.gaps(blob.size) : [{ start: 0, end: blob.size }];
    this.parts = missing.flatMap((range) => [...cut(range, options.partSize)]);
  }

  /** Whether bytes that were there before are a part of it. */
  get reusesBytes(): boolean {
    return this.#reused > 0;
  }

  /** Tells what need not be fetched, and begins to hash it. */
  begin(): void {
    if (this.reusesBytes) this.#tell("resume", this.#reused);
    this.#hash.advance(this.blob.position + this.#there.beforeGap);
  }

  /** Fetches a part. Gives what `verify` gives when it was the last one; `undefined` while others are missing. */
  async fetch(part: ByteRange, signal: AbortSignal): Promise<boolean | undefined> {
    try {
      if (!this.#whole) await this.#receive(part, signal);
      if (!this.#whole) return await this.#arrived(part, signal);
    } catch (error) {
      if (!(error instanceof RangeRefusedError)) throw error;
      if (!this.#whole) return await (this.#whole = this.#fetchWhole(error, signal));
    }
    await this.#whole;
    return undefined;
  }

  /** Whether the bytes in the file are the blob's. Nothing may be missing. */
  async verify(signal: AbortSignal): Promise<boolean> {
    const { position, size, digest } = this.blob;
    return await awaitDigest(this.#hash, { start: position, end: position + size }, signal) === digest;
  }

  /** Takes back what was told of it: it has to be fetched again. */
  giveBack(): void {
    if (this.#moved > 0) this.#tell("progress", -this.#moved);
    if (this.reusesBytes && this.parts.length > 0) this.#tell("resume", -this.#reused);
    this.#moved = this.#reused = 0;
  }

  #tell(type: "progress" | "resume", bytes: number): void {
    this.#options.onEvent?.({ type, phase: "fetch", bytes });
  }

  /** Begins again, on one connection. What was there is dropped: it may be overwritten with other bytes. */
  async #fetchWhole(refused: Error, signal: AbortSignal): Promise<boolean> {
    const { onEvent, hasher, path } = this.#options;
    const { position, size } = this.blob;
    onEvent?.({ type: "notice", message: `${refused.message}: one connection for each chunk` });
    this.giveBack();
    this.#hash.drop();
    this.#hash = hasher.follow(path, position);
    const all = { start: 0, end: size };
    await this.#receive(all, signal);
    return await this.verify(signal);
  }

  async #receive(range: ByteRange, signal: AbortSignal): Promise<void> {
    const { digest, size } = this.blob;
    const orWhole = range.start === 0 && range.end === size;
    const report = this.#reporter(range.start);
    try {
      await receive(this.#options.store, {
        digest,
        size,
        what: this.#options.what?.(this.blob),
        range,
        orWhole,
        signal,
        sink: (bytes, offset) => {
          if (this.#whole && !orWhole) throw new RangeRefusedError("the blob is read as a whole by now");
          this.#write(bytes, offset);
          report.reached(offset + bytes.length);
        },
        onEvent: (event) => {
          if (event.type === "progress") this.#moved += event.bytes;
          this.#options.onEvent?.(event);
        },
      });
    } finally {
      report.end();
    }
  }

  #write(bytes: Uint8Array, offset: number): void {
    const { file } = this.#options;
    file.seekSync(this.blob.position + offset, Deno.SeekMode.Start);
    for (let written = 0; written < bytes.length;) written += file.writeSync(bytes.subarray(written));
  }

  /** Tells what is written: not every piece, but never more than `reportEvery` bytes late. */
  #reporter(start: number): { reached(offset: number): void; end(): void } {
    const { onWritten, reportEvery } = this.#options;
    let [told, reached] = [start, start];
    const tell = () => {
      if (told < reached) onWritten?.(this.blob, { start: told, end: reached });
      told = reached;
    };
    return {
      reached: (offset) => {
        reached = offset;
        if (reached - told >= reportEvery) tell();
      },
      end: tell,
    };
  }

  async #arrived(part: ByteRange, signal: AbortSignal): Promise<boolean | undefined> {
    const { size, position } = this.blob;
    this.#there.add(part);
    this.#hash.advance(position + this.#there.beforeGap);
    return this.#there.beforeGap < size ? undefined : await this.verify(signal);
  }
}
