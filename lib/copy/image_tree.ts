/** Reads an image, or an index with everything that it lists: manifests, and the blobs that each lists. @module */
import { NotFoundError } from "../errors.ts";
import { type OnEvent, withChannel } from "../events.ts";
import { type IndexNode, readIndexTree, requireManifest } from "../images/index_tree.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { isIndex } from "../oci/image_index.ts";
import { declaredMediaType, type Manifest } from "../oci/manifest.ts";
import { listedBlobs } from "../oci/references.ts";
import { IMAGE_INDEX, IMAGE_MANIFEST } from "../oci/media_types.ts";
import type { CallOptions, ManifestReader, Store } from "../store/store.ts";

/** A manifest, and what it lists. */
export interface ImageTree {
  /** The manifest, byte for byte. */
  manifest: Manifest;
  /** The manifests that an index lists; empty for an image. */
  children: ImageTree[];
  /** The config and the layers of an image, except those stored elsewhere; empty for an index. */
  blobs: Descriptor[];
}

/**
 * Reads everything that a manifest leads to. Oddities are reported, and tolerated: a manifest without a media type, an
 * index that gives a wrong size.
 *
 * @throws {NotFoundError} if a listed manifest does not exist
 * @throws {MismatchError} if a manifest is malformed or has another digest, or if indexes list or nest too much
 */
export async function readTree(
  store: ManifestReader,
  root: Manifest,
  options: CallOptions = {},
): Promise<ImageTree> {
  const channel = withChannel(options, store);
  isUndeclared(root, channel);
  if (!isIndex(root)) return treeOf(root, []);
  return treeOf(root, await readIndexTree(root, (entry) => readChild(entry, store, channel)));
}

function treeOf(manifest: Manifest, nodes: readonly IndexNode<Manifest>[]): ImageTree {
  const children = nodes.map((node) => treeOf(node.manifest, node.children));
  return { manifest, children, blobs: isIndex(manifest) ? [] : listedBlobs(manifest.bytes) };
}

/** Reads a listed manifest. If it declares no media type, it gets that of its entry. */
async function readChild(
  entry: Descriptor,
  store: ManifestReader,
  options: CallOptions,
): Promise<Manifest> {
  const child = await requireManifest(store, entry.digest, options).catch((error) => {
    if (!(error instanceof NotFoundError)) throw error;
    throw new NotFoundError(`${error.message}, although an index lists it`, {
      hint: "copy the platforms that exist, with --platform",
      cause: error,
    });
  });
  if (child.bytes.length !== entry.size) {
    const message =
      `the index gives ${entry.digest} a size of ${entry.size} bytes, but it has ${child.bytes.length}`;
    options.onEvent?.({ type: "notice", message });
  }
  return isUndeclared(child, options) ? { ...child, mediaType: entry.mediaType } : child;
}

/** Whether a manifest declares no media type, which OCI allows. A notice reports it. */
function isUndeclared({ bytes, digest }: Manifest, { onEvent }: CallOptions): boolean {
  if (declaredMediaType(bytes) !== undefined) return false;
  onEvent?.({ type: "notice", message: `the manifest ${digest} declares no media type, which OCI allows` });
  return true;
}

/** All manifests of a tree. What an index lists comes before the index. */
export function treeManifests({ manifest, children }: ImageTree): Manifest[] {
  return [...children.flatMap(treeManifests), manifest];
}

/** All blobs of a tree. Some may be listed more than once. */
export function treeBlobs({ blobs, children }: ImageTree): Descriptor[] {
  return [...blobs, ...children.flatMap(treeBlobs)];
}

const DOCKER_TYPES = [IMAGE_MANIFEST.docker, IMAGE_INDEX.docker];

/** Reports that other programs ignore docker's format in an OCI layout. Converting it would change the digest. */
export function warnOfDockerFormat(
  store: Pick<Store, "family">,
  tree: ImageTree,
  onEvent: OnEvent | undefined,
): void {
  const isDocker = treeManifests(tree).some(({ mediaType }) => DOCKER_TYPES.includes(mediaType));
  if (store.family !== "oci" || !isDocker) return;
  const message = "the image keeps docker's own format, which skopeo and umoci do not see in a directory; " +
    "for them, convert it with skopeo copy docker://IMAGE oci:DIR:TAG, which changes its digest";
  onEvent?.({ type: "notice", message });
}
