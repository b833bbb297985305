/**
 * What goes to the calls of Linux, and what they answer. Every call uses the same memory: that of hundreds of thousands of them
 * would be rubbish to collect.
 *
 * @module
 */
import type { Bytes } from "../content/bytes.ts";
import type { ExactTime } from "../layers/entry.ts";
import { decodeName } from "../layers/tar_field.ts";
import { pathBytes } from "./c_library.ts";
import type { DiskEntry } from "./disk.ts";
import type { Attributes } from "./folder.ts";
import { readStatx } from "./system_answers.ts";

/** Names, and values of attributes. */
export const listing: Bytes = new Uint8Array(64 * 1024);
/** How many bytes of them there is room for. */
export const ROOM = BigInt(listing.length);
/** What is known of a file. */
export const answer: Bytes = new Uint8Array(256);
const answerView = new DataView(answer.buffer);
/** The target of a link. */
export const target: Bytes = new Uint8Array(4096);
const spelled: Bytes = new Uint8Array(4096);
/** The time of access, and that of modification. */
const times: Bytes = new Uint8Array(32);
const timesView = new DataView(times.buffer);
const ENCODER = new TextEncoder();

/** The bytes of a path, until the next call. */
export function spelledPath(path: string): Bytes {
  if (3 * path.length >= spelled.length || !path.isWellFormed()) return pathBytes(path);
  spelled[ENCODER.encodeInto(path, spelled).written] = 0;
  return spelled;
}

/** A time as that of access and of modification, until the next call. */
export function spelledTimes({ seconds, nanoseconds }: ExactTime): Bytes {
  for (const at of [0, 16]) {
    timesView.setUint32(at, seconds, true); // as integers of 64 bits, without making two for each file
    timesView.setInt32(at + 4, Math.floor(seconds / 2 ** 32), true);
    timesView.setUint32(at + 8, nanoseconds, true);
  }
  return times;
}

/** What a call has answered of a file. */
export function answeredEntry(): DiskEntry {
  return readStatx(answerView);
}

/** The attributes whose names a call has listed. Another call gives the value of each. */
export function keptAttributes(
  listed: number | bigint,
  valueOf: (name: Bytes) => number | bigint,
): Attributes | undefined {
  if (Number(listed) <= 0) return undefined; // it has none, or the file system knows none
  const names = decodeName(listing.slice(0, Number(listed) - 1)).split("\0").filter(isKept).sort();
  const found = names.flatMap((name) => {
    const size = Number(valueOf(pathBytes(name)));
    return size < 0 ? [] : [[name, listing.slice(0, size)] as const]; // it was removed meanwhile
  });
  return found.length === 0 ? undefined : Object.fromEntries(found);
}

/** Whether an attribute belongs to a file, and not to this machine or its file system. */
function isKept(name: string): boolean {
  return name.startsWith("user.") || name === "security.capability";
}
