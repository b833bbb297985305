/** Parts that are being fetched: slow ones are shared with connections that have nothing to do. @module */
import assert from "node:assert/strict";
import { RunningParts } from "../lib/transfer/running_parts.ts";

const MiB = 1024 ** 2;

/** Parts of 8 MiB that began together, and of which so many MiB have come by now. */
function partsAfter(seconds: number, arrived: number[]) {
  let now = 0;
  const running = new RunningParts<number>(() => now);
  const parts = arrived.map((_, at) => running.begin(at, { start: 8 * at * MiB, end: 8 * (at + 1) * MiB }));
  now = 1000 * seconds;
  arrived.forEach((mebibytes, at) => parts[at]!.position += mebibytes * MiB);
  return { parts, running, share: () => running.share() };
}

const inMiB = ({ start, end }: { start: number; end: number }) => [start / MiB, end / MiB];

Deno.test("the second half of what is left of the slowest part is taken, again and again", () => {
  const { parts, share } = partsAfter(2, [6, 2, 3]);
  const halves = Array.from({ length: 3 }, share);
  assert.deepEqual(halves.map((half) => half && [half.owner, ...inMiB(half.range)]), [
    [1, 13, 16],
    [2, 21.5, 24],
    [1, 11.5, 13],
  ]);
  assert.deepEqual(parts.map(({ range }) => inMiB(range)), [[0, 8], [8, 11.5], [16, 21.5]]);
});

Deno.test("a part that ends soon is not shared, nor one that has just begun", () => {
  assert.equal(partsAfter(2, [6]).share(), undefined, "it takes two thirds of a second");
  assert.equal(partsAfter(0.9, [0]).share(), undefined);
});

Deno.test("a part of which nothing came for long is shared", () => {
  assert.deepEqual(inMiB(partsAfter(1.1, [0]).share()!.range), [4, 8]);
});

Deno.test("what one read may bring is not shared", () => {
  const { share, parts } = partsAfter(100, [1]);
  while (share());
  const { range, position } = parts[0]!;
  assert.ok(range.end - position >= MiB && range.end - position < 2 * MiB);
});

Deno.test("a part that has ended is not shared", () => {
  const { parts, share } = partsAfter(2, [1]);
  parts[0]![Symbol.dispose]();
  assert.equal(share(), undefined);
});
