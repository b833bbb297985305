/** The blob store with aliases, as dxf's own tests use one, in each kind of store. @module */
import assert from "node:assert/strict";
import { MismatchError } from "../lib/errors.ts";
import { type Digest, digestOf } from "../lib/oci/digest.ts";
import { encodeManifest } from "../lib/oci/manifest.ts";
import {
  blobSize,
  digestOfFile,
  getAlias,
  getConfigDigest,
  getManifest,
  listAliases,
  mountBlob,
  pullBlobs,
  pushBlob,
  removeAlias,
  removeBlobs,
  setAlias,
} from "../lib/exports/blobs.ts";
import { InvalidInputError, NotFoundError, openStore, type Store, type TransferEvent } from "../main.ts";
import type { Manifest } from "../lib/exports/store.ts";
import { makeWorkspace, sink, someBytes, streamOf } from "./rigs/content.ts";
import { startFakeRegistry } from "./rigs/fake_registry.ts";
import { testOnEachStore } from "./rigs/stores.ts";

const ABSENT = digestOf(new TextEncoder().encode("nobody ever stores this"));

async function push(store: Store, text: string, alias?: string): Promise<Digest> {
  const bytes = new TextEncoder().encode(text);
  return (await pushBlob(store, streamOf(bytes), { alias })).digest;
}

async function pull(
  store: Store,
  blobs: Parameters<typeof pullBlobs>[1],
  more = {},
): Promise<string> {
  const { stream, bytes } = sink();
  await pullBlobs(store, blobs, { output: stream, ...more });
  return new TextDecoder().decode(bytes());
}

testOnEachStore("dxf's module example does the same", async (place) => {
  await using work = await makeWorkspace();
  using store = place.open();
  const { digest } = await pushBlob(store, await work.write("logger.dat", "12.5 degrees\n"));
  await setAlias(store, "may15-readings", { digests: [digest] });
  assert.deepEqual(await getAlias(store, "may15-readings"), [digest]);
  assert.equal(await pull(store, [digest]), "12.5 degrees\n");
});

testOnEachStore("an alias has dxf's manifest, to the byte, in docker's format", async (place) => {
  using store = place.open({ manifestFormat: "docker" });
  const [a, b] = [await push(store, "a\n"), await push(store, "bb\n")];
  const written = await setAlias(store, "ab", { digests: [a, b] });
  const layer = (digest: Digest, size: number, type = "application/octet-stream") =>
    `{"digest": "${digest}", "mediaType": "${type}", "size": ${size}}`;
  const config = layer(a, 2, "application/vnd.docker.container.image.v1+json");
  const expected = `{"config": ${config}, "layers": [${layer(a, 2)}, ${layer(b, 3)}], ` +
    `"mediaType": "application/vnd.docker.distribution.manifest.v2+json", "schemaVersion": 2}`;
  assert.equal(new TextDecoder().decode(written.bytes), expected);
  const read = await getManifest(store, "ab");
  assert.ok("bytes" in read);
  assert.deepEqual(read.bytes, written.bytes);
  assert.equal(await getConfigDigest(store, "ab"), a);
});

testOnEachStore("aliases of several blobs are set, read, summed up, moved and listed", async (place) => {
  await using work = await makeWorkspace();
  using store = place.open();
  const [a, b] = [await push(store, "a\n"), await push(store, "bb\n", "b")];
  const fromFile = await digestOfFile(await work.write("a.txt", "a\n"));
  await setAlias(store, "ab", { digests: [fromFile, b, a] });
  assert.deepEqual(await getAlias(store, "ab"), [a, b, a]);
  assert.equal(await pull(store, ["@ab", b]), "a\nbb\na\nbb\n");
  assert.equal(await blobSize(store, "@ab"), 7);
  assert.equal(await blobSize(store, a), 2);
  await setAlias(store, "ab", { digests: [b], overwrite: true });
  assert.equal(await pull(store, ["@ab"]), "bb\n");
  assert.equal(await pull(store, [a]), "a\n", "what it pointed to before is there");
  assert.deepEqual((await Array.fromAsync(listAliases(store))).sort(), ["ab", "b"]);
});

