/** Reads a stream of the caller: its type does not hold what it is, nor what it gives. @module */
import { setImmediate } from "node:timers/promises";
import { InvalidInputError } from "../errors.ts";
import { kindOf } from "../oci/shown.ts";

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
