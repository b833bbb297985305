/** Reads an uncompressed archive without reading the contents that nobody wants. @module */
import type { Bytes } from "../content/bytes.ts";
import { StreamInput, type TarInput, truncated } from "./tar_input.ts";

/** The most bytes that are read and dropped to skip them: a new request would take as long. */
const SHORT_SKIP = 256 * 1024;

/** Bytes that can be read from any position on, as those of a blob or of a file. */
export interface RangedSource {
  /** The number of bytes. */
  readonly size: number;
  /** Whether it can only be read whole, so that skipping bytes saves nothing. */
  readonly wholeOnly?: boolean;
  /** Reads on from a position. */
  from(start: number): AsyncGenerator<Bytes>;
}

/** A source as input of the tar reader. A long skip reads on at the target. */
export class RangedInput implements TarInput {
  readonly #source: RangedSource;
  readonly #what: string | undefined;
  #stream: AsyncGenerator<Bytes>;
  #input: StreamInput;
  #hasSkipped = false;

  /**
   * @param source an uncompressed tar archive
   * @param what names it in messages
   */
  constructor(source: RangedSource, what?: string) {
    this.#source = source;
    this.#what = what;
    this.#stream = source.from(0);
    this.#input = new StreamInput(this.#stream, { what });
  }

  get position(): number {
    return this.#input.position;
  }

  arrived(size: number): Bytes | undefined {
    return this.#input.arrived(size);
  }

  read(size: number): Promise<Bytes> {
    return this.#input.read(size);
  }

  readOrEnd(size: number): Promise<Bytes | undefined> {
    return this.#input.readOrEnd(size);
  }

  readSome(size: number): Promise<Bytes> {
    return this.#input.readSome(size);
  }

  pieces(size: number): AsyncGenerator<Bytes> {
    return this.#input.pieces(size);
  }

  async skip(size: number): Promise<void> {
    if (size <= SHORT_SKIP || this.#source.wholeOnly) return await this.#input.skip(size);
    const target = this.position + size;
    if (target > this.#source.size) throw truncated(this.#source.size, this.#what);
    await this.close();
    this.#hasSkipped = true;
    this.#stream = this.#source.from(target);
    this.#input = new StreamInput(this.#stream, { what: this.#what, start: target });
  }

  /** If nothing was skipped, reads a short rest after the archive's end, so that the whole blob is verified. */
  async finish(): Promise<void> {
    if (this.#hasSkipped || this.#source.size - this.position > SHORT_SKIP) return;
    for await (const _ of this.#stream);
  }

  /** Ends the reading. */
  async close(): Promise<void> {
    await this.#stream.return(undefined);
  }
}
