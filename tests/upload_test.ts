/** Uploads: the bytes that are stored, and what says so. @module */
import assert from "node:assert/strict";
import fc from "fast-check";
import { download, openStore, type Store, upload } from "../main.ts";
import { checkBaseTag, chunkTag, parseChunkTag } from "../lib/stash/chunk_tags.ts";
import { chunkCount } from "../lib/files/input.ts";
import { collect } from "../lib/content/collect.ts";
import { readImageManifest } from "../lib/oci/manifest.ts";
import { makeWorkspace, sink, someBytes, streamOf } from "./rigs/content.ts";
import { startFakeRegistry } from "./rigs/fake_registry.ts";
import { testOnEachStore } from "./rigs/stores.ts";
import { CHUNK, openFake } from "./rigs/uploads.ts";

/** The text of a chunk's config and manifest. */
async function imageOf(store: Store, tag: string): Promise<{ config: string; manifest: string }> {
  const manifest = await store.manifest(tag);
  assert.ok(manifest, `${tag} is not there`);
  const { config } = readImageManifest(manifest);
  const bytes = await collect(await store.read(config.digest), config.size);
  return { config: new TextDecoder().decode(bytes), manifest: new TextDecoder().decode(manifest.bytes) };
}

const FIRST = "sha256:c565fe03ca9b6242e01dfddefe9bba3d98b270e19cd02fd85ceaf75e2b25bf12";
const MIDDLE = "sha256:f76043a74ec33b6aefbb289050faf7aa8d482095477397e3e63345125d49f527";
const LAST = "sha256:fb8e20fc2e4c3f248c60c39bd652f3c1347298bb977b8b4d5903b85055620603";

Deno.test("the configs and manifests of a file's chunks are these, in docker's family in a registry", async () => {
  await using registry = await startFakeRegistry();
  await using work = await makeWorkspace();
  using store = openFake(registry);
  const input = await work.write("disk.img", "0123456789ab");
  await upload(store, "disk", { input, chunkSize: 5 });
  const head = '{"architecture":"amd64","os":"linux","created":"2024-02-03T04:05:06.000Z",' +
    '"config":{"Labels":{"org.opencontainers.image.title":"disk.img"}},"rootfs":{"type":"layers","diff_ids":["';
  const note = '"]},"layerstash":{"version":1,"name":"disk.img","size":12,"chunkSize":5,"chunk":';
  const first = await imageOf(store, "disk-1");
  assert.equal(first.config, `${head}${FIRST}${note}1,"chunks":3}}`);
  assert.equal((await imageOf(store, "disk-2")).config, `${head}${MIDDLE}${note}2,"chunks":3}}`);
  const last = await imageOf(store, "disk-3");
  const table = `"digests":["${FIRST}","${MIDDLE}","${LAST}"]`;
  assert.equal(last.config, `${head}${LAST}${note}3,"chunks":3,${table}}}`);
  assert.equal(
    last.manifest,
    '{"schemaVersion":2,"mediaType":"application/vnd.docker.distribution.manifest.v2+json",' +
      '"config":{"mediaType":"application/vnd.docker.container.image.v1+json","size":578,' +
      '"digest":"sha256:22f85c3edbffba3e37d9d769de249a01e038e768281df7d0a65a32cf7ef1b2da"},' +
      `"layers":[{"mediaType":"application/octet-stream","size":2,"digest":"${LAST}"}]}`,
  );
});

Deno.test("the manifests are of OCI's family in a layout, and the same for the same file", async () => {
  await using work = await makeWorkspace();
  const digests: unknown[] = [];
  for (const box of ["one", "two"]) {
    using store = openStore({ registry: `oci:${work.path(box)}`, repository: "me/files" });
    const input = await work.write("disk.img", "0123456789ab");
    await upload(store, "disk", { input, chunkSize: 5 });
    digests.push([await store.resolve("disk-1"), await store.resolve("disk-3")]);
    assert.equal(
      (await imageOf(store, "disk-1")).manifest,
      '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",' +
        '"config":{"mediaType":"application/vnd.oci.image.config.v1+json","size":344,' +
        '"digest":"sha256:534e832425c814b20a6c3a289098ade3f04ac6e87595fc61297766c72aeee8c0"},' +
        `"layers":[{"mediaType":"application/octet-stream","size":5,"digest":"${FIRST}"}]}`,
    );
  }
  assert.deepEqual(digests[0], digests[1]);
});

