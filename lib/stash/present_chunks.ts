/** What is there already under the tags of a stash that is about to be stored. @module */
import { abortable } from "../async/abortable.ts";
import type { Source } from "../content/source.ts";
import { ConflictError, MismatchError, NotFoundError } from "../errors.ts";
import type { OnEvent } from "../events.ts";
import type { Descriptor, SizedBlob } from "../oci/descriptor.ts";
import { OCTET_STREAM } from "../oci/media_types.ts";
import type { CallOptions, Store } from "../store/store.ts";
import { inParallel } from "../async/pool.ts";
import { checkPresence } from "./check_stash.ts";
import type { ChunkConfig } from "./chunk_config.ts";
import { chunkTag } from "./chunk_tags.ts";
import { chunkNumbers, findStash, readChunkImage } from "./find_stash.ts";
import { chunkCount, type Input } from "../files/input.ts";
import type { Stash } from "./stash.ts";

/** How a file was cut into chunks. */
export interface Cut {
  chunkSize: number;
  /** The size of the file; absent where it is not known. */
  size?: number | undefined;
}

/** The chunks that are there, by number, and whether anything has to be stored at all. */
export interface Present {
  /** The numbers that have a tag. */
  numbers: number[];
  /** The layers under these tags; `undefined` = what the tag holds is no chunk of a stash; none = nothing is there. */
  layers: Map<number, Descriptor | undefined>;
  /** When chunk 1 says that the input was stored. */
  created?: string | undefined;
  /** How what is there was cut. */
  cut?: Cut | undefined;
  /** Set where the stash that is there is complete. */
  complete?: Stash | undefined;
}

/** Looks up which chunks are there. A complete stash is known from its table, others from each manifest. */
export async function lookUpPresent(
  store: Store,
  baseTag: string,
  { jobs, signal }: CallOptions & { jobs: number },
): Promise<Present> {
  const numbers = await chunkNumbers(store, baseTag, { signal });
  const layers = new Map<number, Descriptor | undefined>();
  if (numbers.length === 0) return { numbers, layers };
  const complete = await ifSound(findStash(store, baseTag, { signal }));
  if (complete?.provenComplete) {
    for (const { number, digest, size } of complete.chunks) {
      layers.set(number, { mediaType: OCTET_STREAM, digest, size });
    }
    return { numbers, layers, complete, cut: complete };
  }
  let first: ChunkConfig | undefined;
  await inParallel(numbers, { jobs, signal }, async (number, each) => {
    const reading = readChunkImage(store, chunkTag(baseTag, number), { signal: each });
    const found = await ifSound(reading.then((image) => ({ image })));
    if (found && !found.image) return; // lists of tags may be older than the tags (GHCR); or it is being removed
    layers.set(number, found?.image?.layer);
    if (number === 1) first = found?.image?.config;
  });
  const size = numbers.length > 1 ? layers.get(1)?.size : undefined; // of another tool, which says nothing
  const cut = first?.layerstash ?? (size ? { chunkSize: size } : undefined);
  return { numbers, layers, created: first?.created, cut };
}

/** What was found; `undefined` where it is missing or malformed. */
async function ifSound<T>(found: Promise<T>): Promise<T | undefined> {
  try {
    return await found;
  } catch (error) {
    if (error instanceof NotFoundError || error instanceof MismatchError) return undefined;
    throw error;
  }
}

/** What a comparison with the input takes. */
export interface CompareOptions extends CallOptions {
  baseTag: string;
  chunkSize: number;
  jobs: number;
  onEvent?: OnEvent | undefined;
}

/**
 * Makes sure that storing the input changes no bytes that are there. Only chunks that have a tag are hashed for it.
 * Where a complete stash is there, the input has to be the same; else a stream is not looked at yet: it can be
 * read only once.
 *
 * @throws {ConflictError} when a tag holds other bytes
 */
