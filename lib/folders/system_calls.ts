/** Calls of Linux that Deno has no functions for, or whose answers it rounds. @module */
import type { Bytes } from "../content/bytes.ts";
import { decodeName, encodeName } from "../layers/tar_field.ts";
import type { ExactTime } from "../layers/entry.ts";
import { type Disk, type DiskEntry, emptyFile } from "./disk.ts";

const SYMBOLS = {
  open: { parameters: ["buffer", "i32", "u32"], result: "i32" },
  read: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  close: { parameters: ["i32"], result: "i32" },
  getdents64: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  pread: { parameters: ["i32", "buffer", "usize", "i64"], result: "isize" },
  statx: { parameters: ["i32", "buffer", "i32", "u32", "buffer"], result: "i32" },
  readlink: { parameters: ["buffer", "buffer", "usize"], result: "isize" },
  mkdir: { parameters: ["buffer", "u32"], result: "i32" },
  symlink: { parameters: ["buffer", "buffer"], result: "i32" },
  link: { parameters: ["buffer", "buffer"], result: "i32" },
  rename: { parameters: ["buffer", "buffer"], result: "i32" },
  remove: { parameters: ["buffer"], result: "i32" },
  chmod: { parameters: ["buffer", "u32"], result: "i32" },
  utimensat: { parameters: ["i32", "buffer", "buffer", "i32"], result: "i32" },
  write: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  fchmod: { parameters: ["i32", "u32"], result: "i32" },
  futimens: { parameters: ["i32", "buffer"], result: "i32" },
  lchown: { parameters: ["buffer", "u32", "u32"], result: "i32" },
  llistxattr: { parameters: ["buffer", "buffer", "usize"], result: "isize" },
  lgetxattr: { parameters: ["buffer", "buffer", "buffer", "usize"], result: "isize" },
  lsetxattr: { parameters: ["buffer", "buffer", "buffer", "usize", "i32"], result: "i32" },
  syncfs: { parameters: ["i32"], result: "i32" },
  __errno_location: { parameters: [], result: "pointer" },
} as const;

type Library = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];

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
/** The kinds of files, in the upper bits of their mode. */
const KINDS: Readonly<Record<number, DiskEntry["kind"]>> = {
  0o01: "pipe",
  0o02: "device",
  0o04: "directory",
  0o06: "device",
  0o10: "file",
  0o12: "symlink",
  0o14: "socket",
};

/** Opens the library; `undefined` on other systems, or without the permission to call it. */
export function systemCalls(): Disk | undefined {
  const isAllowed = Deno.build.os === "linux" &&
    Deno.permissions.querySync({ name: "ffi" }).state === "granted";
  if (!isAllowed) return undefined;
  for (const name of ["libc.so.6", `ld-musl-${Deno.build.arch}.so.1`]) {
    try {
      return diskOf(Deno.dlopen(name, SYMBOLS));
    } catch {
      continue; // another C library, or one from before these calls
    }
  }
  return undefined;
}

