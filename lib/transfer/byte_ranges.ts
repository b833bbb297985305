/** Sets of byte ranges: which bytes of a blob a file has, and which are missing. @module */
import type { ByteRange } from "../content/source.ts";

/** A set of bytes, kept as ordered ranges that neither overlap nor touch. */
export class ByteRanges {
  readonly #ranges: ByteRange[] = [];

  /** Starts with ranges, which may overlap and have any order. */
  constructor(ranges: Iterable<ByteRange> = []) {
    for (const range of ranges) this.add(range);
  }

  /** Adds a range; an empty one changes nothing. */
  add({ start, end }: ByteRange): void {
    if (start >= end) return;
    const ranges = this.#ranges;
    const after = ranges.findLastIndex((range) => range.start <= end) + 1;
    const touched = ranges.findLastIndex((range, at) => at < after && range.end < start) + 1;
    const first = ranges[touched]?.start ?? start;
    const last = ranges[after - 1]?.end ?? end;
    const merged = touched < after
      ? { start: Math.min(start, first), end: Math.max(end, last) }
      : { start, end };
    ranges.splice(touched, after - touched, merged);
  }

  /** The ranges, in order. */
  all(): readonly ByteRange[] {
    return this.#ranges;
  }

  /** How many bytes there are. */
  get bytes(): number {
    return this.#ranges.reduce((sum, { start, end }) => sum + end - start, 0);
  }

  /** How many bytes there are before the first gap. */
  get beforeGap(): number {
    const first = this.#ranges[0];
    return first?.start === 0 ? first.end : 0;
  }

  /** The ranges that are missing of the first `size` bytes, in order. */
  gaps(size: number): ByteRange[] {
    const gaps: ByteRange[] = [];
    let position = 0;
    for (const { start, end } of this.#ranges) {
      if (start > position) gaps.push({ start: position, end: Math.min(start, size) });
      position = end;
    }
    if (position < size) gaps.push({ start: position, end: size });
    return gaps.filter(({ start, end }) => start < end);
  }
}

/** Splits a range into pieces of at most `most` bytes; an empty range is one empty piece. */
export function* split({ start, end }: ByteRange, most: number): Generator<ByteRange> {
  let position = start;
  do yield { start: position, end: Math.min(end, position + most) }; while ((position += most) < end);
}

/** The size below which parts do not get smaller, in bytes: it outweighs the round trip that another request costs. */
const SMALLEST_PART = 8 * 1024 * 1024;

/** How a range is split into parts. */
export interface PartOptions {
  /** The most bytes of a part; `Infinity` = the range is one part. */
  most: number;
  /** How many bytes of other ranges follow. */
  after: number;
  /** How many connections there are at the moment: so many end at about the same time. */
  connections: () => number;
}

/**
 * Splits a range into parts that several connections fetch. None is larger than the share of one connection in what is left
 * then, so that none is left alone with a large part at the end. An empty range is one part, and so is one that would be only
 * one part and a rest: over a distance, another connection would begin to fetch the rest when the first is almost done.
 */
export function* splitIntoParts(
  { start, end }: ByteRange,
  { most, after, connections }: PartOptions,
): Generator<ByteRange> {
  const least = Math.min(most, end - start < 2 * SMALLEST_PART ? end - start : SMALLEST_PART);
  let position = start;
  do {
    const share = most === Infinity ? most : Math.ceil((end - position + after) / connections());
    const next = Math.min(end, position + Math.min(most, Math.max(least, share)));
    yield { start: position, end: next };
    position = next;
  } while (position < end);
}
