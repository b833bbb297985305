/** A list of texts that takes little more memory than their characters. @module */
import { type Bytes, free } from "../content/bytes.ts";
import { NumberList } from "./number_list.ts";

/** The size of the buffers that hold the texts, in bytes. A text is shorter. */
const PAGE = 1024 * 1024;

/** Texts in the order in which they were added, as UTF-8. */
export class TextList {
  readonly #pages: Bytes[] = [];
  /** The bytes that are used of the last page. */
  #used = PAGE;
  /** How many of the buffers are freed. */
  #forgotten = 0;
  /** The place of each text and its length, as one number: `place * PAGE + length`. */
  readonly #places = new NumberList();
  /** Texts that are very long, or that UTF-8 has no bytes for. */
  readonly #odd = new Map<number, string>();
  readonly #encoder = new TextEncoder();
  readonly #decoder = new TextDecoder("utf-8", { ignoreBOM: true });

  /** How many there are. */
  get length(): number {
    return this.#places.length;
  }

  /** Adds a text. */
  push(text: string): void {
    const most = 3 * text.length;
    if (most >= PAGE || !text.isWellFormed()) {
      this.#odd.set(this.length, text);
      return this.#places.push(0);
    }
    if (most > PAGE - this.#used) {
      this.#pages.push(new Uint8Array(PAGE));
      this.#used = 0;
    }
    const { written } = this.#encoder.encodeInto(text, this.#pages.at(-1)!.subarray(this.#used));
    this.#places.push(((this.#pages.length - 1) * PAGE + this.#used) * PAGE + written);
    this.#used += written;
  }

  /** Frees the memory of the texts before an index at once, which must be one of the list. They must not be asked for again. */
  forget(before: number): void {
    const page = Math.floor(this.#places.at(before) / PAGE / PAGE);
    for (; this.#forgotten < page; this.#forgotten++) free(this.#pages[this.#forgotten]!);
    this.#places.forget(before);
  }

  /** The text at an index, which must be one of the list. */
  at(index: number): string {
    const odd = this.#odd.get(index);
    if (odd !== undefined) return odd;
    const packed = this.#places.at(index);
    const [place, length] = [Math.floor(packed / PAGE), packed % PAGE];
    const offset = place % PAGE;
    return this.#decoder.decode(this.#pages[Math.floor(place / PAGE)]!.subarray(offset, offset + length));
  }
}
