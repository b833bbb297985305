/** Byte ranges: what is there, what is missing, and what is asked for. @module */
import assert from "node:assert/strict";
import fc from "fast-check";
import { ByteRanges, split, splitIntoParts } from "../lib/transfer/byte_ranges.ts";

const SIZE = 40;
const someRanges = fc.array(
  fc.tuple(fc.nat(SIZE), fc.nat(SIZE)).map(([start, end]) => ({ start, end })),
  { maxLength: 12 },
);

Deno.test("ranges in any order, overlapping or not, are the bytes that they cover", () => {
  fc.assert(fc.property(someRanges, (added) => {
    const covered = Array.from(
      { length: SIZE },
      (_, at) => added.some(({ start, end }) => start <= at && at < end),
    );
    const ranges = new ByteRanges(added);
    assert.equal(ranges.bytes, covered.filter(Boolean).length);
    assert.equal(ranges.beforeGap, [...covered, false].indexOf(false));
    const gaps = ranges.gaps(SIZE);
    assert.deepEqual(
      covered.map((_, at) => !gaps.some(({ start, end }) => start <= at && at < end)),
      covered,
    );
    for (const list of [ranges.all(), gaps]) {
      list.forEach(({ start, end }, at) => assert.ok(start < end && start > (list[at - 1]?.end ?? -1)));
    }
  }));
});

Deno.test("gaps end where the blob ends", () => {
  assert.deepEqual(new ByteRanges([{ start: 2, end: 4 }, { start: 30, end: 35 }]).gaps(20), [
    { start: 0, end: 2 },
    { start: 4, end: 20 },
  ]);
  assert.deepEqual(new ByteRanges([{ start: 0, end: 50 }]).gaps(20), []);
  assert.deepEqual(new ByteRanges().gaps(0), []);
});

Deno.test("a range is split into pieces, and an empty one is one piece", () => {
  const cuts = (start: number, end: number) =>
    [...split({ start, end }, 10)].map((each) => `${each.start}-${each.end}`);
  assert.deepEqual(cuts(0, 0), ["0-0"]);
  assert.deepEqual(cuts(3, 13), ["3-13"]);
  assert.deepEqual(cuts(3, 14), ["3-13", "13-14"]);
  assert.deepEqual(cuts(0, 20), ["0-10", "10-20"]);
});

Deno.test("parts get smaller towards the end of a transfer", () => {
  const MiB = 1024 ** 2;
  const sizes = (size: number, after = 0, most = 32 * MiB, connections = () => 4) => {
    const parts = [...splitIntoParts({ start: 5, end: 5 + size }, { most, after, connections })];
    assert.equal(parts[0]!.start, 5);
    assert.equal(parts.at(-1)!.end, 5 + size);
    parts.slice(1).forEach(({ start }, at) => assert.equal(start, parts[at]!.end));
    return parts.map(({ start, end }) => (end - start) / MiB);
  };
  assert.deepEqual(sizes(160 * MiB), [32, 32, 24, 18, 13.5, 10.125, 8, 8, 8, 6.375]);
  assert.deepEqual(sizes(96 * MiB, 128 * MiB), [32, 32, 32], "what follows counts");
  assert.deepEqual(sizes(20 * MiB), [8, 8, 4]);
  assert.deepEqual(sizes(16 * MiB), [8, 8]);
  assert.deepEqual(sizes(10 * MiB), [10], "a rest is not worth a connection");
  assert.deepEqual(sizes(3 * MiB), [3]);
  assert.deepEqual(sizes(0), [0]);
  assert.deepEqual(sizes(10 * MiB, 0, 4 * MiB), [4, 4, 2], "a smaller size holds");
  assert.deepEqual(sizes(100 * MiB, 0, Infinity), [100]);
});

Deno.test("parts suit the connections that there are when they are taken", () => {
  const MiB = 1024 ** 2;
  let count = 4;
  const options = { most: 64 * MiB, after: 0, connections: () => count };
  const parts = splitIntoParts({ start: 0, end: 256 * MiB }, options);
  const next = () => {
    const { start, end } = parts.next().value!;
    return (end - start) / MiB;
  };
  assert.equal(next(), 64);
  count = 16;
  assert.equal(next(), 12);
  count = 1;
  assert.equal(next(), 64, "one connection ends with no other");
});
