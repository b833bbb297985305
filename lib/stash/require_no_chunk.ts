/** Protects the tags of stored files from being replaced by images and aliases, and from being removed as aliases. @module */
import { ConflictError } from "../errors.ts";
import { type Digest, isDigest } from "../oci/digest.ts";
import { isIndex } from "../oci/image_index.ts";
import { type Manifest, readImageManifest } from "../oci/manifest.ts";
import { addressIn, commandLine } from "../store/command_line.ts";
import type { CallOptions, StoreReader } from "../store/store.ts";
import { receiveSmall } from "../transfer/receive.ts";
import { MAX_CHUNK_CONFIG_SIZE, readChunkConfig } from "./chunk_config.ts";
import { parseChunkTag } from "./chunk_tags.ts";
import { undefinedIfBroken } from "./find_stash.ts";

interface RequireOptions extends CallOptions {
  /** The digests that the manifest can have that is to be put: the tag may hold one of them already. */
  digests?: readonly Digest[] | undefined;
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
  { digests = [], ...options }: RequireOptions,
): Promise<void> {
  const chunk = await chunkAt(store, reference, options);
  if (!chunk || digests.includes(chunk.digest)) return;
  throw chunkConflict(reference, chunk, "use another tag, or remove the file first");
}

/**
 * Makes sure that an alias is not a chunk of a stash: the file would be unreadable without it, and without its blob.
 *
 * @throws {ConflictError} if the alias is a chunk
 */
export async function requireRemovable(
  store: StoreReader,
  alias: string,
  options: CallOptions,
): Promise<void> {
  const chunk = await chunkAt(store, alias, options);
  if (!chunk) return;
  const removal = commandLine("remove", addressIn(store, chunk.baseTag));
  throw chunkConflict(alias, chunk, `remove the stored file with: ${removal}`);
}

interface TaggedChunk {
  baseTag: string;
  /** The digest of its manifest. */
  digest: Digest;
}

/** The chunk that a tag holds; `undefined` = it holds nothing, or something else. */
async function chunkAt(
  store: StoreReader,
  reference: string,
  options: CallOptions,
): Promise<TaggedChunk | undefined> {
  const chunk = isDigest(reference) ? undefined : parseChunkTag(reference);
  if (!chunk) return undefined;
  const found = await store.manifest(reference, options).catch(undefinedIfBroken);
  if (!found || !await isChunk(store, found, options)) return undefined;
  return { baseTag: chunk.baseTag, digest: found.digest };
}

function chunkConflict(tag: string, { baseTag }: TaggedChunk, hint: string): ConflictError {
  return new ConflictError(`the tag ${tag} holds a chunk of the stored file ${baseTag}`, { hint });
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
