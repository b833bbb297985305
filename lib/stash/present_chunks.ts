/** What is there already under the tags of a stash that is about to be stored. @module */
import type { Source } from "../content/source.ts";
import { ConflictError, MismatchError, NotFoundError } from "../errors.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { OCTET_STREAM } from "../oci/media_types.ts";
import type { CallOptions, Store } from "../registry/store.ts";
import { inParallel } from "../transfer/pool.ts";
import { chunkTag } from "./chunk_tags.ts";
import { chunkNumbers, findStash, readChunkImage } from "./find_stash.ts";
import { chunkCount, type Input } from "./input.ts";
import type { Stash } from "./stash.ts";

/** The chunks that are there, by number, and whether anything has to be stored at all. */
export interface Present {
  /** The numbers that have a tag. */
  numbers: number[];
  /** The layers under these tags. */
  layers: Map<number, Descriptor>;
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
  const layers = new Map<number, Descriptor>();
  if (numbers.length === 0) return { numbers, layers };
  const complete = await findIfComplete(store, baseTag, { signal });
  if (complete?.provenComplete) {
    for (const { number, digest, size } of complete.chunks) {
      layers.set(number, { mediaType: OCTET_STREAM, digest, size });
    }
    return { numbers, layers, complete };
  }
  await inParallel(numbers, { jobs, signal }, async (number, each) => {
    const image = await readChunkImage(store, chunkTag(baseTag, number), { signal: each });
    if (image) layers.set(number, image.layer);
  });
  return { numbers, layers };
}

async function findIfComplete(
  store: Store,
  baseTag: string,
  options: CallOptions,
): Promise<Stash | undefined> {
  try {
    return await findStash(store, baseTag, options);
  } catch (error) {
    if (error instanceof NotFoundError || error instanceof MismatchError) return undefined;
    throw error;
  }
}

/**
 * Makes sure that storing the input changes no bytes that are there. Only chunks that have a tag are hashed for it.
 *
 * @throws {ConflictError} when a tag holds other bytes
 */
export async function requireNoConflict(
  present: Present,
  input: Input,
  options: { baseTag: string; chunkSize: number; jobs: number; signal?: AbortSignal | undefined },
): Promise<void> {
  const { baseTag, chunkSize, jobs, signal } = options;
  if (input.size === undefined || present.numbers.length === 0) return;
  const beyond = present.numbers.find((number) => number > chunkCount(input.size!, chunkSize));
  if (beyond !== undefined) throw conflict(chunkTag(baseTag, beyond));
  await inParallel(input.chunks(chunkSize), { jobs, signal }, async ({ number, source }) => {
    const layer = present.layers.get(number);
    if (layer && !await holds(layer, source)) throw conflict(chunkTag(baseTag, number));
  });
}

/** Whether a layer holds just the bytes of a source. */
export async function holds(layer: Descriptor, source: Source): Promise<boolean> {
  return (source.size === undefined || source.size === layer.size) && await source.digest() === layer.digest;
}

/** The error of a tag that holds other bytes. */
export function conflict(tag: string): ConflictError {
  return new ConflictError(`the tag ${tag} is there already, and it holds something else`, {
    hint: "use another base tag, or --overwrite to replace it",
  });
}
