/** Removes the tags of a stash, and keeps those of others that merely look alike. @module */
import { LayerstashError } from "../errors.ts";
import type { OnEvent } from "../events.ts";
import type { CallOptions, Store, StoreReader } from "../store/store.ts";
import { freeReplaced } from "../store/free.ts";
import type { Digest } from "../oci/digest.ts";
import { lookAtTag, type TagContent } from "./chunk_image.ts";
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
  const manifests: Digest[] = [];
  for (const number of numbers) {
    const tag = chunkTag(baseTag, number);
    try {
      options.signal?.throwIfAborted();
      const content = await lookAtTag(store, tag, options);
      const why = await whyKept(store, tag, { ...options, content });
      if (why !== undefined) {
        removal.kept.push({ tag, why });
        continue;
      }
      await store.removeManifest(tag, options);
      if (content.kind === "chunk") manifests.push(content.image.manifest);
      removal.removed.push(tag);
      await freeReplaced(store, [tag], options); // at once: an interruption leaves no garbage of tags that are gone
    } catch (error) {
      if (options.signal?.aborted) reportRemoved(removal, options.onEvent ?? store.onEvent);
      options.signal?.throwIfAborted();
      if (!(error instanceof LayerstashError)) throw error;
      removal.kept.push({ tag, why: error.message, error });
    }
  }
  await freeReplaced(store, [], { ...options, manifests });
  return removal;
}

/** Reports what an interrupted removal has removed: its result is lost. */
function reportRemoved({ removed }: TagRemoval, onEvent: OnEvent | undefined): void {
  if (removed.length === 0) return;
  onEvent?.({ type: "notice", message: `removed before the interruption: ${removed.join(", ")}` });
}

/** Why a tag is not to be removed; `undefined` = it holds a chunk, or no image any more. */
async function whyKept(
  store: StoreReader,
  tag: string,
  { content, ...options }: CallOptions & { content: TagContent },
): Promise<string | undefined> {
  if (content.kind === "foreign") return content.error.message;
  if (content.kind === "unclear") return `it may not be a chunk of a stored file: ${content.error.message}`;
  // An index may list a manifest that lies elsewhere, as skopeo's shared blobs do.
  const isLost = content.kind === "absent" && await store.manifest(tag, options) === undefined &&
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
