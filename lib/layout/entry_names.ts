/** The names that the entries of `index.json` give to manifests. @module */
import { InvalidInputError } from "../errors.ts";
import { type Digest, isDigest } from "../oci/digest.ts";
import { formatPlatform } from "../oci/platform.ts";
import type { IndexEntry } from "./index_entry.ts";
import { isOneImage } from "./platform_set.ts";

/**
 * The entries that have a digest, a tag, or else a full name. A tag that looks like a digest, as other tools may write
 * it, does not count.
 *
 * @param entries a list that only {@linkcode appendEntries} changes: it is sorted by names once, and there may be 100,000 tags to
 *   look up
 */
export function entriesNamed(entries: readonly IndexEntry[], reference: string): readonly IndexEntry[] {
  if (isDigest(reference)) return entriesBy("digest", entries).get(reference) ?? [];
  if (typeof reference !== "string") return [];
  return entriesBy("tag", entries).get(reference) ?? entriesBy("imageName", entries).get(reference) ?? [];
}

const NAMES = ["digest", "tag", "imageName"] as const;
type Name = typeof NAMES[number];
type EntriesByName = Map<string | undefined, IndexEntry[]>;

/** The lists that were sorted by a name. */
const sorted: Record<Name, WeakMap<readonly IndexEntry[], EntriesByName>> = {
  digest: new WeakMap(),
  tag: new WeakMap(),
  imageName: new WeakMap(),
};

function entriesBy(name: Name, entries: readonly IndexEntry[]): EntriesByName {
  const known = sorted[name].get(entries);
  if (known) return known;
  const made = Map.groupBy(entries, (entry) => entry[name]);
  sorted[name].set(entries, made);
  return made;
}

/** Appends entries to a list, whose names are not sorted anew for it. */
export function appendEntries(entries: IndexEntry[], added: readonly IndexEntry[]): void {
  for (const name of NAMES) {
    const known = sorted[name].get(entries);
    for (const entry of known ? added : []) {
      const same = known!.get(entry[name]);
      if (same) same.push(entry);
      else known!.set(entry[name], [entry]);
    }
  }
  for (const entry of added) entries.push(entry);
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
  const names = entries.map((entry) => uniqueName(entry, ambiguous));
  return [...new Set(names.filter((name) => name !== undefined))].sort();
}

/** The digests of images that have no such name. */
export function namelessImages(entries: readonly IndexEntry[]): Digest[] {
  const ambiguous = ambiguousTags(entries);
  const nameless = entries.filter((entry) => uniqueName(entry, ambiguous) === undefined);
  return [...new Set(nameless.map(({ digest }) => digest))];
}

function uniqueName(
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
