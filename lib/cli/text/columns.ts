/** Text that is measured, cut and laid out in columns of a terminal. @module */
import fastStringWidth from "fast-string-width";
import { printable } from "../../messages.ts";

/** Printable ASCII takes one column a character. Most text is that, and need not be measured by graphemes. */
const ASCII = /^[ -~]*$/;

/** The columns that a text takes; what only sets its colour takes none. */
export function columnsOf(text: string): number {
  return ASCII.test(text) ? text.length : fastStringWidth(text);
}

/** Makes a text printable, and cuts it off after `width` columns; dots show that something is missing. */
export function clip(text: string, width: number): string {
  const clean = printable(text);
  if (columnsOf(clean) <= width) return clean;
  const dots = ".".repeat(Math.max(0, Math.min(3, width)));
  let kept = "";
  let columns = dots.length;
  for (const { segment } of graphemes(clean)) {
    columns += columnsOf(segment);
    if (columns > width) break;
    kept += segment;
  }
  return kept + dots;
}

/** No cell is longer, in characters: one name of millions would pad every row to that width. */
const LONGEST_CELL = 500;

/** Lays rows out in columns, two spaces between them. All cells are made printable. */
export function renderTable(rows: readonly (readonly string[])[]): string {
  const cells = rows.map((row) => row.map((cell) => printable(shortCell(cell))));
  const widths: number[] = [];
  for (const row of cells) {
    row.forEach((cell, index) => widths[index] = Math.max(widths[index] ?? 0, columnsOf(cell)));
  }
  const pad = (cell: string, index: number) => cell + " ".repeat(widths[index]! - columnsOf(cell));
  return cells.map((row) => `${row.map(pad).join("  ").trimEnd()}\n`).join("");
}

function shortCell(cell: string): string {
  return cell.length > LONGEST_CELL ? `${cell.slice(0, LONGEST_CELL)}...` : cell;
}

/** Made once, and only for text that is not ASCII: making a segmenter takes longer than measuring many names. */
let segmenter: Intl.Segmenter | undefined;

function graphemes(text: string): Intl.Segments {
  segmenter ??= new Intl.Segmenter("en", { granularity: "grapheme" });
  return segmenter.segment(text);
}
