/** Content on its way: hashing, sources, cutting a stream, collecting small blobs, files that appear whole. @module */
import assert from "node:assert/strict";
import fc from "fast-check";
import { giveName, writeAtomically } from "../lib/content/atomic_file.ts";
import { exactly, verified } from "../lib/content/byte_stream.ts";
import { collect, collectVerified } from "../lib/content/collect.ts";
import { fileSource, readFile } from "../lib/content/file_source.ts";
import { awaitDigest, Hasher } from "../lib/content/hasher.ts";
import { bytesSource } from "../lib/content/source.ts";
import { StreamCutter } from "../lib/content/stream_source.ts";
import { LayerstashError, MismatchError, NotFoundError } from "../lib/errors.ts";
import { corrupted, digestOf } from "../lib/oci/digest.ts";
import { concatenate, makeWorkspace, someBytes, streamOf } from "./rigs/content.ts";
import { recordThreads } from "./rigs/recorded_threads.ts";

const MiB = 1024 ** 2;
/** More than is hashed without a thread. */
const LARGE = someBytes(20 * MiB + 7);

const read = async (stream: ReadableStream<Uint8Array>) => await collect(stream, Infinity);

Deno.test("any range of a file is hashed, with and without a thread, many at once", async () => {
  await using work = await makeWorkspace();
  using hasher = new Hasher();
  const path = await work.write("file", LARGE);
  const ends = [[0, 0], [0, 1], [5, 5], [0, LARGE.length], [1, 12 * MiB], [MiB, 3 * MiB], [
    9 * MiB,
    LARGE.length,
  ]];
  await Promise.all(
    ends.concat(ends).map(async ([start = 0, end = 0]) => {
      assert.equal(
        await hasher.file(path, { start, end }),
        digestOf(LARGE.subarray(start, end)),
        `${start}-${end}`,
      );
    }),
  );
});

Deno.test("a file that is too short for its range is a mismatch, with and without a thread", async () => {
  await using work = await makeWorkspace();
  using hasher = new Hasher();
  const path = await work.write("file", LARGE);
  const end = LARGE.length + 1;
  for (const start of [0, LARGE.length - 5, LARGE.length + 5]) {
    await assert.rejects(hasher.file(path, { start, end: end + 5 }), MismatchError);
  }
  assert.equal(await hasher.file(path, { start: 0, end: 10 * MiB }), digestOf(LARGE.subarray(0, 10 * MiB)));
});

Deno.test("a file is hashed while it is being written", async () => {
  await using work = await makeWorkspace();
  using hasher = new Hasher();
  const path = await work.write("file", "");
  using file = await Deno.open(path, { write: true });
  const hash = hasher.follow(path, 0);
  for (let position = 0; position < LARGE.length; position += 3 * MiB) {
    await file.write(LARGE.subarray(position, position + 3 * MiB));
    hash.advance(Math.min(LARGE.length, position + 3 * MiB));
  }
  assert.equal(await hash.digest(LARGE.length), digestOf(LARGE));
});

Deno.test("a digest that is no longer wanted keeps no other from being computed", async () => {
  await using work = await makeWorkspace();
  using hasher = new Hasher();
  const path = await work.write("file", LARGE);
  for (const to of [0, MiB, 9 * MiB, LARGE.length]) {
    const dropped = hasher.follow(path, 0);
    dropped.advance(to);
    dropped.drop();
  }
  assert.equal(await hasher.file(path, { start: 0, end: LARGE.length }), digestOf(LARGE));
});

Deno.test("digests that are awaited when the hasher ends reject", async () => {
  await using work = await makeWorkspace();
  const path = await work.write("file", LARGE);
  const hasher = new Hasher();
  const digest = hasher.file(path, { start: 0, end: LARGE.length });
  hasher[Symbol.dispose]();
  await assert.rejects(digest, LayerstashError);
});

Deno.test("a part of a file can be opened again and again, from anywhere to anywhere", async () => {
  await using work = await makeWorkspace();
  using hasher = new Hasher();
  const bytes = someBytes(MiB + 13);
  const path = await work.write("file", bytes);
  const source = fileSource(path, { start: 10, end: MiB + 3 }, hasher);
  const whole = bytes.slice(10, MiB + 3);
  assert.equal(source.size, whole.length);
  assert.equal(await source.digest(), digestOf(whole));
  for (const [start, end] of [[undefined, undefined], [0, 1], [5, undefined], [300_000, 700_001], [7, 7]]) {
    assert.deepEqual(await read(source.open(start, end)), whole.slice(start, end));
  }
  assert.deepEqual(await read(fileSource(path, { start: 3, end: 3 }, hasher).open()), new Uint8Array());
});

