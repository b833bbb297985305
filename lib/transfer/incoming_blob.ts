/** A blob that is being fetched into a file: which bytes the file has, and the hash of those before the first gap. @module */
import { writeAllSync } from "../content/write_all.ts";
import { awaitDigest, type FileHasher, type FollowingHash } from "../content/hasher.ts";
import type { ByteRange } from "../content/source.ts";
import { RangeRefusedError } from "../errors.ts";
import type { OnEvent, TransferEvent } from "../events.ts";
import type { BlobReader } from "../store/store.ts";
import { ByteRanges, splitIntoParts } from "./byte_ranges.ts";
import type { PlacedBlob } from "./placed_blob.ts";
import type { RunningParts } from "./running_parts.ts";
import { receive } from "./receive.ts";

/** What is known of blobs in a file: it is asked before the fetching, and written to while bytes arrive. */
export interface FetchLog {
  /** The ranges of a blob that the file may have. They are hashed with the rest, not believed. */
  present(blob: PlacedBlob): readonly ByteRange[];
  /** The file has a range of a blob now. */
  written(blob: PlacedBlob, range: ByteRange): void;
  /** The file has all of a blob, verified. */
  complete(blob: PlacedBlob): void;
  /** The bytes in the file do not have the blob's digest: none of them may be used again. */
  bad(blob: PlacedBlob): void;
}

/** Where blobs are read, and where they are written. */
export interface IncomingOptions {
  store: BlobReader;
  /** The file, open for writing, and large enough. */
  file: Deno.FsFile;
  /** The path of the file, which the hashing threads open themselves. */
  path: string;
  hasher: FileHasher;
  log: FetchLog;
  onEvent?: OnEvent | undefined;
  /** The most that one request asks for, in bytes. */
  partSize: number;
  /** Receives the error that tells that the store gives whole blobs only. */
  onRefused?: ((error: Error) => void) | undefined;
  /** How many bytes of other blobs are fetched after this one; absent = none. */
  after?: number | undefined;
  /** How many parts are fetched at once at the moment. */
  connections: () => number;
  /** The parts of all blobs that are being fetched. */
  running: RunningParts<IncomingBlob>;
  /** After how many bytes of a part the log gets them. */
  logEvery: number;
}

/**
 * What became of a blob. `good` and `bad` compare the bytes in the file with the digest. `refused` = the store gives whole
 * blobs only, so that it has to be fetched as one part.
 */
export type Outcome = "good" | "bad" | "refused";

/** A blob that is fetched in parts. One whose outcome is `bad` or `refused` is given up, and another one takes over. */
export class IncomingBlob {
  /** The blob. */
  readonly blob: PlacedBlob;
  /** The ranges that the file lacks; none where it has everything. An empty blob has an empty one. */
  readonly missing: readonly ByteRange[];
  /** How many of its bytes the file is said to have from before. */
  readonly reused: number;
  readonly #options: IncomingOptions;
  readonly #there: ByteRanges;
  readonly #hash: FollowingHash;
  readonly #progress: Progress;
  #givenUp = false;

  /**
   * Finds out what has to be fetched.
   *
   * @param blob the blob
   * @param present the ranges that the file is said to have: they are hashed with the rest, not believed
   * @param options where the blob comes from, and where it goes
   */
  constructor(blob: PlacedBlob, present: readonly ByteRange[], options: IncomingOptions) {
    this.blob = blob;
    this.#options = options;
    this.#progress = new Progress(options.onEvent);
    this.#there = new ByteRanges(present);
    this.reused = this.#there.bytes;
    this.#hash = options.hasher.followBlob(options.path, blob);
    this.missing = present.length > 0 ? this.#there.gaps(blob.size) : [{ start: 0, end: blob.size }];
  }

  /** What is missing, in parts. Each is as large as suits the connections that there are when it is taken. */
  *parts(): Generator<ByteRange> {
    const { partSize: most, after = 0, connections } = this.#options;
    for (const range of this.missing) {
      yield* splitIntoParts(range, { most, after: this.blob.size - range.end + after, connections });
    }
  }

  /** Whether it is fetched as a whole, with one request. */
  get isWhole(): boolean {
    return this.#options.partSize === Infinity && this.reused === 0;
  }

  /** Reports what need not be fetched, and begins to hash it. */
  begin(): void {
    this.#progress.resume(this.reused);
    this.#hash.advance(this.blob.at + this.#there.beforeGap);
  }

