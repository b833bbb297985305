/** A directory of an image as a tar archive, which GNU tar unpacks to what `extract` writes. @module */
import assert from "node:assert/strict";
import { openImage } from "../lib/exports/images.ts";
import { makeWorkplace, type Workplace } from "./rigs/command_line.ts";
import { someBytes } from "./rigs/content.ts";
import { ensureTool } from "./rigs/debian.ts";
import { gzip, putImage, treeState } from "./rigs/images.ts";
import { paxOf, runProgram, type TarFile, tarOf } from "./rigs/tar.ts";

const withTar = { ignore: !await ensureTool("tar", "tar") };
const LONG = `${"long-name-".repeat(15)}/${"x".repeat(200)}`;

const BASE: TarFile[] = [
  { name: "opt/", flag: "5" },
  { name: "opt/gone", content: "x" },
  { name: "opt/tool", content: someBytes(70_001), mode: 0o4755 },
  { name: "opt/alias", flag: "1", target: "opt/tool" },
  { name: "opt/old", content: "old" },
  { name: "opt/closed/", flag: "5", mode: 0o555, modified: 1_500_000_000 },
  { name: "opt/closed/file", content: "", mode: 0o400 },
  { name: "opt/before", content: "1", modified: 0 },
  { name: "opt/device", flag: "3", device: [1, 3] },
  { name: "opt/implied/file", content: "x" },
  { name: "other", content: "not wanted" },
];
const TOP: TarFile[] = [
  { name: "opt/.wh.gone" },
  { name: "opt/old", content: "new\n" },
  { name: "opt/link", flag: "2", target: "old" },
  { name: "opt/second", flag: "1", target: "opt/link" },
  { name: "opt/wide", flag: "2", target: `${"../".repeat(40)}etc` },
  { name: "opt/größe", content: "y" },
  { name: "opt/late", flag: "1", target: "opt/old" },
  { name: "usr", flag: "2", target: "opt" },
];

async function makePlace(more: TarFile[] = []): Promise<Workplace> {
  const place = await makeWorkplace();
  using image = openImage(`oci:${place.path("box")}:t`);
  const layers = [tarOf(BASE), tarOf([...TOP, ...more])];
  await putImage(
    image.store,
    "t",
    await Promise.all(layers.map(async (bytes) => ({ bytes: await gzip(bytes) }))),
  );
  return place;
}

/** Unpacks what `extract -o -` prints with GNU tar, and gives the state of every file, beside that of `extract -o DIR`. */
async function unpacked(place: Workplace, path: string): Promise<{ byTar: string[]; extracted: string[] }> {
  const { stdout: archive } = await place.runForBytes(["extract", "oci:box:t", path, "-o", "-"]);
  await Deno.mkdir(place.path("by-tar"));
  await runProgram("tar", ["x", "-C", place.path("by-tar")], { stdin: archive });
  const { code, stderr } = await place.run(["extract", "oci:box:t", path, "-o", "extracted"]);
  assert.equal(code, 0, stderr);
  return { byTar: await statesIn(place.path("by-tar")), extracted: await statesIn(place.path("extracted")) };
}

/** The states but for those of directories that no layer lists, which have the time at which they were made. */
async function statesIn(directory: string): Promise<string[]> {
  const states = await treeState(directory);
  return states.filter((line) => !/^\.(\/opt\/implied)?\|/.test(line));
}

Deno.test(
  "tar unpacks to what extract writes: bytes, modes, times, links, and nothing that is hidden",
  withTar,
  async () => {
    const long = [paxOf({ path: `opt/${LONG}`, mtime: "-1.5" }), { name: "x", content: "long" }];
    await using place = await makePlace(long);
    const { byTar, extracted } = await unpacked(place, "/opt");
    assert.deepEqual(
      byTar.filter((line) => !line.includes("long-name")),
      extracted.filter((line) => !line.includes("long-name")),
    );
    assert.ok(byTar.some((line) => line.startsWith(`./opt/${LONG}|file|`)));
    assert.ok(
      byTar.some((line) => /^\.\/opt\/alias\|file\|100755\|1600000000000\|2\|/.test(line)),
      byTar.join("\n"),
    );
    assert.ok(!byTar.some((line) => /gone|device|other/.test(line)));
  },
);

Deno.test("the root is packed without itself, and a link leads to the directory", withTar, async () => {
  await using place = await makePlace();
  const root = await unpacked(place, "/");
  assert.deepEqual(root.byTar, root.extracted);
  const packed = async (path: string) =>
    (await place.runForBytes(["extract", "oci:box:t", path, "-o", "-"])).stdout;
  assert.deepEqual(await packed("usr"), await packed("opt/"), "and twice the same bytes");
});

Deno.test(
  "what it has beside files is told, owners are root's, and --same-owner keeps them",
  withTar,
  async () => {
    await using place = await makePlace([
      {
        name: "opt/mine",
        content: "x",
        mode: 0o4755,
        change: (header) => header.set(new TextEncoder().encode("0001750"), 108),
      },
    ]);
    const lineOf = async (...more: string[]) => {
      const { stdout: stdin } = await place.runForBytes(["extract", "oci:box:t", "opt", "-o", "-", ...more]);
      const listed = new TextDecoder().decode(await runProgram("tar", ["tv", "--numeric-owner"], { stdin }));
      return listed.split("\n").find((line) => line.endsWith("opt/mine"))!.slice(0, 16);
    };
    assert.deepEqual([await lineOf(), await lineOf("--same-owner")], [
      "-rwxr-xr-x 0/0  ",
      "-rwsr-xr-x 1000/",
    ]);
    const { code, stderr } = await place.run(["extract", "oci:box:t", "opt", "-o", "-"]);
    assert.equal(code, 0);
    assert.match(
      stderr,
      /1 entry skipped, because only files, directories and links are extracted: opt\/device/,
    );
  },
);

Deno.test("a file stays as it is, and what is too much is refused before anything is written", async () => {
  await using place = await makePlace();
  assert.equal((await place.run(["extract", "oci:box:t", "opt/old", "-o", "-"])).stdout, "new\n");
  assert.equal((await place.run(["extract", "oci:box:t", "opt/link", "-o", "-"])).stdout, "new\n");
  const much = await place.run(["extract", "oci:box:t", "opt", "-o", "-", "--max-size", "70000"]);
  assert.deepEqual([much.code, much.stdout], [1, ""]);
  assert.match(much.stderr, /the files have \d+ bytes, more than 70000/);
  const two = await place.run(["extract", "oci:box:t", "opt", "usr", "-o", "-"]);
  assert.deepEqual([two.code, two.stdout], [2, ""]);
  assert.match(two.stderr, /-o - is for one file or one directory only/);
});
