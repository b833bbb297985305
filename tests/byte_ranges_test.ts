/** Byte ranges: what is there, what is missing, and what is asked for. @module */
import assert from "node:assert/strict";
import fc from "fast-check";
import { ByteRanges, split } from "../lib/transfer/byte_ranges.ts";

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
