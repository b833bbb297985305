/** Finds a stash: by its name, for which two manifests are read however large it is, or by its digest. @module */
import { MismatchError, NotFoundError } from "../errors.ts";
import { type Descriptor, totalSize } from "../oci/descriptor.ts";
import { isDigest } from "../oci/digest.ts";
import type { CallOptions, StoreReader } from "../store/store.ts";
import { inParallel } from "../async/pool.ts";
import type { ChunkNote } from "./chunk_config.ts";
import { type ChunkImage, lookAtTag, type LookOptions, readChunkImage } from "./chunk_image.ts";
import { chunkNumbers } from "./chunk_numbers.ts";
import { checkBaseTag, chunkTag } from "./chunk_tags.ts";
import { findStashByDigest, isConsistent, stashOfTable, type StashTable, tableOf } from "./last_chunk.ts";
import { stashNotFound } from "./stash_not_found.ts";
import { chunksOf, type Stash } from "./stash.ts";
import { chunkNotFound, lastNotFound, notItsLast, partlyReplaced, tornStash } from "./torn_stash.ts";

/** How many manifests are read at once, of a stash whose chunks are not listed in a table. */
const MANIFESTS_AT_ONCE = 4;

/**
 * Finds a stash by its name, and checks that its first and its last chunk belong to the same upload; or by its digest.
 *
 * @param name the base tag, or the digest of the manifest of the last chunk
 * @throws {InvalidInputError} if it is neither a valid tag nor a digest, or the digest is that of another chunk
 * @throws {NotFoundError} if the stash does not exist, or a chunk is missing
 * @throws {MismatchError} if its chunks belong to different uploads, or are malformed
 */
export async function findStash(
  store: StoreReader,
  name: string,
  options: LookOptions = {},
): Promise<Stash> {
  const { onLayer: _, ...byDigest } = options;
  if (isDigest(name)) return await findStashByDigest(store, name, byDigest);
  return (await findStashImages(store, name, options)).stash;
}

/** Finds a stash by its name, as `findStash` does, and returns the images that were read for it, too: of the first and last chunk, or all. */
export async function findStashImages(
  store: StoreReader,
  baseTag: string,
  { onLayer, numbers, ...options }: LookOptions & { numbers?: readonly number[] },
): Promise<{ stash: Stash; images: ChunkImage[] }> {
  checkBaseTag(baseTag);
  const found = await lookAtTag(store, chunkTag(baseTag, 1), { ...options, onLayer });
  if (found.kind === "absent" || found.kind === "foreign") throw await stashNotFound(store, baseTag, options);
  if (found.kind !== "chunk") throw found.error;
  const first = found.image;
  if (!first.config.layerstash) return await findLegacyStash(store, baseTag, options);
  return await findByFirst(store, baseTag, first, { ...options, ...(numbers && { numbers }) });
}

/**
 * Finds the stash that a chunk with a note begins. One more image is read, of the last chunk, if that is another one.
 *
 * @param options the numbers of the chunks that have a tag, if they are known: they are listed again otherwise
 * @throws {NotFoundError} if its last chunk is missing
 * @throws {MismatchError} if its chunks belong to different uploads, or are malformed
 */
export async function findByFirst(
  store: StoreReader,
  baseTag: string,
  first: ChunkImage,
  options: CallOptions & { numbers?: readonly number[] },
): Promise<{ stash: Stash; images: ChunkImage[] }> {
  const last = await readLast(store, baseTag, first, options);
  if (!areOfOneUpload(first, last)) {
    throw await partlyReplaced(store, baseTag, { ...options, first, other: last });
  }
  const table = tableOf(last);
  const { chunks = 1 } = first.config.layerstash!; // of a stream, chunk 1 does not say how many there are
  if (!table) throw chunks === 1 ? notItsLast(baseTag, last) : lastNotFound(baseTag, chunks);
  const stash = stashOfTable(baseTag, table, last);
  return { stash, images: [first, last] };
}

/** Reads the last chunk; where it is missing, the highest that is there, which tells whose upload was interrupted. */
async function readLast(
  store: StoreReader,
  baseTag: string,
  first: ChunkImage,
  options: CallOptions & { numbers?: readonly number[] },
): Promise<ChunkImage> {
  const { chunks } = first.config.layerstash!;
  if (chunks === 1) return first;
  if (chunks === undefined) return await readHighest(store, baseTag, first, options);
  const last = await readChunkImage(store, chunkTag(baseTag, chunks), options);
  return last ?? await readHighest(store, baseTag, first, options).catch(undefinedIfBroken) ?? first;
}

