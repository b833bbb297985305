/** Removes tags of a stash, and tells which could not be removed. @module */
import { LayerstashError } from "../errors.ts";
import type { CallOptions, ManifestStore } from "../store/store.ts";

/**
 * What became of the tags.
 *
 * @category Files
 */
export interface TagRemoval {
  /** The tags that are gone. */
  removed: string[];
  /** The tags that are still there, each with the reason. */
  kept: { tag: string; why: string; error: LayerstashError }[];
}

/** Removes tags one after the other; one that cannot be removed does not keep the others. */
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

/** Removes the tags that a longer stash has left behind a new one. Those that stay do no harm, but are told. */
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
