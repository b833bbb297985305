/** Removes the tags of a stash, and keeps those of others that merely look alike. @module */
import { LayerstashError } from "../errors.ts";
import type { CallOptions, Store, StoreReader } from "../store/store.ts";
import { freeReplaced } from "../store/free.ts";
import { lookAtTag } from "./chunk_image.ts";
import { chunkTag } from "./chunk_tags.ts";

/**
 * The result of `remove`.
 *
 * @category Files
 */
export interface TagRemoval {
  /** The tags that were removed. */
  removed: string[];
  /** The tags that were kept, each with the reason. */
  kept: KeptTag[];
}

/**
 * A tag that `remove` kept.
 *
 * @category Files
 */
export interface KeptTag {
  /** The tag. */
  tag: string;
  /** Why it was kept, in words. */
  why: string;
  /** Why it could not be removed; absent = it was not to be removed: it does not hold a chunk of a stored file. */
  error?: LayerstashError | undefined;
}

/**
 * Removes the tags of chunks with these numbers, one after the other. If one cannot be removed, the others still are. What
 * does not hold a chunk is kept: an image of somebody else may have such a tag.
 */
export async function removeChunks(
  store: Store,
  baseTag: string,
  numbers: Iterable<number>,
  options: CallOptions,
): Promise<TagRemoval> {
  const removal: TagRemoval = { removed: [], kept: [] };
  for (const number of numbers) {
    const tag = chunkTag(baseTag, number);
    try {
      options.signal?.throwIfAborted();
      const why = await whyKept(store, tag, options);
      if (why !== undefined) {
        removal.kept.push({ tag, why });
        continue;
      }
      await store.removeManifest(tag, options);
      removal.removed.push(tag);
      await freeReplaced(store, [tag], options); // at once: an interruption leaves no garbage of tags that are gone
    } catch (error) {
      options.signal?.throwIfAborted();
      if (!(error instanceof LayerstashError)) throw error;
      removal.kept.push({ tag, why: error.message, error });
    }
  }
  return removal;
}

/** Why a tag is not to be removed; `undefined` = it holds a chunk, or no image any more. */
async function whyKept(store: StoreReader, tag: string, options: CallOptions): Promise<string | undefined> {
  const found = await lookAtTag(store, tag, options);
  if (found.kind === "foreign") return found.error.message;
  if (found.kind === "unclear") return `it may not be a chunk of a stored file: ${found.error.message}`;
  // An index may list a manifest that lies elsewhere, as skopeo's shared blobs do.
  const isLost = found.kind === "absent" && await store.manifest(tag, options) === undefined &&
    await store.resolve(tag, options) !== undefined;
  return isLost ? "it may not be a chunk of a stored file: its manifest is missing" : undefined;
}

/**
 * Removes the tags that a longer stash has left after those of a new one. Any that stay do no harm, and are reported, as are
 * images of others with such tags.
 */
export async function removeStale(
  store: Store,
  baseTag: string,
  { numbers, ...options }: CallOptions & { numbers: readonly number[] },
): Promise<void> {
  const { kept } = await removeChunks(store, baseTag, numbers, options);
  for (const { tag, why, error } of kept) {
    const message = error ? `the old tag ${tag} could not be removed: ${why}` : `${tag} is kept: ${why}`;
    options.onEvent?.({ type: "notice", message });
  }
}
