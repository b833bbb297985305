/** Small pieces of a body are gathered: all bytes come, in order, and none waits for one that does not come. @module */
import assert from "node:assert/strict";
import type { Bytes } from "../lib/content/bytes.ts";
import { GatheredPieces, type ReadPiece } from "../lib/http/gathered_pieces.ts";
import { concatenate, someBytes } from "./rigs/content.ts";

/** Reads into buffers as a stream does: it takes a buffer over, and gives it back with as much as there is. */
function readerOf(...pieces: (Bytes | Error | Promise<Bytes>)[]): (view: Bytes) => Promise<ReadPiece> {
  let left: Bytes = new Uint8Array();
  return async (view) => {
    const { byteOffset, length } = view;
    const own = new Uint8Array(view.buffer.transfer(), byteOffset, length);
    if (left.length === 0) {
      const next = await pieces.shift();
      if (!next) return { done: true, value: own.subarray(0, 0) };
      if (next instanceof Error) throw next;
      left = next;
    }
    const given = left.subarray(0, own.length);
    own.set(given);
    left = left.subarray(given.length);
    return { done: false, value: own.subarray(0, given.length) };
  };
}

for (const room of [1, 7, 1000, 16_384, 100_000, 1_000_000]) {
  Deno.test(`pieces of all sizes come whole and in order through buffers of ${room} bytes`, async () => {
    const whole = someBytes(room < 100 ? 3000 : 400_000);
    const cuts = [0, 1, 3, 900, 2000, 2999, 20_000, 20_001, 90_000, 106_384, 300_000, whole.length];
    const pieces = cuts.slice(1).map((cut, index) => whole.slice(cuts[index], cut)).filter((p) =>
      p.length > 0
    );
    const gathered = new GatheredPieces(readerOf(...pieces));
    const seen: Bytes[] = [];
    for (let piece; !(piece = await gathered.into(new Uint8Array(room))).done;) seen.push(piece.value);
    assert.deepEqual(concatenate(seen), whole);
    if (room === 1_000_000) assert.ok(seen.length < pieces.length / 2, `${seen.length} pieces`);
  });
}

Deno.test("bytes do not wait for those that do not come", async () => {
  const late = Promise.withResolvers<Bytes>();
  const gathered = new GatheredPieces(readerOf(new Uint8Array([1, 2]), late.promise));
  assert.deepEqual((await gathered.into(new Uint8Array(100))).value, new Uint8Array([1, 2]));
  late.resolve(new Uint8Array([3, 4, 5]));
  assert.deepEqual((await gathered.into(new Uint8Array(2))).value, new Uint8Array([3, 4]));
  assert.deepEqual((await gathered.into(new Uint8Array(100))).value, new Uint8Array([5]));
  assert.equal((await gathered.into(new Uint8Array(100))).done, true);
});

Deno.test("bytes that have arrived come before the error that follows them", async () => {
  const gathered = new GatheredPieces(
    readerOf(new Uint8Array([1]), new Uint8Array([2]), new Error("broken")),
  );
  assert.deepEqual((await gathered.into(new Uint8Array(100))).value, new Uint8Array([1, 2]));
  await assert.rejects(gathered.into(new Uint8Array(100)), { message: "broken" });
});
