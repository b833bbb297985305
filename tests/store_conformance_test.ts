/** The contract of `Store`, sentence by sentence, held against every kind of store. @module */
import assert from "node:assert/strict";
import { basename } from "node:path";
import { collect } from "../lib/content/collect.ts";
import {
  InvalidInputError,
  MismatchError,
  NotAllowedError,
  NotFoundError,
  RegistryError,
} from "../lib/errors.ts";
import type { Descriptor } from "../lib/oci/descriptor.ts";
import { type Digest, digestOf } from "../lib/oci/digest.ts";
import { encodeManifest, type Manifest } from "../lib/oci/manifest.ts";
import { IMAGE_CONFIG, IMAGE_INDEX, IMAGE_MANIFEST, OCTET_STREAM } from "../lib/oci/media_types.ts";
import { parseReference } from "../lib/oci/reference.ts";
import { openStore } from "../lib/open/open_store.ts";
import type { ReadOptions, Store } from "../lib/store/store.ts";
import { bytesSource, type Source } from "../lib/exports/store.ts";
import { LayerstashError } from "../main.ts";
import { mountBlob, removeBlobs } from "../lib/exports/blobs.ts";
import { StreamCutter } from "../lib/content/stream_source.ts";
import { testClock } from "./rigs/clock.ts";
import { someBytes, streamOf } from "./rigs/content.ts";
import { startFakeRegistry } from "./rigs/fake_registry.ts";
import { receive } from "../lib/transfer/receive.ts";
import { testOnEachStore } from "./rigs/stores.ts";
import { onSent } from "./rigs/events.ts";

const MiB = 1024 ** 2;
const ABSENT = digestOf(new TextEncoder().encode("nobody ever stores this"));
/** Around the bounds between one request and several, where parts have 1 MiB. */
const SIZES = [0, 1, 1000, MiB - 1, MiB, MiB + 1, 2 * MiB, 5 * MiB + 3];
const SMALL_PARTS = { profile: { partSize: MiB } };

testOnEachStore("a repository that was never written to is empty", async (place) => {
  using store = place.open();
  assert.equal(await store.stat(ABSENT), undefined);
  assert.equal(await store.manifest("none"), undefined);
  assert.equal(await store.manifest(ABSENT), undefined);
  assert.equal(await store.resolve("none"), undefined);
  assert.deepEqual(await tagsOf(store), []);
  await assert.rejects(store.read(ABSENT), NotFoundError);
  await assert.rejects(store.readUnverified(ABSENT), NotFoundError);
});

testOnEachStore("blobs of all sizes come back as they were written", async (place) => {
  using store = place.open(SMALL_PARTS);
  for (const size of SIZES) {
    const bytes = someBytes(size);
    const descriptor = await store.write(bytesSource(bytes));
    assert.deepEqual(descriptor, { mediaType: OCTET_STREAM, digest: digestOf(bytes), size });
    assert.equal(await store.stat(descriptor.digest), size);
    assert.deepEqual(await readAll(store, descriptor.digest), bytes);
  }
});

testOnEachStore("what can be read only once, and has no known size, is written just so", async (place) => {
  using store = place.open(SMALL_PARTS);
  for (const size of SIZES) {
    const bytes = someBytes(size, 2);
    const source = new StreamCutter(streamOf(bytes, 100_000)).take(10 * MiB);
    assert.equal(source.size, undefined);
    const descriptor = await store.write(source);
    assert.deepEqual(descriptor, { mediaType: OCTET_STREAM, digest: digestOf(bytes), size });
    assert.deepEqual(await readAll(store, descriptor.digest), bytes);
  }
});

testOnEachStore("any range of a blob is read", async (place) => {
  using store = place.open();
  const bytes = someBytes(MiB + 10);
  const { digest } = await store.write(bytesSource(bytes));
  for (
    const [start, end] of [[0, 1], [0, MiB + 10], [MiB + 9, MiB + 10], [7, 700_000], [MiB, MiB + 5]] as const
  ) {
    assert.deepEqual(await readAll(store, digest, { range: { start, end } }), bytes.slice(start, end));
  }
});

