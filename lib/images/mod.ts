/** Images: what is in them, without pulling. @module */

export { type ImageReference, parseImage } from "../oci/image_reference.ts";
export type { LayoutAddress, RegistryAddress, RemoteAddress } from "../oci/address.ts";
export { findImage } from "./image.ts";
export type { Image, ImageOptions, Layer } from "./image.ts";
export type { Platform } from "../oci/platform.ts";
export type { IndexedManifest } from "../oci/image_index.ts";
export type { BuildStep, ImageConfig } from "./image_config.ts";
export { chooseLayer } from "./choose_layer.ts";
export { ImageFiles } from "./image_files.ts";
export type { ImageFilesOptions, OpenLayerEntry, ReadReport } from "./image_files.ts";
export { FileTree } from "./file_tree.ts";
export type { LayerEntry, MergedEntry } from "./file_tree.ts";
export { type PathPattern, pathPattern } from "./path_pattern.ts";
export { survey } from "./survey.ts";
export { extract } from "./extract.ts";
export type { ExtractOptions, ExtractResult } from "./extract.ts";
export { readImageFile } from "./read_image_file.ts";
export type { ReadFileOptions } from "./read_image_file.ts";
export type { SurveyOptions, SurveyResult } from "./survey.ts";
export type { Entry, EntryType, Extent, OpenEntry } from "../layers/entry.ts";
export type { ReadingOptions } from "../layers/layer_blob.ts";
export type { ReadLayerOptions } from "../layers/read_layer.ts";
export { describeImage } from "./describe_image.ts";
export type { ImageReport, ReportedLayer } from "./describe_image.ts";
export type { ByPlatform, PlatformOptions } from "./platforms.ts";
