/** Compares the table of contents of a layer with the archive that the layer is. @module */
import { MismatchError } from "../errors.ts";
import { packedEntries, type PackedEntry, requireWhole } from "../folders/pack_table.ts";
import { writeFilled } from "../images/read_image_file.ts";
import { type ContentDigests, type Entry, type OpenEntry, timeOf } from "../layers/entry.ts";
import { type StargzTable, stargzTable, TableTooLargeError } from "../layers/find_toc.ts";
import type { LayerBlob } from "../layers/layer_blob.ts";
import { endsOf, isSameContent, knownBy, PieceHash } from "./contents.ts";
import { keyOfAttributes } from "./differences.ts";

/** What a table says of an entry. */
type TableRow = Entry & Partial<Pick<PackedEntry, "pieces" | "whole">>;

/** A table, and how far it was compared. Its rows are read one after the other: there may be hundreds of thousands. */
export class TableCheck {
  /** The rows that are still to come; `undefined` = there is nothing to compare with. */
  readonly #rows: Iterator<TableRow> | undefined;
  /** The first thing that is wrong. */
  #lie: string | undefined;

  private constructor(rows: Iterator<TableRow> | undefined, lie?: string) {
    [this.#rows, this.#lie] = [rows, lie];
  }

  /**
   * Reads the table of a layer, if it has one: a program that has packed a folder anew may have left it out. One that is larger than
   * any that is read is not compared, which a notice says.
   */
  static async of(blob: LayerBlob): Promise<TableCheck> {
    try {
      const table = await stargzTable(blob);
      return new TableCheck(table && rowsOf(table));
    } catch (error) {
      if (!(error instanceof MismatchError)) throw error;
      if (!(error instanceof TableTooLargeError)) return new TableCheck(undefined, error.message);
      blob.notice(`the table of contents of the layer ${blob.digest} is not compared: ${error.message}`);
      return new TableCheck(undefined);
    }
  }

  /** Compares the next row with the next entry of the archive. */
  async see(open: OpenEntry): Promise<void> {
    if (!this.#rows || this.#lie !== undefined) return;
    const row = this.#next();
    this.#lie ??= await lieAbout(open, row);
  }

  /** What is wrong with the table, when the archive has no more entries; `undefined` = nothing. */
  end(): string | undefined {
    const row = this.#lie === undefined ? this.#next() : undefined;
    return this.#lie ?? (row && `it lists ${row.path}, which is not in the archive`);
  }

  #next(): TableRow | undefined {
    try {
      return this.#rows?.next().value;
    } catch (error) {
      if (!(error instanceof MismatchError)) throw error;
      this.#lie = error.message;
      return undefined;
    }
  }
}

/** What a table lists, and the file that it is itself, the last one of its layer. */
function* rowsOf({ json, start, entry }: StargzTable): Generator<TableRow> {
  for (const row of packedEntries(json, start)) {
    requireWhole(row);
    yield row;
  }
  yield entry;
}

/** What a row says wrongly of an entry of the archive; `undefined` = nothing. */
async function lieAbout(open: OpenEntry, row: TableRow | undefined): Promise<string | undefined> {
  const { path } = open;
  if (!row || row.path !== path) return `it has ${row ? row.path : "nothing"} in the place of ${path}`;
  if (factsOf(row) !== factsOf(open)) return `it says something else of ${path}`;
  const { pieces = [], whole = "" } = row;
  if (pieces.length === 0) return undefined;
  const known: ContentDigests = {
    pieces: pieces.map(({ offset, length, digest }) => ({ end: offset + length, digest })),
  };
  const isSaidTwice = pieces.length === 1 && pieces[0]!.digest === whole;
  const hashes = [known, ...(whole === "" || isSaidTwice ? [] : [{ whole }])].map((each) => ({
    known: each,
    hash: new PieceHash(endsOf(each)),
  }));
  await writeFilled(open, (bytes) => hashes.forEach(({ hash }) => hash.update(bytes)));
  const isTrue = hashes.every(({ known, hash }) => isSameContent(known, knownBy(hash.digests())));
  return isTrue ? undefined : `it has other digests for ${path}`;
}

/** What a table and an archive say alike of an entry. */
function factsOf(entry: Entry): string {
  const { type, mode, uid, gid, size, target = "" } = entry;
  return JSON.stringify([type, mode, uid, gid, size, target, timeOf(entry), keyOfAttributes(entry)]);
}
