/** An uncompressed archive, of which the contents that nobody reads are not fetched. @module */
import type { LayerBlob } from "./layer_blob.ts";
import { StreamInput, type TarInput, tornOff } from "./tar_input.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** What is passed over by fetching it: a request of its own would take as long. In bytes. */
const SHORT_WAY = 256 * 1024;

/** The bytes of a blob, with leaps. */
export class RangedInput implements TarInput {
  readonly #blob: LayerBlob;
  #stream: AsyncGenerator<Bytes>;
  #input: StreamInput;
  #hasLeapt = false;

  /** @param blob the archive */
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
    if (size <= SHORT_WAY || this.#blob.wholeOnly) return await this.#input.skip(size);
    const target = this.position + size;
    if (target > this.#blob.size) throw tornOff(this.#blob.size);
    await this.close();
    this.#hasLeapt = true;
    this.#stream = this.#blob.from(target);
    this.#input = new StreamInput(this.#stream, { start: target });
  }

  /** Reads what is behind the archive's end, where it is short and nothing was left out: then all of it is verified. */
  async finish(): Promise<void> {
    if (this.#hasLeapt || this.#blob.size - this.position > SHORT_WAY) return;
    for await (const _ of this.#stream);
  }

  /** Lets go of the connection. */
  async close(): Promise<void> {
    await this.#stream.return(undefined);
  }
}
