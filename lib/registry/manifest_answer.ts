/** Reads the manifest in the answer of a registry, and checks its digest. @module */
import { LayerstashError, MismatchError } from "../errors.ts";
import { bytesOf } from "../http/answers.ts";
import { algorithmOf, type Digest, isDigest } from "../oci/digest.ts";
import { declaredMediaType, type Manifest, manifestOf, MAX_MANIFEST_SIZE } from "../oci/manifest.ts";
import { MANIFEST_TYPES, SCHEMA_1 } from "../oci/media_types.ts";

/**
 * The manifest in an answer; `undefined` = there is none.
 *
 * @param reference the tag or the digest by which it was asked for
 * @throws {MismatchError} if it has another digest than that, or than the registry says
 * @throws {LayerstashError} if it is of an old kind, whose digest cannot be checked
 */
export async function manifestOfAnswer(answer: Response, reference: string): Promise<Manifest | undefined> {
  if (answer.status === 404) {
    await answer.body?.cancel();
    return undefined;
  }
  const bytes = await bytesOf(answer, { most: MAX_MANIFEST_SIZE, what: `manifest ${reference}` });
  const type = answer.headers.get("content-type")?.split(";")[0]?.trim() ?? "";
  const named = [reference, answer.headers.get("docker-content-digest")].find(isDigest);
  const manifest = manifestOf(
    bytes,
    MANIFEST_TYPES.includes(type) ? type : declaredMediaType(bytes) ?? type,
    { algorithm: named && algorithmOf(named) },
  );
  checkDigest(manifest, reference, named);
  return manifest;
}

function checkDigest({ digest, mediaType }: Manifest, reference: string, expected: Digest = digest): void {
  if (digest === expected) return;
  if (SCHEMA_1.includes(mediaType)) { // these digests leave out the signatures in the bytes
    throw new LayerstashError(`the manifest ${reference} is of schema 1`, SCHEMA_1_HINT);
  }
  throw new MismatchError(
    `the manifest ${reference} is corrupted: its bytes do not have the digest ${expected}`,
  );
}

const SCHEMA_1_HINT = {
  hint: "this old kind of image is not supported: convert it, as with skopeo copy --format v2s2",
};
