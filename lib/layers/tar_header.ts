/** Decodes headers of tar archives: POSIX ustar, GNU, and the older v7 format. @module */
import type { Bytes } from "../content/bytes.ts";
import { MismatchError } from "../errors.ts";
import { decodeSparseFields, type SparseFields } from "./sparse_map.ts";
import { fieldNumber, fieldSize, fieldText, octalNumber } from "./tar_field.ts";

/** The block size of tar archives, in bytes: that of a header, and the unit to which contents are padded. */
export const BLOCK = 512;

/** A decoded header. Long names and attributes are in extension headers before it. */
export interface TarHeader {
  name: string;
  mode: number;
  uid: number;
  gid: number;
  /** The number of bytes that follow in the archive. */
  size: number;
  /** Seconds since 1970. */
  modified: number;
  /**
   * One character: `0` is a file, `5` a directory, `x` the attributes of the next entry. Archives from before POSIX have a
   * zero byte for files and directories.
   */
  flag: string;
  target: string;
  owner: string;
  group: string;
  device: { major: number; minor: number };
  /** The map of a sparse file in GNU's old format. */
  sparse?: SparseFields;
}

/**
 * The offset and length of each field, in bytes. POSIX and GNU headers share the fields up to `minor`; GNU has two times
 * where POSIX has `prefix`, and star's prefix is shorter.
 */
export const HEADER_FIELDS = {
  name: [0, 100],
  mode: [100, 8],
  uid: [108, 8],
  gid: [116, 8],
  size: [124, 12],
  modified: [136, 12],
  checksum: [148, 8],
  flag: [156, 1],
  target: [157, 100],
  magic: [257, 6],
  version: [263, 2],
  owner: [265, 32],
  group: [297, 32],
  major: [329, 8],
  minor: [337, 8],
  prefix: [345, 155],
  gnuAccessed: [345, 12],
  gnuChanged: [357, 12],
  starPrefix: [345, 131],
  starMark: [508, 4],
} as const;

type Field = keyof typeof HEADER_FIELDS;

/** Whether a block is all zeros, as those that end an archive. */
export function isZeroBlock(block: Bytes): boolean {
  return block.every((byte) => byte === 0);
}

/** Whether a block is a header, even a damaged one. */
export function isHeader(block: Bytes): boolean {
  return hasChecksum(block) || fieldText(fieldOf(block, "magic")).startsWith("ustar");
}

/**
 * Decodes a header.
 *
 * @throws {MismatchError} if its checksum is wrong, or a number in it is malformed
 */
export function decodeHeader(block: Bytes): TarHeader {
  if (!hasChecksum(block)) {
    throw new MismatchError("the tar archive is damaged: the checksum of a header is wrong");
  }
  const text = (field: Field) => fieldText(fieldOf(block, field));
  const number = (field: Field) => fieldNumber(fieldOf(block, field), field);
  const magic = text("magic");
  const posix = magic === "ustar";
  const gnu = magic === "ustar " && text("version") === " ";
  const prefix = posix ? posixPrefix(block) : gnu ? gnuPrefix(block) : "";
  const flag = String.fromCharCode(fieldOf(block, "flag")[0]!);
  return {
    name: prefix ? `${prefix}/${text("name")}` : text("name"),
    mode: number("mode"),
    uid: number("uid"),
    gid: number("gid"),
    size: fieldSize(fieldOf(block, "size")),
    modified: number("modified"),
    flag,
    target: text("target"),
    owner: posix || gnu ? text("owner") : "",
    group: posix || gnu ? text("group") : "",
    device: posix || gnu ? { major: number("major"), minor: number("minor") } : { major: 0, minor: 0 },
    ...(gnu && flag === "S" && { sparse: decodeSparseFields(block) }),
  };
}

function posixPrefix(block: Bytes): string {
  const isStar = fieldText(fieldOf(block, "starMark")) === "tar";
  return fieldText(fieldOf(block, isStar ? "starPrefix" : "prefix"));
}

/**
 * The prefix of a GNU header, which has none. Go before 1.8 wrote one, in the place of two times, and Go's archive/tar,
 * which container engines use, reads it where those times are not numbers.
 */
function gnuPrefix(block: Bytes): string {
  const isTime = (field: Field) => {
    const bytes = fieldOf(block, field);
    return bytes[0] === 0 || (bytes[0]! & 0x80) !== 0 || octalNumber(bytes) !== undefined;
  };
  if (isTime("gnuAccessed") && isTime("gnuChanged")) return "";
  const prefix = fieldText(fieldOf(block, "prefix"));
  // deno-lint-ignore no-control-regex -- any ASCII
  return /^[\x01-\x7f]*$/.test(prefix) ? prefix : "";
}

function fieldOf(block: Bytes, field: Field): Bytes {
  const [offset, length] = HEADER_FIELDS[field];
  return block.subarray(offset, offset + length);
}

/** Whether the checksum is right: the sum of all bytes, with its own as blanks. Old programs summed signed bytes. */
function hasChecksum(block: Bytes): boolean {
  const [start, length] = HEADER_FIELDS.checksum;
  let [unsigned, negative] = [length * 0x20, 0];
  for (let index = 0; index < BLOCK; index++) {
    if (index === start) index += length;
    const value = block[index]!;
    unsigned += value;
    negative += value >> 7;
  }
  const expected = octalNumber(fieldOf(block, "checksum"));
  return expected === unsigned || expected === unsigned - 256 * negative;
}
