/** The entries of a folder, packed: there may be a million. @module */
import { NumberList } from "../images/number_list.ts";
import { TextList } from "../images/text_list.ts";
import type { Attributes, FolderEntry, FolderEntryType } from "./folder.ts";

/** An entry with what shows that it was changed since. */
export interface FoundEntry extends FolderEntry {
  /** When it was last changed, also its names and modes, in milliseconds since 1970. */
  changed: number;
  /** Its number on its file system. */
  inode: number;
}

const TYPES: readonly FolderEntryType[] = ["file", "directory", "symlink", "hardlink"];

/** The numbers of an entry, in this order; the first is its type and mode. */
const FIELDS = ["size", "seconds", "nanoseconds", "changed", "inode"] as const;
const WIDTH = 1 + FIELDS.length;
const MODES = 0o10000;

/** Entries in the order in which they were added. */
export class EntryList {
  /** The path and the target of each, with a zero byte between them, which no name has. */
  readonly #texts = new TextList();
  readonly #numbers = new NumberList();
  /** Few entries have attributes. */
  readonly #attributes = new Map<number, Attributes>();

  /** How many there are. */
  get length(): number {
    return this.#texts.length;
  }

  /** Adds an entry, and gives its index. */
  push(entry: FoundEntry): number {
    this.#texts.push(`${entry.path}\0${entry.target ?? ""}`);
    this.#numbers.push(TYPES.indexOf(entry.type) * MODES + entry.mode);
    if (entry.attributes) this.#attributes.set(this.length - 1, entry.attributes);
    for (const field of FIELDS) this.#numbers.push(entry[field]);
    return this.length - 1;
  }

  /** The entry at an index. */
  at(index: number): FoundEntry {
    const number = (field: number) => this.#numbers.at(index * WIDTH + field);
    const [path = "", target] = this.#texts.at(index).split("\0");
    const type = TYPES[Math.floor(number(0) / MODES)]!;
    const attributes = this.#attributes.get(index);
    return {
      path,
      type,
      mode: number(0) % MODES,
      size: number(1),
      seconds: number(2),
      nanoseconds: number(3),
      changed: number(4),
      inode: number(5),
      ...(type === "symlink" || type === "hardlink" ? { target } : {}),
      ...(attributes && { attributes }),
    };
  }
}
