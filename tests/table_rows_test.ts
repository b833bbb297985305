/** Rows of tables of contents that are read without JSON mean what JSON says. @module */
import assert from "node:assert/strict";
import fc from "fast-check";
import { parseRow } from "../lib/layers/toc_row.ts";

const text = fc.oneof(
  fc.string({ unit: "binary", maxLength: 12 }),
  fc.string({ unit: "grapheme-ascii", maxLength: 12 }),
  fc.constantFrom("", '"', "\\", "\0", "\x1f", "\x7f", "\ufeff", "\u2028", "\ud800", "ü", "🎉"),
);
const number = fc.oneof(fc.nat(), fc.maxSafeNat(), fc.constantFrom(0, 10 ** 14, 10 ** 15 - 1, 10 ** 15));
/** In the order in which folders have them. */
const row = fc.record({
  name: text,
  type: fc.oneof(fc.constantFrom("reg", "dir"), text),
  size: number,
  modtime: text,
  linkName: text,
  mode: number,
  uid: number,
  gid: number,
  offset: number,
  digest: text,
  chunkSize: number,
  chunkDigest: text,
}, { requiredKeys: ["name", "type", "modtime", "mode"], noNullPrototype: true });

/** The fields that have a value. */
function defined(row: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(row).filter(([, value]) => value !== undefined));
}

Deno.test("a row is read as JSON has it, in whatever way it is written", () => {
  const empty = parseRow(`{"name":"","type":""}`);
  fc.assert(
    fc.property(row, fc.boolean(), (each, isReversed) => {
      const fields = isReversed ? Object.entries(each).reverse() : Object.entries(each);
      const json = JSON.stringify(Object.fromEntries(fields));
      assert.deepEqual(defined(parseRow(json)), { ...defined(empty), ...JSON.parse(json) });
    }),
    { numRuns: 2000 },
  );
});

const ROW = `{"name":"a","type":"reg","size":5,"modtime":"","mode":420}`;

Deno.test("of two fields of one name the last counts, and a field that nobody knows is no harm", () => {
  assert.equal(parseRow(ROW).name, "a");
  assert.equal(parseRow(ROW.replace("}", `,"name":"b"}`)).name, "b");
  assert.equal(parseRow(ROW.replace(`"a"`, String.raw`"\u0062"`)).name, "b");
  assert.equal(parseRow(ROW.replace("5", "1e3")).size, 1000);
  assert.equal(parseRow(ROW.replace("}", `,"__proto__":{"name":"b"}}`)).name, "a");
});

Deno.test("what is not JSON, or not a count, is malformed", () => {
  const rows = [
    ...[ROW.slice(0, -1), `${ROW}}`, `${ROW} x`, ROW.replace("420", "0420"), ROW.replace("5", "+5")],
    ...[ROW.replace("a", "\n"), ROW.replace("a", "\0"), ROW.replace("5", "-5"), ROW.replace("5", "0.5")],
    ...[ROW.replace("5", `"5"`), ROW.replace("5", "9007199254740993"), ROW.replace(`"a"`, "null")],
  ];
  for (const each of rows) assert.throws(() => parseRow(each), { name: "MismatchError" }, each);
});
