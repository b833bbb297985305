/** The keys that decrypt. @module */
import type { Decrypter, Identity } from "age-encryption";
import { InvalidInputError, NotAllowedError } from "../errors.ts";
import { keysIn, readKeyFile } from "./key_file.ts";
import { PassphraseIdentity } from "./passphrase.ts";

/**
 * What something is encrypted for: the keys of its recipients, or a passphrase.
 *
 * @category Encryption
 */
export type KeyKind = "keys" | "passphrase";

/**
 * Secret keys, or a passphrase. They show nowhere: not in a log, not in an error, not in JSON.
 *
 * @category Encryption
 */
export class Identities {
  readonly #each: readonly (string | Identity)[];
  /** Which of the two they are. */
  readonly kind: KeyKind;

  private constructor(each: readonly (string | Identity)[], kind: KeyKind) {
    this.#each = each;
    this.kind = kind;
  }

  /**
   * Reads files of secret keys, as `layerstash keygen` and `age-keygen` make them.
   *
   * @param paths the files
   * @throws {NotFoundError} if a file does not exist
   * @throws {InvalidInputError} if a file has no key, or something else
   *
   * @example
   * ```ts
   * import { generateKey, Identities } from "@layerstash/cli/encryption";
   * const path = await Deno.makeTempFile();
   * await Deno.writeTextFile(path, (await generateKey()).identity);
   * await Identities.inFiles([path]);
   * await Deno.remove(path);
   * ```
   */
  static async inFiles(paths: readonly string[]): Promise<Identities> {
    const files = paths.map(async (path) => await secretKeysIn(await readKeyFile(path), path));
    return new Identities((await Promise.all(files)).flat(), "keys");
  }

  /**
   * Takes a passphrase.
   *
   * @param passphrase the passphrase
   *
   * @example
   * ```ts
   * import { Identities } from "@layerstash/cli/encryption";
   * Identities.withPassphrase("correct horse battery staple");
   * ```
   */
  static withPassphrase(passphrase: string): Identities {
    return new Identities([new PassphraseIdentity(passphrase)], "passphrase");
  }

  /**
   * Adds all to what decrypts.
   *
   * @internal
   */
  addTo(decrypter: Decrypter): void {
    for (const each of this.#each) decrypter.addIdentity(each);
  }
}

/** What to type to name what decrypts; `undefined` = it is not known which of the two that is. */
function howToName(kind: KeyKind | undefined): string {
  if (kind === "passphrase") return "use --passphrase";
  return `name the file of its key with --identity FILE${kind ? "" : ", or use --passphrase"}`;
}

/**
 * The error of whoever wants to read what is encrypted, and names no key.
 *
 * @param kind what decrypts it; absent = it is not known
 */
export function needsKeyError(what: string, kind?: KeyKind): NotAllowedError {
  const encrypted = kind === "passphrase" ? "encrypted with a passphrase" : "encrypted";
  return new NotAllowedError(`${what} is ${encrypted}`, { hint: howToName(kind), isLasting: true });
}

async function secretKeysIn(text: string, path: string): Promise<string[]> {
  if (text.startsWith("age-encryption.org/") || text.startsWith("-----BEGIN AGE ENCRYPTED")) {
    throw new InvalidInputError(`${path} is itself encrypted`, {
      hint: `decrypt it first, as in: age -d ${path} > KEY`,
    });
  }
  const { identityToRecipient } = await import("age-encryption");
  const keys = keysIn(text);
  for (const [index, key] of keys.entries()) {
    try {
      await identityToRecipient(key);
    } catch { // its message may have the key
      throw new InvalidInputError(`entry ${index + 1} of ${path} is not a secret key`, {
        hint: key.startsWith("age1") || text.startsWith("-----BEGIN")
          ? "a file of keys made by layerstash keygen or age-keygen is needed: AGE-SECRET-KEY-1..."
          : undefined,
      });
    }
  }
  if (keys.length === 0) throw new InvalidInputError(`${path} has no secret key`);
  return keys;
}
