/** Digests: the names of blobs and manifests (OCI image spec, descriptor.md, "Digests"). @module */
import type { Hash } from "node:crypto";
import { InvalidInputError, MismatchError } from "../errors.ts";
import { quoted } from "../messages.ts";

/**
 * A sha256 digest as the OCI image spec writes it: `sha256:` and 64 lower-case hexadecimal digits.
 * No registry that layerstash knows of uses another algorithm.
 *
 * @category Stores
 */
export type Digest = `sha256:${string}`;

const PATTERN = /^sha256:[0-9a-f]{64}$/;

/** Whether a value is a well-formed sha256 digest. Values of any type are allowed. */
export function isDigest(value: unknown): value is Digest {
  return typeof value === "string" && PATTERN.test(value);
}

/**
 * Checks a digest.
 *
 * @throws {InvalidInputError} if the text is not a sha256 digest
 */
export function parseDigest(text: string): Digest {
  if (isDigest(text)) return text;
  throw new InvalidInputError(`${quoted(text)} is not a digest`, {
    hint: "a digest is sha256: followed by 64 lower-case hexadecimal digits",
  });
}

/**
 * The digest of bytes in memory.
 *
 * @example
 * ```ts
 * import { digestOf } from "@layerstash/cli/store";
 *
 * const digest = digestOf(new TextEncoder().encode("hello"));
 * if (!digest.startsWith("sha256:2cf24dba5fb0a30e")) throw new Error("unexpected digest");
 * ```
 */
export function digestOf(bytes: Uint8Array): Digest {
  return `sha256:${sha256().update(bytes).digest("hex")}`;
}

/** A hash that takes bytes as they come. Deno loads all of `node:crypto` for it, so this waits for the first hash. */
export function sha256(): Hash {
  return globalThis.process.getBuiltinModule("node:crypto").createHash("sha256");
}

/**
 * The 64 hexadecimal digits of a digest: the blob's file name in an OCI image layout.
 *
 * @throws {InvalidInputError} if it is not a digest; any other text, used as a file name, could lead anywhere
 */
export function encodedPart(digest: Digest): string {
  return parseDigest(digest).slice("sha256:".length);
}

/** The error for a blob or a manifest whose bytes are not those that its digest names. */
export function corrupted(digest: Digest, kind: "blob" | "manifest" = "blob"): MismatchError {
  return new MismatchError(`the ${kind} ${digest} is corrupted: its bytes have another digest`);
}
