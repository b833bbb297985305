/** Bodies of answers, which fail when nothing comes for too long. @module */
import { RegistryError } from "../errors.ts";
import type { RateLimit } from "./rate_limit.ts";
import { inTime, inWords } from "./timeouts.ts";
import type { HttpRequest } from "./request.ts";

/** The size of the buffers that are made for readers without one, in bytes. */
const BUFFER = 64 * 1024;

/** Whose body is watched, and for how long it may be silent, in milliseconds. */
export interface Watch {
  request: HttpRequest;
  milliseconds: number;
  /** Told when it fell silent. */
  giveUp: (error: RegistryError) => RegistryError;
  /** What all connections together are held to; absent = nothing. */
  limit: RateLimit | undefined;
}

/**
 * The body of an answer, which fails when nothing comes for too long. The clock runs only while somebody reads. The
 * signal is looked at here too: Deno's fetch may lose it once the headers are there, when memory is tidied up.
 */
export function watched(body: Bytes, watch: Watch): Bytes {
  const wait = waiterFor(watch);
  const reader = byobReaderOf(body);
  if (!reader) return watchedPlain(body.getReader(), wait);
  return new ReadableStream({
    type: "bytes",
    autoAllocateChunkSize: BUFFER,
    async pull(controller) {
      const wanted = controller.byobRequest!;
      const view = wanted.view as Uint8Array<ArrayBuffer>;
      const { done, value } = await wait(() => reader.read(view.subarray(0, watch.limit?.piece)), reader);
      if (done) controller.close();
      if (value) wanted.respondWithNewView(value);
    },
    cancel: (reason) => reader.cancel(reason),
  });
}

/** The same for a stream that makes its own buffers. */
function watchedPlain(reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>, wait: Wait): Bytes {
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await wait(() => reader.read(), reader);
      if (done) controller.close();
      else controller.enqueue(value);
    },
    cancel: (reason) => reader.cancel(reason),
  }, { highWaterMark: 0 });
}

/** A stream of bytes. */
export type Bytes = ReadableStream<Uint8Array<ArrayBuffer>>;
type Wait = <T extends { value?: Uint8Array | undefined }>(
  read: () => Promise<T>,
  reader: { cancel(reason: unknown): Promise<void> },
) => Promise<T>;

/** Waits for reads; where one fails, or nothing comes, the connection is closed. */
function waiterFor({ request, milliseconds, giveUp, limit }: Watch): Wait {
  const { signal } = request;
  const late = () => giveUp(silence(`nothing came from ${request.url.host}`, request, milliseconds));
  return async (read, reader) => {
    try {
      const result = await inTime(read(), { milliseconds, late, signal });
      await limit?.take(result.value?.length ?? 0, signal);
      return result;
    } catch (error) {
      reader.cancel(error).catch(() => {});
      signal?.throwIfAborted();
      if (error instanceof RegistryError) throw error;
      const why = error instanceof Error ? error.message : String(error);
      throw new RegistryError(`the connection broke: ${why}`, { transient: true, cause: error });
    }
  };
}

function byobReaderOf(body: Bytes): ReadableStreamBYOBReader | undefined {
  try {
    return body.getReader({ mode: "byob" });
  } catch {
    return undefined;
  }
}

/** The error of a connection on which nothing moves. */
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
