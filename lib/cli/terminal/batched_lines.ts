/** Prints many lines with one call to the system, because each call takes its time. @module */
import type { Terminal } from "./terminal.ts";

/** How many characters of lines wait to be printed together. */
const MOST_WAITING = 64 * 1024;

/** Lines of data that are printed many at once. */
export class BatchedLines<T> {
  readonly #terminal: Pick<Terminal, "data">;
  readonly #render: (value: T) => string;
  #text = "";
  /** How many were added. */
  count = 0;

  /** @param render renders a value as its line, with the line's end */
  constructor(terminal: Pick<Terminal, "data">, render: (value: T) => string) {
    this.#terminal = terminal;
    this.#render = render;
  }

  /** Adds a line, which is printed with others. */
  add(value: T): void {
    this.count++;
    this.#text += this.#render(value);
    if (this.#text.length > MOST_WAITING) this.print();
  }

  /** Prints what waits. */
  print(): void {
    if (this.#text) this.#terminal.data(this.#text);
    this.#text = "";
  }
}
