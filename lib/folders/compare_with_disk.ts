/** Compares the entries of a folder with a directory on the disk. @module */
import { plainMode } from "../images/metadata.ts";
import { type Entry, timeOf } from "../layers/entry.ts";
import { type Disk, type DiskEntry, pathOnDisk } from "./disk.ts";
import { linkedPath } from "./tree_writer.ts";

/** What comparing an entry with the disk shows: nothing is there, the same, the same with another mode, or something else. */
export type Difference = "absent" | "same" | "mode" | "conflict";

/** Compares an entry of a folder with what is at its path: kind, size, time and mode count, and not the bytes. */
export function compareWithDisk(
  entry: Entry,
  { directory, disk }: { directory: string; disk: Disk },
): Difference {
  const at = pathOnDisk(directory, entry.path);
  const found = statOrNothing(disk, at);
  if (!found) return "absent";
  if (entry.type === "hardlink") {
    const first = statOrNothing(disk, pathOnDisk(directory, linkedPath(entry)));
    return first?.inode === found.inode && first.device === found.device ? "same" : "conflict";
  }
  if (entry.type === "symlink") {
    return found.kind === "symlink" && disk.readLink(at) === entry.target ? "same" : "conflict";
  }
  if (found.kind !== "file" || found.size !== entry.size || !hasTime(found, entry, disk)) return "conflict";
  return plainMode(found) === entry.mode || Deno.build.os === "windows" ? "same" : "mode";
}

function statOrNothing(disk: Disk, path: string): DiskEntry | undefined {
  try {
    return disk.stat(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return undefined;
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
