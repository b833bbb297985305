/** Sets what files have beside their content: owners, modes and times. @module */
import { lchownSync, lutimesSync } from "node:fs";
import type { Entry } from "../layers/entry.ts";

/** What is set. */
type Metadata = Pick<Entry, "mode" | "uid" | "gid" | "modified">;

/** The mode bits without set-ID bits, which would let anybody run the file with the rights of whoever extracts it. */
const PLAIN_BITS = 0o1777;

/** The mode that a file gets without its owner. */
export function plainMode({ mode }: Pick<Entry, "mode">): number {
  return mode & PLAIN_BITS;
}

/** Sets owner, mode and time of a file or a directory. The owner comes first, because changing it clears the set-ID bits. */
export function setMetadata(
  path: string,
  { mode, uid, gid, modified }: Metadata,
  { sameOwner }: { sameOwner: boolean },
): void {
  if (sameOwner) Deno.chownSync(path, uid, gid);
  if (Deno.build.os !== "windows") Deno.chmodSync(path, sameOwner ? mode : plainMode({ mode }));
  Deno.utimeSync(path, modified, modified);
}

/** The earliest time that a `Date` can have, in milliseconds. */
const EARLIEST = -8.64e15;

/**
 * Sets owner and time of a symbolic link. Node takes a negative number for the present, but not a `Date`, whose
 * fractions before 1970 Deno cannot set.
 */
export function setLinkMetadata(
  path: string,
  { uid, gid, modified }: Metadata,
  { sameOwner }: { sameOwner: boolean },
): void {
  if (sameOwner) lchownSync(path, uid, gid);
  const time = modified < 0 ? new Date(Math.max(Math.floor(modified) * 1000, EARLIEST)) : modified;
  lutimesSync(path, time, time);
}

/** Whether a number is a user or a group: 32 bits, of which the last number means none. A larger one would be cut. */
export function isOwner(id: number): boolean {
  return Number.isInteger(id) && id >= 0 && id < 2 ** 32 - 1;
}
