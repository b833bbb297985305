/**
 * Uses a repository as a store of blobs. A blob has the digest of its bytes as its name. It can also have aliases: tags
 * whose manifests list it. Any program that can read from registries can fetch the blobs; `blobUrls` and `restoreRecipe`
 * show how.
 *
 * @example Store a blob under an alias, and get it back
 * ```ts
 * import { openStore } from "@layerstash/cli";
 * import { getAlias, pullBlobs, pushBlob } from "@layerstash/cli/blobs";
 *
 * const directory = await Deno.makeTempDir();
 * await Deno.writeTextFile(`${directory}/logger.dat`, "12.5 degrees");
 *
 * using store = openStore({ registry: `oci:${directory}/box`, repository: "fred/datalogger" });
 * const { digest } = await pushBlob(store, `${directory}/logger.dat`, { alias: "may15-readings" });
 * await pullBlobs(store, ["@may15-readings"], { output: `${directory}/copy.dat` });
 *
 * if (String(await getAlias(store, "may15-readings")) !== digest) throw new Error("unexpected alias");
 * if (await Deno.readTextFile(`${directory}/copy.dat`) !== "12.5 degrees") throw new Error("not the same");
 * await Deno.remove(directory, { recursive: true });
 * ```
 *
 * @module
 */
export { pushBlob, type PushBlobOptions } from "../blobs/push_blob.ts";
export { pullBlobs, type PullBlobsOptions } from "../blobs/pull_blobs.ts";
export { type BlobRemoval, blobSize, mountBlob, type MountBlobOptions, removeBlobs } from "../blobs/blobs.ts";
export { type BlobName, type NamedBlobs, parseBlobName } from "../blobs/named_blobs.ts";
export { digestOfFile, listAliases, removeAlias, setAlias, type SetAliasOptions } from "../blobs/aliases.ts";
export { getAlias, getConfigDigest, getManifest } from "../blobs/read_alias.ts";
export type { ByPlatform, PlatformOptions } from "../images/platforms.ts";
export type { SizedBlob } from "../oci/descriptor.ts";

// Where blobs can be fetched without layerstash.
export {
  blobUrls,
  type DirectAccess,
  type DirectBlob,
  type DirectFile,
  encryptedLayerUrls,
  layerUrls,
  stashUrls,
} from "../blobs/direct_urls.ts";
export { directAccess } from "../open/direct_access.ts";
export { curlCommand, type RecipeOptions, restoreRecipe } from "../blobs/recipe.ts";
