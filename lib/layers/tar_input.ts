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
  /** So many bytes, as they come: each piece may be used until the next is asked for. */
  pieces(size: number): AsyncGenerator<Bytes>;
  /** Passes over so many bytes. */
  skip(size: number): Promise<void>;
}

/** An archive that comes as a stream. */
export class StreamInput implements TarInput {
  readonly #source: AsyncIterator<Bytes>;
  #ahead: Bytes = new Uint8Array();
  #position = 0;

  readonly #what: string;

  /**
   * @param source the bytes; a piece may be used again by its maker as soon as the next is asked for
   * @param what what they are, for messages
   */
  constructor(source: AsyncIterable<Bytes>, what = "tar archive") {
    this.#what = what;
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
    const bytes = new Uint8Array(size);
    for (let filled = 0; filled < size;) {
      if (!await this.#fill()) {
        if (filled === 0) return undefined;
        throw tornOff(this.#position, this.#what);
      }
      const piece = this.#take(size - filled);
      bytes.set(piece, filled);
      filled += piece.length;
    }
    return bytes;
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
