/** The input of the tar reader: bytes that are read or skipped in order. @module */
import type { Bytes } from "../content/bytes.ts";
import { MismatchError } from "../errors.ts";

/** The input that an archive is read from. Methods fail with a {@linkcode MismatchError} if it ends too early. */
export interface TarInput {
  /** The number of bytes that were read or skipped. */
  readonly position: number;
  /**
   * The next `size` bytes, if they have arrived already: nothing is waited for. They are valid until something else is
   * requested.
   */
  arrived(size: number): Bytes | undefined;
  /** Reads exactly `size` bytes, as a copy. */
  read(size: number): Promise<Bytes>;
  /** Reads exactly `size` bytes, as a copy; `undefined` at the end of the input. */
  readOrEnd(size: number): Promise<Bytes | undefined>;
  /** Reads `size` bytes, as a copy, or as many as are left. */
  readSome(size: number): Promise<Bytes>;
  /** Reads exactly `size` bytes, in pieces. Each is valid until the next is requested. */
  pieces(size: number): AsyncGenerator<Bytes>;
  /** Skips `size` bytes. */
  skip(size: number): Promise<void>;
}

/** An input that reads from a stream. */
export class StreamInput implements TarInput {
  readonly #source: AsyncIterator<Bytes>;
  readonly #what: string | undefined;
  #ahead: Bytes = new Uint8Array();
  #position: number;

  /**
   * @param source the bytes; its maker may reuse a piece's buffer once the next is requested
   * @param options `what` names the input in messages; `start` is the position of its first byte
   */
  constructor(
    source: AsyncIterable<Bytes>,
    { what, start = 0 }: { what?: string | undefined; start?: number } = {},
  ) {
    this.#what = what;
    this.#position = start;
    this.#source = source[Symbol.asyncIterator]();
  }

  get position(): number {
    return this.#position;
  }

  arrived(size: number): Bytes | undefined {
    return this.#ahead.length < size ? undefined : this.#take(size);
  }

  /** The next `size` bytes, which are not taken: they come again. */
  async peek(size: number): Promise<Bytes> {
    if (this.#ahead.length < size) {
      const [start, bytes] = [this.#position, await this.read(size)];
      this.#ahead = joined(bytes, this.#ahead);
      this.#position = start;
    }
    return this.#ahead.subarray(0, size);
  }

  async read(size: number): Promise<Bytes> {
    const bytes = await this.readOrEnd(size);
    if (bytes) return bytes;
    throw truncated(this.#position, this.#what);
  }

  async readOrEnd(size: number): Promise<Bytes | undefined> {
    const bytes = await this.readSome(size);
    if (bytes.length === size) return bytes;
    if (bytes.length === 0) return undefined;
    throw truncated(this.#position, this.#what);
  }

  async readSome(size: number): Promise<Bytes> {
    const bytes = new Uint8Array(size);
    let filled = 0;
    while (filled < size && await this.#fill()) {
      const piece = this.#take(size - filled);
      bytes.set(piece, filled);
      filled += piece.length;
    }
    return bytes.subarray(0, filled);
  }

  async *pieces(size: number): AsyncGenerator<Bytes> {
    for (let left = size; left > 0;) {
      if (!await this.#fill()) throw truncated(this.#position, this.#what);
      const piece = this.#take(left);
      left -= piece.length;
      yield piece;
    }
  }

  async skip(size: number): Promise<void> {
    for (let left = size; left > 0;) {
      if (!await this.#fill()) throw truncated(this.#position, this.#what);
      left -= this.#take(left).length;
    }
  }

  /** Reads the source to its end, and drops what it gives. */
  async finish(): Promise<void> {
    while (await this.#fill()) this.#take(this.#ahead.length);
  }

  /** Ends the source. */
  async close(): Promise<void> {
    await this.#source.return?.();
  }

  async #fill(): Promise<boolean> {
    while (this.#ahead.length === 0) {
      const { done, value } = await this.#source.next();
      if (done) return false;
      this.#ahead = value;
    }
    return true;
  }

  #take(most: number): Bytes {
    const piece = this.#ahead.subarray(0, most);
    this.#ahead = this.#ahead.subarray(piece.length);
    this.#position += piece.length;
    return piece;
  }
}

/** Concatenates two pieces. */
export function joined(first: Bytes, second: Bytes): Bytes {
  const bytes = new Uint8Array(first.length + second.length);
  bytes.set(first);
  bytes.set(second, first.length);
  return bytes;
}

/** The error for input that ends too early. */
export function truncated(position: number, what = "tar archive of the layer"): MismatchError {
  return new MismatchError(`the ${what} is truncated at byte ${position}`);
}
