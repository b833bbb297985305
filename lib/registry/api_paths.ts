/**
 * The paths of a repository's API (OCI distribution spec, "Endpoints"). What is put into a path is checked here: `..` in
 * it would lead to another repository, with the credentials of this one.
 *
 * @module
 */
import { type Digest, parseDigest } from "../oci/digest.ts";
import { parseReference, parseRepository } from "../oci/reference.ts";

/** Where a blob is. */
export function blobPath(digest: Digest): string {
  return `blobs/${parseDigest(digest)}`;
}

/** Where a blob is taken over from another repository. */
export function mountPath(digest: Digest, from: string): string {
  const repository = encodeURIComponent(parseRepository(from));
  return `blobs/uploads/?mount=${encodeURIComponent(parseDigest(digest))}&from=${repository}`;
}

/** Where a manifest is, by tag or digest. */
export function manifestPath(reference: string): string {
  return `manifests/${parseReference(reference)}`;
}

/** Where it is listed what refers to a manifest. */
export function referrersPath(digest: Digest): string {
  return `referrers/${parseDigest(digest)}`;
}