testOnEachStore("a range that goes beyond the blob fails, rather than to be short", async (place) => {
  using store = place.open({ clock: testClock() });
  const { digest, size } = await store.write(bytesSource(someBytes(100)));
  for (const start of [0, 50, size, size + 10]) {
    await assert.rejects(readAll(store, digest, { range: { start, end: size + 20 } }), {
      message: /has 100 bytes, not the 120 or more|gave the range bytes \d+-99\/100, not bytes|answered 416/,
    });
  }
  await assert.rejects(readAll(store, ABSENT, { range: { start: 0, end: 1 } }), NotFoundError);
});

for (
  const [name, damage] of [
    ["fewer bytes", (bytes: Uint8Array) => bytes.subarray(0, MiB)],
    ["more bytes", (bytes: Uint8Array) => new Uint8Array([...bytes, 0])],
    ["other bytes", (bytes: Uint8Array) => bytes.with(MiB, bytes[MiB]! ^ 1)],
    ["no bytes", () => new Uint8Array()],
  ] as const
) {
  testOnEachStore(
    `a whole blob is verified as it is read: ${name} are an error at its end`,
    async (place) => {
      using store = place.open({ clock: testClock() });
      const { digest } = await store.write(bytesSource(someBytes(2 * MiB)));
      await place.damage(digest, damage);
      await assert.rejects(
        async () => await readAll(store, digest),
        (error) =>
          error instanceof MismatchError && /is corrupted: its bytes have another/.test(error.message),
      );
      const given = await collect(await store.readUnverified(digest), Infinity);
      assert.notEqual(digestOf(given), digest, "and who asks for that gets what is there");
    },
  );
}

testOnEachStore("a blob that is not read to its end is let go of", async (place) => {
  using store = place.open();
  const { digest } = await store.write(bytesSource(someBytes(3 * MiB)));
  await (await store.read(digest)).cancel();
  const reader = (await store.readUnverified(digest, { range: { start: 5, end: 2 * MiB } })).getReader();
  assert.ok((await reader.read()).value?.length);
  await reader.cancel();
});

testOnEachStore("writing what is there changes nothing", async (place) => {
  using store = place.open();
  for (const size of [0, 1000, 2 * MiB]) {
    const source = bytesSource(someBytes(size));
    const first = await store.write(source);
    const before = await blobNames(place);
    assert.deepEqual(await store.write(source), first);
    assert.deepEqual(await store.write(source, { checkFirst: true }), first);
    assert.deepEqual(await blobNames(place), before);
    assert.deepEqual(await readAll(store, first.digest), someBytes(size));
  }
});

testOnEachStore("nothing is sent that is there, where that is to be checked first", async (place) => {
  using store = place.open();
  const bytes = someBytes(2 * MiB);
  const written = await store.write(bytesSource(bytes));
  const unread: Source = { ...bytesSource(bytes), open: () => assert.fail("it was read") };
  const onEvent = onSent(() => assert.fail("bytes were counted"));
  assert.deepEqual(await store.write(unread, { checkFirst: true, onEvent }), written);
  const absent = someBytes(2 * MiB, 3);
  let sent = 0;
  await store.write(bytesSource(absent), {
    checkFirst: true,
    onEvent: onSent((count) => void (sent += count)),
  });
  assert.equal(sent, absent.length);
  assert.deepEqual(await readAll(store, digestOf(absent)), absent);
});

testOnEachStore("the bytes that go out are counted as they go", async (place) => {
  using store = place.open(SMALL_PARTS);
  for (const size of SIZES) {
    for (
      const source of [
        bytesSource(someBytes(size, 4)),
        new StreamCutter(streamOf(someBytes(size, 5), 70_000)).take(9 * MiB),
      ]
    ) {
      let sent = 0;
      await store.write(source, { onEvent: onSent((count) => void (sent += count)) });
      assert.equal(sent, size);
    }
  }
});

