/** Small layers do not take hours, and whatever takes long can be interrupted. @module */
import assert from "node:assert/strict";
import { join } from "node:path";
import { extract, FileTree, type LayerEntry, openImage, survey } from "../lib/exports/images.ts";
import { findImage, ImageFiles, pathPattern } from "../lib/exports/images.ts";
import { someBytes } from "./rigs/content.ts";
import { gzip, makeImage } from "./rigs/images.ts";
import { onLinux } from "./rigs/system.ts";
import { estargzOf } from "./rigs/toc_layers.ts";
import { paxOf, type TarFile, tarOf } from "./rigs/tar.ts";

function entryOf(layer: number, path: string, type: LayerEntry["type"] = "file"): LayerEntry {
  const about = { mode: 0o644, uid: 0, gid: 0, owner: "", group: "", size: 0, modified: 0, position: 0 };
  return { layer, path, name: path, type, ...about };
}

Deno.test(
  "nothing is looked up below a directory that an extraction makes",
  onLinux("paths of 2000 characters"),
  async () => {
    const deep = "a/".repeat(1000);
    const files = [paxOf({ path: deep }), { name: "x", flag: "5" }, paxOf({ path: `${deep}f` }), {
      name: "x",
    }];
    await using image = await makeImage([await gzip(tarOf(files))]);
    await Deno.mkdir(image.work.path("there"));
    for (const name of ["there", "new"]) {
      const directory = image.work.path(name);
      const { lstatSync } = Deno;
      const looks: string[] = [];
      Deno.lstatSync = (path) => (looks.push(`${path}`), lstatSync(path));
      try {
        await extract(await image.files(), ["/"], { directory });
      } finally {
        Deno.lstatSync = lstatSync;
      }
      assert.equal((await Deno.stat(image.work.path(`${name}/${deep}f`))).isFile, true);
      assert.deepEqual(looks.filter((path) => path.startsWith(`${directory}/a/`)), []);
      assert.ok(looks.length < 10, looks.join("\n"));
    }
  },
);

Deno.test("of the directories above files that the target has, each is looked at a few times, however many files come", async () => {
  const files: TarFile[] = Array.from({ length: 500 }, (_, index) => ({ name: `a/b/f${index}` }));
  await using image = await makeImage([await gzip(tarOf(files))]);
  const directory = image.work.path("out");
  await Deno.mkdir(join(directory, "a/b"), { recursive: true });
  const { lstatSync } = Deno;
  const looks: string[] = [];
  Deno.lstatSync = (path) => (looks.push(`${path}`), lstatSync(path));
  try {
    await extract(await image.files(), ["/"], { directory });
  } finally {
    Deno.lstatSync = lstatSync;
  }
  for (const above of ["a", "a/b"]) {
    const count = looks.filter((path) => path === join(directory, above)).length;
    assert.ok(count >= 1 && count <= 3, `${count} looks at ${above}`);
  }
});

Deno.test("a directory that is opaque many times is emptied once", () => {
  for (const again of [[], [entryOf(2, "d", "directory")]]) {
    const tree = new FileTree();
    let looks = 0;
    tree.add(entryOf(1, "d/below"));
    for (let index = 0; index < 10_000; index++) tree.add(entryOf(2, `d/f${index}`));
    const { delete: remove, keys } = Map.prototype;
    Map.prototype.keys = function () {
      looks += this.size;
      return keys.call(this);
    };
    try {
      for (let round = 0; round < 1000; round++) {
        tree.add(entryOf(2, "d/.wh..wh..opq"));
        tree.add(entryOf(2, ".wh.d"));
        for (const entry of again) tree.add(entry);
      }
    } finally {
      Map.prototype.keys = keys;
      Map.prototype.delete = remove;
    }
    assert.ok(looks < 100_000, `${looks} looks at 10000 files`);
    assert.equal(tree.find("d/below"), undefined);
    assert.equal(tree.list("d").length, 10_000);
    tree.add(entryOf(3, "d/.wh..wh..opq"));
    assert.equal(tree.list("d").length, 0, "an upper layer removes them");
  }
});

