/** The bytes of a tar archive, in order, as its reader takes them. @module */
import { MismatchError } from "../errors.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** What an archive is read from. */
export interface TarInput {
  /** How many bytes have been taken. */
  readonly position: number;
  /** Just so many bytes, copied. */
  read(size: number): Promise<Bytes>;
  /** The same; `undefined` where there is not a single one left. */
  readOrEnd(size: number): Promise<Bytes | undefined>;
  /** The same; fewer where no more are left. */
  readSome(size: number): Promise<Bytes>;
  /** So many bytes, as they come: each piece may be used until the next is asked for. */
  pieces(size: number): AsyncGenerator<Bytes>;
  /** Passes over so many bytes. */
  skip(size: number): Promise<void>;
}

/** An archive that comes as a stream. */
export class StreamInput implements TarInput {
  readonly #source: AsyncIterator<Bytes>;
  readonly #what: string;
  #ahead: Bytes = new Uint8Array();
  #position: number;

  /**
   * @param source the bytes; a piece may be used again by its maker as soon as the next is asked for
   * @param options what they are, for messages, and how many bytes are before them
   */
  constructor(source: AsyncIterable<Bytes>, { what = "tar archive", start = 0 } = {}) {
    this.#what = what;
    this.#position = start;
    this.#source = source[Symbol.asyncIterator]();
  }

  get position(): number {
    return this.#position;
  }

  async read(size: number): Promise<Bytes> {
    const bytes = await this.readOrEnd(size);
    if (bytes) return bytes;
    throw tornOff(this.#position, this.#what);
  }

  async readOrEnd(size: number): Promise<Bytes | undefined> {
    const bytes = await this.readSome(size);
    if (bytes.length === size) return bytes;
    if (bytes.length === 0) return undefined;
    throw tornOff(this.#position, this.#what);
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
      if (!await this.#fill()) throw tornOff(this.#position, this.#what);
      const piece = this.#take(left);
      left -= piece.length;
      yield piece;
    }
  }

  async skip(size: number): Promise<void> {
    for (let left = size; left > 0;) {
      if (!await this.#fill()) throw tornOff(this.#position, this.#what);
      left -= this.#take(left).length;
    }
  }

  /** Lets go of the source. */
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

/** The bytes are fewer than they should be. */
export function tornOff(position: number, what = "tar archive"): MismatchError {
  return new MismatchError(`the ${what} of the layer ends at byte ${position}, and is torn off there`);
}
