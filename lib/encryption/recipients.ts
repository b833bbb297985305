/** For whom something is encrypted. @module */
import type { Encrypter, Recipient } from "age-encryption";
import { InvalidInputError } from "../errors.ts";
import { quoted } from "../messages.ts";
import { Identities, type KeyKind } from "./identities.ts";
import { keysIn, readKeyFile } from "./key_file.ts";
import { PassphraseRecipient } from "./passphrase.ts";

/**
 * Those who can decrypt what is encrypted for them: the owners of keys, or whoever knows a passphrase.
 *
 * @category Encryption
 */
export class Recipients {
  readonly #each: readonly (string | Recipient)[];
  /** Who they are, as a text that may be kept: their public keys, in order. Of a passphrase it says only that it is one. */
  readonly id: string;
  /** Those who know the passphrase can also decrypt; of public keys nobody knows who can. */
  readonly identities: Identities | undefined;

  /** Their public keys; none of a passphrase. */
  get keys(): string[] {
    return this.#each.filter((one) => typeof one === "string");
  }

  /** Which of the two they have. */
  get kind(): KeyKind {
    return this.identities ? "passphrase" : "keys";
  }

  /** Whether their keys withstand a quantum computer. */
  get withstandQuantum(): boolean {
    return this.#each.some((one) => typeof one === "string" && isResistant(one));
  }

  private constructor(each: readonly (string | Recipient)[], identities?: Identities) {
    this.#each = each;
    this.identities = identities;
    this.id = each.map((one) => typeof one === "string" ? one : "a passphrase").sort().join(" ");
  }

  /**
   * Reads what `--encrypt-to` takes: keys (`age1...`) and paths of files that have keys, one in a line. A key that is given
   * twice counts once.
   *
   * @param words the keys and paths
   * @throws {InvalidInputError} if there is none, a key is not valid, or keys that withstand a quantum computer are mixed
   *   with others, which do not: the weakest of them decides
   * @throws {NotFoundError} if a word is neither a key nor a file
   *
   * @example
   * ```ts
   * import { generateKey, Recipients } from "@layerstash/cli/encryption";
   * const { recipient } = await generateKey();
   * await Recipients.of([recipient]);
   * ```
   */
  static async of(words: readonly string[]): Promise<Recipients> {
    const given: string[] = [];
    for (const word of words) {
      if (word.startsWith("age1")) given.push(await checkedKey(word, quoted(word)));
      else given.push(...await keysOfFile(word));
    }
    const keys = [...new Set(given)];
    if (keys.length === 0) throw new InvalidInputError("no recipient was given", { hint: "a key: age1..." });
    const resistant = keys.filter(isResistant);
    if (resistant.length === 0 || resistant.length === keys.length) return new Recipients(keys);
    throw new InvalidInputError(
      "recipients whose keys withstand a quantum computer (age1pq1...) cannot be mixed with others",
      { hint: "what is encrypted is as safe as the weakest of the keys" },
    );
  }

  /**
   * Whoever knows a passphrase.
   *
   * @param passphrase the passphrase, which everybody can try to guess who gets at the bytes
   * @param work how long one attempt takes, as a power of two; absent = 18, about a second
   * @throws {InvalidInputError} if it is empty
   *
   * @example
   * ```ts
   * import { Recipients } from "@layerstash/cli/encryption";
   * Recipients.withPassphrase("correct horse battery staple");
   * ```
   */
  static withPassphrase(passphrase: string, work?: number): Recipients {
    if (passphrase === "") throw new InvalidInputError("the passphrase is empty");
    return new Recipients([new PassphraseRecipient(passphrase, work)], Identities.withPassphrase(passphrase));
  }

  /**
   * Adds all to what encrypts.
   *
   * @internal
   */
  addTo(encrypter: Encrypter): void {
    for (const each of this.#each) encrypter.addRecipient(each);
  }
}

function isResistant(key: string): boolean {
  return /^age1(tag)?pq1/.test(key);
}

async function keysOfFile(path: string): Promise<string[]> {
  const keys = keysIn(await readKeyFile(path));
  if (keys.length === 0) throw new InvalidInputError(`${path} has no recipient`);
  return await Promise.all(keys.map((key, index) => checkedKey(key, `entry ${index + 1} of ${path}`)));
}

/** A line of a file is not repeated in an error: it may be a secret key. */
async function checkedKey(key: string, shown: string): Promise<string> {
  const { Encrypter } = await import("age-encryption");
  try {
    new Encrypter().addRecipient(key);
    return key;
  } catch {
    if (/^AGE-SECRET-KEY-/i.test(key)) throw await secretKeyError(key, shown);
    throw new InvalidInputError(`${shown} is not a recipient`, {
      hint: /^ssh-/.test(key)
        ? "keys of SSH are not supported: layerstash keygen makes a key"
        : "a recipient is a public key, as layerstash keygen and age-keygen print it: age1...",
    });
  }
}

/** The error of who names the file of a secret key where that of the public one is wanted. */
async function secretKeyError(key: string, shown: string): Promise<InvalidInputError> {
  const { identityToRecipient } = await import("age-encryption");
  const recipient = await identityToRecipient(key).catch(() => undefined);
  const isShort = recipient !== undefined && recipient.length <= LONGEST_SHOWN;
  return new InvalidInputError(`${shown} is a secret key: others encrypt for the public one`, {
    hint: isShort
      ? `its public key is ${recipient}`
      : "its public key is what keygen printed, and stands after # public key: in the file that keygen wrote",
  });
}

/** Public keys of up to so many characters stand in a hint. Those that withstand a quantum computer have 2000. */
const LONGEST_SHOWN = 100;
