/** Entries of folders are kept as bytes, and come back as they were. @module */
import assert from "node:assert/strict";
import fc from "fast-check";
import { EntryList } from "../lib/folders/entry_list.ts";
import { type FoundEntry, readRows } from "../lib/folders/entry_rows.ts";
import { RowWriter } from "../lib/folders/row_bytes.ts";

const name = fc.oneof(
  fc.string({ unit: "grapheme", minLength: 1, maxLength: 60 }).map((text) => text.replaceAll("/", "-")),
  fc.constantFrom("a", "b", "\udc80\udcff.txt", "n".repeat(255), "ü".repeat(21), "x".repeat(41)),
);
const time = { seconds: fc.integer({ min: -(2 ** 40), max: 2 ** 40 }), nanoseconds: fc.nat(999_999_999) };
const common = {
  path: fc.array(name, { minLength: 0, maxLength: 4 }).map((names) => names.join("/")),
  mode: fc.nat(0o7777),
  size: fc.oneof(fc.nat(5000), fc.maxSafeNat()),
  ...time,
  inode: fc.maxSafeNat(),
};
const entry: fc.Arbitrary<FoundEntry> = fc.oneof(
  fc.record({ ...common, type: fc.constantFrom("file" as const, "directory" as const) }),
  fc.record({ ...common, type: fc.constantFrom("symlink" as const, "hardlink" as const), target: name }),
  fc.record({
    ...common,
    type: fc.constant("file" as const),
    attributes: fc.dictionary(
      name.filter((each) => each !== "__proto__"),
      fc.uint8Array({ maxLength: 200 }),
      {
        minKeys: 1,
        noNullPrototype: true,
      },
    ),
  }),
).chain((each) => {
  const modified = each.seconds * 1000 + each.nanoseconds / 1_000_000;
  return fc.record({ changed: fc.constantFrom(modified, 0, 1_790_000_000_000.125) }).map((more) => ({
    ...each,
    ...more,
  }));
});

Deno.test("entries come back from a list, and from its rows, as they were", () => {
  fc.assert(fc.property(fc.array(entry, { maxLength: 40 }), fc.boolean(), (entries, inOrder) => {
    const list = new EntryList({ inOrder });
    for (const [index, each] of entries.entries()) assert.equal(list.push(each), index);
    assert.deepEqual(entries.map((_, index) => list.at(index)), entries);
    const rows = new RowWriter();
    for (let index = 0; index < list.length; index++) list.copyRow(index, rows);
    assert.deepEqual([...readRows(rows.take().slice())], entries);
  }));
});

for (const inOrder of [true, false]) {
  const kind = inOrder ? "in order" : "anywhere";
  const file = {
    type: "file",
    mode: 0o644,
    size: 1,
    seconds: 1,
    nanoseconds: 2,
    changed: 3,
    inode: 4,
  } as const;

  Deno.test(`a list that is read ${kind} has many pages, of entries that are small and large`, () => {
    const list = new EntryList({ inOrder });
    const paths = Array.from({ length: 20_000 }, (_, index) => `d${index % 3}/${"long-".repeat(20)}${index}`);
    paths.splice(5000, 0, "x".repeat(3_000_000));
    for (const path of paths) list.push({ ...file, path });
    const pathsAt = (indexes: number[]) => indexes.map((index) => list.at(index).path);
    assert.deepEqual(pathsAt([...paths.keys()]), paths);
    const anyOrder = [20_000, 3, 1023, 1024, 0, 20_000, 19_999, 5000, 2048, 2047, 2047];
    assert.deepEqual(pathsAt(anyOrder), anyOrder.map((index) => paths[index]));
  });

  Deno.test(`a list that is read ${kind} goes on to grow between`, () => {
    const list = new EntryList({ inOrder });
    for (let index = 0; index < 3000; index++) {
      const at = list.push({ ...file, path: `d/${index}` });
      if (index % 7 === 0) assert.equal(list.at(at).path, `d/${index}`);
      assert.equal(list.at(index >> 1).path, `d/${index >> 1}`);
    }
  });
}
