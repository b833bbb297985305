/** Several things at once, but not too many. @module */
import assert from "node:assert/strict";
import fc from "fast-check";
import { inParallel } from "../lib/async/pool.ts";

/** Lets whatever is ready run. */
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

Deno.test("every item is done once, in order, and never more at once than allowed", async () => {
  const jobs = fc.integer({ min: 1, max: 8 });
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(3), { maxLength: 30 }), jobs, async (turns, jobs) => {
      let running = 0;
      let most = 0;
      const begun: number[] = [];
      await inParallel(turns.entries(), { jobs }, async ([index, count]) => {
        begun.push(index);
        most = Math.max(most, ++running);
        for (let left = count; left > 0; left--) await turn();
        running--;
      });
      assert.deepEqual(begun, [...turns.keys()]);
      assert.equal(running, 0);
      assert.ok(most <= jobs);
      if (turns.length >= jobs && turns.every((count) => count > 0)) assert.equal(most, jobs);
    }),
    { numRuns: 40 },
  );
});

Deno.test("items may come one after the other", async () => {
  const seen: number[] = [];
  const items = async function* () {
    for (let item = 1; item <= 5; item++) {
      await turn();
      yield item;
    }
  };
  await inParallel(items(), { jobs: 3 }, async (item) => void seen.push(await Promise.resolve(item)));
  assert.deepEqual(seen, [1, 2, 3, 4, 5]);
});

Deno.test("the first failure is thrown when all have ended, and no further item begins", async () => {
  const begun: number[] = [];
  let ended = 0;
  const done = inParallel([1, 2, 3, 4, 5], { jobs: 3 }, async (item, signal) => {
    begun.push(item);
    if (item === 2) throw new Error("the second failed");
    while (!signal.aborted) await turn();
    await turn();
    ended++;
    signal.throwIfAborted();
  });
  await assert.rejects(done, /^Error: the second failed$/);
  assert.deepEqual(begun, [1, 2, 3]);
  assert.equal(ended, 2);
});

Deno.test("a list that fails fails all", async () => {
  const items = function* () {
    yield 1;
    throw new Error("no more items");
  };
  await assert.rejects(inParallel(items(), { jobs: 2 }, () => Promise.resolve()), /no more items/);
});

Deno.test("a signal from outside ends it with its reason", async () => {
  const stop = new AbortController();
  const reason = new Error("stopped");
  const begun: number[] = [];
  const done = inParallel([1, 2, 3], { jobs: 1, signal: stop.signal }, async (item) => {
    begun.push(item);
    await turn();
    stop.abort(reason);
  });
  await assert.rejects(done, reason);
  assert.deepEqual(begun, [1]);
  await assert.rejects(
    inParallel([1], { jobs: 1, signal: stop.signal }, () => assert.fail("it began")),
    reason,
  );
});

Deno.test("fewer than one job is one", async () => {
  const seen: number[] = [];
  await inParallel([1, 2], { jobs: 0 }, (item) => Promise.resolve(void seen.push(item)));
  assert.deepEqual(seen, [1, 2]);
});

Deno.test("where fewer may run than have begun, the oldest go on, and one that failed lets the others go first", async () => {
  const jobs = { count: 3, onGrowth: undefined as (() => void) | undefined };
  const steps: string[] = [];
  const failing = { 2: true } as Record<number, boolean>;
  await inParallel([1, 2, 3], { jobs }, async (item, _signal, itsTurn) => {
    steps.push(`${item} begins`);
    await turn();
    jobs.count = 1;
    await itsTurn.wait();
    if (failing[item]) await itsTurn.giveWay();
    for (const step of ["a", "b"]) {
      steps.push(`${item}${step}`);
      await turn();
      await itsTurn.wait();
    }
  });
  assert.deepEqual(steps, ["1 begins", "2 begins", "3 begins", "1a", "1b", "3a", "3b", "2a", "2b"]);
});

Deno.test("a task that waits for its turn ends with the signal", async () => {
  const stop = new AbortController();
  const jobs = { count: 2, onGrowth: undefined as (() => void) | undefined };
  const reason = new Error("stopped");
  const done = inParallel([1, 2], { jobs, signal: stop.signal }, async (item, signal, itsTurn) => {
    await turn();
    jobs.count = 1;
    if (item === 2) return await itsTurn.wait();
    stop.abort(reason);
    signal.throwIfAborted();
  });
  await assert.rejects(done, reason);
});
