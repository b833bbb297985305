/** The files of a merged image are found by numbers, however often their names come again. @module */
import assert from "node:assert/strict";
import fc from "fast-check";
import { FileIndex, type IndexedDirectory } from "../lib/images/file_index.ts";
import { FileTree } from "../lib/images/file_tree.ts";
import type { LayerEntry } from "../lib/images/layer_entry.ts";

Deno.test("files are found and listed as in a map, whatever is added and removed", () => {
  const step = fc.record({
    directory: fc.nat(2),
    name: fc.nat(3000),
    times: fc.nat(3),
    isAdded: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 2000, size: "max" }), (steps) => {
      const names: string[] = [];
      const index = new FileIndex((file) => names[file]!);
      const directories = [0, 1, 2].map((): IndexedDirectory => ({ number: index.addDirectory(), last: 0 }));
      const model = directories.map(() => new Map<string, number>());
      for (const { directory: at, name: number, times, isAdded } of steps) {
        const [directory, files, name] = [directories[at]!, model[at]!, `${number}`];
        for (let time = 0; time <= times; time++) {
          const found = index.find(directory, name);
          assert.equal(found, files.get(name));
          if (found !== undefined) index.remove(found);
          files.delete(name);
          if (!isAdded) continue;
          files.set(name, names.push(name) - 1);
          index.add(directory, name, names.length - 1);
        }
        if (number % 50 === 0) assert.deepEqual([...index.filesIn(directory)], [...files.values()].reverse());
      }
      for (const [at, directory] of directories.entries()) {
        assert.deepEqual([...index.filesIn(directory)], [...model[at]!.values()].reverse());
      }
    }),
    { numRuns: 30 },
  );
});

Deno.test("a name that comes again and again takes no longer than as many names", () => {
  const entry = (path: string): LayerEntry => ({
    ...{ layer: 1, path, name: path, type: "file", mode: 0o644, uid: 0, gid: 0, owner: "", group: "" },
    ...{ size: 0, modified: 0, position: 0 },
  });
  const [times, count] = [new Map<string, number>(), 80_000];
  for (const kind of ["other", "same"] as const) {
    const tree = new FileTree();
    const start = performance.now();
    for (let index = 0; index < count; index++) tree.add(entry(kind === "same" ? "d/log" : `d/${index}`));
    times.set(kind, performance.now() - start);
    assert.equal([...tree.entries()].length, kind === "same" ? 2 : count + 1);
  }
  const ratio = times.get("same")! / times.get("other")!;
  assert.ok(ratio < 10, `${ratio.toFixed(1)} times as long: thirty where each looks at all before it`);
});
