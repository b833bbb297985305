/** Reads a tar archive on disk, and skips contents without reading them. @module */
import type { Bytes } from "../content/bytes.ts";
import { MismatchError } from "../errors.ts";
import type { TarInput } from "../layers/tar_input.ts";

/** The bytes that are read at once. Headers are far apart, or close together where files are small. */
const AHEAD = 16 * 1024;

/** A file as input of the tar reader. */
export class FileInput implements TarInput {
  readonly #file: Deno.FsFile;
  readonly #name: string;
  readonly #size: number;
  #position = 0;
  #ahead: Bytes = new Uint8Array();

  /** @param options the open file, its size in bytes, and its name for messages */
  constructor({ file, size, name }: { file: Deno.FsFile; size: number; name: string }) {
    this.#file = file;
    this.#name = name;
    this.#size = size;
  }

  get position(): number {
    return this.#position;
  }

  async read(size: number): Promise<Bytes> {
    const bytes = await this.readSome(size);
    if (bytes.length < size) throw this.#cutOff();
    return bytes;
  }

  async readOrEnd(size: number): Promise<Bytes | undefined> {
    const bytes = await this.readSome(size);
    if (bytes.length > 0 && bytes.length < size) throw this.#cutOff();
    return bytes.length === 0 ? undefined : bytes;
  }

  async readSome(size: number): Promise<Bytes> {
    const bytes = new Uint8Array(Math.min(size, Math.max(0, this.#size - this.#position)));
    let filled = 0;
    while (filled < bytes.length && await this.#fill()) {
      const piece = this.#take(bytes.length - filled);
      bytes.set(piece, filled);
      filled += piece.length;
    }
    return bytes.subarray(0, filled);
  }

  async *pieces(size: number): AsyncGenerator<Bytes> {
    for (let left = size; left > 0;) {
      if (!await this.#fill()) throw this.#cutOff();
      const piece = this.#take(left);
      left -= piece.length;
      yield piece;
    }
  }

  skip(size: number): Promise<void> {
    if (size > this.#size - this.#position) return Promise.reject(this.#cutOff());
    this.#ahead = this.#ahead.subarray(Math.min(size, this.#ahead.length));
    this.#position += size;
    return Promise.resolve();
  }

  async #fill(): Promise<boolean> {
    if (this.#ahead.length > 0) return true;
    const buffer = new Uint8Array(AHEAD);
    await this.#file.seek(this.#position, Deno.SeekMode.Start);
    const read = await this.#file.read(buffer) ?? 0;
    this.#ahead = buffer.subarray(0, read);
    return read > 0;
  }

  #take(most: number): Bytes {
    const piece = this.#ahead.subarray(0, most);
    this.#ahead = this.#ahead.subarray(piece.length);
    this.#position += piece.length;
    return piece;
  }

  #cutOff(): MismatchError {
    return new MismatchError(`the archive ${this.#name} is truncated: it ends at byte ${this.#size}`);
  }
}
