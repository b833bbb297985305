/** Removes tags of a stash, and tells which could not be removed. @module */
import { LayerstashError } from "../errors.ts";
import type { CallOptions, Store } from "../registry/store.ts";

/** What became of the tags. */
export interface Removal {
  /** The tags that are gone. */
  removed: string[];
  /** The tags that are still there, each with the reason. */
  kept: { tag: string; why: string; error: LayerstashError }[];
}

/** Removes tags one after the other; one that cannot be removed does not keep the others. */
export async function removeTags(
  store: Store,
  tags: Iterable<string>,
  options: CallOptions,
): Promise<Removal> {
  const removal: Removal = { removed: [], kept: [] };
  for (const tag of tags) {
    try {
      options.signal?.throwIfAborted();
      await store.removeManifest(tag, options);
      removal.removed.push(tag);
    } catch (error) {
      options.signal?.throwIfAborted();
      if (!(error instanceof LayerstashError)) throw error;
      removal.kept.push({ tag, why: error.message, error });
    }
  }
  return removal;
}
