/** Our compressor gives what everybody decompresses, and the same bytes everywhere. @module */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { deflateRawSync, inflateRawSync } from "node:zlib";
import fc from "fast-check";
import type { Bytes } from "../lib/content/bytes.ts";
import { Deflater } from "../lib/layers/deflate.ts";
import { HuffmanCode } from "../lib/layers/huffman.ts";
import { digestOf } from "../lib/oci/digest.ts";
import { concatenate, someBytes } from "./rigs/content.ts";

const deflater = new Deflater();

function inflated(packed: Bytes): Bytes {
  return new Uint8Array(inflateRawSync(packed));
}

/** Words in an order that is the same each time. */
function someText(words: number): Bytes {
  const dictionary = ["layer", "stash", "registry", "blob", "a", "of", "the", "manifest", "digest\n", "0123"];
  let state = 1;
  const next = () => (state = Math.imul(state, 1664525) + 1013904223 >>> 0) >>> 16;
  const text = Array.from(
    { length: words },
    () => dictionary[next() % 10]! + (next() % 7 === 0 ? next() : ""),
  );
  return new TextEncoder().encode(text.join(" "));
}

Deno.test("whatever is compressed comes back, content after content", () => {
  fc.assert(fc.property(
    fc.array(fc.tuple(fc.uint8Array({ maxLength: 40 }), fc.nat(400)), { maxLength: 40 }),
    (parts) => {
      const content = new Uint8Array(
        Buffer.concat(parts.flatMap(([bytes, times]) => Array(times).fill(bytes))),
      );
      assert.deepEqual(inflated(deflater.deflate(content)), content);
    },
  ));
});

Deno.test("copies of every length and from every distance come back", () => {
  const copy = fc.record({ back: fc.integer({ min: 1, max: 33_000 }), length: fc.nat(600) });
  fc.assert(
    fc.property(fc.array(fc.oneof(copy, fc.uint8Array({ maxLength: 20 }))), (steps) => {
      const content = [...someBytes(33_000)];
      for (const step of steps) {
        if (step instanceof Uint8Array) content.push(...step);
        else {for (let left = step.length; left > 0; left--) {
            content.push(content[content.length - step.back]!);
          }}
      }
      assert.ok(
        Buffer.compare(inflated(deflater.deflate(new Uint8Array(content))), new Uint8Array(content)) === 0,
      );
    }),
    { numRuns: 50 },
  );
});

Deno.test("what stood up to 32 KiB before is copied, and nothing from further back", () => {
  for (const [distance, isCopied] of [[32_767, true], [32_768, true], [32_769, false]] as const) {
    const noise = someBytes(distance);
    const content = concatenate([noise, noise]);
    const packed = deflater.deflate(content).slice();
    assert.ok(Buffer.compare(inflated(packed), content) === 0);
    assert.equal(packed.length < 1.1 * distance, isCopied, `${distance}: ${packed.length} bytes`);
  }
});

Deno.test("zeros, text, noise and nothing come back, in whatever length", () => {
  for (const length of [0, 1, 3, 4, 5, 257, 258, 259, 65_535, 65_536, 1_000_000, 5_000_000]) {
    for (
      const content of [new Uint8Array(length), someBytes(length), someText(length / 5).slice(0, length)]
    ) {
      const packed = deflater.deflate(content).slice();
      assert.ok(Buffer.compare(inflated(packed), content) === 0, `${length} bytes`);
      assert.ok(
        packed.length <= length + 5 * Math.ceil(length / 10_000) + 5,
        `${length} became ${packed.length}`,
      );
    }
  }
});

Deno.test("symbols far rarer than others have codes that are not too long, and all codes are in use", () => {
  const frequencies = new Uint32Array(24).fill(1);
  for (let symbol = 2; symbol < 24; symbol++) {
    frequencies[symbol] = frequencies[symbol - 1]! + frequencies[symbol - 2]!;
  }
  for (const longest of [7, 15]) {
    const code = new HuffmanCode(24);
    code.fit(frequencies, longest);
    assert.equal(Math.max(...code.lengths), longest);
    assert.equal(code.lengths.reduce((sum, length) => sum + 2 ** -length, 0), 1);
    assert.deepEqual(
      code.lengths.toSorted((one, other) => other - one),
      code.lengths,
      "the rarest is the longest",
    );
  }
});

Deno.test("a content in parts is one stream", () => {
  const content = someText(100_000);
  const parts = [content.subarray(0, 1000), content.subarray(1000, 1001), content.subarray(1001)];
  const packed = parts.map((part, place) => deflater.deflate(part, { isLast: place === 2 }).slice());
  assert.deepEqual(inflated(new Uint8Array(Buffer.concat(packed))), content);
});

Deno.test("text shrinks as much as with the fast level of zlib", () => {
  const content = someText(300_000);
  const packed = deflater.deflate(content);
  assert.ok(packed.length < 1.05 * deflateRawSync(content, { level: 1 }).length, `${packed.length} bytes`);
});

Deno.test("the same bytes become the same bytes, whatever was compressed before and on whatever machine", () => {
  for (const before of [new Uint8Array(), someText(50_000), someBytes(100_000)]) {
    deflater.deflate(before);
    assert.equal(
      digestOf(deflater.deflate(someText(300_000))),
      "sha256:61d60dacaa8836d8ab714533d2f63a6665174c3432f05936d220863bb77a1383",
      "digests of packs are other than those of earlier versions: the fingerprint needs another version",
    );
  }
});
