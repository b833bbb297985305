/** Receiving a blob over connections that break. @module */
import assert from "node:assert/strict";
import fc from "fast-check";
import { MismatchError, NotFoundError, RangeRefusedError, RegistryError } from "../lib/errors.ts";
import type { TransferEvent } from "../lib/events.ts";
import { digestOf } from "../lib/oci/digest.ts";
import { openStore } from "../lib/open/open_store.ts";
import { DEFAULT_RETRY_POLICY, waitToRetry } from "../lib/async/retry.ts";
import type { ByteRange } from "../lib/content/source.ts";
import type { BlobReader } from "../lib/store/store.ts";
import { receive, type ReceiveOptions } from "../lib/transfer/receive.ts";
import { type TestClock, testClock } from "./rigs/clock.ts";
import { concatenate, someBytes, streamOf } from "./rigs/content.ts";
import { blobReader } from "./rigs/readers.ts";
import { startFakeRegistry } from "./rigs/fake_registry.ts";

const BYTES = someBytes(100);
const DIGEST = digestOf(BYTES);

/** What a store answers to a read, with the range that was asked for. */
type Answer = (bytes: Uint8Array<ArrayBuffer>, range: ByteRange | undefined) => ReadableStream | Error;

/** A store that gives one answer after the other; the last one for ever. It waits by its own clock. */
function storeOf(...answers: Answer[]) {
  const asked: (ByteRange | undefined)[] = [];
  const clock = testClock();
  const store = blobReader({
    waitToResume: (broken, options) =>
      waitToRetry({ policy: DEFAULT_RETRY_POLICY, clock, ...options }, broken),
    stat: () => Promise.resolve(BYTES.length),
    readUnverified(_digest, { range } = {}) {
      const answer = answers[Math.min(asked.length, answers.length - 1)]!;
      asked.push(range);
      const given = answer(BYTES.slice(range?.start, range?.end), range);
      return given instanceof Error ? Promise.reject(given) : Promise.resolve(given);
    },
  });
  return { store: Object.assign(store, { clock }), asked };
}

/** Receives, and gives what came. */
async function run(store: BlobReader & { clock?: TestClock }, options: Partial<ReceiveOptions> = {}) {
  const pieces: Uint8Array[] = [];
  const range = options.range ?? { start: 0, end: BYTES.length };
  let position = range.start;
  const events: TransferEvent[] = [];
  const done = receive(store, {
    digest: DIGEST,
    size: BYTES.length,
    sink(bytes, offset) {
      assert.equal(offset, position, "no gap and nothing twice");
      position += bytes.length;
      pieces.push(bytes.slice());
    },
    onEvent: (event) => void events.push(event),
    ...options,
  });
  const failure = await done.then(() => undefined, (error: Error) => error);
  const moved = events.reduce((sum, event) => event.type === "progress" ? sum + event.bytes : sum, 0);
  return { bytes: concatenate(pieces), failure, waits: store.clock?.waits ?? [], events, moved };
}

const whole: Answer = (bytes) => streamOf(bytes);
const byByte: Answer = (bytes) => streamOf(bytes, 1);
/** A stream that fills the reader's own buffer, as those of fetch do. */
const intoBuffer: Answer = (bytes) => {
  let position = 0;
  return new ReadableStream({
    type: "bytes",
    pull(controller) {
      const piece = bytes.slice(position, position += 7);
      if (piece.length > 0) return controller.enqueue(piece);
      controller.close();
      controller.byobRequest?.respond(0);
    },
  });
};
/** A connection that ends after some bytes: with an error, or as if that were all. */
const broken = (after: number, how: "error" | "end" = "error"): Answer => (bytes) => {
  let sent = false;
  return new ReadableStream({
    pull(controller) {
      if (!sent && after > 0) controller.enqueue(bytes.slice(0, after));
      else if (how === "error") controller.error(new TypeError("connection reset"));
      else controller.close();
      sent = true;
    },
  }, { highWaterMark: 0 });
};

