/** Reads manifests back that were just stored: only what can be fetched counts as stored. @module */
import { ConflictError, RegistryError } from "../errors.ts";
import type { Digest } from "../oci/digest.ts";
import { COLLECTED_HINT } from "../store/checks.ts";
import type { CallOptions, StoreReader } from "../store/store.ts";

/** How often a manifest is read that the registry has just stored, and does not give: for some seconds in all. */
const ATTEMPTS = 5;

/**
 * Makes sure that a tag gives back the manifest that was put there. A registry may lag behind what it has stored, so that is
 * tried again for a while. One whose garbage was collected while it ran takes what its cache names, and stores nothing: so
 * the manifest is read, and not only looked up, except where reads count against a limit: a large stash would use it up.
 *
 * @throws {ConflictError} if the tag holds something else than this manifest, and than the one that it held before
 * @throws {RegistryError} if the manifest cannot be read
 */
export async function requireGivenBack(
  store: StoreReader,
  tag: string,
  { digest, before, ...options }: CallOptions & { digest: Digest; before?: Digest | undefined },
): Promise<void> {
  for (let attempt = 1;; attempt++) {
    const found = store.manifestReadsCount
      ? await store.resolve(tag, options)
      : (await store.manifest(tag, options))?.digest;
    if (found === digest) return;
    if (found && found !== before) throw otherUpload(tag);
    const error = new RegistryError(
      `${store.name} does not give back the manifest that it has stored as ${tag}`,
      {
        transient: true,
        hint: COLLECTED_HINT,
      },
    );
    if (!store.waitToResume || attempt === ATTEMPTS) throw error;
    await store.waitToResume({ error, what: `the manifest ${tag}`, attempt }, options);
  }
}

/** The error of a tag that somebody else has put meanwhile. */
export function otherUpload(tag: string): ConflictError {
  return new ConflictError(`another upload came in between: ${tag} holds something else now`, {
    hint: "see with layerstash info what is stored; run this again with --overwrite to replace it",
  });
}
