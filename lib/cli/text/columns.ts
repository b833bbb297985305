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

/** The end of a text that is a command: it is never broken, so that it can be copied. */
const COMMAND = /(?<=: )layerstash .*$/;

/** Breaks a text into lines of at most `width` columns, at its blanks. Words that are too long stay whole. */
export function wrapWords(text: string, width: number): string[] {
  const [command = ""] = COMMAND.exec(text) ?? [];
  const words = text.slice(0, text.length - command.length).trim().split(" ");
  const lines: string[] = [];
  for (const word of command === "" ? words : [...words, command]) {
    const line = lines.at(-1);
    const longer = `${line} ${word}`;
    if (line !== undefined && columnsOf(longer) <= width) lines[lines.length - 1] = longer;
    else lines.push(lines.length === 0 ? word : `  ${word}`);
  }
  return lines;
}

/** No cell is longer, in characters: one name of millions would pad every row to that width. */
const LONGEST_CELL = 500;

/** How tables are shown. */
export interface TableStyle {
  /** Whether digests are cut to twelve digits, as a person compares them, and not as a program needs them. */
  shortDigests?: boolean | undefined;
  /** The columns to which rows are cut; absent = they are as long as they are. */
  width?: number | undefined;
  /** Whether cells of more than 500 characters stay whole. */
  wholeCells?: boolean | undefined;
}

/** Lays rows out in columns, two spaces between them. All cells are made printable. */
export function renderTable(
  rows: readonly (readonly string[])[],
  { shortDigests = false, width = Infinity, wholeCells = false }: TableStyle = {},
): string {
  const shown = (cell: string) => shortDigests ? shortDigest(cell) : cell;
  const cells = rows.map((row) =>
    row.map((cell) => printable(wholeCells ? shown(cell) : shortCell(shown(cell))))
  );
  const widths: number[] = [];
  for (const row of cells) {
    row.forEach((cell, index) => widths[index] = Math.max(widths[index] ?? 0, columnsOf(cell)));
  }
  const pad = (cell: string, index: number, { length }: readonly string[]) =>
    index === length - 1 ? cell : cell + " ".repeat(widths[index]! - columnsOf(cell));
  return cells.map((row) => `${clip(row.map(pad).join("  ").trimEnd(), width)}\n`).join("");
}

/** A digest, cut to twelve digits; any other text stays as it is. */
export function shortDigest(text: string): string {
  return text.replace(/^(sha\d+:[\da-f]{12})[\da-f]+$/, "$1");
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
