/** The image of a folder: its layers as a manifest lists them, and how it is read back. @module */
import type { Bytes } from "../content/bytes.ts";
import { needsKeyError } from "../encryption/identities.ts";
import { InvalidInputError } from "../errors.ts";
import { isEncryptedImage } from "../images/encrypted_image.ts";
import { configOfFolder } from "../images/folder_mark.ts";
import { findImage, type Image } from "../images/image.ts";
import { STARGZ_TABLE_DIGEST } from "../layers/stargz.ts";
import type { SizedBlob } from "../oci/descriptor.ts";
import { digestOf } from "../oci/digest.ts";
import { encodeManifest, type Manifest, readImageManifest } from "../oci/manifest.ts";
import { IMAGE_CONFIG, IMAGE_LAYER, IMAGE_MANIFEST } from "../oci/media_types.ts";
import type { CallOptions, StoreReader } from "../store/store.ts";
import { type FolderFacts, type FolderNote, readFolderConfig } from "./folder.ts";
import type { PackFacts } from "./pack_writer.ts";

/** A layer of a folder: a blob, and what the image says of it. */
export interface FolderLayer extends SizedBlob {
  facts: PackFacts;
}

/** The size of a layer's archive before compression, which some stores of layers want to know. */
const UNPACKED_SIZE = "io.containers.estargz.uncompressed-size";

/**
 * Reads the folder that a manifest describes; `undefined` if it describes something else.
 *
 * @throws {MismatchError} if it is a folder, and malformed or of an unknown version
 */
export async function readFolder(
  store: StoreReader,
  manifest: Manifest,
  options: CallOptions,
): Promise<FolderFacts | undefined> {
  const config = await configOfFolder(store, manifest, options);
  if (!config) return undefined;
  const layers = readImageManifest(manifest).layers.map(({ digest, size }) => ({ digest, size }));
  return { ...readFolderConfig(config), layers };
}

/** Options for finding a folder. */
export interface FindFolderOptions extends CallOptions {
  /** Which one of an index: `os/architecture[/variant][:version]`; absent = the only one. */
  platform?: string | undefined;
}

/**
 * Finds the image of a folder.
 *
 * @throws {NotFoundError} if there is no such image
 * @throws {InvalidInputError} if it is not a folder
 * @throws {NotAllowedError} if it is encrypted
 * @throws {MismatchError} if it is malformed or of an unknown version
 */
export async function requireFolder(
  store: StoreReader,
  reference: string,
  options: FindFolderOptions,
): Promise<{ image: Image; folder: FolderFacts }> {
  const image = await findImage(store, reference, options);
  return { image, folder: await folderOf(store, image, { ...options, name: reference }) };
}

/**
 * The folder that an image is.
 *
 * @param options `name` names the image in messages
 * @throws as {@linkcode requireFolder}
 */
export async function folderOf(
  store: StoreReader,
  { manifest }: Image,
  { name, ...options }: CallOptions & { name: string },
): Promise<FolderFacts> {
  if (isEncryptedImage(manifest)) throw needsKeyError(name);
  const folder = await readFolder(store, manifest, options);
  if (!folder) throw new InvalidInputError(`${name} is not a folder`);
  return folder;
}

/** What an image of a folder is made of. */
export interface FolderImageParts {
  layers: readonly FolderLayer[];
  files: number;
  size: number;
  /** When the newest of its files was modified, in seconds since 1970. */
  modified: number;
}

/** Makes the config and the manifest of a folder. */
export function folderImage(
  { layers, files, size, modified }: FolderImageParts,
): { config: Bytes; manifest: Manifest } {
  const note: FolderNote = { version: 1, kind: "folder", files, size };
  const config = new TextEncoder().encode(JSON.stringify({
    architecture: "amd64",
    os: "linux",
    created: new Date(modified * 1000).toISOString(),
    config: {},
    rootfs: { type: "layers", diff_ids: layers.map(({ facts }) => facts.diffId) },
    history: layers.map(() => ({ created_by: "layerstash upload" })),
    layerstash: note,
  }));
  const manifest = encodeManifest({
    schemaVersion: 2,
    mediaType: IMAGE_MANIFEST.oci,
    config: { mediaType: IMAGE_CONFIG.oci, size: config.length, digest: digestOf(config) },
    layers: layers.map(({ digest, size, facts }) => ({
      mediaType: IMAGE_LAYER.oci.gzip,
      size,
      digest,
      annotations: { [STARGZ_TABLE_DIGEST]: facts.table, [UNPACKED_SIZE]: `${facts.unpacked}` },
    })),
  });
  return { config, manifest };
}
