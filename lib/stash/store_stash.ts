/** Stores a file or a stream as a stash: the chunks, their tags, and what a longer or another stash has left. @module */
import { inParallel } from "../async/pool.ts";
import type { Input } from "../files/input.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { freeReplaced } from "../store/free.ts";
import type { Store } from "../store/store.ts";
import { adaptiveJobs } from "../transfer/adaptive_jobs.ts";
import { checkBaseTag } from "./chunk_tags.ts";
import { type ExistingChunks, lookUpExisting } from "./existing_chunks.ts";
import { removeStale } from "./remove_tags.ts";
import { sendChunk } from "./send_chunk.ts";
import type { Stash } from "./stash.ts";
import type { StashDraft } from "./stash_draft.ts";
import { keepStored, StashTags } from "./stash_tags.ts";
import type { UploadOptions } from "./verb_options.ts";
import { Verdicts } from "./verdict.ts";

/**
 * Stores an input as a stash. For each chunk: look, send, tag. The tag of the last chunk completes the stash.
 *
 * @throws {ConflictError} if a tag points to other bytes and `overwrite` is not set
 * @throws {MismatchError} if the input changed while it was read
 */
export async function storeStash(
  store: Store,
  draft: StashDraft,
  input: Input,
  given: UploadOptions,
): Promise<Stash> {
  const { overwrite, signal } = given;
  const atOnce = input.seekable ? given.jobs : 1; // the chunks of a stream come one after the other
  const { jobs, onEvent } = adaptiveJobs({ jobs: atOnce, onEvent: given.onEvent });
  const options = { jobs: atOnce, overwrite, onEvent, signal };
  const existing = await lookUpExisting(store, draft.baseTag, options);
  const family = store.familyBeside(existing.family);
  // What has no date of its own takes that of the existing chunks, which then keep their images.
  if (!input.identity) draft.modified = existing.modified ?? draft.modified;
  const verdicts = new Verdicts(store, existing, draft, options);
  const same = await verdicts.compareExisting(input);
  if (same) return await keepStored(store, same, { ...options, existing, family });
  const holdUntil = input.seekable ? 0 : verdicts.holdUntil;
  const tags = new StashTags(store, existing, { ...options, family, holdUntil });
  const layers: Descriptor[] = [];
  let stored = 0;
  await inParallel(input.chunks(draft.chunkSize), { jobs, signal }, async (chunk, signal, turn) => {
    checkBaseTag(draft.baseTag, chunk.number);
    const verdict = await verdicts.of(chunk, signal);
    const layer = await sendChunk(store, chunk, verdict, { onEvent, signal, turn });
    layers[chunk.number - 1] = layer;
    const images = await chunk.isLast() ? [] : [draft.image(chunk.number, layer)];
    if (++stored === draft.chunks) images.push(draft.lastImage(layers)); // its config is stored with the others
    await tags.add(...images);
  });
  verdicts.requireAllCompared(layers.length);
  await input.requireUnchanged();
  return await completeStash(store, draft, { ...options, existing, layers, tags });
}

/** Puts the last tag, and removes what the stash replaces: the old manifests, and the tags of chunks beyond the new end. */
async function completeStash(
  store: Store,
  draft: StashDraft,
  { existing, layers, tags, ...options }: Pick<UploadOptions, "overwrite" | "onEvent" | "signal"> & {
    existing: ExistingChunks;
    layers: readonly Descriptor[];
    tags: StashTags;
  },
): Promise<Stash> {
  const stash = draft.finish(layers);
  const stale = existing.numbers.filter((number) => number > layers.length);
  if (stale.length > 0) await tags.add(draft.firstImage(layers));
  await tags.complete(draft.lastImage(layers));
  const put = stash.chunks.map(({ tag }) => tag);
  await freeReplaced(store, put, { ...options, manifests: tags.replaced });
  const foreign = options.overwrite || stale.length > 0 ? existing.foreign : []; // kept, and named
  const numbers = [...stale, ...foreign.filter((number) => number > layers.length)];
  await removeStale(store, draft.baseTag, { ...options, numbers });
  return stash;
}
