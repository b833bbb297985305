/** Lists the stashes of a repository, by the names of its tags. @module */
import { LayerstashError } from "../errors.ts";
import type { CallOptions, StoreReader } from "../store/store.ts";
import { parseChunkTag } from "./chunk_tags.ts";
import { findStash, firstMissing } from "./find_stash.ts";
import type { Stash } from "./stash.ts";

/**
 * A stash as `list` finds it.
 *
 * @category Files
 */
export interface ListedStash {
  /** The name of the stash. */
  baseTag: string;
  /** How many chunks it has: the highest number that has a tag. */
  chunks: number;
  /** The first lower number that has no tag; absent = no chunk is missing. */
  missing?: number | undefined;
  /** The stash, with its size, name and date; only with `exactSize`, and if it is complete. */
  stash?: Stash | undefined;
  /** Why `stash` is absent although `exactSize` is set. */
  problem?: string | undefined;
}

/** Groups the tags of a repository by base tag, sorted by name. Tags that do not end with a number are skipped. */
export async function listStashes(store: StoreReader, options: CallOptions = {}): Promise<ListedStash[]> {
  const numbers = new Map<string, number[]>();
  for await (const tag of store.tags(options)) {
    const parsed = parseChunkTag(tag);
    if (!parsed) continue;
    const group = numbers.get(parsed.baseTag);
    if (group) group.push(parsed.number);
    else numbers.set(parsed.baseTag, [parsed.number]);
  }
  return [...numbers].map(([baseTag, found]) => {
    found.sort((a, b) => a - b);
    return { baseTag, chunks: found.at(-1) ?? 0, missing: firstMissing(found) };
  }).sort((a, b) => a.baseTag < b.baseTag ? -1 : 1);
}

/** Adds the stash itself, or the reason why it cannot be read. One or two manifests are read. */
export async function describeListed(
  store: StoreReader,
  listed: ListedStash,
  options: CallOptions,
): Promise<ListedStash> {
  try {
    return { ...listed, stash: await findStash(store, listed.baseTag, options) };
  } catch (error) {
    // A registry may list names that are not valid tags: these are usage errors.
    const tolerable = error instanceof LayerstashError &&
      ["not-found", "mismatch", "usage"].includes(error.kind);
    if (!tolerable) throw error;
    return { ...listed, problem: error.message };
  }
}
