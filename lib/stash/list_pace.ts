/** Decides when the waiting tags of an upload are listed together, where a store lists its tags as a whole. @module */

/** When so many tags wait, they are listed, however lately that was done. */
const MOST_WAITING = 4096;
/** How many times as long as the last list took, no other is made. */
const PAUSE = 4;

/**
 * The pace of the lists. To list tags takes the longer the more there are, so it is done for many at once, and takes a part of
 * the whole time however many there are. A tag waits for moments only.
 */
export class ListPace {
  /** When the next list may be made, in milliseconds; infinite while one is being made. */
  #next = 0;

  /** Whether a list is made now, for so many waiting tags. */
  isDue(waiting: number): boolean {
    return performance.now() >= this.#next || waiting >= MOST_WAITING;
  }

  /** Makes a list, and times it. */
  async time(list: () => Promise<void>): Promise<void> {
    const began = performance.now();
    this.#next = Infinity;
    await list();
    const ended = performance.now();
    this.#next = ended + PAUSE * (ended - began);
  }
}
