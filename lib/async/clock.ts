/** The clock and random numbers, which tests replace. @module */

/**
 * A source of time and random numbers. Tests replace it.
 *
 * @category Stores
 */
export interface Clock {
  /** Milliseconds of a monotonic clock: the wall clock may be set while a transfer runs. */
  now(): number;
  /** Waits, or rejects with the signal's reason. */
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>;
  /** A random number, at least 0 and less than 1. */
  random(): number;
}

/** The system's clock. */
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