testOnEachStore("a source that breaks leaves nothing to be seen, and says why", async (place) => {
  using store = place.open({ ...SMALL_PARTS, clock: testClock() });
  await store.write(bytesSource(someBytes(10)));
  const before = await blobNames(place);
  for (const size of [1000, 3 * MiB]) {
    const bytes = someBytes(size, 6);
    for (const broken of [breaking(bytes), new StreamCutter(breaking(bytes).open()).take(9 * MiB)]) {
      let sent = 0;
      const written = store.write(broken, { onEvent: onSent((count) => void (sent += count)) });
      await assert.rejects(written, /the disk is on fire/);
      assert.equal(sent, 0, "what was in vain is taken back");
      assert.equal(await store.stat(digestOf(bytes)), undefined);
      assert.equal(await store.stat(digestOf(bytes.slice(0, size / 2))), undefined);
    }
  }
  assert.deepEqual(await blobNames(place), before);
  await store.write(bytesSource(someBytes(1000, 6)));
  assert.equal(await store.stat(digestOf(someBytes(1000, 6))), 1000);
});

testOnEachStore(
  "a blob of another repository is taken over, and what is not there has to be written",
  async (place) => {
    using from = place.open({ repository: "me/origin" });
    using store = place.open();
    const { digest } = await from.write(bytesSource(someBytes(1000)));
    assert.equal(await store.stat(digest), undefined);
    assert.equal(await store.mount(digest, "me/origin"), true);
    assert.deepEqual(await readAll(store, digest), someBytes(1000));
    assert.equal(await store.mount(digest, "me/origin"), true, "once more");
    assert.equal(await store.mount(ABSENT, "me/origin"), false);
    assert.equal(await store.mount(ABSENT, "nobody/nothing"), false);
    assert.equal(await store.stat(ABSENT), undefined);
    await store.remove(digest);
    assert.equal(await store.stat(digest), undefined);
    assert.deepEqual(await readAll(from, digest), someBytes(1000), "the other repository keeps its own");
  },
);

testOnEachStore("what is to be reused is told apart: present, damaged or absent", async (place) => {
  using store = place.open();
  const { digest, size } = await store.write(bytesSource(someBytes(1000)));
  assert.equal(await store.reuse({ digest, size }), "present");
  assert.equal(await store.reuse({ digest, size }, { reread: true, held: true }), "present");
  assert.equal(await store.reuse({ digest, size: size + 1 }), "damaged", "it has another size");
  assert.equal(await store.reuse({ digest: ABSENT, size }), "absent");
  await place.damage(digest, (bytes) => bytes.subarray(0, 600));
  assert.equal(await store.reuse({ digest, size }), "damaged");
});

testOnEachStore("what is reused is kept until a manifest lists it, whoever else frees", async (place) => {
  using store = place.open();
  using other = place.open();
  const old = await image(other, "shared");
  await other.putManifest("old", old);
  const [config, layer] = descriptorsOf(old) as [Descriptor, Descriptor];
  for (const blob of [config, layer]) assert.equal(await store.reuse(blob), "present");
  await other.removeManifest("old");
  await other.free?.(["old"]);
  assert.equal(await store.stat(layer.digest), layer.size);
  const next = imageOf(store, config, [layer, await store.write(bytesSource(someBytes(5)))]);
  await store.putManifest("new", next);
  assert.equal(await store.resolve("new"), next.digest);
});

testOnEachStore("a blob is removed, and one that is not there is no error", async (place) => {
  using store = place.open();
  const kept = await store.write(bytesSource(someBytes(10)));
  const gone = await store.write(bytesSource(someBytes(20)));
  await store.remove(gone.digest);
  assert.equal(await store.stat(gone.digest), undefined);
  await assert.rejects(store.read(gone.digest), NotFoundError);
  await store.remove(gone.digest);
  await store.remove(ABSENT);
  assert.deepEqual(await readAll(store, kept.digest), someBytes(10));
  await store.write(bytesSource(someBytes(20)));
  assert.deepEqual(await readAll(store, gone.digest), someBytes(20), "written again");
});

testOnEachStore("a manifest comes back to the byte, by tag and by digest", async (place) => {
  using store = place.open();
  const manifest = await image(store, "one");
  await store.putManifest("one", manifest);
  assert.deepEqual(await store.manifest("one"), manifest);
  assert.deepEqual(await store.manifest(manifest.digest), manifest);
  assert.equal(await store.resolve("one"), manifest.digest);
  assert.equal(await store.manifest("two"), undefined);
  assert.equal(await store.manifest(ABSENT), undefined);
  assert.equal(await store.resolve("two"), undefined);
});

