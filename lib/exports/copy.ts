/**
 * Copies images and stashes between registries, repositories and directories, appends layers to images, and saves layers
 * as files. Blobs that the target already has are not sent again.
 *
 * @example Copy an image into another repository
 * ```ts
 * import { openStore, upload } from "@layerstash/cli";
 * import { copyImage } from "@layerstash/cli/copy";
 *
 * const directory = await Deno.makeTempDir();
 * using store = openStore({ registry: `oci:${directory}`, repository: "me/files" });
 * using other = openStore({ registry: `oci:${directory}`, repository: "me/copies" });
 *
 * await upload(store, "note", { input: new Response("hello").body! }); // a chunk is an image, too
 * await copyImage({ store, reference: "note-1" }, { store: other, reference: "copied" });
 *
 * if (await other.resolve("copied") !== await store.resolve("note-1")) throw new Error("not the same");
 * await Deno.remove(directory, { recursive: true });
 * ```
 *
 * @module
 */
export { copyImage, type CopyOptions, type CopyResult, type ImageTarget } from "../copy/copy_image.ts";
export type { CopiedBlobs } from "../copy/copy_blobs.ts";
export {
  copyStash,
  type CopyStashOptions,
  type CopyStashResult,
  type StashTarget,
} from "../copy/copy_stash.ts";
export { append, type AppendOptions, type AppendResult } from "../append/append.ts";
export { type SavedLayer, saveLayers, type SaveLayersOptions } from "../copy/save_layers.ts";
