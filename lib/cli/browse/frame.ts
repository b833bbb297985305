/** Renders the state of `browse` as lines that fit into the terminal and have no control characters. @module */
import { printable } from "../../messages.ts";
import { clip, columnsOf, wrapWords } from "../text/columns.ts";
import { type Browser, currentScreen } from "./browser.ts";
import { helpLine } from "./help.ts";
import type { ListRow, ListScreen, Screen } from "./screens.ts";
import type { Tone } from "./tones.ts";
import { bodyRows, frameParts } from "./viewport.ts";

/** What the screen shows. */
export interface Frame {
  /** The lines from the top; never more than the terminal has rows. */
  lines: Line[];
  /** The lines for a log: without the mark of the chosen line, the progress and the help. */
  record: string[];
}

/** One line of the screen. */
export interface Line {
  text: string;
  tone?: Tone | undefined;
  /** Set for the line of the chosen row. */
  chosen?: true;
}

/** Renders the state. */
export function renderFrame(browser: Browser): Frame {
  const { size, note, busy } = browser;
  // One column stays free: some terminals wrap a line as soon as it is full.
  const width = Math.max(1, size.columns - 1);
  const room = bodyRows(size);
  const screen = currentScreen(browser);
  const parts = frameParts(size.rows);
  const title = screenTitle(screen, room, width);
  const searching = browser.search?.typing === true;
  const most = screen.kind === "text" ? 1 : room; // of a text, a line that is covered would be missed
  const said = noteLines(busy === undefined ? note : `${busy} ... (Esc stops)`, width, most);
  const shown = parts.note ? room + 1 - said.length : room; // elsewhere a long note takes the place of the last rows
  const body = bodyOf(screen, shown, width);
  const lines: Line[] = [
    ...(parts.title ? [{ text: title, tone: "title" as const }] : []),
    ...body,
    ...Array.from({ length: shown - body.length }, () => ({ text: "" })),
    ...(parts.note ? said.map((text) => ({ text })) : []),
    ...(parts.help ? [{ text: clip(helpLine(screen, { searching }), width), tone: "help" as const }] : []),
  ];
  return {
    lines,
    record: [
      title,
      ...body.map(({ text, chosen }) => chosen ? ` ${text.slice(1)}` : text),
      ...(note === "" ? [] : noteLines(note, width, most)),
    ],
  };
}

/** A note as lines, of which there are at most so many: a message of a registry may be long. */
function noteLines(text: string, width: number, most: number): string[] {
  const lines = wrapWords(printable(text), width);
  const first = lines.length > most ? lines.slice(0, most - 1) : lines;
  const rest = lines.slice(first.length).map((line) => line.trim());
  return [...first, ...(rest.length > 0 ? [rest.join(" ")] : [])].map((line) => clip(line, width));
}

/** The title; if it is too long, its end, because the end of a path says most. */
function screenTitle(screen: Screen, room: number, width: number): string {
  if (screen.kind === "question") return clip(screen.title, width);
  const title = printable(screen.title + positionIn(screen, room));
  if (columnsOf(title) <= width) return title;
  let end = [...title].slice(-width);
  while (columnsOf(end.join("")) > width - 3 && end.length > 1) end = end.slice(1);
  return clip(width > 3 ? `...${end.join("")}` : end.join(""), width);
}

function bodyOf(screen: Screen, room: number, width: number): Line[] {
  switch (screen.kind) {
    case "list":
      return listLines(screen, room, width);
    case "text":
      return screen.lines.slice(screen.top, screen.top + room).map((line, index) => ({
        text: clip(line.slice(screen.left, screen.left + width + 1), width),
        ...(screen.top + index === screen.found && { tone: "found" }),
      }));
    case "question":
      return [{ text: answerLine(screen.answer, width) }];
  }
}

/** The rows from the top on; where there is less room than usual, from further down, so that the chosen one is among them. */
function listLines({ rows, top, selected }: ListScreen, room: number, width: number): Line[] {
  if (rows.length === 0) return [{ text: clip("  (nothing)", width) }];
  const first = Math.max(top, selected + 1 - room);
  return rows.slice(first, first + room).map((row, index) => {
    const isChosen = first + index === selected;
    const text = clip(`${isChosen ? ">" : " "} ${rowText(row, width - 2)}`, width);
    return { text, tone: row.tone, ...(isChosen && { chosen: true }) };
  });
}

/** The name, and the detail at the right if that leaves room for the name. */
function rowText({ name, detail = "" }: ListRow, width: number): string {
  const beside = width - columnsOf(detail) - 2;
  if (detail === "" || beside < 12) return clip(shortened(name), Math.max(1, width));
  const kept = clip(shortened(name), beside);
  return `${kept}${" ".repeat(beside - columnsOf(kept))}  ${detail}`;
}

/** Cuts off what no terminal is wide enough to show, before it is measured. */
function shortened(text: string): string {
  return text.slice(0, 1000);
}

/** What is typed so far; if it is too long, its end, where the user types. */
function answerLine(answer: string, width: number): string {
  const text = `: ${answer}_`;
  return clip(columnsOf(text) <= width ? text : text.slice(-Math.max(1, Math.floor(width / 2))), width);
}

function positionIn(screen: Screen, room: number): string {
  if (screen.kind === "question") return "";
  const count = screen.kind === "list" ? screen.rows.length : screen.lines.length;
  if (count <= room) return "";
  const at = screen.kind === "list" ? screen.selected + 1 : Math.min(count, screen.top + room);
  return `  (${at}/${count})`;
}
