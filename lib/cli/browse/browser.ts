/**
 * The state of `browse` and how events change it: a pure function from a state and an event to the next state and an
 * effect. Nothing here touches a terminal or a registry.
 *
 * @module
 */
import { baseName } from "../../layers/entry.ts";
import { printable } from "../../messages.ts";
import type { Key } from "./keys.ts";
import {
  type FileLocation,
  fileOf,
  type ListScreen,
  type QuestionScreen,
  type Screen,
  type Task,
  type TextScreen,
} from "./screens.ts";
import { isKeys, KEYS } from "./help.ts";
import { beginSearch, describeSearch, type Search, type SearchStep, showMatch } from "./search.ts";
import { distance, fitted, type Size } from "./viewport.ts";

/** Everything that `browse` knows about itself. */
export interface Browser {
  /** The screens that were opened. The last one is shown, and going back drops it. */
  screens: readonly Screen[];
  size: Size;
  /** A message: what happened, or what could not be done. */
  note: string;
  /** What the user is waiting for; absent = nothing. */
  busy?: string | undefined;
  /** The search that is being typed, or the last one; absent = nothing was searched for. */
  search?: Search;
}

/** Something that happened. */
export type BrowserEvent =
  | { type: "key"; key: Key }
  | { type: "resized"; size: Size }
  | { type: "progressed"; text: string }
  | { type: "opened"; screen: Screen; note: string }
  | { type: "compared"; screen: ListScreen; note: string }
  | { type: "saved"; note: string }
  | { type: "noted"; note: string };

/** Work that the loop must do for the state, which only describes it. */
export type Effect = { type: "quit" } | { type: "interrupt" } | { type: "cancel" } | {
  type: "task";
  task: Task;
};

/** The state after an event, and the effect to carry out. */
export interface Step {
  browser: Browser;
  effect?: Effect;
}

/** The first state: it asks for an image. */
export function startBrowser(size: Size, image: string): Browser {
  const question: QuestionScreen = {
    kind: "question",
    title: "Image to look into (such as nginx:alpine, or oci:DIR)",
    answer: image,
    about: { type: "open" },
  };
  return { screens: [question], size, note: "" };
}

/** The screen that is shown. */
export function currentScreen({ screens }: Browser): Screen {
  return screens.at(-1)!;
}

/** The next state and effect after an event. */
export function advanceBrowser(browser: Browser, event: BrowserEvent): Step {
  switch (event.type) {
    case "key":
      return press(browser, event.key);
    case "resized":
      return { browser: inView({ ...browser, size: event.size }) };
    case "progressed":
      return { browser: browser.busy === undefined ? browser : { ...browser, busy: event.text } };
    case "opened": {
      const { screen, note } = event;
      return { browser: idle({ ...browser, screens: [...browser.screens, screen], note }) };
    }
    case "compared":
      return {
        browser: idle({ ...browser, screens: comparedScreens(browser.screens, event), note: event.note }),
      };
    case "saved":
      return { browser: idle({ ...browser, screens: browser.screens.slice(0, -1), note: event.note }) };
    case "noted":
      return { browser: idle({ ...browser, note: event.note }) };
  }
}

/** The same directory of the compared layer, in place of the directories of the layer alone. */
function comparedScreens(
  screens: readonly Screen[],
  { screen }: { screen: ListScreen },
): Screen[] {
  const others = screens.filter((each) => each.kind !== "list" || !each.tree);
  const { directory = "", pages } = screen.tree ?? {};
  return [...others, ...pages?.pagesTo(directory) ?? [], screen];
}

function idle({ busy: _, ...browser }: Browser): Browser {
  return inView(browser);
}

function press(browser: Browser, key: Key): Step {
  if (key === "ctrl-c") return { browser, effect: { type: "interrupt" } };
  const screen = currentScreen(browser);
  if (browser.busy !== undefined) {
    if (key === "q" && screen.kind !== "question") return { browser, effect: { type: "quit" } };
    return ["escape", "left", "backspace"].includes(key)
      ? { browser, effect: { type: "cancel" } }
      : { browser };
  }
  const quiet = { ...browser, note: "" };
  if (screen.kind === "question") return answer(quiet, screen, key);
  if (quiet.search?.typing) return { browser: typeSearch(quiet, quiet.search, key) };
  if (key === "q") return { browser, effect: { type: "quit" } };
  if (key === "?" && !isKeys(screen)) return { browser: { ...quiet, screens: [...quiet.screens, KEYS] } };
  if (key === "/") return { browser: noted({ ...quiet, search: beginSearch(quiet.screens) }) };
  if (key === "n" || key === "N") return { browser: searchOn(quiet, key === "n" ? "next" : "previous") };
  const isBack = ["escape", "backspace", "h"].includes(key) ||
    key === "left" && !(screen.kind === "text" && screen.left > 0);
  if (isBack) return back(quiet);
  if (key === "c") return compare(quiet, screen);
  if (key === "s") return askWhereTo(quiet, screen);
  return screen.kind === "list" ? moveInList(quiet, screen, key) : moveInText(quiet, screen, key);
}

