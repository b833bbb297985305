/** Extractions of many files, most of which a thread writes. @module */
import assert from "node:assert/strict";
import { extract } from "../lib/exports/images.ts";
import { someBytes } from "./rigs/content.ts";
import { gzip, type MadeImage, makeImage } from "./rigs/images.ts";
import { mountSmallDisk, withSmallDisk } from "./rigs/small_disk.ts";
import { onPosix } from "./rigs/system.ts";
import { type TarFile, tarOf } from "./rigs/tar.ts";

/** So many that the thread is started, and gets several batches. */
const MANY: TarFile[] = Array.from({ length: 1500 }, (_, index) => ({
  name: `many/${index % 7}/${index}`,
  content: someBytes(index * 7 % 3000, index + 1),
  mode: index % 2 ? 0o644 : 0o755,
  modified: 1_000_000_000 + index,
}));

/** An image whose odd files come before the many, so that the thread gets them, too. */
async function imageOf(...odd: TarFile[]): Promise<MadeImage> {
  return await makeImage([await gzip(tarOf([...odd, ...MANY]))]);
}

Deno.test("many files have their bytes, modes and times", onPosix("file modes"), async () => {
  await using image = await imageOf({ name: "open", content: "x", mode: 0o1777 });
  const directory = image.work.path("out");
  await extract(await image.files(), ["/"], { directory });
  for (const { name, content, mode, modified } of MANY) {
    const path = `${directory}/${name}`;
    const found = await Deno.stat(path);
    const about = [found.mode! & 0o7777, found.mtime!.getTime() / 1000];
    assert.deepEqual([name, ...about], [name, mode, modified]);
    assert.deepEqual(await Deno.readFile(path), new Uint8Array(content as Uint8Array), name);
  }
  assert.equal((await Deno.stat(`${directory}/open`)).mode! & 0o7777, 0o1777);
});

Deno.test("among many files, the last with a path counts, and all else in its place", async () => {
  await using image = await imageOf(
    { name: "twice", content: "first" },
    { name: "twice", content: "last" },
    { name: "was-file", content: "x" },
    { name: "was-file/inner", content: "inner" },
    { name: "was-directory/inner", content: "x" },
    { name: "was-directory", content: "a file" },
    { name: "same", flag: "1", target: "twice" },
  );
  const directory = image.work.path("out");
  await extract(await image.files(), ["/"], { directory });
  const texts = ["twice", "same", "was-file/inner", "was-directory"]
    .map((path) => Deno.readTextFileSync(`${directory}/${path}`));
  assert.deepEqual(texts, ["last", "last", "inner", "a file"]);
  const names = Array.from(Deno.readDirSync(directory), ({ name }) => name).sort();
  assert.deepEqual(names, ["many", "same", "twice", "was-directory", "was-file"]);
});

Deno.test("many files for which a disk is too small leave nothing on it", withSmallDisk, async () => {
  await using image = await imageOf();
  const disk = image.work.path("disk");
  await using _disk = await mountSmallDisk(disk, "2m");
  await assert.rejects(
    extract(await image.files(), ["/"], { directory: `${disk}/out` }),
    { name: "DiskFullError", message: `no space is left on the disk for ${disk}/out` },
  );
  assert.deepEqual([...Deno.readDirSync(disk)], []);
});

Deno.test("an extraction of many files that is given up leaves nothing", async () => {
  await using image = await imageOf();
  const giveUp = new AbortController();
  const files = await image.files({ signal: giveUp.signal });
  const { mkdirSync } = Deno;
  Deno.mkdirSync = (path, options) => {
    mkdirSync(path, options);
    if (String(path).endsWith("/many/6")) giveUp.abort(new Error("given up"));
  };
  try {
    const directory = image.work.path("out");
    await assert.rejects(extract(files, ["/"], { directory }), { message: "given up" });
    await assert.rejects(Deno.lstat(directory), Deno.errors.NotFound);
  } finally {
    Deno.mkdirSync = mkdirSync;
  }
});
