/** A clock that moves only when somebody sleeps by it, or when a test says so. @module */
import type { Clock } from "../../lib/async/clock.ts";

/** A clock in the hands of a test. */
export interface TestClock extends Clock {
  /** Every wait so far, in milliseconds. */
  readonly waits: number[];
  /** Lets time pass. */
  pass(milliseconds: number): void;
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
