/** Makes the entry of a tar archive from its header and the extension headers before it. @module */
import { MismatchError } from "../errors.ts";
import { type Entry, type EntryType, exactTime, requireName } from "./entry.ts";
import { type PaxAttributes, paxNumber, type PaxRecord, paxText } from "./pax.ts";
import type { TarHeader } from "./tar_header.ts";

const TYPES: Readonly<Record<string, EntryType>> = {
  "1": "hardlink",
  "2": "symlink",
  "3": "character-device",
  "4": "block-device",
  "5": "directory",
  "6": "fifo",
  D: "directory",
};

/** The extension headers that precede an entry. */
export interface Extensions {
  name?: string;
  target?: string;
  records: PaxRecord[];
}

/** The entry that headers describe, except for its path and for what its content tells: they are set later. */
export function archiveEntry(
  header: TarHeader,
  attributes: PaxAttributes,
  own: Extensions,
  position: number,
): Entry {
  const name = own.name || (paxText(attributes, "path") ?? header.name);
  const type = typeOf(header, name);
  const target = requireName(own.target || (paxText(attributes, "linkpath") ?? header.target));
  const extended = extendedAttributes(attributes);
  const exact = exactTime(paxText(attributes, "mtime") ?? "");
  return {
    path: "",
    name,
    type,
    mode: header.mode & 0o7777,
    uid: paxNumber(attributes, "uid") ?? header.uid,
    gid: paxNumber(attributes, "gid") ?? header.gid,
    owner: paxText(attributes, "uname") ?? header.owner,
    group: paxText(attributes, "gname") ?? header.group,
    size: 0,
    modified: paxNumber(attributes, "mtime") ?? header.modified,
    ...(exact && { exactTime: exact }),
    ...((type === "symlink" || type === "hardlink") && { target }),
    ...(type.endsWith("device") && { device: header.device }),
    ...(extended && { attributes: extended }),
    position,
  };
}

/** The type of an entry. Archives from before POSIX mark a directory by a slash at the end of its name. */
function typeOf({ flag }: TarHeader, name: string): EntryType {
  if (flag === "M") throw new MismatchError("the tar archive is one volume of several");
  return TYPES[flag] ?? (flag === "\0" && name.endsWith("/") ? "directory" : "file");
}

const ATTRIBUTE = "SCHILY.xattr.";

function extendedAttributes(attributes: PaxAttributes): Entry["attributes"] {
  const found = [...attributes].filter(([key]) => key.startsWith(ATTRIBUTE));
  if (found.length === 0) return undefined;
  return Object.fromEntries(
    found.map(([key, value]) => [attributeName(key.slice(ATTRIBUTE.length)), value.slice()]),
  );
}

/** A key has no `=`: GNU tar writes that, and the sign that it escapes it with, in hexadecimal digits. */
function attributeName(key: string): string {
  return key.replaceAll("%3D", "=").replaceAll("%25", "%");
}