function diskOf(opened: Deno.DynamicLibrary<typeof SYMBOLS>): Disk {
  const library = opened.symbols;
  const listing = new Uint8Array(64 * 1024);
  const answer = new Uint8Array(256);
  const target = new Uint8Array(4096);
  const spelled = new Uint8Array(4096);
  const encoder = new TextEncoder();
  /** The bytes of a path, until the next call: hundreds of thousands of them would be rubbish to collect. */
  const briefly = (path: string): Bytes => {
    if (3 * path.length >= spelled.length || !path.isWellFormed()) return pathBytes(path);
    spelled[encoder.encodeInto(path, spelled).written] = 0;
    return spelled;
  };
  const times = new BigInt64Array(4); // the time of access, and that of modification: seconds and nanoseconds
  const openDirectory = (path: string) => {
    return demand(library.open(pathBytes(path), O_DIRECTORY | O_CLOEXEC, 0), "open", path);
  };
  const timesOf = ({ seconds, nanoseconds }: ExactTime): Bytes => {
    times.set([BigInt(seconds), BigInt(nanoseconds), BigInt(seconds), BigInt(nanoseconds)]);
    return new Uint8Array(times.buffer);
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
            library.getdents64(descriptor, listing, BigInt(listing.length)),
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
      return readAnswer(answer);
    },
    readLink(path) {
      const length = library.readlink(pathBytes(path), target, BigInt(target.length));
      return decodeName(target.slice(0, demand(length, "read the link", path)));
    },
    attributes(path) {
      const length = Number(library.llistxattr(briefly(path), listing, BigInt(listing.length)));
      if (length <= 0) return undefined; // it has none, or the file system knows none
      const names = decodeName(listing.slice(0, length - 1)).split("\0").filter(isKept).sort();
      const found = names.flatMap((name) => {
        const size = Number(
          library.lgetxattr(briefly(path), pathBytes(name), listing, BigInt(listing.length)),
        );
        return size < 0 ? [] : [[name, listing.slice(0, size)] as const]; // it was removed meanwhile
      });
      return found.length === 0 ? undefined : Object.fromEntries(found);
    },
    open(path) {
      const flags = O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
      const opened = library.open(briefly(path), flags, 0);
      if (opened < 0 && NO_FILE.includes(errnoOf(library))) return emptyFile(this.stat(path));
      const descriptor = demand(opened, "open", path);
      return {
        stat() {
          demand(library.statx(descriptor, NO_PATH, AT_EMPTY_PATH, STATX_BASIC, answer), "stat", path);
          return readAnswer(answer);
        },
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
      const descriptor = demand(library.open(pathBytes(path), flags, 0o600), "make", path);
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
function reopened(library: Library, descriptor: number): Deno.FsFile {
  try {
    return Deno.openSync(`/proc/self/fd/${descriptor}`, { read: true, write: true });
  } finally {
    library.close(descriptor);
  }
}

/** A path as C takes it: bytes up to a zero. */
function pathBytes(path: string): Bytes {
  return encodeName(`${path}\0`);
}

/** The entries of `getdents64`: the inode and an offset of eight bytes each, the entry's length, its type, its name. */
function readNames(bytes: Bytes, names: string[]): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = 0; at < bytes.length; at += view.getUint16(at + 16, true)) {
    const name = bytes.subarray(at + 19, bytes.indexOf(0, at + 19));
    const isDot = name[0] === 0x2e && (name.length === 1 || name.length === 2 && name[1] === 0x2e);
    if (!isDot) names.push(decodeName(name));
  }
}

/** The fields of `struct statx`, which has the same layout on every processor. */
function readAnswer(bytes: Bytes): DiskEntry {
  const view = new DataView(bytes.buffer);
  const mode = view.getUint16(28, true);
  const long = (at: number) => Number(view.getBigUint64(at, true));
  return {
    kind: KINDS[mode >> 12] ?? "device",
    mode: mode & 0o7777,
    size: long(40),
    seconds: Number(view.getBigInt64(112, true)),
    nanoseconds: view.getUint32(120, true),
    changed: Number(view.getBigInt64(96, true)) * 1000 + view.getUint32(104, true) / 1_000_000,
    device: view.getUint32(136, true) * 2 ** 20 + view.getUint32(140, true),
    inode: long(32),
    links: view.getUint32(16, true),
  };
}

function errnoOf(library: Library): number {
  const pointer = library.__errno_location();
  return pointer ? new Deno.UnsafePointerView(pointer).getInt32() : 0;
}

/** The error for the number that the system gives, of the class that Deno throws for it. */
function systemError(number: number, what: string): Error {
  const message = `${what}: error ${number} of the system`;
  if (number === 1 || number === 13) return new Deno.errors.PermissionDenied(message);
  if (number === 17) return new Deno.errors.AlreadyExists(message);
  if (number === 2) return new Deno.errors.NotFound(message);
  if (number === 20) return new Deno.errors.NotADirectory(message);
  return Object.assign(new Error(message), codeOf(number));
}

/** The code that errors of Deno have for what users can mend: a full disk, a quota, a disk that is not to be written. */
function codeOf(number: number): { code?: string } {
  const codes: Readonly<Record<number, string>> = { 28: "ENOSPC", 122: "EDQUOT", 30: "EROFS" };
  return codes[number] === undefined ? {} : { code: codes[number] };
}
