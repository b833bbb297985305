/** A repository as a store of blobs: by their digests, by aliases, and without layerstash. @module */

export { pushBlob, type PushBlobOptions } from "./push_blob.ts";
export { pullBlobs, type PullBlobsOptions } from "./pull_blobs.ts";
export { type BlobRemoval, blobSize, mountBlob, type MountBlobOptions, removeBlobs } from "./blobs.ts";
export type { SizedBlob } from "../oci/descriptor.ts";
export { type BlobName, type NamedBlobs, parseBlobName } from "./named_blobs.ts";
export { digestOfFile, listAliases, removeAlias, setAlias, type SetAliasOptions } from "./aliases.ts";
export { getAlias, getConfigDigest, getManifest } from "./read_alias.ts";
export { blobUrls, type DirectAccess, type DirectBlob, type DirectFile, stashUrls } from "./direct_urls.ts";
export { curlCommand, restoreRecipe } from "./recipe.ts";
