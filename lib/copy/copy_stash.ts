/** Copies stashes between registries, repositories and layouts. @module */
import { ConflictError, MismatchError } from "../errors.ts";
import { withChannel } from "../events.ts";
import type { Digest } from "../oci/digest.ts";
import { type Manifest, readImageManifest } from "../oci/manifest.ts";
import { familyOf, inFamily } from "../oci/manifest_family.ts";
import { FAMILIES, type Family } from "../oci/media_types.ts";
import { listedBlobs } from "../oci/references.ts";
import { freeReplaced } from "../store/free.ts";
import { putInFamily } from "../store/manifest_format.ts";
import { notThere } from "../store/known_references.ts";
import type { CallOptions, Store } from "../store/store.ts";
import { checkBaseTag, chunkTag } from "../stash/chunk_tags.ts";
import { findStash } from "../stash/find_stash.ts";
import { type ChunkImage, lookAtTag } from "../stash/chunk_image.ts";
import { foreignConflict } from "../stash/existing_chunks.ts";
import { storeConfig } from "../stash/image_configs.ts";
import { requireGivenBack } from "../stash/read_back.ts";
import { removeStale } from "../stash/remove_tags.ts";
import { unsharedNumbers } from "../stash/shared_names.ts";
import { type Chunk, middleChunks, type Stash } from "../stash/stash.ts";
import { rebuildImage, type TaggedImage } from "../stash/stash_draft.ts";
import { checkTransfer, DEFAULT_JOBS } from "../transfer/adaptive_jobs.ts";
import { inParallel } from "../async/pool.ts";
import { type CopiedBlobs, copyBlobs } from "./copy_blobs.ts";
import type { CopyOptions } from "./copy_image.ts";

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
 * stored in the format of the target, as by an upload to it. The tag of the last chunk comes last, because it makes the
 * stash complete; a directory lists all tags at once. A stash that is replaced keeps its tags until all images are stored.
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
  const { jobs = DEFAULT_JOBS, signal, onEvent } = options;
  checkTransfer(options);
  const stash = await findStash(from.store, from.baseTag, { signal, onEvent });
  checkBaseTag(to.baseTag, stash.chunks.length);
  const images = await chunkImages(from.store, stash, { jobs, signal, onEvent });
  const numbers = await unsharedNumbers(to.store, to.baseTag, { signal, onEvent });
  const stale = numbers.filter((number) => number > images.length);
  const replaces = options.overwrite === true && stale.length > 0;
  const counted = await countedFirst(to, stash, images, { replaces, signal, onEvent });
  if (counted) images[0] = counted;
  const { replaced, family } = await requireReplaceableTags(to, images, { ...options, numbers, jobs });
  const wanted = images.flatMap(({ manifest, config }) =>
    config ? listedBlobs(manifest.bytes).slice(1) : listedBlobs(manifest.bytes)
  );
  const blobs = await copyBlobs(from.store, to.store, {
    ...options,
    reread: options.overwrite,
    blobs: wanted,
  });
  const put = await putImages(to, images, { family, jobs, replaces: replaced.length > 0, signal, onEvent });
  await inParallel(put, { jobs, signal }, async ([tag, digest], signal) => {
    await requireGivenBack(to.store, tag, { digest, signal, onEvent });
  });
  await freeReplaced(to.store, [...put.keys()], { signal, onEvent, manifests: replaced });
  await removeStale(to.store, to.baseTag, { ...withChannel({ signal, onEvent }, to.store), numbers: stale });
  const digest = stash.provenComplete ? put.get(chunkTag(to.baseTag, images.length)) : undefined;
  return { stash, digest, blobs };
}

/** How the tags of a copy are put. */
interface PutOptions extends CallOptions {
  family: Family;
  jobs: number;
  /** Whether a tag holds another chunk, which is replaced. */
  replaces: boolean;
}

/** Stores the images of the chunks under their tags. Returns the digest that each tag holds. */
async function putImages(
  { store, baseTag }: StashTarget,
  images: readonly CopiedImage[],
  { family, jobs, replaces, ...options }: PutOptions,
): Promise<Map<string, Digest>> {
  const tagged = images.map((image, index) => ({ ...image, tag: chunkTag(baseTag, index + 1) }));
  for (const { tag, config } of tagged) {
    if (config) await storeConfig(store, { tag, config }, options);
  }
  if (!store.putManifests) return await putInOrder(store, tagged, { family, jobs, replaces, ...options });
  const manifests = new Map(tagged.map(({ tag, manifest }) => [tag, inFamily(manifest, family)]));
  await store.putManifests(manifests, options);
  return new Map(manifests.entries().map(([tag, { digest }]) => [tag, digest]));
}

/**
 * Puts tags one after the other, that of the last chunk last. Where they replace others, the registry takes all images by their
 * digests before: one that it refuses then leaves the old file whole.
 */