Deno.test("bytes come whole, byte by byte, and into a buffer", async () => {
  for (const answer of [whole, byByte, intoBuffer]) {
    const { store, asked } = storeOf(answer);
    const { bytes, failure, moved } = await run(store);
    assert.deepEqual([failure, moved], [undefined, 100]);
    assert.deepEqual(bytes, new Uint8Array(BYTES));
    assert.deepEqual(asked, [undefined], "no range for the whole blob");
  }
});

Deno.test("a part is asked for as a range", async () => {
  const { store, asked } = storeOf(intoBuffer);
  const { bytes } = await run(store, { range: { start: 10, end: 31 } });
  assert.deepEqual(bytes, BYTES.slice(10, 31));
  assert.deepEqual(asked, [{ start: 10, end: 31 }]);
});

Deno.test("an empty blob is nothing", async () => {
  const { store } = storeOf(() => streamOf(new Uint8Array()));
  const { bytes, failure } = await run(store, { size: 0, range: { start: 0, end: 0 } });
  assert.deepEqual([bytes.length, failure], [0, undefined]);
});

Deno.test("what breaks anywhere, any number of times, goes on from where it broke", async () => {
  const breaks = fc.array(fc.tuple(fc.integer({ min: 1, max: 40 }), fc.constantFrom("error", "end")), {
    maxLength: 20,
  });
  await fc.assert(fc.asyncProperty(breaks, async (breaks) => {
    const { store } = storeOf(...breaks.map(([after, how]) => broken(after, how as "error")), whole);
    const { bytes, failure, moved } = await run(store);
    assert.deepEqual([failure, moved], [undefined, 100]);
    assert.deepEqual(bytes, new Uint8Array(BYTES));
  }));
});

Deno.test("a connection that breaks behind the last byte has done its work", async () => {
  const { store, asked } = storeOf(broken(100));
  const { failure, bytes } = await run(store);
  assert.equal(failure, undefined);
  assert.deepEqual(bytes, new Uint8Array(BYTES));
  assert.equal(asked.length, 1);
});

Deno.test("attempts are counted as long as they bring nothing, with growing waits", async () => {
  const { store, asked } = storeOf(broken(10), broken(0), broken(0), broken(10), broken(0));
  const { failure, waits, bytes } = await run(store);
  assert.ok(failure instanceof RegistryError);
  assert.match(failure.message, /^the connection broke: connection reset$/);
  assert.deepEqual(bytes, BYTES.slice(0, 20));
  assert.equal(asked.length, 4 + 7, "seven more after the last that brought something");
  assert.deepEqual(waits.slice(0, 4), [250, 500, 1000, 250]);
  assert.equal(waits.length, asked.length - 1);
});

Deno.test("what is no trouble of the connection is thrown at once", async () => {
  for (
    const error of [new NotFoundError("gone"), new RegistryError("no", { status: 400 }), new TypeError("x")]
  ) {
    const { store, asked } = storeOf(() => error);
    const { failure } = await run(store);
    assert.equal(failure, error);
    assert.equal(asked.length, 1);
  }
});

Deno.test("more bytes than there are is a mismatch, and the stream is let go of", async () => {
  let cancelled = false;
  const { store } = storeOf(() =>
    new ReadableStream({
      pull: (controller) => controller.enqueue(someBytes(60)),
      cancel: () => void (cancelled = true),
    })
  );
  const { failure } = await run(store);
  assert.ok(failure instanceof MismatchError);
  assert.ok(cancelled);
});

Deno.test("a blob that is shorter than it should be is a mismatch, and not asked for again", async () => {
  const { store, asked } = storeOf(broken(40, "end"));
  store.stat = () => Promise.resolve(40);
  const { failure } = await run(store);
  assert.ok(failure instanceof MismatchError);
  assert.match(failure.message, /has 40 bytes, not 100$/);
  assert.equal(asked.length, 1);
});

