/** How layers are unpacked: whole and byte by byte, damaged, torn, and packed to exhaust the reader. @module */
import assert from "node:assert/strict";
import { constants, zstdCompressSync } from "node:zlib";
import { type Compression, compressionOf, decompress } from "../lib/layers/compression.ts";
import { MismatchError } from "../lib/errors.ts";
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

Deno.test("thousands of small frames that demand large windows do not take the memory of one", async () => {
  const small = concatenate([frameOf(17, [4]), ...Array.from({ length: 200 }, () => frameOf(0, [4]))]);
  const packed = concatenate(Array.from({ length: 100 }, () => small)); // 20,100 frames, some of 128 MiB
  const before = Deno.memoryUsage().rss;
  assert.equal((await unpack(packed, "zstd", 50_000)).length, 4 * 20_100);
  assert.ok(Deno.memoryUsage().rss - before < 128 * 1024 * 1024);
  assert.equal((await unpack(frameOf(17, [40_000, 40_000, 5]), "zstd", 1000)).length, 80_005);
});

Deno.test("a frame of zstd that announces more content than its blocks can have is refused", async () => {
  const header = new Uint8Array([0x28, 0xb5, 0x2f, 0xfd, 0xa0, 0, 0, 0, 8]); // one segment of 128 MiB
  const packed = concatenate([header, frameOf(17, [4]).slice(6)]);
  await assert.rejects(unpack(packed, "zstd"), MismatchError);
});

Deno.test("a changed byte is found by the checksum of its frame", async () => {
  const packed = zstdWithChecksum(someBytes(300_000));
  assert.equal((await unpack(packed, "zstd")).length, 300_000);
  for (const at of [150_000, packed.length - 1]) {
    const damaged = packed.slice();
    damaged[at]! ^= 1;
    await assert.rejects(unpack(damaged, "zstd"), /zstd data is damaged: .*checksum/);
    await assert.rejects(unpack(concatenate([packed, damaged, packed]), "zstd", 997), MismatchError);
  }
});

Deno.test("other bytes after the last gzip member are refused, whatever follows them", async () => {
  const member = await gzip(CONTENT);
  for (const other of [new Uint8Array(1), new Uint8Array(10_240), someBytes(100)]) {
    for (const packed of [concatenate([member, other]), concatenate([member, other, member])]) {
      for (const size of [packed.length, member.length, 1000]) {
        await assert.rejects(unpack(packed, "gzip", size), {
          name: "MismatchError",
          message: "the layer has other bytes after its gzip data: container engines refuse it",
          hint: /gzip -dc FILE \| gzip > NEW/,
        });
      }
    }
  }
});

Deno.test("thousands of damaged layers end in an error, never in one that nobody can catch", async () => {
  const random = randomNumbers(7);
  const contents = [someBytes(70), someBytes(3000), CONTENT, CONTENT.map((_, at) => (at * at >> 7) & 255)];
  const frames = contents.flatMap((
    content,
  ) => [
    zstdWithChecksum(content),
    new Uint8Array(zstdCompressSync(content, { params: { [constants.ZSTD_c_compressionLevel]: 19 } })),
  ]);
  let refused = 0;
  for (let round = 0; round < 3000; round++) {
    const pick = () => frames[random(frames.length)]!;
    const packed = concatenate(Array.from({ length: 1 + random(3) }, pick));
    for (let count = 1 + random(3); count > 0; count--) {
      const near = [random(20), packed.length - 1 - random(12), random(packed.length)][random(3)]!;
      packed[near]! ^= 1 << random(8);
    }
    const end = random(10) === 0 ? random(packed.length) : packed.length;
    await unpack(packed.slice(0, end), "zstd", 1 + random(70_000)).catch((error) => {
      assert.ok(error instanceof MismatchError, String(error));
      refused++;
    });
  }
  assert.ok(refused > 2000);
});

/** A frame with a checksum of its content, as the zstd program makes it. */
function zstdWithChecksum(content: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  return new Uint8Array(zstdCompressSync(content, { params: { [constants.ZSTD_c_checksumFlag]: 1 } }));
}

/** Random numbers below a limit, and the same in each run. */
function randomNumbers(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return Math.floor(state / 2 ** 31 * limit);
  };
}
