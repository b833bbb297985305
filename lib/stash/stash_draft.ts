/** Builds the images of the chunks of a stash that is being stored. @module */
import { chunkCount, type InputChunk, SMALL_FILE } from "../files/input.ts";
import { type Descriptor, TITLE, totalSize } from "../oci/descriptor.ts";
import { digestOf } from "../oci/digest.ts";
import { encodeManifest, type Manifest } from "../oci/manifest.ts";
import { IMAGE_CONFIG, IMAGE_MANIFEST, OCTET_STREAM } from "../oci/media_types.ts";
import { DEFAULT_JOBS } from "../transfer/adaptive_jobs.ts";
import type { ChunkNote } from "./chunk_config.ts";
import { checkBaseTag, chunkTag } from "./chunk_tags.ts";
import type { InputEncryption, StashInput } from "./encrypted_input.ts";
import { chunksOf, sliceSize, type Slicing, type Stash } from "./stash.ts";

/** The image of one chunk, ready to be stored under its tag. */
export interface TaggedImage {
  /** The chunk, from 1. */
  number: number;
  tag: string;
  /** The chunk's bytes, which the store has before the tag is put. */
  layer: Descriptor;
  /** The bytes of its config; absent where the store has them, as those of an image that is copied. */
  config?: Uint8Array<ArrayBuffer> | undefined;
  /** The manifest in either family: {@link inFamily} gives it in that of the store. */
  manifest: Manifest;
  /** Whether its tag completes the stash. */
  isLast: boolean;
}

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

/**
 * Builds the image of a chunk in the middle again, whose tag was lost. It has the bytes that it had, of a file, or with
 * `isStream` of a stream, whose chunks but the last do not know how many there are.
 */
export function rebuildImage(
  { baseTag, ...stash }: Stash,
  number: number,
  { isStream = false }: { isStream?: boolean } = {},
): TaggedImage {
  const { chunkSize, modified } = stash;
  const { digest, size: bytes } = stash.chunks[number - 1]!;
  const encryption = stash.encryption && { format: "age" } as const;
  const name = encryption ? undefined : stash.name;
  const note = {
    version: 1,
    name,
    size: isStream ? undefined : stash.size,
    chunkSize,
    chunk: number,
    chunks: isStream ? undefined : stash.chunks.length,
    encryption,
  } as const;
  return imageOf(note, { mediaType: OCTET_STREAM, digest, size: bytes }, { baseTag, modified });
}

function imageOf(
  note: ChunkNote,
  layer: Descriptor,
  { baseTag, modified }: { baseTag: string; modified: string | undefined },
): TaggedImage {
  const config = encodeConfig(note, modified, layer);
  const manifest = encodeManifest({
    schemaVersion: 2,
    mediaType: IMAGE_MANIFEST.oci,
    config: { mediaType: IMAGE_CONFIG.oci, size: config.length, digest: digestOf(config) },
    layers: [{ mediaType: OCTET_STREAM, size: layer.size, digest: layer.digest, ...titled(note) }],
  });
  const isLast = note.digests !== undefined;
  return { number: note.chunk, tag: chunkTag(baseTag, note.chunk), layer, config, manifest, isLast };
}

/** A chunk that is the whole file has its name, by which oras restores it. */
function titled({ name, chunks, chunk }: ChunkNote): { annotations?: Record<string, string> } {
  return name === undefined || chunks !== 1 || chunk !== 1 ? {} : { annotations: { [TITLE]: name } };
}

/** Encodes a config as other programs expect it, with the object `layerstash` added. */
function encodeConfig(
  note: ChunkNote,
  modified: string | undefined,
  layer: Descriptor,
): Uint8Array<ArrayBuffer> {
  const labels = note.name === undefined ? {} : { [TITLE]: note.name };
  return new TextEncoder().encode(JSON.stringify({
    architecture: "amd64",
    os: "linux",
    created: modified,
    config: { Labels: labels },
    rootfs: { type: "layers", diff_ids: [layer.digest] },
    layerstash: note,
  }));
}
