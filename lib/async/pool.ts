/** Runs tasks in parallel, up to a limit that may change meanwhile. @module */
import { type Turn, Turns } from "./turns.ts";

/**
 * Runs a task for every item, at most `jobs` at a time, in the order of the items. When one fails, no others begin, the
 * signal aborts the running ones, and the first failure is thrown when all have ended. A task that consists of several steps
 * waits for its turn before each: meanwhile fewer may be allowed to run.
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
  options: { jobs: number | Jobs; signal?: AbortSignal | undefined },
  task: (item: T, signal: AbortSignal, turn: Turn) => Promise<void>,
): Promise<void> {
  const failed = new AbortController();
  const signal = options.signal ? AbortSignal.any([options.signal, failed.signal]) : failed.signal;
  const iterator = Symbol.asyncIterator in items ? items[Symbol.asyncIterator]() : items[Symbol.iterator]();
  let failure: { error: unknown } | undefined;
  await runWorkers(options.jobs, async (isWanted, turns) => {
    try {
      while (isWanted()) {
        signal.throwIfAborted();
        const next = await iterator.next();
        if (next.done) return;
        using turn = turns.begin(signal);
        await task(next.value, signal, turn);
      }
    } catch (error) {
      failure ??= { error };
      failed.abort(error);
    }
  });
  if (failure) throw failure.error;
}

/** How many tasks may run at once, where that number changes meanwhile. */
export interface Jobs {
  /** How many may run at the moment. */
  readonly count: number;
  /** Called when the count has grown; {@link inParallel} sets it. */
  onGrowth?: (() => void) | undefined;
}

/** Runs as many workers as there may be jobs, until all have ended. A worker ends early when fewer are wanted. */
async function runWorkers(
  jobs: number | Jobs,
  work: (isWanted: () => boolean, turns: Turns) => Promise<void>,
): Promise<void> {
  const allowed: Jobs = typeof jobs === "number" ? { count: jobs } : jobs;
  const { promise: ended, resolve } = Promise.withResolvers<void>();
  const most = () => Math.max(1, allowed.count);
  const turns = new Turns(most);
  let running = 0;
  const fill = () => {
    turns.change();
    while (running < most()) {
      running++;
      work(() => running <= most(), turns).then(() => --running === 0 && resolve());
    }
  };
  allowed.onGrowth = fill;
  fill();
  await ended;
  allowed.onGrowth = undefined;
}
