/** Lists the tags that exist, for the hint of a "not found" error. @module */
import { type LayerstashError, NotFoundError, RegistryError } from "../errors.ts";
import { closestName, compareNaturally } from "../messages.ts";
import { isDigest } from "../oci/digest.ts";
import { addressIn } from "./command_line.ts";
import { isFallbackTag } from "./referrers.ts";
import type { CallOptions, ManifestReader } from "./store.ts";

/** How many names a hint shows. */
const SHOWN = 5;
/** How many names are looked at to find the first ones: most registries list so many at once. */
const LOOKED_AT = 100;

/** A hint that lists names in order, such as `it has: a, b`; of many the first ones. One that is similar to `asked` leads. */
export function hintOfNames(names: readonly string[], asked = ""): string {
  if (names.length === 0) return "it has none at all";
  const meant = closestName(asked, names);
  const sorted = names.toSorted((one, other) =>
    Number(other === meant) - Number(one === meant) || compareNaturally(one, other)
  );
  return `it has: ${sorted.slice(0, SHOWN).join(", ")}${names.length > SHOWN ? ", ..." : ""}`;
}

/**
 * The first `most` tags of a repository, in order; where it has no tags, the digests of its images. Fallback tags, which
 * hold lists of referrers, are left out.
 *
 * @param options all `tags`, where they are known already: they are asked for otherwise
 * @throws {NotFoundError} if there is no such repository
 */
export async function knownReferences(
  store: ManifestReader,
  { most = Infinity, tags, ...options }: CallOptions & {
    most?: number;
    tags?: readonly string[] | undefined;
  } = {},
): Promise<string[]> {
  const known: string[] = [];
  for await (const tag of tags ?? store.tags({ ...options, mustExist: true })) {
    if (!isFallbackTag(tag) && known.push(tag) === most) break;
  }
  return known.length > 0
    ? known.sort(compareNaturally)
    : (await store.untagged?.(options) ?? []).slice(0, most);
}

/**
 * Makes sure that a repository exists.
 *
 * @throws {NotFoundError} if it does not
 */
export async function requireRepository(store: ManifestReader, options: CallOptions = {}): Promise<void> {
  await knownReferences(store, { ...options, most: 1 });
}

/** A tag as it is, a digest after the name of its repository: a user can type either. */
export function fullReference(reference: string, store: ManifestReader): string {
  return isDigest(reference) ? addressIn(store, reference) : reference;
}

/** The error for a tag or digest that does not exist. It lists tags that do, or says that there is no such repository. */
export async function notThere(
  store: ManifestReader,
  reference: string,
  options: CallOptions,
): Promise<LayerstashError> {
  const message = `there is no ${reference} in ${store.name}`;
  try {
    const full = await store.fullNames?.(options) ?? [];
    const there = full.length > 0 ? full : await knownReferences(store, { ...options, most: LOOKED_AT });
    const hint = hintOfNames(there.map((each) => fullReference(each, store)), reference);
    return new NotFoundError(message, isDigest(reference) ? {} : { hint });
  } catch (error) {
    options.signal?.throwIfAborted();
    return isSaidOfAll(error) ? error : new NotFoundError(message);
  }
}

/** Whether a failed list explains more than that one tag is missing: there is no repository, or not even a registry. */
function isSaidOfAll(error: unknown): error is LayerstashError {
  return error instanceof NotFoundError || error instanceof RegistryError && error.status === 404;
}
