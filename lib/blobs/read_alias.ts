/** Reads what an alias, or any other tag, points to. @module */
import { type ByPlatform, findImages, imagesOf, mapEach, type PlatformOptions } from "../images/platforms.ts";
import type { Digest } from "../oci/digest.ts";
import { isManifest, type Manifest, readImageManifest } from "../oci/manifest.ts";
import type { StoreReader } from "../store/store.ts";
import type { SizedBlob } from "../oci/descriptor.ts";

/**
 * The digests of the blobs that an alias points to, in order; for an image, its layers. If the alias points to images
 * for several platforms and none is chosen, the digests are grouped by platform.
 *
 * @param alias a tag, a manifest's digest, or a manifest
 * @throws {InvalidInputError} if `alias` is neither a tag nor a digest
 * @throws {NotFoundError} if the alias does not exist, or has no image for the platform
 * @throws {MismatchError} if its manifest is malformed
 *
 * @example
 * ```ts
 * import { openStore } from "@layerstash/cli";
 * import { getAlias, pushBlob } from "@layerstash/cli/blobs";
 *
 * const directory = await Deno.makeTempDir();
 * using store = openStore({ registry: `oci:${directory}`, repository: "me/files" });
 * const { digest } = await pushBlob(store, new Response("hello").body!, { alias: "greeting" });
 * const found = await getAlias(store, "greeting");
 * if (found instanceof Map || (found as string[])[0] !== digest) throw new Error("unexpected alias");
 * await Deno.remove(directory, { recursive: true });
 * ```
 */
export async function getAlias(
  store: StoreReader,
  alias: string | Manifest,
  options: PlatformOptions = {},
): Promise<ByPlatform<Digest[]>> {
  return mapEach(await aliasBlobs(store, alias, options), (blobs) => blobs.map(({ digest }) => digest));
}

/** The blobs that an alias points to, with the sizes that its manifest claims. */
export async function aliasBlobs(
  store: StoreReader,
  alias: string | Manifest,
  options: PlatformOptions = {},
): Promise<ByPlatform<SizedBlob[]>> {
  return mapEach(
    await aliasManifests(store, alias, options),
    (manifest) => readImageManifest(manifest).layers,
  );
}

/**
 * The digest of the config that an alias's manifest lists: the first blob of an alias in docker's format, the empty config of
 * one in OCI's format, or the ID of a docker image.
 *
 * @param alias a tag, a manifest's digest, or a manifest
 * @throws {InvalidInputError} if `alias` is neither a tag nor a digest
 * @throws {NotFoundError} if the alias does not exist, or has no image for the platform
 *
 * @example
 * ```ts
 * import { openStore } from "@layerstash/cli";
 * import { getConfigDigest, pushBlob } from "@layerstash/cli/blobs";
 *
 * const directory = await Deno.makeTempDir();
 * const manifestFormat = "docker";
 * using store = openStore({ registry: `oci:${directory}`, repository: "me/files", manifestFormat });
 * const { digest } = await pushBlob(store, new Response("hello").body!, { alias: "greeting" });
 * if (await getConfigDigest(store, "greeting") !== digest) throw new Error("unexpected digest");
 * await Deno.remove(directory, { recursive: true });
 * ```
 */
export async function getConfigDigest(
  store: StoreReader,
  alias: string | Manifest,
  options: PlatformOptions = {},
): Promise<ByPlatform<Digest>> {
  return mapEach(
    await aliasManifests(store, alias, options),
    (manifest) => readImageManifest(manifest).config.digest,
  );
}

/**
 * The manifest that an alias points to, byte for byte. If it points to images for several platforms and none is chosen,
 * the manifests are given by platform.
 *
 * @throws {InvalidInputError} if `alias` is neither a tag nor a digest
 * @throws {NotFoundError} if the alias does not exist, or has no image for the platform
 *
 * @example
 * ```ts
 * import { openStore } from "@layerstash/cli";
 * import { getManifest, pushBlob } from "@layerstash/cli/blobs";
 *
 * const directory = await Deno.makeTempDir();
 * using store = openStore({ registry: `oci:${directory}`, repository: "me/files" });
 * const { digest } = await pushBlob(store, new Response("hello").body!, { alias: "greeting" });
 * const manifest = await getManifest(store, "greeting");
 * if (!("bytes" in manifest)) throw new Error("unexpected platforms");
 * if (JSON.parse(new TextDecoder().decode(manifest.bytes)).layers[0].digest !== digest) throw new Error("?");
 * await Deno.remove(directory, { recursive: true });
 * ```
 */
export async function getManifest(
  store: StoreReader,
  alias: string,
  options: PlatformOptions = {},
): Promise<ByPlatform<Manifest>> {
  return await findImages(store, alias, options);
}

async function aliasManifests(
  store: StoreReader,
  alias: string | Manifest,
  options: PlatformOptions,
): Promise<ByPlatform<Manifest>> {
  return isManifest(alias) ? await imagesOf(store, alias, options) : await findImages(store, alias, options);
}
