/** Lists the stashes of a repository: names from its tags, of which the first of each is looked at. @module */
import { inParallel } from "../async/pool.ts";
import { LayerstashError } from "../errors.ts";
import { compareNaturally } from "../messages.ts";
import { isTag } from "../oci/reference.ts";
import type { StoreReader } from "../store/store.ts";
import { lookAtTag } from "./chunk_image.ts";
import { firstMissing, withUnlisted } from "./chunk_numbers.ts";
import { chunkTag, parseChunkTag } from "./chunk_tags.ts";
import { findByFirst, findStash } from "./find_stash.ts";
import { chunkNotFound, faultOfStash, type StashState, stateOfStash } from "./torn_stash.ts";
import type { Stash, StashEncryption } from "./stash.ts";
import type { ListOptions } from "./verb_options.ts";

/**
 * A stash as `list` finds it.
 *
 * @category Files
 */
export interface ListedStash {
  /** The name of the stash. */
  baseTag: string;
  /** How many chunks it has, by its first chunk; where that does not say it, the highest number that has a tag. */
  chunks: number;
  /** The first of these numbers that has no tag; absent = each has one. Without a problem, the tag alone is missing. */
  missing?: number | undefined;
  /** How it is encrypted, by its first chunk; absent = it is not, or its first chunk cannot be read. */
  encryption?: Pick<StashEncryption, "format"> | undefined;
  /** The stash, with its size, name and date; only with `exactSize`, and if it is complete. */
  stash?: Stash | undefined;
  /**
   * Why it cannot be brought back, in words that stand after its name, such as `incomplete: disk-2 is missing`; absent =
   * nothing is known that keeps it from that.
   */
  problem?: string | undefined;
  /** The same in a word; absent where there is no problem. */
  state?: StashState | undefined;
}

/** How many manifests are read at once. */
const LOOKS_AT_ONCE = 4;

/** The names under which stashes may be, sorted, each with the numbers of its tags in order. */
async function numbersByName(
  tags: Iterable<string> | AsyncIterable<string>,
): Promise<Map<string, number[]>> {
  const numbers = new Map<string, number[]>();
  for await (const tag of tags) {
    const parsed = parseChunkTag(tag);
    if (!parsed || !isTag(tag)) continue; // a registry may list names that are not valid tags
    const group = numbers.get(parsed.baseTag);
    if (group) group.push(parsed.number);
    else numbers.set(parsed.baseTag, [parsed.number]);
  }
  for (const group of numbers.values()) group.sort((a, b) => a - b);
  return new Map([...numbers].sort(([one], [other]) => compareNaturally(one, other)));
}

/**
 * Lists the stashes of a repository, sorted by name. Many images have tags that end with numbers, too: so the first tag of each
 * name is looked at, and only chunks are listed. The last chunk is looked at as well: without it, an upload was interrupted.
 */
export async function listStashes(
  store: StoreReader,
  { tags, ...options }: ListOptions = {},
): Promise<ListedStash[]> {
  const names = await numbersByName(tags ?? store.tags(options));
  const listed = new Map<string, ListedStash>();
  await inParallel(
    names,
    { jobs: LOOKS_AT_ONCE, signal: options.signal },
    async ([baseTag, numbers], signal) => {
      const found = await describeName(store, baseTag, numbers, { ...options, signal });
      if (found) listed.set(baseTag, found);
    },
  );
  return [...names.keys()].flatMap((baseTag) => listed.get(baseTag) ?? []);
}

/** Tells of a tag whether it is that of a chunk of these stashes. */
export function chunksAmong(
  stashes: readonly Pick<ListedStash, "baseTag" | "chunks">[],
): (tag: string) => boolean {
  const chunks = new Map(stashes.map(({ baseTag, chunks }) => [baseTag, chunks]));
  return (tag) => {
    const parsed = parseChunkTag(tag);
    return parsed !== undefined && parsed.number <= (chunks.get(parsed.baseTag) ?? 0);
  };
}

/** What is wrong with a stash, in words that stand after its name; `undefined` = nothing is known to be wrong. */
export function faultOfListed({ baseTag, missing, problem }: ListedStash): string | undefined {
  if (problem !== undefined || missing === undefined) return problem;
  return `complete, but the tag ${chunkTag(baseTag, missing)} is missing`;
}

/** The stash that has a name, as far as it is there; `undefined` if something else has the name. */
async function describeName(
  store: StoreReader,
  baseTag: string,
  listedNumbers: readonly number[],
  { exactSize = false, ...options }: ListOptions,
): Promise<ListedStash | undefined> {
  const found = await lookAtTag(store, chunkTag(baseTag, listedNumbers[0]!), options);
  if (found.kind === "foreign") return undefined;
  // The first chunk of a file says how many there are; of a stream or a Python stash, the tags have to be believed.
  const note = found.kind === "chunk" ? found.image.config.layerstash : undefined;
  const numbers = await withUnlisted(store, baseTag, {
    ...options,
    numbers: listedNumbers,
    last: note?.chunks,
  });
  const chunks = note?.chunks ?? numbers.at(-1)!;
  const missing = firstMissing(numbers, chunks);
  const encryption = note?.encryption && { encryption: { format: note.encryption.format } };
  const listed = { baseTag, chunks, missing, ...encryption };
  // Without a table, a chunk that has no tag is lost; chunk 1 is what every reader begins with.
  const lost = missing === 1 || !note ? missing : undefined;
  if (lost !== undefined || found.kind === "absent") {
    return { ...listed, ...problemOf(chunkNotFound(baseTag, lost ?? listedNumbers[0]!)) };
  }
  if (found.kind !== "chunk") return { ...listed, ...problemOf(found.error) };
  if (!exactSize && !note) return listed;
  try {
    const stash = note
      ? (await findByFirst(store, baseTag, found.image, { ...options, numbers })).stash
      : await findStash(store, baseTag, options);
    const count = stash.chunks.length;
    const gap = missing && missing <= count ? missing : undefined;
    return { ...listed, chunks: count, missing: gap, ...(exactSize && { stash }) };
  } catch (error) {
    const tolerable = error instanceof LayerstashError && ["not-found", "mismatch"].includes(error.kind);
    if (!tolerable) throw error;
    return { ...listed, ...problemOf(error) };
  }
}

function problemOf(error: Error): Pick<ListedStash, "problem" | "state"> {
  return { problem: faultOfStash(error), state: stateOfStash(error) };
}
