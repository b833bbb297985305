/** A list of entries of a folder, as rows of bytes: there may be a million. @module */
import type { Bytes } from "../content/bytes.ts";
import { NumberList } from "../images/number_list.ts";
import { type FoundEntry, longestRow, readRows, writeRow } from "./entry_rows.ts";

/** The size of the buffers that hold the rows, in bytes. */
const PAGE = 1024 * 1024;

/** Entries in the order in which they were added. */
export class EntryList {
  readonly #pages: Bytes[] = [];
  /** The bytes that are used of the last buffer. */
  #used = PAGE;
  /** Where each row begins: the number of its buffer, and its offset there, as one number. */
  readonly #places = new NumberList();

  /** How many there are. */
  get length(): number {
    return this.#places.length;
  }

  /** Adds an entry, and gives its index. */
  push(entry: FoundEntry): number {
    const longest = longestRow(entry);
    if (this.#pages.length === 0 || longest > this.#pages.at(-1)!.length - this.#used) {
      this.#pages.push(new Uint8Array(Math.max(PAGE, longest)));
      this.#used = 0;
    }
    this.#places.push((this.#pages.length - 1) * PAGE + this.#used);
    this.#used += writeRow(this.#pages.at(-1)!.subarray(this.#used), entry);
    return this.length - 1;
  }

  /** The row of the entry at an index. */
  row(index: number): Bytes {
    const place = this.#places.at(index);
    const rest = this.#pages[Math.floor(place / PAGE)]!.subarray(place % PAGE);
    return rest.subarray(0, new DataView(rest.buffer, rest.byteOffset).getUint32(0));
  }

  /** All rows, in order. */
  *rows(): Generator<Bytes> {
    for (let index = 0; index < this.length; index++) yield this.row(index);
  }

  /** The entry at an index. */
  at(index: number): FoundEntry {
    return readRows(this.row(index)).next().value!;
  }
}
