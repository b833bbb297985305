/** Copies stashes between registries, repositories and layouts. @module */
import { ConflictError, MismatchError } from "../errors.ts";
import { withChannel } from "../events.ts";
import type { Digest } from "../oci/digest.ts";
import { type Family, OCTET_STREAM } from "../oci/media_types.ts";
import { listedBlobs } from "../oci/references.ts";
import { freeReplaced } from "../store/free.ts";
import { notThere } from "../store/known_references.ts";
import type { CallOptions, Store } from "../store/store.ts";
import { checkBaseTag, chunkTag } from "../stash/chunk_tags.ts";
import { findStash } from "../stash/find_stash.ts";
import { type ImagesToTag, putTags } from "../stash/put_tags.ts";
import { removeStale } from "../stash/remove_tags.ts";
import { unsharedNumbers } from "../stash/shared_names.ts";
import { middleChunks, type Stash } from "../stash/stash.ts";
import { rebuildImage, type TaggedImage } from "../stash/tagged_image.ts";
import { TagWriter } from "../stash/tag_writer.ts";
import { checkTransfer, DEFAULT_JOBS } from "../transfer/adaptive_jobs.ts";
import { inParallel } from "../async/pool.ts";
import { type CopiedBlobs, copyBlobs } from "./copy_blobs.ts";
import type { CopyOptions } from "./copy_image.ts";
import { familyWith, lookAtTarget, type TargetChunks } from "./target_chunks.ts";

/** A store, and the base tag of a stash in it. */
export interface StashTarget {
  /** The repository. */
  store: Store;
  /** The base tag of the stash; at the source, its digest may take the place of that. */
  baseTag: string;
}

/** Options for copying a stash. */
export interface CopyStashOptions extends Omit<CopyOptions, "platforms" | "referrers"> {
  /** Replaces another stash with the same base tag, and damaged blobs of a directory. */
  overwrite?: boolean | undefined;
}

/** The result of {@link copyStash}. */
export interface CopyStashResult {
  /** The stash, as it was at the source. */
  stash: Stash;
  /** The digest of the copy, which is another one if its manifests have another format. */
  digest: Digest | undefined;
  /** How its blobs reached the target. */
  blobs: CopiedBlobs;
}

/**
 * Copies a stash with all its chunks unchanged, perhaps to another base tag. Existing chunks are skipped. The manifests are
 * stored in the format of the target, and the tags are put, as by an upload to it: that of the last chunk last, because it makes
 * the stash complete; in a directory all at once. A stash that is replaced keeps its tags until all images are stored.
 *
 * @throws {InvalidInputError} if a base tag is invalid, or a number is out of range
 * @throws {NotFoundError} if the stash does not exist or is incomplete
 * @throws {ConflictError} if a folder has the base tag, or another stash has it and `overwrite` is not set; nothing is
 * changed then
 *
 * @example
 * ```ts
 * import { info, openStore, upload } from "@layerstash/cli";
 * import { copyStash } from "@layerstash/cli/copy";
 *
 * const directory = await Deno.makeTempDir();
 * const registry = `oci:${directory}`;
 * using store = openStore({ registry, repository: "me/files" });
 * using other = openStore({ registry, repository: "you/files" });
 * await upload(store, "note", { input: new Response("hello").body! });
 * await copyStash({ store, baseTag: "note" }, { store: other, baseTag: "letter" });
 * if ((await info(other, "letter")).size !== 5) throw new Error("unexpected stash");
 * await Deno.remove(directory, { recursive: true });
 * ```
 */
