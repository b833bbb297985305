/** An image, or an index with all that it leads to, as it is stored: manifests with the blobs that each lists. @module */
import { MismatchError, NotFoundError } from "../errors.ts";
import { withChannel } from "../events.ts";
import { requireManifest } from "../images/platforms.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { isIndex, readIndex } from "../oci/image_index.ts";
import { declaredMediaType, listedBlobs, type Manifest } from "../oci/manifest.ts";
import { MANIFEST_TYPES } from "../oci/media_types.ts";
import type { CallOptions, ManifestReader } from "../store/store.ts";

/** A manifest and what it lists. */
export interface ImageTree {
  /** To the byte as it was found. */
  manifest: Manifest;
  /** Of an index: what it lists. */
  children: ImageTree[];
  /** Of an image: the config and the layers that are stored with it. */
  blobs: Descriptor[];
}

/** What reading takes. */
export interface TreeOptions extends CallOptions {
}

const MOST_NESTED = 4;
const MOST_MANIFESTS = 1000;

/**
 * Reads everything that a manifest leads to. What is merely odd is told of, and copied as it is: a manifest that does
 * not say what it is, an index that names another size.
 *
 * @throws {NotFoundError} when a manifest that is listed is not there
 * @throws {MismatchError} when one is malformed, or has another digest, or there is no end
 */
export async function readTree(
  store: ManifestReader,
  root: Manifest,
  options: TreeOptions = {},
): Promise<ImageTree> {
  tellIfUndeclared(root, withChannel(options, store));
  return await grow(root, { store, options, left: MOST_MANIFESTS }, 0);
}

interface Growth {
  store: ManifestReader;
  options: TreeOptions;
  left: number;
}

async function grow(manifest: Manifest, growth: Growth, depth: number): Promise<ImageTree> {
  if (--growth.left < 0 || depth > MOST_NESTED) {
    throw new MismatchError(`the index ${manifest.digest} leads to more images than can be meant`);
  }
  if (!isIndex(manifest)) return { manifest, children: [], blobs: listedBlobs(manifest.bytes) };
  const children: ImageTree[] = [];
  for (const entry of readIndex(manifest)) {
    children.push(await grow(await readChild(entry, growth), growth, depth + 1));
  }
  return { manifest, children, blobs: [] };
}

/** What a manifest does not say of itself, the index says of it. */
async function readChild(entry: Descriptor, { store, options }: Growth): Promise<Manifest> {
  const child = await requireManifest(store, entry.digest, options).catch((error) => {
    if (!(error instanceof NotFoundError)) throw error;
    throw new NotFoundError(`${error.message}, although an index lists it`, {
      hint: "copy the platforms that are there, with --platform",
      cause: error,
    });
  });
  if (child.bytes.length !== entry.size) {
    const message =
      `the index says that ${entry.digest} has ${entry.size} bytes, it has ${child.bytes.length}`;
    (options.onEvent ?? store.onEvent)?.({ type: "notice", message });
  }
  if (tellIfUndeclared(child, withChannel(options, store))) return { ...child, mediaType: entry.mediaType };
  return child;
}

function tellIfUndeclared({ bytes, digest }: Manifest, { onEvent }: TreeOptions): boolean {
  const declared = declaredMediaType(bytes);
  if (declared !== undefined && MANIFEST_TYPES.includes(declared)) return false;
  const message = `the manifest ${digest} does not say which kind it is, which OCI allows`;
  if (declared === undefined) onEvent?.({ type: "notice", message });
  return declared === undefined;
}

/** All manifests, children before what lists them. */
export function manifestsOf({ manifest, children }: ImageTree): Manifest[] {
  return [...children.flatMap(manifestsOf), manifest];
}

/** All blobs; some may be listed more than once. */
export function treeBlobs({ blobs, children }: ImageTree): Descriptor[] {
  return [...blobs, ...children.flatMap(treeBlobs)];
}
