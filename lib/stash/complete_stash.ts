/** Completes a stash, and clears up after it; or keeps one that is complete already. @module */
import type { Descriptor } from "../oci/descriptor.ts";
import { freeReplaced } from "../store/free.ts";
import { inFamily } from "../oci/manifest_family.ts";
import type { Family } from "../oci/media_types.ts";
import { putInFamily } from "../store/manifest_format.ts";
import type { CallOptions, Store } from "../store/store.ts";
import { reportPresent } from "../transfer/placed_blob.ts";
import { chunkTag } from "./chunk_tags.ts";
import type { ExistingChunks } from "./existing_chunks.ts";
import { storeConfig } from "./image_configs.ts";
import { removeStale } from "./remove_tags.ts";
import type { Stash } from "./stash.ts";
import type { StashDraft } from "./stash_draft.ts";
import { rebuildImage } from "./tagged_image.ts";
import type { StashTags } from "./stash_tags.ts";
import type { UploadOptions } from "./verb_options.ts";

/** Puts the tags that are still to be put, and removes what the stash replaces: the old manifests, and the tags of chunks beyond the new end. */
export async function completeStash(
  store: Store,
  draft: StashDraft,
  { existing, layers, tags, ...options }: Pick<UploadOptions, "overwrite" | "onEvent" | "signal"> & {
    existing: ExistingChunks;
    layers: readonly Descriptor[];
    tags: StashTags;
  },
): Promise<Stash> {
  const digest = await tags.complete(layers);
  const stash = draft.finish(layers); // with 100,000 chunks, the tags have let go of their memory by now
  const put = stash.chunks.map(({ number }) => chunkTag(draft.baseTag, number));
  await freeReplaced(store, put, { ...options, manifests: tags.replaced });
  const stale = existing.numbers.filter((number) => number > layers.length);
  const foreign = options.overwrite || stale.length > 0 ? existing.foreign : []; // kept, and named
  const numbers = [...stale, ...foreign.filter((number) => number > layers.length)];
  await removeStale(store, draft.baseTag, { ...options, numbers });
  return { ...stash, digest };
}

/**
 * Keeps a complete stash that is stored already. Tags of chunks that it has lost are put back: without them a registry takes
 * the chunks as garbage. Tags beyond the last chunk, which an upload that was interrupted has left, are named.
 */
export async function keepStored(
  store: Store,
  stash: Stash,
  { existing, family, ...options }: CallOptions & {
    existing: Pick<ExistingChunks, "numbers" | "untagged" | "family">;
    /** The family that its manifests would get today. */
    family: Family;
  },
): Promise<Stash> {
  const onEvent = options.onEvent ?? store.onEvent;
  if (existing.family && existing.family !== family) {
    const message = `${stash.baseTag} stays in the other format of manifests: --overwrite changes it`;
    onEvent?.({ type: "notice", message });
  }
  const beyond = existing.numbers.find((number) => number > stash.chunks.length);
  if (beyond !== undefined) {
    const tag = chunkTag(stash.baseTag, beyond);
    const message = `tags of a longer file are listed, from ${tag} on: --overwrite removes them`;
    onEvent?.({ type: "notice", message });
  }
  for (const number of existing.untagged) {
    const image = rebuildImage(stash, number);
    await storeConfig(store, image, options);
    const make = (family: Family) => inFamily(image.manifest, family);
    await putInFamily(store, image.tag, make, { ...options, family });
  }
  reportPresent(stash.chunks, onEvent);
  return stash;
}