testOnEachStore("a manifest is stored without a tag, and tagged later", async (place) => {
  using store = place.open();
  const manifest = await image(store, "one");
  await store.putManifest(manifest.digest, manifest);
  assert.deepEqual(await store.manifest(manifest.digest), manifest);
  assert.deepEqual(await tagsOf(store), []);
  await store.putManifest("one", manifest);
  assert.equal(await store.resolve("one"), manifest.digest);
  await store.putManifest(manifest.digest, manifest);
  assert.deepEqual(await tagsOf(store), ["one"]);
});

testOnEachStore("a manifest is not stored under the digest of another", async (place) => {
  using store = place.open({ clock: testClock() });
  const manifest = await image(store, "one");
  const before = await place.contents();
  await assert.rejects(store.putManifest(ABSENT, manifest), InvalidInputError);
  for (const reference of ["one", ABSENT, manifest.digest]) {
    await assert.rejects(store.putManifest(reference, { ...manifest, digest: ABSENT }), InvalidInputError);
  }
  for (const none of [undefined, {}, { digest: manifest.digest }, { ...manifest, bytes: "{}" }]) {
    await assert.rejects(store.putManifest("one", none as unknown as Manifest), InvalidInputError);
  }
  assert.equal(await store.manifest(ABSENT), undefined);
  assert.deepEqual(await place.contents(), before);
});

testOnEachStore("no path is taken for a digest or a name: it could lead to other places", async (place) => {
  using store = place.open();
  const manifest = await image(store, "one");
  await store.putManifest("one", manifest);
  const before = await place.contents();
  const outside = await Deno.makeTempFile(); // beside the directory of a layout
  try {
    for (
      const path of [
        `../../../../../${basename(outside)}`,
        "x/../../../../me/origin/tags/list",
        "",
        `${"0".repeat(64)}?from=me`,
        "A".repeat(64),
      ]
    ) {
      await refusesAll(store, manifest, `sha256:${path}`);
    }
    assert.deepEqual(await place.contents(), before);
  } finally {
    await Deno.remove(outside); // it is still there
  }
});

/** Whatever takes a digest or a name refuses this one, which is none. */
async function refusesAll(store: Store, manifest: Manifest, digest: Digest): Promise<void> {
  const [blob] = blobsOf(manifest) as [Digest];
  const calls: Record<string, () => unknown> = {
    blobUrl: () => store.blobUrl(digest),
    stat: () => store.stat(digest),
    read: () => store.read(digest),
    readUnverified: () => store.readUnverified(digest),
    reuse: () => store.reuse({ digest, size: 1 }),
    mount: () => store.mount(digest, "me/origin"),
    "mount from": () => store.mount(blob, `me/origin/${digest}`),
    remove: () => store.remove(digest),
    manifest: () => store.manifest(digest),
    resolve: () => store.resolve(digest),
    putManifest: () => store.putManifest(digest, manifest),
    removeManifest: () => store.removeManifest(digest),
    "removeManifest by a path": () => store.removeManifest("one/../one"),
    referrers: () => store.referrers(digest),
    free: () => store.free ? store.free([digest]) : parseReference(digest),
    mountBlob: () => mountBlob(store, digest, { from: "me/origin" }),
    removeBlobs: () => removeBlobs(store, [blob, digest]),
  };
  for (const [name, call] of Object.entries(calls)) {
    await assert.rejects(async () => await call(), InvalidInputError, `${name} takes ${digest}`);
  }
}

testOnEachStore("a tag that is written again points to the new manifest", async (place) => {
  using store = place.open();
  const [first, second] = [await image(store, "first"), await image(store, "second")];
  await store.putManifest("moving", first);
  await store.putManifest("staying", first);
  await store.putManifest("moving", second);
  await store.putManifest("moving", second);
  assert.equal(await store.resolve("moving"), second.digest);
  assert.deepEqual(await store.manifest("moving"), second);
  assert.equal(await store.resolve("staying"), first.digest);
  assert.deepEqual(await tagsOf(store), ["moving", "staying"]);
});

