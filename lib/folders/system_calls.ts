/** A disk as the calls of Linux show it, which tell what Deno leaves out or rounds. @module */
import type { Bytes } from "../content/bytes.ts";
import { decodeName } from "../layers/tar_field.ts";
import type { ExactTime } from "../layers/entry.ts";
import { errnoOf, type LibraryCalls, openLibrary, pathBytes, systemError } from "./c_library.ts";
import { type Disk, emptyFile } from "./disk.ts";
import { readNames, readStatx } from "./system_answers.ts";

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

/** Access to the disk through the C library; `undefined` on other systems, or without the permission to call it. */
export function systemCalls(): Disk | undefined {
  const opened = openLibrary();
  if (!opened) return undefined;
  const library = opened.symbols;
  const listing = new Uint8Array(64 * 1024);
  const room = BigInt(listing.length);
  const answer = new Uint8Array(256);
  const answered = new DataView(answer.buffer);
  const target = new Uint8Array(4096);
  const spelled = new Uint8Array(4096);
  const encoder = new TextEncoder();
  /** The bytes of a path, until the next call: hundreds of thousands of them would be rubbish to collect. */
  const briefly = (path: string): Bytes => {
    if (3 * path.length >= spelled.length || !path.isWellFormed()) return pathBytes(path);
    spelled[encoder.encodeInto(path, spelled).written] = 0;
    return spelled;
  };
  const times = new DataView(new ArrayBuffer(32)); // the time of access, and that of modification
  /** The attributes whose names a call has listed. Another call gives the value of each. */
  const keptAttributes = (listed: number | bigint, valueOf: (name: Bytes) => number | bigint) => {
    if (Number(listed) <= 0) return undefined; // it has none, or the file system knows none
    const names = decodeName(listing.slice(0, Number(listed) - 1)).split("\0").filter(isKept).sort();
    const found = names.flatMap((name) => {
      const size = Number(valueOf(pathBytes(name)));
      return size < 0 ? [] : [[name, listing.slice(0, size)] as const]; // it was removed meanwhile
    });
    return found.length === 0 ? undefined : Object.fromEntries(found);
  };
  const openDirectory = (path: string) => {
    return demand(library.open(pathBytes(path), O_DIRECTORY | O_CLOEXEC, 0), "open", path);
  };
  const spelledTimes: Bytes = new Uint8Array(times.buffer);
  const timesOf = ({ seconds, nanoseconds }: ExactTime): Bytes => {
    for (const at of [0, 16]) {
      times.setUint32(at, seconds, true); // as integers of 64 bits, without making two for each file
      times.setInt32(at + 4, Math.floor(seconds / 2 ** 32), true);
      times.setUint32(at + 8, nanoseconds, true);
    }
    return spelledTimes;
  };
  const demand = (result: number | bigint, what: string, path: string): number => {
    if (Number(result) < 0) throw systemError(errnoOf(library), `${what} ${path}`);
    return Number(result);
  };
  return {
    isExact: true,
    list(directory) {
      const descriptor = openDirectory(directory);
      const names: string[] = [];
      try {
        for (;;) {
          const length = demand(
            library.getdents64(descriptor, listing, room),
            "list",
            directory,
          );
          if (length === 0) return names;
          readNames(listing.subarray(0, length), names);
        }
      } finally {
        library.close(descriptor);
      }
    },
    stat(path) {
      demand(
        library.statx(AT_FDCWD, briefly(path), AT_SYMLINK_NOFOLLOW, STATX_BASIC, answer),
        "stat",
        path,
      );
      return readStatx(answered);
    },
    readLink(path) {
      const length = library.readlink(pathBytes(path), target, BigInt(target.length));
      return decodeName(target.slice(0, demand(length, "read the link", path)));
    },
    attributes: (path) =>
      keptAttributes(
        library.llistxattr(briefly(path), listing, room),
        (name) => library.lgetxattr(briefly(path), name, listing, room),
      ),
    open(path) {
      const flags = O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
      const opened = library.open(briefly(path), flags, 0);
      if (opened < 0 && NO_FILE.includes(errnoOf(library))) return emptyFile(this.stat(path));
      const descriptor = demand(opened, "open", path);
      return {
        stat() {
          demand(library.statx(descriptor, NO_PATH, AT_EMPTY_PATH, STATX_BASIC, answer), "stat", path);
          return readStatx(answered);
        },
        attributes: () =>
          keptAttributes(
            library.flistxattr(descriptor, listing, room),
            (name) => library.fgetxattr(descriptor, name, listing, room),
          ),
        readAt: (into, offset) =>
          demand(
            library.pread(descriptor, into, BigInt(into.length), BigInt(offset)),
            "read",
            path,
          ),
        read: (into) => demand(library.read(descriptor, into, BigInt(into.length)), "read", path),
        [Symbol.dispose]: () => void library.close(descriptor),
      };
    },
    openToFill(path) {
      const flags = O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC;
      const descriptor = demand(library.open(pathBytes(path), flags, 0o600), "open", path);
      return reopened(library, descriptor);
    },
    put(path, bytes, { mode, time }) {
      const flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC;
      const descriptor = demand(library.open(briefly(path), flags, 0o600), "make", path);
      try {
        for (let at = 0; at < bytes.length;) {
          const rest = bytes.subarray(at);
          at += demand(library.write(descriptor, rest, BigInt(rest.length)), "write", path);
        }
        demand(library.fchmod(descriptor, mode), "set the mode of", path);
        demand(library.futimens(descriptor, timesOf(time)), "set the time of", path);
      } finally {
        library.close(descriptor);
      }
    },
    makeDirectory: (path) => void demand(library.mkdir(pathBytes(path), 0o700), "make the directory", path),
    symlink: (to, path) =>
      void demand(library.symlink(pathBytes(to), pathBytes(path)), "make the link", path),
    link: (existing, path) => void demand(library.link(pathBytes(existing), pathBytes(path)), "link", path),
    rename: (from, to) => void demand(library.rename(pathBytes(from), pathBytes(to)), "rename", from),
    remove: (path) => void demand(library.remove(pathBytes(path)), "remove", path),
    setMode: (path, mode) => void demand(library.chmod(pathBytes(path), mode), "set the mode of", path),
    setTime(path, time) {
      const result = library.utimensat(AT_FDCWD, pathBytes(path), timesOf(time), AT_SYMLINK_NOFOLLOW);
      demand(result, "set the time of", path);
    },
    setOwner: (path, { uid, gid }) =>
      void demand(library.lchown(pathBytes(path), uid, gid), "set the owner of", path),
    setAttribute(path, name, value) {
      const result = library.lsetxattr(pathBytes(path), pathBytes(name), value, BigInt(value.length), 0);
      if (result === 0) return true;
      const number = errnoOf(library);
      if (UNSUPPORTED.has(number)) return false;
      throw systemError(number, `set the attribute ${name} of ${path}`);
    },
    sync(directory) {
      const descriptor = openDirectory(directory);
      const result = library.syncfs(descriptor);
      library.close(descriptor);
      demand(result, "sync", directory);
    },
    [Symbol.dispose]: () => opened.close(),
  };
}

/** Whether an attribute belongs to a file, and not to this machine or its file system. */
function isKept(name: string): boolean {
  return name.startsWith("user.") || name === "security.capability";
}

/**
 * What a file system says that has no attributes, not of this kind, not for whoever asks, or none so large: ext4 says then that
 * the disk is full.
 */
const UNSUPPORTED: ReadonlySet<number> = new Set([1, 7, 28, 34, 95]);

/** A file of Deno's for one that is open: Deno cannot spell every path, but it can open this one. */
function reopened(library: LibraryCalls, descriptor: number): Deno.FsFile {
  try {
    return Deno.openSync(`/proc/self/fd/${descriptor}`, { read: true, write: true });
  } finally {
    library.close(descriptor);
  }
}
