/** Lines that are drawn again in the same place of a terminal. @module */
import { columnsOf } from "../text/columns.ts";

/** What stands on the terminal until it is drawn anew or erased. */
export class Drawing {
  readonly #print: (text: string) => void;
  readonly #columns: () => number;
  #lines: readonly string[] = [];

  /** Draws nothing yet. The columns are asked anew each time, because windows change. */
  constructor({ print, columns }: { print: (text: string) => void; columns: () => number }) {
    this.#print = print;
    this.#columns = columns;
  }

  /** Puts lines in the place of those that stand there. */
  draw(lines: readonly string[]): void {
    if (lines.join("\n") === this.#lines.join("\n")) return;
    this.#print(this.#eraser() + lines.join("\n"));
    this.#lines = lines;
  }

  /** Leaves nothing. */
  erase(): void {
    if (this.#lines.length === 0) return;
    this.#print(this.#eraser());
    this.#lines = [];
  }

  /** Goes to the beginning of what is drawn and clears from there. A window made narrower has wrapped the lines. */
  #eraser(): string {
    if (this.#lines.length === 0) return "";
    const rowsOf = (line: string) => Math.ceil(columnsOf(line) / this.#columns() || 1);
    const rows = this.#lines.reduce((sum, line) => sum + rowsOf(line), 0);
    return `\r${rows > 1 ? `\x1b[${rows - 1}A` : ""}\x1b[J`;
  }
}
