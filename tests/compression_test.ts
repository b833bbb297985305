/** How layers are unpacked: whole and byte by byte, damaged, torn, and packed to exhaust the reader. @module */
import assert from "node:assert/strict";
import { type Compression, compressionOf, decompress } from "../lib/layers/compression.ts";
import { MismatchError } from "../lib/errors.ts";
import { StreamInput } from "../lib/layers/tar_input.ts";
import { zstdPieces } from "../lib/layers/zstd_frames.ts";
import { concatenate, someBytes, streamOf } from "./rigs/content.ts";
import { ensureTool } from "./rigs/debian.ts";
import { guard } from "./rigs/guard.ts";
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
  let [size, count] = [0, 0];
  await guard(async () => {
    for await (const piece of decompress(streamOf(bomb), "zstd")) {
      size += piece.length;
      if (++count === 4000) break;
    }
  }, 400 * 1024 * 1024);
  assert.equal(size, 4000 * 128 * 1024);
});

Deno.test("memory stays flat over a large layer that does not shrink", async () => {
  const block = concatenate([new Uint8Array([0, 0, 0x10]), someBytes(128 * 1024)]);
  const source = async function* () {
    yield new Uint8Array([0x28, 0xb5, 0x2f, 0xfd, 0, 0x38]);
    for (let count = 0; count < 4000; count++) yield block.slice();
    yield new Uint8Array([1, 0, 0]);
  };
  let size = 0;
  await guard(async () => {
    for await (const piece of decompress(source(), "zstd")) size += piece.length;
  }, 250 * 1024 * 1024);
  assert.equal(size, 4000 * 128 * 1024, "500 MiB were read");
});

/** A frame whose header demands a window of 2^(10 + exponent) bytes, with blocks of so many bytes each. */
function frameOf(exponent: number, blocks: readonly number[]): Uint8Array<ArrayBuffer> {
  const header = new Uint8Array([0x28, 0xb5, 0x2f, 0xfd, 0, exponent << 3]);
  const parts = blocks.map((size, index) => {
    const fields = size << 3 | (index === blocks.length - 1 ? 1 : 0);
    return concatenate([new Uint8Array([fields, fields >> 8, fields >> 16]), someBytes(size)]);
  });
  return concatenate([header, ...parts]);
}

/** The windows that the headers demand which the decoder gets, in bytes. */
async function windowsOf(packed: Uint8Array<ArrayBuffer>): Promise<number[]> {
  const windows: number[] = [];
  for await (const piece of zstdPieces(new StreamInput(streamOf(packed)))) {
    const isHeader = piece.length === 6 && piece[0] === 0x28 && piece[1] === 0xb5;
    if (isHeader) windows.push(2 ** (10 + (piece[5]! >> 3)));
  }
  return windows;
}

Deno.test("a small frame of zstd gets no large window, and a large one what it demands", async () => {
  const small = concatenate(Array.from({ length: 300 }, () => frameOf(17, [4])));
  assert.equal(Math.max(...await windowsOf(small)), 128 * 1024);
  assert.equal((await unpack(small, "zstd", 100)).length, 1200);
  const several = frameOf(17, [40_000, 40_000, 5]);
  assert.deepEqual(await windowsOf(several), [512 * 1024]);
  assert.equal((await unpack(several, "zstd", 1000)).length, 80_005);
  assert.deepEqual(await windowsOf(frameOf(13, Array(100).fill(131_072))), [8 * 1024 ** 2]);
  assert.deepEqual(await windowsOf(frameOf(0, [4])), [1024], "a small window stays");
});

Deno.test("a frame of zstd that announces more content than its blocks can have is refused", async () => {
  const header = new Uint8Array([0x28, 0xb5, 0x2f, 0xfd, 0xa0, 0, 0, 0, 8]); // one segment of 128 MiB
  const packed = concatenate([header, frameOf(17, [4]).slice(6)]);
  await assert.rejects(unpack(packed, "zstd"), /a frame has less content than it announces/);
});
