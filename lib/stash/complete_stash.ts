/** Completes a stash, and clears up after it: what a longer or another stash has left. @module */
import type { Descriptor } from "../oci/descriptor.ts";
import { freeReplaced } from "../store/free.ts";
import type { Store } from "../store/store.ts";
import { chunkTag } from "./chunk_tags.ts";
import type { ExistingChunks } from "./existing_chunks.ts";
import { removeStale } from "./remove_tags.ts";
import type { Stash } from "./stash.ts";
import type { StashDraft } from "./stash_draft.ts";
import type { StashTags } from "./stash_tags.ts";
import type { UploadOptions } from "./verb_options.ts";

/** Puts the last tag, and removes what the stash replaces: the old manifests, and the tags of chunks beyond the new end. */
export async function completeStash(
  store: Store,
  draft: StashDraft,
  { existing, layers, tags, ...options }: Pick<UploadOptions, "overwrite" | "onEvent" | "signal"> & {
    existing: ExistingChunks;
    layers: readonly Descriptor[];
    tags: StashTags;
  },
): Promise<Stash> {
  const stash = draft.finish(layers);
  const stale = existing.numbers.filter((number) => number > layers.length);
  if (stale.length > 0) await tags.add(await draft.firstImage(layers));
  const digest = await tags.complete(await draft.lastImage(layers));
  const put = stash.chunks.map(({ number }) => chunkTag(draft.baseTag, number));
  await freeReplaced(store, put, { ...options, manifests: tags.replaced });
  const foreign = options.overwrite || stale.length > 0 ? existing.foreign : []; // kept, and named
  const numbers = [...stale, ...foreign.filter((number) => number > layers.length)];
  await removeStale(store, draft.baseTag, { ...options, numbers });
  return { ...stash, digest };
}
