/** Which part of a screen can be seen, and how far keys move it. @module */
import type { Key } from "./keys.ts";
import type { Screen } from "./screens.ts";

/** A terminal's size, in characters. */
export interface Size {
  columns: number;
  rows: number;
}

/** How many rows of a list or text are visible. Title, note and help take the others, if there is room. */
export function bodyRows({ rows }: Size): number {
  return Math.max(1, rows - Object.values(frameParts(rows)).filter(Boolean).length);
}

/** The parts around the body for which a terminal of so many rows has room. */
export function frameParts(rows: number): { title: boolean; note: boolean; help: boolean } {
  return { title: rows >= 3, note: rows >= 2, help: rows >= 5 };
}

/** How many rows a key moves by. */
export function distance(key: Key, size: Size, all: number): number {
  const page = Math.max(1, bodyRows(size) - 1);
  const moves: Record<string, number> = {
    up: -1,
    k: -1,
    down: 1,
    j: 1,
    "page-up": -page,
    b: -page,
    "page-down": page,
    " ": page,
    home: -all,
    g: -all,
    end: all,
    G: all,
  };
  return Object.hasOwn(moves, key) ? moves[key]! : 0;
}

/** The screen, scrolled so that the chosen row is visible and no room is wasted. */
export function fitted(screen: Screen, size: Size): Screen {
  if (screen.kind === "question") return screen;
  const room = bodyRows(size);
  const count = screen.kind === "list" ? screen.rows.length : screen.lines.length;
  const last = Math.max(0, count - room);
  const wanted = screen.kind === "list"
    ? Math.max(screen.selected - room + 1, Math.min(screen.top, screen.selected))
    : screen.top;
  return { ...screen, top: Math.max(0, Math.min(wanted, last)) };
}
