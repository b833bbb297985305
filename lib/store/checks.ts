/** Checks what callers pass to a store: ranges and manifests. @module */
import { InvalidInputError } from "../errors.ts";
import { checkNumbers, POSITION } from "../arguments.ts";
import type { ByteRange } from "../content/source.ts";
import { algorithmOf, digestOf, isDigest } from "../oci/digest.ts";
import { isManifest, type Manifest } from "../oci/manifest.ts";
import { parseReference } from "../oci/reference.ts";
import type { CallOptions, Store } from "./store.ts";

/** What to do about a registry that takes what it does not give: garbage was collected while it ran. */
export const COLLECTED_HINT =
  "restart the registry: its cache names blobs that were collected as garbage; then run the same command again";

/**
 * Makes sure that a range is well-formed. Whether the blob has these bytes is for the store to find out.
 *
 * @throws {InvalidInputError} if a number is out of range, or the range ends before it begins
 */
export function checkRange({ start, end }: ByteRange): void {
  checkNumbers({ start, end }, { start: POSITION, end: POSITION });
  if (start <= end) return; // false where one is undefined, as callers without types pass it
  throw new InvalidInputError(`there is no range from ${start} to ${end}`, {
    hint: "the end of a range is the byte after its last one",
  });
}

/**
 * Makes sure that an image can get a name, before its blobs are sent. A registry takes tags and digests; the names in a
 * layout have more characters, and one that several images have is refused.
 *
 * @throws {InvalidInputError} if it cannot
 */
export async function requireTargetName(
  store: Pick<Store, "url" | "resolve">,
  reference: string,
  options: CallOptions,
): Promise<void> {
  if (store.url.startsWith("file:")) await store.resolve(reference, options);
  else parseReference(reference);
}

/**
 * Makes sure that a value is a manifest, and that its bytes have its digest, and the one that it is to be stored under.
 *
 * @param parse checks the reference
 * @throws {InvalidInputError} if it is not a manifest, or its bytes have another digest
 */
export function requireStorable(reference: string, manifest: Manifest, parse = parseReference): void {
  const name = parse(reference);
  const hint = "manifestOf and encodeManifest make a manifest of its bytes";
  if (!isManifest(manifest)) {
    throw new InvalidInputError(`what is to be stored as ${name} is not a manifest`, { hint });
  }
  const algorithm = algorithmOf(isDigest(name) ? name : manifest.digest);
  const digest = digestOf(manifest.bytes, { algorithm });
  const wrong = [manifest.digest, ...(isDigest(name) ? [name] : [])].find((each) => each !== digest);
  if (wrong) throw new InvalidInputError(`the manifest has the digest ${digest}, not ${wrong}`, { hint });
}
