/** Compares the entries of a folder with a directory on the disk. @module */
import { isAbsence } from "../content/file_errors.ts";
import { type Entry, timeOf } from "../layers/entry.ts";
import { type Disk, type DiskEntry, hasExactNumber, pathOnDisk } from "./disk.ts";
import { restoredMode } from "./restored_metadata.ts";
import { linkedPath } from "./tree_writer.ts";

/**
 * What comparing an entry with the disk shows: nothing is there; the same; a file of the same content with another mode or
 * time; a file of the same size with another time, whose content was not compared; something else; or a directory where none
 * is in the folder.
 */
export type Difference = "absent" | "same" | "metadata" | "time" | "conflict" | "directory";

/** What is compared with, and how. */
export interface ComparisonOptions {
  directory: string;
  disk: Disk;
  /** Whether owners and set-ID bits count. */
  sameOwner?: boolean | undefined;
  /** Whether a file on the disk has the content of the entry; absent = the size and the time tell. */
  hasContent?: (() => Promise<boolean>) | false | undefined;
}

/** Compares an entry of a folder with what is at its path. */
export async function compareWithDisk(entry: Entry, options: ComparisonOptions): Promise<Difference> {
  const { directory, disk } = options;
  const at = pathOnDisk(directory, entry.path);
  const found = statOrNothing(disk, at);
  if (!found) return "absent";
  if (entry.type === "directory") return found.kind === "directory" ? "same" : "conflict";
  if (found.kind === "directory") return "directory";
  if (entry.type === "hardlink") {
    const first = statOrNothing(disk, pathOnDisk(directory, linkedPath(entry)));
    return first && isSameFile(first, found) ? "same" : "conflict";
  }
  if (entry.type === "symlink") {
    if (found.kind !== "symlink" || disk.readLink(at) !== entry.target) return "conflict";
    return hasOwner(found, entry, options) ? "same" : "absent"; // a link is made anew, with its owner
  }
  return found.kind === "file" ? await compareFile(entry, found, options) : "conflict";
}

/** Whether two names are of one file. */
function isSameFile(one: DiskEntry, other: DiskEntry): boolean {
  if (one.inode !== other.inode || one.device !== other.device) return false;
  return hasExactNumber(one) ||
    one.size === other.size && one.changed === other.changed && one.links === other.links;
}

async function compareFile(
  entry: Entry,
  found: DiskEntry,
  { disk, hasContent, sameOwner }: ComparisonOptions,
): Promise<Difference> {
  if (found.size !== entry.size) return "conflict";
  const isOfTime = hasTime(found, entry, disk);
  if (hasContent && !await hasContent()) return "conflict";
  if (!hasContent && !isOfTime) return "time";
  const hasMode = restoredMode(found, { sameOwner }) === restoredMode(entry, { sameOwner }) ||
    Deno.build.os === "windows";
  return isOfTime && hasMode && hasOwner(found, entry, { sameOwner }) ? "same" : "metadata";
}

function hasOwner(
  found: DiskEntry,
  { uid, gid }: Entry,
  { sameOwner }: Pick<ComparisonOptions, "sameOwner">,
): boolean {
  return !sameOwner || found.uid === uid && found.gid === gid;
}

/** What is at a path; `undefined` if there is nothing. */
export function statOrNothing(disk: Disk, path: string): DiskEntry | undefined {
  try {
    return disk.stat(path);
  } catch (error) {
    if (isAbsence(error)) return undefined;
    throw error;
  }
}

/** Whether a file has the time of an entry. Deno gives milliseconds. */
function hasTime({ seconds, nanoseconds }: DiskEntry, entry: Entry, { isExact }: Disk): boolean {
  const wanted = timeOf(entry);
  const step = isExact ? 1 : 1_000_000;
  return seconds === wanted.seconds &&
    Math.floor(nanoseconds / step) === Math.floor(wanted.nanoseconds / step);
}
