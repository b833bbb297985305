/** Reduces an index to the platforms that are copied. @module */
import { NotFoundError } from "../errors.ts";
import { chooseImage } from "../images/platforms.ts";
import { listImages, readListedImage } from "../images/index_tree.ts";
import { requirePlatform } from "../images/single_platform.ts";
import { isIndex } from "../oci/image_index.ts";
import { type Manifest, manifestOf } from "../oci/manifest.ts";
import type { CallOptions, StoreReader } from "../store/store.ts";

interface RawEntry {
  digest: string;
  annotations?: Record<string, string>;
}

/**
 * The manifest to copy: the root if no platform is chosen, the image for one platform, or an index of the images for
 * several, whose entries are unchanged and include the attestations of these images.
 *
 * @throws {NotFoundError} if there is no image for a platform
 */
export async function choosePlatforms(
  store: StoreReader,
  root: Manifest,
  { platforms, ...options }: CallOptions & { platforms: readonly string[] },
): Promise<Manifest> {
  if (!isIndex(root)) {
    for (const platform of platforms) await requirePlatform(store, root, platform, options);
  }
  if (platforms.length === 0 || !isIndex(root)) return root;
  const listed = await listImages(store, root, options);
  const chosen = new Set<string>(platforms.map((platform) => chooseImage(listed, platform).digest));
  const [first] = listed.filter(({ digest }) => chosen.has(digest));
  if (platforms.length === 1) return await readListedImage(store, first!.digest, options);
  const index = JSON.parse(new TextDecoder().decode(root.bytes)) as { manifests: RawEntry[] };
  const manifests = index.manifests.filter(({ digest, annotations }) =>
    chosen.has(digest) || chosen.has(annotations?.["vnd.docker.reference.digest"] ?? "")
  );
  if (!manifests.some(({ digest }) => chosen.has(digest))) {
    throw new NotFoundError("the platforms are in a nested index: copy them one by one");
  }
  if (manifests.length === index.manifests.length) return root;
  return manifestOf(new TextEncoder().encode(JSON.stringify({ ...index, manifests })), root.mediaType);
}
