/** A stored file of chunks, as it is served. @module */
import type { Identities } from "../../encryption/identities.ts";
import { type Digest, digestOf } from "../../oci/digest.ts";
import { chunkTag } from "../../stash/chunk_tags.ts";
import type { OpenStash } from "../../stash/open_stash.ts";
import { findStash } from "../../stash/find_stash.ts";
import { openStash } from "../../stash/open_stash.ts";
import { isVerifiable, readOpenStash } from "../../stash/read_stash.ts";
import { IncompleteStashError, TornStashError } from "../../stash/torn_stash.ts";
import type { CallOptions, StoreReader } from "../../store/store.ts";
import type { LookedUp } from "./memory.ts";
import { dateIn } from "./served_date.ts";
import type { ServedFile } from "./served_file.ts";

/** A stored file, and what is known of it. */
export interface ServedStash {
  kind: "stash";
  open: OpenStash;
  file: ServedFile;
}

/**
 * Finds a stored file. Its manifests are read here, and not again: each reading of it goes to the chunks.
 *
 * @param options `first`: what the tag of the first chunk led to before
 * @throws {NotFoundError} if it does not exist
 */
export async function findServedStash(
  store: StoreReader,
  name: string,
  { identities, first, ...options }: CallOptions & { identities?: Identities | undefined; first: Digest },
): Promise<LookedUp<ServedStash>> {
  const open = await openStash(store, await findStash(store, name, options), { identities, ...options });
  const { stash, plain } = open;
  const file: ServedFile = {
    name: stash.name ?? name,
    size: plain.size,
    tag: stash.digest ?? digestOf(new TextEncoder().encode(stash.chunks.map(({ digest }) => digest).join())),
    modified: dateIn(stash.modified),
    open: (range) =>
      Promise.resolve({
        stream: readOpenStash(open, { ...range, onEvent: options.onEvent }),
        isVerified: isVerifiable(open, range),
      }),
  };
  const { length } = stash.chunks;
  const last = length > 1 ? stash.digest ?? await store.resolve(chunkTag(name, length), options) : undefined;
  return { value: { kind: "stash", open, file }, version: versionOf(first, last) };
}

/** Whether an error says that a stored file is incomplete or torn. */
export function isBroken(error: unknown): error is IncompleteStashError | TornStashError {
  return error instanceof IncompleteStashError || error instanceof TornStashError;
}

/** What changes when another file is stored under the name. */
export async function stashVersion(
  store: StoreReader,
  name: string,
  { open: { stash } }: ServedStash,
): Promise<string> {
  const { length } = stash.chunks;
  const tags = [chunkTag(name, 1), ...(length > 1 ? [chunkTag(name, length)] : [])];
  const [first, last] = await Promise.all(tags.map((tag) => store.resolve(tag)));
  return versionOf(first, last);
}

/** By what the tags of the first and of the last chunk lead to. */
function versionOf(first: Digest | undefined, last: Digest | undefined): string {
  return [first, last].join();
}
