/** Uploads: the bytes that are stored, what is sent again and what is not, and what is never changed. @module */
import assert from "node:assert/strict";
import fc from "fast-check";
import { exactSize } from "../lib/messages.ts";
import { bytesSource } from "../lib/exports/store.ts";
import {
  ConflictError,
  download,
  InvalidInputError,
  list,
  MismatchError,
  NotAllowedError,
  NotFoundError,
  openStore,
  type Store,
  type TransferEvent,
  upload,
  type UploadOptions,
  verify,
} from "../main.ts";
import { digestOfFile, pushBlob } from "../lib/exports/blobs.ts";
import { Hasher } from "../lib/content/hasher.ts";
import { checkBaseTag, chunkTag, parseChunkTag } from "../lib/stash/chunk_tags.ts";
import { chunkCount, openInput } from "../lib/files/input.ts";
import { collect } from "../lib/content/collect.ts";
import { encodeManifest, readImageManifest } from "../lib/oci/manifest.ts";
import { IMAGE_CONFIG, IMAGE_MANIFEST } from "../lib/oci/media_types.ts";
import { makeWorkspace, sink, someBytes, streamOf } from "./rigs/content.ts";
import { type FakeRegistry, startFakeRegistry } from "./rigs/fake_registry.ts";
import { testOnEachStore } from "./rigs/stores.ts";
import { onLinux, onPosix, POSIX } from "./rigs/system.ts";

const CHUNK = 1000;
const FIVE = someBytes(5 * CHUNK - 3);

const openFake = ({ url }: FakeRegistry) => openStore({ registry: url, repository: "me/files" });

/** What the stash holds, by way of a stream. */
async function stored(store: Store, baseTag: string): Promise<Uint8Array> {
  const output = sink();
  await download(store, baseTag, { output: output.stream });
  return output.bytes();
}

/** The text of a chunk's config and manifest. */
async function imageOf(store: Store, tag: string): Promise<{ config: string; manifest: string }> {
  const manifest = await store.manifest(tag);
  assert.ok(manifest, `${tag} is not there`);
  const { config } = readImageManifest(manifest);
  const bytes = await collect(await store.read(config.digest), config.size);
  return { config: new TextDecoder().decode(bytes), manifest: new TextDecoder().decode(manifest.bytes) };
}

/** The requests that change something, without their repository. */
function changes({ requests }: FakeRegistry): string[] {
  return requests.filter(({ method }) => method !== "GET" && method !== "HEAD")
    .map(({ method, path }) => `${method} ${path.replace("/v2/me/files/", "")}`);
}

const tagged = (registry: FakeRegistry) =>
  changes(registry).filter((line) => line.startsWith("PUT manifests/")).map((line) => line.slice(14));

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
    await download(store, `f${size}`, { output: work.path("out") });
    assert.deepEqual(await Deno.readFile(work.path("out")), bytes);
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

Deno.test("a complete stash is told by the manifests of its tags, and nothing is sent", async () => {
  await using registry = await startFakeRegistry();
  await using work = await makeWorkspace();
  using store = openFake(registry);
  const options = { input: await work.write("disk.img", FIVE), chunkSize: CHUNK };
  await upload(store, "disk", options);
  registry.requests.length = 0;
  const events: TransferEvent[] = [];
  const stash = await upload(store, "disk", { ...options, onEvent: (event) => void events.push(event) });
  assert.equal(stash.size, FIVE.length);
  assert.deepEqual(changes(registry), []);
  const manifests = registry.requests.filter(({ method, path }) =>
    method === "GET" && path.includes("/manifests/")
  );
  assert.equal(manifests.length, 5, "every tag is looked at once: one may be gone, or hold another image");
  const states = events.flatMap((event) => event.type === "blob" ? [`${event.index} ${event.state}`] : []);
  assert.deepEqual(states, ["1 present", "2 present", "3 present", "4 present", "5 present"]);
});

Deno.test("a complete stash that is streamed once more stays as it is", async () => {
  await using registry = await startFakeRegistry();
  using store = openFake(registry);
  await upload(store, "pipe", { input: streamOf(FIVE), chunkSize: CHUNK });
  registry.requests.length = 0;
  const stash = await upload(store, "pipe", { input: streamOf(FIVE), chunkSize: CHUNK });
  assert.equal(stash.size, FIVE.length);
  assert.deepEqual(changes(registry), []);
});

