/** Looks up the chunks that already exist under the tags of a stash that is about to be stored. @module */
import { inParallel } from "../async/pool.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { OCTET_STREAM } from "../oci/media_types.ts";
import type { CallOptions, StoreReader } from "../store/store.ts";
import { DEFAULT_JOBS } from "../transfer/adaptive_jobs.ts";
import type { ChunkConfig } from "./chunk_config.ts";
import { chunkTag } from "./chunk_tags.ts";
import { chunkNumbers, findStash, readChunkImage, undefinedIfBroken } from "./find_stash.ts";
import type { Slicing, Stash } from "./stash.ts";

/** The chunks that exist under the tags of one stash. */
export interface ExistingChunks {
  /** The numbers that the list of tags has, in order. A tag may be gone although it is listed. */
  numbers: number[];
  /** The layer under each tag, by number; `undefined` = the tag holds something that is not a chunk. */
  layers: Map<number, Descriptor | undefined>;
  /** When the file was last changed, by the config of chunk 1; absent where the stash is complete. */
  modified?: string | undefined;
  /** How the existing stash was sliced, as far as its chunks say it. */
  slicing?: Slicing | undefined;
  /** The stash; absent where it is incomplete, torn or malformed, or cannot prove that it is complete. */
  complete?: Stash | undefined;
}

/** Looks up which chunks exist. The table of a complete stash lists them; else each manifest is read. */
export async function lookUpExisting(
  store: StoreReader,
  baseTag: string,
  { jobs = DEFAULT_JOBS, ...options }: CallOptions & { jobs?: number | undefined },
): Promise<ExistingChunks> {
  const numbers = await chunkNumbers(store, baseTag, options);
  const layers = new Map<number, Descriptor | undefined>();
  if (numbers.length === 0) return { numbers, layers };
  const complete = await findStash(store, baseTag, options).catch(undefinedIfBroken);
  if (complete?.provenComplete) {
    for (const { number, digest, size } of complete.chunks) {
      layers.set(number, { mediaType: OCTET_STREAM, digest, size });
    }
    return { numbers, layers, complete, slicing: complete };
  }
  let first: ChunkConfig | undefined;
  await inParallel(numbers, { jobs, signal: options.signal }, async (number, signal) => {
    const reading = readChunkImage(store, chunkTag(baseTag, number), { ...options, signal });
    const found = await reading.then((image) => ({ image })).catch(undefinedIfBroken);
    if (found && !found.image) return; // GHCR lists tags for a while after their removal
    layers.set(number, found?.image?.layer);
    if (number === 1) first = found?.image?.config;
  });
  const size = numbers.length > 1 ? layers.get(1)?.size : undefined; // the Python layerstash notes no chunk size
  const slicing = first?.layerstash ?? (size ? { chunkSize: size } : undefined);
  return { numbers, layers, modified: first?.created, slicing };
}