Deno.test("a file that ends before its range breaks the stream, and one that is not read on is let go of", async () => {
  await using work = await makeWorkspace();
  const path = await work.write("file", someBytes(1000));
  await assert.rejects(read(readFile(path, { start: 500, end: 1001 })), MismatchError);
  await assert.rejects(read(readFile(work.path("none"), { start: 0, end: 1 })), NotFoundError);
  const reader = readFile(path, { start: 0, end: 1000 }).getReader();
  await reader.read();
  await reader.cancel(); // else the test ends with an open file, and fails
});

Deno.test("bytes in memory are a source", async () => {
  const bytes = someBytes(10);
  const source = bytesSource(bytes);
  assert.equal(source.size, 10);
  assert.equal(await source.digest(), digestOf(bytes));
  assert.deepEqual(await read(source.open()), new Uint8Array(bytes));
  assert.deepEqual(await read(source.open(3, 5)), bytes.slice(3, 5));
  assert.deepEqual(await read(bytesSource(new Uint8Array()).open()), new Uint8Array());
});

/** Cuts a stream to its end. */
async function cutAll(stream: ReadableStream<Uint8Array>, size: number): Promise<Uint8Array[]> {
  const cutter = new StreamCutter(stream);
  const slices: Uint8Array[] = [];
  do {
    const source = cutter.take(size);
    assert.equal(source.once, true);
    const slice = await read(source.open());
    assert.equal(await source.digest(), digestOf(slice));
    slices.push(slice);
  } while (await cutter.more());
  return slices;
}

Deno.test("a stream is cut into slices of one size, however it is fed", async () => {
  const pieces = fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 20 });
  await fc.assert(fc.asyncProperty(pieces, fc.integer({ min: 1, max: 60 }), async (pieces, size) => {
    const bytes = concatenate(pieces);
    const slices = await cutAll(ReadableStream.from(pieces), size);
    assert.deepEqual(concatenate(slices), bytes);
    assert.equal(slices.length, Math.max(1, Math.ceil(bytes.length / size)));
    assert.ok(slices.slice(0, -1).every(({ length }) => length === size));
  }));
});

Deno.test("a stream that breaks breaks its slice, and is not read ahead", async () => {
  let pulled = 0;
  const stream = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (++pulled > 3) controller.error(new Error("the source broke"));
      else controller.enqueue(someBytes(10));
    },
  }, { highWaterMark: 0 });
  const cutter = new StreamCutter(stream);
  assert.equal(pulled, 0);
  assert.equal((await read(cutter.take(15).open())).length, 15);
  assert.equal(pulled, 2);
  await assert.rejects(read(cutter.take(100).open()), /the source broke/);
});

Deno.test("a stream that is no longer wanted is cancelled", async () => {
  let reason: unknown = "not cancelled";
  const cutter = new StreamCutter(new ReadableStream({ cancel: (why) => void (reason = why) }));
  await cutter.cancel();
  assert.equal(reason, undefined);
});

Deno.test("no more is collected than was announced, and nothing that is not what its digest says", async () => {
  const bytes = someBytes(100);
  assert.deepEqual(await collect(streamOf(bytes, 1), 100), new Uint8Array(bytes));
  let cancelled = false;
  const endless = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(someBytes(60)),
    cancel: () => void (cancelled = true),
  });
  await assert.rejects(collect(endless, 100), MismatchError);
  assert.ok(cancelled);
  const expected = { digest: digestOf(bytes), size: 100 };
  assert.deepEqual(await collectVerified(streamOf(bytes, 7), expected), new Uint8Array(bytes));
  for (const wrong of [bytes.slice(1), bytes.with(50, bytes[50]! ^ 1), concatenate([bytes, bytes])]) {
    await assert.rejects(collectVerified(streamOf(new Uint8Array(wrong)), expected), MismatchError);
  }
});

