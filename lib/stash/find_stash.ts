/** Finds a stash by its base tag: two manifests are read, however large it is. @module */
import { MismatchError, NotFoundError } from "../errors.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { readImageManifest } from "../oci/manifest.ts";
import { hintOfNames } from "../store/known_references.ts";
import { isPlaceholder } from "../store/placeholder.ts";
import type { CallOptions, ManifestReader, StoreReader } from "../store/store.ts";
import { inParallel } from "../async/pool.ts";
import { receiveSmall } from "../transfer/receive.ts";
import {
  type ChunkConfig,
  type ChunkNote,
  MAX_CHUNK_CONFIG_SIZE,
  readChunkConfig,
  requireNote,
} from "./chunk_config.ts";
import { checkBaseTag, chunkTag, parseChunkTag } from "./chunk_tags.ts";
import { chunksOf, sliceSize, type Stash } from "./stash.ts";

/** How many manifests are read at once, of a stash whose chunks are not listed in a table. */
const MANIFESTS_AT_ONCE = 4;

/** The image of one chunk, as it was read. */
export interface ChunkImage {
  tag: string;
  /** The blob with the chunk's bytes. */
  layer: Descriptor;
  config: ChunkConfig;
}

/**
 * Finds a stash, and checks that its first and its last chunk belong to the same upload.
 *
 * @throws {InvalidInputError} if the base tag is not a valid tag
 * @throws {NotFoundError} if the stash does not exist, or a chunk is missing
 * @throws {MismatchError} if its chunks belong to different uploads, or are malformed
 */
export async function findStash(
  store: StoreReader,
  baseTag: string,
  options: CallOptions = {},
): Promise<Stash> {
  checkBaseTag(baseTag);
  const first = await readChunkImage(store, chunkTag(baseTag, 1), options);
  if (!first) throw await stashNotFound(store, baseTag, options);
  if (!first.config.layerstash) return await findLegacyStash(store, baseTag, options);
  const { note: firstNote, last } = await readEnds(store, baseTag, first, options);
  const note = requireNote(last.config, last.tag);
  checkAgreement(firstNote, first, note, last);
  const { size, chunkSize, digests } = note as Required<ChunkNote>;
  const slices = digests.map((digest, index) => ({
    digest,
    size: sliceSize(index + 1, { chunkSize, size }),
  }));
  const chunks = chunksOf(baseTag, slices);
  return {
    baseTag,
    name: note.name,
    size,
    chunkSize,
    modified: last.config.created,
    chunks,
    provenComplete: true,
  };
}

/** The numbers of the chunks of a stash that have a tag, in order. All pages of the list of tags are read. */
export async function chunkNumbers(
  store: ManifestReader,
  baseTag: string,
  options: CallOptions,
): Promise<number[]> {
  const numbers: number[] = [];
  for await (const tag of store.tags(options)) {
    const parsed = parseChunkTag(tag);
    if (parsed?.baseTag === baseTag) numbers.push(parsed.number);
  }
  return numbers.sort((a, b) => a - b);
}

/**
 * Reads a chunk's manifest and config.
 *
 * @returns `undefined` if the tag does not exist, or is about to be removed
 * @throws {MismatchError} if the tag holds something that is not a chunk
 */
export async function readChunkImage(
  store: StoreReader,
  tag: string,
  options: CallOptions = {},
): Promise<ChunkImage | undefined> {
  const manifest = await store.manifest(tag, options);
  if (!manifest) return undefined;
  const { config, layers } = readImageManifest(manifest);
  if (config.size > MAX_CHUNK_CONFIG_SIZE) {
    throw new MismatchError(`the config of ${tag} is too large: ${config.size} bytes`);
  }
  const [layer, ...more] = layers;
  const bytes = more.length === 0 ? await receiveSmall(store, config, options) : undefined;
  if (!layer && bytes && isPlaceholder(bytes)) return undefined;
  if (!layer || !bytes) {
    throw new MismatchError(
      `${tag} is not a chunk of a stash: its image has ${layers.length} layers, a chunk has one`,
    );
  }
  return { tag, layer, config: readChunkConfig(bytes, tag) };
}

async function readEnds(store: StoreReader, baseTag: string, first: ChunkImage, options: CallOptions) {
  const note = requireNote(first.config, first.tag);
  const chunks = note.chunks ?? (await chunkNumbers(store, baseTag, options)).at(-1) ?? 1;
  const last = chunks === 1 ? first : await readChunkImage(store, chunkTag(baseTag, chunks), options);
  if (last) return { note, last };
  throw new NotFoundError(
    `the stash ${baseTag} is incomplete: its last chunk, ${chunkTag(baseTag, chunks)}, is missing`,
    {
      hint: "its upload may not be finished; run it again to complete it",
    },
  );
}