Deno.test("the tag of the last chunk is put last, with any number of jobs", async () => {
  for (const jobs of [1, 4, 16]) {
    await using registry = await startFakeRegistry();
    await using work = await makeWorkspace();
    using store = openFake(registry);
    await upload(store, "disk", {
      input: await work.write("disk.img", FIVE),
      chunkSize: CHUNK,
      jobs,
    });
    assert.equal(changes(registry).at(-1), "PUT manifests/disk-5");
    assert.deepEqual(tagged(registry).sort(), ["disk-1", "disk-2", "disk-3", "disk-4", "disk-5"]);
  }
});

Deno.test("an upload that was stopped is incomplete, and a rerun sends only what is missing", async () => {
  for (const after of [1, 2, 3, 4]) {
    await using registry = await startFakeRegistry();
    await using work = await makeWorkspace();
    using store = openFake(registry);
    const options = { input: await work.write("disk.img", FIVE), chunkSize: CHUNK, jobs: 1 };
    const stop = new AbortController();
    registry.faults.onRequest = ({ method, path }) => {
      if (method === "POST" && registry.storage.repository("me/files").tags.has(`disk-${after}`)) {
        stop.abort(new Error(`stopped at ${path}`));
      }
    };
    await assert.rejects(upload(store, "disk", { ...options, signal: stop.signal }), /^Error: stopped at/);
    registry.faults.onRequest = () => {};
    await assert.rejects(download(store, "disk", { output: work.path("out") }), NotFoundError);
    assert.ok(!await work.has("out") && !await work.has("out.part"));
    registry.requests.length = 0;
    await upload(store, "disk", options);
    const missing = ["disk-2", "disk-3", "disk-4", "disk-5"].slice(after - 1);
    assert.deepEqual(tagged(registry), missing);
    const blobs = changes(registry).filter((line) => line === "POST blobs/uploads/");
    assert.equal(blobs.length, 2 * missing.length, "one blob and one config for each");
    assert.deepEqual(await stored(store, "disk"), FIVE);
  }
});

Deno.test("a stash of which only the last tag is missing is completed", async () => {
  await using registry = await startFakeRegistry();
  await using work = await makeWorkspace();
  using store = openFake(registry);
  const options = { input: await work.write("disk.img", FIVE), chunkSize: CHUNK };
  registry.faults.failNext = [{ method: "PUT", path: /manifests\/disk-5$/, status: 403, times: 1 }];
  await assert.rejects(upload(store, "disk", options), NotAllowedError);
  await assert.rejects(stored(store, "disk"), (error: Error) => {
    assert.ok(error instanceof NotFoundError);
    assert.match(error.message, /^the stash disk is incomplete: its last chunk, disk-5, is missing$/);
    return true;
  });
  await upload(store, "disk", options);
  assert.deepEqual(await stored(store, "disk"), FIVE);
});

Deno.test("a stopped upload of a stream is incomplete, and feeding it once more completes it", async () => {
  await using registry = await startFakeRegistry();
  using store = openFake(registry);
  registry.faults.failNext = [{ method: "PUT", path: /manifests\/pipe-3$/, status: 403, times: 1 }];
  const options = () => ({ input: streamOf(FIVE), chunkSize: CHUNK });
  await assert.rejects(upload(store, "pipe", options()), NotAllowedError);
  await assert.rejects(stored(store, "pipe"), /the stash is incomplete: pipe-2 is not its last chunk/);
  await upload(store, "pipe", options());
  assert.deepEqual(await stored(store, "pipe"), FIVE);
});

const OTHER = FIVE.with(4 * CHUNK, FIVE[4 * CHUNK]! ^ 1) as Uint8Array<ArrayBuffer>;
const CONFLICTS: [string, Uint8Array<ArrayBuffer>][] = [
  ["one byte of the last chunk", OTHER],
  ["a shorter file", FIVE.slice(0, 2 * CHUNK)],
  ["a file of one chunk less", FIVE.slice(0, 4 * CHUNK)],
  ["a grown file", new Uint8Array([...FIVE, 1, 2, 3, 4, 5])],
  ["an empty file", new Uint8Array()],
];