async function putInOrder(
  store: Store,
  images: readonly (CopiedImage & { tag: string })[],
  { family, jobs, replaces, signal, onEvent }: PutOptions,
): Promise<Map<string, Digest>> {
  const send = async ({ manifest }: CopiedImage, tag: string | undefined, signal?: AbortSignal) => {
    const make = (family: Family) => inFamily(manifest, family);
    const stored = await putInFamily(store, tag, make, { family, signal, onEvent });
    family = familyOf(stored);
    return stored.digest;
  };
  if (replaces && images.length > 1) {
    await inParallel(images, { jobs, signal }, async (image, signal) => {
      await send(image, undefined, signal);
    });
  }
  const put = new Map<string, Digest>();
  for (const image of images) put.set(image.tag, await send(image, image.tag, signal));
  return put;
}

/** The image of a chunk that is copied; its config only where the source has lost the tag, and the image is built again. */
type CopiedImage = Pick<TaggedImage, "manifest"> & Partial<Pick<TaggedImage, "config">>;

/** Reads the images of the chunks. If the stash was found by its digest, only that of the last one is known. */
async function chunkImages(
  store: Store,
  stash: Stash,
  options: CallOptions & { jobs: number },
): Promise<CopiedImage[]> {
  const { chunks } = stash;
  const images: CopiedImage[] = [];
  const middle = new Set(middleChunks(stash).map(({ number }) => number));
  await inParallel(chunks, options, async ({ number, tag, digest }: Chunk, signal) => {
    const reference = tag ?? (number === chunks.length ? stash.digest : undefined);
    const manifest = reference && await store.manifest(reference, { signal, onEvent: options.onEvent });
    if (reference !== undefined && !manifest && !middle.has(number)) {
      throw await notThere(store, reference, { signal, onEvent: options.onEvent });
    }
    if (manifest && !listedBlobs(manifest.bytes).some((blob) => blob.digest === digest)) {
      throw new MismatchError(`${tag} does not belong to the stash that ${chunks.at(-1)?.tag} completes`);
    }
    images[number - 1] = manifest ? { manifest } : rebuildImage(stash, number);
  });
  return images;
}

/**
 * The image of chunk 1 with the number of chunks, where its own does not have it, as that of a stream. It is needed where the
 * copy replaces a longer stash, a tag of which would be taken for that of the last chunk; and it stays where it is there already.
 */
async function countedFirst(
  { store, baseTag }: StashTarget,
  stash: Stash,
  [first]: readonly CopiedImage[],
  { replaces, ...options }: CallOptions & { replaces: boolean },
): Promise<CopiedImage | undefined> {
  if (!stash.provenComplete || stash.chunks.length === 1) return undefined;
  const counted = rebuildImage(stash, 1);
  const isThat = (digest: Digest | undefined) =>
    FAMILIES.some((family) => inFamily(counted.manifest, family).digest === digest);
  if (isThat(first!.manifest.digest)) return undefined;
  return replaces || isThat(await store.resolve(chunkTag(baseTag, 1), options)) ? counted : undefined;
}

/**
 * Checks that what exists at the target may be replaced: the tags hold these chunks already, in the family in which the copy
 * then goes on; or chunks in the other family, or of another stash, that are to be replaced. Images of others are not replaced; with higher
 * numbers they are not in the way.
 *
 * @returns the manifests of the chunks that are replaced, and the family of the new ones
 */
async function requireReplaceableTags(
  { store, baseTag }: StashTarget,
  images: readonly CopiedImage[],
  { numbers, overwrite, jobs, signal, onEvent }: CopyStashOptions & {
    numbers: readonly number[];
    jobs: number;
  },
): Promise<{ replaced: Digest[]; family: Family }> {
  const replaced: Digest[] = [];
  let existing: Family | undefined;
  await inParallel(numbers, { jobs, signal }, async (number, signal) => {
    const tag = chunkTag(baseTag, number);
    const wanted = images[number - 1]?.manifest;
    const found = wanted && await store.resolve(tag, { signal, onEvent });
    const family = found && FAMILIES.find((family) => inFamily(wanted, family).digest === found);
    if (family) return void (existing = family);
    const content = await lookAtTag(store, tag, { signal, onEvent });
    if (content.kind === "chunk") replaced.push(content.image.manifest);
    if (wanted && content.kind === "chunk" && isSameChunk(wanted, content.image)) {
      return void (existing = content.image.family);
    }
    const isForeign = content.kind === "foreign";
    if (isForeign && wanted !== undefined) throw foreignConflict(tag);
    if (isForeign || overwrite) return;
    throw new ConflictError(`${store.name} already has another ${tag}`, {
      hint: "choose another name, or --overwrite to replace it",
      isReplaceable: true,
    });
  });
  const family = store.familyBeside(existing);
  if (existing === undefined || existing === family || overwrite) return { replaced, family };
  throw new ConflictError(`${store.name} already has ${baseTag}, in the other format of manifests`, {
    hint: "leave --manifest-format out, or change the format with --overwrite",
  });
}

/** Whether a manifest is that of a chunk with the same blobs. A title may be there or not: older versions put none. */
function isSameChunk(wanted: Manifest, { configDigest, layer }: ChunkImage): boolean {
  const { config, layers: [own] } = readImageManifest(wanted);
  return config.digest === configDigest && own?.digest === layer.digest;
}
