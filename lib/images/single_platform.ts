/** The platform of an image that stands alone: no index says it, so its config has to. @module */
import { MismatchError, NotFoundError } from "../errors.ts";
import { type Manifest, readImageManifest } from "../oci/manifest.ts";
import { formatPlatform, isSamePlatform, parsePlatform, type Platform } from "../oci/platform.ts";
import type { CallOptions, Store } from "../store/store.ts";
import { readConfig } from "./image_config.ts";

/**
 * Makes sure that an image which is in no index is for a platform. Where no variant is wanted, any will do; what the
 * image does not say of its own is no reason against it, either.
 *
 * @throws {NotFoundError} when it is for another platform
 * @throws {InvalidInputError} when the platform is none
 */
export async function requirePlatform(
  store: Store,
  image: Manifest,
  wanted: string,
  options: CallOptions,
): Promise<void> {
  const platform = parsePlatform(wanted);
  const own = await platformOf(store, image, options);
  if (!own || mayBe(own, platform)) return;
  throw new NotFoundError(`there is no image for ${wanted}`, {
    hint: `there is one only, for ${formatPlatform(own)}`,
  });
}

function mayBe(own: Platform, wanted: Platform): boolean {
  const said = {
    ...own,
    os: saidOr(own.os, wanted.os),
    architecture: saidOr(own.architecture, wanted.architecture),
  };
  if (isSamePlatform(said, wanted)) return true;
  const { os, architecture, variant } = wanted;
  return variant === undefined && os === said.os && architecture === said.architecture;
}

/** As configs are read, what they do not say is `unknown`. */
function saidOr(own: string, wanted: string): string {
  return own === "unknown" ? wanted : own;
}

async function platformOf(
  store: Store,
  image: Manifest,
  options: CallOptions,
): Promise<Platform | undefined> {
  const { config } = readImageManifest(image);
  try {
    return (await readConfig(store, config, options)).platform;
  } catch (error) {
    if (error instanceof MismatchError) return undefined; // of an artifact, which runs nowhere
    throw error;
  }
}
