/** The entries of a layer: files, directories, links and devices. @module */
import { MismatchError } from "../errors.ts";

/** The types of entries in an archive. */
export type EntryType =
  | "file"
  | "directory"
  | "symlink"
  | "hardlink"
  | "character-device"
  | "block-device"
  | "fifo";

/** A time to the nanosecond: seconds since 1970, and nanoseconds to be added, also before 1970. */
export interface ExactTime {
  /** Whole seconds. */
  seconds: number;
  /** From 0 to 999,999,999. */
  nanoseconds: number;
}

/**
 * A time from a text such as `1600000000.123456789`; `undefined` if it has no fraction. A number would round it.
 */
export function exactTime(text: string): ExactTime | undefined {
  const [, sign, whole, fraction] = /^([-+]?)(\d{1,15})\.(\d+)$/.exec(text) ?? [];
  const part = Number((fraction ?? "").slice(0, 9).padEnd(9, "0"));
  if (whole === undefined || part === 0) return undefined;
  if (sign !== "-") return { seconds: Number(whole), nanoseconds: part };
  return { seconds: -Number(whole) - 1, nanoseconds: 1_000_000_000 - part };
}

/**
 * The metadata of one file, directory, link or device in a layer.
 *
 * Names are bytes in Linux. In texts here, a byte that is not part of valid UTF-8 is a lone surrogate from U+DC80 to U+DCFF,
 * so that different names stay different.
 */
export interface Entry {
  /** Its normal path in the image, without a slash at either end: `usr/bin/env`; empty = the root. */
  path: string;
  /** Its name, exactly as the archive spells it. */
  name: string;
  /** Its type. */
  type: EntryType;
  /** The permission bits with the set-ID and sticky bits, such as 0o755. */
  mode: number;
  /** The owner's user ID. */
  uid: number;
  /** The group ID. */
  gid: number;
  /** The owner's name; empty if the archive has none. */
  owner: string;
  /** The group's name; empty if the archive has none. */
  group: string;
  /** The size of a file in bytes, including the holes of a sparse file; 0 for other types. */
  size: number;
  /** The time of the last modification, in seconds since 1970; may have a fraction. */
  modified: number;
  /** The same to the nanosecond, where it has a fraction: whole seconds, and what is to be added. */
  exactTime?: ExactTime;
  /** The target of a symbolic or hard link, as the archive spells it. */
  target?: string;
  /** The device numbers. */
  device?: { major: number; minor: number };
  /** Extended attributes by name, such as `security.capability`. */
  attributes?: Record<string, Uint8Array<ArrayBuffer>>;
  /** Set for a sparse file: the archive has its content without the holes. */
  sparse?: true;
  /** Its position in its layer, unique among the layer's entries. */
  position: number;
}

/** Bytes of a file, and their offset in it. Gaps between extents are zeros. */
export interface Extent {
  /** The offset of the bytes from the file's beginning. */
  offset: number;
  /** The bytes; valid until the next extent is requested. */
  bytes: Uint8Array<ArrayBuffer>;
}

/** Digests of the content of a file. */
export interface ContentDigests {
  /** The digest of all of it; absent = unknown. */
  whole?: string | undefined;
  /** The digests of its pieces in order, with the offset at which each ends; absent = unknown. */
  pieces?: readonly { end: number; digest: string }[] | undefined;
}

/** An entry whose content can be read. */
export interface OpenEntry extends Entry {
  /**
   * The content of a file, in order, without its holes; an array if all of it has arrived. It can be read once, before the
   * next entry is requested.
   *
   * @param from what lies before this offset may be left out; absent = nothing is
   */
  extents(from?: number): Extent[] | AsyncIterable<Extent>;
  /**
   * Set where the content can be read at any time, again, and from any offset, because its place in the layer is known;
   * `isProven` = each piece is verified by a digest that the manifest vouches for.
   */
  lasting?: { isProven: boolean } | undefined;
  /** What a table of contents says of a file's content, before it is read; absent = there is no table. */
  digests?(): ContentDigests;
}

/**
 * The normal path of a name: relative to the root, with `.` and `..` resolved. As in a file system, `..` at the root is
 * the root, so no path leads out of the image.
 */
export function normalPath(name: string): string {
  const parts: string[] = [];
  for (const part of name.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return parts.join("/");
}

/** The directory of a normal path; empty = the root. */
export function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf("/")));
}

/** The path of a name in a directory, whose own path is empty if it is the root. */
export function pathIn(directory: string, name: string): string {
  return directory === "" ? name : `${directory}/${name}`;
}

/** The last component of a normal path. */
export function baseName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/**
 * Checks that a name or a link's target is valid.
 *
 * @throws {MismatchError} if it contains a zero byte
 */
export function requireName(name: string): string {
  if (name.includes("\0")) throw new MismatchError("the layer has a name with a zero byte in it");
  return name;
}

/** The time of the last modification, to the nanosecond. */
export function timeOf({ modified, exactTime }: Pick<Entry, "modified" | "exactTime">): ExactTime {
  return exactTime ?? { seconds: Math.floor(modified), nanoseconds: 0 };
}
