/** Searches what a screen of `browse` shows: of a directory the whole tree that it is part of. @module */
import type { ListScreen, Screen, TextScreen } from "./screens.ts";
import { bodyRows, type Size } from "./viewport.ts";

/** A search: what is looked for, and where it began. */
export interface Search {
  text: string;
  /** Whether the text is still being typed. */
  typing: boolean;
  /** The screens as they were when the search began. Esc shows them again, as long as the text is being typed. */
  before: readonly Screen[];
  /** How many places match, and the number of the one that is shown, from 1. Both are 0 if nothing matches. */
  found: { at: number; of: number };
}

/** The screens after a search, and the search. */
export interface Searched {
  screens: readonly Screen[];
  search: Search;
}

/** Which match is shown: the first from where the user is, or the next or previous one. */
export type SearchStep = "here" | "next" | "previous";

/** Begins a search: nothing is typed yet. */
export function beginSearch(screens: readonly Screen[]): Search {
  return { text: "", typing: true, before: screens, found: { at: 0, of: 0 } };
}

/** Shows a match; the first comes after the last. If there is none, the screens stay as they are. */
export function showMatch(
  screens: readonly Screen[],
  search: Search,
  { step, size }: { step: SearchStep; size: Size },
): Searched {
  const screen = screens.at(-1)!;
  const matches = matchesOn(screen, search.text);
  const index = matchFrom(matches, placeOn(screen, size), step);
  const found = { at: index + 1, of: matches.length };
  if (index < 0) return { screens, search: { ...search, found } };
  return { screens: screensAt(matches[index]!, screens, { search, size }), search: { ...search, found } };
}

/** What the bottom line says of a search. */
export function describeSearch({ text, typing, found: { at, of } }: Search): string {
  const count = text === "" ? "" : of === 0 ? "  nothing found" : `  ${at} of ${of}`;
  return `/${text}${typing ? "_" : ""}${count}`;
}

/** The indexes of the paths, names or lines that match. A text without capital letters matches both cases. */
function matchesOn(screen: Screen, wanted: string): number[] {
  if (wanted === "" || screen.kind === "question") return [];
  const isExact = wanted !== wanted.toLowerCase();
  const isFound = (text: string) => placeIn(text, wanted, isExact) >= 0;
  const matches: number[] = [];
  const see = (text: string, index: number) => void (isFound(text) && matches.push(index));
  if (screen.kind === "text") screen.lines.forEach(see);
  else if (!screen.tree) screen.rows.forEach(({ name }, index) => see(name, index));
  else {
    screen.tree.pages.paths().forEach((path, index) => {
      // The match must reach into the last name: otherwise, everything in a directory would match with it.
      if (placeIn(path, wanted, isExact) + wanted.length > path.lastIndexOf("/")) see(path, index);
    });
  }
  return matches;
}

function placeIn(text: string, wanted: string, isExact: boolean): number {
  return (isExact ? text : text.toLowerCase()).lastIndexOf(wanted);
}

/** The index of what is chosen, or of the line that was found or else is the first that is shown. */
function placeOn(screen: Screen, size: Size): number {
  switch (screen.kind) {
    case "question":
      return 0;
    case "text": {
      const { found = -1, top } = screen;
      return found >= top && found < top + bodyRows(size) ? found : top;
    }
    case "list": {
      const { tree, rows, selected } = screen;
      return tree ? tree.pages.paths().indexOf(rows[selected]?.path ?? tree.directory) : selected;
    }
  }
}

/** The index of a match; -1 = there is none. */
function matchFrom(matches: readonly number[], place: number, step: SearchStep): number {
  if (step === "previous") {
    const before = matches.findLastIndex((each) => each < place);
    return before < 0 ? matches.length - 1 : before;
  }
  const after = matches.findIndex((each) => step === "here" ? each >= place : each > place);
  return after < 0 && matches.length > 0 ? 0 : after;
}

function screensAt(
  place: number,
  screens: readonly Screen[],
  { search, size }: { search: Search; size: Size },
): Screen[] {
  const screen = screens.at(-1) as ListScreen | TextScreen;
  const below = screens.slice(0, -1);
  if (screen.kind === "text") return [...below, lineShown(screen, place, { search, size })];
  if (!screen.tree) return [...below, { ...screen, selected: place }];
  const { pages } = screen.tree;
  const others = screens.filter((each) => each.kind !== "list" || each.tree?.pages !== pages);
  return [...others, ...pages.pagesTo(pages.paths()[place]!)];
}

/** The text with a line at the top, moved sidewards if the match would be hidden. */
function lineShown(
  screen: TextScreen,
  found: number,
  { search: { text }, size: { columns } }: { search: Search; size: Size },
): TextScreen {
  const end = placeIn(screen.lines[found]!, text, text !== text.toLowerCase()) + text.length;
  const left = end < columns - 4 ? 0 : end - Math.floor(columns / 2);
  return { ...screen, top: found, left, found };
}
