/** A source that is sent to a registry: read as often as it has to be sent, and counted as its bytes go out. @module */
import { abortable } from "../../async/abortable.ts";
import { exactly } from "../../content/byte_stream.ts";
import { RunningHash } from "../../content/running_hash.ts";
import { MismatchError, RegistryError } from "../../errors.ts";
import type { Source } from "../../content/source.ts";
import { countAttempt, type FailedAttempt } from "../../async/retry.ts";
import type { Bytes, ByteStream } from "../../content/bytes.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import type { Digest } from "../../oci/digest.ts";
import { OCTET_STREAM } from "../../oci/media_types.ts";
import { type HeldPart, ReplayBuffer } from "./replay_buffer.ts";
import type { WriteOptions } from "../../store/store.ts";

/** A reading of the source. */
interface OpenedSource {
  reader: ReadableStreamDefaultReader<Bytes>;
  /** Stops listening to the signal, which may be that of many chunks. */
  end(): void;
}

/** The bytes of one blob, over all attempts to send them. */
export class CountedSource {
  /** The source. */
  readonly content: Source;
  readonly signal: AbortSignal | undefined;
  readonly #options: WriteOptions;
  /** The bytes that were reported, as sent or as kept by the registry. */
  #counted = 0;
  /** How they were reported, in their order. */
  readonly #reports: { type: "progress" | "resume"; bytes: number }[] = [];
  /** Changes with each correction of the count: a request that has failed may still read a piece, which must not count. */
  #counting = 0;
  #parts: ReplayBuffer | undefined;
  /** Where the parts begin. */
  #first = 0;
  /** The most bytes that ever arrived, over all sessions, and the attempts that have failed since then. */
  #farthest = 0;
  #attempts = 0;
  /** Whether anything of the source was read. */
  #begun = false;
  /** The hash of what goes out; absent where the source knows its digest, or hashes its bytes itself. */
  #hash: RunningHash | undefined;
  /** Whether a session may be resumed after a break. */
  resumable = true;
  /** The failure of the source itself, which no other attempt would mend. */
  unreadable: { error: unknown } | undefined;

  /**
   * Reads nothing yet.
   *
   * @param content the bytes
   * @param options the signal, and the channel for progress
   */
  constructor(content: Source, options: WriteOptions) {
    this.content = content;
    this.signal = options.signal;
    this.#options = options;
    const { size, once, known } = content;
    if (size !== undefined && !once && !known && !options.checkFirst) this.#hash = new RunningHash();
  }

