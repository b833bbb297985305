/** Sparse files in tar archives: which parts have bytes, and which are holes. @module */
import { MismatchError } from "../errors.ts";
import { type PaxAttributes, paxNumber, type PaxRecord, paxText } from "./pax.ts";
import type { TarInput } from "./tar_input.ts";
import { numberOf } from "./tar_field.ts";

/** A part of a file that has bytes. */
export interface Part {
  offset: number;
  length: number;
}

/** What a header says of a sparse file, in GNU's old format. */
export interface SparseFields {
  parts: Part[];
  /** Whether a block with more parts follows. */
  more: boolean;
  /** The size of the file with its holes. */
  realSize: number;
}

/** A sparse file: the parts that have bytes, and the size with the holes. */
export interface SparseMap {
  parts: Part[];
  realSize: number;
}

type Bytes = Uint8Array<ArrayBuffer>;

/** So many parts are kept in memory; no file that is worth storing is so torn. */
const MOST_PARTS = 1_000_000;
const PART_FIELDS = 24;

/** Reads the parts that stand in the header itself. */
export function decodeSparseFields(block: Bytes): SparseFields {
  return {
    parts: decodeParts(block.subarray(386, 386 + 4 * PART_FIELDS)),
    more: block[482] !== 0,
    realSize: numberOf(block.subarray(483, 495), "size"),
  };
}

/** Reads the blocks that continue the parts of a header. */
export async function readOldMap(
  { parts, more, realSize }: SparseFields,
  input: TarInput,
): Promise<SparseMap> {
  const all = [...parts];
  while (more) {
    const block = await input.read(512);
    all.push(...decodeParts(block.subarray(0, 21 * PART_FIELDS)));
    requireFew(all.length);
    more = block[504] !== 0;
  }
  return { parts: all, realSize };
}

function decodeParts(bytes: Bytes): Part[] {
  const parts: Part[] = [];
  for (let at = 0; at < bytes.length && bytes[at] !== 0; at += PART_FIELDS) {
    const offset = numberOf(bytes.subarray(at, at + 12), "size");
    parts.push({ offset, length: numberOf(bytes.subarray(at + 12, at + 24), "size") });
  }
  return parts;
}

/** Reads the map that pax attributes hold, or announce: versions 0.0, 0.1 and 1.0. `undefined` = not sparse. */
export async function readPaxMap(
  { attributes, records }: { attributes: PaxAttributes; records: readonly PaxRecord[] },
  input: TarInput,
): Promise<{ map: SparseMap; mapSize: number } | undefined> {
  const realSize = paxNumber(attributes, "GNU.sparse.realsize") ?? paxNumber(attributes, "GNU.sparse.size");
  if (realSize === undefined) return undefined;
  if (paxText(attributes, "GNU.sparse.major") === "1") {
    const { numbers, size } = await readNumbers(input);
    return { map: { parts: pairs(numbers), realSize }, mapSize: size };
  }
  const text = paxText(attributes, "GNU.sparse.map");
  const listed = text?.split(",") ?? records.filter(([key]) => /^GNU\.sparse\.(offset|numbytes)$/.test(key))
    .map(([, value]) => new TextDecoder().decode(value));
  return { map: { parts: pairs(listed.map(wholeNumber)), realSize }, mapSize: 0 };
}

/** Version 1.0 has the map in front of the bytes: a count, then offsets and lengths, one a line, up to a block's end. */
async function readNumbers(input: TarInput): Promise<{ numbers: number[]; size: number }> {
  const numbers: number[] = [];
  let [size, digits, wanted] = [0, "", Infinity];
  while (numbers.length < wanted) {
    for (const byte of await input.read(512)) {
      if (numbers.length >= wanted) break;
      if (byte !== 0x0a) digits += String.fromCharCode(byte);
      else if (wanted === Infinity) [wanted, digits] = [2 * requireFew(wholeNumber(digits)), ""];
      else [digits] = ["", numbers.push(wholeNumber(digits))];
      if (digits.length > 20) throw malformed();
    }
    size += 512;
  }
  return { numbers, size };
}

/**
 * Makes sure that the parts are in order, within the file, and as long together as the bytes that follow.
 *
 * @throws {MismatchError} when they are not
 */
export function requireSound({ parts, realSize }: SparseMap, stored: number): void {
  let [end, sum] = [0, 0];
  for (const { offset, length } of parts) {
    if (offset < end) throw malformed();
    end = offset + length;
    sum += length;
  }
  if (!(end <= realSize && sum === stored)) throw malformed();
}

function pairs(numbers: number[]): Part[] {
  requireFew(numbers.length / 2);
  if (numbers.length % 2 !== 0) throw malformed();
  return Array.from({ length: numbers.length / 2 }, (_, index) => ({
    offset: numbers[2 * index]!,
    length: numbers[2 * index + 1]!,
  }));
}

function wholeNumber(text: string): number {
  const value = /^[0-9]{1,16}$/.test(text) ? Number(text) : NaN;
  if (!Number.isSafeInteger(value)) throw malformed();
  return value;
}

function requireFew(count: number): number {
  if (count <= MOST_PARTS) return count;
  throw new MismatchError(`a sparse file of the tar archive has more than ${MOST_PARTS} parts`);
}

function malformed(): MismatchError {
  return new MismatchError("the tar archive is damaged: the map of a sparse file is malformed");
}
