/** Reads an uncompressed archive without fetching the contents that nobody reads. @module */
import type { Bytes } from "../content/bytes.ts";
import type { LayerBlob } from "./layer_blob.ts";
import { StreamInput, type TarInput, truncated } from "./tar_input.ts";

/** The most bytes that are fetched and dropped to skip them: a new request would take as long. */
const SHORT_SKIP = 256 * 1024;

/** A blob as input of the tar reader. A long skip starts a new request at the target. */
export class RangedInput implements TarInput {
  readonly #blob: LayerBlob;
  #stream: AsyncGenerator<Bytes>;
  #input: StreamInput;
  #hasSkipped = false;

  /** @param blob an uncompressed tar archive */
  constructor(blob: LayerBlob) {
    this.#blob = blob;
    this.#stream = blob.from(0);
    this.#input = new StreamInput(this.#stream);
  }

  get position(): number {
    return this.#input.position;
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
    if (size <= SHORT_SKIP || this.#blob.wholeOnly) return await this.#input.skip(size);
    const target = this.position + size;
    if (target > this.#blob.size) throw truncated(this.#blob.size);
    await this.close();
    this.#hasSkipped = true;
    this.#stream = this.#blob.from(target);
    this.#input = new StreamInput(this.#stream, { start: target });
  }

  /** If nothing was skipped, reads a short rest after the archive's end, so that the whole blob is verified. */
  async finish(): Promise<void> {
    if (this.#hasSkipped || this.#blob.size - this.position > SHORT_SKIP) return;
    for await (const _ of this.#stream);
  }

  /** Ends the request. */
  async close(): Promise<void> {
    await this.#stream.return(undefined);
  }
}
