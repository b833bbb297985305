/** Of a path that a layer has twice, the last entry counts, as for a container engine. @module */
import assert from "node:assert/strict";
import {
  findImage,
  ImageFiles,
  openImage,
  pathPattern,
  readImageFile,
  survey,
} from "../lib/exports/images.ts";
import { makeWorkplace, type Workplace } from "./rigs/command_line.ts";
import { concatenate, someBytes } from "./rigs/content.ts";
import { gzip, type MadeLayer, makeImage, putImage, zstd } from "./rigs/images.ts";
import { type TarFile, tarOf } from "./rigs/tar.ts";
import { estargzOf, zstdChunkedOf } from "./rigs/toc_layers.ts";

/** `tar r` makes such archives, and so do many builders of images. */
const FILES: TarFile[] = [
  { name: "etc/", flag: "5" },
  { name: "etc/app.conf", content: "first" },
  { name: "pad", content: someBytes(400_000) },
  { name: "etc/app.conf", content: "the last" },
  { name: "etc/other", content: "other" },
];
const BASE = tarOf([{ name: "etc/", flag: "5" }, { name: "etc/app.conf", content: "of the base" }]);

/** The layer, packed in every way. */
async function packed(): Promise<[string, MadeLayer][]> {
  const archive = tarOf(FILES);
  return [
    ["tar", { bytes: archive }],
    ["gzip", { bytes: await gzip(archive) }],
    ["zstd", { bytes: await zstd(archive) }],
    ["eStargz", await estargzOf(FILES)],
    ["zstd:chunked", await zstdChunkedOf(FILES)],
  ];
}

async function makePlace(layer: MadeLayer): Promise<Workplace> {
  const place = await makeWorkplace();
  using image = openImage(`oci:${place.path("box")}:t`);
  await putImage(image.store, "t", [{ bytes: BASE }, layer]);
  return place;
}

for (const [name, layer] of await packed()) {
  Deno.test(`the last entry of a path counts in ${name}, wherever it is asked for`, async () => {
    await using place = await makePlace(layer);
    const run = async (...args: string[]) => {
      const ended = await place.run(args);
      assert.equal(ended.code, 0, ended.stderr);
      return ended.stdout;
    };
    assert.equal(await run("extract", "oci:box:t", "etc/app.conf", "-o", "-"), "the last");
    await run("extract", "oci:box:t", "etc/app.conf", "-o", "one");
    await run("extract", "oci:box:t", "etc/other", "etc/app.conf", "-o", "two");
    for (const out of ["one", "two"]) {
      assert.equal(await Deno.readTextFile(place.path(`${out}/etc/app.conf`)), "the last");
    }
    const listed = (await run("peek", "--json", "oci:box:t", "etc/app.conf")).split("\n");
    assert.deepEqual(JSON.parse(listed[0]!).size, "the last".length);
    const layerOnly = await run("peek", "--layer", "2", "oci:box:t", "etc/app.conf");
    assert.equal(layerOnly.trimEnd().split("\n").length, 2, "a single layer is listed as its archive has it");
  });
}

Deno.test("what a later entry of the layer does to a path is not missed", async () => {
  const file = { name: "a/b", content: "first" };
  const directory = { name: "a/", flag: "5" };
  const layers: [string, TarFile[], string | undefined][] = [
    ["its directory becomes a link", [directory, file, { name: "a", flag: "2", target: "c" }], "of c"],
    ["it becomes a directory", [directory, file, { name: "a/b/", flag: "5" }], undefined],
    ["it becomes a link", [directory, file, { name: "a/b", flag: "2", target: "../c/b" }], "of c"],
    ["it is written through a link", [directory, file, { name: "l", flag: "2", target: "a" }, {
      name: "l/b",
      content: "last",
    }], "last"],
  ];
  const base = tarOf([
    { name: "c/", flag: "5" },
    { name: "c/b", content: "of c" },
    { name: "a/", flag: "5" },
    {
      name: "a/b",
      content: "of the base",
    },
  ]);
  for (const [what, entries, expected] of layers) {
    await using image = await makeImage([base, await gzip(tarOf(entries))]);
    const pieces: Uint8Array[] = [];
    const reading = readImageFile(await image.files(), "a/b", {
      write: (bytes) => void pieces.push(bytes.slice()),
    });
    if (expected === undefined) await assert.rejects(reading, /is a directory, not a file/, what);
    else {
      await reading;
      assert.equal(new TextDecoder().decode(concatenate(pieces)), expected, what);
    }
  }
});

Deno.test("a large file that is found in a packed layer is written once, whole", async () => {
  const large = someBytes(20 * 1024 * 1024);
  const layer = await gzip(tarOf([{ name: "big", content: "small" }, { name: "big", content: large }]));
  await using image = await makeImage([BASE, layer]);
  const pieces: Uint8Array[] = [];
  await readImageFile(await image.files(), "big", { write: (bytes) => void pieces.push(bytes.slice()) });
  assert.ok(concatenate(pieces).every((byte, index) => byte === large[index]));
});

Deno.test("the layer that has a file is read to its end and verified, and none below it", async () => {
  await using image = await makeImage([BASE, await gzip(tarOf(FILES))]);
  const files = await image.files();
  const { entries, tree } = await survey(files, [await pathPattern("etc/app.conf")]);
  assert.deepEqual([entries[0]?.size, tree], ["the last".length, undefined]);
  using opened = openImage(image.name);
  const [, top] = (await findImage(opened.store, opened.reference)).layers;
  assert.ok(
    files.report.fetched <= top!.size + 100,
    "the layer once, and perhaps the footer of a table of contents",
  );
  const single = new ImageFiles(opened.store, [top!]);
  await readImageFile(single, "etc/app.conf", { write: () => {} });
  assert.equal(single.report.verified, true);
});