testOnEachStore("other bytes are a conflict, and nothing at all is changed", async (place) => {
  await using work = await makeWorkspace();
  using store = place.open();
  await upload(store, "disk", { input: await work.write("disk.img", FIVE), chunkSize: CHUNK });
  const before = await place.contents();
  for (const [what, bytes] of CONFLICTS) {
    const input = await work.write("disk.img", bytes);
    await assert.rejects(upload(store, "disk", { input, chunkSize: CHUNK }), ConflictError, what);
    assert.deepEqual(await place.contents(), before, what);
    const piped = { input: streamOf(bytes), chunkSize: CHUNK };
    await assert.rejects(upload(store, "disk", piped), ConflictError, `${what}, piped`);
    assert.deepEqual(await place.contents(), before, `${what}, piped`);
  }
});

testOnEachStore("a stash whose chunks were all full does not grow by itself", async (place) => {
  await using work = await makeWorkspace();
  using store = place.open();
  await upload(store, "disk", {
    input: await work.write("disk.img", FIVE.slice(0, 2 * CHUNK)),
    chunkSize: CHUNK,
  });
  const before = await place.contents();
  const options = { chunkSize: CHUNK };
  await assert.rejects(
    upload(store, "disk", { ...options, input: await work.write("disk.img", FIVE) }),
    ConflictError,
  );
  await assert.rejects(upload(store, "disk", { ...options, input: streamOf(FIVE) }), ConflictError);
  assert.deepEqual(await place.contents(), before);
});

testOnEachStore("overwriting leaves the new stash and no tag of the old", async (place) => {
  await using work = await makeWorkspace();
  using store = place.open();
  const options = { chunkSize: CHUNK, overwrite: true };
  const write = async (bytes: Uint8Array<ArrayBuffer>) => {
    await upload(store, "disk", { ...options, input: await work.write("disk.img", bytes) });
    assert.deepEqual(await stored(store, "disk"), bytes);
  };
  await write(FIVE);
  await write(OTHER);
  await write(someBytes(2 * CHUNK, 7));
  assert.deepEqual(await Array.fromAsync(store.tags()), ["disk-1", "disk-2"]);
  await write(someBytes(7 * CHUNK + 1, 8));
  for (const bytes of [someBytes(3 * CHUNK, 9), someBytes(CHUNK + 1, 9), FIVE]) {
    await upload(store, "disk", { ...options, input: streamOf(bytes) });
    assert.deepEqual(await stored(store, "disk"), bytes);
    const [listed] = await Array.fromAsync(list(store));
    assert.equal(listed?.chunks, chunkCount(bytes.length, CHUNK));
  }
});

Deno.test("old tags that a registry does not delete are named, and the new stash is whole", async () => {
  for (const piped of [false, true]) {
    await using registry = await startFakeRegistry({ faults: { refuseDeletes: 405 } });
    await using work = await makeWorkspace();
    using store = openFake(registry);
    const options = { chunkSize: CHUNK, overwrite: true };
    await upload(store, "disk", { ...options, input: await work.write("disk.img", FIVE) });
    const notices: string[] = [];
    const onEvent = (event: TransferEvent) => {
      if (event.type === "notice") notices.push(event.message);
    };
    const bytes = someBytes(2 * CHUNK + 1, 5);
    const input = piped ? streamOf(bytes) : await work.write("disk.img", bytes);
    await upload(store, "disk", { ...options, input, onEvent });
    assert.equal(notices.length, 2);
    assert.match(notices[0]!, /^the old tag disk-4 could not be removed: .*deletes nothing/);
    assert.match(notices[1]!, /^the old tag disk-5 could not be removed: .*deletes nothing/);
    assert.deepEqual(await stored(store, "disk"), bytes);
  }
});

Deno.test("an overwriting that was interrupted is told apart from a whole stash", async () => {
  await using registry = await startFakeRegistry();
  await using work = await makeWorkspace();
  using store = openFake(registry);
  const options = { chunkSize: CHUNK };
  await upload(store, "disk", { ...options, input: await work.write("disk.img", FIVE) });
  registry.faults.failNext = [{ method: "PUT", path: /manifests\/disk-5$/, status: 403, times: 1 }];
  const input = await work.write("disk.img", someBytes(FIVE.length, 3));
  await assert.rejects(upload(store, "disk", { ...options, input, overwrite: true }), NotAllowedError);
  await assert.rejects(stored(store, "disk"), (error: Error) => {
    assert.ok(error instanceof MismatchError);
    assert.match(error.message, /^disk-1 and disk-5 belong to different uploads: the stash is torn$/);
    return true;
  });
  await upload(store, "disk", { ...options, input, overwrite: true });
  assert.deepEqual(await stored(store, "disk"), someBytes(FIVE.length, 3));
});

