/** Explains faults of a stash: which error a failed download becomes, and what mends the stash. @module */
import { inParallel } from "../async/pool.ts";
import { MismatchError, NotFoundError } from "../errors.ts";
import type { CallOptions, StoreReader } from "../store/store.ts";
import { DEFAULT_JOBS } from "../transfer/adaptive_jobs.ts";
import { findStash } from "./find_stash.ts";
import { chunkName, type Stash, type StashFault } from "./stash.ts";

const STORE_AGAIN = "store the file again: only what is missing is sent";
const OVERWRITE = "store the file again with --overwrite; " +
  "if the registry keeps the damaged blob, use another --chunk-size as well";

const TAG_TAKEN =
  "store the file again; if a tag holds an image of somebody else, use another name, or remove that first";

/** What mends a stash; `undefined` = it is intact, and at most the local file differs. */
export function hintOfFaults(faults: readonly StashFault[]): string | undefined {
  const kinds = new Set(faults.map(({ kind }) => kind));
  if (kinds.has("size") || kinds.has("bytes")) return OVERWRITE;
  if (kinds.has("taken")) return TAG_TAKEN;
  return kinds.has("missing") || kinds.has("tag") ? STORE_AGAIN : undefined;
}

/**
 * Explains why fetching a stash failed: a chunk is missing or damaged, or the stash was replaced meanwhile.
 *
 * @returns the error to throw: the given one, or one that says more and has it as its cause
 */
export async function explainFetchError(
  error: unknown,
  store: StoreReader,
  stash: Stash,
  options: CallOptions,
): Promise<unknown> {
  if (error instanceof MismatchError && error.hint === undefined) {
    return error.with({ hint: OVERWRITE, cause: error });
  }
  if (!(error instanceof NotFoundError)) return error;
  return await missingBlobError(error, store, stash, options).catch(() => undefined) ??
    new NotFoundError(`${error.message}: the stash was replaced or removed while it was read`, {
      hint: "run the same command again: it looks the stash up again",
      cause: error,
    });
}

/** The error of a chunk that the registry still lists, but does not have; `undefined` = the stash was replaced. */
async function missingBlobError(
  cause: NotFoundError,
  store: StoreReader,
  stash: Stash,
  options: CallOptions,
): Promise<NotFoundError | undefined> {
  const { chunks } = await findStash(store, stash.baseTag, options);
  const listed = new Set(chunks.map(({ digest }) => digest));
  if (!stash.chunks.every(({ digest }) => listed.has(digest))) return undefined;
  const missing: number[] = [];
  await inParallel(stash.chunks, { jobs: DEFAULT_JOBS, signal: options.signal }, async (chunk, signal) => {
    const found = await store.stat(chunk.digest, { ...options, what: chunkName(chunk), signal });
    if (found === undefined) missing.push(chunk.number);
  });
  if (missing.length === 0) return undefined;
  const more = missing.length > 1 ? `, and ${missing.length - 1} more` : "";
  return new NotFoundError(`chunk ${missing.sort((a, b) => a - b)[0]} is missing in ${store.name}${more}`, {
    hint: STORE_AGAIN,
    cause,
  });
}
