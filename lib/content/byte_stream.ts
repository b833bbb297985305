/** Streams of bytes: checked at run time where a caller gave them, and checked for their size and digest. @module */
import { setImmediate } from "node:timers/promises";
import { InvalidInputError, MismatchError } from "../errors.ts";
import { kindOf } from "../messages.ts";
import { algorithmOf, corrupted, type Digest, DigestHash } from "../oci/digest.ts";
import type { Bytes, ByteStream } from "./bytes.ts";

/** Reads a caller's stream, and makes sure that it gives bytes: types do not hold at run time. */
export class ByteReader {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;

  /**
   * Takes the stream over. Nothing is read yet.
   *
   * @throws {InvalidInputError} if it is not a stream, or locked
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
   * The next bytes; `undefined` = the stream has ended.
   *
   * @throws {InvalidInputError} if the stream gives something else than bytes; it is cancelled then
   */
  async read(): Promise<Uint8Array | undefined> {
    const { done, value } = await this.#reader.read();
    if (done || value instanceof Uint8Array) return value;
    const fault = new InvalidInputError(`the stream gives ${kindOf(value)}, not a Uint8Array`, {
      hint: "a TextEncoderStream makes bytes of text",
    });
    await this.cancel(fault);
    throw fault;
  }

  /**
   * Cancels the stream, one turn of the event loop later: a Node stream (`Readable.toWeb`) that is cancelled while it reads
   * throws an error that nobody can catch.
   */
  async cancel(reason?: unknown): Promise<void> {
    await setImmediate();
    await this.#reader.cancel(reason).catch(() => {});
  }
}

/**
 * The stream's bytes, which must be exactly `size` of them; any number where that is `undefined`. The stream errors with
 * a MismatchError otherwise.
 */
export function exactly(stream: ByteStream, size: number | undefined): ByteStream {
  if (size === undefined) return stream;
  let length = 0;
  return inspected(stream, {
    piece(bytes) {
      length += bytes.length;
      if (length <= size) return;
      throw new MismatchError(`${length} bytes or more came where ${size} were announced`);
    },
    end() {
      if (length === size) return;
      throw new MismatchError(`the content ended after ${length} of ${size} bytes`);
    },
  });
}

/**
 * The bytes of a whole blob, hashed as they flow. The stream errors at its end with the MismatchError of `corrupted` where
 * they are not the ones that the digest names: fewer, more, or others.
 */
export function verified(stream: ByteStream, digest: Digest): ByteStream {
  const hash = new DigestHash(algorithmOf(digest));
  return inspected(stream, {
    piece: (bytes) => void hash.update(bytes),
    end() {
      if (hash.digest() !== digest) throw corrupted(digest);
    },
  });
}

/** Passes bytes on and shows them to an inspector. An error of the inspector ends the stream, and cancels its source. */
function inspected(
  stream: ByteStream,
  inspect: { piece(bytes: Uint8Array): void; end(): void },
): ByteStream {
  const reader = stream.getReader();
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await reader.read();
      try {
        if (done) inspect.end();
        else inspect.piece(value);
      } catch (error) {
        reader.cancel(error).catch(() => {});
        throw error;
      }
      if (done) controller.close();
      else controller.enqueue(value);
    },
    cancel: (reason) => reader.cancel(reason),
  }, { highWaterMark: 0 });
}

/** Reads the pieces of a stream. */
export interface PieceReader {
  /** The next piece. It is valid until the one after it is asked for. */
  read(): Promise<ReadableStreamReadResult<Bytes>>;
  /** Ends the stream. */
  cancel(reason?: unknown): Promise<void>;
}

/** Reads a stream through one buffer of the size `most`, where the stream fills buffers; else it makes its own. */
export function pieceReader(stream: ByteStream, most: number): PieceReader {
  let reader: ReadableStreamBYOBReader;
  try {
    reader = stream.getReader({ mode: "byob" });
  } catch {
    return stream.getReader();
  }
  let buffer = new ArrayBuffer(most);
  return {
    async read() {
      const result = await reader.read(new Uint8Array(buffer));
      if (result.value) buffer = result.value.buffer;
      return result;
    },
    cancel: (reason) => reader.cancel(reason),
  };
}

/** A stream that asks for a piece when it is read, and not before. */
export function streamed(pieces: AsyncGenerator<Bytes>): ByteStream {
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await pieces.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    cancel: async () => void await pieces.return(undefined),
  }, { highWaterMark: 0 });
}

/**
 * Does some work. If it fails, a stream is aborted or cancelled with the error, so that whoever is at its other end learns
 * of it. A path needs nothing.
 */
export async function letGoOnFailure<T>(
  stream: unknown,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (stream instanceof WritableStream) stream.abort(error).catch(() => {}); // it may have ended
    if (stream instanceof ReadableStream) stream.cancel(error).catch(() => {});
    throw error;
  }
}
