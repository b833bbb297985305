/** Keeps tags of stored files from being taken for something else. @module */
import { ConflictError, MismatchError, NotFoundError } from "../errors.ts";
import { type Digest, isDigest } from "../oci/digest.ts";
import { isIndex } from "../oci/image_index.ts";
import { type Manifest, readImageManifest } from "../oci/manifest.ts";
import type { CallOptions, StoreReader } from "../store/store.ts";
import { receiveSmall } from "../transfer/receive.ts";
import { MAX_CHUNK_CONFIG_SIZE, readChunkConfig } from "./chunk_config.ts";
import { parseChunkTag } from "./chunk_tags.ts";

/** What is to be put. */
interface PutOptions extends CallOptions {
  /** The digest of its manifest, where it is known: what is there already may be put once more. */
  digest?: Digest | undefined;
}

/**
 * Makes sure that a tag holds no chunk of a stash: an image or an alias in its place would make the file unreadable. Only
 * a tag with a number at its end is looked at, and only what says itself that it is a chunk is protected.
 *
 * @throws {ConflictError} when it holds one
 */
export async function requireNoChunk(
  store: StoreReader,
  reference: string,
  { digest, ...options }: PutOptions,
): Promise<void> {
  const chunk = isDigest(reference) ? undefined : parseChunkTag(reference);
  if (!chunk) return;
  const found = await store.manifest(reference, options).catch(noneIfBroken);
  if (!found || found.digest === digest || !await isChunk(store, found, options)) return;
  throw new ConflictError(`the tag ${reference} holds a chunk of the stored file ${chunk.baseTag}`, {
    hint: "use another tag, or remove the file before",
  });
}

/** The config of an alias is its first blob, of any size: that is no chunk. */
async function isChunk(store: StoreReader, manifest: Manifest, options: CallOptions): Promise<boolean> {
  if (isIndex(manifest)) return false;
  const { config, layers } = readImageManifest(manifest);
  if (layers.length !== 1 || config.digest === layers[0]!.digest || config.size > MAX_CHUNK_CONFIG_SIZE) {
    return false;
  }
  const bytes = await receiveSmall(store, config, options).catch(noneIfBroken);
  try {
    return bytes !== undefined && readChunkConfig(bytes, "the tag").layerstash !== undefined;
  } catch (error) {
    return noneIfBroken(error) !== undefined;
  }
}

/** What cannot be read is no chunk that could be torn. */
function noneIfBroken(error: unknown): undefined {
  if (!(error instanceof MismatchError) && !(error instanceof NotFoundError)) throw error;
}
