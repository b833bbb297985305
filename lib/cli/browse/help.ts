/** Tells what the keys of `browse` do: all of them on a screen, the most important ones at the bottom of each. @module */
import { fileOf, type Screen, type TextScreen, textScreen } from "./screens.ts";

/** All keys. */
export const KEYS: TextScreen = textScreen("Keys", [
  "Up Down  k j        one line",
  "PgUp PgDn  b Space  one page",
  "Home End  g G       beginning, end",
  "Enter  Right  l     open",
  "Left  Esc  h        back",
  "Left Right          move a long text",
  "",
  "/                   search as you type",
  "n N                 next, previous match",
  "Esc                 leave the search",
  "",
  "c                   compare a layer",
  "s                   save a file",
  "?                   these keys",
  "q                   quit",
  "",
  "A directory is searched with its whole",
  "tree. Capital letters must match.",
  "[2] is the layer that a file is from. c",
  "marks what a layer adds (+), changes (~)",
  "and hides (-) of the layers below it.",
]);

/** Whether a screen is that of the keys. */
export function isKeys(screen: Screen): boolean {
  return screen.kind === "text" && screen.lines === KEYS.lines;
}

/** What the keys do now. */
export function helpLine(screen: Screen, { searching }: { searching: boolean }): string {
  if (searching) return "Enter keep  Up Down other matches  Esc leave";
  if (screen.kind === "question") return "Enter go on  Esc back  Ctrl-U clear";
  if (isKeys(screen)) return "Left back  q quit";
  const use = screen.kind === "list" ? "Enter open" : "Space page";
  const isLayer = screen.kind === "list" && screen.compare;
  return [
    "? keys",
    use,
    "Left back",
    "/ search",
    ...(isLayer ? ["c compare"] : []),
    ...(fileOf(screen) ? ["s save"] : []),
    "q quit",
  ].join("  ");
}
