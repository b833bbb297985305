/** Limits what the entries of layers take in memory: a layer of some kilobytes may list millions. @module */
import { MismatchError } from "../errors.ts";
import type { Entry } from "../layers/entry.ts";

/** The most entries that are held in memory. The largest images have some hundred thousand. */
const MOST_ENTRIES = 2_000_000;
/** The most bytes of their names, link targets and attributes. Most entries have some 100. */
const MOST_BYTES = 512 * 1024 * 1024;
/** The most directories that no layer lists. Most layers list all of theirs. */
const MOST_IMPLIED = 500_000;

/** Counts entries that are held in memory. Methods fail with a {@linkcode MismatchError} if they are too many. */
export class EntryBudget {
  #entries = 0;
  #bytes = 0;
  #implied = 0;

  /** Counts an entry, and what it holds. */
  take(entry: Entry): void {
    this.#bytes += heldBy(entry);
    if (++this.#entries > MOST_ENTRIES) {
      throw new MismatchError(
        `the layers have more than ${MOST_ENTRIES} entries, too many to hold in memory`,
      );
    }
    if (this.#bytes > MOST_BYTES) {
      throw new MismatchError(
        `the entries of the layers hold more than ${MOST_BYTES / 1024 ** 2} MiB of names and attributes`,
      );
    }
  }

  /** Counts a directory that no layer lists. */
  takeImplied(): void {
    if (++this.#implied > MOST_IMPLIED) {
      throw new MismatchError(`the layers have more than ${MOST_IMPLIED} directories that no layer lists`);
    }
  }
}

function heldBy({ path, name, target = "", owner, group, attributes }: Entry): number {
  const texts = path.length + name.length + target.length + owner.length + group.length;
  return Object.entries(attributes ?? {}).reduce(
    (sum, [key, { length }]) => sum + key.length + length,
    texts,
  );
}
