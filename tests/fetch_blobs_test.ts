/** Fetching blobs into a file: gaps, parts in any order, and blobs that are found bad. @module */
import assert from "node:assert/strict";
import fc from "fast-check";
import { Hasher } from "../lib/content/hasher.ts";
import { MismatchError, RangeRefusedError } from "../lib/errors.ts";
import type { TransferEvent } from "../lib/events.ts";
import { digestOf } from "../lib/oci/digest.ts";
import type { ByteRange } from "../lib/content/source.ts";
import type { BlobReader } from "../lib/store/store.ts";
import { ByteRanges } from "../lib/transfer/byte_ranges.ts";
import { fetchBlobs, type FetchBlobsOptions } from "../lib/transfer/fetch_blobs.ts";
import { placeBlobs, type PlacedBlob } from "../lib/transfer/placed_blob.ts";
import { blobReader } from "./rigs/readers.ts";
import { makeWorkspace, someBytes, streamOf } from "./rigs/content.ts";

const MiB = 1024 ** 2;
const SIZE = 100;
const PART = 16;
const CONTENT = someBytes(3 * SIZE);
const BLOBS: PlacedBlob[] = placeBlobs([0, 1, 2].map((index) => {
  return { digest: digestOf(CONTENT.subarray(index * SIZE, (index + 1) * SIZE)), size: SIZE };
}));

/** What a store does with a range before it gives it; what it gives may be changed. */
type OnRead = (blob: number, range: ByteRange, bytes: Uint8Array<ArrayBuffer>) => void | Promise<void>;

function storeOf(onRead: OnRead = () => {}) {
  const asked: string[] = [];
  const store = blobReader({
    stat: () => Promise.resolve(SIZE),
    async readUnverified(digest, { range = { start: 0, end: SIZE } } = {}) {
      const index = BLOBS.findIndex((blob) => blob.digest === digest);
      const { at } = BLOBS[index]!;
      asked.push(`${index}: ${range.start}-${range.end}`);
      const bytes = CONTENT.slice(at + range.start, at + range.end);
      await onRead(index, range, bytes);
      return streamOf(bytes, 5);
    },
  });
  return { store, asked };
}

/** Fetches into a file that holds `before`, and tells all that happened. */
async function run(
  store: BlobReader,
  { present = () => [], onEvent, ...options }: Partial<FetchBlobsOptions> & {
    present?: (blob: PlacedBlob) => readonly ByteRange[];
  } = {},
  before = new Uint8Array(3 * SIZE),
) {
  await using work = await makeWorkspace();
  const path = await work.write("file", before);
  using hasher = new Hasher();
  using file = await Deno.open(path, { write: true });
  const events: TransferEvent[] = [];
  const told: string[] = [];
  const completed = new Set<number>();
  const written = BLOBS.map(() => new ByteRanges());
  const error = await fetchBlobs(store, BLOBS, {
    path,
    file,
    hasher,
    jobs: 2,
    partSize: PART,
    logEvery: 10,
    onEvent(event) {
      events.push(event);
      if (event.type === "blob") {
        assert.equal(completed.has(event.index), true, "it is written down before it is told");
        told.push(`${event.index - 1} ${event.state}`);
      }
      onEvent?.(event);
    },
    log: {
      present,
      written: (blob, range) => written[BLOBS.indexOf(blob)]!.add(range),
      complete: ({ number }) => void completed.add(number),
      bad: (blob) => void told.push(`${BLOBS.indexOf(blob)} bad`),
    },
    ...options,
  }).then(() => undefined, (error) => error);
  const sum = (type: string) =>
    events.reduce(
      (sum, event) => event.type === type && "bytes" in event ? sum + (event.bytes ?? 0) : sum,
      0,
    );
  const bytes = await Deno.readFile(path);
  return { error, told, written, bytes, progress: sum("progress"), resumed: sum("resume"), events };
}

const all = { start: 0, end: SIZE };

