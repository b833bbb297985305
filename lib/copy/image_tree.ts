/** Reads an image, or an index with everything that it lists: manifests, and the blobs that each lists. @module */
import { collect } from "../content/collect.ts";
import { InvalidInputError, NotFoundError, RegistryError } from "../errors.ts";
import { type OnEvent, withChannel } from "../events.ts";
import { type IndexNode, readIndexTree, reportWrongSize, requireManifest } from "../images/index_tree.ts";
import { quoted } from "../messages.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { type IndexedManifest, isIndex } from "../oci/image_index.ts";
import { declaredMediaType, type Manifest, MAX_MANIFEST_SIZE } from "../oci/manifest.ts";
import { IMAGE_INDEX, IMAGE_MANIFEST, isBlobType, isManifestType } from "../oci/media_types.ts";
import { referencesOf } from "../oci/references.ts";
import type { CallOptions, Store, StoreReader } from "../store/store.ts";

/** A manifest, and what it lists. */
export interface ImageTree {
  /** The manifest, byte for byte. */
  manifest: Manifest;
  /** The entry of the index that lists the manifest; absent for the root. */
  entry?: IndexedManifest | undefined;
  /** The manifests that an index lists; empty for an image. */
  children: ImageTree[];
  /** The config and the layers of an image, the blobs of an artifact, or the blobs that an index lists. */
  blobs: Descriptor[];
}

/**
 * Reads everything that a manifest leads to. Oddities are reported, and tolerated: a manifest without a media type, an
 * index that gives a wrong size, a layer that is stored elsewhere.
 *
 * @throws {NotFoundError} if a listed manifest does not exist
 * @throws {InvalidInputError} if a manifest is of an unknown kind, and lists nothing that is understood
 * @throws {MismatchError} if a manifest is malformed or has another digest, or if indexes list or nest too much
 */
export async function readTree(
  store: StoreReader,
  root: Manifest,
  options: CallOptions = {},
): Promise<ImageTree> {
  const channel = withChannel(options, store);
  const nodes = isIndex(root)
    ? await readIndexTree<Manifest | undefined>(root, (entry) => readChild(entry, store, channel))
    : [];
  return await treeOf(root, nodes, (manifest) => blobsToCopy(manifest, store, channel));
}

async function treeOf(
  manifest: Manifest,
  nodes: readonly IndexNode<Manifest | undefined>[],
  blobsOf: (manifest: Manifest) => Promise<Descriptor[]>,
): Promise<ImageTree> {
  const children: ImageTree[] = [];
  const blobs = await blobsOf(manifest);
  for (const { entry, manifest, children: inner } of nodes) {
    if (manifest) children.push({ ...await treeOf(manifest, inner, blobsOf), entry });
    else blobs.push(entry);
  }
  return { manifest, children, blobs };
}

/** Reads a listed manifest; a blob stays unread. If the manifest declares no media type, it gets that of its entry. */
async function readChild(
  entry: IndexedManifest,
  store: StoreReader,
  options: CallOptions,
): Promise<Manifest | undefined> {
  if (await isListedBlob(entry, store, options)) return undefined;
  const child = await requireManifest(store, entry.digest, options).catch((error) => {
    if (!(error instanceof NotFoundError)) throw error;
    throw new NotFoundError(`${error.message}, although an index lists it`, {
      hint: "copy the platforms that exist, with --platform",
      cause: error,
    });
  });
  reportWrongSize(entry, child, options.onEvent);
  return isUndeclared(child) ? { ...child, mediaType: entry.mediaType } : child;
}

/** Whether an index lists a blob, as those of build caches do. What has an unknown type is looked at. */
async function isListedBlob(
  { mediaType, digest }: IndexedManifest,
  store: StoreReader,
  options: CallOptions,
): Promise<boolean> {
  if (isManifestType(mediaType)) return false;
  if (isBlobType(mediaType)) return true;
  const size = await store.stat(digest, options);
  if (size === undefined) return false; // then it is to be found among the manifests
  if (size > MAX_MANIFEST_SIZE) return true;
  const bytes = await collect(await store.read(digest, options), size);
  try {
    return JSON.parse(new TextDecoder().decode(bytes))?.schemaVersion === undefined;
  } catch {
    return true;
  }
}

/** The blobs that a manifest needs, as far as the store has them. A notice says which are left out. */
async function blobsToCopy(
  manifest: Manifest,
  store: StoreReader,
  options: CallOptions,
): Promise<Descriptor[]> {
  const { bytes, mediaType, digest } = manifest;
  const { blobs, manifests, isComplete } = referencesOf(bytes, mediaType);
  const notice = (message: string) => options.onEvent?.({ type: "notice", message });
  if (!isComplete && blobs.length + manifests.length === 0) {
    throw new InvalidInputError(`the manifest ${digest} is of an unknown kind (${quoted(mediaType)})`, {
      hint: "which blobs it needs is not known, so it cannot be copied whole",
    });
  }
  if (!isComplete) {
    notice(`the manifest ${digest} is of an unknown kind: only the blobs that it lists are copied`);
  }
  const found: Descriptor[] = [];
  for (const { urls, size, ...blob } of blobs) {
    const actual = size !== undefined && urls.length === 0 ? size : await store.stat(blob.digest, options);
    if (actual !== undefined) found.push({ ...blob, size: actual });
    else if (urls.length > 0) {
      notice(`the layer ${blob.digest} is left out: it is stored elsewhere, at ${urls[0]}`);
    } else throw new NotFoundError(`${store.name} has no blob ${blob.digest}`);
  }
  return found;
}

/** Whether a manifest declares no media type, which OCI allows. umoci writes such manifests. */
function isUndeclared({ bytes }: Manifest): boolean {
  return declaredMediaType(bytes) === undefined;
}

/** All manifests of a tree. What an index lists comes before the index. */
export function treeManifests({ manifest, children }: ImageTree): Manifest[] {
  return [...children.flatMap(treeManifests), manifest];
}

/** All blobs of a tree. Some may be listed more than once. */
export function treeBlobs({ blobs, children }: ImageTree): Descriptor[] {
  return [...blobs, ...children.flatMap(treeBlobs)];
}

/** Explains why a registry refuses an image: some refuse manifests that list layers which they do not have. */
export function explainRefusal(error: unknown, tree: ImageTree): unknown {
  const copied = new Set(treeBlobs(tree).map(({ digest }) => digest));
  const leftOut = treeManifests(tree).flatMap(({ bytes, mediaType }) => referencesOf(bytes, mediaType).blobs)
    .find(({ digest, urls }) => urls.length > 0 && !copied.has(digest));
  if (!(error instanceof RegistryError) || !leftOut) return error;
  return error.with({
    hint: `the registry may refuse images without all of their layers, and ${leftOut.digest} is left out: ` +
      `it is stored elsewhere, at ${leftOut.urls[0]}`,
  });
}

const DOCKER_TYPES = [IMAGE_MANIFEST.docker, IMAGE_INDEX.docker];

/** Reports that other programs ignore docker's format in an OCI layout. Converting it would change the digest. */
export function warnOfDockerFormat(
  store: Pick<Store, "url">,
  tree: ImageTree,
  onEvent: OnEvent | undefined,
): void {
  const isDocker = treeManifests(tree).some(({ mediaType }) => DOCKER_TYPES.includes(mediaType));
  if (!store.url.startsWith("file:") || !isDocker) return;
  const message = "the image keeps docker's own format, which skopeo and umoci do not see in a directory; " +
    "for them, convert it with skopeo copy docker://IMAGE oci:DIR:TAG, which changes its digest";
  onEvent?.({ type: "notice", message });
}
