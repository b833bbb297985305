/** What of a folder's entries is brought back, and under which names. @module */
import { type Entry, parentOf } from "../layers/entry.ts";
import { STARGZ_PATHS } from "../layers/stargz.ts";
import type { Selection } from "./selection.ts";
import { isInStaging } from "./staged_folder.ts";
import { linkedPath } from "./tree_writer.ts";

/**
 * The wanted part of a folder. Where another name of a file is wanted, and not the first, that name gets the content: so all
 * entries are noted before one is looked up, unless everything is wanted.
 */
export class WantedPart {
  readonly #selection: Selection;
  /** The name that a file gets which is not wanted under its first. */
  readonly #standIns = new Map<string, string>();
  /** The directories in which something is wanted. */
  readonly #above = new Set<string>();
  #hasStaging = false;

  constructor(selection: Selection) {
    this.#selection = selection;
  }

  /** Whether everything is wanted. */
  get isAll(): boolean {
    return this.#selection.isAll;
  }

  /** Takes note of an entry. */
  note(entry: Entry): void {
    if (!this.#selection.includes(entry.path)) return;
    for (let path = entry.path; path !== "" && !this.#above.has(path = parentOf(path));) {
      this.#above.add(path);
    }
    if (entry.type !== "hardlink") return;
    const first = linkedPath(entry);
    if (this.#selection.includes(first) || this.#standIns.has(first)) return;
    this.#standIns.set(first, entry.path);
  }

  /** Whether something was asked for that does not come back: it has the name of what a download keeps in a directory. */
  get hasStaging(): boolean {
    return this.#hasStaging;
  }

  /** Whether an entry was asked for, and is not only a directory on the way to one. */
  isAskedFor({ path }: Entry): boolean {
    return this.#selection.includes(path);
  }

  /** An entry as it is wanted; `undefined` if it is not, or belongs to the format. */
  pick<E extends Entry>(entry: E): E | undefined {
    const { path, type } = entry;
    if (STARGZ_PATHS.includes(path)) return undefined;
    if (isInStaging(path)) {
      this.#hasStaging ||= this.#selection.includes(path);
      return undefined;
    }
    const standIn = type === "file" ? this.#standIns.get(path) : undefined;
    if (standIn !== undefined) return { ...entry, path: standIn };
    if (type === "directory" && this.#above.has(path)) return entry;
    if (!this.#selection.includes(path)) return undefined;
    const target = type === "hardlink" ? this.#standIns.get(linkedPath(entry)) : undefined;
    if (target === undefined) return entry;
    return target === path ? undefined : { ...entry, target };
  }

  /** @throws {NotFoundError} if something that was asked for is not in the folder */
  requireFound(): void {
    this.#selection.requireFound();
  }
}
