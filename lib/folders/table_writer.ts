/** Gathers the table of contents of a layer: its rows as bytes, because there may be many. @module */
import type { Bytes } from "../content/bytes.ts";
import { archiveName, fractionText } from "../layers/write_tar.ts";
import type { Digest } from "../oci/digest.ts";
import type { Attributes, FolderEntry, FolderEntryType } from "./folder.ts";

/** Where a piece of a file is. */
export interface PiecePlace {
  /** The offset of its gzip member in the layer. */
  offset: number;
  digest: Digest;
  /** Its offset in the file. */
  at: number;
  length: number;
}

const TYPES: Readonly<Record<FolderEntryType, string>> = {
  file: "reg",
  directory: "dir",
  symlink: "symlink",
  hardlink: "hardlink",
};

/** The size of the buffers that hold the rows, in bytes. */
const PAGE = 256 * 1024;

/** The rows of a table of contents, as JSON. */
export class TableWriter {
  readonly #full: Bytes[] = [];
  #page: Bytes = new Uint8Array(PAGE);
  #used = 0;
  #separator = "";
  readonly #encoder = new TextEncoder();

  constructor() {
    this.#write(`{"version":1,"entries":[`);
  }

  /** Adds an entry; of a file that has content, with its first piece. */
  add(entry: FolderEntry, piece?: PiecePlace): void {
    this.#add(piece ? { ...rowOf(entry), ...firstPlace(entry, piece) } : rowOf(entry));
  }

  /** Adds a further piece of the file that was added last. */
  addPiece({ path, size }: FolderEntry, piece: PiecePlace): void {
    const isLast = piece.at + piece.length === size;
    this.#add({
      name: path,
      type: "chunk",
      offset: piece.offset,
      chunkOffset: piece.at,
      ...(!isLast && { chunkSize: piece.length }),
      chunkDigest: piece.digest,
    });
  }

  /** Ends the table, and gives its bytes. */
  end(): Bytes[] {
    this.#write("]}");
    return [...this.#full, this.#page.subarray(0, this.#used)];
  }

  #add(row: Record<string, unknown>): void {
    this.#write(this.#separator + JSON.stringify(row));
    this.#separator = ",";
  }

  #write(text: string): void {
    if (3 * text.length > this.#page.length - this.#used) {
      this.#full.push(this.#page.subarray(0, this.#used));
      [this.#page, this.#used] = [new Uint8Array(Math.max(PAGE, 3 * text.length)), 0];
    }
    this.#used += this.#encoder.encodeInto(text, this.#page.subarray(this.#used)).written;
  }
}

/** The row of an entry. Owners are 0, which is what no number means. */
function rowOf(entry: FolderEntry): Record<string, unknown> {
  const { type, mode, size, seconds, nanoseconds, target, attributes, owned } = entry;
  return {
    name: archiveName(entry),
    type: TYPES[type],
    ...(size > 0 && { size }),
    modtime: tableTime(seconds, nanoseconds),
    ...(target !== undefined && { linkName: target }),
    mode,
    ...(owned && { uid: owned.uid, gid: owned.gid }),
    ...(attributes && { xattrs: inBase64(attributes) }),
  };
}

function inBase64(attributes: Attributes): Record<string, string> {
  return Object.fromEntries(Object.entries(attributes).map(([name, value]) => [name, value.toBase64()]));
}

/** Where the first piece of a file is, and the digest of the whole where that is the only one. */
function firstPlace({ size }: FolderEntry, { offset, digest, length }: PiecePlace) {
  const whole = length === size ? { digest } : { chunkSize: length };
  return { offset, ...whole, chunkDigest: digest };
}

/** A time in RFC 3339, with as many digits as it needs. */
function tableTime(seconds: number, nanoseconds: number): string {
  const whole = new Date(seconds * 1000).toISOString().slice(0, -5);
  return `${whole}${fractionText(nanoseconds)}Z`;
}