testOnEachStore("a manifest is not stored before its blobs are", async (place) => {
  using store = place.open({ clock: testClock() });
  const config = await store.write(bytesSource(new TextEncoder().encode("{}")));
  const missing = { mediaType: OCTET_STREAM, digest: ABSENT, size: 10 };
  for (const manifest of [imageOf(store, config, [missing]), imageOf(store, missing, [config])]) {
    await assert.rejects(store.putManifest("early", manifest), hasCode("MANIFEST_BLOB_UNKNOWN"));
  }
  assert.equal(await store.resolve("early"), undefined);
  assert.deepEqual(await tagsOf(store), []);
});

testOnEachStore("an index of images is stored behind them, and comes back", async (place) => {
  using store = place.open({ clock: testClock() });
  const child = await image(store, "child");
  const { mediaType, digest, bytes } = child;
  const index = encodeManifest({
    schemaVersion: 2,
    mediaType: IMAGE_INDEX[store.family],
    manifests: [{ mediaType, digest, size: bytes.length, platform: { architecture: "amd64", os: "linux" } }],
  });
  await assert.rejects(store.putManifest("index", index), LayerstashError);
  await store.putManifest(child.digest, child);
  await store.putManifest("index", index);
  assert.deepEqual(await store.manifest("index"), index);
  assert.deepEqual(await store.manifest(child.digest), child);
});

testOnEachStore("removing one tag leaves the others that point to the same manifest", async (place) => {
  using store = place.open();
  const manifest = await image(store, "shared");
  for (const tag of ["a", "b", "c"]) await store.putManifest(tag, manifest);
  await store.removeManifest("b");
  assert.deepEqual(await tagsOf(store), ["a", "c"]);
  assert.equal(await store.manifest("b"), undefined);
  for (const tag of ["a", "c", manifest.digest]) assert.deepEqual(await store.manifest(tag), manifest);
  for (const digest of blobsOf(manifest)) assert.notEqual(await store.stat(digest), undefined);
  await store.removeManifest("a");
  await store.removeManifest("c");
  assert.deepEqual(await tagsOf(store), []);
  await store.putManifest("d", await image(store, "shared"));
  assert.deepEqual(await tagsOf(store), ["d"]);
});

testOnEachStore("removing a manifest by digest removes all its tags, and no other", async (place) => {
  using store = place.open();
  const [gone, kept] = [await image(store, "gone"), await image(store, "kept")];
  for (const tag of ["a", "b"]) await store.putManifest(tag, gone);
  await store.putManifest("c", kept);
  await store.removeManifest(gone.digest);
  await store.free?.([gone.digest]);
  assert.deepEqual(await tagsOf(store), ["c"]);
  assert.equal(await store.manifest(gone.digest), undefined);
  assert.equal(await store.resolve("a"), undefined);
  assert.deepEqual(await store.manifest("c"), kept);
});

testOnEachStore("removing a tag or manifest that is not there is no error", async (place) => {
  using store = place.open();
  await store.removeManifest("none");
  await store.removeManifest(ABSENT);
  await store.putManifest("one", await image(store, "one"));
  await store.removeManifest("none");
  await store.removeManifest(ABSENT);
  await store.removeManifest("one");
  await store.removeManifest("one");
  assert.deepEqual(await tagsOf(store), []);
});

testOnEachStore("what is replaced or removed stays until it is freed", async (place) => {
  using store = place.open();
  const [first, second] = [await image(store, "first"), await image(store, "second")];
  await store.putManifest("moving", first);
  await store.putManifest("moving", second);
  for (const digest of blobsOf(first)) assert.notEqual(await store.stat(digest), undefined);
  await store.free?.(["moving"]);
  for (const digest of blobsOf(second)) assert.notEqual(await store.stat(digest), undefined, "it is listed");
  if (store.free) { for (const digest of blobsOf(first)) assert.equal(await store.stat(digest), undefined); }
  await store.removeManifest("moving");
  for (const digest of blobsOf(second)) assert.notEqual(await store.stat(digest), undefined);
  await store.free?.(["moving"]);
  if (store.free) assert.deepEqual(blobFilesOf(await place.contents()), []);
});

