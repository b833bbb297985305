/** Time and chance: what waits, and what tests replace. @module */

/**
 * Time and chance, as the outside gives them.
 *
 * @category Stores
 */
export interface Clock {
  /** Milliseconds that only ever grow; no wall clock, which may be set while a transfer runs. */
  now(): number;
  /** Waits, or rejects with the signal's reason. */
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>;
  /** From 0 up to, and not with, 1. */
  random(): number;
}

/** The system's time. */
export const systemClock: Clock = {
  now: () => performance.now(),
  random: Math.random,
  async sleep(milliseconds, signal) {
    signal?.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, milliseconds);
    const end = () => reject(signal?.reason);
    signal?.addEventListener("abort", end);
    try {
      await promise;
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", end);
    }
  },
};
