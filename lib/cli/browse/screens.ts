/** What `browse` can show, as values, and what a person can wish for there. @module */
import type { Digest } from "../../oci/digest.ts";

/** A place in the files of an image: in one layer, or in all of them put on each other. */
export interface FileLocation {
  /** The manifest of the image. */
  image: Digest;
  /** The number of the layer; absent = all merged. */
  layer?: number | undefined;
  /** Empty = the root. */
  path: string;
}

/** Something that takes time: it is carried out elsewhere, and a screen or a note comes of it. */
export type Task =
  | { type: "open"; image: string }
  | { type: "tags" }
  | { type: "image"; reference: string }
  | { type: "platforms"; reference: string }
  | { type: "facts"; image: Digest }
  | { type: "steps"; image: Digest }
  | { type: "directory"; location: FileLocation }
  | { type: "view"; location: FileLocation }
  | { type: "save"; location: FileLocation; to: string };

/** One line of a list. Its texts may come from outside: whoever shows them makes them harmless. */
export interface Row {
  name: string;
  /** Shown at the right where there is room. */
  detail?: string;
  /** What opening it means; absent = it cannot be opened. */
  open?: Task;
  /** The file that can be saved. */
  file?: FileLocation;
}

/** Rows, of which one is chosen. */
export interface ListScreen {
  kind: "list";
  title: string;
  rows: readonly Row[];
  selected: number;
  /** The first row that is shown. */
  top: number;
}

/** A text to read. */
export interface TextScreen {
  kind: "text";
  title: string;
  lines: readonly string[];
  /** The first line that is shown. */
  top: number;
  /** So many characters of each line are to the left of what is shown. */
  left: number;
  /** The file that can be saved. */
  file?: FileLocation;
}

/** A question that is answered with a line of text. */
export interface QuestionScreen {
  kind: "question";
  title: string;
  answer: string;
  /** What the answer is for: the image to open, or where a file is saved to. */
  about: { type: "open" } | { type: "save"; location: FileLocation };
}

/** What is on the screen. */
export type Screen = ListScreen | TextScreen | QuestionScreen;

/** The file that can be saved now; `undefined` = there is none. */
export function fileOf(screen: ListScreen | TextScreen): FileLocation | undefined {
  return screen.kind === "text" ? screen.file : screen.rows[screen.selected]?.file;
}

/** A list, at its beginning. */
export function listScreen(title: string, rows: readonly Row[]): ListScreen {
  return { kind: "list", title, rows, selected: 0, top: 0 };
}

/** A text, at its beginning. */
export function textScreen(title: string, lines: readonly string[], file?: FileLocation): TextScreen {
  return { kind: "text", title, lines, top: 0, left: 0, ...(file && { file }) };
}
