/** Streams laid end to end, each opened shortly before the one before it has ended. @module */
import type { Bytes, ByteStream } from "./bytes.ts";

/** One of the streams. */
export interface JoinedPart {
  /** How many bytes it gives. */
  size: number;
  /** Opens it; called once. A piece that it gives is valid until the next one is asked for. */
  open(): ByteStream;
}

/**
 * How many bytes before the end of a stream the next one is opened: its first bytes take a round trip. While both are open
 * they take twice the memory.
 */
const AHEAD = 1 * 1024 * 1024;

/** The size of the buffers that readers without one get, in bytes. */
const BUFFER = 64 * 1024;

/**
 * Lays streams end to end. Nothing is read before it is asked for, except the first piece of the stream that comes next.
 * Cancelling it cancels what was opened. Its pieces belong to whoever takes them.
 */
export function joinedStream(parts: readonly JoinedPart[]): ByteStream {
  const reader = new JoinedReader(parts);
  return new ReadableStream({
    type: "bytes",
    autoAllocateChunkSize: BUFFER,
    async pull(controller) {
      const { byobRequest } = controller;
      const read = await reader.into(byobRequest!.view as Bytes);
      if (read === 0) controller.close();
      byobRequest!.respond(read);
    },
    cancel: (reason) => reader.cancel(reason),
  });
}

/** A stream that was opened, and its first piece, which was asked for at once. */
class OpenedPart {
  left: number;
  readonly #reader: ReadableStreamDefaultReader<Bytes>;
  #first: ReturnType<ReadableStreamDefaultReader<Bytes>["read"]> | undefined;

  constructor({ size, open }: JoinedPart) {
    this.left = size;
    this.#reader = open().getReader();
    this.#first = this.#reader.read();
    this.#first.catch(() => {}); // whoever comes to it gets its error
  }

  async next(): Promise<Bytes | undefined> {
    const { done, value } = await (this.#first ?? this.#reader.read());
    this.#first = undefined;
    if (done) return undefined;
    this.left -= value.length;
    return value;
  }

  async cancel(reason: unknown): Promise<void> {
    await this.#reader.cancel(reason).catch(() => {});
  }
}

class JoinedReader {
  readonly #waiting: JoinedPart[];
  #current: OpenedPart | undefined;
  #ahead: OpenedPart | undefined;
  /** What had no room in the buffer before. */
  #rest: Bytes = new Uint8Array();

  constructor(parts: readonly JoinedPart[]) {
    this.#waiting = parts.toReversed();
  }

  /** Fills a buffer as far as one piece does, and gives the number of bytes; 0 = there are no more. */
  async into(buffer: Bytes): Promise<number> {
    if (this.#rest.length === 0) this.#rest = await this.#next() ?? new Uint8Array();
    const piece = this.#rest.subarray(0, buffer.length);
    buffer.set(piece);
    this.#rest = this.#rest.subarray(piece.length);
    return piece.length;
  }

  async #next(): Promise<Bytes | undefined> {
    for (;;) {
      this.#current ??= this.#openNext();
      if (!this.#current) return undefined;
      if (this.#current.left <= AHEAD) this.#ahead ??= this.#openNext();
      const piece = await this.#current.next().catch(async (error) => {
        await this.cancel(error);
        throw error;
      });
      if (piece && piece.length > 0) return piece;
      if (!piece) [this.#current, this.#ahead] = [this.#ahead, undefined];
    }
  }

  async cancel(reason: unknown): Promise<void> {
    this.#waiting.length = 0;
    await Promise.all([this.#current?.cancel(reason), this.#ahead?.cancel(reason)]);
    this.#current = this.#ahead = undefined;
  }

  #openNext(): OpenedPart | undefined {
    const next = this.#waiting.pop();
    return next && new OpenedPart(next);
  }
}