export async function requireNoConflict(
  { complete, numbers, layers, cut }: Present,
  input: Input,
  options: CompareOptions,
): Promise<void> {
  if (complete) return await requireSame(complete, input, options);
  const clash = (number: number) =>
    conflict(chunkTag(options.baseTag, number), { ...options, size: input.size, there: cut });
  const { chunkSize, onEvent } = options;
  if (input.size === undefined || numbers.length === 0) return;
  const count = chunkCount(input.size, chunkSize);
  const beyond = numbers.find((number) => number > count && layers.has(number));
  if (beyond !== undefined) throw clash(beyond);
  await inParallel(input.chunks(chunkSize), options, async ({ number, source }, signal) => {
    if (!layers.has(number)) return;
    const layer = layers.get(number);
    if (!layer || !await holds(layer, source, { signal, onEvent })) throw clash(number);
  });
}

async function requireSame(complete: Stash, input: Input, options: CompareOptions): Promise<void> {
  const { onEvent } = options;
  const { chunks, chunkSize } = complete;
  const clash = (number = chunks.length) =>
    conflict(chunkTag(complete.baseTag, number), { ...options, size: input.size, there: complete });
  if (input.size !== undefined && input.size !== complete.size) throw clash();
  const count = chunkCount(input.size ?? 0, options.chunkSize);
  const cutOtherwise = input.size !== undefined && chunkSize !== options.chunkSize;
  if (cutOtherwise && Math.max(chunks.length, count) > 1) throw clash();
  let compared = 0;
  await inParallel(input.chunks(options.chunkSize), options, async ({ number, source }, signal) => {
    const chunk = chunks[number - 1];
    if (!chunk || !await holds(chunk, source, { signal, onEvent })) throw clash(chunk?.number);
    compared++;
  });
  if (compared < chunks.length) throw clash();
}

/** Whether a layer holds just the bytes of a source. One that can be read once only is then read. */
export async function holds(
  layer: SizedBlob,
  source: Source,
  { signal, onEvent }: CallOptions & { onEvent?: OnEvent | undefined },
): Promise<boolean> {
  if (source.once) await source.open().pipeTo(new WritableStream(), signal ? { signal } : {});
  if (source.size !== undefined && source.size !== layer.size) return false;
  let checked = 0;
  const tell = (bytes: number) => {
    checked += bytes;
    onEvent?.({ type: "progress", phase: "check", bytes });
  };
  const digest = source.known ?? await abortable(source.digest(tell), signal);
  if (digest !== layer.digest && checked > 0) tell(-checked); // it will have to be sent
  return digest === layer.digest;
}

/**
 * Whether the blobs of a complete stash are there too, so that nothing has to be sent.
 *
 * @throws {MismatchError} when something would have to be sent of a stream, which has been read to be compared
 */
export async function isKept(
  store: Store,
  stash: Stash,
  input: Input,
  { jobs, signal }: CompareOptions,
): Promise<boolean> {
  const [fault] = await checkPresence(store, stash, { jobs, signal });
  if (!fault || input.seekable) return !fault;
  throw new MismatchError(`${chunkTag(stash.baseTag, fault.chunk)}: ${fault.problem}`, {
    hint: "the input has been read to compare it: feed it again with --overwrite, then it is sent",
  });
}

/** The error of a tag that holds other bytes: `there` may be the same file, cut otherwise than it is to be now. */
export function conflict(
  tag: string,
  { chunkSize, size, there }: Partial<Cut> & { there?: Cut | undefined } = {},
): ConflictError {
  const otherwise = "use another base tag, or --overwrite to replace it";
  const mayBeSame = there && there.chunkSize !== chunkSize &&
    (there.size === undefined || size === undefined || there.size === size);
  return new ConflictError(`the tag ${tag} is there already, and it holds something else`, {
    hint: mayBeSame
      ? `it has chunks of ${there.chunkSize} bytes: say --chunk-size ${there.chunkSize} if it is the same file, else ${otherwise}`
      : otherwise,
  });
}
