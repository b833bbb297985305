/** Packed layers that are damaged, or followed by other bytes, as the command line tells of them. @module */
import assert from "node:assert/strict";
import { constants, zstdCompressSync } from "node:zlib";
import { findImage, ImageFiles, openImage } from "../lib/exports/images.ts";
import { makeWorkplace } from "./rigs/command_line.ts";
import { concatenate, someBytes } from "./rigs/content.ts";
import { gzip, makeImage, putImage, zstd } from "./rigs/images.ts";
import { headerOf, tarOf } from "./rigs/tar.ts";

const ARCHIVE = tarOf([{ name: "file", content: someBytes(300_000) }]);
const ZEROS = new Uint8Array(10_240);

/** A frame with a checksum, of which one byte in the middle was changed: the blocks can be unpacked all the same. */
function damagedZstd(): Uint8Array<ArrayBuffer> {
  const packed = zstdCompressSync(ARCHIVE, { params: { [constants.ZSTD_c_checksumFlag]: 1 } });
  packed[packed.length / 2 | 0]! ^= 1;
  return new Uint8Array(packed);
}

const packed = await gzip(ARCHIVE);
const cases: [string, Uint8Array<ArrayBuffer>, RegExp][] = [
  ["zstd with a changed byte", damagedZstd(), /zstd data is damaged: .*checksum/],
  ["gzip with zeros after it", concatenate([packed, ZEROS]), /other bytes after its gzip data/],
  ["a member after zeros", concatenate([packed, ZEROS, await gzip(tarOf([]))]), /other bytes after its gzip/],
];

for (const [name, layer, message] of cases) {
  Deno.test(`${name} is refused by append, peek and extract, and not called verified`, async () => {
    await using place = await makeWorkplace();
    await place.write("layer", layer);
    using image = openImage(`oci:${place.path("box")}:base`);
    await putImage(image.store, "base", [], { os: "linux", rootfs: { type: "layers", diff_ids: [] } });
    await putImage(image.store, "bad", [{ bytes: layer }]);
    const to = ["append", "--from", "oci:box:base", "--to", "oci:box:new"];
    const refused = [
      [2, await place.run([...to, "-i", "layer"])],
      [2, await place.run(to, { stdin: layer })],
      [5, await place.run(["peek", "oci:box:bad"])],
      [5, await place.run(["peek", "--verify", "oci:box:bad"])],
      [5, await place.run(["extract", "oci:box:bad", "/", "-o", "all"])],
      [5, await place.run(["extract", "--verify", "oci:box:bad", "file", "-o", "out"])],
      [5, await place.run(["extract", "oci:box:bad", "file", "-o", "-"])],
    ] as const;
    for (const [code, { code: ended, stderr }] of refused) {
      assert.equal(ended, code, stderr);
      assert.match(stderr, message);
      assert.doesNotMatch(stderr, /(?<!not )verified/);
    }
    assert.equal(await image.store.resolve("new"), undefined);
    assert.deepEqual([...Deno.readDirSync(place.directory)].map(({ name }) => name).sort(), ["box", "layer"]);
  });
}

Deno.test("a small layer that unpacks to terabytes lets events through, and ends with the signal", async () => {
  const blocks = new Uint8Array(4 * 1_000_000); // each unpacks to 128 KiB of zeros
  for (let at = 0; at < blocks.length; at += 4) [blocks[at], blocks[at + 2]] = [2, 0x10];
  const bomb = concatenate([new Uint8Array([0x28, 0xb5, 0x2f, 0xfd, 0, 0x38]), blocks]);
  const header = headerOf({ name: "big", size: 2 ** 42 });
  await using image = await makeImage([concatenate([await zstd(header), bomb])]);
  const opened = openImage(image.name);
  const { layers } = await findImage(opened.store, opened.reference);
  const controller = new AbortController();
  const files = new ImageFiles(opened.store, layers, { signal: controller.signal });
  const reading = async () => {
    for await (const { path } of files.entries(layers[0]!, { want: "names" })) {
      assert.equal(path, "big");
      setTimeout(() => controller.abort(new Error("enough")), 0);
    }
  };
  await assert.rejects(reading(), /^Error: enough$/);
});
