/** Lets a test go through retries without waiting for them. @module */
import { systemClock } from "../../lib/async/clock.ts";

/** As long as it is in use nothing waits by the system's clock: transfers have no other. */
export function noWaits(): { waits: number[] } & Disposable {
  const { sleep } = systemClock;
  const waits: number[] = [];
  systemClock.sleep = (milliseconds, signal) => {
    waits.push(milliseconds);
    return signal?.aborted ? Promise.reject(signal.reason) : Promise.resolve();
  };
  return { waits, [Symbol.dispose]: () => void (systemClock.sleep = sleep) };
}
