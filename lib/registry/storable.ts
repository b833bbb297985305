/** What every store asks of a manifest before it takes it. @module */
import { InvalidInputError } from "../errors.ts";
import { digestOf, isDigest } from "../oci/digest.ts";
import { isManifest, type Manifest } from "../oci/manifest.ts";
import { parseReference } from "../oci/reference.ts";

/**
 * Makes sure that a manifest is one, and has the digest that it says, and that it is to be stored under.
 *
 * @throws {InvalidInputError} when it is none, or has another digest
 */
export function requireStorable(reference: string, manifest: Manifest): void {
  const name = parseReference(reference);
  const hint = "manifestOf and encodeManifest make a manifest of its bytes";
  if (!isManifest(manifest)) {
    throw new InvalidInputError(`what is to be stored as ${name} is no manifest`, { hint });
  }
  const digest = digestOf(manifest.bytes);
  const wrong = [manifest.digest, ...(isDigest(name) ? [name] : [])].find((each) => each !== digest);
  if (wrong) throw new InvalidInputError(`the manifest has the digest ${digest}, not ${wrong}`, { hint });
}
