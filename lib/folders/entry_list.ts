/** A list of entries of a folder, as rows of bytes: there may be a million. @module */
import type { Bytes } from "../content/bytes.ts";
import { NumberList } from "../images/number_list.ts";
import { baseName, parentOf, pathIn } from "../layers/entry.ts";
import { compressPage, expandPage } from "./compressed_page.ts";
import { type FoundEntry, readRow, writeRow } from "./entry_rows.ts";
import { RowReader, RowWriter } from "./row_bytes.ts";

/** How many rows a page has that is compressed. Neighbours are much alike: together they take a third. */
const LARGE_PAGE = 1024;
/** The same where the next row that is read may be in any page: to find one, all before it in its page are passed over. */
const SMALL_PAGE = 32;
/** What most pages have at most, in bytes, when they are not compressed. */
const USUAL_SIZE = 64 * 1024;

/** Entries in the order in which they were added. */
export class EntryList {
  /** Whether they are read in that order, for the most part: then pages are compressed. */
  readonly #inOrder: boolean;
  /** Pages of rows, which have names in the place of paths; the last page is still being written. */
  readonly #pages: Bytes[] = [];
  readonly #last = new RowWriter();
  #length = 0;
  readonly #rowsOfPage: number;
  /** The page that is being read, its number, and where each of its rows begins. */
  #page: Bytes = new Uint8Array();
  #number = -1;
  readonly #starts: Uint32Array;
  /** The directories that entries are in, and the index of the first entry of each. Most are neighbours of others. */
  readonly #directories: string[] = [];
  readonly #firsts = new NumberList();
  readonly #row = new RowWriter();

  constructor({ inOrder }: { inOrder: boolean }) {
    this.#inOrder = inOrder;
    this.#rowsOfPage = inOrder ? LARGE_PAGE : SMALL_PAGE;
    this.#starts = new Uint32Array(this.#rowsOfPage);
  }

  /** How many there are. */
  get length(): number {
    return this.#length;
  }

  /** Adds an entry, and gives its index. */
  push(entry: FoundEntry): number {
    const directory = parentOf(entry.path);
    if (directory !== this.#directories.at(-1)) {
      this.#directories.push(directory);
      this.#firsts.push(this.length);
    }
    this.#row.text(baseName(entry.path));
    writeRow(this.#row, entry);
    this.#last.bytes(this.#row.take());
    if (++this.#length % this.#rowsOfPage === 0) this.#pages.push(this.#packed(this.#last.take()));
    this.#number = -1; // the page that is being read may be the one that has grown
    return this.length - 1;
  }

  /** The entry at an index. */
  at(index: number): FoundEntry {
    const row = this.#rowAt(index);
    return readRow(row, this.#pathOf(index, row.text()));
  }

  /** Writes the row of the entry at an index, as `readRows` takes it. */
  copyRow(index: number, into: RowWriter): void {
    const row = this.#rowAt(index);
    into.text(this.#pathOf(index, row.text()));
    into.copy(row.rest());
  }

  #rowAt(index: number): RowReader {
    const number = Math.floor(index / this.#rowsOfPage);
    if (number !== this.#number) this.#turnTo(number);
    const start = this.#starts[index % this.#rowsOfPage]!;
    return new RowReader(new RowReader(this.#page, start).bytes());
  }

  #turnTo(number: number): void {
    [this.#page, this.#number] = [this.#unpacked(number), number];
    const rows = new RowReader(this.#page);
    for (let row = 0; rows.more; row++) {
      this.#starts[row] = rows.position;
      rows.skip();
    }
  }

  #packed(rows: Bytes): Bytes {
    return this.#inOrder ? compressPage(rows) : rows.slice();
  }

  #unpacked(number: number): Bytes {
    const packed = this.#pages[number];
    if (!packed) return this.#last.written;
    return this.#inOrder ? expandPage(packed, USUAL_SIZE) : packed;
  }

  #pathOf(index: number, name: string): string {
    const directory = this.#directories[this.#firsts.countUpTo(index) - 1]!;
    return pathIn(directory, name);
  }
}
