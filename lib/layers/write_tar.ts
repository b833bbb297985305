/** Encodes entries of tar archives: headers of POSIX ustar, with pax attributes before them where those have no room. @module */
import type { Bytes } from "../content/bytes.ts";
import { encodeName } from "./tar_field.ts";
import { BLOCK } from "./tar_header.ts";

/** What a header says. */
export interface TarEntry {
  type: "file" | "directory" | "symlink" | "hardlink";
  /** Its path, without a slash at either end. */
  path: string;
  mode: number;
  uid: number;
  gid: number;
  owner: string;
  group: string;
  /** 0 but for files. */
  size: number;
  /** Seconds since 1970; may have a fraction. */
  modified: number;
  /** The target of a link; empty for others. */
  target: string;
}

const FLAGS = { file: "0", hardlink: "1", symlink: "2", directory: "5" };

/** The zeros that end an archive. */
export const TAR_END: Bytes = new Uint8Array(2 * BLOCK);

/** The zeros that fill the last block of a file's content. */
export function tarPadding(size: number): Bytes {
  return new Uint8Array((BLOCK - size % BLOCK) % BLOCK);
}

/** The header of an entry, and before it that of its pax attributes if it needs any. */
export function encodeTarEntry(entry: TarEntry): Bytes {
  const { type, path } = entry;
  const name = encodeName(type === "directory" ? `${path}/` : path);
  const attributes = paxOf(entry, name);
  if (attributes.length === 0) return header(entry, FLAGS[type], name);
  const pax = { ...entry, mode: 0o644, size: attributes.length, modified: 0, target: "" };
  const paxHeader = header(pax, "x", encodeName("pax"));
  const parts = [paxHeader, attributes, tarPadding(attributes.length), header(entry, FLAGS[type], name)];
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let end = 0;
  for (const part of parts) {
    bytes.set(part, end);
    end += part.length;
  }
  return bytes;
}

/** The most that fields of 7 and 11 octal digits can hold. */
const [MOST_ID, MOST_SIZE] = [8 ** 7 - 1, 8 ** 11 - 1];

/** The attributes that the header has no room for, in the order of their names. */
function paxOf({ gid, uid, target, modified, size, owner, group }: TarEntry, name: Bytes): Bytes {
  const fits = Number.isInteger(modified) && modified >= 0 && modified <= MOST_SIZE;
  const values: [string, Bytes | string | false][] = [
    ["gid", gid > MOST_ID && `${gid}`],
    ["gname", encodeName(group).length > 31 && encodeName(group)],
    ["linkpath", encodeName(target).length > 100 && encodeName(target)],
    ["mtime", !fits && inDecimals(modified)],
    ["path", name.length > 100 && name],
    ["size", size > MOST_SIZE && `${size}`],
    ["uid", uid > MOST_ID && `${uid}`],
    ["uname", encodeName(owner).length > 31 && encodeName(owner)],
  ];
  const records = values.flatMap(([key, value]) =>
    value === false ? [] : [...record(key, typeof value === "string" ? encodeName(value) : value)]
  );
  return new Uint8Array(records);
}

/** A number without an exponent, to the nanosecond. */
function inDecimals(seconds: number): string {
  return Number.isInteger(seconds) ? BigInt(seconds).toString() : seconds.toFixed(9).replace(/0+$/, "");
}

/** `LENGTH KEY=VALUE\n`, where the length counts its own digits. */
function record(key: string, value: Bytes): Bytes {
  const rest = key.length + value.length + 3;
  let length = rest;
  while (length !== rest + `${length}`.length) length = rest + `${length}`.length;
  const head = encodeName(`${length} ${key}=`);
  const bytes = new Uint8Array(length);
  bytes.set(head);
  bytes.set(value, head.length);
  bytes[length - 1] = 0x0a;
  return bytes;
}

/** What has no room is cut off or 0: the pax attributes have it. */
function header(entry: TarEntry, flag: string, name: Bytes): Bytes {
  const block = new Uint8Array(BLOCK);
  const put = (at: number, bytes: Bytes, length: number) => block.set(bytes.subarray(0, length), at);
  const octal = (at: number, value: number, digits: number) => {
    const fits = Number.isInteger(value) && value >= 0 && value < 8 ** digits;
    put(at, encodeName((fits ? value : 0).toString(8).padStart(digits, "0")), digits);
  };
  put(0, name, 100);
  octal(100, entry.mode, 7);
  octal(108, entry.uid, 7);
  octal(116, entry.gid, 7);
  octal(124, entry.size, 11);
  octal(136, Math.floor(entry.modified), 11);
  put(148, encodeName(" ".repeat(8)), 8);
  put(156, encodeName(flag), 1);
  put(157, encodeName(entry.target), 100);
  put(257, encodeName("ustar\x0000"), 8);
  put(265, encodeName(entry.owner), 31);
  put(297, encodeName(entry.group), 31);
  const sum = block.reduce((sum, byte) => sum + byte, 0);
  put(148, encodeName(`${sum.toString(8).padStart(6, "0")}\0 `), 8);
  return block;
}
