/** Finds the images that a reference means: one, or one for each platform. @module */
import { InvalidInputError, MismatchError, NotFoundError } from "../errors.ts";
import type { Digest } from "../oci/digest.ts";
import { type IndexedManifest, isIndex, isIndexType, isRunnable, readIndex } from "../oci/image_index.ts";
import type { Manifest } from "../oci/manifest.ts";
import { formatPlatform, isSamePlatform, parsePlatform, type Platform } from "../oci/platform.ts";
import { notThere } from "../store/known_references.ts";
import type { CallOptions, ManifestReader } from "../store/store.ts";
import { inParallel } from "../async/pool.ts";

/** One answer, or one for each platform, by names such as `linux/arm/v7`, in their order. */
export type ByPlatform<T> = T | ReadonlyMap<string, T>;

/** Which images are wanted. */
export interface PlatformOptions extends CallOptions {
  /** `os/arch` or `os/arch/variant`; absent = all. An image that is the only one is for every platform. */
  platform?: string | undefined;
}

/** Indexes in indexes are followed so far. */
const MOST_NESTED = 4;
/** No index that is meant well has so many entries, with those of the indexes in it. */
const MOST_ENTRIES = 1000;
/** How many manifests are asked for at once. */
const JOBS = 4;

/**
 * The image behind a tag or digest; where that is an index, and no platform is named, the images by platform.
 *
 * @throws {NotFoundError} when there is none, or none for the platform
 * @throws {MismatchError} when an index is malformed
 */
export async function findImages(
  store: ManifestReader,
  reference: string,
  options: PlatformOptions = {},
): Promise<ByPlatform<Manifest>> {
  return await imagesOf(store, await requireManifest(store, reference, options), options);
}

/** The same for a manifest that is at hand. */
export async function imagesOf(
  store: ManifestReader,
  manifest: Manifest,
  options: PlatformOptions = {},
): Promise<ByPlatform<Manifest>> {
  const { platform, signal, onEvent } = options;
  if (platform !== undefined) parsePlatform(platform);
  if (!isIndex(manifest)) return manifest;
  const listed = await listImages(store, manifest, { signal, onEvent });
  if (platform !== undefined) {
    return await readListed(store, chooseImage(listed, platform).digest, { signal, onEvent });
  }
  const images = new Map<string, Manifest>();
  const named = [...byPlatform(listed)];
  await inParallel(named, { jobs: JOBS, signal }, async ([name, { digest }], signal) => {
    images.set(name, await readListed(store, digest, { signal, onEvent }));
  });
  return new Map(named.map(([name]) => [name, images.get(name)!]));
}

/**
 * All images that an index lists, also through indexes in it. Their manifests are not read.
 *
 * @throws {MismatchError} when it is malformed, or without end
 */
export async function listImages(
  store: ManifestReader,
  index: Manifest,
  options: CallOptions = {},
): Promise<IndexedManifest[]> {
  const images: IndexedManifest[] = [];
  await gather({ store, options, images, left: MOST_ENTRIES }, index, { depth: 1 });
  return images;
}

interface Gathering {
  store: ManifestReader;
  options: CallOptions;
  images: IndexedManifest[];
  /** How many entries may still come. */
  left: number;
}

async function gather(
  to: Gathering,
  index: Manifest,
  { depth, outer }: { depth: number; outer?: Platform | undefined },
): Promise<void> {
  for (const entry of readIndex(index)) {
    if (depth > MOST_NESTED || --to.left < 0) {
      throw new MismatchError(`the index ${index.digest} leads to more images than can be meant`);
    }
    const platform = entry.platform ?? outer;
    if (!isIndexType(entry.mediaType)) to.images.push({ ...entry, platform });
    else {
      const nested = await requireManifest(to.store, entry.digest, to.options);
      await gather(to, nested, { depth: depth + 1, outer: platform });
    }
  }
}

/**
 * The image for a platform: the first that is named just so, else the first that is for the same processor; where no
 * variant is wanted, the highest one that there is.
 *
 * @throws {NotFoundError} when there is none
 */
export function chooseImage(images: readonly IndexedManifest[], platform: string): IndexedManifest {
  const wanted = parsePlatform(platform);
  const found = images.find((image) => image.platform && formatPlatform(image.platform) === platform) ??
    images.find((image) => image.platform && isSamePlatform(image.platform, wanted)) ??
    highestVariant(images, wanted);
  if (found) return found;
  const there = [...byPlatform(images.filter(isRunnable)).keys()];
  throw new NotFoundError(`there is no image for ${platform}`, {
    hint: there.length > 0 ? `there are images for: ${there.join(", ")}` : "the index lists no images",
  });
}

function highestVariant(images: readonly IndexedManifest[], wanted: Platform): IndexedManifest | undefined {
  if (wanted.variant !== undefined) return undefined;
  const fitting = images.filter(({ platform }) =>
    platform?.os === wanted.os && platform.architecture === wanted.architecture
  );
  return fitting.sort((a, b) => a.platform!.variant!.localeCompare(b.platform!.variant!, "en")).at(-1);
}

/** Images by the names of their platforms, in the order of the names. */
export function byPlatform(images: readonly IndexedManifest[]): Map<string, IndexedManifest> {
  const named = new Map<string, IndexedManifest>();
  for (const image of images) named.set(nameFor(image, named), image);
  return new Map([...named].sort(([one], [other]) => one < other ? -1 : 1));
}

/** Several images may be for one platform: on Windows they differ in the version of the system. */
function nameFor({ platform, digest }: IndexedManifest, taken: ReadonlyMap<string, unknown>): string {
  const name = platform ? formatPlatform(platform) : "unknown/unknown";
  if (!taken.has(name)) return name;
  const versioned = `${name} (${platform?.osVersion ?? digest})`;
  return taken.has(versioned) ? `${name} (${digest})` : versioned;
}

/**
 * The one image that is meant.
 *
 * @throws {InvalidInputError} when there are several: the platform has to be named
 */
export function requireOne<T>(found: ByPlatform<T>, reference: string): T {
  if (!isByPlatform(found)) return found;
  throw new InvalidInputError(`${reference} has an image for each platform, and none was named`, {
    hint: `name one with --platform: ${[...found.keys()].join(", ")}`,
  });
}

/** Whether there is an answer for each platform, and not just one. */
export function isByPlatform<T>(found: ByPlatform<T>): found is ReadonlyMap<string, T> {
  return found instanceof Map;
}

/** Makes something else of each answer. */
export function mapEach<T, U>(found: ByPlatform<T>, make: (value: T) => U): ByPlatform<U> {
  if (!isByPlatform(found)) return make(found);
  return new Map([...found].map(([name, value]) => [name, make(value)]));
}

/**
 * The manifest of a tag or digest.
 *
 * @throws {NotFoundError} when there is none
 * @throws {InvalidInputError} when it is neither
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

/**
 * The manifest of an image that an index lists. It may list another index as an image: what it says of media types is
 * not checked.
 *
 * @throws {MismatchError} when it is an index
 */
export async function readListed(
  store: ManifestReader,
  digest: Digest,
  options: CallOptions,
): Promise<Manifest> {
  const manifest = await requireManifest(store, digest, options);
  if (!isIndex(manifest)) return manifest;
  throw new MismatchError(`the manifest ${digest} is an index, and is listed as an image`);
}
