/** The options of encryption, which several commands have, and the keys and passphrases that they name. @module */
import { Option } from "@commander-js/extra-typings";
import { readKeyFile } from "../encryption/key_file.ts";
import { Identities } from "../encryption/identities.ts";
import { Recipients } from "../encryption/recipients.ts";
import { InvalidInputError } from "../errors.ts";
import type { Session } from "./action.ts";
import { flag, shared } from "./options.ts";
import { mayRepeat } from "./strict_usage.ts";
import { askSecrets } from "./terminal/ask.ts";

/** For whom something is encrypted, in the words of the command line. */
export interface EncryptionFlags {
  encryptTo?: readonly string[] | undefined;
  passphrase?: boolean | string | undefined;
}

/** With what it is decrypted. */
export interface DecryptionFlags {
  identity?: readonly string[] | undefined;
  passphrase?: boolean | string | undefined;
}

/** `--encrypt-to`. */
export function encryptToOption() {
  const option = new Option(
    "--encrypt-to <recipient>",
    "encrypt for this key (age1...), or a file of them",
  );
  return mayRepeat(option.env("LAYERSTASH_ENCRYPT_TO"));
}

/** `--passphrase`, for what stores and what reads. It takes no value: other users of the machine could see that. */
export function passphraseOption(description: "encrypt with a passphrase" | "decrypt with a passphrase") {
  return shared(flag("--passphrase", description));
}

/** `--identity`. */
export function identityOption() {
  const option = new Option("--identity <file>", "decrypt with the secret keys of this file; repeatable");
  return mayRepeat(shared(option.env("LAYERSTASH_IDENTITY")));
}

/**
 * For whom something is to be encrypted; `undefined` = for nobody, it is not encrypted. Asks for a passphrase twice.
 *
 * @throws {InvalidInputError} if a recipient is not valid, or there is no terminal to ask at
 */
export async function recipientsOf(
  { encryptTo = [], passphrase }: EncryptionFlags,
  session: Session,
): Promise<Recipients | undefined> {
  if (wantsPassphrase(passphrase, "--encrypt-to", encryptTo)) {
    return Recipients.withPassphrase(await passphraseOf("first", session));
  }
  return encryptTo.length > 0 ? await Recipients.of(encryptTo) : undefined;
}

/** `--new-passphrase`. The old one, if there is one, is `--passphrase`. */
export function newPassphraseOption() {
  return flag("--new-passphrase", "only who knows a new passphrase decrypts from now on");
}

/**
 * Those for whom something that is encrypted is to be encrypted from now on. Asks for a passphrase twice.
 *
 * @throws {InvalidInputError} if a recipient is not valid, or there is no terminal to ask at
 */
export async function newRecipientsOf(
  { recipients, newPassphrase }: { recipients: readonly string[]; newPassphrase?: boolean | undefined },
  session: Session,
): Promise<Recipients> {
  if (!newPassphrase) return await Recipients.of(recipients);
  return Recipients.withPassphrase(await passphraseOf("next", session));
}

/**
 * What decrypts; `undefined` = nothing was named.
 *
 * @throws {InvalidInputError} if a file has no keys, or there is no terminal to ask at
 */
export async function identitiesOf(
  { identity = [], passphrase }: DecryptionFlags,
  session: Session,
): Promise<Identities | undefined> {
  if (wantsPassphrase(passphrase, "--identity", identity)) {
    return Identities.withPassphrase(await passphraseOf("known", session));
  }
  return identity.length > 0 ? await Identities.inFiles(identity) : undefined;
}

/** Who puts a passphrase into the variable of the option would store without encryption, and not notice. */
function wantsPassphrase(
  passphrase: EncryptionFlags["passphrase"],
  other: "--encrypt-to" | "--identity",
  keys: readonly string[],
): boolean {
  const variable = Deno.env.get("LAYERSTASH_PASSPHRASE") ?? "";
  if (!/^(1|yes|true|on|0|no|false|off|)$/i.test(variable)) {
    throw new InvalidInputError("LAYERSTASH_PASSPHRASE is neither yes nor no", {
      hint: "a passphrase is read from a file: LAYERSTASH_PASSPHRASE_FILE=FILE, with --passphrase",
    });
  }
  if (passphrase === undefined || passphrase === false) return false;
  if (keys.length === 0) return true;
  throw new InvalidInputError(
    `--passphrase and ${other} exclude each other: age files have one or the other`,
  );
}

/** The passphrases that are asked for, and the variables of the files that have them in place of an answer. */
const PASSPHRASES = {
  known: { prompt: "Passphrase", variable: "LAYERSTASH_PASSPHRASE_FILE", isNew: false },
  first: { prompt: "Passphrase", variable: "LAYERSTASH_PASSPHRASE_FILE", isNew: true },
  next: { prompt: "New passphrase", variable: "LAYERSTASH_NEW_PASSPHRASE_FILE", isNew: true },
} as const;

async function passphraseOf(which: keyof typeof PASSPHRASES, session: Session): Promise<string> {
  const { prompt, variable, isNew } = PASSPHRASES[which];
  const file = Deno.env.get(variable);
  if (file) return firstLine(await readKeyFile(file), file);
  using asking = await askSecrets(session);
  if (!asking) {
    throw new InvalidInputError("there is no terminal to ask for the passphrase", {
      hint: `${variable}=FILE names a file that has it in its first line`,
    });
  }
  const passphrase = await asking.ask(prompt);
  if (passphrase === "") throw new InvalidInputError("the passphrase is empty");
  if (isNew && await asking.ask("The same passphrase again") !== passphrase) {
    throw new InvalidInputError("the two passphrases are not the same");
  }
  return passphrase;
}

function firstLine(text: string, file: string): string {
  const line = text.split(/\r?\n/, 1)[0]!;
  if (line !== "") return line;
  throw new InvalidInputError(`the first line of ${file} is empty: it should be the passphrase`);
}
