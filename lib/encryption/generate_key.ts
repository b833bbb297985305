/** Makes keys. @module */

/**
 * A secret key, and the public one of which others encrypt for its owner.
 *
 * @category Encryption
 */
export interface GeneratedKey {
  /** The secret key: `AGE-SECRET-KEY-1...`. */
  identity: string;
  /** The public key: `age1...`. */
  recipient: string;
}

/**
 * Makes a key as `age-keygen` does.
 *
 * @param options `postQuantum` makes one that withstands a quantum computer; its public key has 2000 characters
 *
 * @example
 * ```ts
 * import { generateKey } from "@layerstash/cli/encryption";
 * const { recipient } = await generateKey();
 * if (!recipient.startsWith("age1")) throw new Error("unexpected key");
 * ```
 */
export async function generateKey(
  { postQuantum = false }: { postQuantum?: boolean } = {},
): Promise<GeneratedKey> {
  const age = await import("age-encryption");
  const identity = await (postQuantum ? age.generateHybridIdentity() : age.generateX25519Identity());
  return { identity, recipient: await age.identityToRecipient(identity) };
}
