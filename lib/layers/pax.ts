/** Parses pax extended headers: attributes of an entry that do not fit into its tar header (POSIX.1-2001). @module */
import type { Bytes } from "../content/bytes.ts";
import { MismatchError } from "../errors.ts";
import { decodeName } from "./tar_field.ts";

/** One attribute. A key may occur more than once. */
export type PaxRecord = readonly [key: string, value: Bytes];

/** The attributes of an entry, by key. */
export type PaxAttributes = ReadonlyMap<string, Bytes>;

/**
 * Parses records of the form `LENGTH KEY=VALUE\n`, where LENGTH counts the bytes of the whole record.
 *
 * @throws {MismatchError} if a record is malformed
 */
export function parsePax(bytes: Bytes): PaxRecord[] {
  const records: PaxRecord[] = [];
  for (let position = 0; position < bytes.length && bytes[position] !== 0;) {
    const blank = bytes.indexOf(0x20, position);
    const digits = latin(bytes.subarray(position, blank));
    const end = position + Number(digits);
    const equals = bytes.indexOf(0x3d, blank);
    const sound = /^[0-9]{1,10}$/.test(digits) && blank > 0 && equals > blank && equals < end &&
      bytes[end - 1] === 0x0a;
    if (!sound) {
      throw new MismatchError("the tar archive is damaged: the attributes of an entry are malformed");
    }
    records.push([decodeName(bytes.subarray(blank + 1, equals)), bytes.subarray(equals + 1, end - 1)]);
    position = end;
  }
  return records;
}

/** The value of an attribute as text; `undefined` if it is missing or empty. */
export function paxText(attributes: PaxAttributes, key: string): string | undefined {
  const value = attributes.get(key);
  return value?.length ? decodeName(value) : undefined;
}

/** The value of an attribute as a number; `undefined` if it is missing, empty or not a number. Only times have fractions. */
export function paxNumber(attributes: PaxAttributes, key: string): number | undefined {
  const text = paxText(attributes, key) ?? "";
  const isNumber = key.endsWith("time") ? /^[-+]?[0-9]+(\.[0-9]*)?$/ : /^[-+]?[0-9]+$/;
  return isNumber.test(text) && Number.isFinite(Number(text)) ? Number(text) : undefined;
}

/**
 * The value of an attribute as a size; `undefined` if it is missing or empty.
 *
 * @throws {MismatchError} if it is not a size: what follows in the archive cannot be found then
 */
export function paxSize(attributes: PaxAttributes, key: string): number | undefined {
  const text = paxText(attributes, key);
  if (text === undefined) return undefined;
  const value = /^\+?[0-9]+$/.test(text) ? Number(text) : NaN;
  if (Number.isSafeInteger(value)) return value;
  throw new MismatchError(`the tar archive is damaged: the attribute ${key} of an entry is not a number`);
}

function latin(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes.subarray(0, 20));
}
