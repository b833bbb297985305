/** The part of a blob that a caller asks for. @module */
import { InvalidInputError } from "../errors.ts";
import { checkNumbers, POSITION } from "../arguments.ts";
import type { ByteRange } from "../content/source.ts";
import { digestOf, isDigest } from "../oci/digest.ts";
import { isManifest, type Manifest } from "../oci/manifest.ts";
import { parseReference } from "../oci/reference.ts";

/**
 * Makes sure that it is one. Whether the blob has it is another question.
 *
 * @throws {InvalidInputError} when a number cannot be, or it ends before it begins
 */
export function checkRange({ start, end }: ByteRange): void {
  checkNumbers({ start, end }, { start: POSITION, end: POSITION });
  if (start <= end) return; // neither is absent
  throw new InvalidInputError(`there is no range from ${start} to ${end}`, {
    hint: "its end is the byte after the last",
  });
}

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
