/** The hash of bytes that pass: in order, again, and with gaps. @module */
import assert from "node:assert/strict";
import { RunningHash } from "../lib/content/running_hash.ts";
import { digestOf } from "../lib/oci/digest.ts";

const BYTES = new Uint8Array(1000).map((_, at) => at * 7);

Deno.test("bytes that pass again are hashed once, however they are cut", () => {
  for (const cut of [1, 3, 400, 999]) {
    const hash = new RunningHash();
    for (let start = 0; start < BYTES.length; start += cut) {
      const back = Math.max(0, start - 5);
      hash.see(BYTES.subarray(back, start + cut), back);
    }
    assert.equal(hash.digest(BYTES.length), digestOf(BYTES));
    assert.equal(hash.digest(BYTES.length), digestOf(BYTES), "it can be asked for again");
  }
});

Deno.test("what is beyond a gap is not hashed, and there is no digest before all bytes have passed", () => {
  const hash = new RunningHash();
  hash.see(BYTES.subarray(0, 10), 0);
  hash.see(BYTES.subarray(11), 11);
  assert.equal(hash.position, 10);
  assert.equal(hash.digest(BYTES.length), undefined);
  hash.see(BYTES.subarray(10), 10);
  assert.equal(hash.digest(BYTES.length), digestOf(BYTES));
});
