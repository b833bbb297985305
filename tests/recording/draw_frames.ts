/** Draws what a terminal showed as a picture that moves: one SVG file, with real text and nothing to load. @module */
import { printable } from "../../lib/messages.ts";

/** What a terminal showed from a moment on. */
export interface Frame {
  /** When, in milliseconds from the beginning. */
  at: number;
  /** Its lines, from the top. */
  rows: readonly string[];
  /** Where the cursor stood, both from 0. */
  cursor: { column: number; row: number };
}

/** What the picture is like. */
export interface Picture {
  /** What stands in the bar of the window. */
  title: string;
  /** The size of the terminal. */
  columns: number;
  /** The size of the terminal. */
  rows: number;
  /** How long the last frame stays before it begins again, in milliseconds. */
  pause: number;
}

/** What one line showed from a moment on. */
interface State {
  at: number;
  text: string;
}

const FONT_SIZE = 14;
/** The widest of the common fonts; narrower ones leave some room on the right. */
const COLUMN = 0.602 * FONT_SIZE;
const ROW = 20;
const BASELINE = 15;
const PADDING = 16;
const BAR = 34;
const PROMPT = "$ ";

const STYLE = `
text{font:${FONT_SIZE}px ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono','Liberation Mono',monospace;
white-space:pre;fill:#b7c0cb}
.typed{fill:#f2f5f8}
.title{fill:#8b949e;text-anchor:middle}`;

/**
 * Draws frames at the speed at which they came. Each line is a strip of all that it ever showed, and moves by whole
 * lines behind its window. The file itself is the last frame: motion is only for those who have not asked for less.
 *
 * @param frames oldest first, at least one
 * @returns an SVG document, which begins again at its end
 */
export function drawFrames(frames: readonly Frame[], picture: Picture): string {
  const [width, height] = sizeOf(picture);
  const length = (frames.at(-1)?.at ?? 0) + picture.pause;
  const lines = Array.from({ length: picture.rows }, (_, row) => statesOf(frames, row));
  const moves = lines.map((states, row) => keyframes(states, { row, length })).filter((each) => each !== "");
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" ` +
    `viewBox="0 0 ${width} ${height}" role="img" xml:space="preserve">
<title>${escapeXml(picture.title)}</title>
<style>${STYLE}
@media (prefers-reduced-motion:no-preference){
${moves.join("\n")}
}
</style>
${drawWindow(picture)}
${lines.map((states, row) => drawLine(states, { row, width })).join("\n")}
</svg>
`;
}

function sizeOf({ columns, rows }: Picture): [width: number, height: number] {
  return [Math.ceil(columns * COLUMN) + 2 * PADDING, BAR + rows * ROW + PADDING];
}

/** What a line showed, one after another; the last is what it shows at the end. */
function statesOf(frames: readonly Frame[], row: number): State[] {
  const states: State[] = [];
  for (const frame of frames) {
    const text = lineOf(frame, row);
    if (text !== states.at(-1)?.text) states.push({ at: frame.at, text });
  }
  return states;
}

/** A line with the cursor on it, where that stands behind the text. */
function lineOf({ rows, cursor }: Frame, row: number): string {
  const text = printable(rows[row] ?? "");
  const covered = cursor.row !== row || cursor.column < text.trimEnd().length;
  return covered ? text.trimEnd() : `${text.trimEnd().padEnd(cursor.column)}\u2588`;
}

function keyframes(states: readonly State[], { row, length }: { row: number; length: number }): string {
  if (states.length < 2) return "";
  const stops = states.map(({ at }, index) =>
    `${percent(index === 0 ? 0 : at / length)}{transform:translateY(${-ROW * index}px)}`
  );
  return `@keyframes r${row}{${stops.join("")}}\n` +
    `.r${row}{animation:r${row} ${(length / 1000).toFixed(2)}s step-end infinite}`;
}

function percent(share: number): string {
  return `${Number((share * 100).toFixed(3))}%`;
}

function drawLine(states: readonly State[], { row, width }: { row: number; width: number }): string {
  if (states.every(({ text }) => text === "")) return "";
  const texts = states.map(({ text }, index) => drawText(text, index * ROW + BASELINE));
  return `<svg y="${BAR + row * ROW}" width="${width}" height="${ROW}">` +
    `<g class="r${row}" transform="translate(0 ${-ROW * (states.length - 1)})">${texts.join("")}</g></svg>`;
}

/** What was typed is brighter than what was answered. */
function drawText(text: string, y: number): string {
  if (text === "") return "";
  const look = text.startsWith(PROMPT) ? ' class="typed"' : "";
  return `<text x="${PADDING}" y="${y}"${look}>${escapeXml(text)}</text>`;
}

/** Dark in itself, with a rim: it looks the same on a light page and on a dark one. */
function drawWindow(picture: Picture): string {
  const [width, height] = sizeOf(picture);
  const dots = ["#ff5f57", "#febc2e", "#28c840"].map((fill, index) =>
    `<circle cx="${PADDING + 4 + index * 18}" cy="${BAR / 2}" r="5.5" fill="${fill}"/>`
  );
  return `<rect x=".5" y=".5" width="${width - 1}" height="${
    height - 1
  }" rx="9" fill="#14181f" stroke="#3a424d"/>
${dots.join("")}
<text class="title" x="${width / 2}" y="${BAR / 2 + 5}">${escapeXml(picture.title)}</text>`;
}

const ENTITIES: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

/** What XML cannot have at all becomes a question mark. */
function escapeXml(text: string): string {
  const allowed = printable(text.toWellFormed()).replaceAll(/[\ufffe\uffff]/g, "?");
  return allowed.replaceAll(/[&<>"]/g, (character) => ENTITIES[character]!);
}
