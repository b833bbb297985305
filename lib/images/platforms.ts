/** Finds the image of a reference or, for an index, the images by platform. @module */
import { InvalidInputError, NotFoundError } from "../errors.ts";
import { type IndexedManifest, isIndex, isRunnable } from "../oci/image_index.ts";
import type { Manifest } from "../oci/manifest.ts";
import {
  formatPlatform,
  formatVersionedPlatform,
  isSamePlatform,
  parsePlatform,
  type Platform,
} from "../oci/platform.ts";
import type { CallOptions, ManifestReader } from "../store/store.ts";
import { inParallel } from "../async/pool.ts";
import { listImages, readListedImage, requireManifest } from "./index_tree.ts";

/** One value, or one for each platform, by names such as `linux/arm/v7` in alphabetical order. */
export type ByPlatform<T> = T | ReadonlyMap<string, T>;

/** Options for choosing a platform. */
export interface PlatformOptions extends CallOptions {
  /** `os/arch[/variant][:version]`; absent = all. An image outside an index matches any platform. */
  platform?: string | undefined;
}

/** The number of manifests that are requested at once. */
const JOBS = 4;

/**
 * Finds the image of a tag or digest; if that is an index and no platform is chosen, the images by platform.
 *
 * @throws {NotFoundError} if it does not exist, or has no image for the platform
 * @throws {MismatchError} if an index is malformed
 */
export async function findImages(
  store: ManifestReader,
  reference: string,
  options: PlatformOptions = {},
): Promise<ByPlatform<Manifest>> {
  return await imagesOf(store, await requireManifest(store, reference, options), options);
}

/** The image of a manifest, or, if that is an index and no platform is chosen, the images by platform. */
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
    return await readListedImage(store, chooseImage(listed, platform).digest, { signal, onEvent });
  }
  const images = new Map<string, Manifest>();
  const named = [...byPlatform(listed)];
  await inParallel(named, { jobs: JOBS, signal }, async ([name, { digest }], signal) => {
    images.set(name, await readListedImage(store, digest, { signal, onEvent }));
  });
  return new Map(named.map(([name]) => [name, images.get(name)!]));
}

/**
 * Chooses the image for a platform: the first that names exactly this platform, or else the first for the same platform
 * under another name, or else, if no variant is wanted, the one with the highest variant.
 *
 * @throws {NotFoundError} if there is none
 * @throws {InvalidInputError} if there are images for several versions of the system, and none is wanted
 */
export function chooseImage(images: readonly IndexedManifest[], platform: string): IndexedManifest {
  const wanted = parsePlatform(platform);
  const candidates = images.filter((image) =>
    wanted.osVersion === undefined || image.platform?.osVersion === wanted.osVersion
  );
  const named = (image: IndexedManifest) => image.platform ?? UNKNOWN;
  const fitting = [
    candidates.filter((image) => formatPlatform(named(image)) === formatPlatform(wanted)),
    candidates.filter((image) => isSamePlatform(named(image), wanted)),
    highestVariant(candidates, wanted),
  ].find((found) => found.length > 0);
  if (fitting) return requireOneVersion(fitting, platform);
  const there = [...byPlatform(images.filter(isRunnable)).keys()];
  throw new NotFoundError(`there is no image for ${platform}`, {
    hint: there.length > 0 ? `there are images for: ${there.join(", ")}` : "the index lists no images",
  });
}

/** The platform of an image that names none. */
const UNKNOWN: Platform = { os: "unknown", architecture: "unknown" };

function highestVariant(images: readonly IndexedManifest[], wanted: Platform): IndexedManifest[] {
  if (wanted.variant !== undefined) return [];
  const fitting = images.filter(({ platform }) =>
    platform?.os === wanted.os && platform.architecture === wanted.architecture
  );
  const variantOf = ({ platform }: IndexedManifest) => platform?.variant ?? "";
  const [highest] = fitting.map(variantOf).sort((one, other) => other.localeCompare(one, "en"));
  return fitting.filter((image) => variantOf(image) === highest);
}

/** The first of images for one platform, unless they are for several versions of the system, as those of Windows are. */
function requireOneVersion(images: readonly IndexedManifest[], platform: string): IndexedManifest {
  const versions = new Set(images.map((image) => image.platform?.osVersion));
  const unversioned = images.find((image) => image.platform?.osVersion === undefined);
  if (unversioned || versions.size === 1) return unversioned ?? images[0]!;
  throw new InvalidInputError(`there are images for several versions of ${platform}`, {
    hint: `choose one with --platform: ${
      images.map((image) => formatVersionedPlatform(image.platform!)).join(", ")
    }`,
  });
}

/** Images by the names of their platforms, in alphabetical order. */
export function byPlatform(images: readonly IndexedManifest[]): Map<string, IndexedManifest> {
  const named = new Map<string, IndexedManifest>();
  for (const image of images) named.set(nameFor(image, named), image);
  return new Map([...named].sort(([one], [other]) => one < other ? -1 : 1));
}

/** A unique name for an image. Several may share a platform: Windows images differ in the version of the system. */
function nameFor({ platform, digest }: IndexedManifest, taken: ReadonlyMap<string, unknown>): string {
  const name = platform ? formatPlatform(platform) : "unknown/unknown";
  if (!taken.has(name)) return name;
  const versioned = platform && formatVersionedPlatform(platform);
  return versioned === undefined || taken.has(versioned) ? `${name} (${digest})` : versioned;
}

/**
 * The only value.
 *
 * @param reference the reference that was resolved, for messages
 * @throws {InvalidInputError} if there is a value for each platform, so that one has to be chosen
 */
export function requireOne<T>(found: ByPlatform<T>, reference: string): T {
  if (!isByPlatform(found)) return found;
  throw new InvalidInputError(`${reference} has images for several platforms`, {
    hint: `choose one with --platform: ${[...found.keys()].join(", ")}`,
  });
}

/** Whether there is a value for each platform rather than a single one. */
export function isByPlatform<T>(found: ByPlatform<T>): found is ReadonlyMap<string, T> {
  return found instanceof Map;
}

/** Applies a function to each value. */
export function mapEach<T, U>(found: ByPlatform<T>, make: (value: T) => U): ByPlatform<U> {
  if (!isByPlatform(found)) return make(found);
  return new Map([...found].map(([name, value]) => [name, make(value)]));
}
