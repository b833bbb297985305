/** Reads indexes and the indexes in them (OCI image spec, image-index.md). @module */
import { MismatchError } from "../errors.ts";
import type { OnEvent } from "../events.ts";
import type { Digest } from "../oci/digest.ts";
import {
  type IndexedManifest,
  isIndex,
  isIndexType,
  readIndex,
  understoodEntries,
} from "../oci/image_index.ts";
import type { Manifest } from "../oci/manifest.ts";
import { isBlobType, isManifestType } from "../oci/media_types.ts";
import type { Platform } from "../oci/platform.ts";
import { notThere } from "../store/known_references.ts";
import type { CallOptions, ManifestReader } from "../store/store.ts";

/** A manifest that an index lists, and what it lists in turn. */
export interface IndexNode<M extends Manifest | undefined> {
  /** The entry of the index. If it names no platform, it has that of the entry above. */
  entry: IndexedManifest;
  /** The manifest, or `undefined` if it was not read. */
  manifest: M;
  /** What the manifest lists, if it is an index. */
  children: IndexNode<M>[];
}

/** The most indexes within each other. */
const DEEPEST = 4;
/** The most entries of an index, including those of nested indexes. Real ones have some dozens. */
const MOST_ENTRIES = 1000;

/**
 * Reads everything that an index lists, and that nested indexes list.
 *
 * @param read reads the manifest of an entry, or gives `undefined` to leave it unread
 * @param entriesOf reads the entries of an index
 * @throws {MismatchError} if an index is malformed, or they list or nest too much
 */
export async function readIndexTree<M extends Manifest | undefined>(
  index: Manifest,
  read: (entry: IndexedManifest) => Promise<M> | M,
  entriesOf: (index: Manifest) => IndexedManifest[] = readIndex,
): Promise<IndexNode<M>[]> {
  let left = MOST_ENTRIES;
  const nodesOf = async (index: Manifest, depth: number, outer?: Platform): Promise<IndexNode<M>[]> => {
    const nodes: IndexNode<M>[] = [];
    for (const listed of entriesOf(index)) {
      if (depth > DEEPEST || --left < 0) throw tooManyImages(index);
      const entry = { ...listed, platform: listed.platform ?? outer };
      const manifest = await read(entry);
      const nested = manifest !== undefined && isIndex(manifest);
      const children = nested ? await nodesOf(manifest, depth + 1, entry.platform) : [];
      nodes.push({ entry, manifest, children });
    }
    return nodes;
  };
  return await nodesOf(index, 1);
}

function tooManyImages({ digest }: Manifest): MismatchError {
  return new MismatchError(
    `the index ${digest} leads to more than ${MOST_ENTRIES} images, or nests more than ${DEEPEST} deep`,
  );
}

/**
 * Lists the images of an index, including those of nested indexes. Only indexes are read. Blobs, which build caches list,
 * are not images, and entries that are not understood are passed over.
 *
 * @throws {MismatchError} if an index is malformed, or they list or nest too much
 */
export async function listImages(
  store: ManifestReader,
  index: Manifest,
  options: CallOptions = {},
): Promise<IndexedManifest[]> {
  const read = ({ mediaType, digest }: IndexedManifest) =>
    isIndexType(mediaType) ? readNestedIndex(store, digest, options) : undefined;
  return leavesOf(await readIndexTree<Manifest | undefined>(index, read, understoodEntries));
}

function leavesOf(nodes: readonly IndexNode<Manifest | undefined>[]): IndexedManifest[] {
  return nodes.flatMap(({ entry, manifest, children }) => {
    if (manifest) return leavesOf(children);
    return isImage(entry) ? [entry] : [];
  });
}

/** Whether an entry is an image by its media type. Where that is unknown, as some tools have it, the platform decides. */
function isImage({ mediaType, platform }: IndexedManifest): boolean {
  return isManifestType(mediaType) || platform !== undefined && !isBlobType(mediaType);
}

async function readNestedIndex(
  store: ManifestReader,
  digest: Digest,
  options: CallOptions,
): Promise<Manifest> {
  const manifest = await requireManifest(store, digest, options);
  if (isIndex(manifest)) return manifest;
  throw new MismatchError(`the manifest ${digest} is an image, but is listed as an index`);
}

/** Reports that an index gives a manifest another size than it has. Its digest is right, so it is taken. */
export function reportWrongSize(
  { digest, size }: IndexedManifest,
  { bytes }: Manifest,
  onEvent: OnEvent | undefined,
): void {
  if (bytes.length === size) return;
  const message = `the index gives ${digest} a size of ${size} bytes, but it has ${bytes.length}`;
  onEvent?.({ type: "notice", message });
}

/**
 * Reads the manifest of an image that an index lists, whose entry may have a wrong media type.
 *
 * @throws {NotFoundError} if it does not exist
 * @throws {MismatchError} if it is an index
 */
export async function readListedImage(
  store: ManifestReader,
  digest: Digest,
  options: CallOptions,
): Promise<Manifest> {
  const manifest = await requireManifest(store, digest, options);
  if (!isIndex(manifest)) return manifest;
  throw new MismatchError(`the manifest ${digest} is an index, but is listed as an image`);
}

/**
 * Reads the manifest of a tag or digest.
 *
 * @throws {NotFoundError} if it does not exist
 * @throws {InvalidInputError} if `reference` is neither a tag nor a digest
 */
export async function requireManifest(
  store: ManifestReader,
  reference: string,
  options: CallOptions = {},
): Promise<Manifest> {
  const manifest = await store.manifest(reference, options);
  if (manifest) return manifest;
  throw await notThere(store, reference, options);
}
