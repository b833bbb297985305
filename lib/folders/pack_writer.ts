/**
 * Writes one layer of a folder as eStargz, from its entries to its footer:
 * https://github.com/containerd/stargz-snapshotter/blob/main/docs/estargz.md
 *
 * @module
 */
import { createHash } from "node:crypto";
import type { Bytes } from "../content/bytes.ts";
import {
  archiveName,
  concatenated,
  encodeHeaders,
  END_OF_ARCHIVE,
  paddingAfter,
} from "../layers/write_tar.ts";
import { NO_PREFETCH, STARGZ_TABLE } from "../layers/stargz.ts";
import { type Digest, digestOf } from "../oci/digest.ts";
import type { FolderEntry, FolderEntryType } from "./folder.ts";
import { gains, gzipMember, stargzFooter } from "./gzip_member.ts";

/** What the image says of a finished layer. */
export interface PackFacts {
  /** The digest of the archive, before compression. */
  diffId: Digest;
  /** The digest of the table of contents. */
  table: Digest;
  /** The size of the archive in bytes, before compression. */
  unpacked: number;
}

/** The size of the pieces of a large file, each a gzip member, in bytes. */
export const PIECE: number = 4 * 1024 * 1024;
/** How many bytes of headers share a member. */
const MOST_PENDING = 1024 * 1024;
/** How many bytes are given at once, where members are small. */
const OUTGOING = 256 * 1024;
/** Below this size, in bytes, content is compressed without a trial. */
const WORTH_A_TRIAL = 16 * 1024;

/** Says that nothing is to be fetched before it is asked for. Its content is one byte. */
const LANDMARK: FolderEntry = {
  path: NO_PREFETCH,
  type: "file",
  mode: 0o444,
  size: 1,
  seconds: 0,
  nanoseconds: 0,
};
/** The file with the table of contents. */
const TABLE: FolderEntry = { ...LANDMARK, path: STARGZ_TABLE };

const TYPES: Readonly<Record<FolderEntryType, string>> = {
  file: "reg",
  directory: "dir",
  symlink: "symlink",
  hardlink: "hardlink",
};

/** Writes a layer. Bytes come out of each call, in order; each piece is valid until the next is asked for. */
export class PackWriter {
  readonly #archive = createHash("sha256");
  #unpacked = 0;
  /** How many bytes have come out. */
  #written = 0;
  /** What comes into the next member. */
  #pending: Bytes[] = [];
  #pendingSize = 0;
  #stored = false;
  /** What has come out, and was not given yet: members of small files are small. */
  readonly #outgoing = new Uint8Array(OUTGOING);
  #filled = 0;
  readonly #rows: string[] = [];

  /** What stands at the beginning. */
  *begin(): Generator<Bytes> {
    yield* this.file(LANDMARK, [new Uint8Array([0x0f])]);
  }

