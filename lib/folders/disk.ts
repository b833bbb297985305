/** What reading a directory tree takes, and what the system says of what is in it. @module */
import type { Bytes } from "../content/bytes.ts";
import type { Attributes } from "./folder.ts";
import type { ExactTime } from "../layers/entry.ts";

/** What the system says of a file, a link or a directory. */
export interface DiskEntry {
  kind: "file" | "directory" | "symlink" | "socket" | "pipe" | "device";
  /** The permission bits, with the set-ID and sticky bits. */
  mode: number;
  /** The size in bytes. */
  size: number;
  /** The time of the last modification: whole seconds since 1970, and the rest. */
  seconds: number;
  nanoseconds: number;
  /** The time of the last change, also of names and modes, in milliseconds since 1970. */
  changed: number;
  /** Which file system it is on, and its number there: 0 = unknown. Deno rounds one of more than 53 bits, as of overlayfs. */
  device: number;
  inode: number | bigint;
  /** How many names it has. */
  links: number;
  /** The numbers of its owner and group. */
  uid: number;
  gid: number;
}

/** A file that is open, to read it from its beginning. */
export interface OpenFile extends Disposable {
  stat(): DiskEntry;
  /** As {@link Disk.attributes}. */
  attributes(): Attributes | undefined;
  /** Reads what comes next, and gives how many bytes it was; 0 = the end. */
  read(into: Bytes): number;
  /** Reads from an offset on, and gives how many bytes it was; 0 = the end. */
  readAt(into: Bytes, offset: number): number;
}

/** The calls that reading a tree takes. Names are texts, in which bytes that are not UTF-8 are lone surrogates. */
export interface Disk extends Disposable {
  /** Whether it knows names that are not UTF-8, and times to the nanosecond. */
  readonly isExact: boolean;
  /** The names in a directory, in no order. */
  list(directory: string): string[];
  /** What is at a path. Links are not followed. */
  stat(path: string): DiskEntry;
  /** The target of a symbolic link. */
  readLink(path: string): string;
  /** The extended attributes of a file or a directory that others are to have, too; `undefined` = none, or they are unknown. */
  attributes(path: string): Attributes | undefined;
  /** Opens a file to read it. Links are not followed, and nothing waits: something else may be at the path by now. */
  open(path: string): OpenFile;

  /** Opens a file to read it and to write into it, and makes it if it is missing. Only its owner may use it then. */
  openToFill(path: string): Deno.FsFile;
  /** Makes a file that is whole at once. It is an error that the path is taken. */
  put(path: string, bytes: Bytes, metadata: { mode: number; time: ExactTime }): void;
  /** Makes a directory that only its owner may use. It is an error that the path is taken. */
  makeDirectory(path: string): void;
  /** Makes a symbolic link. It is an error that the path is taken. */
  symlink(target: string, path: string): void;
  /** Gives a file another name. It is an error that the path is taken. */
  link(existing: string, path: string): void;
  /** Moves what is at a path to another, and replaces what is there, unless that is a directory. */
  rename(from: string, to: string): void;
  /** Removes a file, a link or an empty directory. */
  remove(path: string): void;
  /** Sets permission bits, with the set-ID and sticky bits. Links are followed. */
  setMode(path: string, mode: number): void;
  /** Sets the time of the last modification. Links are not followed. */
  setTime(path: string, time: ExactTime): void;
  /** Sets the owner and the group by their numbers. Links are not followed. */
  setOwner(path: string, owner: { uid: number; gid: number }): void;
  /** Sets an extended attribute. Links are not followed. Returns `false` where that is not supported or not permitted. */
  setAttribute(path: string, name: string, value: Bytes): boolean;
  /** Waits until everything on the file system of a directory has reached the disk, if the system knows how. */
  sync(directory: string): void;
}

/** What stands for something else than a file, instead of opening it: a pipe might be waited for. It has no content. */
export function emptyFile(info: DiskEntry): OpenFile {
  return {
    stat: () => info,
    attributes: () => undefined,
    read: () => 0,
    readAt: () => 0,
    [Symbol.dispose]: () => {},
  };
}

/** The path of a file on the disk by its path in a folder, where slashes part names on every system. */
export function pathOnDisk(root: string, path: string): string {
  return path === "" ? root : root.endsWith("/") ? root + path : `${root}/${path}`; // Windows takes slashes, too
}

/** Whether the number of a file is its own. Different files may get the same rounded one, and all get 0 where there is none. */
export function hasExactNumber({ inode }: DiskEntry): boolean {
  return typeof inode === "bigint" || inode > 0 && Number.isSafeInteger(inode);
}

/** In how many milliseconds a clock of a file system ticks at least once; and one that Deno gives in whole seconds. */
const [TICK, SLOW_TICK] = [20, 1100];

/**
 * Waits until what changes from now on gets another time than what was found: the clocks of file systems tick. Returns whether
 * that is so; it is not where files come from the future.
 */
export async function untilSettled(changed: number, { isExact }: Disk): Promise<boolean> {
  const tick = isExact ? TICK : SLOW_TICK;
  const left = changed + tick - Date.now();
  if (left > 0 && left <= tick) await new Promise((resolve) => setTimeout(resolve, left));
  return left <= tick;
}