Deno.test("a stream's chunks say nothing of name, size and count until the last one says all", async () => {
  await using registry = await startFakeRegistry();
  using store = openFake(registry);
  await upload(store, "pipe", {
    input: streamOf(new TextEncoder().encode("0123456789ab")),
    chunkSize: 5,
  });
  const noteOf = async (tag: string) => JSON.parse((await imageOf(store, tag)).config);
  const first = await noteOf("pipe-1");
  assert.deepEqual(first.layerstash, { version: 1, chunkSize: 5, chunk: 1 });
  assert.deepEqual(first.config, { Labels: {} });
  assert.deepEqual((await noteOf("pipe-2")).layerstash, { version: 1, chunkSize: 5, chunk: 2 });
  const whole = { version: 1, size: 12, chunkSize: 5, chunk: 3, chunks: 3, digests: [FIRST, MIDDLE, LAST] };
  assert.deepEqual((await noteOf("pipe-3")).layerstash, whole);
});

const SIZES = [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK + 5];

testOnEachStore("files of every size come back as they were", async (place) => {
  await using work = await makeWorkspace();
  using store = place.open();
  for (const size of SIZES) {
    const bytes = someBytes(size, size + 1);
    const input = await work.write("in", bytes);
    const stash = await upload(store, `f${size}`, { input, chunkSize: CHUNK });
    assert.equal(stash.size, size);
    assert.equal(stash.chunks.length, chunkCount(size, CHUNK));
    await download(store, `f${size}`, { output: work.path(`out-${size}`) });
    assert.deepEqual(await Deno.readFile(work.path(`out-${size}`)), bytes);
    assert.ok(!await work.has("out.part"));
  }
});

testOnEachStore("streams of every size come back as they were, fed whole and byte by byte", async (place) => {
  using store = place.open();
  for (const size of SIZES) {
    for (const pieceSize of [size, 1]) {
      const bytes = someBytes(size, size + 2);
      const baseTag = `s${size}-by-${pieceSize}`;
      const stash = await upload(store, baseTag, { input: streamOf(bytes, pieceSize), chunkSize: CHUNK });
      assert.equal(stash.chunks.length, chunkCount(size, CHUNK));
      const output = sink();
      await download(store, baseTag, { output: output.stream });
      assert.deepEqual(output.bytes(), new Uint8Array(bytes));
      assert.ok(output.closed());
    }
  }
});

Deno.test("a chunk's tag is read as it was made", () => {
  const tag = fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9._-]{0,100}$/);
  fc.assert(fc.property(tag, fc.integer({ min: 1, max: 100_000 }), (baseTag, number) => {
    assert.deepEqual(parseChunkTag(chunkTag(baseTag, number)), { baseTag, number });
    assert.equal(checkBaseTag(baseTag, number), baseTag);
  }));
  for (const foreign of ["latest", "v1.0", "disk-0", "disk-01", "disk-", "-1", "disk-1a", "disk-1-", "12"]) {
    assert.equal(parseChunkTag(foreign), undefined, foreign);
  }
  assert.deepEqual(parseChunkTag("python-ftp-1"), { baseTag: "python-ftp", number: 1 });
  assert.deepEqual(parseChunkTag("disk--1"), { baseTag: "disk-", number: 1 });
});

Deno.test("a chunk takes the same few requests, however many chunks there are", async () => {
  await using fake = await startFakeRegistry();
  const requests: number[] = [];
  for (const chunks of [10, 20, 210]) {
    using store = openFake(fake);
    const before = fake.requests.length;
    const input = streamOf(someBytes(chunks * 8, chunks));
    await upload(store, `n${chunks}`, { input, chunkSize: 8 });
    requests.push(fake.requests.length - before);
  }
  const [ten = 0, twenty = 0, many = 0] = requests;
  const each = (twenty - ten) / 10;
  // POST, PATCH and PUT of the bytes, POST and PUT of the config, HEAD and PUT of the tag, and at the end GET of the tag
  assert.equal(each, 8);
  assert.equal(many - ten, 200 * each);
});