  /** The bytes from `start` to `end`, counted as they are read. */
  stream(start?: number, end?: number): ByteStream {
    const counting = this.#counting;
    let offset = start ?? 0;
    if (this.#hash && offset > this.#hash.position) this.#hash = undefined; // an earlier process sent what is before
    if (!this.#hash) this.content.digest().catch(() => {}); // hashed beside the sending; a failure shows in `digest`
    let opened: OpenedSource | undefined;
    return new ReadableStream({
      pull: async (controller) => {
        this.#begun = true;
        opened ??= this.#open(start, end); // not before: a request may fail before its body is read
        const { done, value } = await opened.reader.read().catch((error) => {
          this.unreadable = { error };
          throw error;
        });
        this.signal?.throwIfAborted(); // a source that was cancelled has ended too
        if (done) return opened.end(), controller.close();
        this.#hash?.see(value, offset);
        offset += value.length;
        if (counting === this.#counting) this.#count("progress", value.length);
        controller.enqueue(value);
      },
      cancel: async (reason) => {
        opened?.end();
        await opened?.reader.cancel(reason);
      },
    }, { highWaterMark: 0 });
  }

  /** Opens the source. The signal cancels a read that waits for bytes, as of standard input. */
  #open(start?: number, end?: number): OpenedSource {
    const { size } = this.content;
    const expected = size === undefined ? undefined : (end ?? size) - (start ?? 0);
    const reader = exactly(this.content.open(start, end), expected).getReader();
    const stop = () => void reader.cancel(this.signal?.reason).catch(() => {});
    this.signal?.addEventListener("abort", stop);
    return { reader, end: () => this.signal?.removeEventListener("abort", stop) };
  }

  /** Whether its parts are held until they have arrived: it can be read only once, or makes its bytes anew each time. */
  get isHeld(): boolean {
    return this.content.once === true || this.content.size === undefined;
  }

  /** Of a source whose parts are held: the part that is being sent, at first the first. */
  async part(size: number): Promise<HeldPart | undefined> {
    this.#parts ??= new ReplayBuffer(this.stream(this.#first), { size, first: this.#first });
    return this.#parts.held ?? await this.#parts.next();
  }

  /** Of such a source: the next part, when the one before has arrived; `undefined` = that was the last. */
  async nextPart(): Promise<HeldPart | undefined> {
    return await this.#parts?.next();
  }

  /** Of such a source: all bytes, if they fit into a part of this size; `undefined` = they do not. */
  async whole(size: number): Promise<Bytes | undefined> {
    const part = await this.part(size);
    if (!part) return new Uint8Array();
    return part.first === 0 && await this.#parts?.atEnd() ? part.bytes : undefined;
  }

  /** Of such a source: all bytes that have not arrived, as one stream. They cannot be sent again. */
  rest(): ByteStream {
    const parts = this.#parts;
    this.#parts = undefined;
    return parts?.rest() ?? this.stream();
  }

  /**
   * Corrects the count to what the registry has: more bytes need not go out; fewer go out again, and are taken back as
   * they were reported, so that no byte that goes out again counts as kept.
   */
  standAt(offset: number): void {
    this.#counting++;
    if (offset > this.#counted) this.#count("resume", offset - this.#counted);
    while (offset < this.#counted) this.#takeBack(this.#counted - offset);
  }

  /** Begins at what the registry has, over a session that no byte was sent over yet. */
  beginAt(offset: number): void {
    [this.#parts, this.#first] = [undefined, offset];
    this.standAt(offset);
  }

  #count(type: "progress" | "resume", bytes: number): void {
    const last = this.#reports.at(-1);
    if (last?.type === type) last.bytes += bytes;
    else this.#reports.push({ type, bytes });
    this.#report(type, bytes);
  }

  /** Takes back bytes of the newest report, as many as it has. */
  #takeBack(most: number): void {
    const last = this.#reports.at(-1)!;
    const bytes = Math.min(most, last.bytes);
    last.bytes -= bytes;
    if (last.bytes === 0) this.#reports.pop();
    this.#report(last.type, -bytes);
  }

  #report(type: "progress" | "resume", bytes: number): void {
    this.#counted += bytes;
    this.#options.onEvent?.({ type, phase: "send", bytes });
  }

  /** Notes how many bytes have arrived. If these are more than ever before, failed attempts are counted from 0 again. */
  reached(offset: number): void {
    if (offset > this.#farthest) this.#attempts = 0;
    this.#farthest = Math.max(offset, this.#farthest);
  }

  /** Counts an attempt that failed. */
  failed(error: unknown): FailedAttempt {
    this.#attempts = countAttempt(this.#attempts, error);
    return { error, what: this.#options.what ?? "a blob", attempt: this.#attempts };
  }

  /** Throws the error if the source cannot be sent again. */
  requireAnother(error: unknown): void {
    this.signal?.throwIfAborted();
    if (this.unreadable) throw this.unreadable.error;
    const holdsAll = this.#parts?.held?.first === 0;
    if (this.content.once && this.#begun && !holdsAll) throw cannotReadAgain(error);
  }

  /** The digest of all bytes. */
  async digest(): Promise<Digest> {
    const hashed = this.#hash?.digest(this.content.size!);
    if (hashed) return hashed;
    this.#hash = undefined; // it is wanted before the bytes go out
    return await abortable(this.content.digest(), this.signal);
  }

  /** The descriptor of the blob, when all of it was sent. */
  async descriptor(): Promise<Descriptor> {
    const { size = this.#counted } = this.content;
    return { mediaType: OCTET_STREAM, digest: await this.digest(), size };
  }
}

const READ_ONCE =
  "this input can be read only once, so the chunk cannot be sent again; store a file instead, or start over";

function cannotReadAgain(error: unknown): unknown {
  if (error instanceof MismatchError) return error.with({ hint: READ_ONCE, cause: error });
  if (!(error instanceof RegistryError)) return error;
  return error.with({ hint: READ_ONCE, cause: error, transient: false });
}