  /** Adds a directory, a link or an empty file. */
  *add(entry: FolderEntry): Generator<Bytes> {
    this.#rows.push(JSON.stringify(rowOf(entry)));
    this.#push(encodeHeaders(entry));
    if (this.#pendingSize > MOST_PENDING) yield* this.#flush();
  }

  /**
   * Adds a file.
   *
   * @param pieces its content in pieces of {@link PIECE}, of which the last may be shorter; each may be overwritten when the
   *   next is asked for
   */
  *file(entry: FolderEntry, pieces: Iterable<Bytes>): Generator<Bytes> {
    if (entry.size === 0) return yield* this.add(entry);
    this.#push(encodeHeaders(entry));
    let [offset, stored] = [0, false];
    for (const piece of pieces) {
      yield* this.#flush();
      if (offset === 0) stored = piece.length >= WORTH_A_TRIAL && !gains(piece);
      this.#stored = stored;
      const place = { offset: this.#written, digest: digestOf(piece), at: offset, length: piece.length };
      this.#rows.push(JSON.stringify(offset === 0 ? firstRow(entry, place) : furtherRow(entry, place)));
      this.#push(piece);
      offset += piece.length;
      if (offset < entry.size) yield* this.#flush();
    }
    this.#push(paddingAfter(entry.size));
    this.#own();
  }

  /** Ends the layer: the table of contents, and the footer that says where it is. */
  *end(): Generator<Bytes, PackFacts> {
    yield* this.#flush();
    const tableAt = this.#written;
    const json = new TextEncoder().encode(`{"version":1,"entries":[${this.#rows.join(",")}]}`);
    for (
      const bytes of [
        encodeHeaders({ ...TABLE, size: json.length }),
        json,
        paddingAfter(json.length),
        END_OF_ARCHIVE,
      ]
    ) this.#push(bytes);
    yield* this.#flush();
    yield* this.#out([stargzFooter(tableAt)]);
    yield* this.#sent();
    const diffId: Digest = `sha256:${this.#archive.digest("hex")}`;
    return { diffId, table: digestOf(json), unpacked: this.#unpacked };
  }

  #push(bytes: Bytes): void {
    if (bytes.length === 0) return;
    this.#archive.update(bytes);
    this.#unpacked += bytes.length;
    this.#pendingSize += bytes.length;
    this.#pending.push(bytes);
  }

  /** Copies what is pending: the buffer of a piece is about to be filled with other bytes. */
  #own(): void {
    this.#pending = [concatenated(this.#pending)];
  }

  *#flush(): Generator<Bytes> {
    if (this.#pendingSize === 0) return;
    const bytes = this.#pending.length === 1 ? this.#pending[0]! : concatenated(this.#pending);
    yield* this.#out(gzipMember(bytes, { stored: this.#stored }));
    [this.#pending, this.#pendingSize, this.#stored] = [[], 0, false];
  }

  *#out(pieces: readonly Bytes[]): Generator<Bytes> {
    for (const piece of pieces) {
      this.#written += piece.length;
      if (piece.length > OUTGOING - this.#filled) yield* this.#sent();
      if (piece.length > OUTGOING) {
        yield piece;
        continue;
      }
      this.#outgoing.set(piece, this.#filled);
      this.#filled += piece.length;
    }
  }

  /** Gives what has gathered. The buffer is filled again when the next bytes are asked for. */
  *#sent(): Generator<Bytes> {
    if (this.#filled > 0) yield this.#outgoing.subarray(0, this.#filled);
    this.#filled = 0;
  }
}

/** A piece of a file: the offset of its member, its digest, and where it is in the file. */
interface Place {
  offset: number;
  digest: Digest;
  at: number;
  length: number;
}

/** The row of an entry in the table of contents. */
function rowOf(entry: FolderEntry): Record<string, unknown> {
  const { type, mode, size, seconds, nanoseconds, target } = entry;
  return {
    name: archiveName(entry),
    type: TYPES[type],
    ...(size > 0 && { size }),
    modtime: dateText(seconds, nanoseconds),
    ...(target !== undefined && { linkName: target }),
    mode,
    uid: 0,
    gid: 0,
  };
}

/** The row of a file: with its first piece, and with the digest of the whole where that is the only one. */
function firstRow(entry: FolderEntry, { offset, digest, length }: Place): Record<string, unknown> {
  const isWhole = length === entry.size;
  const whole = isWhole ? { digest } : { chunkSize: length };
  return { ...rowOf(entry), offset, ...whole, chunkDigest: digest };
}

function furtherRow(entry: FolderEntry, { offset, digest, at, length }: Place): Record<string, unknown> {
  const isLast = at + length === entry.size;
  return {
    name: entry.path,
    type: "chunk",
    mode: 0,
    uid: 0,
    gid: 0,
    offset,
    chunkOffset: at,
    ...(!isLast && { chunkSize: length }),
    chunkDigest: digest,
  };
}

/** A time in RFC 3339, with as many digits as it needs. */
function dateText(seconds: number, nanoseconds: number): string {
  const whole = new Date(seconds * 1000).toISOString().slice(0, -5);
  const fraction = nanoseconds > 0 ? `.${`${nanoseconds}`.padStart(9, "0").replace(/0+$/, "")}` : "";
  return `${whole}${fraction}Z`;
}
