/** Digests: the names of blobs and manifests. @module */
import { createHash } from "node:crypto";

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

/** The digest of bytes in memory. */
export function digestOf(bytes: Uint8Array): Digest {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

/** The 64 hexadecimal digits of a digest: its file name in an OCI image layout. */
export function encodedPart(digest: Digest): string {
  return digest.slice("sha256:".length);
}
