/** Builds the images of the chunks of a stash that is being stored. @module */
import { chunkCount, type InputChunk, SMALL_FILE } from "../files/input.ts";
import { type Descriptor, totalSize } from "../oci/descriptor.ts";
import { OCTET_STREAM } from "../oci/media_types.ts";
import { DEFAULT_JOBS } from "../transfer/adaptive_jobs.ts";
import type { ChunkNote } from "./chunk_config.ts";
import { checkBaseTag } from "./chunk_tags.ts";
import type { InputEncryption, StashInput } from "./encrypted_input.ts";
import { chunksOf, sliceSize, type Slicing, type Stash } from "./stash.ts";
import { imageOf, type TaggedImage } from "./tagged_image.ts";

/** A stash that is being stored, as far as it is known. Sizes are in bytes. */
export class StashDraft implements Slicing {
  /** The name of the stash. */
  readonly baseTag: string;
  /** The size of every chunk but the last. */
  readonly chunkSize: number;
  /** The size of the file; absent while a stream is read. */
  readonly size: number | undefined;
  /** How many chunks there are; absent while a stream is read. */
  readonly chunks: number | undefined;
  /** When the file was last changed, or the stream was opened, as an ISO 8601 date; absent where that is encrypted. */
  modified: string | undefined;
  /** Present where the chunks are encrypted. */
  readonly encryption: InputEncryption | undefined;
  readonly #name: string | undefined;

  /**
   * Slices an input.
   *
   * @param options the base tag, and the size of a chunk, unless the input has decided on it
   * @throws {InvalidInputError} if the tag of a chunk is invalid or too long
   */
  constructor(input: StashInput, options: { baseTag: string; chunkSize: number }) {
    this.baseTag = options.baseTag;
    this.chunkSize = input.encryption?.chunkSize ?? options.chunkSize;
    this.size = input.size;
    this.chunks = input.size === undefined ? undefined : chunkCount(input.size, this.chunkSize);
    this.modified = input.encryption ? undefined : input.modified.toISOString();
    this.#name = input.name;
    this.encryption = input.encryption;
    checkBaseTag(this.baseTag, this.chunks);
  }

  /** Builds the image of a chunk: an ordinary image with one layer, which is the chunk's bytes. */
  image(number: number, layer: Descriptor): TaggedImage {
    return this.#image(number, layer, {});
  }

  /** Whether the file is one small chunk, of which all is known before it is sent: it is hashed first. */
  get isSmall(): boolean {
    return this.chunks === 1 && this.size! <= SMALL_FILE;
  }

  /**
   * The sizes of the blobs of a file that so many jobs write first: those of its chunks, or those of the bytes and the
   * config of a small file.
   */
  firstWrites(jobs: number = DEFAULT_JOBS): number[] {
    const { size, chunkSize, chunks } = this;
    if (size === undefined || chunks === undefined) return [];
    if (this.isSmall) return [size, 0];
    return Array.from({ length: Math.min(jobs, chunks) }, (_, at) => sliceSize(at + 1, { chunkSize, size }));
  }

  /** Builds the only image of a small file. */
  async onlyImage({ source }: InputChunk): Promise<TaggedImage> {
    return await this.lastImage([{
      mediaType: OCTET_STREAM,
      digest: await source.digest(),
      size: this.size!,
    }]);
  }

  /**
   * Builds the image of chunk 1 of several when all are stored. It says how many there are, so that no tag which a longer stash
   * left is taken for the last one.
   */
  firstImage(layers: readonly Descriptor[]): TaggedImage {
    return this.#image(1, layers[0]!, { size: totalSize(layers), chunks: layers.length });
  }

  /** Builds the image of the last chunk. It has the table of all chunks, which makes the stash complete. */
  async lastImage(layers: readonly Descriptor[]): Promise<TaggedImage> {
    const digests = layers.map(({ digest }) => digest);
    const details = await this.encryption?.details(layers);
    const encryption = details === undefined ? undefined : { format: "age", details } as const;
    const table = { size: totalSize(layers), chunks: layers.length, digests, encryption };
    return this.#image(layers.length, layers.at(-1)!, table);
  }

  /** The stash that these layers make up. */
  finish(layers: readonly Descriptor[]): Stash {
    return {
      baseTag: this.baseTag,
      name: this.#name,
      size: totalSize(layers),
      chunkSize: this.chunkSize,
      ...(this.modified !== undefined && { modified: this.modified }),
      chunks: chunksOf(this.baseTag, layers),
      provenComplete: true,
      ...(this.encryption && { encryption: { format: "age" } }),
    };
  }

  #image(number: number, layer: Descriptor, table: Partial<ChunkNote>): TaggedImage {
    const { size, chunkSize, chunks } = this;
    const was = number === 1 && chunks !== 1 ? this.encryption?.was : undefined;
    const encryption = this.encryption && { format: "age", was } as const;
    const note = {
      version: 1,
      name: this.#name,
      size,
      chunkSize,
      chunk: number,
      chunks,
      encryption,
      ...table,
    } as const;
    return imageOf(note, layer, this);
  }
}
