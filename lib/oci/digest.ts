/** Digests: the names of blobs and manifests. @module */
import { createHash } from "node:crypto";
import { InvalidInputError } from "../errors.ts";
import { quoted } from "../messages.ts";

/**
 * A sha256 digest as the OCI image spec writes it: `sha256:` and 64 lower-case hexadecimal digits.
 * Other algorithms are not used by any registry that layerstash knows of.
 */
export type Digest = `sha256:${string}`;

const PATTERN = /^sha256:[0-9a-f]{64}$/;

/** Whether a value is a well-formed sha256 digest. */
export function isDigest(value: unknown): value is Digest {
  return typeof value === "string" && PATTERN.test(value);
}

/**
 * Checks a digest.
 *
 * @throws {InvalidInputError} when it is none
 */
export function parseDigest(text: string): Digest {
  if (isDigest(text)) return text;
  throw new InvalidInputError(`${quoted(text)} is not a digest`, {
    hint: "a digest is sha256: with 64 hexadecimal digits, in lower case",
  });
}

/**
 * The digest of bytes in memory.
 *
 * @example
 * ```ts
 * import { digestOf } from "@layerstash/cli";
 *
 * const digest = digestOf(new TextEncoder().encode("hello"));
 * if (!digest.startsWith("sha256:2cf24dba5fb0a30e")) throw new Error("unexpected digest");
 * ```
 */
export function digestOf(bytes: Uint8Array): Digest {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

/**
 * The 64 hexadecimal digits of a digest: its file name in an OCI image layout.
 *
 * @throws {InvalidInputError} when it is no digest: as a file name it could lead anywhere
 */
export function encodedPart(digest: Digest): string {
  return parseDigest(digest).slice("sha256:".length);
}
