/** The entries of a folder as bytes: so a million of them take little memory, and go to a thread at once. @module */
import type { Bytes } from "../content/bytes.ts";
import { decodeName, encodeName } from "../layers/tar_field.ts";
import type { Attributes, FolderEntry, FolderEntryType } from "./folder.ts";

/** An entry with what shows that it was changed since. */
export interface FoundEntry extends FolderEntry {
  /** When it was last changed, also its names and modes, in milliseconds since 1970; 0 for directories. */
  changed: number;
  /** Its number on its file system; 0 for directories. */
  inode: number;
}

const TYPES: readonly FolderEntryType[] = ["file", "directory", "symlink", "hardlink"];

/** The size of a row without its texts, which stand behind the numbers: the path, the target, the attributes. */
const NUMBERS = 52;

/** How many bytes the row of an entry takes at most. */
export function longestRow({ path, target = "", attributes = {} }: FoundEntry): number {
  let most = NUMBERS + 3 * (path.length + target.length);
  for (const [name, value] of Object.entries(attributes)) most += 8 + 3 * name.length + value.length;
  return most;
}

/** Writes the row of an entry to the beginning of a buffer. Returns how long it is. */
export function writeRow(into: Bytes, entry: FoundEntry): number {
  const view = new DataView(into.buffer, into.byteOffset, into.length);
  const path = writeText(into, NUMBERS, entry.path);
  const target = writeText(into, NUMBERS + path, entry.target ?? "");
  const length = writeAttributes(into, NUMBERS + path + target, entry.attributes ?? {});
  view.setUint32(0, length);
  view.setUint32(4, TYPES.indexOf(entry.type) << 16 | entry.mode);
  view.setUint32(8, entry.nanoseconds);
  view.setUint32(12, path);
  view.setUint32(16, target);
  view.setFloat64(20, entry.size);
  view.setFloat64(28, entry.seconds);
  view.setFloat64(36, entry.changed);
  view.setFloat64(44, entry.inode);
  return length;
}

/** The entries of rows that stand one behind the other. */
export function* readRows(rows: Bytes): Generator<FoundEntry> {
  const view = new DataView(rows.buffer, rows.byteOffset, rows.length);
  for (let at = 0; at < rows.length; at += view.getUint32(at)) yield readRow(rows, view, at);
}

function readRow(rows: Bytes, view: DataView, at: number): FoundEntry {
  const kind = view.getUint32(at + 4);
  const type = TYPES[kind >> 16]!;
  const path = at + NUMBERS + view.getUint32(at + 12);
  const target = path + view.getUint32(at + 16);
  const end = at + view.getUint32(at);
  const entry: FoundEntry = {
    path: decodeName(rows.subarray(at + NUMBERS, path)),
    type,
    mode: kind & 0xffff,
    size: view.getFloat64(at + 20),
    seconds: view.getFloat64(at + 28),
    nanoseconds: view.getUint32(at + 8),
    changed: view.getFloat64(at + 36),
    inode: view.getFloat64(at + 44),
  };
  if (type === "symlink" || type === "hardlink") entry.target = decodeName(rows.subarray(path, target));
  if (target < end) entry.attributes = readAttributes(rows.slice(target, end));
  return entry;
}

const encoder = new TextEncoder();

function writeText(into: Bytes, at: number, text: string): number {
  if (text.isWellFormed()) return encoder.encodeInto(text, into.subarray(at)).written;
  const bytes = encodeName(text);
  into.set(bytes, at);
  return bytes.length;
}

/** Each attribute has the length of its name and that of its value before them. Returns where they end. */
function writeAttributes(into: Bytes, start: number, attributes: Attributes): number {
  const view = new DataView(into.buffer, into.byteOffset, into.length);
  let at = start;
  for (const [name, value] of Object.entries(attributes)) {
    const length = writeText(into, at + 8, name);
    view.setUint32(at, length);
    view.setUint32(at + 4, value.length);
    into.set(value, at + 8 + length);
    at += 8 + length + value.length;
  }
  return at;
}

function readAttributes(bytes: Bytes): Attributes {
  const view = new DataView(bytes.buffer);
  const found: Record<string, Bytes> = {};
  for (let at = 0; at < bytes.length;) {
    const name = at + 8 + view.getUint32(at);
    const value = name + view.getUint32(at + 4);
    found[decodeName(bytes.subarray(at + 8, name))] = bytes.subarray(name, value);
    at = value;
  }
  return found;
}
