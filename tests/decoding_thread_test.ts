/** Large layers are decompressed in a thread: what it gives, how its errors are told, and how it ends. @module */
import assert from "node:assert/strict";
import { constants, gzipSync, zstdCompressSync } from "node:zlib";
import { LayerstashError, MismatchError } from "../lib/errors.ts";
import type { Compression } from "../lib/layers/compression.ts";
import { decompressBeside } from "../lib/layers/decoding_thread.ts";
import { collect } from "../lib/content/collect.ts";
import { failureOf } from "../lib/content/thread_failure.ts";
import { makeWorkplace } from "./rigs/command_line.ts";
import { concatenate, someBytes } from "./rigs/content.ts";
import { makeImage } from "./rigs/images.ts";
import { tarOf } from "./rigs/tar.ts";

Deno.test("a thread tells an error of the system in plain words, and of every other its class, too", () => {
  const told = (error: Error) => failureOf(error).message;
  const broken = Object.assign(new Error("Input/output error (os error 5): read '/a/b'"), { code: "EIO" });
  assert.equal(told(broken), "'/a/b': the disk has failed");
  assert.equal(
    told(Object.assign(new Error("read a: the disk has failed"), { code: "EIO" })),
    "read a: the disk has failed",
  );
  assert.equal(told(new TypeError("no such method")), "TypeError: no such method");
});

/** Enough to be packed into more than a thread is worth, and not to be packed well. */
const SIZE = 6_000_000;
const CONTENT = someBytes(SIZE);
const CHECKSUM = { params: { [constants.ZSTD_c_checksumFlag]: 1 } };
const PACKED: Readonly<Record<"gzip" | "zstd", Uint8Array<ArrayBuffer>>> = {
  gzip: new Uint8Array(gzipSync(CONTENT)),
  zstd: new Uint8Array(zstdCompressSync(CONTENT, CHECKSUM)),
};

/** The bytes in pieces whose buffer is used again for the next, as a network reader does it. */
async function* pieces(bytes: Uint8Array, size = 50_000): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const buffer = new Uint8Array(size);
  for (let at = 0; at < bytes.length; at += size) {
    const piece = bytes.subarray(at, at + size);
    buffer.set(piece);
    yield buffer.subarray(0, piece.length);
    buffer.fill(0xff);
    await Promise.resolve();
  }
}

async function unpacked(bytes: Uint8Array, compression: Compression): Promise<Uint8Array> {
  const stream = ReadableStream.from(decompressBeside(pieces(bytes), compression));
  return await collect(stream, 10 * SIZE);
}

for (const compression of ["gzip", "zstd"] as const) {
  const packed = PACKED[compression];

  Deno.test(`the thread gives every byte of several ${compression} members`, async () => {
    const small = compression === "gzip" ? gzipSync("end") : zstdCompressSync("end");
    const bytes = await unpacked(concatenate([packed, new Uint8Array(small)]), compression);
    assert.deepEqual(Buffer.compare(bytes, concatenate([CONTENT, new TextEncoder().encode("end")])), 0);
  });

  Deno.test(`the thread tells what is wrong with damaged ${compression}, behind what it could read`, async () => {
    const damaged = packed.slice();
    damaged[packed.length - 3]! ^= 1; // in the checksum
    let given = 0;
    const reading = async () => {
      for await (const piece of decompressBeside(pieces(damaged), compression)) given += piece.length;
    };
    await assert.rejects(reading(), (error) => {
      assert.ok(error instanceof MismatchError);
      assert.match(error.message, new RegExp(`^the layer's ${compression} data is damaged: `));
      return true;
    });
    assert.ok(given > SIZE - 1_000_000, `${given} bytes came`);
    await assert.rejects(unpacked(packed.subarray(0, SIZE / 2), compression), MismatchError);
  });
}

Deno.test("bytes that make the decoder throw are an error, wherever they are", async () => {
  for (let at = 20; at < PACKED.zstd.length; at += 500_001) {
    const damaged = PACKED.zstd.slice();
    damaged.fill(0x55, at, at + 1000);
    await assert.rejects(unpacked(damaged, "zstd"), MismatchError);
  }
});

