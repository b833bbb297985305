/** Decodes the texts and numbers in headers of tar archives. @module */
import type { Bytes } from "../content/bytes.ts";
import { MismatchError } from "../errors.ts";

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Decodes a name without loss. Names are bytes in Linux, mostly but not always UTF-8. A byte that is not part of valid UTF-8
 * becomes a lone surrogate, U+DC00 plus the byte, as Python does it (PEP 383, `surrogateescape`): valid UTF-8 never has
 * one, so different names stay different.
 */
export function decodeName(bytes: Bytes): string {
  try {
    return UTF8.decode(bytes);
  } catch {
    return decodeForeign(bytes);
  }
}

function decodeForeign(bytes: Bytes): string {
  let text = "";
  for (let at = 0; at < bytes.length;) {
    const byte = bytes[at]!;
    const length = byte < 0x80 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
    try {
      text += UTF8.decode(bytes.subarray(at, at + length));
      at += length;
    } catch {
      text += String.fromCharCode(0xdc00 + byte);
      at++;
    }
  }
  return text;
}

/** The text of a field. It ends at the first zero byte or with the field. */
export function fieldText(bytes: Bytes): string {
  const end = bytes.indexOf(0);
  return decodeName(end < 0 ? bytes : bytes.subarray(0, end));
}

/**
 * The number in a field: octal digits or, where those do not suffice (files over 8 GiB), GNU's binary format, which
 * sets the first bit and has two's complement for times before 1970.
 *
 * @param what the name of the field for messages; only `modified` may be negative
 * @throws {MismatchError} if it is neither, or exceeds 2^53 - 1
 */
export function fieldNumber(bytes: Bytes, what: string): number {
  const first = bytes[0] ?? 0;
  const value = first & 0x80 ? binaryNumber(bytes, first) : octalNumber(bytes);
  if (value !== undefined && Number.isSafeInteger(value) && (value >= 0 || what === "modified")) return value;
  throw new MismatchError(`the tar archive is damaged: the ${what} of an entry is not readable`);
}

function binaryNumber(bytes: Bytes, first: number): number | undefined {
  const negative = (first & 0x40) !== 0;
  let value = BigInt(negative ? first | ~0xff : first & 0x7f);
  for (const byte of bytes.subarray(1)) value = value << 8n | BigInt(byte);
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : undefined;
}

/** A number in octal digits; `undefined` if the field has other characters. */
export function octalNumber(bytes: Bytes): number | undefined {
  const digits = fieldText(bytes).trim();
  return /^[0-7]*$/.test(digits) ? parseInt(digits || "0", 8) : undefined;
}
