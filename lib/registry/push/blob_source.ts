/** A source on its way to a registry: opened as often as it has to be, and counted as it goes. @module */
import { abortable } from "../../async/abortable.ts";
import { exactly } from "../../content/byte_stream.ts";
import { MismatchError, RegistryError } from "../../errors.ts";
import type { Source } from "../../content/source.ts";
import type { FailedAttempt } from "../../async/retry.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import type { Digest } from "../../oci/digest.ts";
import { OCTET_STREAM } from "../../oci/media_types.ts";
import { type HeldPart, ReplayBuffer } from "./replay_buffer.ts";
import type { WriteOptions } from "../../store/store.ts";

/** A source that is being read. */
interface OpenedSource {
  reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>;
  /** Says that the signal need not let go of it any more: there is one signal for all the chunks. */
  end(): void;
}

/** One blob that is sent, in as many attempts as it takes. */
export class BlobSource {
  readonly source: Source;
  readonly signal: AbortSignal | undefined;
  readonly #options: WriteOptions;
  /** The bytes that went out and, as far as is known, arrived. */
  #counted = 0;
  /** Counts how often the bytes were counted anew: a request that has failed may still take a piece. */
  #counting = 0;
  #parts: ReplayBuffer | undefined;
  /** The most that ever arrived, over all sessions, and the attempts since then. */
  #farthest = 0;
  #attempts = 0;
  /** Whether the source was opened. */
  #begun = false;
  /** Whether a session is gone on with after a break. */
  resumable = true;
  /** What went wrong with the source: nothing that another attempt would mend. */
  unreadable: { error: unknown } | undefined;

  /** @param options the signal, and whom to tell */
  constructor(source: Source, options: WriteOptions) {
    this.source = source;
    this.signal = options.signal;
    this.#options = options;
  }

  /** The bytes, counted as they go. */
  stream(start?: number, end?: number): ReadableStream<Uint8Array<ArrayBuffer>> {
    const counting = this.#counting;
    let opened: OpenedSource | undefined;
    return new ReadableStream({
      pull: async (controller) => {
        this.#begun = true;
        opened ??= this.#open(start, end); // not before: a request may fail ahead of its body
        const { done, value } = await opened.reader.read().catch((error) => {
          this.unreadable = { error };
          throw error;
        });
        this.signal?.throwIfAborted(); // a source that was let go of has ended too
        if (done) return opened.end(), controller.close();
        if (counting === this.#counting) this.#count(value.length);
        controller.enqueue(value);
      },
      cancel: async (reason) => {
        opened?.end();
        await opened?.reader.cancel(reason);
      },
    }, { highWaterMark: 0 });
  }

  /** Opens the source. One that has nothing to say for the moment, as standard input, is let go of by the signal. */
  #open(start?: number, end?: number): OpenedSource {
    const { size } = this.source;
    const expected = size === undefined ? undefined : (end ?? size) - (start ?? 0);
    const reader = exactly(this.source.open(start, end), expected).getReader();
    const stop = () => void reader.cancel(this.signal?.reason).catch(() => {});
    this.signal?.addEventListener("abort", stop);
    return { reader, end: () => this.signal?.removeEventListener("abort", stop) };
  }

  /** The part of a source that can be read once only which is on its way; the first one to begin with. */
  async part(size: number): Promise<HeldPart | undefined> {
    this.#parts ??= new ReplayBuffer(this.stream(), size);
    return this.#parts.held ?? await this.#parts.next();
  }

  /** The part behind that, when that has arrived; `undefined` = there is none. */
  async nextPart(): Promise<HeldPart | undefined> {
    return await this.#parts?.next();
  }

  /** All of such a source that has not arrived, at one go: then it cannot be sent again. */
  rest(): ReadableStream<Uint8Array<ArrayBuffer>> {
    const parts = this.#parts;
    this.#parts = undefined;
    return parts?.rest() ?? this.stream();
  }

  /** The registry has so many bytes: what was counted beyond goes out again, what was not counted need not go out. */
  standAt(offset: number): void {
    this.#counting++;
    const difference = offset - this.#counted;
    this.#counted = offset;
    if (difference > 0) this.#report("resume", difference);
    else if (difference < 0) this.#report("progress", difference);
  }

  #count(bytes: number): void {
    this.#counted += bytes;
    this.#report("progress", bytes);
  }

  #report(type: "progress" | "resume", bytes: number): void {
    this.#options.onEvent?.({ type, phase: "send", bytes });
  }

  /** So many bytes have arrived: where that is more than ever before, the attempts are counted anew. */
  reached(offset: number): void {
    if (offset > this.#farthest) this.#attempts = 0;
    this.#farthest = Math.max(offset, this.#farthest);
  }

  /** Counts an attempt that failed. */
  failed(error: unknown): FailedAttempt {
    return { error, what: this.#options.what ?? "a blob", attempt: ++this.#attempts };
  }

  /** Throws the error on where the source cannot be sent once more. */
  requireAnother(error: unknown): void {
    this.signal?.throwIfAborted();
    if (this.unreadable) throw this.unreadable.error;
    const holdsAll = this.#parts?.held?.first === 0;
    if (this.source.once && this.#begun && !holdsAll) throw cannotReadAgain(error);
  }

  /** The digest of all the bytes, when it is known. */
  async digest(): Promise<Digest> {
    return await abortable(this.source.digest(), this.signal);
  }

  /** What was sent, when all of it was. */
  async descriptor(): Promise<Descriptor> {
    const { size = this.#counted } = this.source;
    return { mediaType: OCTET_STREAM, digest: await this.digest(), size };
  }
}

const READ_ONCE =
  "this input can be read only once, so the chunk cannot be sent again; store a file instead, or start over";

function cannotReadAgain(error: unknown): unknown {
  if (error instanceof MismatchError) return error.with({ hint: READ_ONCE, cause: error });
  if (!(error instanceof RegistryError)) return error;
  const { message, status, codes } = error;
  return new RegistryError(message, { status, codes, hint: READ_ONCE, cause: error }); // which is not transient
}
