/** The entries of a folder as bytes: so a million of them take little memory, and go to a thread at once. @module */
import type { Bytes } from "../content/bytes.ts";
import type { Attributes, FolderEntry, FolderEntryType } from "./folder.ts";
import { RowReader, type RowWriter } from "./row_bytes.ts";

/** An entry with what shows that it was changed since. */
export interface FoundEntry extends FolderEntry {
  /** When it was last changed, also its names and modes, in milliseconds since 1970; 0 for directories. */
  changed: number;
  /** Its number on its file system, rounded to 53 bits; 0 for directories. */
  inode: number;
}

const TYPES: readonly FolderEntryType[] = ["file", "directory", "symlink", "hardlink"];
const MODES = 0o10000;
/** What marks the kind of an entry whose owner follows. */
const OWNED = 4 * MODES;

/** Writes what a row has after the path of the entry. */
export function writeRow(into: RowWriter, entry: FoundEntry): void {
  const { type, mode, size, seconds, nanoseconds, inode, changed, target = "" } = entry;
  const { attributes = {}, owned } = entry;
  into.count(TYPES.indexOf(type) * MODES + mode + (owned ? OWNED : 0));
  if (owned) {
    into.count(owned.uid);
    into.count(owned.gid);
  }
  into.count(size);
  into.count(seconds < 0 ? -2 * seconds - 1 : 2 * seconds);
  into.count(nanoseconds);
  into.count(inode);
  const isAsModified = changed === inMilliseconds(entry); // as of most files
  into.count(isAsModified ? 1 : 0);
  if (!isAsModified) into.number(changed);
  into.text(target);
  const named = Object.entries(attributes);
  into.count(named.length);
  for (const [name, value] of named) {
    into.text(name);
    into.bytes(value);
  }
}

/** The entries of rows that stand one after the other. */
export function* readRows(rows: Bytes): Generator<FoundEntry> {
  for (const reader = new RowReader(rows); reader.more;) yield readRow(reader, reader.text());
}

/** Reads what a row has after the path. */
export function readRow(from: RowReader, path: string): FoundEntry {
  const marked = from.count();
  const kind = marked % OWNED;
  const owned = marked >= OWNED
    ? { uid: from.count(), gid: from.count(), owner: "", group: "" } as const
    : undefined;
  const type = TYPES[Math.floor(kind / MODES)]!;
  const size = from.count();
  const time = from.count();
  const seconds = time % 2 === 1 ? -(time + 1) / 2 : time / 2;
  const nanoseconds = from.count();
  const inode = from.count();
  const changed = from.count() === 1 ? inMilliseconds({ seconds, nanoseconds }) : from.number();
  const entry: FoundEntry = { path, type, mode: kind % MODES, size, seconds, nanoseconds, changed, inode };
  if (owned) entry.owned = owned;
  const target = from.text();
  if (type === "symlink" || type === "hardlink") entry.target = target;
  const attributes = from.count();
  if (attributes > 0) entry.attributes = readAttributes(from, attributes);
  return entry;
}

function inMilliseconds({ seconds, nanoseconds }: Pick<FoundEntry, "seconds" | "nanoseconds">): number {
  return seconds * 1000 + nanoseconds / 1_000_000;
}

function readAttributes(from: RowReader, count: number): Attributes {
  const found: Record<string, Bytes> = {};
  for (let left = count; left > 0; left--) found[from.text()] = from.bytes().slice();
  return found;
}
