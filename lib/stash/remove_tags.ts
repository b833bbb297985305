/** Removes tags of a stash. @module */
import { LayerstashError } from "../errors.ts";
import type { CallOptions, ManifestStore } from "../store/store.ts";

/**
 * The result of `remove`.
 *
 * @category Files
 */
export interface TagRemoval {
  /** The tags that were removed. */
  removed: string[];
  /** The tags that could not be removed, each with the reason. */
  kept: { tag: string; why: string; error: LayerstashError }[];
}

/** Removes tags one after the other. If one cannot be removed, the others still are. */
export async function removeTags(
  store: ManifestStore,
  tags: Iterable<string>,
  options: CallOptions,
): Promise<TagRemoval> {
  const removal: TagRemoval = { removed: [], kept: [] };
  for (const tag of tags) {
    try {
      options.signal?.throwIfAborted();
      await store.removeManifest(tag, options);
      await store.free?.([tag], { ...options, signal: undefined }); // the tag is gone: its space is not left behind
      removal.removed.push(tag);
    } catch (error) {
      options.signal?.throwIfAborted();
      if (!(error instanceof LayerstashError)) throw error;
      removal.kept.push({ tag, why: error.message, error });
    }
  }
  return removal;
}

/** Removes the tags that a longer stash has left after those of a new one. Any that stay do no harm, and are reported. */
export async function removeStale(
  store: ManifestStore,
  tags: readonly string[],
  options: CallOptions,
): Promise<void> {
  const { kept } = await removeTags(store, tags, options);
  for (const { tag, why } of kept) {
    options.onEvent?.({ type: "notice", message: `the old tag ${tag} could not be removed: ${why}` });
  }
}
