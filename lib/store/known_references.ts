/** What a repository has, for an error that says what it has not. @module */
import { NotFoundError } from "../errors.ts";
import { isDigest } from "../oci/digest.ts";
import { isFallbackTag } from "./referrers.ts";
import type { CallOptions, ManifestReader } from "./store.ts";

/** So many names are shown. */
const SHOWN = 5;

/** Says which names there are, as `it has: a, b`; of many the first ones. */
export function hintOfNames(names: readonly string[]): string {
  if (names.length === 0) return "it has none at all";
  return `it has: ${names.slice(0, SHOWN).join(", ")}${names.length > SHOWN ? ", ..." : ""}`;
}

/**
 * The tags of a repository, the first `most` of them; where it has none, the digests of images without one. Lists of what
 * refers to an image have tags, too: these are left out.
 *
 * @throws {NotFoundError} when there is no such repository
 */
export async function knownReferences(
  store: ManifestReader,
  { most = Infinity, ...options }: CallOptions & { most?: number } = {},
): Promise<string[]> {
  const tags: string[] = [];
  for await (const tag of store.tags({ ...options, mustExist: true })) {
    if (!isFallbackTag(tag) && tags.push(tag) === most) break;
  }
  return tags.length > 0 ? tags : (await store.untagged?.(options) ?? []).slice(0, most);
}

/** What may be typed for a tag or a digest: a digest goes behind the name of what has it. */
export function fullReference(reference: string, store: ManifestReader): string {
  return isDigest(reference) ? `${store.name}@${reference}` : reference;
}

/** The error for a tag or digest that is not there: it says which tags are, or that there is no such repository. */
export async function notThere(
  store: ManifestReader,
  reference: string,
  options: CallOptions,
): Promise<NotFoundError> {
  const message = `there is no ${reference} in ${store.name}`;
  try {
    const there = await knownReferences(store, { ...options, most: SHOWN + 1 });
    const hint = hintOfNames(there.map((each) => fullReference(each, store)));
    return new NotFoundError(message, isDigest(reference) ? {} : { hint });
  } catch (error) {
    options.signal?.throwIfAborted();
    return error instanceof NotFoundError ? error : new NotFoundError(message);
  }
}
