/** What another program stored under a name that was looked for among stored files. @module */
import { type Artifact, isFolderKind } from "../../artifacts/artifact.ts";
import type { FindArtifactOptions } from "../../artifacts/find_artifact.ts";
import { NotAllowedError, NotFoundError, RegistryError } from "../../errors.ts";
import { findInstead } from "../../exports/artifacts.ts";
import { IsBlobError } from "../../stash/blob_instead.ts";
import type { Store } from "../../store/store.ts";

/**
 * The artifact that has a name, where looking for a stored file has failed.
 *
 * @throws the failure, if it has another reason, or nothing else has the name
 */
export async function artifactInstead(
  failure: unknown,
  store: Store,
  { name, ...options }: FindArtifactOptions & { name: string },
): Promise<Artifact> {
  if (failure instanceof IsBlobError || !mayMeanNone(failure)) throw failure;
  const found = await findInstead(store, name, options).catch((error) => {
    options.signal?.throwIfAborted();
    throw mayMeanNone(error) && !(error instanceof NotFoundError) ? failure : error;
  });
  if (!found) throw failure;
  return found;
}

/**
 * Makes sure that a folder has the name of which no stored file was found.
 *
 * @throws the failure, if nothing has the name, or something else
 */
export async function requireFolderInstead(
  failure: unknown,
  store: Store,
  options: FindArtifactOptions & { name: string },
): Promise<void> {
  const { kind } = await artifactInstead(failure, store, options);
  if (!isFolderKind(kind)) throw failure;
}

/**
 * Whether a failure may mean that no stored file has the name. To say so, the list of tags is read, and some registries
 * refuse it: that of ollama answers 404.
 */
function mayMeanNone(error: unknown): boolean {
  if (error instanceof RegistryError) return error.status >= 400 && error.status < 500 && !error.transient;
  return error instanceof NotFoundError || error instanceof NotAllowedError && !error.isLasting; // it lacks a key
}
