/** The header of an age file: it holds the file key, wrapped for each recipient. @module */
import type { Recipient, Stanza } from "age-encryption";
import type { Bytes } from "../content/bytes.ts";
import { InvalidInputError, LayerstashError, MismatchError, NotAllowedError } from "../errors.ts";
import { crypto, TAG_SIZE } from "./chacha.ts";
import { headerSize, keyKindOf, withstandsQuantum } from "./header_text.ts";
import type { Identities, KeyKind } from "./identities.ts";
import type { Recipients } from "./recipients.ts";

/** The size of the nonce that stands between the header and the payload, in bytes. */
export const NONCE_SIZE = 16;

/**
 * A header whose file key is known. Several files may have the same header: a new nonce gives each a key of its own for its
 * payload.
 *
 * @category Encryption
 *
 * @example
 * ```ts
 * import { AgeHeader, Identities, Recipients } from "@layerstash/cli/encryption";
 * const header = await AgeHeader.make(Recipients.withPassphrase("correct horse battery staple", 10));
 * const identities = Identities.withPassphrase("correct horse battery staple");
 * const opened = await AgeHeader.open(header.bytes, identities);
 * if (opened.exportFileKey().join() !== header.exportFileKey().join()) throw new Error("another key");
 * ```
 */
export class AgeHeader {
  /** The header as it stands at the beginning of the file. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly #fileKey: Bytes;

  private constructor(bytes: Bytes, fileKey: Bytes) {
    this.bytes = bytes;
    this.#fileKey = fileKey;
  }

  /**
   * Makes a file key, and wraps it for the recipients.
   *
   * @param recipients those who can then open the header
   */
  static async make(recipients: Recipients): Promise<AgeHeader> {
    let fileKey: Bytes | undefined;
    const bytes = await headerFor(recipients, (key) => (fileKey = new Uint8Array(key), []));
    return new AgeHeader(bytes, fileKey!);
  }

