/** Lines that are redrawn in place on a terminal. @module */
import { columnsOf } from "../text/columns.ts";

/** Lines on the terminal, until they are redrawn or erased. */
export class Drawing {
  readonly #print: (text: string) => void;
  readonly #columns: () => number;
  #lines: readonly string[] = [];
  #withdrawn = false;

  /** Draws nothing yet. `columns` is called for each drawing, because windows change. */
  constructor({ print, columns }: { print: (text: string) => void; columns: () => number }) {
    this.#print = print;
    this.#columns = columns;
  }

  /** Whether nothing is drawn any more. */
  get withdrawn(): boolean {
    return this.#withdrawn;
  }

  /** Erases the lines for good: from now on, nothing is drawn. */
  withdraw(): void {
    this.erase();
    this.#withdrawn = true;
  }

  /** Replaces the lines that are drawn. */
  draw(lines: readonly string[]): void {
    if (this.#withdrawn) return;
    if (lines.join("\n") === this.#lines.join("\n")) return;
    this.#print(this.#eraser() + lines.join("\n"));
    this.#lines = lines;
  }

  /** Draws lines that stay: what is printed next comes below them. */
  leave(lines: readonly string[]): void {
    if (this.#withdrawn) return;
    this.erase(); // also what the user's terminal has written there, such as ^C
    this.#print(`${lines.join("\n")}\n`);
  }

  /** Removes the lines that are drawn. */
  erase(): void {
    if (this.#lines.length === 0) return;
    this.#print(this.#eraser());
    this.#lines = [];
  }

  /**
   * Moves the cursor to the beginning of the drawing and clears from there. Counts terminal rows, not lines: a
   * window that was made narrower has wrapped the lines.
   */
  #eraser(): string {
    if (this.#lines.length === 0) return "";
    const rowsOf = (line: string) => Math.ceil(columnsOf(line) / this.#columns() || 1);
    const rows = this.#lines.reduce((sum, line) => sum + rowsOf(line), 0);
    return `\r${rows > 1 ? `\x1b[${rows - 1}A` : ""}\x1b[J`;
  }
}
