/** Sizes of the parts of uploads: larger where they go up fast, so that the pauses between them cost nothing. @module */

/** How long a part may take, in milliseconds: an interruption costs that at most. */
const PART_TIME = 10_000;

/** How much larger than the smallest part the first may be, to take a whole blob: less than 100 MB, a usual limit of proxies. */
const WHOLE = 1.5;

/** The sizes of the parts of all blobs that go to one registry. */
export class PartGrowth {
  #allowed: boolean;

  /** @param allowed whether parts may grow at all */
  constructor(allowed: boolean) {
    this.#allowed = allowed;
  }

  /** The size of the first part of a blob: all of it, where it is hardly larger than the smallest part. */
  first(smallest: number, size: number): number {
    return this.#allowed && size > smallest && size <= WHOLE * smallest ? size : smallest;
  }

  /**
   * The size of the next part, after one of `sent` bytes took so many milliseconds: what goes up in ten seconds, as a
   * multiple of the smallest, which some registries store without copying.
   */
  next({ smallest, sent, milliseconds }: { smallest: number; sent: number; milliseconds: number }): number {
    if (!this.#allowed || sent < smallest) return smallest;
    const most = sent * PART_TIME / Math.max(1, milliseconds);
    return smallest * Math.max(1, Math.floor(most / smallest));
  }

  /** A part broke off. Something on the way may cut off large ones without saying so: from now on none is. */
  stop(): void {
    this.#allowed = false;
  }
}
