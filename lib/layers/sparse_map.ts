/** Reads the maps of sparse files in tar archives: which extents have data, and which are holes. @module */
import type { Bytes } from "../content/bytes.ts";
import { MismatchError } from "../errors.ts";
import { type PaxAttributes, type PaxRecord, paxSize, paxText } from "./pax.ts";
import type { TarInput } from "./tar_input.ts";
import { fieldSize } from "./tar_field.ts";

/** A range of a sparse file that has data. */
export interface SparseExtent {
  offset: number;
  length: number;
}

/** The sparse map in a header of GNU's old format. */
export interface SparseFields {
  extents: SparseExtent[];
  /** Whether a block with more extents follows. */
  more: boolean;
  /** The size of the file with its holes. */
  realSize: number;
}

/** The map of a sparse file: the extents that have data, and the size with the holes. */
export interface SparseMap {
  extents: SparseExtent[];
  realSize: number;
}

/** The most extents that are held in memory. Real files have far fewer. */
const MOST_EXTENTS = 1_000_000;
/** An offset and a length in GNU's old format, in bytes. */
const EXTENT_FIELDS = 24;

/** Reads the extents in the header itself. */
export function decodeSparseFields(block: Bytes): SparseFields {
  return {
    extents: decodeExtents(block.subarray(386, 386 + 4 * EXTENT_FIELDS)),
    more: block[482] !== 0,
    realSize: fieldSize(block.subarray(483, 495)),
  };
}

/** Reads the blocks that continue the map of a header. */
export async function readOldMap(
  { extents, more, realSize }: SparseFields,
  input: TarInput,
): Promise<SparseMap> {
  const all = [...extents];
  while (more) {
    const block = await input.read(512);
    all.push(...decodeExtents(block.subarray(0, 21 * EXTENT_FIELDS)));
    requireFew(all.length);
    more = block[504] !== 0;
  }
  return { extents: all, realSize };
}

function decodeExtents(bytes: Bytes): SparseExtent[] {
  const extents: SparseExtent[] = [];
  for (let at = 0; at < bytes.length && bytes[at] !== 0; at += EXTENT_FIELDS) {
    const offset = fieldSize(bytes.subarray(at, at + 12));
    extents.push({ offset, length: fieldSize(bytes.subarray(at + 12, at + 24)) });
  }
  return extents;
}

/** A sparse file in GNU's pax format. */
export interface PaxSparse {
  /** Its real name; the header has another, so that programs that know no sparse files do not take the data for the file. */
  name: string | undefined;
  map: SparseMap;
  /** The size of the map that precedes the data, in bytes. */
  mapSize: number;
}

/**
 * Reads a map of GNU's pax format, versions 0.0, 0.1 and 1.0; `undefined` if the file is not sparse. As in Go's
 * archive/tar, which container engines use, a file of another version is not sparse, and neither is one without a map.
 *
 * @param stored the number of bytes that the entry has in the archive
 */
export async function readPaxSparse(
  { attributes, records }: { attributes: PaxAttributes; records: readonly PaxRecord[] },
  { stored, input }: { stored: number; input: TarInput },
): Promise<PaxSparse | undefined> {
  const listed = paxText(attributes, "GNU.sparse.map")?.split(",") ??
    records.filter(([key]) => /^GNU\.sparse\.(offset|numbytes)$/.test(key))
      .map(([, value]) => new TextDecoder().decode(value));
  const version = versionOf(attributes);
  if (version === "unknown" || version === undefined && listed.length === 0) return undefined;
  const name = paxText(attributes, "GNU.sparse.name");
  const realSize = paxSize(attributes, "GNU.sparse.size") ?? paxSize(attributes, "GNU.sparse.realsize") ??
    stored;
  if (version !== "1.0") {
    return { name, map: { extents: extentsOf(listed.map(wholeNumber)), realSize }, mapSize: 0 };
  }
  const { numbers, size } = await readNumbers(input);
  return { name, map: { extents: extentsOf(numbers), realSize }, mapSize: size };
}

/** The version of the format; `undefined` if the attributes have none, as those of the first versions. */
function versionOf(attributes: PaxAttributes): "0" | "1.0" | "unknown" | undefined {
  const major = paxText(attributes, "GNU.sparse.major") ?? "";
  const minor = paxText(attributes, "GNU.sparse.minor") ?? "";
  if (major === "" && minor === "") return undefined;
  if (major === "0" && (minor === "0" || minor === "1")) return "0";
  return major === "1" && minor === "0" ? "1.0" : "unknown";
}

/**
 * Reads the map of version 1.0, which precedes the data: a count, then offsets and lengths, one a line, in whole
 * blocks.
 */
async function readNumbers(input: TarInput): Promise<{ numbers: number[]; size: number }> {
  const numbers: number[] = [];
  let [size, digits, wanted] = [0, "", Infinity];
  while (numbers.length < wanted) {
    for (const byte of await input.read(512)) {
      if (numbers.length >= wanted) break;
      if (byte !== 0x0a) digits += String.fromCharCode(byte);
      else if (wanted === Infinity) [wanted, digits] = [2 * requireFew(wholeNumber(digits)), ""];
      else [digits] = ["", numbers.push(wholeNumber(digits))];
      if (digits.length > 20) throw malformedMap();
    }
    size += 512;
  }
  return { numbers, size };
}

/**
 * Checks that the extents are in order and within the file, and that their lengths add up to `stored` bytes.
 *
 * @throws {MismatchError} if they do not
 */
export function requireSound({ extents, realSize }: SparseMap, stored: number): void {
  let [end, sum] = [0, 0];
  for (const { offset, length } of extents) {
    if (offset < end) throw malformedMap();
    end = offset + length;
    sum += length;
  }
  if (!(end <= realSize && sum === stored)) throw malformedMap();
}

function extentsOf(numbers: number[]): SparseExtent[] {
  requireFew(numbers.length / 2);
  if (numbers.length % 2 !== 0) throw malformedMap();
  return Array.from({ length: numbers.length / 2 }, (_, index) => ({
    offset: numbers[2 * index]!,
    length: numbers[2 * index + 1]!,
  }));
}

function wholeNumber(text: string): number {
  const value = /^[0-9]{1,16}$/.test(text) ? Number(text) : NaN;
  if (!Number.isSafeInteger(value)) throw malformedMap();
  return value;
}

function requireFew(count: number): number {
  if (count <= MOST_EXTENTS) return count;
  throw new MismatchError(`a sparse file of the tar archive has more than ${MOST_EXTENTS} extents`);
}

function malformedMap(): MismatchError {
  return new MismatchError("the tar archive is damaged: the map of a sparse file is malformed");
}
