/** A list of entries of a folder, as rows of bytes: there may be a million. @module */
import type { Bytes } from "../content/bytes.ts";
import { NumberList } from "../images/number_list.ts";
import { baseName, parentOf, pathIn } from "../layers/entry.ts";
import { type FoundEntry, readRow, writeRow } from "./entry_rows.ts";
import { RowReader, RowWriter } from "./row_bytes.ts";

/** The size of the buffers that hold the rows, in bytes. */
const PAGE = 1024 * 1024;

/** Entries in the order in which they were added. */
export class EntryList {
  /** Rows, which have names in the place of paths. */
  readonly #pages: Bytes[] = [];
  /** The last buffer, and the bytes that are used of it. */
  #page: Bytes = new Uint8Array();
  #used = 0;
  /** Where each row begins: the number of its buffer, and its offset there, as one number. */
  readonly #places = new NumberList();
  /** The directories that entries are in, and the index of the first entry of each. Most are neighbours of others. */
  readonly #directories: string[] = [];
  readonly #firsts = new NumberList();
  readonly #row = new RowWriter();
  /** A row with its length. */
  readonly #measured = new RowWriter();

  /** How many there are. */
  get length(): number {
    return this.#places.length;
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
    this.#measured.bytes(this.#row.take());
    this.#keep(this.#measured.take());
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

  #keep(row: Bytes): void {
    if (row.length > this.#page.length - this.#used) {
      this.#page = new Uint8Array(Math.max(PAGE, row.length));
      this.#pages.push(this.#page);
      this.#used = 0;
    }
    this.#places.push((this.#pages.length - 1) * PAGE + this.#used);
    this.#page.set(row, this.#used);
    this.#used += row.length;
  }

  #rowAt(index: number): RowReader {
    const place = this.#places.at(index);
    const reader = new RowReader(this.#pages[Math.floor(place / PAGE)]!, place % PAGE);
    return new RowReader(reader.bytes());
  }

  #pathOf(index: number, name: string): string {
    const directory = this.#directories[this.#firsts.countUpTo(index) - 1]!;
    return pathIn(directory, name);
  }
}
