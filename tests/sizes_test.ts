/** Sizes and durations are read and written as people do. @module */
import assert from "node:assert/strict";
import fc from "fast-check";
import { formatDuration, formatElapsed, formatSize, parseSize } from "../lib/cli/text/sizes.ts";
import { InvalidInputError } from "../lib/errors.ts";
import { exactSize } from "../lib/messages.ts";

const FACTORS = {
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
};

Deno.test("sizes are read as bytes or as a number with a unit, in either case", () => {
  const sizes: [string, number][] = [
    ["0", 0],
    ["5368709120", 5_368_709_120],
    ["512 B", 512],
    ["500MB", 500_000_000],
    ["5M", 5_000_000],
    ["2g", 2_000_000_000],
    ["64MiB", 67_108_864],
    ["4.5GiB", 4_831_838_208],
    [" 4.5 gib ", 4_831_838_208],
    ["1.0001kb", 1000],
    ["0.3KiB", 307],
    ["9007199254740991", Number.MAX_SAFE_INTEGER],
  ];
  for (const [text, bytes] of sizes) assert.equal(parseSize(text), bytes, text);
});

Deno.test("a size is named exactly, by the largest unit that divides it, and read back as it was", () => {
  const sizes: [number, string][] = [[5_368_709_120, "5GiB"], [5_000_000_000, "5GB"], [1536, "1536"], [
    3,
    "3",
  ]];
  for (const [bytes, text] of sizes) assert.equal(exactSize(bytes), text);
  fc.assert(fc.property(fc.maxSafeNat(), (bytes) => assert.equal(parseSize(exactSize(bytes)), bytes)));
});

Deno.test("what is no size is invalid input", () => {
  const texts = [
    "",
    "-1",
    "1.5",
    "1.5B",
    "1,5GB",
    "5 G B",
    "5P",
    "GiB",
    "1e9",
    "0x10",
    "Infinity",
    "1.GB",
    ".5GB",
  ];
  for (const text of [...texts, "9007199254740992", "99999999TiB", "5constructor", "5__proto__"]) {
    assert.throws(() => parseSize(text), InvalidInputError, text);
  }
});

Deno.test("property: whole numbers of any unit are exact, whatever the case and the blanks", () => {
  const unit = fc.constantFrom(...Object.keys(FACTORS) as (keyof typeof FACTORS)[]);
  const style = fc.constantFrom(
    (s: string) => s,
    (s: string) => s.toLowerCase(),
    (s: string) => s.toUpperCase(),
  );
  fc.assert(fc.property(fc.nat(8000), unit, style, fc.constantFrom("", " "), (count, name, styled, blank) => {
    assert.equal(parseSize(`${count}${blank}${styled(name)}`), count * FACTORS[name]);
  }));
});

Deno.test("property: decimals are rounded down to whole bytes", () => {
  fc.assert(fc.property(fc.nat(999), fc.nat(999), (whole, thousandths) => {
    const text = `${whole}.${String(thousandths).padStart(3, "0")}`;
    assert.equal(parseSize(`${text}KB`), whole * 1000 + thousandths);
    assert.equal(parseSize(`${text}KiB`), Math.floor((whole * 1000 + thousandths) * 1024 / 1000));
  }));
});

Deno.test("property: a size that is written and read again is the same to three digits", () => {
  const bytes = fc.integer({ min: 0, max: 999e12 });
  fc.assert(fc.property(bytes, (size) => {
    const again = parseSize(formatSize(size));
    assert.ok(Math.abs(again - size) <= size * 0.005 + 1, `${size} -> ${formatSize(size)} -> ${again}`);
  }));
});

Deno.test("property: any text is a size or invalid input", () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[0-9.]{0,30} ?[KMGTiBb]{0,4}$/)), (text) => {
      try {
        const size = parseSize(text);
        assert.ok(Number.isSafeInteger(size) && size >= 0);
      } catch (error) {
        assert.ok(error instanceof InvalidInputError);
      }
    }),
  );
});

Deno.test("sizes are written in powers of 1000", () => {
  assert.equal(formatSize(0), "0 B");
  assert.equal(formatSize(1023), "1.02 KB");
  assert.equal(formatSize(1e9), "1 GB");
  assert.equal(formatSize(5 * 2 ** 30), "5.37 GB");
});

Deno.test("how long something took is written in tenths of a second below ten seconds", () => {
  const times: [number, string][] = [[0, "0.1s"], [0.24, "0.2s"], [9.94, "9.9s"], [9.96, "10s"], [
    200,
    "3m 20s",
  ]];
  for (const [seconds, text] of times) assert.equal(formatElapsed(seconds), text);
});

Deno.test("durations are written in their two largest units", () => {
  const durations: [number, string][] = [
    [0, "0s"],
    [499, "0s"],
    [500, "1s"],
    [59_499, "59s"],
    [59_500, "1m"],
    [200_000, "3m 20s"],
    [3_599_900, "1h"],
    [3_605_000, "1h"],
    [7_500_000, "2h 5m"],
    [93_784_000, "1d 2h"],
    [-5, "0s"],
  ];
  for (const [milliseconds, text] of durations) assert.equal(formatDuration(milliseconds), text);
});
