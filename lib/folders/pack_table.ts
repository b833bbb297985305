/** Reads the table of contents of a pack, row by row: there may be hundreds of thousands. @module */
import type { Bytes } from "../content/bytes.ts";
import { MismatchError } from "../errors.ts";
import type { Entry } from "../layers/entry.ts";
import { tableEntry } from "../layers/toc_entry.ts";
import { parseRow, type Row } from "../layers/toc_row.ts";
import { isDigest } from "../oci/digest.ts";

/** A piece of a file, which a gzip member of the pack holds. */
export interface Piece {
  /** Where the member begins in the pack, and a position that is not before its end. */
  start: number;
  end: number;
  /** How many bytes of what the member holds come before the piece. */
  skip: number;
  /** The offset of the piece in its file, and its length. */
  offset: number;
  length: number;
  /** Its digest. */
  digest: string;
}

/** An entry of a pack, and what its content is made of, if it is a file. */
export interface PackedEntry extends Entry {
  pieces: Piece[];
  /** The digest that the table has for all of a file, beside those of its pieces; empty = none. */
  whole: string;
}

/** The largest piece that is unpacked in memory, in bytes. Other programs that write eStargz take 4 MiB, as this one does. */
const LARGEST_PIECE = 64 * 1024 * 1024;

/** The most that a member takes or holds, in bytes. Whoever makes a table could say that one takes all of a large pack. */
export const LARGEST_MEMBER: number = 128 * 1024 * 1024;

/**
 * The entries of a pack in the order of its table.
 *
 * @param end where the table begins in the pack
 * @throws {MismatchError} if the table is malformed, or leaves a part of a file without a digest
 */
export function* packedEntries(json: Bytes, end: number): Generator<PackedEntry> {
  let waiting: PackedEntry[] = []; // a piece ends where the next one begins that is not in the same member
  let [start, position] = [0, 0];
  const decoder = new TextDecoder();
  for (const bytes of rowsOf(json)) {
    const row = parseRow(decoder.decode(bytes));
    if (row.type === "reg" && row.size > 0 || row.type === "chunk") {
      if (row.offset < start || row.offset > end) {
        throw malformed("its rows are not in the order of the pack");
      }
      if (row.offset > start) {
        endAt(waiting, row.offset);
        if (row.type !== "chunk") yield* waiting;
        if (row.type !== "chunk") waiting = [];
      }
      start = row.offset;
    }
    if (row.type !== "chunk") {
      waiting.push(Object.assign(tableEntry(row, position++), { pieces: [], whole: row.digest }));
    }
    addPiece(waiting.at(-1), row);
  }
  endAt(waiting, end);
  yield* waiting;
}

function endAt(entries: readonly PackedEntry[], end: number): void {
  for (const { pieces } of entries) {
    for (let at = pieces.length - 1; at >= 0 && pieces[at]!.end === 0; at--) {
      pieces[at]!.end = Math.min(end, pieces[at]!.start + LARGEST_MEMBER);
    }
  }
}

function addPiece(entry: PackedEntry | undefined, row: Row): void {
  if (entry?.type !== "file") {
    if (row.type === "chunk") throw malformed("a piece belongs to no file");
    return;
  }
  if (entry.size === 0) return;
  const last = entry.pieces.at(-1);
  const offset = last ? last.offset + last.length : 0;
  const length = Math.min(row.chunkSize || entry.size, entry.size - offset);
  const digest = row.chunkDigest || (length === entry.size ? row.digest : "");
  const isSound = row.chunkOffset === offset && length > 0 && length <= LARGEST_PIECE && isDigest(digest);
  if (!isSound) throw malformed(`${entry.path} is not in pieces that have digests`);
  entry.pieces.push({ start: row.offset, end: 0, skip: row.innerOffset, offset, length, digest });
}

/**
 * Whether the pieces of a file are all of it.
 *
 * @throws {MismatchError} if they are not
 */
export function requireWhole({ path, type, size, pieces }: PackedEntry): void {
  const last = pieces.at(-1);
  const end = last ? last.offset + last.length : 0;
  if (type === "file" && end !== size) throw malformed(`${path} is not whole`);
}

const [QUOTE, BACKSLASH, OPEN, CLOSE, LIST, END_OF_LIST] = [0x22, 0x5c, 0x7b, 0x7d, 0x5b, 0x5d];

/** The texts of the rows: the objects in the list that the table's object has. */
function* rowsOf(json: Bytes): Generator<Bytes> {
  let [depth, begin, inText] = [0, 0, false];
  for (let at = 0; at < json.length; at++) {
    const byte = json[at];
    if (inText) {
      if (byte === BACKSLASH) at++;
      else if (byte === QUOTE) inText = false;
    } else if (byte === QUOTE) inText = true;
    else if (byte === OPEN || byte === LIST) {
      if (++depth === 3) begin = at;
    } else if (byte === CLOSE || byte === END_OF_LIST) {
      if (depth-- === 3) yield json.subarray(begin, at + 1);
    }
  }
  // A table whose memory was freed is empty, and must not pass for that of a pack without files.
  if (depth !== 0 || json.length === 0) throw malformed("it is cut off");
}

function malformed(why: string): MismatchError {
  return new MismatchError(`the table of contents of a pack is malformed: ${why}`);
}
