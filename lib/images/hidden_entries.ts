/** What later layers remove or replace of a filesystem: it is kept to be listed among what is seen. @module */
import type { PackedEntries } from "./packed_entries.ts";

/** An entry that is no longer part of the filesystem. */
export interface HiddenEntry {
  path: string;
  /** The index of the entry. */
  node: number;
  /** The layer that removed or replaced it. */
  by: number;
}

/** The hidden entries of a filesystem. */
export class HiddenEntries {
  readonly #entries: PackedEntries;
  readonly #hidden: HiddenEntry[] = [];

  /** @param entries all entries of the filesystem's layers */
  constructor(entries: PackedEntries) {
    this.#entries = entries;
  }

  /** Notes that a layer hides an entry, unless it is the layer's own. */
  add(hidden: HiddenEntry): void {
    if (this.#entries.layerOf(hidden.node) < hidden.by) this.#hidden.push(hidden);
  }

  /**
   * Adds these entries to what is seen, which is given in the order of the names, each directory before its content. What is
   * hidden comes before what is seen at its path.
   */
  *among<T extends { path: string }>(seen: Iterable<T>): Generator<T | HiddenEntry> {
    const hidden = this.#hidden.toSorted((a, b) => comparePaths(b.path, a.path) || b.by - a.by);
    const isNext = (path: string) => hidden.length > 0 && comparePaths(hidden.at(-1)!.path, path) <= 0;
    for (const place of seen) {
      while (isNext(place.path)) yield hidden.pop()!;
      yield place;
    }
    while (hidden.length > 0) yield hidden.pop()!;
  }
}

/** Compares paths so that the content of a directory follows it, in the order of its names. */
export function comparePaths(one: string, other: string): number {
  const [names, others] = [one.split("/"), other.split("/")];
  for (const [index, name] of names.entries()) {
    const beside = others[index];
    if (beside === undefined || name > beside) return 1;
    if (name < beside) return -1;
  }
  return names.length - others.length;
}
