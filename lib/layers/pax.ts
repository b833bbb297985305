/** The attributes that POSIX archives put before an entry ("pax"): whatever does not fit into its header. @module */
import { MismatchError } from "../errors.ts";

/** One attribute; a key may come more than once. */
export type PaxRecord = readonly [key: string, value: Uint8Array<ArrayBuffer>];

/** The attributes that hold for an entry, by key. */
export type PaxAttributes = ReadonlyMap<string, Uint8Array<ArrayBuffer>>;

/**
 * Reads records of the form `LENGTH KEY=VALUE\n`; the length counts the whole record.
 *
 * @throws {MismatchError} when they are of another form
 */
export function parsePax(bytes: Uint8Array<ArrayBuffer>): PaxRecord[] {
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
    records.push([textOf(bytes.subarray(blank + 1, equals)), bytes.subarray(equals + 1, end - 1)]);
    position = end;
  }
  return records;
}

/** The value of an attribute as text; an empty value is as good as none. */
export function paxText(attributes: PaxAttributes, key: string): string | undefined {
  const value = attributes.get(key);
  return value?.length ? textOf(value) : undefined;
}

/**
 * The value of an attribute as a number; times have fractions.
 *
 * @throws {MismatchError} when it is none
 */
export function paxNumber(attributes: PaxAttributes, key: string): number | undefined {
  const text = paxText(attributes, key);
  if (text === undefined) return undefined;
  const isTime = key.endsWith("time");
  const value = (isTime ? /^-?[0-9]+(\.[0-9]*)?$/ : /^[0-9]+$/).test(text) ? Number(text) : NaN;
  if (isTime ? Number.isFinite(value) : Number.isSafeInteger(value)) return value;
  throw new MismatchError(`the tar archive is damaged: the attribute ${key} of an entry is no number`);
}

function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

function latin(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes.subarray(0, 20));
}