Deno.test("a stream is verified as it flows, whole or byte by byte, and is let go of where it fails", async () => {
  const bytes = someBytes(100);
  const digest = digestOf(bytes);
  for (const step of [1, 7, 100, 1000]) {
    assert.deepEqual(await collect(verified(streamOf(bytes, step), digest), Infinity), new Uint8Array(bytes));
    for (const wrong of [bytes.slice(1), bytes.with(99, bytes[99]! ^ 1), concatenate([bytes, bytes])]) {
      const stream = verified(streamOf(new Uint8Array(wrong), step), digest);
      await assert.rejects(collect(stream, Infinity), corrupted(digest));
    }
  }
  const empty = new Uint8Array();
  assert.deepEqual(await collect(verified(streamOf(empty, 1), digestOf(empty)), 0), empty);
  await assert.rejects(collect(verified(streamOf(empty, 1), digest), 0), corrupted(digest));
  for (const end of ["reader", "fault"]) {
    const released = Promise.withResolvers<void>();
    const endless = new ReadableStream<Uint8Array<ArrayBuffer>>({
      pull: (controller) => controller.enqueue(someBytes(60)),
      cancel: () => released.resolve(),
    });
    if (end === "reader") await verified(endless, digest).cancel();
    else await assert.rejects(collect(exactly(endless, 100), Infinity), MismatchError);
    await released.promise;
  }
});

Deno.test("a small file is replaced as a whole, and what fails leaves nothing behind", async () => {
  await using work = await makeWorkspace();
  const path = await work.write("file", "old");
  await writeAtomically(path, new TextEncoder().encode("new"));
  assert.equal(await Deno.readTextFile(path), "new");
  await Deno.mkdir(work.path("folder/inner"), { recursive: true });
  await assert.rejects(writeAtomically(work.path("folder"), someBytes(3)));
  await assert.rejects(writeAtomically(work.path("none/file"), someBytes(3)));
  const names = (await Array.fromAsync(Deno.readDir(work.path(".")))).map(({ name }) => name);
  assert.deepEqual(names.sort(), ["file", "folder"]);
});

Deno.test("on Windows a name is given when those who have the old file open are gone", async () => {
  await using work = await makeWorkspace();
  const { rename } = Deno;
  for (const [os, tries] of [["windows", 3], ["linux", 1]] as const) {
    const [from, to] = [await work.write("new", "new"), await work.write("old", "old")];
    let tried = 0;
    Deno.rename = async (...paths) => {
      if (++tried < 3) throw new Deno.errors.PermissionDenied("Access is denied. (os error 5)");
      await rename(...paths);
    };
    try {
      const given = giveName(from, to, os);
      await (os === "windows" ? given : assert.rejects(given, Deno.errors.PermissionDenied));
    } finally {
      Deno.rename = rename;
    }
    assert.equal(tried, tries);
    assert.equal(await Deno.readTextFile(to), os === "windows" ? "new" : "old");
  }
});

Deno.test("a signal ends the wait for the digest of a long range, and the hashing", async () => {
  const stop = new Error("stop");
  const aborter = new AbortController();
  let dropped = false;
  const never = new Promise<never>(() => {});
  const hash = { advance() {}, digest: () => never, drop: () => void (dropped = true) };
  const waiting = awaitDigest(hash, { start: 0, end: 64 * 1024 * 1024 + 1 }, aborter.signal);
  aborter.abort(stop);
  await assert.rejects(waiting, stop);
  assert.ok(dropped);
});

Deno.test("a hasher that was disposed of starts no thread, which would keep the program from ending", async () => {
  await using work = await makeWorkspace();
  const path = await work.write("large", LARGE);
  const hasher = new Hasher();
  const hash = () => hasher.file(path, { start: 0, end: LARGE.length });
  assert.equal(await hash(), digestOf(LARGE));
  hasher[Symbol.dispose]();
  using threads = recordThreads({ dying: true });
  const outcome = await hash().catch((error) => error.message);
  assert.deepEqual([threads.started, outcome], [[], "the hashing was stopped"]);
});

Deno.test("a thread that has ended fails what it was given, and another one takes its place", async () => {
  await using work = await makeWorkspace();
  const path = await work.write("large", LARGE);
  using hasher = new Hasher();
  const hash = () => hasher.file(path, { start: 0, end: LARGE.length });
  {
    using _threads = recordThreads({ dying: true });
    await assert.rejects(hash(), /the hashing thread failed: .*out of order/);
  }
  assert.equal(await hash(), digestOf(LARGE));
  assert.equal(await hash(), digestOf(LARGE));
});