export async function copyStash(
  from: StashTarget,
  to: StashTarget,
  options: CopyStashOptions = {},
): Promise<CopyStashResult> {
  const { overwrite = false, jobs = DEFAULT_JOBS, signal, onEvent } = options;
  const calls = { jobs, signal, onEvent };
  checkTransfer(options);
  const stash = await findStash(from.store, from.baseTag, { signal, onEvent });
  checkBaseTag(to.baseTag, stash.chunks.length);
  const images = await copiedImages(from.store, stash, { ...calls, baseTag: to.baseTag });
  const numbers = await unsharedNumbers(to.store, to.baseTag, { signal, onEvent });
  const stale = numbers.filter((number) => number > images.length);
  const replaces = overwrite && stale.length > 0;
  images[0] = await countedFirst(to, stash, images, { replaces, signal, onEvent });
  const existing = await lookAtTarget(to.store, images, {
    ...calls,
    baseTag: to.baseTag,
    overwrite,
    numbers,
  });
  const family = requireFamily(to, existing, overwrite);
  const wanted = images.flatMap(({ manifest, config }) => listedBlobs(manifest.bytes).slice(config ? 1 : 0));
  const blobs = await copyBlobs(from.store, to.store, { ...options, reread: overwrite, blobs: wanted });
  using writer = new TagWriter(to.store, existing, { overwrite, family, signal, onEvent });
  const digest = await putTags(to.store, writer, inOrder(images), {
    ...calls,
    untaggedFirst: existing.isReadable,
  });
  const manifests = writer.held.without(existing.manifests);
  await freeReplaced(to.store, images.map(({ tag }) => tag), { signal, onEvent, manifests });
  await removeStale(to.store, to.baseTag, { ...withChannel({ signal, onEvent }, to.store), numbers: stale });
  return { stash, digest: stash.provenComplete ? digest : undefined, blobs };
}

/** Reads the images of the chunks. Where the source has lost the tag of one, it is built again. */
async function copiedImages(
  store: Store,
  stash: Stash,
  { jobs, signal, onEvent, baseTag }: CallOptions & { jobs: number; baseTag: string },
): Promise<TaggedImage[]> {
  const { chunks } = stash;
  const images: TaggedImage[] = [];
  const middle = new Set(middleChunks(stash).map(({ number }) => number));
  await inParallel(chunks, { jobs, signal }, async ({ number, tag, digest, size }, signal) => {
    const isLast = number === chunks.length;
    const reference = tag ?? (isLast ? stash.digest : undefined); // a digest names the last image alone
    const manifest = reference && await store.manifest(reference, { signal, onEvent });
    if (reference !== undefined && !manifest && !middle.has(number)) {
      throw await notThere(store, reference, { signal, onEvent });
    }
    if (manifest && !listedBlobs(manifest.bytes).some((blob) => blob.digest === digest)) {
      throw new MismatchError(`${tag} does not belong to the stash that ${chunks.at(-1)?.tag} completes`);
    }
    const layer = { mediaType: OCTET_STREAM, digest, size };
    images[number - 1] = manifest
      ? { number, tag: chunkTag(baseTag, number), layer, manifest, isLast }
      : rebuildImage({ ...stash, baseTag }, number);
  });
  return images;
}

function inOrder(images: readonly TaggedImage[]): ImagesToTag {
  const first = images.length > 1 ? images[0] : undefined;
  return { first, middle: images.slice(1, -1), last: images.at(-1)! };
}

/**
 * The image of chunk 1: with the number of chunks where its own does not have it, as that of a stream, and the copy replaces a
 * longer stash, a tag of which would be taken for that of the last chunk. It stays where it is there already.
 */
async function countedFirst(
  { store, baseTag }: StashTarget,
  stash: Stash,
  [first]: readonly TaggedImage[],
  { replaces, ...options }: CallOptions & { replaces: boolean },
): Promise<TaggedImage> {
  if (!stash.provenComplete || stash.chunks.length === 1) return first!;
  const counted = rebuildImage({ ...stash, baseTag }, 1);
  if (familyWith(counted, first!.manifest.digest)) return first!;
  const isThere = async () => familyWith(counted, await store.resolve(counted.tag, options)) !== undefined;
  return replaces || await isThere() ? counted : first!;
}

/**
 * The family of the new manifests: that of the same chunks which are there, unless the user has chosen another.
 *
 * @throws {ConflictError} if these have the other family, and are not to be replaced
 */
function requireFamily(
  { store, baseTag }: StashTarget,
  { family: existing }: TargetChunks,
  overwrite: boolean,
): Family {
  const family = store.familyBeside(existing);
  if (existing === undefined || existing === family || overwrite) return family;
  throw new ConflictError(`${store.name} already has ${baseTag}, in the other format of manifests`, {
    hint: "leave --manifest-format out, or change the format with --overwrite",
  });
}
