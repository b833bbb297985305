/** The names that the entries of `index.json` give to manifests. @module */
import { InvalidInputError } from "../errors.ts";
import { type Digest, isDigest } from "../oci/digest.ts";
import { formatPlatform } from "../oci/platform.ts";
import type { IndexEntry } from "./index_entry.ts";
import { isOneImage } from "./platform_set.ts";

/**
 * The entries that have a digest, a tag, or else a full name. A tag that looks like a digest, as other tools may write
 * it, does not count.
 */
export function entriesNamed(entries: readonly IndexEntry[], reference: string): IndexEntry[] {
  if (isDigest(reference)) return entries.filter(({ digest }) => digest === reference);
  if (typeof reference !== "string") return [];
  const tagged = entries.filter(({ tag }) => tag === reference);
  return tagged.length > 0 ? tagged : entries.filter(({ imageName }) => imageName === reference);
}

/** What docker and podman put before a short name. */
const DEFAULT_PREFIX = /^(docker\.io\/(library\/)?|localhost\/)/;

/** The entries whose full name is a short one with what docker or podman puts before it: `docker.io/library/app:1` is `app:1`. */
export function entriesNamedShort(entries: readonly IndexEntry[], reference: string): IndexEntry[] {
  return entries.filter(({ imageName }) => imageName?.replace(DEFAULT_PREFIX, "") === reference);
}

/** The names of all entries, sorted: full names, and tags where an image has no full name. */
export function fullNames(entries: readonly IndexEntry[]): string[] {
  const names = entries.map(({ tag, imageName }) => imageName ?? tag);
  return [...new Set(names.filter((name) => name !== undefined))].sort();
}

/**
 * Makes sure that entries of one name are one image: docker gives the tag `latest` to each image that it saves. Images for
 * several platforms can be read as one, but not be replaced.
 *
 * @param named the entries that have the name
 * @throws {InvalidInputError} if they are several images; the message says how each can be named
 */
export function requireOneImage(
  named: readonly IndexEntry[],
  { reference, store, isWrite }: { reference: string; store: string; isWrite?: boolean },
): void {
  if (isDigest(reference)) return;
  const images = new Set(named.map(({ digest, imageName }) => `${digest} ${imageName}`));
  if (isWrite ? images.size <= 1 : isOneImage(named)) return;
  const names = new Set(
    named.map(({ digest, imageName, platform }) =>
      imageName ?? (platform ? `${digest} (${formatPlatform(platform)})` : digest)
    ),
  );
  const [first] = named;
  const example = first?.imageName === undefined ? `@${first?.digest}` : `:${first.imageName}`;
  throw new InvalidInputError(`${reference} means several images in ${store}: ${[...names].join(", ")}`, {
    hint: isWrite ? "choose another tag" : `name one of them, as in ${store}${example}`,
  });
}

/**
 * The names that lead to one image each, sorted: tags, and full names where several images have one tag or the image has
 * no tag.
 */
export function uniqueNames(entries: readonly IndexEntry[]): string[] {
  const ambiguous = ambiguousTags(entries);
  const names = entries.map((entry) => nameOf(entry, ambiguous));
  return [...new Set(names.filter((name) => name !== undefined))].sort();
}

/** The digests of images that have no such name. */
export function namelessImages(entries: readonly IndexEntry[]): Digest[] {
  const ambiguous = ambiguousTags(entries);
  const nameless = entries.filter((entry) => nameOf(entry, ambiguous) === undefined);
  return [...new Set(nameless.map(({ digest }) => digest))];
}

function nameOf(
  { tag, imageName }: IndexEntry,
  ambiguous: ReadonlySet<string | undefined>,
): string | undefined {
  return tag !== undefined && !ambiguous.has(tag) ? tag : imageName;
}

function ambiguousTags(entries: readonly IndexEntry[]): Set<string | undefined> {
  const tagged = Map.groupBy(entries, ({ tag }) => tag);
  return new Set(
    [...tagged].filter(([, group]) => group.length > 1 && !isOneImage(group)).map(([tag]) => tag),
  );
}