testOnEachStore(
  "a store frees what its own changes of these tags have left, and nothing else",
  async (place) => {
    using store = place.open();
    using other = place.open();
    const images = new Map<string, Manifest>();
    for (const tag of ["own", "others", "unnamed", "listed"]) {
      images.set(tag, await image(store, tag));
      await store.putManifest(tag, images.get(tag)!);
    }
    await store.putManifest("again", images.get("listed")!);
    await other.removeManifest("others");
    for (const tag of ["own", "unnamed", "listed"]) await store.removeManifest(tag);
    await store.free?.(["own", "others", "listed"]);
    for (const tag of ["others", "unnamed", "listed"]) {
      for (const digest of blobsOf(images.get(tag)!)) {
        assert.notEqual(
          await store.stat(digest),
          undefined,
          tag,
        );
      }
    }
    if (store.free) assert.equal(await store.stat(blobsOf(images.get("own")!)[0]!), undefined);
  },
);

testOnEachStore("manifests are freed alone where their blobs are kept, then and later", async (place) => {
  using store = place.open();
  const first = await image(store, "first");
  await store.putManifest("alias", first);
  await store.removeManifest("alias");
  await store.free?.(["alias"], { keepBlobs: true });
  if (store.free) assert.equal(await store.manifest(first.digest), undefined);
  await store.putManifest("alias", await image(store, "second"));
  await store.removeManifest("alias");
  await store.free?.(["alias"]);
  for (const digest of blobsOf(first)) assert.notEqual(await store.stat(digest), undefined);
});

testOnEachStore("a change that ends before it frees leaves garbage, and nothing is lost", async (place) => {
  const [first, second] = await Array.fromAsync(["first", "second"], async (title) => {
    using store = place.open();
    const manifest = await image(store, title);
    await store.putManifest("moving", manifest);
    return manifest; // the process ends here
  }) as [Manifest, Manifest];
  using store = place.open();
  assert.deepEqual(await store.manifest("moving"), second);
  await store.free?.(["moving"]);
  for (const digest of [first, second].flatMap(blobsOf)) {
    assert.notEqual(await store.stat(digest), undefined, "it is another store's");
  }
});

testOnEachStore("every tag is listed once", async (place) => {
  using store = place.open();
  const manifest = await image(store, "many");
  const tags = Array.from({ length: 60 }, (_, index) => `disk-${index + 1}`);
  for (const tag of tags) await store.putManifest(tag, manifest);
  assert.deepEqual(await tagsOf(store), tags.sort());
  for await (const tag of store.tags()) {
    assert.ok(tags.includes(tag));
    break; // whoever stops early leaves nothing open
  }
});

for (const faults of [{}, { opaqueLinks: true }]) {
  Deno.test(`tags are listed over all pages${faults.opaqueLinks ? ", which are named by tokens" : ""}`, async () => {
    await using registry = await startFakeRegistry({ faults: { tagPageSize: 7, ...faults } });
    using store = openStore({ registry: registry.url, repository: "me/files" });
    const manifest = await image(store, "many");
    for (const count of [1, 7, 8, 14, 30]) {
      const tags = Array.from({ length: count }, (_, index) => `disk-${index + 1}`);
      for (const tag of tags) await store.putManifest(tag, manifest);
      const before = registry.requests.length;
      assert.deepEqual(await tagsOf(store), tags.sort());
      assert.equal(registry.requests.length - before, Math.ceil(count / 7));
    }
  });
}

testOnEachStore("many calls run at the same time", async (place) => {
  using store = place.open(SMALL_PARTS);
  const numbers = Array.from({ length: 24 }, (_, index) => index);
  await Promise.all(numbers.map(async (number) => {
    const bytes = someBytes(number % 4 === 0 ? 3 * MiB : 1000 + number, number % 12 + 1); // half of them twice
    const layer = await store.write(bytesSource(bytes));
    const config = await store.write(bytesSource(new TextEncoder().encode(`{"number":${number}}`)));
    const manifest = imageOf(store, config, [layer]);
    await store.putManifest(`disk-${number}`, manifest);
    assert.deepEqual(await readAll(store, layer.digest), bytes);
    assert.deepEqual(await store.manifest(`disk-${number}`), manifest);
    if (number % 3 === 0) await store.removeManifest(`disk-${number}`);
  }));
  const kept = numbers.filter((number) => number % 3 !== 0).map((number) => `disk-${number}`);
  assert.deepEqual(await tagsOf(store), kept.sort());
});

