/** A clock that moves only when somebody sleeps by it, or when a test says so. @module */
import type { Clock } from "../../lib/async/clock.ts";

/** A clock in the hands of a test. */
export interface TestClock extends Clock {
  /** Every wait so far, in milliseconds. */
  readonly waits: number[];
  /** Lets time pass. */
  pass(milliseconds: number): void;
}

/**
 * Makes a clock for work that waits in several places at once: time moves to the end of the shortest wait, when
 * everything else has had its turn.
 */
export function sharedClock(): TestClock {
  let time = 0;
  const waits: number[] = [];
  const sleepers: { until: number; wake: () => void }[] = [];
  const wakeFirst = () => {
    sleepers.sort((a, b) => a.until - b.until);
    const first = sleepers.shift()!;
    time = Math.max(time, first.until);
    first.wake();
  };
  return {
    waits,
    now: () => time,
    random: () => 0.5,
    pass: (milliseconds) => void (time += milliseconds),
    sleep(milliseconds, signal) {
      if (signal?.aborted) return Promise.reject(signal.reason);
      waits.push(milliseconds);
      const { promise, resolve } = Promise.withResolvers<void>();
      sleepers.push({ until: time + milliseconds, wake: resolve });
      setTimeout(wakeFirst, 3);
      return promise;
    },
  };
}

/** Makes a clock. Its dice always fall in the middle. */
export function testClock(): TestClock {
  let time = 0;
  const waits: number[] = [];
  return {
    waits,
    now: () => time,
    random: () => 0.5,
    pass: (milliseconds) => void (time += milliseconds),
    sleep(milliseconds, signal) {
      if (signal?.aborted) return Promise.reject(signal.reason);
      waits.push(milliseconds);
      time += milliseconds;
      return Promise.resolve();
    },
  };
}