/** Reads the chunk with the highest number, of a stash that was stored from a stream. Higher tags may be of other images. */
async function readHighest(
  store: StoreReader,
  baseTag: string,
  first: ChunkImage,
  { numbers, ...options }: CallOptions & { numbers?: readonly number[] },
): Promise<ChunkImage> {
  for (const number of (numbers ?? await chunkNumbers(store, baseTag, options)).toReversed()) {
    if (number === 1) break;
    const found = await lookAtTag(store, chunkTag(baseTag, number), options);
    if (found.kind === "chunk") return found.image;
    if (found.kind === "absent") throw lastNotFound(baseTag, number);
    if (found.kind !== "foreign") throw found.error;
  }
  return first;
}

/**
 * Whether chunk 1 is about to get another header, and the last chunk has not got its own yet: then the stash is the one that
 * the last chunk completes.
 */
function isExchanged({ encryption }: ChunkNote, { encryption: own, digests }: StashTable): boolean {
  return own !== undefined && encryption?.was !== undefined && encryption.was === digests[0];
}

/**
 * Whether chunk 1 and the highest chunk may be of one upload, by all that both say; else a later upload was interrupted between
 * them. A chunk that chunk 1 calls the last has to list the others.
 */
function areOfOneUpload(first: ChunkImage, highest: ChunkImage): boolean {
  const [one, other] = [first.config.layerstash!, highest.config.layerstash];
  if (!other) return false;
  const table = tableOf(highest);
  if (!table) return first === highest || agree(one, other) && one.chunks !== other.chunk;
  return isConsistent(table, highest) &&
    (isExchanged(one, table) || agree(one, other) && begins(first, table));
}

/** Whether two chunks say the same of their file. Those of a stream do not know its size, except the last. */
function agree(one: ChunkNote, other: ChunkNote): boolean {
  const same = (a: number | undefined, b: number | undefined) =>
    a === undefined || b === undefined || a === b;
  return one.name === other.name && one.chunkSize === other.chunkSize && same(one.size, other.size) &&
    same(one.chunks, other.chunks) && one.encryption?.format === other.encryption?.format;
}

/** Whether an image is that of the first chunk in a table. */
function begins({ config, layer }: ChunkImage, { digests, size, chunkSize }: StashTable): boolean {
  return config.layerstash?.chunk === 1 && layer.digest === digests[0] &&
    layer.size === Math.min(chunkSize, size);
}

/** Finds a stash of the Python layerstash, which consists of nothing but tags, numbered without a gap. */
async function findLegacyStash(
  store: StoreReader,
  baseTag: string,
  options: CallOptions,
): Promise<{ stash: Stash; images: ChunkImage[] }> {
  const images = await readAllChunks(store, baseTag, options);
  requireOneUpload(baseTag, images);
  const layers: Descriptor[] = images.map(({ layer }) => layer);
  const chunks = chunksOf(baseTag, layers);
  const size = totalSize(layers);
  if (!Number.isSafeInteger(size)) {
    throw new MismatchError(`the chunks of ${baseTag} have ${size} bytes in all, which is out of range`);
  }
  return { stash: { baseTag, size, chunkSize: layers[0]?.size ?? 0, chunks, provenComplete: false }, images };
}

/** Reads the images of all chunks that have a tag. Other images with such tags do not belong to the stash. */
async function readAllChunks(
  store: StoreReader,
  baseTag: string,
  options: CallOptions,
): Promise<ChunkImage[]> {
  const images = new Map<number, ChunkImage | undefined>();
  const numbers = await chunkNumbers(store, baseTag, options);
  await inParallel(numbers, { jobs: MANIFESTS_AT_ONCE, signal: options.signal }, async (number, signal) => {
    const found = await lookAtTag(store, chunkTag(baseTag, number), { ...options, signal });
    if (found.kind === "foreign") return;
    if (found.kind !== "chunk" && found.kind !== "absent") throw found.error;
    images.set(number, found.kind === "chunk" ? found.image : undefined);
  });
  const last = images.keys().reduce((highest, number) => Math.max(highest, number), 1);
  const inOrder: ChunkImage[] = [];
  for (let number = 1; number <= last; number++) {
    const image = images.get(number);
    if (!image) throw chunkNotFound(baseTag, number);
    inOrder.push(image);
  }
  return inOrder;
}

/**
 * Makes sure that no chunk is of another upload. The Python layerstash leaves the tags of a longer stash after its own; they
 * show by their sizes, because all chunks of an upload but the last have the same size.
 */
function requireOneUpload(baseTag: string, [first, ...others]: readonly ChunkImage[]): void {
  const odd = others.find(({ layer, config }, index) => {
    const isLast = index === others.length - 1;
    const fits = isLast ? layer.size <= first!.layer.size : layer.size === first!.layer.size;
    return config.layerstash !== undefined || !fits;
  });
  if (!odd) return;
  const hint = "the last tags are left from an older, longer stash; store the file again with --overwrite";
  throw tornStash(baseTag, [first!, odd], { hint });
}

/** Turns the errors of what is missing or malformed into `undefined`; to be used with `catch`. */
export function undefinedIfBroken(error: unknown): undefined {
  if (!(error instanceof MismatchError) && !(error instanceof NotFoundError)) throw error;
}
