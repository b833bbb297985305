/** Images and stashes on their way: from one place to another, with all that belongs to them. @module */
export { copyImage } from "./copy_image.ts";
export type { CopyOptions, CopyResult, ImageTarget } from "./copy_image.ts";
export type { CopiedBlobs } from "./copy_blobs.ts";
export { copyStash } from "./copy_stash.ts";
export type { CopyStashOptions, StashTarget } from "./copy_stash.ts";
export { saveLayers } from "./save_layers.ts";
export type { SavedLayer, SaveLayersOptions } from "./save_layers.ts";