testOnEachStore("two stores on one repository see each other's changes", async (place) => {
  using one = place.open();
  using two = place.open();
  const manifest = await image(one, "seen");
  await one.putManifest("seen", manifest);
  assert.deepEqual(await two.manifest("seen"), manifest);
  await two.removeManifest("seen");
  assert.equal(await one.resolve("seen"), undefined);
});

testOnEachStore("a call that was ended beforehand does nothing, and says why", async (place) => {
  using store = place.open();
  const manifest = await image(store, "one");
  await store.putManifest("one", manifest);
  const [digest] = blobsOf(manifest) as [Digest];
  const why = new Error("the user went home");
  const options = { signal: AbortSignal.abort(why) };
  const before = await blobNames(place);
  const calls: Record<string, () => Promise<unknown>> = {
    stat: () => store.stat(digest, options),
    read: () => store.read(digest, options),
    readUnverified: () => store.readUnverified(digest, options),
    reuse: () => store.reuse({ digest, size: 1 }, options),
    write: () => store.write(bytesSource(someBytes(1000, 7)), options),
    "write what is there": () =>
      store.write(bytesSource(new TextEncoder().encode("{}")), { ...options, checkFirst: true }),
    mount: () => store.mount(digest, "me/origin", options),
    remove: () => store.remove(digest, options),
    manifest: () => store.manifest("one", options),
    resolve: () => store.resolve("one", options),
    putManifest: () => store.putManifest("two", manifest, options),
    removeManifest: () => store.removeManifest("one", options),
    free: async () => await (store.free ? store.free(["one"], options) : Promise.reject(why)),
    tags: () => Array.fromAsync(store.tags(options)),
  };
  for (const [name, call] of Object.entries(calls)) {
    await assert.rejects(call, (error) => error === why, `${name} was not ended`);
  }
  assert.deepEqual(await blobNames(place), before);
  assert.deepEqual(await tagsOf(store), ["one"]);
});

testOnEachStore("a write is ended while it waits for its source", async (place) => {
  using store = place.open(SMALL_PARTS);
  for (const size of [10, 3 * MiB]) {
    const bytes = someBytes(size, 8);
    const ending = new AbortController();
    const stalled = stalling(bytes, () => ending.abort(new Error("enough")));
    await assert.rejects(
      store.write(new StreamCutter(stalled).take(9 * MiB), { signal: ending.signal }),
      /enough/,
    );
    assert.equal(await store.stat(digestOf(bytes)), undefined);
  }
});

testOnEachStore("what is received is ended on its way, and no byte comes after", async (place) => {
  using store = place.open();
  const size = 8 * MiB;
  const { digest } = await store.write(bytesSource(someBytes(size)));
  const ending = new AbortController();
  let received = 0;
  const sink = (bytes: Uint8Array) => {
    received += bytes.length;
    ending.abort(new Error("enough"));
  };
  await assert.rejects(receive(store, { digest, size, sink, signal: ending.signal }), /enough/);
  assert.ok(received < size);
  const before = received;
  await store.stat(digest);
  assert.equal(received, before);
});

testOnEachStore("a store tells what it is and what suits it", async (place) => {
  using store = place.open();
  assert.match(store.name, /me\/files$/);
  assert.ok(store.chunkSize >= 1024 ** 3);
  await store.putManifest("one", await image(store, "one"));
  assert.equal((await store.manifest("one"))?.mediaType, IMAGE_MANIFEST[store.family]);
  store.close(); // and once more at the end of the block
});

Deno.test("a registry that removes nothing says so, with what to do", async () => {
  await using registry = await startFakeRegistry({ faults: { refuseDeletes: 405 } });
  using store = openStore({ registry: registry.url, repository: "me/files" });
  const manifest = await image(store, "one");
  await store.putManifest("one", manifest);
  await assert.rejects(
    store.removeManifest("one"),
    (error) => error instanceof NotAllowedError && error.hint !== undefined,
  );
  assert.equal(await store.resolve("one"), manifest.digest);
});

