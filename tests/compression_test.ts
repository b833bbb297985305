/** How layers are unpacked: whole and byte by byte, damaged, torn, and packed to exhaust the reader. @module */
import assert from "node:assert/strict";
import { type Compression, compressionOf, decompress } from "../lib/layers/compression.ts";
import { MismatchError } from "../lib/errors.ts";
import { concatenate, someBytes, streamOf } from "./rigs/content.ts";
import { ensureTool } from "./rigs/debian.ts";
import { gzip, zstd } from "./rigs/images.ts";
import { runProgram } from "./rigs/tar.ts";

const hasZstd = await ensureTool("zstd", "zstd");

async function unpack(
  bytes: Uint8Array<ArrayBuffer>,
  how: Compression,
  pieceSize?: number,
): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for await (const piece of decompress(streamOf(bytes, pieceSize), how)) pieces.push(piece.slice());
  return concatenate(pieces);
}

const CONTENT = concatenate([new Uint8Array(300_000), someBytes(50_000)]);

Deno.test("the first bytes tell the compression", async () => {
  assert.equal(compressionOf(await gzip(CONTENT)), "gzip");
  assert.equal(compressionOf(await zstd(CONTENT)), "zstd");
  assert.equal(compressionOf(new Uint8Array([0x5a, 0x2a, 0x4d, 0x18])), "zstd");
  assert.equal(compressionOf(someBytes(4)), "none");
  assert.equal(compressionOf(new Uint8Array()), "none");
});

Deno.test("pieces of any size are unpacked to the same bytes, of one member or frame or many", async () => {
  const skipped = new Uint8Array([0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 9, 9, 9]);
  const cases: [Compression, Uint8Array<ArrayBuffer>][] = [
    ["gzip", await gzip(CONTENT)],
    ["gzip", concatenate([await gzip(CONTENT.slice(0, 1000)), await gzip(CONTENT.slice(1000))])],
    ["zstd", await zstd(CONTENT)],
    ["zstd", concatenate([skipped, await zstd(CONTENT, 33_333), skipped])],
  ];
  for (const [how, bytes] of cases) {
    for (const size of [bytes.length, 4096, 1]) assert.deepEqual(await unpack(bytes, how, size), CONTENT);
  }
});

Deno.test("what the zstd program packs is unpacked, at every level", { ignore: !hasZstd }, async () => {
  for (const options of [["-1"], ["-19"], ["--ultra", "-22"], ["--long=27"], ["--no-check"], ["--fast=5"]]) {
    for (const content of [CONTENT, someBytes(100), new Uint8Array()]) {
      const packed = await runProgram("zstd", ["-qc", ...options], { stdin: content });
      assert.deepEqual(await unpack(packed, "zstd"), content, options.join(" "));
    }
  }
});

Deno.test("torn data are noticed wherever they are torn", async () => {
  for (
    const [how, bytes] of [["gzip", await gzip(CONTENT)], ["zstd", await zstd(CONTENT, 100_000)]] as const
  ) {
    for (const share of [0.1, 0.5, 0.9, 0.999]) {
      await assert.rejects(unpack(bytes.slice(0, Math.floor(bytes.length * share)), how), MismatchError);
    }
    await assert.rejects(
      unpack(concatenate([bytes, someBytes(100)]), how),
      MismatchError,
      "garbage behind the end",
    );
  }
});

Deno.test("a failure of the source is the failure that is told of", async () => {
  for (const [how, bytes] of [["gzip", await gzip(CONTENT)], ["zstd", await zstd(CONTENT)]] as const) {
    const source = async function* () {
      yield bytes.slice(0, 1000);
      throw new Error("the wire is cut");
    };
    await assert.rejects(Array.fromAsync(decompress(source(), how)), /the wire is cut/);
  }
});

Deno.test("who has enough leaves, and the source is let go", async () => {
  for (const [how, bytes] of [["gzip", await gzip(CONTENT)], ["zstd", await zstd(CONTENT)]] as const) {
    let left = false;
    const source = async function* () {
      try {
        for (;;) yield bytes;
      } finally {
        left = true;
      }
    };
    for await (const _ of decompress(source(), how)) break;
    assert.equal(left, true);
  }
});

Deno.test("a frame that asks for too much memory gets none", async () => {
  const frame = (descriptor: number, ...rest: number[]) =>
    new Uint8Array([0x28, 0xb5, 0x2f, 0xfd, descriptor, ...rest, 1, 0, 0]);
  const largeWindow = frame(0, 0xa8);
  const largeSingle = frame(0xa0, 0, 0, 0, 0x7f);
  for (const bytes of [largeWindow, largeSingle]) {
    await assert.rejects(unpack(bytes, "zstd"), /bytes of memory/);
  }
  await assert.rejects(unpack(frame(1, 0, 7), "zstd"), /needs a dictionary/);
});

Deno.test("bombs are unpacked a little at a time", async () => {
  // 60,000 blocks of four bytes, each 128 KiB of zeros: 7.3 GiB in all.
  const block = new Uint8Array([0x02, 0, 0x10, 0]);
  const blocks = new Uint8Array(4 * 60_000);
  for (let at = 0; at < blocks.length; at += 4) blocks.set(block, at);
  const bomb = concatenate([new Uint8Array([0x28, 0xb5, 0x2f, 0xfd, 0, 0x38]), blocks]);
  const before = Deno.memoryUsage().rss;
  let [size, count] = [0, 0];
  for await (const piece of decompress(streamOf(bomb), "zstd")) {
    size += piece.length;
    if (++count === 4000) break;
  }
  assert.equal(size, 4000 * 128 * 1024);
  assert.ok(Deno.memoryUsage().rss - before < 400 * 1024 * 1024);
});

Deno.test("memory stays flat over a large layer that does not shrink", async () => {
  const block = concatenate([new Uint8Array([0, 0, 0x10]), someBytes(128 * 1024)]);
  const source = async function* () {
    yield new Uint8Array([0x28, 0xb5, 0x2f, 0xfd, 0, 0x38]);
    for (let count = 0; count < 4000; count++) yield block.slice();
    yield new Uint8Array([1, 0, 0]);
  };
  const before = Deno.memoryUsage().rss;
  let size = 0;
  for await (const piece of decompress(source(), "zstd")) size += piece.length;
  assert.equal(size, 4000 * 128 * 1024);
  assert.ok(Deno.memoryUsage().rss - before < 250 * 1024 * 1024, "500 MiB were read");
});
