/** Text in columns. @module */
import { columnsOf, printable } from "./progress_bar.ts";

/** Lays rows out in columns, two spaces between them. What comes from outside cannot move the cursor. */
export function renderTable(rows: readonly (readonly string[])[]): string {
  const cells = rows.map((row) => row.map(printable));
  const widths: number[] = [];
  for (const row of cells) {
    row.forEach((cell, index) => widths[index] = Math.max(widths[index] ?? 0, columnsOf(cell)));
  }
  const pad = (cell: string, index: number) => cell + " ".repeat(widths[index]! - columnsOf(cell));
  return cells.map((row) => `${row.map(pad).join("  ").trimEnd()}\n`).join("");
}

/** `1 chunk`, `3 chunks`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
