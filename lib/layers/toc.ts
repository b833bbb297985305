/** Reads tables of contents of layers, whose format eStargz and zstd:chunked share. @module */
import { algorithmOf, DigestHash } from "../oci/digest.ts";
import * as v from "valibot";
import type { Bytes } from "../content/bytes.ts";
import { MismatchError } from "../errors.ts";
import { parseAs } from "../oci/manifest.ts";
import { type Compression, decompress } from "./compression.ts";
import type { Entry, Extent, OpenEntry } from "./entry.ts";
import type { LayerBlob } from "./layer_blob.ts";
import { StreamInput } from "./tar_input.ts";
import { digestsOf, tableEntry } from "./toc_entry.ts";
import { type Row, rowSchema } from "./toc_row.ts";

/** The largest table that is read, uncompressed, in bytes: some 250,000 files. Larger ones are not used. */
export const LARGEST_TOC: number = 64 * 1024 * 1024;

/** The most rows that are parsed: each takes some 2 KB of memory. */
const MOST_ROWS = 300_000;

const tocSchema = v.object({ version: v.literal(1), entries: v.array(rowSchema) });

/** The table of contents of one layer. */
export class Toc {
  readonly #files: Row[][];
  readonly #json: Bytes;
  readonly #entry: Entry | undefined;
  readonly #blob: LayerBlob;
  readonly #compression: Compression;

  /**
   * Parses a table.
   *
   * @param place the layer and its compression; `entry` is the table's own, where it is a file of the layer, the last one
   * @throws {MismatchError} if it is malformed, has too many rows, or has names that are not UTF-8, which JSON cannot express
   */
  constructor(
    json: Bytes,
    { blob, compression, entry }: { blob: LayerBlob; compression: Compression; entry?: Entry | undefined },
  ) {
    requireFewRows(json);
    const { entries } = parseAs(tocSchema, json, "table of contents");
    if (!entries.every(({ name, linkName }) => isWhole(name) && isWhole(linkName))) {
      throw new MismatchError("it has names that are not UTF-8");
    }
    this.#files = groupChunks(entries);
    [this.#json, this.#entry] = [json, entry];
    this.#blob = blob;
    this.#compression = compression;
  }

  /** Whether it has digests for the contents of all files. */
  get provesAll(): boolean {
    return this.#files.every(([file, ...more]) =>
      file!.type !== "reg" || file!.size === 0 || (more.length === 0 && file!.digest !== "") ||
      [file!, ...more].every(({ chunkDigest, chunkType }) => chunkDigest !== "" || chunkType === "zeros")
    );
  }

  /** The entries that it lists, and its own. Only contents that are read are fetched. */
  async *entries(): AsyncGenerator<OpenEntry> {
    for (const [position, rows] of this.#files.entries()) {
      const entry = tableEntry(rows[0]!, position);
      yield {
        ...entry,
        extents: (from = 0) => this.#extents(entry, rows, from),
        digests: () => digestsOf(rows),
        lasting: { isProven: this.#blob.hasProvenTable },
      };
    }
    if (this.#entry) {
      yield { ...this.#entry, position: this.#files.length, extents: () => inOnePiece(this.#json) };
    }
  }

  async *#extents({ type, path, size }: Entry, rows: Row[], from: number): AsyncGenerator<Extent> {
    if (type !== "file") return;
    let end = 0;
    for (const row of rows) {
      if (row.chunkOffset !== end) {
        throw new MismatchError(`the table of contents is malformed: ${path} has gaps`);
      }
      const length = Math.min(row.chunkSize || size, size - end);
      const isWanted = end + length > from && row.chunkType !== "zeros";
      if (isWanted) yield* this.#chunk(row, { path, length, whole: length === size });
      end += length;
    }
    if (end !== size) throw new MismatchError(`the table of contents is malformed: ${path} is not whole`);
  }

  async *#chunk(
    row: Row,
    { path, length, whole }: { path: string; length: number; whole: boolean },
  ): AsyncGenerator<Extent> {
    const expected = row.chunkDigest || (whole ? row.digest : "");
    const hash = new DigestHash(algorithmOf(expected));
    const input = new StreamInput(decompress(this.#packed(row), this.#compression, this.#blob.signal));
    let offset = row.chunkOffset;
    try {
      await input.skip(length > 0 ? row.innerOffset : 0);
      for await (const bytes of input.pieces(length)) {
        hash.update(bytes);
        yield { offset, bytes };
        offset += bytes.length;
      }
    } finally {
      await input.close();
    }
    if (expected === "" || expected === hash.digest()) return;
    throw new MismatchError(`${path} is corrupted: its digest is not the one in the table of contents`);
  }

  /** The compressed bytes of a chunk. eStargz has no `endOffset`: the reader stops when it has the whole chunk. */
  async *#packed({ offset, endOffset }: Row): AsyncGenerator<Bytes> {
    let left = endOffset === undefined ? Infinity : endOffset - offset;
    if (left < 0 || left !== Infinity && endOffset! > this.#blob.size) {
      throw new MismatchError("the table of contents points beyond the layer's end");
    }
    if (left === 0) return;
    for await (const piece of this.#blob.from(offset, { end: endOffset })) {
      yield piece.subarray(0, left);
      left -= piece.length;
      if (left <= 0) return;
    }
  }
}

async function* inOnePiece(bytes: Bytes): AsyncGenerator<Extent> {
  yield { offset: 0, bytes };
}

/** Counts the rows of a table before it is parsed. Each is an object, and begins with a brace. */
function requireFewRows(json: Bytes): void {
  let braces = 0;
  for (let at = json.indexOf(0x7b); at >= 0; at = json.indexOf(0x7b, at + 1)) {
    if (++braces > MOST_ROWS) throw new MismatchError(`it lists more than ${MOST_ROWS} files`);
  }
}

/**
 * Whether a name is as the archive has it. Go writes U+FFFD for bytes that are not UTF-8, and so loses them. A folder has lone
 * surrogates for them, which the names here have, too.
 */
function isWhole(name: string): boolean {
  return name.replaceAll(/[\udc80-\udcff]/gu, "").isWellFormed() && !name.includes("\ufffd");
}

/** Groups the rows by file: the further chunks of a file follow its own row. */
function groupChunks(rows: Row[]): Row[][] {
  const files: Row[][] = [];
  for (const row of rows) {
    const last = files.at(-1);
    if (row.type !== "chunk") files.push([row]);
    else if (last?.[0]?.type === "reg") last.push(row);
    else throw new MismatchError("the table of contents is malformed: a chunk belongs to no file");
  }
  return files;
}
