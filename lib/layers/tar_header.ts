/** The headers of tar archives: POSIX ustar, GNU, and what came before them. @module */
import { MismatchError } from "../errors.ts";
import { decodeSparseFields, type SparseFields } from "./sparse_map.ts";
import { numberOf, octalNumber, textOf } from "./tar_field.ts";

/** A header is a block, and everything in an archive begins on the edge of one. In bytes. */
export const BLOCK = 512;

/** A header as it stands there; long names and attributes come in headers of their own before it. */
export interface TarHeader {
  name: string;
  mode: number;
  uid: number;
  gid: number;
  /** The bytes that follow in the archive. */
  size: number;
  /** Seconds since 1970. */
  modified: number;
  /** One character: `0` is a file, `5` a directory, `x` the attributes of the next entry. */
  flag: string;
  target: string;
  owner: string;
  group: string;
  device: { major: number; minor: number };
  /** Of a sparse file in GNU's old format. */
  sparse?: SparseFields;
}

/**
 * Where the fields are: offset and length in bytes. The time of a POSIX and a GNU header is the same; GNU has no
 * `prefix`, and star's is shorter.
 */
const FIELDS = {
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
  owner: [265, 32],
  group: [297, 32],
  major: [329, 8],
  minor: [337, 8],
  prefix: [345, 155],
  starPrefix: [345, 131],
  starMark: [508, 4],
} as const;

type Field = keyof typeof FIELDS;
type Bytes = Uint8Array<ArrayBuffer>;

/** Whether a block is the mark that ends an archive. */
export function isZeroBlock(block: Bytes): boolean {
  return block.every((byte) => byte === 0);
}

/** Whether a block is a header, be it a damaged one. */
export function isHeader(block: Bytes): boolean {
  return hasChecksum(block) || textOf(fieldOf(block, "magic")).startsWith("ustar");
}

/**
 * Reads a header.
 *
 * @throws {MismatchError} when it is none: the checksum is wrong, or a number is not readable
 */
export function decodeHeader(block: Bytes): TarHeader {
  if (!hasChecksum(block)) {
    throw new MismatchError("the tar archive is damaged: the checksum of a header is wrong");
  }
  const text = (field: Field) => textOf(fieldOf(block, field));
  const number = (field: Field) => numberOf(fieldOf(block, field), field);
  const magic = text("magic");
  const posix = magic === "ustar";
  const gnu = magic === "ustar ";
  const star = posix && text("starMark") === "tar";
  const prefix = posix ? text(star ? "starPrefix" : "prefix") : "";
  const flag = text("flag") || "0";
  return {
    name: prefix ? `${prefix}/${text("name")}` : text("name"),
    mode: number("mode"),
    uid: number("uid"),
    gid: number("gid"),
    size: number("size"),
    modified: number("modified"),
    flag,
    target: text("target"),
    owner: posix || gnu ? text("owner") : "",
    group: posix || gnu ? text("group") : "",
    device: posix || gnu ? { major: number("major"), minor: number("minor") } : { major: 0, minor: 0 },
    ...(gnu && flag === "S" && { sparse: decodeSparseFields(block) }),
  };
}

function fieldOf(block: Bytes, field: Field): Bytes {
  const [offset, length] = FIELDS[field];
  return block.subarray(offset, offset + length);
}

/** The sum of all bytes, with the checksum's own as blanks; old programs took bytes for signed. */
function hasChecksum(block: Bytes): boolean {
  const [start, length] = FIELDS.checksum;
  let [unsigned, signed] = [0, 0];
  for (let index = 0; index < BLOCK; index++) {
    const value = index >= start && index < start + length ? 0x20 : block[index]!;
    unsigned += value;
    signed += value << 24 >> 24;
  }
  const expected = octalNumber(fieldOf(block, "checksum"));
  return expected === unsigned || expected === signed;
}
