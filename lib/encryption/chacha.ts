/** ChaCha20-Poly1305, with which age encrypts both keys and bytes. @module */
import { type Bytes, free } from "../content/bytes.ts";

/** How many bytes longer something is when it is sealed: its tag, by which a change of it is noticed. */
export const TAG_SIZE = 16;

/** The size of the nonces, in bytes. */
export const NONCE_LENGTH = 12;

/** Encrypts bytes into a buffer, which takes {@linkcode TAG_SIZE} more. A key and a nonce may serve once only. */
export function seal(key: Bytes, nonce: Bytes, { plain, into }: { plain: Bytes; into: Bytes }): void {
  const cipher = crypto().createCipheriv(CIPHER, key, nonce, { authTagLength: TAG_SIZE });
  const sealed = cipher.update(plain);
  into.set(sealed);
  free(sealed);
  cipher.final();
  into.set(cipher.getAuthTag(), plain.length);
}

/** Decrypts what was sealed; `undefined` = it was changed, or the key or the nonce is another one. */
export function unseal(key: Bytes, nonce: Bytes, sealed: Bytes): Bytes | undefined {
  if (sealed.length < TAG_SIZE) return undefined;
  const decipher = crypto().createDecipheriv(CIPHER, key, nonce, { authTagLength: TAG_SIZE });
  decipher.setAuthTag(sealed.subarray(-TAG_SIZE));
  const plain = decipher.update(sealed.subarray(0, -TAG_SIZE));
  try {
    decipher.final();
  } catch {
    return undefined;
  }
  return new Uint8Array(plain.buffer as ArrayBuffer, plain.byteOffset, plain.length);
}

const CIPHER = "chacha20-poly1305";

/** Deno loads all of `node:crypto` for it, so this waits for the first use. */
export function crypto(): typeof import("node:crypto") {
  return globalThis.process.getBuiltinModule("node:crypto");
}