Deno.test("a store that gives whole blobs only is read again from the beginning, where that is wanted", async () => {
  const refuse: Answer = (_, range) => range ? new RangeRefusedError("whole blobs only") : streamOf(BYTES, 9);
  const unsatisfiable: Answer = (_, range) =>
    range ? new RegistryError("416", { status: 416 }) : streamOf(BYTES, 9);
  for (const answer of [refuse, unsatisfiable]) {
    const { store, asked } = storeOf(broken(31), answer);
    const { bytes, failure, moved, events } = await run(store, { orWhole: true });
    assert.deepEqual([failure, moved], [undefined, 100]);
    assert.deepEqual(bytes, new Uint8Array(BYTES));
    assert.deepEqual(asked, [undefined, { start: 31, end: 100 }, undefined]);
    assert.equal(events.filter(({ type }) => type === "notice").length, 1);
    const other = storeOf(broken(31), answer);
    assert.ok((await run(other.store)).failure instanceof RangeRefusedError);
  }
});

Deno.test("the first part of a blob is cut out of the whole, too", async () => {
  const { store, asked } = storeOf(() => new RangeRefusedError("whole only"), whole);
  const { bytes, failure } = await run(store, { range: { start: 0, end: 40 }, orWhole: true });
  assert.equal(failure, undefined);
  assert.deepEqual(bytes, BYTES.slice(0, 40));
  assert.deepEqual(asked, [{ start: 0, end: 40 }, undefined]);
});

Deno.test("a part that a store without ranges gives is cut out of the whole", async () => {
  const { store } = storeOf((_, range) => range ? new RangeRefusedError("no") : streamOf(BYTES, 9));
  const { bytes } = await run(store, { range: { start: 15, end: 40 }, orWhole: true });
  assert.deepEqual(bytes, BYTES.slice(15, 40));
});

Deno.test("who cannot take the bytes ends it, without another attempt", async () => {
  let cancelled = false;
  const { store, asked } = storeOf(() =>
    new ReadableStream({
      pull: (controller) => controller.enqueue(someBytes(10)),
      cancel: () => void (cancelled = true),
    })
  );
  const full = new Error("no space left");
  const { failure } = await run(store, { sink: () => Promise.reject(full) });
  assert.equal(failure, full);
  assert.equal(asked.length, 1);
  assert.ok(cancelled);
});

Deno.test("a registry that falls silent in the middle of a blob is left, and asked again", async () => {
  await using registry = await startFakeRegistry({
    faults: { breakDownload: { after: 31, times: 2, how: "stall" } },
  });
  using store = openStore({
    registry: registry.url,
    repository: "me/files",
    timeouts: { stall: 200 },
    clock: testClock(),
  });
  registry.storage.addBlob("me/files", BYTES);
  const { bytes, failure, events } = await run(store);
  assert.equal(failure, undefined);
  assert.deepEqual(bytes, new Uint8Array(BYTES));
  const [retry] = events.filter((event) => event.type === "retry");
  assert.match(retry!.reason, /^nothing came from \S+ for 0.2 seconds$/);
  assert.match(retry!.what, /^the blob sha256:\w{64}$/);
  assert.deepEqual(registry.requests.map(({ headers }) => headers["range"]), [
    undefined,
    "bytes=31-99",
    "bytes=62-99",
  ]);
});

Deno.test("a store that cannot be waited for is asked once: a directory gives no more at another attempt", async () => {
  const { store, asked } = storeOf(broken(31));
  const { failure } = await run(blobReader({ ...store, waitToResume: undefined }));
  assert.match(failure!.message, /^the connection broke: /);
  assert.equal(asked.length, 1);
});

Deno.test("a signal ends it with its reason, also while it waits", async () => {
  const stop = new AbortController();
  const reason = new Error("stopped");
  const { store, asked } = storeOf(broken(10));
  store.clock.sleep = () => (stop.abort(reason), Promise.reject(stop.signal.reason));
  const { failure } = await run(store, { signal: stop.signal });
  assert.equal(failure, reason);
  assert.equal(asked.length, 1);
});
