/** Which images are folders. @module */
import type { Bytes } from "../content/bytes.ts";
import { type Manifest, readImageManifest } from "../oci/manifest.ts";
import { IMAGE_CONFIG, IMAGE_MANIFEST } from "../oci/media_types.ts";
import type { CallOptions, StoreReader } from "../store/store.ts";
import { isEncryptedImage } from "./encrypted_image.ts";
import { readConfigBytes } from "./image_config.ts";

/**
 * Whether a reference leads to a folder, encrypted or not.
 *
 * @throws {NotFoundError} if it leads to an image whose config is missing: nothing else tells it
 * @throws {MismatchError} if what it leads to is malformed
 *
 * @example
 * ```ts
 * import { openStore } from "@layerstash/cli";
 * import { isFolder } from "@layerstash/cli/folders";
 *
 * const directory = await Deno.makeTempDir();
 * using store = openStore({ registry: `oci:${directory}`, repository: "me/files" });
 * if (await isFolder(store, "photos")) throw new Error("there is nothing");
 * await Deno.remove(directory, { recursive: true });
 * ```
 */
export async function isFolder(
  store: StoreReader,
  reference: string,
  options: CallOptions = {},
): Promise<boolean> {
  const manifest = await store.manifest(reference, options);
  return manifest !== undefined && await isFolderImage(store, manifest, options);
}

/**
 * Whether a manifest is that of a folder. Each encrypted image is one: layerstash encrypts no other images.
 *
 * @throws {NotFoundError} if it is an image whose config is missing: nothing else tells it
 */
export async function isFolderImage(
  store: StoreReader,
  manifest: Manifest,
  options: CallOptions,
): Promise<boolean> {
  return isEncryptedImage(manifest) || await configOfFolder(store, manifest, options) !== undefined;
}

/**
 * The config of the image of a folder that is not encrypted; `undefined` if a manifest is that of something else.
 *
 * The config alone tells. Layers with tables of contents are written by other programs, too; and a program that copies a folder
 * may pack its layers anew, and drop what the manifest says of them.
 *
 * @throws {NotFoundError} if it is an image whose config is missing
 */
export async function configOfFolder(
  store: StoreReader,
  manifest: Manifest,
  options: CallOptions,
): Promise<Bytes | undefined> {
  if (manifest.mediaType !== IMAGE_MANIFEST.oci) return undefined;
  const { config, layers } = readImageManifest(manifest);
  if (config.mediaType !== IMAGE_CONFIG.oci || config.size > mostBytes(layers.length)) return undefined;
  const bytes = await readConfigBytes(store, config, options);
  return isMarked(bytes) ? bytes : undefined;
}

/**
 * How large the config of a folder is at most, in bytes: it lists the layers, each with some 110, and says little else. Those of
 * most images say how they were built, are larger, and need not be fetched.
 */
function mostBytes(layers: number): number {
  return 1024 + 128 * layers;
}

function isMarked(config: Bytes): boolean {
  try {
    return JSON.parse(new TextDecoder().decode(config))?.layerstash?.kind === "folder";
  } catch {
    return false;
  }
}
