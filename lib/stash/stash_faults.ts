/** What it means that a stash is not what it says of itself, and what mends it. @module */
import { MismatchError, NotFoundError } from "../errors.ts";
import type { CallOptions, Store } from "../store/store.ts";
import { checkPresence, MISSING, type StashFault } from "./check_stash.ts";
import { findStash } from "./find_stash.ts";
import type { Stash } from "./stash.ts";

const STORE_AGAIN = "store the file again: what is missing is sent then";
const OVERWRITE = "store the file again with --overwrite; " +
  "a registry that keeps the damaged blob all the same takes the file with another --chunk-size";

/** What to do about the faults of what is stored; `undefined` = all is well there, and a local file is another. */
export function hintOfFaults(faults: readonly StashFault[]): string | undefined {
  const stored = faults.filter(({ problem }) => problem.startsWith("its blob"));
  if (stored.length === 0) return undefined;
  return stored.every(({ problem }) => problem === MISSING) ? STORE_AGAIN : OVERWRITE;
}

/** What an error means for who was fetching a stash. */
export async function meaningOfFault(
  error: unknown,
  store: Store,
  stash: Stash,
  options: CallOptions,
): Promise<unknown> {
  if (error instanceof MismatchError && error.hint === undefined) {
    return new MismatchError(error.message, { hint: OVERWRITE, cause: error });
  }
  if (!(error instanceof NotFoundError)) return error;
  return await missingChunk(error, store, stash, options).catch(() => undefined) ??
    new NotFoundError(`${error.message}: the stash was changed or removed since it was looked up`, {
      hint: "run the same command again: it looks at the stash anew",
      cause: error,
    });
}

/** The error of a chunk that the stash still lists, while its blob is not there. */
async function missingChunk(
  cause: NotFoundError,
  store: Store,
  stash: Stash,
  options: CallOptions,
): Promise<NotFoundError | undefined> {
  const { chunks } = await findStash(store, stash.baseTag, options);
  const listed = new Set(chunks.map(({ digest }) => digest));
  if (!stash.chunks.every(({ digest }) => listed.has(digest))) return undefined;
  const faults = await checkPresence(store, stash, options);
  const [first, ...others] = faults.filter(({ problem }) => problem === MISSING);
  if (!first) return undefined;
  const more = others.length > 0 ? `, and ${others.length} more` : "";
  return new NotFoundError(`chunk ${first.chunk} is missing in ${store.name}${more}`, {
    hint: STORE_AGAIN,
    cause,
  });
}
