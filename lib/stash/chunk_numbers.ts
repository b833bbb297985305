/** Which chunks of a stash have a tag. A list of tags may leave some out, so those that it misses are asked for. @module */
import { MismatchError, NotAllowedError, RegistryError } from "../errors.ts";
import type { CallOptions, ManifestReader } from "../store/store.ts";
import { chunkTag, parseChunkTag } from "./chunk_tags.ts";

/**
 * The numbers of the chunks of a stash that have a tag, in order. All pages of the list of tags are read, and the tags that it
 * leaves out are added. Where the registry refuses to list tags, each is asked for, up to the first that is missing. No number
 * after `last` is asked for.
 *
 * @param options `onTag` is called with each tag of the list
 */
export async function chunkNumbers(
  store: ManifestReader,
  baseTag: string,
  { onTag, ...options }: CallOptions & { last?: number; onTag?: (tag: string) => void },
): Promise<number[]> {
  const numbers: number[] = [];
  try {
    for await (const tag of store.tags(options)) {
      onTag?.(tag);
      const parsed = parseChunkTag(tag);
      if (parsed?.baseTag === baseTag) numbers.push(parsed.number);
    }
  } catch (error) {
    if (!isListRefused(error)) throw error;
    const { onEvent = store.onEvent } = options;
    const found = await withUnlisted(store, baseTag, { ...options, numbers: [] });
    // Only now: with a wrong password, every question is refused.
    const message = `${store.name} does not list its tags: each tag of ${baseTag} was asked for`;
    onEvent?.({ type: "notice", message });
    return found;
  }
  return await withUnlisted(store, baseTag, { ...options, numbers });
}

/**
 * Whether a registry has no list of tags, or none for this user: a role that may only push needs no list. One that wants
 * credentials and got none refuses everything.
 */
function isListRefused(error: unknown): boolean {
  return error instanceof NotAllowedError && !error.needsSignIn ||
    error instanceof RegistryError && [405, 501].includes(error.status);
}

/** How many tags that a list leaves out are asked for. A registry that claims to have every tag would be asked for ever. */
const MOST_UNLISTED = 100_000;

/**
 * Adds the numbers of tags that a list has left out, and sorts: the list of distribution 3.1 on S3 leaves out every tag of which
 * another is a prefix, such as `disk-10` after `disk-1`. The first number that is missing is asked for, and so on up to the
 * first that has no tag.
 *
 * @throws {MismatchError} if the tags have no end
 */
export async function withUnlisted(
  store: ManifestReader,
  baseTag: string,
  { numbers, last = Infinity, ...options }: CallOptions & { numbers: readonly number[]; last?: number },
): Promise<number[]> {
  const found = new Set(numbers);
  for (let number = 1; number <= last; number++) {
    if (found.has(number)) continue;
    if (await store.resolve(chunkTag(baseTag, number), options) === undefined) break;
    found.add(number);
    if (found.size - numbers.length > MOST_UNLISTED) {
      throw new MismatchError(`the tags of ${baseTag} in ${store.name} have no end`);
    }
  }
  return [...found].sort((a, b) => a - b);
}

/** The first number from 1 to `last` that is missing in a sorted list; `undefined` = no number is missing. */
export function firstMissing(numbers: readonly number[], last: number): number | undefined {
  const index = numbers.findIndex((number, position) => number !== position + 1);
  const missing = index < 0 ? numbers.length + 1 : index + 1;
  return missing <= last ? missing : undefined;
}
