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
import { chunksOf, type Stash } from "./stash.ts";

/** How many manifests of a stash without a table are asked for at once. */
const JOBS = 4;

/** The image of one chunk. */
export interface ChunkImage {
  tag: string;
  /** The blob with the bytes. */
  layer: Descriptor;
  config: ChunkConfig;
}

/**
 * Finds a stash and checks that its parts agree.
 *
 * @throws {NotFoundError} when there is none, or when a chunk is missing
 * @throws {MismatchError} when its chunks belong to different uploads, or are malformed
 */
export async function findStash(
  store: StoreReader,
  baseTag: string,
  options: CallOptions = {},
): Promise<Stash> {
  checkBaseTag(baseTag);
  const first = await readChunkImage(store, chunkTag(baseTag, 1), options);
  if (!first) throw await whyNotFound(store, baseTag, options);
  if (!first.config.layerstash) return await findLegacyStash(store, baseTag, options);
  const { note: firstNote, last } = await readEnds(store, baseTag, first, options);
  const note = requireNote(last.config, last.tag);
  checkAgreement(firstNote, first, note, last);
  const { size, chunkSize, digests } = note as Required<ChunkNote>;
  const slices = digests.map((digest, index) => ({
    digest,
    size: Math.min(chunkSize, size - index * chunkSize),
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

/** Which numbers of a stash have a tag, in order; over all pages, by exact name. */
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

/** Reads a chunk's manifest and config; `undefined` = there is no such tag, or one that is about to be removed. */
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
      `${tag} is no chunk of a stash: its image has ${layers.length} layers, a chunk has one`,
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
      hint: "its upload may not be finished; running it again completes it",
    },
  );
}

/** Chunk 1 and the last chunk must be of one upload; else a later upload was interrupted between them. */
function checkAgreement(
  first: ChunkNote,
  firstImage: ChunkImage,
  last: ChunkNote,
  lastImage: ChunkImage,
): void {
  const { size, chunks, digests, chunkSize } = last;
  if (size === undefined || chunks === undefined || digests === undefined) {
    throw new NotFoundError(
      `the stash is incomplete: ${lastImage.tag} is not its last chunk, and no other is there`,
      {
        hint: "its upload may not be finished; running it again completes it",
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
    `${firstImage.tag} and ${lastImage.tag} are of different uploads: the stash is torn`,
    {
      hint: "an upload over it was interrupted; running that again with --overwrite completes it",
    },
  );
}

/** A stash of the Python layerstash: nothing but tags, numbered without a gap. */
async function findLegacyStash(store: StoreReader, baseTag: string, options: CallOptions): Promise<Stash> {
  const numbers = await chunkNumbers(store, baseTag, options);
  const missing = firstGap(numbers);
  if (missing !== undefined) throw missingChunk(baseTag, missing);
  const images: ChunkImage[] = [];
  await inParallel(numbers, { jobs: JOBS, signal: options.signal }, async (number, signal) => {
    const image = await readChunkImage(store, chunkTag(baseTag, number), { ...options, signal });
    if (!image) throw missingChunk(baseTag, number);
    images[number - 1] = image;
  });
  requireOneUpload(images);
  const layers: Descriptor[] = images.map(({ layer }) => layer);
  const chunks = chunksOf(baseTag, layers);
  const size = layers.reduce((sum, layer) => sum + layer.size, 0);
  if (!Number.isSafeInteger(size)) {
    throw new MismatchError(`the sizes of the chunks of ${baseTag} cannot be: they are ${size} bytes in all`);
  }
  return { baseTag, size, chunkSize: layers[0]?.size ?? 0, chunks, provenComplete: false };
}

function missingChunk(baseTag: string, number: number): NotFoundError {
  return new NotFoundError(`the stash ${baseTag} is incomplete: ${chunkTag(baseTag, number)} is missing`);
}

/** The Python layerstash leaves the tags of a longer stash above its own; its chunks have one size, but the last. */
function requireOneUpload([first, ...others]: readonly ChunkImage[]): void {
  const odd = others.find(({ layer, config }, index) => {
    const isLast = index === others.length - 1;
    const fits = isLast ? layer.size <= first!.layer.size : layer.size === first!.layer.size;
    return config.layerstash !== undefined || !fits;
  });
  if (!odd) return;
  throw new MismatchError(`${first!.tag} and ${odd.tag} are of different uploads: the stash is torn`, {
    hint: "what an older upload left lies behind a newer one; store the file again with --overwrite",
  });
}

/** The first number that is missing from 1 to the last; `undefined` = none is. */
export function firstGap(numbers: readonly number[]): number | undefined {
  const index = numbers.findIndex((number, position) => number !== position + 1);
  return index < 0 ? undefined : index + 1;
}

/** Says why a stash could not be found, and which others there are. */
export async function whyNotFound(
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
  if (numbered) return missingChunk(baseTag, 1);
  return new NotFoundError(`there is no stash ${baseTag} in ${store.name}`, {
    hint: hintOfNames([...others]),
  });
}
