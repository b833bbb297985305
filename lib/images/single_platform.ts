/** Checks the platform of an image outside an index, which only its config names. @module */
import { MismatchError, NotFoundError } from "../errors.ts";
import { type Manifest, readImageManifest } from "../oci/manifest.ts";
import { formatVersionedPlatform, isSamePlatform, parsePlatform, type Platform } from "../oci/platform.ts";
import type { CallOptions, StoreReader } from "../store/store.ts";
import { readConfig } from "./image_config.ts";

/**
 * Checks that an image outside an index is for a platform. If the wanted platform has no variant, any variant matches.
 * Fields that the image's config omits match anything.
 *
 * @throws {NotFoundError} if the image is for another platform
 * @throws {InvalidInputError} if `wanted` is not a platform
 */
export async function requirePlatform(
  store: StoreReader,
  image: Manifest,
  wanted: string,
  options: CallOptions,
): Promise<void> {
  const platform = parsePlatform(wanted);
  const own = await configPlatform(store, image, options);
  if (!own || mayMatch(own, platform)) return;
  throw new NotFoundError(`there is no image for ${wanted}`, {
    hint: `the only image is for ${formatVersionedPlatform(own)}`,
  });
}

function mayMatch(own: Platform, wanted: Platform): boolean {
  const versions = new Set([own.osVersion, wanted.osVersion].filter((version) => version !== undefined));
  if (versions.size > 1) return false;
  const filled = {
    ...own,
    os: knownOr(own.os, wanted.os),
    architecture: knownOr(own.architecture, wanted.architecture),
  };
  if (isSamePlatform(filled, wanted)) return true;
  const { os, architecture, variant } = wanted;
  return variant === undefined && os === filled.os && architecture === filled.architecture;
}

/** The wanted value where the config has none, which is read as `unknown`. */
function knownOr(own: string, wanted: string): string {
  return own === "unknown" ? wanted : own;
}

async function configPlatform(
  store: StoreReader,
  image: Manifest,
  options: CallOptions,
): Promise<Platform | undefined> {
  const { config } = readImageManifest(image);
  try {
    return (await readConfig(store, config, options)).platform;
  } catch (error) {
    if (error instanceof MismatchError) return undefined; // an artifact's config, which names no platform
    throw error;
  }
}