testOnEachStore("an alias is removed alone, and its blobs stay", async (place) => {
  using store = place.open();
  const digest = await push(store, "a\n", "one");
  for (const alias of ["two", "three"]) await setAlias(store, alias, { digests: [digest] });
  assert.deepEqual(await removeAlias(store, "one"), [digest]);
  assert.deepEqual((await Array.fromAsync(listAliases(store))).sort(), ["three", "two"]);
  for (const alias of ["three", "two"]) assert.deepEqual(await removeAlias(store, alias), [digest]);
  assert.equal(await pull(store, [digest]), "a\n");
  await assert.rejects(removeAlias(store, "one"), NotFoundError);
});

testOnEachStore("blobs are removed, and their alias stays", async (place) => {
  using store = place.open();
  const [a, b] = [await push(store, "a\n"), await push(store, "b\n")];
  await setAlias(store, "ab", { digests: [a, b, a] });
  assert.deepEqual((await removeBlobs(store, ["@ab"])).removed, [a, b]);
  assert.deepEqual(await Array.fromAsync(listAliases(store)), ["ab"]);
  await assert.rejects(pull(store, [a]), NotFoundError);
  const again = await removeBlobs(store, [a]);
  assert.deepEqual([again.removed, again.kept.map(({ error }) => error.kind)], [[], ["not-found"]]);
});

testOnEachStore("a blob is taken over from another repository", async (place) => {
  using store = place.open();
  using other = place.open({ repository: "me/other" });
  const digest = await push(store, "a\n");
  await mountBlob(other, digest, { from: "me/files", alias: "copy" });
  assert.equal(await pull(other, ["@copy"]), "a\n");
  await assert.rejects(mountBlob(other, ABSENT, { from: "me/files" }), NotFoundError);
});

Deno.test("a blob that all repositories of a registry share needs no mount", async () => {
  await using fake = await startFakeRegistry({ faults: { refuseMounts: true } });
  using store = openStore({ registry: fake.url, repository: "me/other" });
  const digest = fake.storage.addBlob("me/files", someBytes(100));
  await assert.rejects(mountBlob(store, digest, { from: "me/files" }), NotFoundError);
  fake.storage.addBlob("me/other", someBytes(100));
  const { size } = await mountBlob(store, digest, { from: "me/files", alias: "copy" });
  assert.equal(size, 100);
  assert.ok(await store.resolve("copy"));
});

testOnEachStore("what is not there is not found, and no alias is made of it", async (place) => {
  using store = place.open();
  for (const name of [ABSENT, "@none"] as const) {
    await assert.rejects(pull(store, [name]), NotFoundError);
    await assert.rejects(blobSize(store, name), NotFoundError);
  }
  await assert.rejects(setAlias(store, "none", { digests: [ABSENT] }), NotFoundError);
  await assert.rejects(setAlias(store, "none", { digests: [] }), InvalidInputError);
  await assert.rejects(getAlias(store, "none"), NotFoundError);
  assert.deepEqual(await Array.fromAsync(listAliases(store)), []);
});

testOnEachStore("a file is not sent twice", async (place) => {
  await using work = await makeWorkspace();
  using store = place.open();
  const input = await work.write("disk.img", someBytes(300_000));
  const states: string[] = [];
  let sent = 0;
  const onEvent = (event: TransferEvent) => {
    if (event.type === "blob") states.push(event.state);
    if (event.type === "progress" && event.phase === "send") sent += event.bytes;
  };
  for (let time = 0; time < 2; time++) await pushBlob(store, input, { onEvent });
  assert.deepEqual([states, sent], [["sent", "present"], 300_000]);
});

