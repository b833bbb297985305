/** Says that a name is that of a stored file, where an image or an alias was looked for. @module */
import { LayerstashError, NotFoundError } from "../errors.ts";
import { isDigest } from "../oci/digest.ts";
import { lookAtTag } from "../stash/chunk_image.ts";
import { chunkTag } from "../stash/chunk_tags.ts";
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
 * The error of a missing image, or in its place one that says that a stored file has the name. That takes one look, which is
 * not worth a failure of its own.
 *
 * @throws the reason of the signal, if it is aborted
 */
export async function stashInstead(
  failure: unknown,
  { store, reference, signal }: NotFoundPlace,
): Promise<unknown> {
  if (!(failure instanceof NotFoundError) || reference === undefined || isDigest(reference)) return failure;
  const found = await lookAtTag(store, chunkTag(reference, 1), { signal, onEvent: () => {} }).catch(
    (error) => {
      signal.throwIfAborted();
      if (error instanceof LayerstashError) return undefined;
      throw error;
    },
  );
  if (found?.kind !== "chunk") return failure;
  return new NotFoundError(`${reference} is a stored file, not an image or an alias`, {
    hint: commandLine("download", addressIn(store, reference)),
    cause: failure,
  });
}