Deno.test("only gaps are fetched, and what was there is verified with them", async () => {
  const someRanges = fc.array(fc.tuple(fc.nat(SIZE), fc.nat(SIZE)).map(([start, end]) => ({ start, end })));
  await fc.assert(
    fc.asyncProperty(fc.tuple(someRanges, someRanges, someRanges), async (have) => {
      const there = have.map((ranges) => new ByteRanges(ranges));
      const before = new Uint8Array(3 * SIZE);
      there.forEach((ranges, index) => {
        for (const { start, end } of ranges.all()) {
          before.set(CONTENT.subarray(index * SIZE + start, index * SIZE + end), index * SIZE + start);
        }
      });
      const { store } = storeOf((blob, range) => {
        const overlaps = there[blob]!.all().some(({ start, end }) => start < range.end && range.start < end);
        assert.ok(!overlaps, "what is there is not fetched");
      });
      const found = await run(store, { present: (blob) => there[BLOBS.indexOf(blob)]!.all() }, before);
      assert.equal(found.error, undefined);
      assert.deepEqual(found.bytes, CONTENT);
      const reused = there.reduce((sum, { bytes }) => sum + bytes, 0);
      const complete = there.filter(({ bytes }) => bytes === SIZE).length;
      assert.equal(found.progress, 3 * SIZE - reused);
      assert.equal(found.resumed, reused - complete * SIZE);
      assert.equal(found.told.filter((each) => each.endsWith("present")).length, complete);
      assert.deepEqual(found.written.map(({ bytes }) => bytes), there.map(({ bytes }) => SIZE - bytes));
    }),
    { numRuns: 30 },
  );
});

Deno.test("parts may come in any order", async () => {
  const last = Promise.withResolvers<void>();
  const { store, asked } = storeOf(async (blob, { start, end }) => {
    if (blob === 2 && end === SIZE) last.resolve();
    if (start === 0) await last.promise;
  });
  const found = await run(store, { jobs: 4 });
  assert.equal(found.error, undefined);
  assert.deepEqual(found.bytes, CONTENT);
  assert.equal(asked.length, 3 * Math.ceil(SIZE / PART));
});

Deno.test("bytes that were there and are bad are forgotten, and the blob is fetched once more", async () => {
  const before = new Uint8Array(CONTENT);
  for (const at of [3, SIZE + 3, 2 * SIZE + 3]) before[at]! ^= 1;
  const have = [[{ start: 0, end: 50 }], [all], [{ start: 0, end: 2 }, { start: 10, end: SIZE }]];
  const { store, asked } = storeOf();
  const found = await run(store, { present: (blob) => have[BLOBS.indexOf(blob)]! }, before);
  assert.equal(found.error, undefined);
  assert.deepEqual(found.bytes, CONTENT);
  assert.deepEqual(found.told.sort(), ["0 bad", "0 fetched", "1 bad", "1 fetched", "2 fetched"]);
  assert.equal(found.progress, 2 * SIZE + 8);
  assert.equal(found.resumed, SIZE - 8);
  assert.equal(
    asked.filter((each) => each.startsWith("0: ")).length,
    Math.ceil(50 / PART) + Math.ceil(SIZE / PART),
  );
});

Deno.test("blobs that are found bad are fetched in the order in which they were found", async () => {
  const { store, asked } = storeOf();
  const present = (blob: PlacedBlob) => blob === BLOBS[0] ? [] : [all];
  const found = await run(store, { present, jobs: 1, partSize: SIZE });
  assert.equal(found.error, undefined);
  const bad = found.told.filter((each) => each.endsWith(" bad")).map((each) => `${each[0]}: 0-${SIZE}`);
  assert.equal(bad.length, 2);
  assert.deepEqual(asked.filter((each) => bad.includes(each)), bad);
});

Deno.test("a blob that is bad at the store is told, also when it is fetched once more", async () => {
  for (const have of [[], [{ start: 0, end: 50 }], [all]]) {
    const { store, asked } = storeOf((blob, { start, end }, bytes) => {
      if (blob === 1 && start <= 60 && 60 < end) bytes[60 - start]! ^= 1;
    });
    const before = CONTENT.with(SIZE + 60, 0);
    const found = await run(store, { present: (blob) => blob === BLOBS[1] ? have : [] }, before);
    assert.ok(found.error instanceof MismatchError, `${found.error}`);
    assert.deepEqual(
      found.told.filter((each) => each.startsWith("1")),
      have.length > 0 ? ["1 bad", "1 bad"] : ["1 bad"],
    );
    assert.ok(asked.length <= 3 * 7 + 4);
  }
});

Deno.test("where the store gives whole blobs only, all of it comes again, and what was reused is given back", async () => {
  const store = storeOf((_blob, { start, end }) => {
    if (start !== 0 || end !== SIZE) throw new RangeRefusedError("the store gives whole blobs only");
  });
  const before = CONTENT.with(SIZE + 3, 0);
  const found = await run(store.store, { present: () => [{ start: 0, end: 50 }] }, before);
  assert.equal(found.error, undefined);
  assert.deepEqual(found.bytes, CONTENT);
  assert.equal(found.progress, 3 * SIZE);
  assert.equal(found.resumed, 0);
  assert.deepEqual(found.written.map(({ bytes }) => bytes), [SIZE, SIZE, SIZE]);
});

