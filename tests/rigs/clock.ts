/** Clocks that move only when somebody sleeps by them, or when a test says so. @module */
import type { Clock } from "../../lib/async/clock.ts";

/** A clock in the hands of a test. */
export interface TestClock extends Clock {
  /** Every wait so far, in milliseconds. */
  readonly waits: number[];
  /** Lets time pass. */
  pass(milliseconds: number): void;
}

/** Makes a clock for work that waits in one place at a time: whoever sleeps wakes at once. */
export function testClock(): TestClock {
  return makeClock((end, moveTo) => Promise.resolve(moveTo(end)));
}

/**
 * Makes a clock for work that waits in several places at once: when nothing else is under way, time moves to the end of
 * the shortest wait.
 */
export function sharedClock(isBusy: () => boolean): TestClock {
  const sleepers: { end: number; wake: () => void }[] = [];
  return makeClock(async (end, moveTo) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    sleepers.push({ end, wake: resolve });
    sleepers.sort((a, b) => a.end - b.end);
    await quiet(isBusy);
    const first = sleepers.shift()!;
    moveTo(first.end);
    first.wake();
    await promise;
  });
}

/** Makes a clock. Its dice always fall in the middle. */
function makeClock(sleepUntil: (end: number, moveTo: (time: number) => void) => Promise<void>): TestClock {
  let time = 0;
  const waits: number[] = [];
  const moveTo = (end: number) => void (time = Math.max(time, end));
  return {
    waits,
    now: () => time,
    random: () => 0.5,
    pass: (milliseconds) => void (time += milliseconds),
    sleep(milliseconds, signal) {
      if (signal?.aborted) return Promise.reject(signal.reason);
      waits.push(milliseconds);
      return sleepUntil(time + milliseconds, moveTo);
    },
  };
}

/** Waits until nothing was under way in several looks, one after another: an answer leads to the next request. */
async function quiet(isBusy: () => boolean): Promise<void> {
  for (let looks = 0; looks < 3; looks = isBusy() ? 0 : looks + 1) {
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}
