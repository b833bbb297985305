/** Which files of a folder share a pack follows from their paths, and a change moves little. @module */
import assert from "node:assert/strict";
import { planPacks, rankOf } from "../lib/folders/plan.ts";

const MIB = 1024 * 1024;

type Sizes = ReadonlyMap<string, number>;

/** The packs of a folder, each as the text of its paths. */
function packsOf(sizes: Sizes, { packSize = 256 * MIB, most = 98 } = {}): string[] {
  const paths = [...sizes.keys()].toSorted();
  const files = {
    ranks: Uint32Array.from(paths, rankOf),
    weights: Float64Array.from(paths, (path) => sizes.get(path)!),
  };
  return planPacks(files, { packSize, most }).map((pack) =>
    Array.from(pack, (index) => `${paths[index]} ${sizes.get(paths[index]!)}`).join("\n")
  );
}

function folderOf(count: number, size: (index: number) => number): Map<string, number> {
  return new Map(Array.from({ length: count }, (_, index) => [`d${index % 37}/file-${index}`, size(index)]));
}

/** How many packs of one plan are not in the other. */
function changed(before: readonly string[], after: readonly string[]): number {
  return after.filter((pack) => !before.includes(pack)).length;
}

const photos = folderOf(3000, (index) => (1 + index * 7919 % 5) * MIB);

Deno.test("packs hold every file once, and are no larger than a pack may be", () => {
  const packs = packsOf(photos);
  const lines = packs.join("\n").split("\n");
  assert.deepEqual(lines.toSorted(), Array.from(photos, (each) => each.join(" ")).toSorted());
  for (const pack of packs) {
    assert.ok(pack.split("\n").reduce((sum, line) => sum + Number(line.split(" ")[1]), 0) <= 256 * MIB);
  }
  assert.ok(packs.length > 20 && packs.length < 98, `${packs.length} packs`);
});

Deno.test("a file that grows, comes or goes changes few packs", () => {
  const before = packsOf(photos);
  const most = { grown: 0, gone: 0, come: 0 };
  const sum = { ...most };
  const trials = [...photos.keys()].filter((_, index) => index % 30 === 0);
  for (const path of trials) {
    const without = new Map(photos);
    without.delete(path);
    const counts = {
      grown: changed(before, packsOf(new Map(photos).set(path, photos.get(path)! + 1))),
      gone: changed(before, packsOf(without)),
      come: changed(before, packsOf(new Map(photos).set(`${path}-new`, MIB))),
    };
    for (const key of ["grown", "gone", "come"] as const) {
      most[key] = Math.max(most[key], counts[key]);
      sum[key] += counts[key];
    }
  }
  assert.ok(Math.max(...Object.values(most)) <= 4, JSON.stringify(most));
  for (const total of Object.values(sum)) assert.ok(total <= 1.2 * trials.length, JSON.stringify(sum));
});

Deno.test("a file above the size of a pack has a pack of its own, and does not cut the others into splinters", () => {
  const large = new Map(photos);
  for (let index = 0; index < 20; index++) large.set(`d${index}/film`, 300 * MIB);
  const packs = packsOf(large);
  assert.deepEqual(packs.filter((pack) => pack.includes("film")).filter((pack) => pack.includes("\n")), []);
  assert.equal(changed(packsOf(photos), packs), 20);
});

Deno.test("where there would be too many packs they grow, and a change still moves little", () => {
  const huge = folderOf(30_000, () => 4 * MIB);
  for (let index = 0; index < 200; index++) huge.set(`film-${index}`, 1024 * MIB);
  const before = packsOf(huge);
  assert.ok(before.length <= 98, `${before.length} packs`);
  for (const path of ["d5/file-5", "d30/file-30", "film-7"]) {
    assert.ok(changed(before, packsOf(new Map(huge).set(path, huge.get(path)! + 9 * MIB))) <= 5);
    assert.ok(changed(before, packsOf(new Map(huge).set(`${path}-new`, 4 * MIB))) <= 5);
  }
});