/** Chunk 1 and the last chunk must belong to one upload; else a later upload was interrupted between them. */
function checkAgreement(
  first: ChunkNote,
  firstImage: ChunkImage,
  last: ChunkNote,
  lastImage: ChunkImage,
): void {
  const { size, chunks, digests, chunkSize } = last;
  if (size === undefined || chunks === undefined || digests === undefined) {
    throw new NotFoundError(
      `the stash is incomplete: ${lastImage.tag} is not its last chunk, and no later one exists`,
      {
        hint: "its upload may not be finished; run it again to complete it",
      },
    );
  }
  const agree = last.chunk === chunks && first.chunk === 1 && first.chunkSize === chunkSize &&
    first.name === last.name && (first.size ?? size) === size && (first.chunks ?? chunks) === chunks &&
    digests.length === chunks && Math.max(1, Math.ceil(size / chunkSize)) === chunks &&
    digests[0] === firstImage.layer.digest && digests.at(-1) === lastImage.layer.digest &&
    firstImage.layer.size === Math.min(chunkSize, size) &&
    lastImage.layer.size === size - (chunks - 1) * chunkSize;
  if (agree) return;
  throw new MismatchError(
    `${firstImage.tag} and ${lastImage.tag} belong to different uploads: the stash is torn`,
    {
      hint: "an upload that replaces it was interrupted; run that again with --overwrite to complete it",
    },
  );
}

/** Finds a stash of the Python layerstash, which consists of nothing but tags, numbered without a gap. */
async function findLegacyStash(store: StoreReader, baseTag: string, options: CallOptions): Promise<Stash> {
  const numbers = await chunkNumbers(store, baseTag, options);
  const missing = firstMissing(numbers);
  if (missing !== undefined) throw chunkNotFound(baseTag, missing);
  const images: ChunkImage[] = [];
  await inParallel(numbers, { jobs: MANIFESTS_AT_ONCE, signal: options.signal }, async (number, signal) => {
    const image = await readChunkImage(store, chunkTag(baseTag, number), { ...options, signal });
    if (!image) throw chunkNotFound(baseTag, number);
    images[number - 1] = image;
  });
  requireOneUpload(images);
  const layers: Descriptor[] = images.map(({ layer }) => layer);
  const chunks = chunksOf(baseTag, layers);
  const size = layers.reduce((sum, layer) => sum + layer.size, 0);
  if (!Number.isSafeInteger(size)) {
    throw new MismatchError(`the chunks of ${baseTag} have ${size} bytes in all, which is out of range`);
  }
  return { baseTag, size, chunkSize: layers[0]?.size ?? 0, chunks, provenComplete: false };
}

function chunkNotFound(baseTag: string, number: number): NotFoundError {
  return new NotFoundError(`the stash ${baseTag} is incomplete: ${chunkTag(baseTag, number)} is missing`);
}

/**
 * Makes sure that no chunk is of another upload. The Python layerstash leaves the tags of a longer stash after its own; they
 * show by their sizes, because all chunks of an upload but the last have the same size.
 */
function requireOneUpload([first, ...others]: readonly ChunkImage[]): void {
  const odd = others.find(({ layer, config }, index) => {
    const isLast = index === others.length - 1;
    const fits = isLast ? layer.size <= first!.layer.size : layer.size === first!.layer.size;
    return config.layerstash !== undefined || !fits;
  });
  if (!odd) return;
  throw new MismatchError(`${first!.tag} and ${odd.tag} belong to different uploads: the stash is torn`, {
    hint: "the last tags are left from an older, longer stash; store the file again with --overwrite",
  });
}

/** The first number that is missing from 1 to the last; `undefined` = no number is missing. */
export function firstMissing(numbers: readonly number[]): number | undefined {
  const index = numbers.findIndex((number, position) => number !== position + 1);
  return index < 0 ? undefined : index + 1;
}

/** The error of a stash that could not be found: is only its first chunk missing? The hint names other stashes. */
export async function stashNotFound(
  store: StoreReader,
  baseTag: string,
  options: CallOptions,
): Promise<NotFoundError> {
  const others = new Set<string>();
  let numbered = false;
  for await (const tag of store.tags(options)) {
    const parsed = parseChunkTag(tag);
    if (parsed?.baseTag === baseTag) numbered = true;
    else if (parsed) others.add(parsed.baseTag);
  }
  if (numbered) return chunkNotFound(baseTag, 1);
  return new NotFoundError(`there is no stash ${baseTag} in ${store.name}`, {
    hint: hintOfNames([...others]),
  });
}

/** Turns the errors of what is missing or malformed into `undefined`; to be used with `catch`. */
export function undefinedIfBroken(error: unknown): undefined {
  if (!(error instanceof MismatchError) && !(error instanceof NotFoundError)) throw error;
}
