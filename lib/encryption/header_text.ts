/** What the header of an age file tells everybody: where it ends, and what kind of key opens it. @module */
import { MismatchError } from "../errors.ts";
import type { KeyKind } from "./identities.ts";

/** What every age file begins with. */
export const FIRST_LINE = "age-encryption.org/v1\n";

/** No header is larger, in bytes, nor has more recipients: whoever wrote it could keep the reader busy for ever. */
export const MOST_OF_HEADER = 256 * 1024;
const MOST_RECIPIENTS = 1000;

/** Whether bytes may be the beginning of an age file. */
export function looksLikeAge(start: Uint8Array): boolean {
  return FIRST_LINE.startsWith(latin1(start.subarray(0, FIRST_LINE.length)));
}

/**
 * Finds where the header of an age file ends.
 *
 * @param start the first bytes of the file
 * @returns the header's size; `undefined` = more bytes are needed
 * @throws {MismatchError} if it is not an age file, or the header is larger than any that is needed
 */
export function headerSize(start: Uint8Array): number | undefined {
  if (!looksLikeAge(start)) {
    throw new MismatchError("the bytes are not encrypted: they do not begin as an age file does", {
      hint: "leave out --identity and --passphrase",
    });
  }
  const text = latin1(start.subarray(0, MOST_OF_HEADER));
  const last = text.indexOf("\n---");
  const end = last < 0 ? -1 : text.indexOf("\n", last + 1);
  const recipients = (end < 0 ? text : text.slice(0, end)).split("\n->").length - 1;
  if (recipients > MOST_RECIPIENTS || end < 0 && start.length >= MOST_OF_HEADER) {
    throw new MismatchError(
      `the header of the encrypted bytes is too large: at most ${MOST_RECIPIENTS} recipients and ` +
        `${MOST_OF_HEADER} bytes are read`,
    );
  }
  return end < 0 ? undefined : end + 1;
}

/** What the bytes under a header are encrypted for. */
export function keyKindOf(header: Uint8Array): KeyKind {
  return latin1(header).startsWith(`${FIRST_LINE}-> scrypt `) ? "passphrase" : "keys";
}

/** The types of its entries, such as `X25519`. There is one for each recipient; those that mean nothing are left out. */
export function recipientTypes(header: Uint8Array): string[] {
  const types = Array.from(latin1(header).matchAll(/^-> ([^ \n]+)/gm), ([, type]) => type!);
  return types.filter((type) => !type.endsWith("-grease"));
}

/** Whether its keys withstand a quantum computer. */
export function withstandsQuantum(header: Uint8Array): boolean {
  return recipientTypes(header).some((type) => type.startsWith("mlkem768"));
}

function latin1(bytes: Uint8Array): string {
  return new TextDecoder("latin1").decode(bytes);
}
