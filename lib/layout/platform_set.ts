/**
 * Images for several platforms that an index of a layout lists side by side, under one tag or none: the image spec allows it,
 * and together they are one image (OCI image spec, image-layout.md, "index.json file").
 *
 * @module
 */
import type { Bytes } from "../content/bytes.ts";
import { isRunnable } from "../oci/image_index.ts";
import { encodeManifest, type Manifest, manifestOf } from "../oci/manifest.ts";
import { IMAGE_INDEX } from "../oci/media_types.ts";
import { formatVersionedPlatform } from "../oci/platform.ts";
import { type IndexEntry, withoutNames } from "./index_entry.ts";

/**
 * Whether entries of one name are one image: the same manifest, or manifests for different platforms. Attestations, which
 * BuildKit lists beside the images, belong to them.
 */
export function isOneImage(entries: readonly IndexEntry[]): boolean {
  return new Set(entries.map(({ digest }) => digest)).size <= 1 || isPlatformSet(entries);
}

/** Whether entries are images for different platforms, with the same name or none. */
export function isPlatformSet(entries: readonly IndexEntry[]): boolean {
  const images = entries.filter(isRunnable);
  const platforms = new Set(images.map(({ platform }) => platform && formatVersionedPlatform(platform)));
  const names = new Set(entries.map(({ tag, imageName }) => JSON.stringify([tag, imageName])));
  return entries.length > 1 && images.length > 0 && names.size === 1 && platforms.size === images.length &&
    !platforms.has(undefined) && new Set(entries.map(({ digest }) => digest)).size === entries.length;
}

/** The index of images that have one tag, made of their entries. The layout itself has no such manifest. */
export function indexOfSet(entries: readonly IndexEntry[]): Manifest {
  const manifests = entries.map(withoutNames);
  return encodeManifest({ schemaVersion: 2, mediaType: IMAGE_INDEX.oci, manifests });
}

/** The file `index.json` as an index, where it is one: it lists the images for several platforms, and names none. */
export function indexItself(
  entries: readonly IndexEntry[],
  bytes: Bytes,
): Manifest | undefined {
  const [first] = entries;
  const isNameless = first?.tag === undefined && first?.imageName === undefined;
  return isNameless && isPlatformSet(entries) ? manifestOf(bytes, IMAGE_INDEX.oci) : undefined;
}
