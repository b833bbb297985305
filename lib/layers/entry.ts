/** What a layer holds: files, directories, links, devices. @module */
import { MismatchError } from "../errors.ts";

/** The kinds of things that an archive can hold. */
export type EntryType =
  | "file"
  | "directory"
  | "symlink"
  | "hardlink"
  | "character-device"
  | "block-device"
  | "fifo";

/** What is known of one file, directory, link or device of a layer. */
export interface Entry {
  /** Its place in the image, without a slash at either end: `usr/bin/env`; empty = the root. It never leads out. */
  path: string;
  /** Its name, exactly as the archive has it. */
  name: string;
  /** What it is. */
  type: EntryType;
  /** The permission bits with set-id and sticky bits, such as 0o755. */
  mode: number;
  /** The owner's number. */
  uid: number;
  /** The group's number. */
  gid: number;
  /** The owner's name; empty where the archive has none. */
  owner: string;
  /** The group's name; empty where the archive has none. */
  group: string;
  /** The size of a file in bytes, with the holes of a sparse one; 0 for all else. */
  size: number;
  /** When it was last changed, in seconds since 1970; may have a fraction. */
  modified: number;
  /** What a symbolic link points to, or the name of what a hard link is another name for. */
  target?: string;
  /** The numbers of a device. */
  device?: { major: number; minor: number };
  /** Extended attributes by name, such as `security.capability`. */
  attributes?: Record<string, Uint8Array<ArrayBuffer>>;
  /** Where it stands in its layer: no two entries of one layer have the same. */
  position: number;
}

/** Bytes of a file, and where they belong in it. What lies between is zeros. */
export interface Extent {
  /** Where the bytes belong, counted from the file's beginning. */
  offset: number;
  /** The bytes; they may be used until the next extent is asked for. */
  bytes: Uint8Array<ArrayBuffer>;
}

/** An entry whose bytes can be read. */
export interface OpenEntry extends Entry {
  /** The bytes of a file, in order, without its holes. They can be had once, before the next entry is asked for. */
  extents(): AsyncGenerator<Extent>;
}

/**
 * The place that a name stands for: as from the root, with `.` and `..` resolved. Nothing is above the root, so no name
 * leads out of it.
 */
export function placeOf(name: string): string {
  const parts: string[] = [];
  for (const part of name.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return parts.join("/");
}

/** The directory that a place is in; empty = the root. */
export function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf("/")));
}

/** The last part of a place. */
export function baseName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/** The longest path that Linux opens, in characters. */
const LONGEST_NAME = 4096;

/**
 * Makes sure that a name or a target can be that of a file.
 *
 * @throws {MismatchError} when it has a zero byte, or is longer than any system takes
 */
export function requireName(name: string): string {
  if (name.length > LONGEST_NAME) {
    throw new MismatchError(`the layer has a name of ${name.length} characters`);
  }
  if (name.includes("\0")) throw new MismatchError("the layer has a name with a zero byte in it");
  return name;
}