async function filesWith(signal: AbortSignal, name: string): Promise<ImageFiles> {
  const opened = openImage(name);
  const { layers } = await findImage(opened.store, opened.reference);
  return new ImageFiles(opened.store, layers, { signal });
}

Deno.test("merging many entries lets events through, and ends with the signal", async () => {
  const files: TarFile[] = Array.from({ length: 30_000 }, (_, index) => ({ name: `f${index}` }));
  await using image = await makeImage([await gzip(tarOf(files))]);
  const controller = new AbortController();
  const { add } = FileTree.prototype;
  let added = 0;
  FileTree.prototype.add = function (entry) {
    if (added++ === 0) setTimeout(() => controller.abort(new Error("enough")), 0);
    const end = performance.now() + 0.01; // an entry that takes its time
    while (performance.now() < end);
    add.call(this, entry);
  };
  try {
    const merging = survey(await filesWith(controller.signal, image.name), [await pathPattern("")]);
    await assert.rejects(merging, /^Error: enough$/);
  } finally {
    FileTree.prototype.add = add;
  }
  assert.ok(added < files.length, `${added} entries were merged`);
});

Deno.test("placing many files ends with the signal", async () => {
  const files: TarFile[] = Array.from({ length: 200 }, (_, index) => ({ name: `f${index}`, content: "x" }));
  await using image = await makeImage([await gzip(tarOf(files))]);
  const controller = new AbortController();
  const { linkSync } = Deno;
  let placed = 0;
  Deno.linkSync = (from, to) => {
    linkSync(from, to);
    if (++placed === 10) controller.abort(new Error("enough"));
  };
  const directory = image.work.path("out");
  try {
    const extracting = extract(await filesWith(controller.signal, image.name), ["/"], { directory });
    await assert.rejects(extracting, /^Error: enough$/);
  } finally {
    Deno.linkSync = linkSync;
  }
  assert.equal(placed, 10);
  const names = Array.from(Deno.readDirSync(directory), ({ name }) => name);
  assert.ok(names.every((name) => name.startsWith("f")), "nothing hidden is left");
});

Deno.test("what entries hold is limited in bytes, not only in number", async () => {
  const large = "A".repeat(1024 * 1024 - 100);
  const files = Array.from({ length: 600 }, (_, index) => [
    paxOf({ "SCHILY.xattr.user.x": large }),
    { name: `f${index}` },
  ]).flat();
  await using image = await makeImage([await gzip(tarOf(files))]);
  const tooMuch = /^MismatchError: the entries of the layers hold more than 512 MiB of names and attributes/;
  await assert.rejects(survey(await image.files(), [await pathPattern("")]), tooMuch);
  await assert.rejects((await image.files()).merged(), tooMuch);
});

Deno.test("directories that no layer lists are limited in number", () => {
  const tree = new FileTree();
  const deep = "/a".repeat(2040);
  const fill = () => {
    for (let index = 0; index < 300; index++) tree.add(entryOf(1, `${index}${deep}`, "directory"));
  };
  assert.throws(fill, /^MismatchError: the layers have more than 500000 directories that no layer lists/);
});

Deno.test("a table of contents with more rows than any layer has files is not used", async () => {
  const row = { type: "dir", name: "a", xattrs: { a: "AA==" } };
  const layer = await estargzOf([{ name: "big", content: someBytes(300_000) }], {
    change: (rows) => {
      for (let count = 0; count < 300_000; count++) rows.push(row);
    },
  });
  await using image = await makeImage([layer]);
  const tree = await (await image.files()).merged();
  assert.equal(tree.find("big")?.size, 300_000);
  assert.match(image.notices.join(), /is not used: it lists more than 300000 files/);
});
