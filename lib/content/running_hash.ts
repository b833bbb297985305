/** The hash of bytes as they pass, while they are in the processor's cache. @module */
import { type Algorithm, type Digest, DigestHash } from "../oci/digest.ts";

/**
 * Hashes bytes that pass in order, some of them again, as after a broken connection.
 *
 * @example
 * ```ts
 * import { RunningHash } from "./running_hash.ts";
 * const hash = new RunningHash();
 * hash.see(new TextEncoder().encode("hello"), 0);
 * hash.see(new TextEncoder().encode("lo world"), 3);
 * if (!hash.digest(11)?.startsWith("sha256:b94d27b9934d3e08")) throw new Error("unexpected digest");
 * ```
 */
export class RunningHash {
  readonly #hash: DigestHash;
  #digest: Digest | undefined;
  /** How many bytes were hashed: from here on it goes on. */
  position = 0;

  /** @param algorithm that of the digest; absent = sha256 */
  constructor(algorithm?: Algorithm) {
    this.#hash = new DigestHash(algorithm);
  }

  /** Takes bytes, of which the first is at an offset. What was hashed before, and what is beyond a gap, is left out. */
  see(bytes: Uint8Array, offset: number): void {
    const fresh = bytes.subarray(Math.max(0, this.position - offset));
    if (offset > this.position || fresh.length === 0) return;
    this.#hash.update(fresh);
    this.position += fresh.length;
  }

  /** The digest, when just the first `size` bytes have passed; no more may come then. `undefined` = they have not. */
  digest(size: number): Digest | undefined {
    if (this.position !== size) return undefined;
    return this.#digest ??= this.#hash.digest();
  }
}