Deno.test("an image that is no chunk is a conflict, and is never overwritten", async () => {
  await using registry = await startFakeRegistry();
  await using work = await makeWorkspace();
  using store = openFake(registry);
  const options = { input: await work.write("disk.img", FIVE), chunkSize: CHUNK };
  const bytes = new TextEncoder().encode('{"schemaVersion":2,"manifests":[]}');
  const mediaType = "application/vnd.oci.image.index.v1+json";
  registry.storage.addManifest("me/files", { mediaType, bytes }, "disk-1");
  await assert.rejects(upload(store, "disk", options), ConflictError);
  await assert.rejects(upload(store, "disk", { ...options, input: streamOf(FIVE) }), ConflictError);
  await assert.rejects(upload(store, "disk", { ...options, overwrite: true }), ConflictError);
  assert.deepEqual(changes(registry), []);
});

testOnEachStore("a stash of the Python layerstash is taken over, or left as it is", async (place) => {
  await using work = await makeWorkspace();
  using store = place.open();
  for (let number = 1; number <= 3; number++) {
    const layer = await store.write(bytesSource(FIVE.slice((number - 1) * CHUNK, number * CHUNK)));
    const config = await store.write(bytesSource(new TextEncoder().encode('{"os":"linux"}')));
    const manifest = encodeManifest({
      schemaVersion: 2,
      mediaType: IMAGE_MANIFEST[store.family],
      config: { ...config, mediaType: IMAGE_CONFIG[store.family] },
      layers: [layer],
    });
    await store.putManifest(`disk-${number}`, manifest);
  }
  const before = await place.contents();
  const options = { chunkSize: CHUNK };
  const other = FIVE.with(2 * CHUNK, FIVE[2 * CHUNK]! ^ 1).slice();
  for (const input of [streamOf(other), await work.write("other", other), streamOf(FIVE.slice(0, CHUNK))]) {
    await assert.rejects(upload(store, "disk", { ...options, input }), ConflictError);
    assert.deepEqual(await place.contents(), before);
  }
  await upload(store, "disk", { ...options, input: streamOf(FIVE) });
  assert.deepEqual(await stored(store, "disk"), FIVE);
});

Deno.test("a tag that is listed but no longer there is no conflict", async () => {
  await using registry = await startFakeRegistry();
  await using work = await makeWorkspace();
  using store = openFake(registry);
  const { tags, manifests } = registry.storage.repository("me/files");
  await upload(store, "other", { input: streamOf(FIVE), chunkSize: CHUNK });
  tags.set("disk-1", "sha256:0");
  assert.ok(!manifests.has("sha256:0"));
  const input = await work.write("disk.img", FIVE);
  await upload(store, "disk", { input, chunkSize: CHUNK });
  assert.deepEqual(await stored(store, "disk"), FIVE);
});

testOnEachStore("a blob that has gone is sent again", async (place) => {
  await using work = await makeWorkspace();
  using store = place.open();
  const options = { input: await work.write("disk.img", FIVE), chunkSize: CHUNK };
  for (const overwrite of [false, true]) {
    const stash = await upload(store, "disk", options);
    await place.damage(stash.chunks[2]!.digest, () => undefined);
    assert.equal((await verify(store, "disk")).faults.length, 1);
    await upload(store, "disk", { ...options, overwrite });
    assert.deepEqual((await verify(store, "disk", { deep: true })).faults, []);
  }
});

Deno.test("each chunk of a stash is looked for once, also where another one is missing", async () => {
  await using registry = await startFakeRegistry();
  await using work = await makeWorkspace();
  using store = openFake(registry);
  const options = { input: await work.write("disk.img", FIVE), chunkSize: CHUNK };
  const { chunks } = await upload(store, "disk", options);
  registry.storage.repository("me/files").blobs.delete(chunks[2]!.digest);
  registry.requests.length = 0;
  await upload(store, "disk", options);
  const looks = registry.requests.filter(({ method, path }) => method !== "PUT" && path.includes("/blobs/"));
  const others = chunks.filter(({ number }) => number !== 3);
  for (const { digest } of others) assert.equal(looks.filter(({ path }) => path.endsWith(digest)).length, 1);
  assert.deepEqual((await verify(store, "disk", { deep: true })).faults, []);
});

