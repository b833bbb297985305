/** Looks at what the tags hold that the copy of a stash gets, and decides whether it may replace that. @module */
import { inParallel } from "../async/pool.ts";
import { ConflictError } from "../errors.ts";
import type { Digest } from "../oci/digest.ts";
import { readImageManifest } from "../oci/manifest.ts";
import { inFamily } from "../oci/manifest_family.ts";
import { FAMILIES, type Family } from "../oci/media_types.ts";
import { type ChunkImage, lookAtTag } from "../stash/chunk_image.ts";
import { chunkTag } from "../stash/chunk_tags.ts";
import { foreignConflict, type ReplaceableChunks } from "../stash/existing_chunks.ts";
import type { TaggedImage } from "../stash/tagged_image.ts";
import type { CallOptions, Store } from "../store/store.ts";

/** What the tags of the target hold. */
export interface TargetChunks extends ReplaceableChunks {
  /** The family in which it has the same chunks; `undefined` = it has none of them. */
  family: Family | undefined;
}

/** How the tags of the target are looked at. */
export interface LookAtTargetOptions extends CallOptions {
  baseTag: string;
  /** The numbers of the chunks that have a tag there. */
  numbers: readonly number[];
  /** Whether other chunks are replaced. */
  overwrite: boolean;
  /** How many tags are looked at once. */
  jobs: number;
}

/**
 * Looks at what the tags of a target hold. The same chunks are left or replaced, other chunks are replaced with `overwrite` only.
 * Images of others are not replaced; with higher numbers they are not in the way.
 *
 * @param images those that get the tags
 * @throws {ConflictError} if what a tag holds may not be replaced
 */
export async function lookAtTarget(
  store: Store,
  images: readonly TaggedImage[],
  { baseTag, numbers, overwrite, jobs, signal, onEvent }: LookAtTargetOptions,
): Promise<TargetChunks> {
  const target: Omit<TargetChunks, "isReadable"> = {
    layers: new Map(),
    manifests: new Set(),
    family: undefined,
  };
  let [hasOther, hasUnreadable] = [false, false];
  await inParallel(numbers, { jobs, signal }, async (number, signal) => {
    const options = { image: images[number - 1], overwrite, signal, onEvent };
    const held = await chunkUnder(store, chunkTag(baseTag, number), options);
    if (!held) return;
    if (held === "unreadable") return void (hasUnreadable = true);
    target.layers.set(number, held.layer);
    target.manifests.add(held.manifest);
    target.family ??= held.family;
    hasOther ||= !held.isWanted;
  });
  return { ...target, isReadable: hasOther && !hasUnreadable };
}

/** A chunk that a tag of the target holds. */
interface HeldChunk extends Pick<ChunkImage, "layer" | "manifest"> {
  /** Its family, if it is the same chunk. */
  family: Family | undefined;
  /** Whether its image is the one that is to get the tag. */
  isWanted: boolean;
}

/**
 * The chunk that a tag holds; `unreadable` = it cannot be read; `undefined` = the tag holds none, and is in nobody's way.
 *
 * @throws {ConflictError} if what it holds may not be replaced
 */
async function chunkUnder(
  store: Store,
  tag: string,
  { image, overwrite, ...options }: CallOptions & { image: TaggedImage | undefined; overwrite: boolean },
): Promise<HeldChunk | "unreadable" | undefined> {
  const manifest = image && await store.resolve(tag, options);
  const family = image && manifest && familyWith(image, manifest);
  if (family) return { layer: image.layer, manifest, family, isWanted: true };
  const found = await lookAtTag(store, tag, options);
  if (found.kind === "foreign" && image) throw foreignConflict(tag);
  if (found.kind === "foreign" || found.kind === "absent") return undefined;
  const chunk = found.kind === "chunk" ? found.image : undefined;
  const isSame = chunk && image && isSameChunk(image, chunk);
  if (!isSame && !overwrite) {
    throw new ConflictError(`${store.name} already has another ${tag}`, {
      hint: "choose another name, or --overwrite to replace it",
      isReplaceable: true,
    });
  }
  if (!chunk) return "unreadable";
  return { ...chunk, family: isSame ? chunk.family : undefined, isWanted: false };
}

/** The family in which an image has a digest; `undefined` = in neither. */
export function familyWith({ manifest }: TaggedImage, digest: Digest | undefined): Family | undefined {
  return FAMILIES.find((family) => inFamily(manifest, family).digest === digest);
}

/** Whether an image is that of a chunk with the same blobs. A title may be there or not: older versions put none. */
function isSameChunk({ manifest }: TaggedImage, { configDigest, layer }: ChunkImage): boolean {
  const { config, layers: [own] } = readImageManifest(manifest);
  return config.digest === configDigest && own?.digest === layer.digest;
}