  /** Fetches a part. Gives the outcome of the blob; `undefined` where another part gives it. */
  async fetch(part: ByteRange, signal: AbortSignal): Promise<Outcome | undefined> {
    if (this.#givenUp) return undefined;
    try {
      await this.#receive(part, signal);
    } catch (error) {
      signal.throwIfAborted();
      if (this.#givenUp) return undefined; // another one fetches these bytes by now
      if (!(error instanceof RangeRefusedError)) throw error;
      return this.#giveUp(error);
    }
    if (this.#givenUp) return undefined;
    this.#there.add(part);
    this.#hash.advance(this.blob.at + this.#there.beforeGap);
    return this.#there.beforeGap < this.blob.size ? undefined : await this.verify(signal);
  }

  /** Compares the bytes in the file with the digest. None may be missing. */
  async verify(signal: AbortSignal): Promise<"good" | "bad"> {
    const { at, size, digest } = this.blob;
    const found = await awaitDigest(this.#hash, { start: at, end: at + size }, signal);
    return found === digest ? "good" : "bad";
  }

  /** Takes back the progress that was reported: another one fetches the blob from its beginning. */
  takeBack(): void {
    this.#progress.takeBack();
  }

  /** Ends the other parts, too: from now on the file gets the bytes of the whole blob. */
  #giveUp(refused: Error): "refused" {
    this.drop();
    this.#options.onRefused?.(refused);
    return "refused";
  }

  /** Gives the blob up: another one is fetched in its place. */
  drop(): void {
    this.#givenUp = true;
    this.#hash.drop();
  }

  async #receive(range: ByteRange, signal: AbortSignal): Promise<void> {
    const { digest, size, what, at } = this.blob;
    const { store, file, log, logEvery, running } = this.#options;
    const whole = range.start === 0 && range.end === size;
    // What is asked for as a whole stays so: the store may not give ranges.
    using part = whole || this.isWhole ? undefined : running.begin(this, range);
    using written = new WrittenRange(range.start, logEvery, (range) => {
      log.written(this.blob, range);
      // Bytes that follow those that are there can be hashed before their part is complete.
      if (!this.#givenUp && range.start <= this.#there.beforeGap) this.#hash.advance(at + range.end);
    });
    await receive(store, {
      digest,
      size,
      what,
      range,
      orWhole: whole,
      signal,
      sink: (bytes, offset) => {
        if (this.#givenUp) throw new RangeRefusedError("the blob is fetched as a whole by now");
        file.seekSync(at + offset, Deno.SeekMode.Start);
        writeAllSync(file, bytes);
        written.reach(offset + bytes.length);
        if (part) part.position = offset + bytes.length;
      },
      onEvent: this.#progress.onEvent,
    });
  }
}

/** The progress that was reported of one blob, which may turn out to be in vain. */
class Progress {
  /** Passes an event on, and counts the bytes that moved. */
  readonly onEvent: OnEvent;
  #moved = 0;
  #resumed = 0;
  #takenBack = false;

  constructor(onEvent: OnEvent | undefined) {
    this.onEvent = (event: TransferEvent) => {
      if (event.type === "progress" && this.#takenBack) return; // a part that was on its way
      if (event.type === "progress") this.#moved += event.bytes;
      if (event.type === "resume") this.#resumed += event.bytes;
      onEvent?.(event);
    };
  }

  /** Reports bytes that need not be fetched. */
  resume(bytes: number): void {
    if (bytes !== 0) this.onEvent({ type: "resume", phase: "fetch", bytes });
  }

  /** Takes back all that was reported: the bytes have to be fetched again. */
  takeBack(): void {
    if (this.#moved > 0) this.onEvent({ type: "progress", phase: "fetch", bytes: -this.#moved });
    this.resume(-this.#resumed);
    this.#takenBack = true;
  }
}

/** Gathers the bytes of a part that were written: the log gets them in larger pieces, and the last ones at the end. */
class WrittenRange implements Disposable {
  readonly #every: number;
  readonly #log: (range: ByteRange) => void;
  #start: number;
  #end: number;

  constructor(start: number, every: number, log: (range: ByteRange) => void) {
    this.#start = this.#end = start;
    this.#every = every;
    this.#log = log;
  }

  /** All bytes before an offset of the blob are written. */
  reach(end: number): void {
    this.#end = end;
    if (end - this.#start >= this.#every) this[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    if (this.#start < this.#end) this.#log({ start: this.#start, end: this.#end });
    this.#start = this.#end;
  }
}
