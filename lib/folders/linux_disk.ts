/** A disk as the calls of Linux show it, which tell what Deno leaves out or rounds. @module */
import type { Bytes } from "../content/bytes.ts";
import type { ExactTime } from "../layers/entry.ts";
import { decodeName } from "../layers/tar_field.ts";
import {
  demand,
  errnoOf,
  type Library,
  type LibraryCalls,
  openLibrary,
  pathBytes,
  systemError,
} from "./c_library.ts";
import { type Disk, type DiskEntry, emptyFile, type OpenFile } from "./disk.ts";
import type { Attributes } from "./folder.ts";
import {
  answer,
  answeredEntry,
  keptAttributes,
  listing,
  ROOM,
  spelledPath,
  spelledTimes,
  target,
} from "./linux_memory.ts";
import { readNames } from "./system_answers.ts";

/** The flags of `open`: only a directory; not for programs that are started; to write, to do both, to make what is missing. */
const [O_DIRECTORY, O_CLOEXEC] = [Deno.build.arch === "aarch64" ? 0o40000 : 0o200000, 0o2000000];
const [O_WRONLY, O_RDWR, O_CREAT, O_EXCL] = [0o1, 0o2, 0o100, 0o200];
/** Not through a link, and without waiting for a pipe's other end. */
const [O_NOFOLLOW, O_NONBLOCK] = [Deno.build.arch === "aarch64" ? 0o100000 : 0o400000, 0o4000];
/** Paths count from the working directory; links are not followed; and all the usual answers are wanted. */
const [AT_FDCWD, AT_SYMLINK_NOFOLLOW, STATX_BASIC] = [-100, 0x100, 0x7ff];
/** The errors of opening a link or a socket so. */
const NO_FILE: readonly number[] = [40, 6];
/** With an empty path, that of a file that is open. */
const [AT_EMPTY_PATH, NO_PATH] = [0x1000, new Uint8Array(1)];
/**
 * What a file system says that has no attributes, not of this kind, not for whoever asks, or none so large: ext4 says then that
 * the disk is full.
 */
const UNSUPPORTED: ReadonlySet<number> = new Set([1, 7, 28, 34, 95]);

/** Access to the disk through the C library; `undefined` on other systems, or without the permission to call it. */
export function openLinuxDisk(): Disk | undefined {
  const library = openLibrary();
  return library && new LinuxDisk(library);
}

class LinuxDisk implements Disk {
  readonly isExact = true;
  readonly #opened: Library;
  readonly #library: LibraryCalls;

  constructor(opened: Library) {
    this.#opened = opened;
    this.#library = opened.symbols;
  }

  list(directory: string): string[] {
    const descriptor = this.#openDirectory(directory);
    const names: string[] = [];
    try {
      for (;;) {
        const length = this.#demand(this.#library.getdents64(descriptor, listing, ROOM), "list", directory);
        if (length === 0) return names;
        readNames(listing.subarray(0, length), names);
      }
    } finally {
      this.#library.close(descriptor);
    }
  }

  stat(path: string): DiskEntry {
    const result = this.#library.statx(AT_FDCWD, spelledPath(path), AT_SYMLINK_NOFOLLOW, STATX_BASIC, answer);
    this.#demand(result, "stat", path);
    return answeredEntry();
  }

