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
  options: { jobs: number | Lanes; signal?: AbortSignal | undefined },
  task: (item: T, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const failed = new AbortController();
  const signal = options.signal ? AbortSignal.any([options.signal, failed.signal]) : failed.signal;
  const iterator = Symbol.asyncIterator in items ? items[Symbol.asyncIterator]() : items[Symbol.iterator]();
  let failure: { error: unknown } | undefined;
  await inLanes(options.jobs, async (isWanted) => {
    try {
      while (isWanted()) {
        signal.throwIfAborted();
        const next = await iterator.next();
        if (next.done) return;
        await task(next.value, signal);
      }
    } catch (error) {
      failure ??= { error };
      failed.abort(error);
    }
  });
  if (failure) throw failure.error;
}

/** How many lanes there may be, which may change while they run. */
export interface Lanes {
  /** How many may run at the moment. */
  readonly count: number;
  /** To be called when they may be more than before; set by whoever runs them. */
  onGrowth?: (() => void) | undefined;
}

/** Runs as many lanes as there may be, until all have ended. A lane ends early when fewer are wanted. */
async function inLanes(
  jobs: number | Lanes,
  lane: (isWanted: () => boolean) => Promise<void>,
): Promise<void> {
  const lanes: Lanes = typeof jobs === "number" ? { count: jobs } : jobs;
  const { promise: ended, resolve } = Promise.withResolvers<void>();
  const most = () => Math.max(1, lanes.count);
  let running = 0;
  const fill = () => {
    while (running < most()) {
      running++;
      lane(() => running <= most()).then(() => --running === 0 && resolve());
    }
  };
  lanes.onGrowth = fill;
  fill();
  await ended;
  lanes.onGrowth = undefined;
}