Deno.test("that a store gives whole blobs only is said once, and the blobs to come are not asked for in parts", async () => {
  const { store, asked } = storeOf((_blob, { start, end }) => {
    if (start !== 0 || end !== SIZE) throw new RangeRefusedError("the store gives whole blobs only");
  });
  const notices: TransferEvent[] = [];
  const onEvent = (event: TransferEvent) => void (event.type === "notice" && notices.push(event));
  const found = await run(store, { jobs: 1, onEvent });
  assert.equal(found.error, undefined);
  assert.deepEqual(found.bytes, CONTENT);
  assert.deepEqual(asked.toSorted(), ["0: 0-100", "0: 0-16", "1: 0-100", "2: 0-100"]);
  assert.deepEqual(notices, [{
    type: "notice",
    message: "the store gives whole blobs only: each blob is fetched over one connection",
  }]);
});

Deno.test("a whole blob that is bad is told at once: nothing of what was there is left in it", async () => {
  const { store, asked } = storeOf((_blob, { start, end }, bytes) => {
    if (start !== 0 || end !== SIZE) throw new RangeRefusedError("the store gives whole blobs only");
    bytes[60]! ^= 1;
  });
  const found = await run(store, { jobs: 1, present: () => [{ start: 0, end: 50 }] }, CONTENT);
  assert.ok(found.error instanceof MismatchError);
  assert.deepEqual(asked, ["0: 50-66", "0: 0-100"]);
});

Deno.test("what is there is verified while other blobs are fetched", async () => {
  const verified = Promise.withResolvers<void>();
  const { store } = storeOf(() => verified.promise);
  const told: string[] = [];
  const before = new Uint8Array(CONTENT);
  before.fill(0, 0, SIZE);
  const found = await run(store, {
    jobs: 1,
    present: (blob) => blob === BLOBS[0] ? [] : [all],
    onEvent: (event) => {
      if (event.type !== "blob") return;
      told.push(`${event.index - 1} ${event.state}`);
      if (event.index === 3) verified.resolve();
    },
  }, before);
  assert.equal(found.error, undefined);
  assert.deepEqual(told, ["1 present", "2 present", "0 fetched"]);
});

Deno.test("a failure and a signal end everything, also the waiting for blobs that may be found bad", async () => {
  const stop = new AbortController();
  const failing = storeOf(() => {
    throw new Error("no such thing");
  });
  const present = (blob: PlacedBlob) => blob === BLOBS[2] ? [all] : [];
  assert.equal((await run(failing.store, { present })).error.message, "no such thing");
  const stopping = storeOf(() => stop.abort(new Error("stopped by hand")));
  const found = await run(stopping.store, { present, signal: stop.signal });
  assert.equal(found.error.message, "stopped by hand");
  assert.equal((await run(storeOf().store, { signal: stop.signal })).error.message, "stopped by hand");
});

Deno.test("a part that takes long is shared with a connection that has nothing to do", async () => {
  const size = 16 * MiB;
  const content = someBytes(size);
  const [blob] = placeBlobs([{ digest: digestOf(content), size }]);
  const shared = Promise.withResolvers<void>();
  const asked: ByteRange[] = [];
  const store = blobReader({
    stat: () => Promise.resolve(size),
    readUnverified(_digest, { range = { start: 0, end: size } } = {}) {
      asked.push({ ...range });
      if (asked.length > 2) shared.resolve();
      const stalls = range.start === 0;
      let position = range.start;
      const stream = new ReadableStream<Uint8Array<ArrayBuffer>>({
        async pull(controller) {
          if (stalls && position > 0) await shared.promise;
          if (position === range.end) return controller.close();
          controller.enqueue(content.slice(position, position = Math.min(range.end, position + MiB / 2)));
        },
      }, { highWaterMark: 0 });
      return Promise.resolve(stream);
    },
  });
  await using work = await makeWorkspace();
  const path = await work.write("file", new Uint8Array(size));
  using hasher = new Hasher();
  using file = await Deno.open(path, { write: true });
  let progress = 0;
  const onEvent = (event: TransferEvent) => void (event.type === "progress" && (progress += event.bytes));
  const ignore = () => {};
  const log = { present: () => [], written: ignore, complete: ignore, bad: ignore };
  await fetchBlobs(store, [blob!], { path, file, hasher, log, jobs: 2, onEvent });
  assert.deepEqual(await Deno.readFile(path), content);
  assert.equal(progress, size, "no byte came twice");
  const [first, second, third] = asked;
  assert.deepEqual([first, second], [{ start: 0, end: 8 * MiB }, { start: 8 * MiB, end: 16 * MiB }]);
  assert.ok(third!.start > 0 && third!.end === 8 * MiB, "the rest of the part that waits");
});