testOnEachStore("any range of several blobs is read", async (place) => {
  await using work = await makeWorkspace();
  using store = place.open();
  const digests = [await push(store, "0123"), await push(store, ""), await push(store, "456789")];
  const text = "0123456789";
  for (let start = 0; start < 10; start++) {
    for (const end of [start + 1, 7, 10, undefined]) {
      if (end !== undefined && end <= start) continue;
      for (const partSize of [undefined, 3]) {
        const range = { start, end };
        assert.equal(await pull(store, digests, { range, partSize }), text.slice(start, end));
      }
    }
  }
  const output = work.path("part");
  await pullBlobs(store, digests, { output, range: { start: 2, end: 6 } });
  assert.equal(await Deno.readTextFile(output), "2345");
  for (const range of [{ start: 10 }, { start: 5, end: 5 }]) {
    await assert.rejects(pull(store, digests, { range }), InvalidInputError);
  }
  assert.equal(await pull(store, digests, { range: { start: 8, end: 99 } }), "89");
});

testOnEachStore("a part of a blob is said to be unverified, a whole one is verified", async (place) => {
  using store = place.open();
  const digests = [await push(store, "0123"), await push(store, "456789")];
  const told: string[] = [];
  const onEvent = (event: TransferEvent) => void (event.type === "notice" && told.push(event.message));
  await pull(store, digests, { range: { start: 0, end: 4 }, onEvent });
  assert.equal(told.length, 0);
  await pull(store, digests, { range: { start: 3, end: 10 }, onEvent });
  assert.equal(told.length, 1);
  assert.ok(told[0]!.includes(digests[0]!), told[0]);
});

testOnEachStore("a corrupted blob never gets its name, and on a stream it is said", async (place) => {
  await using work = await makeWorkspace();
  using store = place.open();
  const bytes = someBytes(200_000);
  const good = await push(store, "good");
  const { digest } = await pushBlob(store, streamOf(bytes), { alias: "bad" });
  await place.damage(digest, (bytes) => bytes.with(123_456, bytes[123_456]! ^ 1));
  const output = work.path("copy.img");
  await assert.rejects(pullBlobs(store, [good, digest], { output }), MismatchError);
  assert.equal(await work.has("copy.img"), false);
  const { stream, closed } = sink();
  await assert.rejects(pullBlobs(store, ["@bad"], { output: stream }), {
    name: "MismatchError",
    message: /bytes that were already written are bad/,
  });
  assert.equal(closed(), false);
});

testOnEachStore("a blob that was cut off never gets its name", async (place) => {
  await using work = await makeWorkspace();
  using store = place.open();
  const { digest } = await pushBlob(store, streamOf(someBytes(200_000)), { alias: "bad" });
  await place.damage(digest, (bytes) => bytes.slice(0, 1000));
  const output = work.path("copy.img");
  await assert.rejects(pullBlobs(store, ["@bad"], { output }), MismatchError);
  assert.equal(await work.has("copy.img"), false);
});

testOnEachStore("an interrupted fetch goes on with what is there", async (place) => {
  await using work = await makeWorkspace();
  using store = place.open();
  const bytes = someBytes(8_000_000);
  const { digest } = await pushBlob(store, streamOf(bytes, 100_000));
  const output = work.path("copy.img");
  const options = { output, stateDirectory: work.path("state"), partSize: 500_000, jobs: 1 };
  const stop = new AbortController();
  let fetched = 0;
  const count = (event: TransferEvent) => {
    if (event.type === "progress" && event.phase === "fetch") fetched += event.bytes;
    if (fetched > 4_500_000) stop.abort(new Error("enough"));
  };
  await assert.rejects(
    pullBlobs(store, [digest], { ...options, onEvent: count, signal: stop.signal }),
    /enough/,
  );
  fetched = -1e9;
  let again = 0;
  const countAgain = (event: TransferEvent) => {
    if (event.type === "progress" && event.phase === "fetch") again += event.bytes;
  };
  await pullBlobs(store, [digest], { ...options, onEvent: countAgain });
  assert.deepEqual(await Deno.readFile(output), bytes);
  assert.ok(again < 4_500_000, `${again} bytes were fetched again`);
});

testOnEachStore("the same blobs in a file are not fetched again", async (place) => {
  await using work = await makeWorkspace();
  using store = place.open();
  const digests = [await push(store, "a\n"), await push(store, "b\n")];
  const output = await work.write("copy", "a\nb\n");
  const states: string[] = [];
  const onEvent = (event: TransferEvent) => void (event.type === "blob" && states.push(event.state));
  await pullBlobs(store, digests, { output, onEvent });
  assert.deepEqual(states, ["present", "present"]);
});

