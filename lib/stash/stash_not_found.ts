/** Says what there is where a stash was looked for and not found. @module */
import { NotFoundError } from "../errors.ts";
import { closestName, compareNaturally } from "../messages.ts";
import { addressIn, commandLine } from "../store/command_line.ts";
import { hintOfNames } from "../store/known_references.ts";
import { isFallbackTag } from "../store/referrers.ts";
import type { CallOptions, StoreReader } from "../store/store.ts";
import { lookAtTag } from "./chunk_image.ts";
import { chunkNumbers } from "./chunk_numbers.ts";
import { chunkTag, parseChunkTag } from "./chunk_tags.ts";
import { chunkNotFound } from "./torn_stash.ts";

/** How many tags are looked at to find stashes for the hint, or a chunk: builds have tags with numbers, too. */
const MOST_LOOKS = 10;

/** The tags of a repository, by what they may belong to. */
interface SortedTags {
  /** The numbers of the tags that chunks of the stash would have. */
  numbers: number[];
  /** Each other name under which a stash may be, with a number of one of its tags. */
  names: Map<string, number>;
  /** All other tags than those of `numbers`. */
  others: string[];
}

/** The error of a name that no stash has. */
export class NoStashError extends NotFoundError {}

/** The error of a tag that is not the name of a stash: another program has stored something under it. */
export class OtherThingError extends NoStashError {}

/**
 * The error of a stash that could not be found. Is only its first chunk missing, or has something else the name? The hint
 * names other stashes.
 */
export async function stashNotFound(
  store: StoreReader,
  baseTag: string,
  options: CallOptions,
): Promise<NotFoundError> {
  const { numbers, names, others } = await sortTags(store, baseTag, options);
  if (await missesItsFirst(store, baseTag, numbers, options)) return chunkNotFound(baseTag, 1);
  if (others.includes(baseTag)) return await otherThing(store, baseTag, options);
  const why = numbers[0] === undefined
    ? ""
    : `: ${chunkTag(baseTag, numbers[0])} is not a chunk of a stored file`;
  const stashes = await stashesAmong(store, names, { ...options, like: baseTag });
  const rest = others.filter((tag) => !stashes.includes(parseChunkTag(tag)?.baseTag ?? ""));
  return new NoStashError(`there is no stash ${baseTag} in ${store.name}${why}`, {
    hint: hintOfNames([...stashes, ...rest], baseTag),
  });
}

/** Whether a stash has a name, even one that is torn or incomplete. Tags are listed only where the first chunk cannot be read. */
export async function isStashName(
  store: StoreReader,
  name: string,
  options: CallOptions,
): Promise<boolean> {
  const { kind } = await lookAtTag(store, chunkTag(name, 1), options);
  return kind === "chunk" ||
    await missesItsFirst(store, name, await chunkNumbers(store, name, options), options);
}

async function sortTags(store: StoreReader, baseTag: string, options: CallOptions): Promise<SortedTags> {
  const sorted: SortedTags = { numbers: [], names: new Map(), others: [] };
  for await (const tag of store.tags({ ...options, mustExist: true })) {
    const parsed = parseChunkTag(tag);
    if (parsed?.baseTag === baseTag) sorted.numbers.push(parsed.number);
    else if (!isFallbackTag(tag)) {
      sorted.others.push(tag);
      if (parsed && !sorted.names.has(parsed.baseTag)) sorted.names.set(parsed.baseTag, parsed.number);
    }
  }
  return sorted;
}

/** Whether one of the first tags holds a chunk, or may have held one: GHCR lists tags for a while after their removal. */
export async function missesItsFirst(
  store: StoreReader,
  baseTag: string,
  numbers: readonly number[],
  options: CallOptions,
): Promise<boolean> {
  for (const number of numbers.slice(0, MOST_LOOKS)) {
    if ((await lookAtTag(store, chunkTag(baseTag, number), options)).kind !== "foreign") return true;
  }
  return false;
}

/** The error of a tag that is there, but is not the name of a stash: it is a chunk, or another program has stored it. */
async function otherThing(store: StoreReader, tag: string, options: CallOptions): Promise<NotFoundError> {
  const chunk = parseChunkTag(tag);
  if (chunk && (await lookAtTag(store, tag, options)).kind === "chunk") {
    return new NoStashError(`${tag} is chunk ${chunk.number} of the stored file ${chunk.baseTag}`, {
      hint: `name the stored file: ${addressIn(store, chunk.baseTag)}`,
    });
  }
  return new OtherThingError(`${tag} is an image or an artifact, not a stored file`, {
    hint: `${commandLine("info", addressIn(store, tag))} says what it is`,
  });
}

/** The names of stashes: images of builds have tags with numbers, too. Where manifests are dear, all names count. */
async function stashesAmong(
  store: StoreReader,
  names: ReadonlyMap<string, number>,
  { like, ...options }: CallOptions & { like: string },
): Promise<string[]> {
  if (store.manifestReadsCount) return [...names.keys()];
  const meant = closestName(like, names.keys());
  const stashes: string[] = [];
  const inOrder = [...names].sort(([one], [other]) =>
    Number(other === meant) - Number(one === meant) || compareNaturally(one, other)
  );
  for (const [name, number] of inOrder.slice(0, MOST_LOOKS)) {
    const { kind } = await lookAtTag(store, chunkTag(name, number), options);
    if (kind === "chunk" || kind === "damaged") stashes.push(name);
  }
  return stashes;
}
