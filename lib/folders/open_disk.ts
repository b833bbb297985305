/** Reads a directory tree: through the C library of Linux, which tells everything, or through Deno. @module */
import { lchownSync } from "node:fs";
import { writeAllSync } from "../content/write_all.ts";
import { type Disk, type DiskEntry, emptyFile } from "./disk.ts";
import { openLinuxDisk } from "./linux_disk.ts";

/**
 * The best access that there is. That of Linux needs the permission `--allow-ffi`. Without it, times are in milliseconds, and
 * names that are not UTF-8 cannot be read.
 */
export function openDisk(): Disk {
  return openLinuxDisk() ?? PORTABLE;
}

/** What Deno offers everywhere. */
const PORTABLE: Disk = {
  isExact: false,
  list: (directory) => Array.from(Deno.readDirSync(directory), ({ name }) => name),
  stat: (path) => entryOf(Deno.lstatSync(path)),
  readLink: (path) => Deno.readLinkSync(path),
  attributes: () => undefined,
  open: (path) => {
    const info = entryOf(Deno.lstatSync(path));
    if (info.kind !== "file") return emptyFile(info);
    const file = Deno.openSync(path);
    return {
      stat: () => entryOf(file.statSync()),
      attributes: () => undefined,
      read: (into) => file.readSync(into) ?? 0,
      readAt(into, offset) {
        file.seekSync(offset, Deno.SeekMode.Start);
        return file.readSync(into) ?? 0;
      },
      [Symbol.dispose]: () => file.close(),
    };
  },
  openToFill: (path) => Deno.openSync(path, { read: true, write: true, create: true, mode: 0o600 }),
  put(path, bytes, { mode, time }) {
    {
      using file = Deno.openSync(path, { write: true, createNew: true, mode: 0o600 });
      writeAllSync(file, bytes);
    }
    this.setMode(path, mode);
    this.setTime(path, time);
  },
  makeDirectory: (path) => Deno.mkdirSync(path, { mode: 0o700 }),
  symlink: (target, path) => Deno.symlinkSync(target, path),
  link: (existing, path) => Deno.linkSync(existing, path),
  rename: (from, to) => Deno.renameSync(from, to),
  remove: (path) => Deno.removeSync(path),
  setMode: (path, mode) => Deno.build.os === "windows" ? undefined : Deno.chmodSync(path, mode),
  setTime: (path, { seconds, nanoseconds }) => {
    const time = new Date(seconds * 1000 + Math.floor(nanoseconds / 1_000_000));
    if (!Deno.lstatSync(path).isSymlink) Deno.utimeSync(path, time, time); // Deno sets no times of links
  },
  setOwner: (path, { uid, gid }) => lchownSync(path, uid, gid),
  setAttribute: () => false,
  sync: () => {},
  [Symbol.dispose]: () => {},
};

function entryOf(info: Deno.FileInfo): DiskEntry {
  const modified = info.mtime?.getTime() ?? 0;
  const seconds = Math.floor(modified / 1000);
  return {
    kind: kindOfInfo(info),
    mode: (info.mode ?? (info.isDirectory ? 0o755 : 0o644)) & 0o7777, // Windows has no modes
    size: info.size,
    seconds,
    nanoseconds: (modified - seconds * 1000) * 1_000_000,
    changed: info.ctime?.getTime() ?? modified,
    device: info.dev,
    inode: info.ino ?? 0,
    links: info.nlink ?? 1,
    uid: info.uid ?? 0,
    gid: info.gid ?? 0,
  };
}

function kindOfInfo(info: Deno.FileInfo): DiskEntry["kind"] {
  if (info.isFile) return "file";
  if (info.isDirectory) return "directory";
  if (info.isSymlink) return "symlink";
  return info.isFifo ? "pipe" : info.isSocket ? "socket" : "device";
}
