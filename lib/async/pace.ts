/** Lets events through in long computations. @module */

/** How long a computation may keep events waiting, in milliseconds. */
const LONGEST_STRETCH = 50;

/**
 * The pace of a long computation. Without pauses in it, `Ctrl-C` would have to wait for its end.
 *
 * @example
 * ```ts
 * import { Pace } from "./pace.ts";
 *
 * const pace = new Pace(AbortSignal.timeout(1000));
 * for (let step = 0; step < 1000; step++) if (pace.isPauseDue) await pace.pause();
 * ```
 */
export class Pace {
  readonly #signal: AbortSignal | undefined;
  #start = performance.now();

  /** @param signal ends the computation in its next pause */
  constructor(signal?: AbortSignal) {
    this.#signal = signal;
  }

  /** Whether the computation has gone on for long enough. */
  get isPauseDue(): boolean {
    return performance.now() - this.#start > LONGEST_STRETCH;
  }

  /** Lets waiting events through. Rejects with the signal's reason if one of them has aborted it. */
  async pause(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, 0));
    this.#signal?.throwIfAborted();
    this.#start = performance.now();
  }
}
