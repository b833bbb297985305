/** Protects the tags of stored files from being replaced by images and aliases. @module */
import { ConflictError } from "../errors.ts";
import { type Digest, isDigest } from "../oci/digest.ts";
import { isIndex } from "../oci/image_index.ts";
import { type Manifest, readImageManifest } from "../oci/manifest.ts";
import type { CallOptions, StoreReader } from "../store/store.ts";
import { receiveSmall } from "../transfer/receive.ts";
import { MAX_CHUNK_CONFIG_SIZE, readChunkConfig } from "./chunk_config.ts";
import { parseChunkTag } from "./chunk_tags.ts";
import { undefinedIfBroken } from "./find_stash.ts";

interface RequireOptions extends CallOptions {
  /** The digest of the manifest that is to be put, if it is known: the tag may hold that one already. */
  digest?: Digest | undefined;
}

/**
 * Makes sure that a tag does not hold a chunk of a stash: an image or an alias in its place would make the file unreadable.
 * Only tags that end with a number are looked up, and only chunks whose config says that they are chunks are protected.
 *
 * @throws {ConflictError} if the tag holds a chunk
 */
export async function requireNoChunk(
  store: StoreReader,
  reference: string,
  { digest, ...options }: RequireOptions,
): Promise<void> {
  const chunk = isDigest(reference) ? undefined : parseChunkTag(reference);
  if (!chunk) return;
  const found = await store.manifest(reference, options).catch(undefinedIfBroken);
  if (!found || found.digest === digest || !await isChunk(store, found, options)) return;
  throw new ConflictError(`the tag ${reference} holds a chunk of the stored file ${chunk.baseTag}`, {
    hint: "use another tag, or remove the file first",
  });
}

/** Whether a manifest is that of a chunk. An alias is not: its config is its first blob, which may have any size. */
async function isChunk(store: StoreReader, manifest: Manifest, options: CallOptions): Promise<boolean> {
  if (isIndex(manifest)) return false;
  const { config, layers } = readImageManifest(manifest);
  if (layers.length !== 1 || config.digest === layers[0]!.digest || config.size > MAX_CHUNK_CONFIG_SIZE) {
    return false;
  }
  const bytes = await receiveSmall(store, config, options).catch(undefinedIfBroken);
  try {
    return bytes !== undefined && readChunkConfig(bytes, "the tag").layerstash !== undefined;
  } catch (error) {
    return undefinedIfBroken(error) !== undefined;
  }
}
