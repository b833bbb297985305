/** A passphrase as the key of an age file: the `scrypt` stanza of the age format. @module */
import type { Identity, Recipient, Stanza } from "age-encryption";
import type { Bytes } from "../content/bytes.ts";
import { MismatchError } from "../errors.ts";
import { crypto, NONCE_LENGTH, seal, TAG_SIZE, unseal } from "./chacha.ts";

/** What the salt begins with, so that the stretched key is of use for nothing else. */
const LABEL = "age-encryption.org/v1/scrypt";
const SALT_SIZE = 16;
const KEY_SIZE = 32;
const FILE_KEY_SIZE = 16;

/** The work factor of new passphrases, as a power of two, like that of the `age` program: about a second and 256 MiB. */
const WORK = 18;

/**
 * The largest work factor that is accepted: it takes 1 GiB and some seconds. Whoever writes a header chooses the factor,
 * and could keep the reader busy for ever with a larger one.
 */
const MOST_WORK = 20;

/** A key that is stretched from a passphrase wraps one file key, so that its nonce may be zero. */
const NONCE = new Uint8Array(NONCE_LENGTH);

/** Wraps a file key with a passphrase. */
export class PassphraseRecipient implements Recipient {
  readonly #passphrase: string;
  readonly #work: number;

  /** @param work the work factor of scrypt, as a power of two */
  constructor(passphrase: string, work: number = WORK) {
    this.#passphrase = passphrase;
    this.#work = work;
  }

  /** Makes the stanza, with a new salt. */
  async wrapFileKey(fileKey: Uint8Array): Promise<Stanza[]> {
    const { Stanza } = await import("age-encryption");
    const salt = crypto().randomBytes(SALT_SIZE);
    const key = await stretch(this.#passphrase, salt, this.#work);
    const body = new Uint8Array(fileKey.length + TAG_SIZE);
    seal(key, NONCE, { plain: fileKey as Bytes, into: body });
    return [new Stanza(["scrypt", base64(salt), String(this.#work)], body)];
  }
}

/** Unwraps a file key with a passphrase. */
export class PassphraseIdentity implements Identity {
  readonly #passphrase: string;

  /** Nothing is stretched yet. */
  constructor(passphrase: string) {
    this.#passphrase = passphrase;
  }

  /**
   * The file key; `null` = the passphrase is another one, or none is needed.
   *
   * @throws {MismatchError} if the stanza is malformed, or asks for more work than is accepted
   */
  async unwrapFileKey(stanzas: Stanza[]): Promise<Uint8Array | null> {
    const stanza = stanzas.find(({ args }) => args[0] === "scrypt");
    if (!stanza) return null;
    const { salt, work } = parametersOf(stanza);
    const key = await stretch(this.#passphrase, salt, work);
    return unseal(key, NONCE, stanza.body as Bytes) ?? null;
  }
}

function parametersOf({ args, body }: Stanza): { salt: Uint8Array; work: number } {
  const [, salt = "", work = ""] = args;
  const bytes = Uint8Array.from(atob(/^[\w+/]{22}$/.test(salt) ? salt : ""), (each) => each.charCodeAt(0));
  const isValid = args.length === 3 && body.length === FILE_KEY_SIZE + TAG_SIZE &&
    base64(bytes) === salt && /^[1-9][0-9]{0,9}$/.test(work);
  if (!isValid) throw new MismatchError("the entry of its passphrase is malformed");
  if (Number(work) <= MOST_WORK) return { salt: bytes, work: Number(work) };
  throw new MismatchError(`its passphrase takes 2^${work} steps to try, and at most 2^${MOST_WORK} are made`);
}

function stretch(passphrase: string, salt: Uint8Array, work: number): Promise<Bytes> {
  const labelled = new Uint8Array([...new TextEncoder().encode(LABEL), ...salt]);
  const cost = { N: 2 ** work, r: 8, p: 1 };
  const maxmem = 2 * 128 * cost.r * cost.N + 1024 * 1024;
  const { promise, resolve, reject } = Promise.withResolvers<Bytes>();
  crypto().scrypt(passphrase, labelled, KEY_SIZE, { ...cost, maxmem }, (error, key) => {
    if (error) reject(error);
    else resolve(new Uint8Array(key));
  });
  return promise;
}

/** As age writes it: without padding. */
function base64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes)).replace(/=+$/, "");
}
