/** What the C library answers in memory: the entries of a directory, and what is known of a file. @module */
import type { Bytes } from "../content/bytes.ts";
import { decodeName } from "../layers/tar_field.ts";
import type { DiskEntry } from "./disk.ts";

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

/** The entries of `getdents64`: the inode and an offset of eight bytes each, the entry's length, its type, its name. */
export function readNames(bytes: Bytes, names: string[]): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = 0; at < bytes.length; at += view.getUint16(at + 16, true)) {
    const name = bytes.subarray(at + 19, bytes.indexOf(0, at + 19));
    const isDot = name[0] === 0x2e && (name.length === 1 || name.length === 2 && name[1] === 0x2e);
    if (!isDot) names.push(decodeName(name));
  }
}

/** The fields of `struct statx`, which has the same layout on every processor. */
export function readStatx(view: DataView): DiskEntry {
  const mode = view.getUint16(28, true);
  const long = (at: number) => view.getUint32(at + 4, true) * 2 ** 32 + view.getUint32(at, true);
  const exact = (at: number) =>
    view.getUint32(at + 4, true) < 2 ** 21 ? long(at) : view.getBigUint64(at, true);
  const seconds = (at: number) => view.getInt32(at + 4, true) * 2 ** 32 + view.getUint32(at, true);
  return {
    kind: KINDS[mode >> 12] ?? "device",
    mode: mode & 0o7777,
    size: long(40),
    seconds: seconds(112),
    nanoseconds: view.getUint32(120, true),
    changed: seconds(96) * 1000 + view.getUint32(104, true) / 1_000_000,
    device: view.getUint32(136, true) * 2 ** 20 + view.getUint32(140, true),
    inode: exact(32),
    links: view.getUint32(16, true),
    uid: view.getUint32(20, true),
    gid: view.getUint32(24, true),
  };
}
