/** The screens of `browse` as values, and the tasks that start on them. @module */
import type { Digest } from "../../oci/digest.ts";
import type { Tone } from "./tones.ts";

/** A path in the files of an image: of one layer, or of all layers together. */
export interface FileLocation {
  /** The manifest of the image. */
  image: Digest;
  /** The number of the layer; absent = all layers together. */
  layer?: number | undefined;
  /** Whether the layer is compared with those below it. */
  compared?: true | undefined;
  /** Empty = the root. */
  path: string;
}

/** Work that takes time. It is carried out elsewhere, and results in a screen or a note. */
export type Task =
  | { type: "open"; image: string }
  | { type: "tags" }
  | { type: "image"; reference: string }
  | { type: "platforms"; reference: string }
  | { type: "facts"; image: Digest }
  | { type: "steps"; image: Digest }
  | { type: "directory"; location: FileLocation }
  | { type: "compare"; location: FileLocation }
  | { type: "view"; location: FileLocation }
  | { type: "save"; location: FileLocation; to: string };

/** One line of a list. Its texts may come from an image: whoever shows them must make them printable. */
export interface ListRow {
  name: string;
  /** Shown at the right if there is room. */
  detail?: string;
  /** The task that opens it; absent = it cannot be opened. */
  open?: Task;
  /** Then: what it is, and what else can be done with it. */
  about?: string;
  /** The file that can be saved. */
  file?: FileLocation;
  /** The path of the entry that the row shows, in a directory. */
  path?: string;
  tone?: Tone | undefined;
}

/** A list of rows, one of which is chosen. */
export interface ListScreen {
  kind: "list";
  title: string;
  rows: readonly ListRow[];
  selected: number;
  /** The first row that is shown. */
  top: number;
  /** For a directory: its path, and the screens of the tree that it is part of. */
  tree?: { directory: string; pages: TreePages };
  /** The task that compares the layer with those below it; absent = there is nothing to compare. */
  compare?: Task;
}

/** The screens of all directories of one tree. */
export interface TreePages {
  /** The paths of everything in the tree, each directory before its content. */
  paths(): readonly string[];
  /** The directories on the way to an entry, from the root. In each, the next one or the entry is chosen. */
  pagesTo(path: string): ListScreen[];
}

/** A text. */
export interface TextScreen {
  kind: "text";
  title: string;
  lines: readonly string[];
  /** The first line that is shown. */
  top: number;
  /** How many characters of each line are hidden at the left. */
  left: number;
  /** The line that a search has found. */
  found?: number;
  /** The file that can be saved. */
  file?: FileLocation;
}

/** A question that the user answers with a line of text. */
export interface QuestionScreen {
  kind: "question";
  title: string;
  answer: string;
  /** What the answer is for: the image to open, or where a file is saved to. */
  about: { type: "open" } | { type: "save"; location: FileLocation };
}

/** One screen. */
export type Screen = ListScreen | TextScreen | QuestionScreen;

/** The file that can be saved now; `undefined` = none. */
export function fileOf(screen: ListScreen | TextScreen): FileLocation | undefined {
  return screen.kind === "text" ? screen.file : screen.rows[screen.selected]?.file;
}

/** Makes a list, shown from its beginning. */
export function listScreen(title: string, rows: readonly ListRow[]): ListScreen {
  return { kind: "list", title, rows, selected: 0, top: 0 };
}

/** Makes a text, shown from its beginning. */
export function textScreen(title: string, lines: readonly string[], file?: FileLocation): TextScreen {
  return { kind: "text", title, lines, top: 0, left: 0, ...(file && { file }) };
}
