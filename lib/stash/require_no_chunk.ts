/** Keeps tags of stored files from being taken for something else. @module */
import { ConflictError, MismatchError } from "../errors.ts";
import { type Digest, isDigest } from "../oci/digest.ts";
import type { CallOptions, Store } from "../registry/store.ts";
import { parseChunkTag } from "./chunk_tags.ts";
import { readChunkImage } from "./find_stash.ts";

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
  store: Store,
  reference: string,
  { digest, signal }: PutOptions,
): Promise<void> {
  const chunk = isDigest(reference) ? undefined : parseChunkTag(reference);
  if (!chunk || !await holdsChunk(store, reference, { signal })) return;
  if (digest !== undefined && await store.resolve(reference, { signal }) === digest) return;
  throw new ConflictError(`the tag ${reference} holds a chunk of the stored file ${chunk.baseTag}`, {
    hint: "use another tag, or remove the file before",
  });
}

async function holdsChunk(store: Store, tag: string, options: CallOptions): Promise<boolean> {
  try {
    return (await readChunkImage(store, tag, options))?.config.layerstash !== undefined;
  } catch (error) {
    if (error instanceof MismatchError) return false; // any other image
    throw error;
  }
}
