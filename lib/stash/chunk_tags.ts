/** The tags of a stash: `<BASE_TAG>-<N>`, N from 1, without leading zeros. @module */
import { InvalidInputError } from "../errors.ts";
import { MAX_TAG_LENGTH, parseTag } from "../oci/reference.ts";

/** How many chunks a stash may have: the config of the last chunk lists them all, and configs of up to 8 MiB are read. */
const MOST_CHUNKS = 100_000;

/** The tag of one chunk. */
export function chunkTag(baseTag: string, number: number): string {
  return `${baseTag}-${number}`;
}

/** Parses a tag into the name of the stash and the number of the chunk; `undefined` = it is not the tag of a chunk. */
export function parseChunkTag(tag: string): { baseTag: string; number: number } | undefined {
  const [, baseTag, digits] = /^(.+)-([1-9]\d{0,14})$/.exec(tag) ?? [];
  return baseTag && digits ? { baseTag, number: Number(digits) } : undefined;
}

/**
 * Checks a base tag, together with the highest number that will follow it.
 *
 * @throws {InvalidInputError} if it is not a valid tag, the tag of the last chunk would be too long, or there are too many
 */
export function checkBaseTag(baseTag: string, chunks = 1): string {
  parseTag(baseTag);
  if (chunks > MOST_CHUNKS) {
    throw new InvalidInputError(`${baseTag} would have more than ${MOST_CHUNKS} chunks`, {
      hint: "use a larger --chunk-size",
    });
  }
  const longest = chunkTag(baseTag, chunks);
  if (longest.length <= MAX_TAG_LENGTH) return baseTag;
  throw new InvalidInputError(
    `the tag "${longest}" has ${longest.length} characters; at most ${MAX_TAG_LENGTH} are allowed`,
    { hint: `use a name of at most ${MAX_TAG_LENGTH - longest.length + baseTag.length} characters` },
  );
}
