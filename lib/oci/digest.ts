/** Digests: the names of blobs and manifests (OCI image spec, descriptor.md, "Digests"). @module */
import type { Hash } from "node:crypto";
import { InvalidInputError, MismatchError } from "../errors.ts";
import { quoted } from "../messages.ts";

/**
 * An algorithm of digests. The OCI image spec registers these two. What layerstash makes has sha256 digests; what others
 * have made may have either.
 *
 * @category Stores
 */
export type Algorithm = "sha256" | "sha512";

/** All algorithms. */
export const ALGORITHMS: readonly Algorithm[] = ["sha256", "sha512"];

/**
 * A digest as the OCI image spec writes it: the algorithm, a colon, and lower-case hexadecimal digits: 64 of sha256,
 * 128 of sha512.
 *
 * @category Stores
 */
export type Digest = `${Algorithm}:${string}`;

const PATTERN = /^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/;

/** What a digest looks like, for hints. */
export const DIGEST_HINT =
  "a digest is sha256: followed by 64 lower-case hexadecimal digits, or sha512: followed by 128";

/** Whether a value is a well-formed digest. Values of any type are allowed. */
export function isDigest(value: unknown): value is Digest {
  return typeof value === "string" && PATTERN.test(value);
}

/** Whether a text begins as a digest does, and so is meant as one. It may be malformed. */
export function beginsAsDigest(text: string): boolean {
  return ALGORITHMS.some((algorithm) => text.startsWith(`${algorithm}:`));
}

/**
 * Checks a digest.
 *
 * @throws {InvalidInputError} if the text is not a digest, or is of another algorithm
 */
export function parseDigest(text: string): Digest {
  if (isDigest(text)) return text;
  const [, other] = typeof text === "string" ? /^([a-z0-9]+):[0-9a-f]{32,}$/.exec(text) ?? [] : [];
  const isKnown = other === undefined || (ALGORITHMS as readonly string[]).includes(other);
  const reason = isKnown ? "is not a digest" : "is a digest of an unknown algorithm";
  throw new InvalidInputError(`${quoted(text)} ${reason}`, { hint: DIGEST_HINT });
}

/** The algorithm of a digest. A text that is not a digest counts as one of sha256, which it will not match. */
export function algorithmOf(digest: string): Algorithm {
  return digest.startsWith("sha512:") ? "sha512" : "sha256";
}

/**
 * How a digest is made.
 *
 * @category Stores
 */
export interface DigestOptions {
  /** The algorithm; absent = sha256. */
  algorithm?: Algorithm | undefined;
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
export function digestOf(bytes: Uint8Array, { algorithm }: DigestOptions = {}): Digest {
  return new DigestHash(algorithm).update(bytes).digest();
}

/** Whether bytes in memory are those that a digest names. A text that is not a digest names none. */
export function hasDigest(bytes: Uint8Array, digest: string): boolean {
  return digestOf(bytes, { algorithm: algorithmOf(digest) }) === digest;
}

/** The digest of bytes as they come. */
export class DigestHash {
  readonly #algorithm: Algorithm;
  readonly #hash: Hash;

  /** @param algorithm that of the digest; absent = sha256 */
  constructor(algorithm: Algorithm = "sha256") {
    this.#algorithm = algorithm;
    // Deno loads all of `node:crypto` for a hash, so this waits for the first one.
    this.#hash = globalThis.process.getBuiltinModule("node:crypto").createHash(algorithm);
  }

  /** Takes the next bytes. */
  update(bytes: Uint8Array): this {
    this.#hash.update(bytes);
    return this;
  }

  /** The digest of all bytes. It can be called once. */
  digest(): Digest {
    return `${this.#algorithm}:${this.#hash.digest("hex")}`;
  }
}

/**
 * The hexadecimal digits of a digest: the blob's file name in an OCI image layout.
 *
 * @throws {InvalidInputError} if it is not a digest; any other text, used as a file name, could lead anywhere
 */
export function encodedPart(digest: Digest): string {
  return parseDigest(digest).slice("sha256:".length); // as long as that of the other algorithm
}

/**
 * The path of a blob in an OCI image layout, such as `blobs/sha256/2cf2...`. Each algorithm has a directory of its own.
 *
 * @throws {InvalidInputError} if it is not a digest
 */
export function layoutPath(digest: Digest): string {
  return `blobs/${algorithmOf(parseDigest(digest))}/${encodedPart(digest)}`;
}

/** The error for a blob or a manifest whose bytes are not those that its digest names. */
export function corrupted(digest: Digest, kind: "blob" | "manifest" = "blob"): MismatchError {
  return new MismatchError(`the ${kind} ${digest} is corrupted: its bytes have another digest`);
}
