import assert from "node:assert/strict";
import { AdaptiveJobs, adaptiveJobs } from "../lib/transfer/adaptive_jobs.ts";
import { inParallel } from "../lib/async/pool.ts";
import { digestOf } from "../lib/oci/digest.ts";

/** Transfers use as many connections as serve. */

const MB = 1_000_000;

/** Connections on a link, and what came of them: how many there were after each second. */
function onLink(
  rate: (connections: number, second: number) => number,
  seconds: number,
  size = Infinity,
): number[] {
  let now = 0;
  const jobs = new AdaptiveJobs({ size, now: () => now });
  jobs.onEvent({ type: "progress", phase: "fetch", bytes: 0 });
  return Array.from({ length: seconds }, (_, second) => {
    for (let tenth = 0; tenth < 10; tenth++) {
      const bytes = rate(jobs.count, second) / 10;
      now += 100;
      jobs.onEvent({ type: "progress", phase: "fetch", bytes });
    }
    return jobs.count;
  });
}

Deno.test("where each connection is slow, two more are added at a time, but no more than sixteen", () => {
  const counts = onLink((connections) => connections * 25 * MB, 24);
  assert.deepEqual([...new Set(counts)], [4, 6, 8, 10, 12, 14, 16]);
  assert.deepEqual(counts.slice(0, 3), [4, 4, 6], "each number settles for a second, and is judged by two");
  assert.deepEqual(counts.slice(-4), [16, 16, 16, 16]);
});

Deno.test("where more connections carry no more, they go again", () => {
  assert.deepEqual(onLink(() => 100 * MB, 8), [4, 4, 6, 6, 6, 4, 4, 4]);
});

Deno.test("connections that carry less than half of their share go again", () => {
  assert.deepEqual(onLink((connections) => (connections === 4 ? 100 : 124) * MB, 7).slice(-1), [4]);
  assert.deepEqual(onLink((connections) => (connections === 4 ? 100 : 126) * MB, 7).slice(-1), [8]);
});

Deno.test("the first second counts for nothing: connections are slow to start", () => {
  const rate = (connections: number, second: number) =>
    second === 0 ? MB : Math.min(connections, 4) * 25 * MB;
  assert.deepEqual(onLink(rate, 7), [4, 4, 6, 6, 6, 4, 4]);
});

Deno.test("where the link is full with eight, there are eight, and later a trial once more", () => {
  const counts = onLink((connections) => Math.min(connections, 8) * 10 * MB, 60);
  assert.deepEqual(counts.slice(0, 12), [4, 4, 6, 6, 6, 8, 8, 8, 10, 10, 10, 8]);
  assert.deepEqual([...new Set(counts.slice(11, 31))], [8]);
  assert.ok(counts.slice(31).includes(10), "a link may have become wider");
  assert.ok(counts.slice(31).filter((count) => count === 10).length < 5, "but that is seldom tried");
});

Deno.test("a trial that fails is made again after twice as long", () => {
  const counts = onLink(() => 100 * MB, 400);
  const trials = counts.flatMap((count, second) => count > 4 && counts[second - 1] === 4 ? [second] : []);
  const pauses = trials.slice(1).map((second, at) => second - trials[at]!);
  assert.ok(pauses.length > 2, "it is made again");
  pauses.slice(1).forEach((pause, at) => assert.ok(pause > 1.7 * pauses[at]!, `${pauses}`));
});

Deno.test("near the end of a transfer no connections are added, but they are where it is slow", () => {
  const rate = (connections: number) => connections * 25 * MB;
  assert.deepEqual(onLink(rate, 10, 1000 * MB), Array(10).fill(4), "it takes ten seconds");
  assert.ok(onLink(rate, 10, 2000 * MB).includes(6), "with four it would take twenty");
  assert.ok(onLink((connections) => connections * MB, 20, 200 * MB).includes(10));
});

Deno.test("what need not be moved is not waited for", () => {
  let now = 0;
  const jobs = new AdaptiveJobs({ size: 4000 * MB, now: () => now });
  jobs.onEvent({ type: "resume", phase: "fetch", bytes: 1500 * MB });
  const digest = digestOf(new Uint8Array());
  jobs.onEvent({ type: "blob", index: 1, state: "present", digest, size: 1500 * MB });
  for (; now < 8000; now += 100) jobs.onEvent({ type: "progress", phase: "fetch", bytes: 10 * MB });
  assert.equal(jobs.count, 4, "a thousand megabytes are left, and come in ten seconds");
});

