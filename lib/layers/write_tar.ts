/** Encodes the headers of a tar archive: ustar, and pax for what does not fit into it (POSIX.1-2001). @module */
import type { Bytes } from "../content/bytes.ts";
import type { ExactTime } from "./entry.ts";
import { decodeName, nameLength, writeName } from "./tar_field.ts";
import { BLOCK, HEADER_FIELDS } from "./tar_header.ts";

/** What a header says. */
export interface TarEntry extends ExactTime {
  type: "file" | "directory" | "symlink" | "hardlink";
  /** Its path, without a slash at either end; empty = the top. */
  path: string;
  mode: number;
  /** 0 but for files. */
  size: number;
  /** The target of a link; absent for others. */
  target?: string | undefined;
  /** Extended attributes by their names; absent = none. */
  attributes?: Readonly<Record<string, Bytes>> | undefined;
  /** Whose it is; absent = of root, by number alone. */
  owned?: { uid: number; gid: number; owner: string; group: string } | undefined;
}

const ENCODER = new TextEncoder();

const FLAGS: Readonly<Record<TarEntry["type"] | "attributes", string>> = {
  file: "0",
  hardlink: "1",
  symlink: "2",
  directory: "5",
  attributes: "x",
};

/** The largest numbers that a field of eleven octal digits holds: sizes of files, and times. */
const MOST_OCTAL = 0o77777777777;
/** The largest number of an owner or a group: seven digits. */
const MOST_ID = 0o7777777;
/** The longest name that a header holds, in bytes; and the longest name of an owner or a group. */
const [LONGEST_NAME, LONGEST_OWNER] = [100, 31];
/** Block after block of zeros: the longest padding, and the end of an archive. */
const ZEROS: Bytes = new Uint8Array(2 * BLOCK);

/** How an archive names an entry: a directory ends with a slash, and the top is `./`. */
export function archiveName({ path, type }: Pick<TarEntry, "path" | "type">): string {
  return type === "directory" ? `${path || "."}/` : path;
}

/**
 * The header of an entry, with the attributes before it where it has some.
 *
 * @param room gives zeros to write to
 */
export function encodeHeaders(
  entry: TarEntry,
  room: (length: number) => Bytes = (length) => new Uint8Array(length),
): Bytes {
  const name = archiveName(entry);
  const attributes = attributesOf(entry, name);
  const size = nameLength(attributes);
  const before = size === 0 ? 0 : BLOCK + size + paddingAfter(size).length;
  const headers = room(before + BLOCK);
  if (before > 0) {
    writeHeader(headers, { mode: 0o644, size, seconds: 0 }, { name: PAX_NAME, type: "attributes" });
    writeName(headers.subarray(BLOCK, BLOCK + size), attributes);
  }
  writeHeader(headers.subarray(before), entry, { name, target: entry.target, type: entry.type });
  return headers;
}

/** What fills the last block of so many bytes. */
export function paddingAfter(size: number): Bytes {
  return ZEROS.subarray(0, (BLOCK - size % BLOCK) % BLOCK);
}

/** What ends an archive. */
export const END_OF_ARCHIVE: Bytes = ZEROS;

const PAX_NAME = "PaxHeaders.0/attributes";

/** The attributes that do not fit into the header, as pax writes them: `LENGTH KEY=VALUE\n`. */
function attributesOf(
  { target = "", size, seconds, nanoseconds, attributes, owned }: TarEntry,
  name: string,
): string {
  const records: [key: string, value: string][] = owned ? ownerRecords(owned) : [];
  if (nameLength(name) > LONGEST_NAME) records.push(["path", name]);
  if (nameLength(target) > LONGEST_NAME) records.push(["linkpath", target]);
  if (size > MOST_OCTAL) records.push(["size", `${size}`]);
  if (nanoseconds > 0 || !fitsTime(seconds)) records.push(["mtime", timeText(seconds, nanoseconds)]);
  // Bytes that are not UTF-8 are lone surrogates.
  if (!records.every(([, value]) => value.isWellFormed())) records.unshift(["hdrcharset", "BINARY"]);
  records.push(...extendedRecords(attributes));
  return records.map(([key, value]) => recordOf(key, value)).join("");
}

/** Extended attributes, as star, GNU tar and all engines write them. A name may have no `=`. */
function extendedRecords(attributes: TarEntry["attributes"] = {}): [key: string, value: string][] {
  return Object.entries(attributes).map(([name, value]) => {
    const key = name.replaceAll("%", "%25").replaceAll("=", "%3D");
    return [`SCHILY.xattr.${key}`, decodeName(value)];
  });
}

