/** Waiting that a signal ends, for work that does not know of signals. @module */

/** What is awaited, unless the signal comes before: then it rejects with the signal's reason. The work may go on. */
export async function abortable<T>(awaited: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return await awaited;
  awaited.catch(() => {}); // nobody listens any more when the signal has come
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