Deno.test("what is damaged in a directory is written anew with --overwrite", async () => {
  await using work = await makeWorkspace();
  using store = openStore({ registry: `oci:${work.path("box")}`, repository: "me/files" });
  const options = { input: await work.write("disk.img", FIVE), chunkSize: CHUNK };
  const stateDirectory = work.path("state");
  const { chunks } = await upload(store, "disk", options);
  for (const more of [{}, { stateDirectory }, { stateDirectory }, { input: streamOf(FIVE) }]) {
    const path = work.path(`box/me/files/blobs/sha256/${chunks[1]!.digest.slice(7)}`);
    await Deno.writeFile(path, new Uint8Array(CHUNK));
    await Deno.truncate(path.replace(chunks[1]!.digest.slice(7), chunks[2]!.digest.slice(7)), 10);
    assert.equal((await verify(store, "disk", { deep: true })).faults.length, 2);
    await upload(store, "disk", { ...options, ...more, overwrite: true });
    assert.deepEqual((await verify(store, "disk", { deep: true })).faults, []);
  }
});

testOnEachStore("a blob that was cut off is stored again, or said to stay so", async (place) => {
  await using work = await makeWorkspace();
  using store = place.open();
  const options = { input: await work.write("disk.img", FIVE), chunkSize: CHUNK };
  for (const more of [{}, { overwrite: true }, { stateDirectory: work.path("state") }]) {
    const { chunks } = await upload(store, "disk", { ...options, overwrite: true });
    await place.damage(chunks[2]!.digest, (bytes) => bytes.slice(0, 10));
    const done = await upload(store, "disk", { ...options, ...more }).then(() => undefined, (error) => error);
    const { faults } = await verify(store, "disk");
    if (!done) assert.deepEqual(faults, []);
    else {
      assert.ok(done instanceof MismatchError);
      assert.match(done.message, /^\S+ keeps a damaged blob: sha256:\w{64} has 10 bytes there, not 1000$/);
      assert.match(done.hint ?? "", /--chunk-size/);
      assert.equal(faults.length, 1);
      await place.damage(chunks[2]!.digest, () => undefined); // its owner deletes the file
    }
  }
});

testOnEachStore("standard input is not said to be stored where a blob of it is missing", async (place) => {
  using store = place.open();
  const again = (overwrite: boolean) =>
    upload(store, "disk", { input: streamOf(FIVE), chunkSize: CHUNK, overwrite });
  for (const complete of [true, false]) {
    const { chunks } = await again(true);
    if (!complete) await store.removeManifest("disk-5");
    await place.damage(chunks[2]!.digest, () => undefined);
    await assert.rejects(again(false), (error) => {
      assert.ok(error instanceof MismatchError);
      assert.equal(error.message, "disk-3: its blob is missing or damaged");
      assert.match(error.hint ?? "", /--overwrite/);
      return true;
    });
    await again(true);
    assert.deepEqual((await verify(store, "disk", { deep: true })).faults, []);
  }
});

Deno.test("a file that changes while it is stored never becomes a stash", async () => {
  const meddle: [string, (path: string) => Promise<void>][] = [
    ["it grows", (path) => Deno.writeTextFile(path, "more", { append: true })],
    ["it shrinks", (path) => Deno.truncate(path, 10)],
    ["other bytes of the same length", (path) => Deno.writeFile(path, someBytes(FIVE.length, 99))],
    ["it is touched", (path) => Deno.utime(path, new Date(), new Date())],
    ["it is removed", (path) => Deno.remove(path)],
    ["it is renamed", (path) => Deno.rename(path, `${path}.old`)],
    ["another takes its place", async (path) => {
      await Deno.rename(path, `${path}.old`);
      await Deno.copyFile(`${path}.old`, path);
    }],
  ];
  for (const [how, change] of meddle) {
    await using registry = await startFakeRegistry();
    await using work = await makeWorkspace();
    using store = openFake(registry);
    const input = await work.write("disk.img", FIVE);
    registry.faults.onRequest = async ({ method, path }) => {
      if (method === "PUT" && path.endsWith("/manifests/disk-2")) await change(input);
    };
    const done = upload(store, "disk", { input, chunkSize: CHUNK, jobs: 1 });
    await assert.rejects(done, (error) => {
      assert.ok(error instanceof MismatchError, `${how}: ${error}`);
      assert.match(error.message, /disk\.img was (changed|removed or renamed) while it was stored/, how);
      assert.match(error.hint!, /^it was not completed: store it again when nothing writes to it$/, how);
      return true;
    }, how);
    assert.equal(await store.resolve("disk-5"), undefined, how);
  }
});

