/** Bodies of answers, which fail when no bytes come for too long. @module */
import type { Bytes, ByteStream } from "../content/bytes.ts";
import { RegistryError } from "../errors.ts";
import { GatheredPieces } from "./gathered_pieces.ts";
import type { RateLimit } from "./rate_limit.ts";
import { inWords } from "../messages.ts";
import { LONGEST_TIMER } from "./timeouts.ts";
import type { HttpRequest } from "./request.ts";

/** The size of the buffers that readers without one get, in bytes. */
const BUFFER = 64 * 1024;
/** A body may be slow for so many times the silence that is allowed. After that it has to bring this many bytes a second. */
const SLOW_START = 5;
const SLOWEST = 1000;

/** The request whose answer is watched, and for how many milliseconds its body may be silent. */
export interface Watch {
  request: HttpRequest;
  milliseconds: number;
  /** Called with the error when the body fell silent; it returns the error to throw. */
  giveUp: (error: RegistryError) => RegistryError;
  /** The rate limit of all connections; absent = none. */
  limit: RateLimit | undefined;
}

/**
 * The body of an answer, which fails when no bytes come for too long. Time counts only while somebody reads. The signal
 * ends it too: Deno's fetch may lose its own link to the signal after the headers, in a garbage collection.
 */
export function watched(body: ByteStream, watch: Watch): ByteStream {
  const reader = byobReaderOf(body);
  if (!reader) return watchedPlain(body.getReader(), watch);
  const watchdog = new Watchdog(reader, watch);
  const gathered = new GatheredPieces((view) => reader.read(view));
  const { limit } = watch;
  const read = (view: Bytes) => limit ? reader.read(view.subarray(0, limit.piece)) : gathered.into(view);
  return new ReadableStream({
    type: "bytes",
    autoAllocateChunkSize: BUFFER,
    async pull(controller) {
      const wanted = controller.byobRequest!;
      const { done, value } = await watchdog.during(() => read(wanted.view as Bytes));
      if (done) controller.close();
      if (value) wanted.respondWithNewView(value);
    },
    cancel: (reason) => watchdog.cancel(reason),
  });
}

/** Watches a stream that makes its own buffers. */
function watchedPlain(
  reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>,
  watch: Watch,
): ByteStream {
  const watchdog = new Watchdog(reader, watch);
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await watchdog.during(() => reader.read());
      if (done) controller.close();
      else controller.enqueue(value);
    },
    cancel: (reason) => watchdog.cancel(reason),
  }, { highWaterMark: 0 });
}

/**
 * Watches the reads of one body. All of them share one timer and one listener: there may be a hundred thousand reads.
 * Cancelling the body ends the read that waits.
 */
class Watchdog {
  readonly #reader: { cancel(reason: unknown): Promise<void> };
  readonly #watch: Watch;
  #waitingSince: number | undefined;
  /** How long the reads that have ended waited, in milliseconds, and how many bytes they brought. */
  #waited = 0;
  #bytes = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #failure: { error: unknown } | undefined;

  constructor(reader: { cancel(reason: unknown): Promise<void> }, watch: Watch) {
    this.#reader = reader;
    this.#watch = watch;
    watch.request.signal?.addEventListener("abort", this.#stop);
  }

  /** Waits for a read. If it fails, or no bytes come, the connection is closed. */
  async during<T extends { done: boolean; value?: Uint8Array | undefined }>(
    read: () => Promise<T>,
  ): Promise<T> {
    const { request: { signal }, limit } = this.#watch;
    try {
      signal?.throwIfAborted();
      this.#waitingSince = performance.now();
      this.#timer ??= this.#ring(this.#watch.milliseconds);
      const result = await read();
      this.#waited += performance.now() - this.#waitingSince;
      this.#bytes += result.value?.length ?? 0;
      this.#waitingSince = undefined;
      if (this.#failure) throw this.#failure.error;
      if (limit && result.value) await limit.take(result.value.length, signal);
      if (result.done) this.#end();
      return result;
    } catch (error) {
      this.cancel(error).catch(() => {});
      signal?.throwIfAborted();
      if (error instanceof RegistryError) throw error;
      const why = error instanceof Error ? error.message : String(error);
      throw new RegistryError(`the connection broke: ${why}`, { transient: true, cause: error });
    }
  }

  /** Cancels the body. */
  async cancel(reason: unknown): Promise<void> {
    this.#end();
    await this.#reader.cancel(reason);
  }

  readonly #stop = () => this.#fail(this.#watch.request.signal?.reason);

  #fail(error: unknown): void {
    this.#failure = { error };
    this.cancel(error).catch(() => {});
  }

  #ring(milliseconds: number): ReturnType<typeof setTimeout> | undefined {
    if (milliseconds === Infinity) return undefined;
    const timer = setTimeout(() => this.#look(), Math.min(milliseconds, LONGEST_TIMER));
    Deno.unrefTimer(Number(timer)); // a body that nobody reads does not keep the process alive
    return timer;
  }

  /** Fails the body if a read has waited for too long, or if all of them have, for the bytes that they brought. */
  #look(): void {
    this.#timer = undefined;
    if (this.#waitingSince === undefined) return;
    const { request, milliseconds, giveUp } = this.#watch;
    const silent = performance.now() - this.#waitingSince;
    const patience = SLOW_START * milliseconds + this.#bytes / SLOWEST * 1000;
    const left = Math.min(milliseconds - silent, patience - this.#waited - silent);
    if (left > 0) return void (this.#timer = this.#ring(left));
    const [what, time] = silent < milliseconds
      ? ["hardly anything", this.#waited + silent]
      : ["nothing", milliseconds];
    this.#fail(giveUp(silence(`${what} came from ${request.url.host}`, request, time)));
  }

  #end(): void {
    clearTimeout(this.#timer);
    this.#waitingSince = undefined;
    this.#watch.request.signal?.removeEventListener("abort", this.#stop);
  }
}

function byobReaderOf(body: ByteStream): ReadableStreamBYOBReader | undefined {
  try {
    return body.getReader({ mode: "byob" });
  } catch {
    return undefined;
  }
}

/** The error for a connection on which nothing moves. */
export function silence(
  what: string,
  { what: wanted, method }: HttpRequest,
  milliseconds: number,
): RegistryError {
  const asked = wanted === undefined ? `a ${method}` : `the request for ${wanted}`;
  return new RegistryError(`${what} for ${inWords(milliseconds)}, at ${asked}`, {
    transient: true,
    hint: "check the network; what has arrived by then is not sent or fetched again",
  });
}
