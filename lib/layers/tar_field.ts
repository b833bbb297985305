/** Decodes the texts and numbers in headers of tar archives. @module */
import type { Bytes } from "../content/bytes.ts";
import { MismatchError } from "../errors.ts";

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Whether a name is like most: to call the decoder takes longer than to look. */
function isShortAscii(bytes: Bytes): boolean {
  if (bytes.length > 100) return false;
  for (const byte of bytes) if (byte > 0x7f) return false;
  return true;
}

/**
 * Decodes a name without loss. Names are bytes in Linux, mostly but not always UTF-8. A byte that is not part of valid UTF-8
 * becomes a lone surrogate, U+DC00 plus the byte, as Python does it (PEP 383, `surrogateescape`): valid UTF-8 never has
 * one, so different names stay different.
 */
export function decodeName(bytes: Bytes): string {
  if (isShortAscii(bytes)) return Reflect.apply(String.fromCharCode, String, bytes);
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

const ENCODER = new TextEncoder();

/** The bytes of a name: what {@linkcode decodeName} was given. */
export function encodeName(name: string): Bytes {
  if (name.isWellFormed()) return ENCODER.encode(name);
  const bytes = name.split(/([\udc80-\udcff])/u).flatMap((piece, index) =>
    index % 2 === 0 ? [...ENCODER.encode(piece)] : [piece.charCodeAt(0) - 0xdc00]
  );
  return new Uint8Array(bytes);
}

/** How many bytes a name has. */
export function nameLength(name: string): number {
  return isAscii(name) ? name.length : encodeName(name).length;
}

/** Writes the bytes of a name into a field, as far as they fit. Most names are ASCII, and need no buffer in between. */
export function writeName(field: Bytes, name: string): void {
  if (name.length > field.length || !isAscii(name)) field.set(encodeName(name).subarray(0, field.length));
  else for (let at = 0; at < name.length; at++) field[at] = name.charCodeAt(at);
}

function isAscii(name: string): boolean {
  for (let at = 0; at < name.length; at++) if (name.charCodeAt(at) > 0x7f) return false;
  return true;
}

/** The text of a field. It ends at the first zero byte or with the field. */
export function fieldText(bytes: Bytes): string {
  if (bytes[0] === 0) return "";
  const end = bytes.indexOf(0);
  return decodeName(end < 0 ? bytes : bytes.subarray(0, end));
}

/**
 * The number in a field: octal digits or, where those do not suffice (files over 8 GiB), GNU's binary format, which
 * sets the first bit and has two's complement for negative numbers. Numbers beyond 2^53 are rounded.
 *
 * @param what the name of the field for messages
 * @throws {MismatchError} if it is neither, or does not fit into 64 bits
 */
export function fieldNumber(bytes: Bytes, what: string): number {
  const first = bytes[0] ?? 0;
  const value = first & 0x80 ? binaryNumber(bytes, first) : octalNumber(bytes);
  if (value !== undefined) return value;
  throw unreadable(what);
}

/**
 * The size in a field.
 *
 * @throws {MismatchError} if it is not a number, is negative or exceeds 2^53 - 1
 */
export function fieldSize(bytes: Bytes): number {
  const value = fieldNumber(bytes, "size");
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw unreadable("size");
}

function unreadable(what: string): MismatchError {
  return new MismatchError(`the tar archive is damaged: the ${what} of an entry is not readable`);
}

function binaryNumber(bytes: Bytes, first: number): number | undefined {
  const negative = (first & 0x40) !== 0;
  let value = BigInt(negative ? first | ~0xff : first & 0x7f);
  for (const byte of bytes.subarray(1)) value = value << 8n | BigInt(byte);
  return value === BigInt.asIntN(64, value) ? Number(value) : undefined;
}

/** A number in octal digits, with blanks and zero bytes around them; `undefined` if the field has other characters. */
export function octalNumber(bytes: Bytes): number | undefined {
  let [start, end] = [0, bytes.length];
  while (start < end && isFiller(bytes[start]!)) start++;
  while (start < end && isFiller(bytes[end - 1]!)) end--;
  let value = 0;
  for (; start < end && bytes[start] !== 0; start++) {
    const digit = bytes[start]! - 0x30;
    if (digit < 0 || digit > 7) return undefined;
    value = value * 8 + digit;
  }
  return value;
}

function isFiller(byte: number): boolean {
  return byte === 0 || byte === 0x20;
}