  readLink(path: string): string {
    const length = this.#library.readlink(pathBytes(path), target, BigInt(target.length));
    return decodeName(target.slice(0, this.#demand(length, "read the link", path)));
  }

  attributes(path: string): Attributes | undefined {
    return keptAttributes(
      this.#library.llistxattr(spelledPath(path), listing, ROOM),
      (name) => this.#library.lgetxattr(spelledPath(path), name, listing, ROOM),
    );
  }

  open(path: string): OpenFile {
    const descriptor = this.#library.open(spelledPath(path), O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0);
    if (descriptor < 0 && NO_FILE.includes(errnoOf(this.#library))) return emptyFile(this.stat(path));
    return new LinuxFile(this.#library, this.#demand(descriptor, "open", path), path);
  }

  openToFill(path: string): Deno.FsFile {
    const flags = O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC;
    const descriptor = this.#demand(this.#library.open(pathBytes(path), flags, 0o600), "open", path);
    return reopened(this.#library, descriptor);
  }

  put(path: string, bytes: Bytes, { mode, time }: { mode: number; time: ExactTime }): void {
    const library = this.#library;
    const flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC;
    const descriptor = this.#demand(library.open(spelledPath(path), flags, 0o600), "make", path);
    try {
      for (let at = 0; at < bytes.length;) {
        const rest = bytes.subarray(at);
        at += this.#demand(library.write(descriptor, rest, BigInt(rest.length)), "write", path);
      }
      this.#demand(library.fchmod(descriptor, mode), "set the mode of", path);
      this.#demand(library.futimens(descriptor, spelledTimes(time)), "set the time of", path);
    } finally {
      library.close(descriptor);
    }
  }

  makeDirectory(path: string): void {
    this.#demand(this.#library.mkdir(pathBytes(path), 0o700), "make the directory", path);
  }

  symlink(to: string, path: string): void {
    this.#demand(this.#library.symlink(pathBytes(to), pathBytes(path)), "make the link", path);
  }

  link(existing: string, path: string): void {
    this.#demand(this.#library.link(pathBytes(existing), pathBytes(path)), "link", path);
  }

  rename(from: string, to: string): void {
    this.#demand(this.#library.rename(pathBytes(from), pathBytes(to)), "rename", from);
  }

  remove(path: string): void {
    this.#demand(this.#library.remove(pathBytes(path)), "remove", path);
  }

  setMode(path: string, mode: number): void {
    this.#demand(this.#library.chmod(pathBytes(path), mode), "set the mode of", path);
  }

  setTime(path: string, time: ExactTime): void {
    const times = spelledTimes(time);
    const result = this.#library.utimensat(AT_FDCWD, pathBytes(path), times, AT_SYMLINK_NOFOLLOW);
    this.#demand(result, "set the time of", path);
  }

  setOwner(path: string, { uid, gid }: { uid: number; gid: number }): void {
    this.#demand(this.#library.lchown(pathBytes(path), uid, gid), "set the owner of", path);
  }

  setAttribute(path: string, name: string, value: Bytes): boolean {
    const size = BigInt(value.length);
    const result = this.#library.lsetxattr(pathBytes(path), pathBytes(name), value, size, 0);
    if (result === 0) return true;
    const number = errnoOf(this.#library);
    if (UNSUPPORTED.has(number)) return false;
    throw systemError(number, `set the attribute ${name} of ${path}`);
  }

  sync(directory: string): void {
    const descriptor = this.#openDirectory(directory);
    const result = this.#library.syncfs(descriptor);
    this.#library.close(descriptor);
    this.#demand(result, "sync", directory);
  }

  [Symbol.dispose](): void {
    this.#opened.close();
  }

  #openDirectory(path: string): number {
    return this.#demand(this.#library.open(pathBytes(path), O_DIRECTORY | O_CLOEXEC, 0), "open", path);
  }

  #demand(result: number | bigint, what: string, path: string): number {
    return demand(this.#library, result, what, path);
  }
}

/** A file that is open, by the number that the system gave it. */
class LinuxFile implements OpenFile {
  readonly #library: LibraryCalls;
  readonly #descriptor: number;
  readonly #path: string;

  constructor(library: LibraryCalls, descriptor: number, path: string) {
    this.#library = library;
    this.#descriptor = descriptor;
    this.#path = path;
  }

  stat(): DiskEntry {
    const result = this.#library.statx(this.#descriptor, NO_PATH, AT_EMPTY_PATH, STATX_BASIC, answer);
    demand(this.#library, result, "stat", this.#path);
    return answeredEntry();
  }

  attributes(): Attributes | undefined {
    return keptAttributes(
      this.#library.flistxattr(this.#descriptor, listing, ROOM),
      (name) => this.#library.fgetxattr(this.#descriptor, name, listing, ROOM),
    );
  }

  read(into: Bytes): number {
    const count = this.#library.read(this.#descriptor, into, BigInt(into.length));
    return demand(this.#library, count, "read", this.#path);
  }

  readAt(into: Bytes, offset: number): number {
    const count = this.#library.pread(this.#descriptor, into, BigInt(into.length), BigInt(offset));
    return demand(this.#library, count, "read", this.#path);
  }

  [Symbol.dispose](): void {
    this.#library.close(this.#descriptor);
  }
}

/** A file of Deno's for one that is open: Deno cannot spell every path, but it can open this one. */
function reopened(library: LibraryCalls, descriptor: number): Deno.FsFile {
  try {
    return Deno.openSync(`/proc/self/fd/${descriptor}`, { read: true, write: true });
  } finally {
    library.close(descriptor);
  }
}
