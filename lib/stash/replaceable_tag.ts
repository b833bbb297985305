/** Decides whether an upload may replace what a tag holds. @module */
import type { Digest } from "../oci/digest.ts";
import type { CallOptions, Store } from "../store/store.ts";
import { lookAtTag } from "./chunk_image.ts";
import { foreignConflict, isExisting, type ReplaceableChunks } from "./existing_chunks.ts";
import type { HeldTag } from "./held_tags.ts";
import { otherUpload } from "./read_back.ts";
import type { TaggedImage } from "./tagged_image.ts";
import { tagConflict } from "./verdict.ts";

/** What decides whether a tag may be replaced. */
export interface ReplaceableTagOptions extends CallOptions {
  /** The manifest that the tag holds. */
  before: Digest;
  /** What the tags held when the upload began. */
  existing: ReplaceableChunks;
  /** The tag of chunk 1, if this upload holds it. */
  first: HeldTag | undefined;
  /** Whether the user wants other bytes replaced. */
  overwrite: boolean | undefined;
}

/**
 * Makes sure that an image may replace what its tag holds. An image that is not a chunk belongs to somebody else, and is never
 * replaced. A chunk is replaced in three cases:
 * - `overwrite` is set. But a file that could be read when the upload began is to be that file still when its first tag moves.
 * - This upload holds the tag of chunk 1: so it has won against all others of the same name.
 * - The tag existed when the upload began, and its chunk has the same bytes now.
 *
 * Any other chunk has appeared since the upload began, and belongs to another upload.
 *
 * @throws {ConflictError} if it may not be replaced
 */
export async function requireReplaceableTag(
  store: Store,
  image: TaggedImage,
  { before, existing, first, overwrite, ...options }: ReplaceableTagOptions,
): Promise<void> {
  const { tag, layer } = image;
  if (overwrite && existing.manifests.has(before)) return;
  const found = await lookAtTag(store, tag, options);
  if (found.kind === "foreign") throw foreignConflict(tag);
  if (found.kind === "absent") return; // it is being removed
  if (overwrite && image.number === 1 && !first && existing.isReadable) throw otherUpload(tag);
  if (overwrite) return;
  if (first && await store.resolve(first.tag, options) === first.digest) return;
  const same = found.kind === "chunk" && found.image.layer.digest === layer.digest;
  if (!isExisting(existing, image) || !same) throw tagConflict(tag);
}
