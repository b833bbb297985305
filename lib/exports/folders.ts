/**
 * Stores directories as folders, which are ordinary images, brings them back, and tells what differs.
 *
 * @example Store a directory, and get it back
 * ```ts
 * import { openStore } from "@layerstash/cli";
 * import { downloadFolder, uploadFolder } from "@layerstash/cli/folders";
 *
 * const directory = await Deno.makeTempDir();
 * await Deno.mkdir(`${directory}/site`);
 * await Deno.writeTextFile(`${directory}/site/index.html`, "<h1>Hello</h1>");
 *
 * using store = openStore({ registry: `oci:${directory}/box`, repository: "me/files" });
 * await uploadFolder(store, "site", { directory: `${directory}/site` });
 * await downloadFolder(store, "site", { directory: `${directory}/copy` });
 *
 * if (await Deno.readTextFile(`${directory}/copy/index.html`) !== "<h1>Hello</h1>") throw new Error("not the same");
 * await Deno.remove(directory, { recursive: true });
 * ```
 *
 * @module
 */
export { type UploadedFolder, uploadFolder, type UploadFolderOptions } from "../folders/upload_folder.ts";
export { type DownloadedFolder, downloadFolder } from "../folders/download_folder.ts";
export type { DownloadFolderOptions } from "../folders/folder_download.ts";
export type { FindFolderOptions } from "../folders/folder_image.ts";
export { isFolder } from "../images/folder_mark.ts";
export { type Comparison, diff, type DiffOptions, type DiffSide } from "../compare/diff.ts";
export type { Aspect, TreeDifference } from "../compare/differences.ts";
export type { ImageLocation } from "../compare/image_side.ts";
export {
  type FolderFault,
  type VerifiedFolder,
  verifyFolder,
  type VerifyFolderOptions,
} from "../compare/verify_folder.ts";
export { removeFolder } from "../folders/remove_folder.ts";