  /**
   * Wraps the same file key for others. What follows the header stays as it is.
   *
   * @param recipients those who can then open the new header
   * @param options `keep` = and so can those who can open this one
   * @throws {InvalidInputError} if those that are kept cannot stand beside the others, or there are too many
   */
  async withRecipients(
    recipients: Recipients,
    { keep = false }: { keep?: boolean } = {},
  ): Promise<AgeHeader> {
    if (keep) requireSameKind(this.bytes, recipients);
    const kept = keep ? await this.#stanzas() : [];
    const bytes = await headerFor(recipients, (key) => (key.set(this.#fileKey), kept));
    requireReadable(bytes);
    return await AgeHeader.restore(bytes, this.#fileKey);
  }

  async #stanzas(): Promise<Stanza[]> {
    const { Decrypter } = await import("age-encryption");
    const decrypter = new Decrypter();
    let found: Stanza[] = [];
    decrypter.addIdentity({ unwrapFileKey: (stanzas) => (found = stanzas, this.#fileKey) });
    await decrypter.decryptHeader(this.bytes);
    return found;
  }

  /**
   * Opens a header with the keys of one of its recipients.
   *
   * @param bytes the header, without what follows it
   * @param identities the keys
   * @throws {NotAllowedError} if it is not encrypted for any of the identities
   * @throws {MismatchError} if it is damaged
   */
  static async open(bytes: Uint8Array<ArrayBuffer>, identities: Identities): Promise<AgeHeader> {
    const { Decrypter } = await import("age-encryption");
    const decrypter = new Decrypter();
    let isForOthers = false;
    decrypter.addIdentity({ unwrapFileKey: (stanzas) => requireLonePassphrase(stanzas) }); // asked first
    identities.addTo(decrypter);
    decrypter.addIdentity({ unwrapFileKey: () => (isForOthers = true, null) }); // asked last
    try {
      return new AgeHeader(bytes, new Uint8Array(await decrypter.decryptHeader(bytes)));
    } catch (error) {
      if (isForOthers) throw noIdentityError(bytes, identities);
      if (error instanceof LayerstashError) throw error;
      throw new MismatchError("the header of the encrypted bytes is damaged", { cause: error });
    }
  }

  /**
   * Restores a header from what {@linkcode AgeHeader.exportFileKey} gave.
   *
   * @param bytes the header
   * @param fileKey its file key
   * @throws {MismatchError} if the key is that of another header
   */
  static async restore(bytes: Uint8Array<ArrayBuffer>, fileKey: Uint8Array<ArrayBuffer>): Promise<AgeHeader> {
    const { Decrypter } = await import("age-encryption");
    const decrypter = new Decrypter();
    decrypter.addIdentity({ unwrapFileKey: () => fileKey });
    await decrypter.decryptHeader(bytes).catch((cause) => {
      throw new MismatchError("the file key is not the one of the header", { cause });
    });
    return new AgeHeader(bytes, fileKey);
  }

  /** The secret with which everything under this header can be read. Whoever keeps it keeps it to its owner. */
  exportFileKey(): Uint8Array<ArrayBuffer> {
    return this.#fileKey.slice();
  }

  /**
   * The key of the payload that follows a nonce.
   *
   * @param nonce the 16 bytes between the header and the payload
   */
  payloadKey(nonce: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
    return new Uint8Array(crypto().hkdfSync("sha256", this.#fileKey, nonce, "payload", 32));
  }
}

/**
 * Whether a header, which was made for recipients of the same `id`, can be read by these. Of a passphrase that takes a try;
 * public keys are the same ones.
 */
export async function isHeaderFor(
  bytes: Uint8Array<ArrayBuffer>,
  { identities }: Recipients,
): Promise<boolean> {
  return !identities || await isOpenedBy(bytes, identities);
}

/** Whether one of the identities opens a header. */
export async function isOpenedBy(bytes: Uint8Array<ArrayBuffer>, identities: Identities): Promise<boolean> {
  return await AgeHeader.open(bytes, identities).then(() => true, () => false);
}

/**
 * A nonce that no other file under the same header has.
 *
 * @category Encryption
 *
 * @example
 * ```ts
 * import { newNonce } from "@layerstash/cli/encryption";
 * if (newNonce().length !== 16) throw new Error("unexpected size");
 * ```
 */
export function newNonce(): Uint8Array<ArrayBuffer> {
  return globalThis.crypto.getRandomValues(new Uint8Array(NONCE_SIZE));
}

/**
 * Makes a header.
 *
 * @param first makes the entries that come first; it gets the new file key, and may put another one in its place
 */
async function headerFor(recipients: Recipients, first: Recipient["wrapFileKey"]): Promise<Bytes> {
  const { Encrypter } = await import("age-encryption");
  const encrypter = new Encrypter();
  encrypter.addRecipient({ wrapFileKey: first });
  recipients.addTo(encrypter);
  const empty = await encrypter.encrypt(new Uint8Array());
  return new Uint8Array(empty.subarray(0, -NONCE_SIZE - TAG_SIZE));
}

/** Makes sure that recipients can stand beside those of a header. */
function requireSameKind(header: Bytes, recipients: Recipients): void {
  const hint = "name all who are to decrypt it: layerstash recipients set";
  if (recipients.kind === "passphrase" || keyKindOf(header) === "passphrase") {
    throw new InvalidInputError("a passphrase stands alone: an age file has one, or keys", { hint });
  }
  if (withstandsQuantum(header) === recipients.withstandQuantum) return;
  throw new InvalidInputError(
    "keys that withstand a quantum computer (age1pq1...) cannot be mixed with others: " +
      "what is encrypted is as safe as the weakest",
    { hint },
  );
}

/** Makes sure that a header is not larger than any reader accepts. */
function requireReadable(header: Bytes): void {
  try {
    headerSize(header);
  } catch (cause) {
    if (!(cause instanceof MismatchError)) throw cause;
    throw new InvalidInputError(`there would be too many recipients: ${cause.message}`, { cause });
  }
}

/** A passphrase stands alone: otherwise a reader who knows it could not be sure that the writer knew it, too. */
function requireLonePassphrase(stanzas: readonly Stanza[]): null {
  if (stanzas.length < 2 || stanzas.every(({ args }) => args[0] !== "scrypt")) return null;
  throw new MismatchError("the header of the encrypted bytes has a passphrase beside other recipients");
}

/** What was given is not what opens a header. */
function noIdentityError(header: Bytes, { kind: given }: Identities): NotAllowedError {
  const needed = keyKindOf(header);
  const { problem, hint } = (given === needed ? OTHER_KEY : OTHER_KIND)[needed];
  return new NotAllowedError(problem, { hint, isLasting: true });
}

/** What is wrong, and what to do, by what is needed. */
type Problems = Record<KeyKind, { problem: string; hint?: string }>;

const OTHER_KEY: Problems = {
  keys: {
    problem: "it is not encrypted for any of the keys given",
    hint: "name the file of another key: --identity FILE",
  },
  passphrase: { problem: "the passphrase is not the right one" },
};

const OTHER_KIND: Problems = {
  keys: {
    problem: "it is encrypted for keys, not with a passphrase",
    hint: "name the file of a key: --identity FILE",
  },
  passphrase: {
    problem: "it is encrypted with a passphrase, not for keys",
    hint: "use --passphrase in the place of --identity",
  },
};
