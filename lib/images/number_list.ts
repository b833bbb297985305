/** A list of numbers that takes eight bytes for each. @module */
import { free } from "../content/bytes.ts";

/** How many numbers a buffer holds: the exponent of two. */
const PAGE_BITS = 14;
const PAGE = 1 << PAGE_BITS;

/** Numbers in the order in which they were added. */
export class NumberList {
  readonly #pages: Float64Array<ArrayBuffer>[] = [];
  #length = 0;
  /** How many of the buffers are freed. */
  #forgotten = 0;

  /** How many there are. */
  get length(): number {
    return this.#length;
  }

  /** Adds a number. */
  push(value: number): void {
    if (this.#length === this.#pages.length * PAGE) this.#pages.push(new Float64Array(PAGE));
    this.#pages.at(-1)![this.#length++ & PAGE - 1] = value;
  }

  /** The number at an index, which must be one of the list. */
  at(index: number): number {
    return this.#pages[index >> PAGE_BITS]![index & PAGE - 1]!;
  }

  /** The index of a number in a list that grows from each to the next; `undefined` if it is not there. */
  indexOf(value: number): number | undefined {
    const index = this.countUpTo(value) - 1;
    return index >= 0 && this.at(index) === value ? index : undefined;
  }

  /** How many numbers are not larger than this one, in a list that grows from each to the next. */
  countUpTo(value: number): number {
    let [low, high] = [0, this.#length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.at(middle) <= value) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Frees the memory of the numbers before an index, at once. They must not be asked for again. */
  forget(before: number): void {
    for (; this.#forgotten < before >> PAGE_BITS; this.#forgotten++) free(this.#pages[this.#forgotten]!);
  }
}
