/** Cuts a stream that can be read once, such as standard input, into sources. @module */
import { type Digest, DigestHash } from "../oci/digest.ts";
import { BYTES, checkNumbers } from "../arguments.ts";
import { ByteReader } from "./byte_stream.ts";
import type { Bytes } from "./bytes.ts";
import type { Source } from "./source.ts";

/**
 * Cuts a stream into sources, one after the other. Each has to be read to its end before the next is taken.
 *
 * @example
 * ```ts
 * import { StreamCutter } from "./stream_source.ts";
 * const cutter = new StreamCutter(new Response("hello world").body!);
 * const first = cutter.take(8);
 * if (await new Response(first.open()).text() !== "hello wo") throw new Error("unexpected bytes");
 * if (!await cutter.more()) throw new Error("there is more");
 * ```
 */
export class StreamCutter {
  readonly #reader: ByteReader;
  #ahead: Uint8Array | undefined;

  /**
   * Takes the stream over. Nothing is read yet.
   *
   * @param stream the bytes; they are read only as far as needed
   * @throws {InvalidInputError} if it is not a stream, or locked
   */
  constructor(stream: ReadableStream<Uint8Array>) {
    this.#reader = new ByteReader(stream);
  }

  /**
   * Whether the stream has more bytes.
   *
   * @throws {InvalidInputError} if the stream gives something else than bytes
   */
  async more(): Promise<boolean> {
    while (!this.#ahead?.length) {
      this.#ahead = await this.#reader.read();
      if (!this.#ahead) return false;
    }
    return true;
  }

  /**
   * The next bytes, at most `most` of them; fewer at the end of the stream.
   *
   * @throws {InvalidInputError} if `most` is not a whole number from 1 on
   */
  take(most: number): Source {
    checkNumbers({ most }, { most: BYTES });
    const hash = new DigestHash();
    const { promise, resolve, reject } = Promise.withResolvers<Digest>();
    promise.catch(() => {}); // a failed read is reported by the stream
    let left = most;
    const pull = async (controller: ReadableStreamDefaultController<Bytes>) => {
      if (left === 0 || !await this.more()) {
        resolve(hash.digest());
        return controller.close();
      }
      const piece = this.#takePiece(left);
      hash.update(piece);
      left -= piece.length;
      controller.enqueue(piece);
    };
    const open = () => new ReadableStream({ pull, cancel: reject }, { highWaterMark: 0 });
    return { size: undefined, once: true, open, digest: () => promise };
  }

  /** Cancels the stream. */
  async cancel(): Promise<void> {
    await this.#reader.cancel();
  }

  #takePiece(most: number): Bytes {
    const ahead = this.#ahead as Bytes;
    this.#ahead = ahead.length > most ? ahead.subarray(most) : undefined;
    return ahead.subarray(0, most);
  }
}
