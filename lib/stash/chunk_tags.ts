/** The tags of a stash: `<BASE_TAG>-<N>`, N from 1, without leading zeros. @module */
import { InvalidInputError } from "../errors.ts";
import { MAX_TAG_LENGTH, parseTag } from "../oci/reference.ts";

/** The tag of one chunk. */
export function chunkTag(baseTag: string, number: number): string {
  return `${baseTag}-${number}`;
}

/** Which chunk of which stash a tag names; `undefined` = it names none. */
export function parseChunkTag(tag: string): { baseTag: string; number: number } | undefined {
  const [, baseTag, digits] = /^(.+)-([1-9]\d{0,14})$/.exec(tag) ?? [];
  return baseTag && digits ? { baseTag, number: Number(digits) } : undefined;
}

/**
 * Checks a base tag together with the largest number that will stand behind it.
 *
 * @throws {InvalidInputError} when it is no tag, or when a chunk's tag would be too long
 */
export function checkBaseTag(baseTag: string, chunks = 1): string {
  parseTag(baseTag);
  const longest = chunkTag(baseTag, chunks);
  if (longest.length <= MAX_TAG_LENGTH) return baseTag;
  throw new InvalidInputError(
    `the tag "${longest}" has ${longest.length} characters; at most ${MAX_TAG_LENGTH} are allowed`,
    { hint: `use a base tag of at most ${MAX_TAG_LENGTH - longest.length + baseTag.length} characters` },
  );
}
