/** What rows of a table of contents say of an entry, and of the content of a file. @module */
import { MismatchError } from "../errors.ts";
import { type ContentDigests, type Entry, type EntryType, normalPath, requireName } from "./entry.ts";
import type { Row } from "./toc_row.ts";

/** A map, because a table may name what every object has, such as `constructor`. */
const TYPES: ReadonlyMap<string, EntryType> = new Map([
  ["reg", "file"],
  ["dir", "directory"],
  ["symlink", "symlink"],
  ["hardlink", "hardlink"],
  ["char", "character-device"],
  ["block", "block-device"],
  ["fifo", "fifo"],
]);

/**
 * The entry that a row describes.
 *
 * @throws {MismatchError} if it is malformed
 */
export function tableEntry(row: Row, position: number): Entry {
  const type = TYPES.get(row.type);
  if (!type) throw new MismatchError("the table of contents is malformed: an entry has an unknown type");
  const { name, mode, uid, gid, userName: owner, groupName: group, linkName: target, xattrs } = row;
  requireName(name);
  requireName(target);
  const { modified, exactTime: exact } = readTime(row.modtime);
  return {
    path: normalPath(name),
    name,
    type,
    mode: mode & 0o7777,
    uid,
    gid,
    owner,
    group,
    size: type === "file" ? row.size : 0,
    modified,
    ...(exact && { exactTime: exact }),
    ...((type === "symlink" || type === "hardlink") && { target }),
    ...(type.endsWith("device") && { device: { major: row.devMajor, minor: row.devMinor } }),
    ...(xattrs && { attributes: decoded(xattrs) }),
    position,
  };
}

/** A time in RFC 3339, in seconds since 1970. The fraction may have nine digits, but a `Date` keeps three. */
function readTime(text: string): Pick<Entry, "modified" | "exactTime"> {
  const [, fraction = ""] = /\.(\d+)(?:Z|[+-]\d\d:\d\d)$/.exec(text) ?? [];
  const seconds = Date.parse(fraction === "" ? text : text.replace(`.${fraction}`, "")) / 1000;
  if (!Number.isFinite(seconds)) return { modified: 0 };
  const nanoseconds = Number(fraction.slice(0, 9).padEnd(9, "0"));
  if (nanoseconds === 0) return { modified: seconds };
  return { modified: seconds + Number(`0.${fraction.slice(0, 9)}`), exactTime: { seconds, nanoseconds } };
}

function decoded(attributes: Record<string, string>): Entry["attributes"] {
  try {
    return Object.fromEntries(
      Object.entries(attributes).map(([key, value]) => [key, Uint8Array.fromBase64(value)]),
    );
  } catch {
    throw new MismatchError("the table of contents is malformed: an attribute is not in base64");
  }
}

/** What the rows of a file say of its content. Holes have no digest. Only sha256 digests can be compared with others. */
export function digestsOf(rows: Row[]): ContentDigests {
  const [file, ...more] = rows.map((row) => ({
    ...row,
    digest: comparable(row.digest),
    chunkDigest: comparable(row.chunkDigest),
  }));
  const { size, digest, chunkDigest, chunkType } = file!;
  if (more.length === 0) {
    const isHole = chunkType === "zeros";
    return { whole: digest || (isHole ? undefined : chunkDigest) || undefined };
  }
  const pieces = [file!, ...more].map((row) => ({
    end: Math.min(size, row.chunkOffset + (row.chunkSize || size)),
    digest: row.chunkType === "zeros" ? row.chunkType : row.chunkDigest,
  }));
  const isKnown = pieces.every(({ digest }) => digest !== "");
  return { whole: digest || undefined, pieces: isKnown ? pieces : undefined };
}

function comparable(digest: string): string {
  return digest.startsWith("sha256:") ? digest : "";
}