function back(browser: Browser): Step {
  const { screens } = browser;
  if (screens.length === 1) return { browser, effect: { type: "quit" } };
  return { browser: inView({ ...browser, screens: screens.slice(0, -1) }) };
}

function task(browser: Browser, task: Task): Step {
  return { browser: { ...browser, busy: "one moment" }, effect: { type: "task", task } };
}

function compare(browser: Browser, screen: ListScreen | TextScreen): Step {
  if (screen.kind === "list" && screen.compare) return task(browser, screen.compare);
  return { browser: { ...browser, note: "only a layer above another can be compared, once" } };
}

function answer(browser: Browser, screen: QuestionScreen, key: Key): Step {
  const { about, answer } = screen;
  if (key === "escape") return back(browser);
  if (key === "enter") {
    if (answer.trim() === "") return { browser: { ...browser, note: "nothing was typed" } };
    if (about.type === "open") return task(browser, { type: "open", image: answer.trim() });
    return task(browser, { type: "save", location: about.location, to: answer });
  }
  return { browser: withScreen(browser, { ...screen, answer: edited(answer, key) }) };
}

/** The most characters of a line that is typed. */
const LONGEST_LINE = 4096;

/** A line that is typed, after one more key. */
function edited(line: string, key: Key): string {
  if (key === "ctrl-u") return "";
  if (key === "backspace") return [...line].slice(0, -1).join("");
  return ([...key].length === 1 ? line + key : line).slice(0, LONGEST_LINE);
}

/** Changes the text of a search, and shows the first match from where the search began. */
function typeSearch(browser: Browser, search: Search, key: Key): Browser {
  const { search: _, ...others } = browser;
  const { text, before } = search;
  if (key === "escape" || key === "backspace" && text === "") return inView({ ...others, screens: before });
  if (key === "enter") return noted({ ...browser, search: { ...search, typing: false, before: [] } });
  if (key === "down" || key === "up") return searchOn(browser, key === "down" ? "next" : "previous");
  const changed = edited(text, key);
  return matched({ ...browser, screens: before, search: { ...search, text: changed } }, "here");
}

function searchOn(browser: Browser, step: SearchStep): Browser {
  if (browser.search) return matched(browser, step);
  return { ...browser, note: "nothing was searched for: / begins a search" };
}

function matched(browser: Browser, step: SearchStep): Browser {
  const { screens, search } = showMatch(browser.screens, browser.search!, { step, size: browser.size });
  return noted(inView({ ...browser, screens, search }));
}

function noted(browser: Browser): Browser {
  return { ...browser, note: describeSearch(browser.search!) };
}

function askWhereTo(browser: Browser, screen: ListScreen | TextScreen): Step {
  const location = fileOf(screen);
  if (!location) {
    return {
      browser: { ...browser, note: "only files can be saved here; layerstash extract saves directories" },
    };
  }
  const question: QuestionScreen = {
    kind: "question",
    title: `Save ${location.path} as`,
    answer: suggestedName(location),
    about: { type: "save", location },
  };
  return { browser: { ...browser, screens: [...browser.screens, question] } };
}

/** The name of the file, which comes from the image, without characters that could make it a path. */
function suggestedName({ path }: FileLocation): string {
  return printable(baseName(path)).replace(/[?\\/:]/g, "_");
}

function moveInList(browser: Browser, screen: ListScreen, key: Key): Step {
  const { rows, selected } = screen;
  if (["enter", "right", "l"].includes(key)) {
    const { open, about = "there is nothing to open here" } = rows[selected] ?? {};
    return open ? task(browser, open) : { browser: { ...browser, note: about } };
  }
  const to = selected + distance(key, browser.size, rows.length);
  const within = Math.max(0, Math.min(rows.length - 1, to));
  return { browser: inView(withScreen(browser, { ...screen, selected: within })) };
}

/** How many characters a key moves a text sidewards. */
const SIDEWARDS = 8;

function moveInText(browser: Browser, screen: TextScreen, key: Key): Step {
  const longest = screen.lines.reduce((most, { length }) => Math.max(most, length), 0);
  const sidewards = key === "right" || key === "l" ? SIDEWARDS : key === "left" ? -SIDEWARDS : 0;
  const left = Math.max(0, Math.min(screen.left + sidewards, longest - 1));
  const top = screen.top + (key === "enter" ? 1 : distance(key, browser.size, screen.lines.length));
  return { browser: inView(withScreen(browser, { ...screen, top, left })) };
}

function withScreen(browser: Browser, screen: Screen): Browser {
  return { ...browser, screens: [...browser.screens.slice(0, -1), screen] };
}

function inView(browser: Browser): Browser {
  return withScreen(browser, fitted(currentScreen(browser), browser.size));
}
