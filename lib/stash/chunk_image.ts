/** Builds the images of a stash's chunks: ordinary images with one layer, which is the chunk's bytes. @module */
import type { Descriptor } from "../oci/descriptor.ts";
import { digestOf } from "../oci/digest.ts";
import { encodeManifest, type Manifest } from "../oci/manifest.ts";
import { type Family, IMAGE_CONFIG, IMAGE_MANIFEST, OCTET_STREAM } from "../oci/media_types.ts";
import type { ChunkNote } from "./chunk_config.ts";
import { chunkTag } from "./chunk_tags.ts";
import { chunksOf, type Stash } from "./stash.ts";

/** A stash that is being stored, as far as it is known. Sizes are in bytes. */
export interface StashDraft {
  baseTag: string;
  /** The family of the manifests. */
  family: Family;
  /** The file's name without directories; absent for a stream. */
  name?: string | undefined;
  /** The size of the file; absent while a stream is read. */
  size?: number | undefined;
  chunkSize: number;
  /** How many chunks there are; absent while a stream is read. */
  chunks?: number | undefined;
  /** When the file was last changed, or the stream stored, as an ISO 8601 date. */
  modified: string;
}

/** The image of one chunk, ready to be stored under its tag. */
export interface TaggedImage {
  /** The chunk, from 1. */
  number: number;
  tag: string;
  /** The chunk's bytes, which the store has. */
  layer: Descriptor;
  config: Uint8Array<ArrayBuffer>;
  manifest: Manifest;
  /** Whether it lists all chunks, so that its tag completes the stash. */
  isLast: boolean;
}

/** Builds the image of a chunk; `table` is what only the last one, or a finished upload, can say. */
export function chunkImage(
  draft: StashDraft,
  number: number,
  layer: Descriptor,
  table: Partial<Pick<ChunkNote, "size" | "chunks" | "digests">> = {},
): TaggedImage {
  const { baseTag, family, name, size, chunkSize, chunks, modified } = draft;
  const note: ChunkNote = { version: 1, name, size, chunkSize, chunk: number, chunks, ...table };
  const config = encodeConfig(note, modified, layer);
  const manifest = encodeManifest({
    schemaVersion: 2,
    mediaType: IMAGE_MANIFEST[family],
    config: { mediaType: IMAGE_CONFIG[family], size: config.length, digest: digestOf(config) },
    layers: [{ mediaType: OCTET_STREAM, size: layer.size, digest: layer.digest }],
  });
  const isLast = table.digests !== undefined;
  return { number, tag: chunkTag(baseTag, number), layer, config, manifest, isLast };
}

/**
 * Builds the image of chunk 1 when all chunks are stored. It names their number, so that no tag which a longer stash
 * left is taken for the last one.
 */
export function firstChunkImage(draft: StashDraft, layers: readonly Descriptor[]): TaggedImage {
  if (layers.length === 1) return lastChunkImage(draft, layers);
  return chunkImage(draft, 1, layers[0]!, { size: totalSize(layers), chunks: layers.length });
}

/** Builds the image of the last chunk. It has the table of all chunks, which makes the stash complete. */
export function lastChunkImage(draft: StashDraft, layers: readonly Descriptor[]): TaggedImage {
  const digests = layers.map(({ digest }) => digest);
  const table = { size: totalSize(layers), chunks: layers.length, digests };
  return chunkImage(draft, layers.length, layers.at(-1)!, table);
}

/** The stash that these layers make up. */
export function finishedStash(draft: StashDraft, layers: readonly Descriptor[]): Stash {
  const { baseTag, name, chunkSize, modified } = draft;
  const chunks = chunksOf(baseTag, layers);
  return { baseTag, name, size: totalSize(layers), chunkSize, modified, chunks, provenComplete: true };
}

/** Encodes a config as other programs expect it, with the object `layerstash` added. */
function encodeConfig(note: ChunkNote, modified: string, layer: Descriptor): Uint8Array<ArrayBuffer> {
  const labels = note.name === undefined ? {} : { "org.opencontainers.image.title": note.name };
  return new TextEncoder().encode(JSON.stringify({
    architecture: "amd64",
    os: "linux",
    created: modified,
    config: { Labels: labels },
    rootfs: { type: "layers", diff_ids: [layer.digest] },
    layerstash: note,
  }));
}

function totalSize(layers: readonly Descriptor[]): number {
  return layers.reduce((sum, { size }) => sum + size, 0);
}
