/** Text in columns. @module */
import { columnsOf, printable } from "./progress_bar.ts";

/** No cell is longer, in characters: one name that has millions would make every row so long. */
const LONGEST_CELL = 500;

/** Lays rows out in columns, two spaces between them. What comes from outside cannot move the cursor. */
export function renderTable(rows: readonly (readonly string[])[]): string {
  const cells = rows.map((row) => row.map((cell) => printable(clipped(cell))));
  const widths: number[] = [];
  for (const row of cells) {
    row.forEach((cell, index) => widths[index] = Math.max(widths[index] ?? 0, columnsOf(cell)));
  }
  const pad = (cell: string, index: number) => cell + " ".repeat(widths[index]! - columnsOf(cell));
  return cells.map((row) => `${row.map(pad).join("  ").trimEnd()}\n`).join("");
}

function clipped(cell: string): string {
  return cell.length > LONGEST_CELL ? `${cell.slice(0, LONGEST_CELL)}...` : cell;
}