Deno.test("a file whose date was put back was changed all the same", async () => {
  await using work = await makeWorkspace();
  using hasher = new Hasher();
  await using input = await openInput(await work.write("disk.img", FIVE), hasher);
  await input.requireUnchanged();
  const { stat } = Deno;
  Deno.stat = async (path) => { // as after a second, in which somebody has written, and set the date
    const info = await stat(path);
    return { ...info, ctime: new Date(info.ctime!.getTime() + 1000) };
  };
  try {
    await assert.rejects(input.requireUnchanged(), MismatchError);
  } finally {
    Deno.stat = stat;
  }
});

Deno.test("what cannot be read is said, and nothing is asked of the registry", async () => {
  await using registry = await startFakeRegistry();
  await using work = await makeWorkspace();
  using store = openFake(registry);
  const attempt = (options: UploadOptions, baseTag = "x") => upload(store, baseTag, options);
  await assert.rejects(attempt({ input: work.path("none") }), NotFoundError);
  await Deno.mkdir(work.path("folder"));
  await assert.rejects(attempt({ input: work.path("folder") }), InvalidInputError);
  if (POSIX) await assert.rejects(attempt({ input: "/dev/null" }), InvalidInputError);
  const input = await work.write("disk.img", FIVE);
  await assert.rejects(attempt({ input }, ".hidden"), InvalidInputError);
  await assert.rejects(attempt({ input }, "two words"), InvalidInputError);
  await assert.rejects(attempt({ input }, ""), InvalidInputError);
  for (const chunkSize of [0, -1, 1.5, NaN]) {
    await assert.rejects(attempt({ input, chunkSize }), InvalidInputError);
  }
  // -5 would fit behind it, -10 would not
  const baseTag = "t".repeat(126);
  await assert.rejects(attempt({ input, chunkSize: 500 }, baseTag), InvalidInputError);
  assert.deepEqual(registry.requests, []);
  await attempt({ input, chunkSize: CHUNK }, baseTag);
});

Deno.test("a file that does not tell its size is not taken for an empty one", onLinux("/proc"), async () => {
  await using work = await makeWorkspace();
  using store = openStore({ registry: `oci:${work.path("box")}`, repository: "me/files" });
  const input = "/proc/cpuinfo";
  await upload(store, "none", { input: await work.write("none", "") });
  const attempts = [
    () => upload(store, "cpu", { input }),
    () => verify(store, "none", { file: input }),
    () => pushBlob(store, input),
    () => digestOfFile(input),
  ];
  for (const attempt of attempts) {
    await assert.rejects(attempt, (error) => {
      assert.ok(error instanceof InvalidInputError, `${error}`);
      assert.match(error.message, /\/proc\/cpuinfo is not empty, but its size is given as 0 bytes/);
      return true;
    });
  }
});

Deno.test("a file that may not be read is said", onPosix("file modes"), async () => {
  await using work = await makeWorkspace();
  using store = openStore({ registry: `oci:${work.path("box")}`, repository: "me/files" });
  const input = await work.write("disk.img", "secret");
  await Deno.chmod(input, 0);
  const refused = Deno.open;
  // root may read everything: the system's refusal is played to it
  if (Deno.uid() === 0) Deno.open = () => Promise.reject(new Deno.errors.PermissionDenied("os error 13"));
  try {
    await assert.rejects(upload(store, "disk", { input }), NotAllowedError);
  } finally {
    Deno.open = refused;
  }
});

Deno.test("a stream that grows past the last possible tag stops before the chunk is sent", async () => {
  await using registry = await startFakeRegistry();
  using store = openFake(registry);
  const baseTag = "t".repeat(126);
  const done = upload(store, baseTag, { input: streamOf(someBytes(100)), chunkSize: 5 });
  await assert.rejects(done, InvalidInputError);
  assert.equal(changes(registry).filter((line) => line === "POST blobs/uploads/").length, 2 * 9);
});