testOnEachStore("what a manifest says of sizes is not believed", async (place) => {
  await using work = await makeWorkspace();
  using store = place.open();
  const digest = await push(store, "four");
  const claim = (...sizes: number[]): Manifest => {
    const layers = sizes.map((size) => ({ mediaType: "application/octet-stream", digest, size }));
    const mediaType = "application/vnd.oci.image.manifest.v1+json";
    return encodeManifest({ schemaVersion: 2, mediaType, config: layers[0], layers });
  };
  for (const sizes of [[3], [5], [0], [4, 3], [Number.MAX_SAFE_INTEGER, 4]]) {
    const output = work.path(`copy of ${sizes}`);
    await assert.rejects(pullBlobs(store, [claim(...sizes)], { output }), MismatchError, `${sizes}`);
    const { stream, bytes } = sink();
    await assert.rejects(pullBlobs(store, [claim(...sizes)], { output: stream }), MismatchError);
    assert.ok(bytes().length <= 4 + Math.min(4, sizes[1] ?? 0), `${bytes().length} bytes were written`);
    assert.equal(await Deno.lstat(output).catch(() => undefined), undefined);
  }
  await assert.rejects(blobSize(store, claim(Number.MAX_SAFE_INTEGER, 4)), MismatchError);
  assert.equal(await pull(store, [claim(4, 4)]), "fourfour");
});

Deno.test("a blob that is damaged in a directory is written anew", async () => {
  await using work = await makeWorkspace();
  using store = openStore({ registry: `oci:${work.path("box")}`, repository: "me/files" });
  const input = await work.write("logger.dat", someBytes(1000));
  const { digest } = await pushBlob(store, input);
  const states: string[] = [];
  for (const damage of [new Uint8Array(1000), new Uint8Array(10), undefined]) {
    if (damage) await work.write(`box/me/files/blobs/sha256/${digest.slice(7)}`, damage);
    await pushBlob(store, input, { onEvent: (event) => event.type === "blob" && states.push(event.state) });
    const output = work.path("copy.dat");
    await pullBlobs(store, [digest], { output });
    assert.deepEqual(await Deno.readFile(output), someBytes(1000));
  }
  assert.deepEqual(states, ["sent", "sent", "present"]);
});

testOnEachStore(
  "a blob that an alias lists and that is gone is named, with the way to bring it back",
  async (place) => {
    await using work = await makeWorkspace();
    using store = place.open();
    const gone = await push(store, "hello", "greeting");
    await place.damage(gone, () => undefined);
    const requests: string[] = [];
    const onEvent = (event: TransferEvent) => void (event.type === "request" && requests.push(event.url));
    for (const output of [work.path("copy"), sink().stream]) {
      const error = await pullBlobs(store, ["@greeting"], { output, onEvent }).then(
        () => {},
        (error) => error,
      );
      assert.ok(error instanceof NotFoundError, `${error}`);
      assert.ok(error.message.includes(gone) && !/chunk|the stash/.test(error.message), error.message);
      assert.match(error.hint!, /^the blob was removed: store it again, as in: layerstash blob push/);
    }
    assert.ok(!requests.some((url) => /manifests\/blob-1|tags\/list/.test(url)), requests.join());
  },
);

Deno.test("a directory that is missing is no blob that is missing", async () => {
  await using work = await makeWorkspace();
  using store = openStore({ registry: `oci:${work.path("box")}`, repository: "me/files" });
  const digest = await push(store, "hello");
  for (const range of [{}, { start: 1 }]) {
    const error = await pullBlobs(store, [digest], { output: work.path("none/copy"), range })
      .then(() => {}, (error) => error);
    assert.ok(error instanceof NotFoundError);
    assert.match(error.message, /none\/copy cannot be written: there is no directory \S+none$/);
    assert.match(error.hint!, /^make it first: mkdir -p \S+none$/);
  }
});
