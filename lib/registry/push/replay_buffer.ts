/** Reads a stream part by part, and holds the newest part, so that it can be sent again. @module */
import type { Bytes, ByteStream } from "../../content/bytes.ts";

/** A part, and the offset of its first byte in the stream. */
export interface HeldPart {
  first: number;
  bytes: Bytes;
}

/** Reads a stream part by part. */
export class ReplayBuffer {
  readonly #reader: ReadableStreamDefaultReader<Bytes>;
  readonly #size: number;
  readonly #first: number;
  #ahead: Bytes = new Uint8Array();
  #buffer: Bytes | undefined;
  /** The newest part, also after it was the last. */
  held: HeldPart | undefined;

  /**
   * Reads nothing yet.
   *
   * @param stream what is read
   * @param parts the size of a part, in bytes, where the last may be smaller; and the offset of the first
   */
  constructor(
    stream: ByteStream,
    { size, first }: { size: number; first: number },
  ) {
    this.#reader = stream.getReader();
    this.#size = size;
    this.#first = first;
  }

  /** Reads the next part over the one before, and holds it; `undefined` = the stream has ended, and the last part stays. */
  async next(): Promise<HeldPart | undefined> {
    // The part before has arrived, so its bytes are not needed any more: two large parts would take too much memory.
    const bytes = this.#buffer ??= new Uint8Array(this.#size);
    let filled = 0;
    for (let piece; filled < this.#size && (piece = await this.#read());) {
      const taken = piece.subarray(0, this.#size - filled);
      bytes.set(taken, filled);
      filled += taken.length;
      this.#ahead = piece.subarray(taken.length);
    }
    if (filled === 0) return undefined;
    const first = this.held ? this.held.first + this.held.bytes.length : this.#first;
    return this.held = { first, bytes: bytes.subarray(0, filled) };
  }

  /** Whether the part that is held is the last. */
  async atEnd(): Promise<boolean> {
    const next = await this.#read();
    if (next) this.#ahead = next;
    return next === undefined;
  }

  /** The part that is held, and everything after it, as one stream. */
  rest(): ByteStream {
    let held = this.held?.bytes;
    return new ReadableStream({
      pull: async (controller) => {
        const piece = held ?? await this.#read();
        if (!piece) return controller.close();
        controller.enqueue(piece);
        if (!held) this.#ahead = new Uint8Array();
        held = undefined;
      },
      cancel: (reason) => this.#reader.cancel(reason),
    }, { highWaterMark: 0 });
  }

  async #read(): Promise<Bytes | undefined> {
    if (this.#ahead.length > 0) return this.#ahead;
    for (;;) {
      const { done, value } = await this.#reader.read();
      if (done) return undefined;
      if (value.length > 0) return value;
    }
  }
}