function hasCode(code: string): (error: unknown) => boolean {
  return (error) => error instanceof RegistryError && error.codes.includes(code);
}

Deno.test("a removal that the registry breaks off half-way is made again, and leaves no tag behind", async () => {
  const byDigest = /manifests\/sha256:/;
  await using registry = await startFakeRegistry({
    faults: {
      refuseTagDeletes: 405,
      failNext: [{ method: "DELETE", path: byDigest, status: 500, skip: 1, times: 1 }],
      onRequest({ method, path }) {
        const failing = registry.faults.failNext?.[0];
        if (method !== "DELETE" || !byDigest.test(path) || failing?.skip !== 0 || failing.times === 0) return;
        // As distribution 2.8: the manifest is gone already, and the tag is still listed.
        registry.storage.repository("me/files").manifests.delete(path.split("/").at(-1) as Digest);
      },
    },
  });
  using store = openStore({ registry: registry.url, repository: "me/files", clock: testClock() });
  for (const tag of ["gone", "kept"]) await store.putManifest(tag, await image(store, "shared"));
  await store.removeManifest("gone");
  assert.equal(registry.faults.failNext?.[0]?.times, 0, "it was broken off");
  assert.deepEqual(await tagsOf(store), ["kept"]);
  assert.notEqual(await store.manifest("kept"), undefined);
});

async function readAll(
  store: Store,
  digest: Digest,
  options?: ReadOptions,
): Promise<Uint8Array<ArrayBuffer>> {
  return await collect(
    await (options ? store.readUnverified(digest, options) : store.read(digest)),
    Infinity,
  );
}

async function tagsOf(store: Store): Promise<string[]> {
  return (await Array.fromAsync(store.tags())).sort();
}

/** Stores the config and the layer of an image, and gives its manifest. */
async function image(store: Store, title: string): Promise<Manifest> {
  const encoder = new TextEncoder();
  const config = await store.write(
    bytesSource(encoder.encode(JSON.stringify({ config: { Labels: { title } } }))),
  );
  return imageOf(store, config, [await store.write(bytesSource(encoder.encode(`the bytes of ${title}`)))]);
}

function imageOf({ family }: Store, config: Descriptor, layers: Descriptor[]): Manifest {
  return encodeManifest({
    schemaVersion: 2,
    mediaType: IMAGE_MANIFEST[family],
    config: { ...config, mediaType: IMAGE_CONFIG[family] },
    layers,
  });
}

/** Of the names of files in a layout, those of blobs. */
function blobFilesOf(contents: Record<string, string>): string[] {
  return Object.keys(contents).filter((name) => name.includes("blobs/sha256/"));
}

function descriptorsOf({ bytes }: Manifest): Descriptor[] {
  const { config, layers } = JSON.parse(new TextDecoder().decode(bytes));
  return [config, ...layers];
}

function blobsOf(manifest: Manifest): Digest[] {
  return descriptorsOf(manifest).map(({ digest }) => digest);
}

/** The files that hold blobs, and what is in them; unfinished uploads of a registry are not to be seen from outside. */
async function blobNames(
  place: { contents(): Promise<Record<string, string>> },
): Promise<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(await place.contents()).filter(([name]) => !name.includes("/_uploads/")),
  );
}

function breaking(bytes: Uint8Array<ArrayBuffer>): Source {
  const half = bytes.length / 2;
  const open = (start = 0, end = bytes.length) =>
    new ReadableStream<Uint8Array<ArrayBuffer>>({
      start: (controller) => controller.enqueue(bytes.slice(start, Math.min(end, half))),
      pull: (controller) =>
        end <= half ? controller.close() : controller.error(new Error("the disk is on fire")),
    }, { highWaterMark: 0 });
  return { ...bytesSource(bytes), open };
}

/** A stream that gives its bytes, and then neither more nor an end. */
function stalling(
  bytes: Uint8Array<ArrayBuffer>,
  onStall: () => void,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const never = Promise.withResolvers<void>();
  return new ReadableStream({
    start: (controller) => controller.enqueue(bytes),
    pull() {
      onStall();
      return never.promise;
    },
    cancel: () => never.resolve(),
  }, { highWaterMark: 0 });
}
