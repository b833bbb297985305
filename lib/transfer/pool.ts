/** Does several things at once, but not too many. @module */

/**
 * Runs a task for every item, at most `jobs` at a time, in order of the items. When one fails, no further ones
 * begin, the signal tells the others, and the first failure is thrown when all have ended.
 *
 * @example
 * ```ts
 * import { inParallel } from "./pool.ts";
 * const done: number[] = [];
 * await inParallel([1, 2, 3], { jobs: 2 }, async (item) => void done.push(await Promise.resolve(item)));
 * ```
 */
export async function inParallel<T>(
  items: Iterable<T> | AsyncIterable<T>,
  options: { jobs: number; signal?: AbortSignal | undefined },
  task: (item: T, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const failed = new AbortController();
  const signal = options.signal ? AbortSignal.any([options.signal, failed.signal]) : failed.signal;
  const iterator = Symbol.asyncIterator in items ? items[Symbol.asyncIterator]() : items[Symbol.iterator]();
  let failure: { error: unknown } | undefined;
  const work = async () => {
    try {
      for (;;) {
        signal.throwIfAborted();
        const next = await iterator.next();
        if (next.done) return;
        await task(next.value, signal);
      }
    } catch (error) {
      failure ??= { error };
      failed.abort(error);
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, options.jobs) }, work));
  if (failure) throw failure.error;
}