Deno.test("where the rate falls by half, the connections that were added last go", () => {
  const rate = (connections: number, second: number) =>
    Math.min(connections, 8) * (second < 16 ? 10 : 4) * MB;
  const counts = onLink(rate, 30);
  assert.equal(counts[15], 8, "no trial is under way");
  assert.ok(counts.slice(19).every((count) => count === 6), `no more are added, for a while: ${counts}`);
  const four = (_: number, second: number) => (second < 12 ? 100 : 10) * MB;
  assert.ok(onLink(four, 30).every((count) => count >= 4), "and never fewer than at first");
});

/** The counts after each of so many retries. */
function afterRetries(jobs: AdaptiveJobs, retries: number): number[] {
  return Array.from({ length: retries }, () => {
    jobs.onEvent({ type: "retry", what: "a blob", attempt: 1, delay: 100, reason: "429" });
    return jobs.count;
  });
}

Deno.test("a wait for the registry halves the connections, and there is always one", () => {
  const counts = afterRetries(new AdaptiveJobs({ now: () => 0 }), 12);
  assert.deepEqual(counts, [2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1]);
});

/** Connections that each carry ten megabytes a second while time moves. */
function steadyJobs(): { jobs: AdaptiveJobs; move: (seconds: number) => void } {
  let now = 0;
  const jobs = new AdaptiveJobs({ now: () => now });
  const move = (seconds: number) => {
    for (let tenth = 0; tenth < 10 * seconds; tenth++) {
      now += 100;
      jobs.onEvent({ type: "progress", phase: "send", bytes: jobs.count * MB });
    }
  };
  return { jobs, move };
}

Deno.test("connections that fail together halve them once, each time that all of them fail", () => {
  const { jobs, move } = steadyJobs();
  move(24);
  assert.equal(jobs.count, 16);
  assert.deepEqual(afterRetries(jobs, 16), Array(16).fill(8));
  assert.deepEqual(afterRetries(jobs, 16), Array(16).fill(4));
  move(4);
  assert.deepEqual(afterRetries(jobs, 1), [2], "a failure after a while is another one");
});

Deno.test("uploads that were cut off grow again when blobs were stored, and later each time", () => {
  const { jobs, move } = steadyJobs();
  const digest = digestOf(new Uint8Array());
  const store = () => jobs.onEvent({ type: "blob", index: 1, state: "sent", digest, size: 0 });
  afterRetries(jobs, 1);
  move(600);
  assert.equal(jobs.count, 2, "time alone proves nothing");
  store();
  move(30);
  assert.ok(jobs.count > 2);
  while (jobs.count > 1) afterRetries(jobs, 1);
  store();
  move(600);
  assert.equal(jobs.count, 1, "one blob is not enough any more");
});

Deno.test("a number that is asked for stays", () => {
  assert.equal(adaptiveJobs({ jobs: 7 }).jobs, 7);
});

Deno.test("connections that are added run at once, and those that are too many end behind their task", async () => {
  const connections = { count: 2, onGrowth: undefined as (() => void) | undefined };
  const running: PromiseWithResolvers<void>[] = [];
  const begun = () => running.length;
  const done = inParallel(Array.from({ length: 9 }, (_, at) => at), { jobs: connections }, async () => {
    const task = Promise.withResolvers<void>();
    running.push(task);
    await task.promise;
  });
  const settle = async () => void await new Promise((resolve) => setTimeout(resolve));
  await settle();
  assert.equal(begun(), 2);
  connections.count = 4;
  connections.onGrowth?.();
  await settle();
  assert.equal(begun(), 4);
  connections.count = 1;
  for (const task of running.slice(0, 3)) task.resolve();
  await settle();
  assert.equal(begun(), 4, "one still runs, and one is enough");
  for (let at = 3; at < 9; at++) {
    running[at]!.resolve();
    await settle();
  }
  await done;
  assert.equal(begun(), 9);
  assert.equal(connections.onGrowth, undefined);
});
