/**
 * Looks into images and takes files out of them without pulling: only the bytes that are needed are fetched.
 *
 * Open an image by its name with `openImage`, and find its layers with `findImage`. `ImageFiles` reads the entries of
 * each layer, `FileTree` merges them as a container engine does, `survey` searches for paths, `extract` writes files to
 * a directory, and `readImageFile` reads a single one.
 *
 * @example Take a file out of an image
 * ```ts
 * import { extract, findImage, ImageFiles, openImage } from "@layerstash/cli/images";
 *
 * // As in takeOut("debian:stable", "/etc/debian_version", "out").
 * export async function takeOut(name: string, path: string, directory: string): Promise<void> {
 *   using image = openImage(name);
 *   const { layers } = await findImage(image.store, image.reference, { platform: "linux/amd64" });
 *   await extract(new ImageFiles(image.store, layers), [path], { directory });
 * }
 * ```
 *
 * @module
 */
export { type OpenedImage, openImage } from "../open/open_image.ts";
export type { StoreOptions } from "../open/open_store.ts";
export { type Address, type ArchiveAddress, parseImage } from "../oci/address.ts";
export type { LayoutAddress, RegistryAddress, RemoteAddress } from "../oci/registry_address.ts";
export type { Platform } from "../oci/platform.ts";
export type { IndexedManifest } from "../oci/image_index.ts";

export { chooseLayer, findImage, type Image, type ImageOptions, type Layer } from "../images/image.ts";
export type { ByPlatform, PlatformOptions } from "../images/platforms.ts";
export { decryptedImages, type DecryptedImagesOptions } from "../images/decrypted_images.ts";
export { describeImage, type ImageReport, type ReportedLayer } from "../images/describe_image.ts";
export type { BuildStep, ImageConfig } from "../images/image_config.ts";

export {
  ImageFiles,
  type ImageFilesOptions,
  type OpenLayerEntry,
  type ReadReport,
} from "../images/image_files.ts";
export { FileTree, type MergedEntry } from "../images/file_tree.ts";
export type { LayerEntry } from "../images/layer_entry.ts";
export type { ContentDigests, Entry, EntryType, ExactTime, Extent, OpenEntry } from "../layers/entry.ts";
export type { ReadLayerOptions } from "../layers/read_layer.ts";
export { type PathPattern, pathPattern } from "../images/path_pattern.ts";
export { survey, type SurveyOptions, type SurveyResult } from "../images/survey.ts";
export { extract, type ExtractOptions, type ExtractResult } from "../images/extract.ts";
export { type ReadFileOptions, readImageFile } from "../images/read_image_file.ts";
