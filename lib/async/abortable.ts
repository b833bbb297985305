/** Lets a signal end the wait for work that takes no signal. @module */

/** Waits for a promise, or rejects with the signal's reason when that is aborted first. The work itself may go on. */
export async function abortable<T>(awaited: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return await awaited;
  awaited.catch(() => {}); // nobody awaits it any more after an abort
  signal.throwIfAborted();
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const abort = () => reject(signal.reason);
  signal.addEventListener("abort", abort);
  try {
    return await Promise.race([awaited, aborted]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
