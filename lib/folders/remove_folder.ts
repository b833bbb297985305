/** Removes a folder: its tag, and what nothing else names then. @module */
import { isFolderImage } from "../images/folder_mark.ts";
import { undefinedIfBroken } from "../stash/find_stash.ts";
import { freeReplaced } from "../store/free.ts";
import type { CallOptions, Store } from "../store/store.ts";

/**
 * Removes the tag of a folder, and no other. Its manifest and its layers go as well, unless something else in the repository
 * leads to them. What is not a folder stays. So does an image whose config is missing: nothing else tells it.
 *
 * @returns whether there was a folder
 * @throws {NotAllowedError} if the registry does not remove tags
 *
 * @example
 * ```ts
 * import { openStore } from "@layerstash/cli";
 * import { removeFolder, uploadFolder } from "@layerstash/cli/folders";
 *
 * const directory = await Deno.makeTempDir();
 * await Deno.mkdir(`${directory}/site`);
 * using store = openStore({ registry: `oci:${directory}/box`, repository: "me/files" });
 * await uploadFolder(store, "site", { directory: `${directory}/site` });
 * if (!await removeFolder(store, "site")) throw new Error("it was there");
 * if (await removeFolder(store, "site")) throw new Error("it is still there");
 * await Deno.remove(directory, { recursive: true });
 * ```
 */
export async function removeFolder(store: Store, tag: string, options: CallOptions = {}): Promise<boolean> {
  const manifest = await store.manifest(tag, options);
  if (!manifest || !await isFolderImage(store, manifest, options).catch(undefinedIfBroken)) return false;
  await store.removeManifest(tag, options);
  await freeReplaced(store, [tag], { ...options, manifests: [manifest.digest] });
  return true;
}
