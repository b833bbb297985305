/** Names of repositories and tags, checked once at the border (OCI distribution spec, "Pulling manifests"). @module */
import { InvalidInputError } from "../errors.ts";

/** The longest tag that the OCI distribution spec allows, in characters. */
export const MAX_TAG_LENGTH = 128;

const REPOSITORY = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/;
const TAG = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;

/**
 * Checks the name of a repository.
 *
 * @throws {InvalidInputError} when the spec does not allow it
 */
export function parseRepository(name: string): string {
  if (REPOSITORY.test(name) && name.length <= 255) return name;
  throw new InvalidInputError(`"${name}" is not a repository name`, {
    hint: "use lower-case letters, digits, single . _ and -, with / between the parts, as in me/files",
  });
}

/**
 * Checks a tag.
 *
 * @throws {InvalidInputError} when it is too long or has characters that the spec does not allow
 */
export function parseTag(tag: string): string {
  if (TAG.test(tag)) return tag;
  if (tag.length > MAX_TAG_LENGTH) {
    throw new InvalidInputError(
      `the tag "${tag}" has ${tag.length} characters, ${MAX_TAG_LENGTH} are allowed`,
    );
  }
  throw new InvalidInputError(`"${tag}" is not a tag`, {
    hint: "a tag is letters, digits, _ . and -, and does not begin with . or -",
  });
}
