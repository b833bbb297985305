/** The image of one chunk: how it is built, and built again. @module */
import type { Bytes } from "../content/bytes.ts";
import { type Descriptor, TITLE } from "../oci/descriptor.ts";
import { type Digest, digestOf } from "../oci/digest.ts";
import { encodeManifest, type Manifest } from "../oci/manifest.ts";
import { IMAGE_CONFIG, IMAGE_MANIFEST, OCTET_STREAM } from "../oci/media_types.ts";
import type { ChunkNote } from "./chunk_config.ts";
import { chunkTag } from "./chunk_tags.ts";
import type { Stash } from "./stash.ts";

/** The image of one chunk, ready to be stored under its tag. */
export interface TaggedImage {
  /** The chunk, from 1. */
  number: number;
  tag: string;
  /** The chunk's bytes, which the store has before the tag is put. */
  layer: Descriptor;
  /** The bytes of its config; absent where the store has them, as those of an image that is copied. */
  config?: Bytes | undefined;
  /** The manifest in either family: {@link inFamily} gives it in that of the store. */
  manifest: Manifest;
  /** Whether its tag completes the stash. */
  isLast: boolean;
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
  const { chunkSize } = stash;
  const { digest, size: bytes } = stash.chunks[number - 1]!;
  const encryption = stash.encryption && { format: "age" } as const;
  const { name, modified }: Partial<Stash> = encryption ? {} : stash; // of an encrypted one, only the key tells them
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

/** Builds the image of a chunk: an ordinary image with one layer, which is the chunk's bytes. */
export function imageOf(
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
  { digests, ...note }: ChunkNote,
  modified: string | undefined,
  layer: Descriptor,
): Bytes {
  const labels = note.name === undefined ? {} : { [TITLE]: note.name };
  const json = JSON.stringify({
    architecture: "amd64",
    os: "linux",
    created: modified,
    config: { Labels: labels },
    rootfs: { type: "layers", diff_ids: [layer.digest] },
    layerstash: { ...note, ...(digests && { digests: [] }) },
  });
  return digests ? withTable(json, digests) : new TextEncoder().encode(json);
}

/**
 * Encodes JSON that ends with an empty list, and puts digests into that. They are encoded one by one: a string of 100,000 would
 * take twice its 7 MB beside the bytes.
 */
function withTable(json: string, digests: readonly Digest[]): Bytes {
  const encoder = new TextEncoder();
  const list = json.lastIndexOf("]");
  const [head, tail] = [encoder.encode(json.slice(0, list)), encoder.encode(json.slice(list))];
  const items = digests.reduce((size, digest) => size + `,"${digest}"`.length, -1);
  const bytes = new Uint8Array(head.length + items + tail.length);
  bytes.set(head);
  let end = head.length;
  for (const digest of digests) {
    const comma = end === head.length ? "" : ",";
    end += encoder.encodeInto(`${comma}"${digest}"`, bytes.subarray(end)).written;
  }
  bytes.set(tail, end);
  return bytes;
}
