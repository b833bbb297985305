/** A stored file of chunks, as it is served. @module */
import type { Identities } from "../../encryption/identities.ts";
import { digestOf } from "../../oci/digest.ts";
import { chunkTag } from "../../stash/chunk_tags.ts";
import { type OpenStash, openStash } from "../../stash/decrypted_stash.ts";
import { findStash } from "../../stash/find_stash.ts";
import { isVerifiable, readOpenStash } from "../../stash/read_stash.ts";
import type { CallOptions, StoreReader } from "../../store/store.ts";
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
 * @throws {NotFoundError} if it does not exist
 */
export async function findServedStash(
  store: StoreReader,
  name: string,
  { identities, ...options }: CallOptions & { identities?: Identities | undefined },
): Promise<ServedStash> {
  const open = await openStash(store, await findStash(store, name, options), identities);
  const { stash, plain } = open;
  const modified = new Date(stash.modified ?? NaN);
  const file: ServedFile = {
    name: stash.name ?? name,
    size: plain.size,
    tag: stash.digest ?? digestOf(new TextEncoder().encode(stash.chunks.map(({ digest }) => digest).join())),
    ...(!isNaN(modified.getTime()) && { modified }),
    open: (range) =>
      Promise.resolve({
        stream: readOpenStash(open, { ...range, onEvent: options.onEvent }),
        isVerified: isVerifiable(open, range),
      }),
  };
  return { kind: "stash", open, file };
}

/** What changes when another file is stored under the name: asking for it does not count at any registry. */
export async function stashVersion(store: StoreReader, name: string, { open }: ServedStash): Promise<string> {
  const { length } = open.stash.chunks;
  const tags = [...new Set([chunkTag(name, 1), chunkTag(name, Math.max(1, length))])];
  return (await Promise.all(tags.map((tag) => store.resolve(tag)))).join();
}
