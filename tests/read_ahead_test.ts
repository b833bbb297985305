/** Bytes that are asked for before it is certain that they are wanted. @module */
import assert from "node:assert/strict";
import type { StoreReader } from "../lib/store/store.ts";
import { ReadAhead } from "../lib/transfer/read_ahead.ts";

const DIGEST = `sha256:${"a".repeat(64)}` as const;
const PIECES = 40;
const PIECE = 64 * 1024;

/** A store with one blob, and what becomes of the stream of its bytes. */
function makeStore() {
  const sent = Promise.withResolvers<void>();
  const cancelled = Promise.withResolvers<void>();
  let left = PIECES;
  const given = () => PIECES - left;
  const readUnverified: StoreReader["readUnverified"] = (_digest, { signal } = {}) => {
    const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
      type: "bytes",
      start: (controller) => signal?.addEventListener("abort", () => controller.error(signal.reason)),
      pull(controller) {
        if (left-- > 0) return controller.enqueue(new Uint8Array(PIECE).fill(left));
        controller.close();
        sent.resolve();
      },
      cancel: () => cancelled.resolve(),
    });
    signal?.addEventListener("abort", () => cancelled.resolve());
    return Promise.resolve(body);
  };
  return {
    store: { name: "box", readUnverified } as StoreReader,
    sent: sent.promise,
    given,
    cancelled: cancelled.promise,
  };
}

Deno.test("bytes that were asked for ahead leave the line before anybody reads them", async () => {
  const { store, sent } = makeStore();
  await using ahead = new ReadAhead(store, {});
  ahead.begin({ digest: DIGEST, size: PIECES * PIECE });
  await sent; // nobody has read yet
  const stream = await ahead.reader.readUnverified(DIGEST);
  const bytes = await new Response(stream).bytes();
  assert.equal(bytes.length, PIECES * PIECE);
  assert.deepEqual([bytes[0], bytes.at(-1)], [PIECES - 1, 0]);
});

Deno.test("a reader that waits for bytes with a buffer of its own learns that they ended", async () => {
  const { store } = makeStore();
  await using ahead = new ReadAhead(store, {});
  ahead.begin({ digest: DIGEST, size: PIECES * PIECE });
  const reader = (await ahead.reader.readUnverified(DIGEST)).getReader({ mode: "byob" });
  let read = 0;
  for (;;) {
    const { done, value } = await reader.read(new Uint8Array(PIECE));
    if (done) break;
    read += value.length;
  }
  assert.equal(read, PIECES * PIECE);
});

Deno.test("a reader that stops early ends the request", async () => {
  const { store, cancelled } = makeStore();
  await using ahead = new ReadAhead(store, {});
  ahead.begin({ digest: DIGEST, size: PIECES * PIECE });
  const stream = await ahead.reader.readUnverified(DIGEST);
  const reader = stream.getReader();
  await reader.read();
  await reader.cancel();
  await cancelled;
});

Deno.test("bytes that nobody asks for end with what asked for them", async () => {
  const { store, cancelled } = makeStore();
  {
    await using ahead = new ReadAhead(store, {});
    ahead.begin({ digest: DIGEST, size: PIECES * PIECE });
  }
  await cancelled;
});

Deno.test("of more bytes than there are, no more are kept than show it", async () => {
  const { store, sent, cancelled, given } = makeStore();
  await using ahead = new ReadAhead(store, {});
  ahead.begin({ digest: DIGEST, size: 2 * PIECE });
  await Promise.race([sent, cancelled]);
  assert.ok(given() < PIECES / 2, `${given()} pieces were received`);
  const bytes = await new Response(await ahead.reader.readUnverified(DIGEST)).bytes();
  assert.ok(bytes.length > 2 * PIECE, "whoever reads them sees that there are more");
});
