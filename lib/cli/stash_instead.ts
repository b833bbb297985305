/** Says that a name is that of a stored file, where an image or an alias was looked for. @module */
import { LayerstashError, NotFoundError } from "../errors.ts";
import { isDigest } from "../oci/digest.ts";
import { isStashName } from "../stash/stash_not_found.ts";
import type { StoreReader } from "../store/store.ts";
import { addressIn, commandLine } from "../store/command_line.ts";

/** Where a name was not found. */
export interface NotFoundPlace {
  store: StoreReader;
  /** The tag that was looked for. */
  reference: string | undefined;
  signal: AbortSignal;
}

/**
 * The error of a missing image, or in its place one that says that a stored file has the name. What cannot be looked at is not
 * worth a failure of its own.
 *
 * @throws the reason of the signal, if it is aborted
 */
export async function stashInstead(
  failure: unknown,
  { store, reference, signal }: NotFoundPlace,
): Promise<unknown> {
  if (!(failure instanceof NotFoundError) || reference === undefined || isDigest(reference)) return failure;
  const isStash = await isStashName(store, reference, { signal, onEvent: () => {} }).catch((error) => {
    signal.throwIfAborted();
    if (error instanceof LayerstashError) return false;
    throw error;
  });
  if (!isStash) return failure;
  return new NotFoundError(`${reference} is a stored file, not an image or an alias`, {
    hint: commandLine("download", addressIn(store, reference)),
    cause: failure,
  });
}