Deno.test("a stream that is not read to its end is cancelled", async () => {
  await using registry = await startFakeRegistry();
  using store = openFake(registry);
  await upload(store, "pipe", { input: streamOf(FIVE), chunkSize: CHUNK });
  for (const [baseTag, chunkSize] of [["pipe", CHUNK], ["two words", CHUNK], ["pipe", 0]] as const) {
    let cancelled = false;
    const input = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(new Uint8Array(10)),
      cancel: () => void (cancelled = true),
    });
    await assert.rejects(upload(store, baseTag, { input, chunkSize }));
    assert.ok(cancelled);
  }
});

Deno.test("a stream that fails is no stash, and its own error is thrown", async () => {
  await using registry = await startFakeRegistry();
  using store = openFake(registry);
  let pieces = 0;
  const input = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (pieces++ < 3) controller.enqueue(someBytes(700));
      else controller.error(new Error("the source broke"));
    },
  });
  await assert.rejects(upload(store, "pipe", { input, chunkSize: CHUNK }), /the source broke/);
  await assert.rejects(stored(store, "pipe"), NotFoundError);
});

Deno.test("chunks cover a file exactly, whatever the sizes", async () => {
  await using work = await makeWorkspace();
  using hasher = new Hasher();
  const size = fc.integer({ min: 0, max: 3000 });
  const chunkSize = fc.integer({ min: 1, max: 700 });
  await fc.assert(fc.asyncProperty(size, chunkSize, async (size, chunkSize) => {
    const bytes = someBytes(size, size + 1);
    const input = await openInput(await work.write("in", bytes), hasher);
    const read: number[] = [];
    let count = 0;
    for await (const { number, source, isLast } of input.chunks(chunkSize)) {
      assert.equal(number, ++count);
      assert.equal(await isLast(), number === chunkCount(size, chunkSize));
      assert.equal(source.size, await isLast() ? size - (number - 1) * chunkSize : chunkSize);
      read.push(...await collect(source.open(), chunkSize));
    }
    assert.equal(count, chunkCount(size, chunkSize));
    assert.deepEqual(new Uint8Array(read), bytes);
  }));
});

Deno.test("a chunk's tag is read as it was made", () => {
  const tag = fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9._-]{0,100}$/);
  fc.assert(fc.property(tag, fc.integer({ min: 1, max: 1e9 }), (baseTag, number) => {
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

Deno.test("the same file in other chunks is a conflict that tells the size of the chunks that are there", async () => {
  await using registry = await startFakeRegistry();
  await using work = await makeWorkspace();
  using store = openFake(registry);
  const input = await work.write("disk.img", FIVE);
  const hintFor = async (chunkSize: number, bytes: string | ReadableStream<Uint8Array>) => {
    const error = await upload(store, "disk", { input: bytes, chunkSize }).catch((error) => error);
    assert.ok(error instanceof ConflictError);
    return error.hint!;
  };
  for (const [stored, again] of [[CHUNK, CHUNK + 1], [CHUNK, 10 * CHUNK], [10 * CHUNK, CHUNK]] as const) {
    await upload(store, "disk", { input, chunkSize: stored, overwrite: true });
    const same = new RegExp(`say --chunk-size ${exactSize(stored)} if it is the same file`);
    assert.match(await hintFor(again, input), same);
    assert.match(await hintFor(again, streamOf(FIVE)), same);
  }
  const longer = await work.write("longer.img", someBytes(6 * CHUNK));
  assert.doesNotMatch(await hintFor(CHUNK, longer), /--chunk-size/);
});

Deno.test("an upload that was interrupted and goes on in other chunks tells their size", async () => {
  await using registry = await startFakeRegistry();
  await using work = await makeWorkspace();
  using store = openFake(registry);
  const input = await work.write("disk.img", FIVE);
  await upload(store, "disk", { input, chunkSize: CHUNK });
  for (const number of [5, 4, 3]) await store.removeManifest(`disk-${number}`);
  for (const bytes of [input, streamOf(FIVE)]) {
    for (const chunkSize of [CHUNK * 2, CHUNK * 9]) {
      await assert.rejects(upload(store, "disk", { input: bytes, chunkSize }), (error) => {
        assert.ok(error instanceof ConflictError);
        assert.match(error.hint!, new RegExp(`say --chunk-size ${exactSize(CHUNK)} if it is the same file`));
        return true;
      });
      if (bytes !== input) break; // it was read
    }
  }
});
