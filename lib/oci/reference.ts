/** Checks names of repositories and tags (OCI distribution spec, "Pulling manifests"). @module */
import { InvalidInputError } from "../errors.ts";
import { beginsAsDigest, parseDigest } from "./digest.ts";
import { quoted } from "../messages.ts";

/** The longest tag that the OCI distribution spec allows, in characters. */
export const MAX_TAG_LENGTH = 128;
/** The longest repository name that the `distribution` registry allows, in characters. */
const MAX_NAME_LENGTH = 255;

const REPOSITORY = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/;
const TAG = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;

/**
 * Checks the name of a repository.
 *
 * @throws {InvalidInputError} if the spec does not allow the name
 */
export function parseRepository(name: string): string {
  if (typeof name === "string" && name.length <= MAX_NAME_LENGTH && REPOSITORY.test(name)) return name;
  const capital = typeof name === "string" && REPOSITORY.test(name.toLowerCase());
  throw new InvalidInputError(`${quoted(name)} is not a repository name${capital ? CAPITALS : ""}`, {
    hint: capital
      ? `use ${name.toLowerCase()}`
      : "use lower-case letters, digits, single . _ and -, with / between the components, as in me/files",
  });
}

const CAPITALS = ": it has capital letters";

/** Whether a text is a well-formed tag. */
export function isTag(text: string): boolean {
  return TAG.test(text);
}

/**
 * Checks a tag.
 *
 * @throws {InvalidInputError} if it is too long or has characters that the spec does not allow
 */
export function parseTag(tag: string): string {
  const isText = typeof tag === "string";
  if (isText && TAG.test(tag)) return tag;
  if (isText && tag.length > MAX_TAG_LENGTH) {
    throw new InvalidInputError(
      `the tag ${quoted(tag)} has ${tag.length} characters; at most ${MAX_TAG_LENGTH} are allowed`,
    );
  }
  throw new InvalidInputError(`${quoted(tag)} is not a tag`, {
    hint: "a tag consists of letters, digits, _ . and -, and does not begin with . or -",
  });
}

/**
 * Checks a reference: a tag, or a manifest's digest.
 *
 * @throws {InvalidInputError} if it is neither
 */
export function parseReference(text: string): string {
  return typeof text === "string" && beginsAsDigest(text) ? parseDigest(text) : parseTag(text);
}

/** What OCI allows as the name of an entry in a layout (OCI image spec, annotations.md, `ref.name`). */
const REF_NAME =
  /^[A-Za-z0-9]+(?:(?:[-._:@+]|--)[A-Za-z0-9]+)*(?:\/[A-Za-z0-9]+(?:(?:[-._:@+]|--)[A-Za-z0-9]+)*)*$/;

/**
 * Checks a reference in a layout: a tag, a name with `/ : + @` such as `docker.io/library/nginx:1.27`, or a digest.
 *
 * @throws {InvalidInputError} if it is none of these
 */
export function parseLayoutReference(text: string): string {
  const isName = typeof text === "string" && !beginsAsDigest(text) && REF_NAME.test(text);
  return isName ? text : parseReference(text);
}