Deno.test("hints of the thread arrive", async () => {
  const followed = concatenate([PACKED.gzip, new Uint8Array(100_000)]);
  await assert.rejects(unpacked(followed, "gzip"), (error) => {
    assert.ok(error instanceof LayerstashError);
    assert.match(error.hint ?? "", /^gzip passes over them/);
    return true;
  });
});

Deno.test("an error of the source is given as it is", async () => {
  const failure = new Error("the line is cut");
  async function* cut() {
    yield* pieces(PACKED.gzip.subarray(0, 1_000_000));
    throw failure;
  }
  const reading = collect(ReadableStream.from(decompressBeside(cut(), "gzip")), SIZE);
  await assert.rejects(reading, (error) => error === failure);
});

Deno.test("a reader that stops ends the thread and the source", async () => {
  let ended = false;
  async function* endless() {
    try {
      for (;;) yield* pieces(PACKED.gzip);
    } finally {
      ended = true;
    }
  }
  for await (const piece of decompressBeside(endless(), "gzip")) {
    assert.ok(piece.length > 0);
    break;
  }
  assert.ok(ended);
});

Deno.test("a signal ends the thread at once, whatever it makes of few bytes", async () => {
  const blocks = new Uint8Array(4 * 1_000_000); // each unpacks to 128 KiB of zeros
  for (let at = 0; at < blocks.length; at += 4) [blocks[at], blocks[at + 2]] = [2, 0x10];
  const bomb = concatenate([new Uint8Array([0x28, 0xb5, 0x2f, 0xfd, 0, 0x38]), blocks]);
  const controller = new AbortController();
  let given = 0;
  const reading = async () => {
    for await (const piece of decompressBeside(pieces(bomb), "zstd", controller.signal)) {
      if (given === 0) setTimeout(() => controller.abort(new Error("enough")), 0);
      given += piece.length;
    }
  };
  await assert.rejects(reading(), /^Error: enough$/);
  assert.ok(given < 2 ** 33, `${given} bytes came`);
});

Deno.test("few pieces wait for a reader who takes his time", async () => {
  let read = 0;
  async function* counted() {
    for await (const piece of pieces(new Uint8Array(gzipSync(new Uint8Array(16 * SIZE), { level: 0 })))) {
      read += piece.length;
      yield piece;
    }
  }
  let given = 0;
  for await (const piece of decompressBeside(counted(), "gzip")) {
    given += piece.length;
    await new Promise((resolve) => setTimeout(resolve, 0)); // whatever may run meanwhile runs
    assert.ok(read - given < 2 * SIZE, `${read} bytes were read for ${given}`);
  }
  assert.equal(given, 16 * SIZE);
});

Deno.test("the command line extracts large layers, and removes what it began of damaged ones", async () => {
  const archive = tarOf([{ name: "small", content: "x" }, { name: "large", content: CONTENT }]);
  for (const pack of [gzipSync, (bytes: Uint8Array) => zstdCompressSync(bytes, CHECKSUM)]) {
    const packed = new Uint8Array(pack(archive));
    const damaged = packed.slice();
    damaged[packed.length - 3]! ^= 1;
    await using place = await makeWorkplace();
    await using good = await makeImage([packed]);
    await using bad = await makeImage([damaged]);
    const { code, stderr } = await place.run(["extract", good.name, "/", "-o", "out"]);
    assert.equal(code, 0, stderr);
    assert.equal(Buffer.compare(await Deno.readFile(place.path("out/large")), CONTENT), 0);
    const refused = await place.run(["extract", bad.name, "/", "-o", "none"]);
    assert.equal(refused.code, 5, refused.stderr);
    assert.match(refused.stderr, /data is damaged|other digest|corrupted/);
    assert.deepEqual(Array.from(Deno.readDirSync(place.directory), ({ name }) => name), ["out"]);
  }
});
