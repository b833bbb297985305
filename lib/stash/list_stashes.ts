/** Lists the stashes of a repository from the names of its tags. @module */
import { LayerstashError } from "../errors.ts";
import type { CallOptions, StoreReader } from "../store/store.ts";
import { parseChunkTag } from "./chunk_tags.ts";
import { findStash, firstGap } from "./find_stash.ts";
import type { Stash } from "./stash.ts";

/**
 * One line of the list.
 *
 * @category Files
 */
export interface ListedStash {
  /** The name of the stash. */
  baseTag: string;
  /** The largest number that has a tag. */
  chunks: number;
  /** The first number that has none; absent = there is no gap. */
  missing?: number | undefined;
  /** What the stash says of itself; only where it was asked for, and it is whole. */
  stash?: Stash | undefined;
  /** Why there is no `stash` although it was asked for. */
  problem?: string | undefined;
}

/** Groups tags by base tag, in order of their names. Tags without a number behind them belong to nothing here. */
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
    return { baseTag, chunks: found.at(-1) ?? 0, missing: firstGap(found) };
  }).sort((a, b) => a.baseTag < b.baseTag ? -1 : 1);
}

/** Adds what the stash says of itself: one or two manifest requests. */
export async function describeListed(
  store: StoreReader,
  listed: ListedStash,
  options: CallOptions,
): Promise<ListedStash> {
  try {
    return { ...listed, stash: await findStash(store, listed.baseTag, options) };
  } catch (error) {
    const tolerable = error instanceof LayerstashError &&
      (error.kind === "not-found" || error.kind === "mismatch" || error.kind === "usage"); // a tag that is none
    if (!tolerable) throw error;
    return { ...listed, problem: error.message };
  }
}
