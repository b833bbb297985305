/** Reads a stream of the caller: its type does not hold what it is, nor what it gives. @module */
import { setImmediate } from "node:timers/promises";
import { InvalidInputError, MismatchError } from "../errors.ts";
import { kindOf } from "../messages.ts";

/** Reads the bytes of a stream, and nothing else. */
export class ByteReader {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;

  /**
   * Reads nothing yet.
   *
   * @throws {InvalidInputError} when it is no stream, or somebody else reads it
   */
  constructor(stream: ReadableStream<Uint8Array>) {
    if (typeof stream?.getReader !== "function") {
      throw new InvalidInputError(`${kindOf(stream)} is neither the path of a file nor a ReadableStream`, {
        hint: "a Blob has its stream(), a Response its body, and of bytes new Response(bytes).body makes one",
      });
    }
    if (stream.locked) throw new InvalidInputError("the stream is locked: somebody else reads it");
    this.#reader = stream.getReader();
  }

  /**
   * The next piece; `undefined` = there is no more.
   *
   * @throws {InvalidInputError} when what comes is no bytes; the stream is let go of then
   */
  async read(): Promise<Uint8Array | undefined> {
    const { done, value } = await this.#reader.read();
    if (done || value instanceof Uint8Array) return value;
    const fault = new InvalidInputError(`the stream gives no Uint8Array, but ${kindOf(value)}`, {
      hint: "a TextEncoderStream makes bytes of text",
    });
    await this.cancel(fault);
    throw fault;
  }

  /**
   * Stops reading and lets go of the stream, a turn of the event loop later: a stream of Node (`Readable.toWeb`) that is
   * let go of while its next piece is on the way throws where nobody can catch it.
   */
  async cancel(reason?: unknown): Promise<void> {
    await setImmediate();
    await this.#reader.cancel(reason).catch(() => {});
  }
}

/** The stream's bytes, which must be just `size`; any number where that is `undefined`. Fails with MismatchError. */
export function exactly(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  size: number | undefined,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  if (size === undefined) return stream;
  const reader = stream.getReader();
  let length = 0;
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await reader.read();
      length += value?.length ?? 0;
      if (length > size || (done && length < size)) {
        const cause = `${length} bytes or more came where ${size} were announced`;
        throw new MismatchError(length > size ? cause : `the content ended after ${length} of ${size} bytes`);
      }
      if (done) controller.close();
      else controller.enqueue(value);
    },
    cancel: (reason) => reader.cancel(reason),
  }, { highWaterMark: 0 });
}

/**
 * Does what ends in a failure for whoever reads an output, or fills an input, too. A string names a file, and nobody waits
 * for that.
 */
export async function letGoOnFailure<T>(
  stream: WritableStream<Uint8Array> | ReadableStream<Uint8Array> | string,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (stream instanceof WritableStream) stream.abort(error).catch(() => {}); // it may be ended already
    if (stream instanceof ReadableStream) stream.cancel(error).catch(() => {});
    throw error;
  }
}
