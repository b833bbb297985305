/** Removes the tags of a stash, and keeps those of others that merely look alike. @module */
import { inParallel } from "../async/pool.ts";
import { InvalidInputError, LayerstashError } from "../errors.ts";
import { compareNaturally } from "../messages.ts";
import type { OnEvent } from "../events.ts";
import type { CallOptions, ManifestReader, Store, StoreReader } from "../store/store.ts";
import { freeReplaced } from "../store/free.ts";
import { type Digest, isDigest } from "../oci/digest.ts";
import { DEFAULT_JOBS } from "../transfer/adaptive_jobs.ts";
import { lookAtTag, type TagContent } from "./chunk_image.ts";
import { checkBaseTag, chunkTag, parseChunkTag } from "./chunk_tags.ts";

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
 * Makes sure that a stash is to be removed by its name: a digest does not name the tags of its chunks, and a manifest that is
 * removed by its digest takes all its tags with it.
 *
 * @throws {InvalidInputError} if it is a digest, with the names of the stash as a hint; or if it is not a valid tag
 */
export async function requireRemovableName(
  store: ManifestReader,
  name: string,
  options: CallOptions,
): Promise<void> {
  if (!isDigest(name)) return void checkBaseTag(name);
  const names = await namesOfDigest(store, name, options);
  throw new InvalidInputError("a stored file is removed by its name, not by its digest", {
    hint: names.length > 0
      ? `the file with this digest has the name ${names.join(", ")}: use that`
      : `no file in ${store.name} has this digest: layerstash list shows the names`,
  });
}

/** The names of the stashes whose last chunk has this digest. The highest tag of each name is asked for. */
async function namesOfDigest(store: ManifestReader, digest: Digest, options: CallOptions): Promise<string[]> {
  const highest = new Map<string, number>();
  for await (const tag of store.tags(options)) {
    const { baseTag, number = 0 } = parseChunkTag(tag) ?? {};
    if (baseTag !== undefined && number > (highest.get(baseTag) ?? 0)) highest.set(baseTag, number);
  }
  const names: string[] = [];
  await inParallel(
    highest,
    { jobs: DEFAULT_JOBS, signal: options.signal },
    async ([name, number], signal) => {
      if (await store.resolve(chunkTag(name, number), { ...options, signal }) === digest) names.push(name);
    },
  );
  return names.sort(compareNaturally);
}

/**
 * How many tags are removed together at most, where a store can do that: first one, and then twice as many each time. Each group
 * is freed before the next one goes.
 */
const REMOVED_TOGETHER = 1000;

/**
 * Removes the tags of chunks with these numbers, in order. If one cannot be removed, the others still are. What does not hold
 * a chunk is kept: an image of somebody else may have such a tag.
 */
export async function removeChunks(
  store: Store,
  baseTag: string,
  numbers: readonly number[],
  options: CallOptions,
): Promise<TagRemoval> {
  const removal: Removal = { removed: [], kept: [], manifests: [] };
  const most = store.removeManifests ? REMOVED_TOGETHER : 1;
  for (let [from, together] = [0, 1]; from < numbers.length;) {
    const tags = numbers.slice(from, from + together).map((number) => chunkTag(baseTag, number));
    await removeGroup(store, tags, { ...options, removal });
    [from, together] = [from + together, Math.min(most, 2 * together)];
  }
  const { manifests, ...result } = removal;
  await freeReplaced(store, [], { ...options, manifests });
  return result;
}

/** A removal, and the manifests that the removed tags led to. */
interface Removal extends TagRemoval {
  manifests: Digest[];
}

type RemovalOptions = CallOptions & { removal: Removal };

async function removeGroup(store: Store, tags: readonly string[], options: RemovalOptions): Promise<void> {
  const chunks = new Map<string, TagContent>();
  for (const tag of tags) {
    await orKeep(store, [tag], options, async () => {
      const content = await lookAtTag(store, tag, options);
      const why = await whyKept(store, tag, { ...options, content });
      if (why !== undefined) options.removal.kept.push({ tag, why });
      else chunks.set(tag, content);
    });
  }
  const found = [...chunks.keys()];
  await orKeep(store, found, options, async () => {
    await removeTags(store, found, options);
    for (const [tag, content] of chunks) {
      if (content.kind === "chunk") options.removal.manifests.push(content.image.manifest);
      options.removal.removed.push(tag);
    }
    await freeReplaced(store, found, options); // at once: an interruption leaves no garbage of tags that are gone
  });
}

/** Does some work for tags. If it fails, they are kept, and that is the reason; unless the signal has ended it. */
async function orKeep(
  store: Store,
  tags: readonly string[],
  { removal, signal, onEvent = store.onEvent }: RemovalOptions,
  work: () => Promise<void>,
): Promise<void> {
  try {
    signal?.throwIfAborted();
    await work();
  } catch (error) {
    if (signal?.aborted) reportRemoved(removal, onEvent);
    signal?.throwIfAborted();
    if (!(error instanceof LayerstashError)) throw error;
    for (const tag of tags) removal.kept.push({ tag, why: error.message, error });
  }
}

async function removeTags(store: Store, tags: readonly string[], options: CallOptions): Promise<void> {
  if (store.removeManifests) return await store.removeManifests(tags, options);
  for (const tag of tags) await store.removeManifest(tag, options);
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
