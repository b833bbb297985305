/** The corners of the `Store` contract: shrinking files, extreme tags, damaged blobs, on every store. @module */
import assert from "node:assert/strict";
import { collect } from "../lib/content/collect.ts";
import { LayerstashError, MismatchError } from "../lib/errors.ts";
import type { Descriptor } from "../lib/oci/descriptor.ts";
import { digestOf } from "../lib/oci/digest.ts";
import { encodeManifest, type Manifest } from "../lib/oci/manifest.ts";
import { IMAGE_CONFIG, IMAGE_MANIFEST } from "../lib/oci/media_types.ts";
import type { Store } from "../lib/store/store.ts";
import { bytesSource } from "../lib/exports/store.ts";
import { Hasher } from "../lib/content/hasher.ts";
import { fileSource } from "../lib/content/file_source.ts";
import { testClock } from "./rigs/clock.ts";
import { makeWorkspace, someBytes } from "./rigs/content.ts";
import { testOnEachStore } from "./rigs/stores.ts";
import { onSent } from "./rigs/events.ts";

const MiB = 1024 ** 2;
const SMALL_PARTS = { profile: { partSize: MiB } };

testOnEachStore("a blob that is shorter than the range fails, rather than to be short", async (place) => {
  using store = place.open({ clock: testClock() });
  const { digest } = await store.write(bytesSource(someBytes(1000)));
  await place.damage(digest, (bytes) => bytes.subarray(0, 600));
  for (const range of [{ start: 0, end: 1000 }, { start: 500, end: 1000 }, { start: 700, end: 1000 }]) {
    await assert.rejects(
      async () => await collect(await store.readUnverified(digest, { range }), 1000),
      LayerstashError,
    );
  }
});

testOnEachStore("a blob that was cut off is not taken for the whole one", async (place) => {
  using store = place.open({ clock: testClock() });
  const source = bytesSource(someBytes(1000));
  const { digest } = await store.write(source);
  await place.damage(digest, (bytes) => bytes.subarray(0, 600));
  // Whether a registry takes the bytes once more is its affair; a size that is wrong must not be told on.
  const written = await store.write(source, { checkFirst: true }).catch((error) => {
    assert.ok(error instanceof LayerstashError);
  });
  if (written) assert.equal(written.size, 1000);
});

testOnEachStore("a file that shrinks while it is written leaves nothing to be seen", async (place) => {
  await using work = await makeWorkspace();
  using hasher = new Hasher();
  using store = place.open({ ...SMALL_PARTS, clock: testClock() });
  const bytes = someBytes(3 * MiB, 10);
  const path = await work.write("file", bytes);
  const file = fileSource(path, { start: 0, end: bytes.length }, hasher);
  const onEvent = onSent((count) => {
    if (count > 0) Deno.truncateSync(path, 2 * MiB);
  });
  await assert.rejects(store.write(file, { onEvent }), MismatchError);
  for (const digest of [digestOf(bytes), digestOf(bytes.slice(0, 2 * MiB))]) {
    assert.equal(await store.stat(digest), undefined);
  }
});

testOnEachStore(
  "tags are told apart by every character, and may be as long as the spec allows",
  async (place) => {
    using store = place.open();
    const manifest = await image(store);
    const tags = [
      "a".repeat(128),
      "A",
      "a",
      "a.b",
      "a-b",
      "a_b",
      "_",
      "0",
      "sha256-1",
      "index.json",
      "__proto__",
    ];
    for (const tag of tags) await store.putManifest(tag, manifest);
    assert.deepEqual((await Array.fromAsync(store.tags())).sort(), tags.sort());
    await store.removeManifest("a");
    assert.equal(await store.resolve("a"), undefined);
    assert.equal(await store.resolve("A"), manifest.digest);
    assert.equal((await Array.fromAsync(store.tags())).length, tags.length - 1);
  },
);

testOnEachStore("the same blob is written by many at once", async (place) => {
  using store = place.open(SMALL_PARTS);
  const bytes = someBytes(2 * MiB + 5, 11);
  const written = await Promise.all(Array.from({ length: 6 }, () => store.write(bytesSource(bytes))));
  for (const each of written) assert.deepEqual(each, written[0]);
  assert.equal(digestOf(await collect(await store.read(digestOf(bytes)), bytes.length)), digestOf(bytes));
});

testOnEachStore("a call that was ended does not disturb the others", async (place) => {
  using store = place.open(SMALL_PARTS);
  const ending = new AbortController();
  const onEvent = onSent((count) => {
    if (count > 0) ending.abort(new Error("enough"));
  });
  const [ended, ...others] = await Promise.allSettled([
    store.write(bytesSource(someBytes(4 * MiB, 12)), { signal: ending.signal, onEvent }),
    ...[13, 14, 15].map((seed) => store.write(bytesSource(someBytes(3 * MiB, seed)))),
  ]);
  assert.equal((ended as PromiseRejectedResult).reason.message, "enough");
  for (const [index, other] of others.entries()) {
    assert.equal(other.status, "fulfilled");
    assert.equal(await store.stat(digestOf(someBytes(3 * MiB, 13 + index))), 3 * MiB);
  }
  assert.equal(await store.stat(digestOf(someBytes(4 * MiB, 12))), undefined);
});

async function image(store: Store): Promise<Manifest> {
  const config: Descriptor = await store.write(bytesSource(new TextEncoder().encode("{}")));
  return encodeManifest({
    schemaVersion: 2,
    mediaType: IMAGE_MANIFEST[store.family],
    config: { ...config, mediaType: IMAGE_CONFIG[store.family] },
    layers: [await store.write(bytesSource(someBytes(10)))],
  });
}

for (const [how, given] of [["fewer", 2_999_999], ["more", 3_000_001]] as const) {
  testOnEachStore(
    `a source that gives ${how} bytes than it says is refused, and nothing is stored`,
    async (place) => {
      using store = place.open();
      const bytes = someBytes(given);
      const source = { ...bytesSource(bytes), size: 3_000_000 };
      await assert.rejects(store.write(source), MismatchError);
      assert.equal(await store.stat(digestOf(bytes)), undefined);
      assert.equal(await store.stat(digestOf(bytes.subarray(0, 3_000_000))), undefined);
    },
  );
}