function ownerRecords({ uid, gid, owner, group }: NonNullable<TarEntry["owned"]>) {
  const records: [key: string, value: string][] = [];
  for (const [key, id] of [["uid", uid], ["gid", gid]] as const) {
    if (id > MOST_ID) records.push([key, `${id}`]);
  }
  for (const [key, text] of [["uname", owner], ["gname", group]] as const) {
    if (nameLength(text) > LONGEST_OWNER) records.push([key, text]);
  }
  return records;
}

function recordOf(key: string, value: string): string {
  const rest = nameLength(key) + nameLength(value) + 3; // the blank, the equals sign and the newline
  let length = rest + `${rest}`.length;
  if (length !== rest + `${length}`.length) length = rest + `${length}`.length;
  return `${length} ${key}=${value}\n`;
}

/** A time in decimal digits. Before 1970 the fraction counts backwards: -1.5 is 1.5 seconds before. */
function timeText(seconds: number, nanoseconds: number): string {
  const [whole, part] = seconds < 0 && nanoseconds > 0
    ? [seconds + 1, 1_000_000_000 - nanoseconds]
    : [seconds, nanoseconds];
  const sign = seconds < 0 && whole === 0 ? "-" : "";
  return `${sign}${whole}${fractionText(part)}`;
}

/** A fraction of a second in as many decimal digits as it needs, after a point; empty for zero. */
export function fractionText(nanoseconds: number): string {
  return nanoseconds > 0 ? `.${`${nanoseconds}`.padStart(9, "0").replace(/0+$/, "")}` : "";
}

function writeHeader(
  room: Bytes,
  { mode, size, seconds, owned }: Pick<TarEntry, "mode" | "size" | "seconds" | "owned">,
  { name, target = "", type }: { name: string; target?: string | undefined; type: keyof typeof FLAGS },
): void {
  const block = room.subarray(0, BLOCK);
  block.set(TEMPLATE);
  writeText(block, HEADER_FIELDS.name, name);
  writeOctal(block, HEADER_FIELDS.mode, mode);
  writeOctal(block, HEADER_FIELDS.size, size > MOST_OCTAL ? 0 : size);
  writeOctal(block, HEADER_FIELDS.modified, fitsTime(seconds) ? seconds : 0);
  if (owned) writeOwner(block, owned);
  block[HEADER_FIELDS.flag[0]] = FLAGS[type].charCodeAt(0);
  writeText(block, HEADER_FIELDS.target, target);
  let sum = 0;
  for (let at = 0; at < BLOCK; at++) sum += block[at]!;
  writeOctal(block, CHECKSUM, sum);
}

function writeOwner(block: Bytes, { uid, gid, owner, group }: NonNullable<TarEntry["owned"]>): void {
  writeOctal(block, HEADER_FIELDS.uid, uid > MOST_ID ? 0 : uid);
  writeOctal(block, HEADER_FIELDS.gid, gid > MOST_ID ? 0 : gid);
  writeText(block, [HEADER_FIELDS.owner[0], LONGEST_OWNER], owner);
  writeText(block, [HEADER_FIELDS.group[0], LONGEST_OWNER], group);
}

function writeText(
  block: Bytes,
  [offset, length]: readonly [offset: number, length: number],
  text: string,
): void {
  writeName(block.subarray(offset, offset + length), text);
}

/** What all headers have: the owner and the group 0, a checksum that counts itself as blanks, and the format's mark. */
const TEMPLATE = new Uint8Array(BLOCK);
ENCODER.encodeInto("0000000\x000000000\0", TEMPLATE.subarray(HEADER_FIELDS.uid[0]));
ENCODER.encodeInto(" ".repeat(HEADER_FIELDS.checksum[1]), TEMPLATE.subarray(HEADER_FIELDS.checksum[0]));
ENCODER.encodeInto("ustar\x0000", TEMPLATE.subarray(HEADER_FIELDS.magic[0]));

/** Where the digits of the checksum are, and the zero byte after them. A blank ends its field, unlike the others. */
const CHECKSUM = [HEADER_FIELDS.checksum[0], HEADER_FIELDS.checksum[1] - 1] as const;

/** Writes a number in octal digits that fill a field, but for the zero byte at its end. */
function writeOctal(block: Bytes, field: readonly [offset: number, length: number], value: number): void {
  const last = field[0] + field[1] - 1;
  block[last] = 0;
  for (let at = last - 1, rest = value; at >= field[0]; at--, rest = Math.floor(rest / 8)) {
    block[at] = 0x30 + rest % 8;
  }
}

function fitsTime(seconds: number): boolean {
  return seconds >= 0 && seconds <= MOST_OCTAL;
}
