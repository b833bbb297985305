/** Uploads of what is stored already, wholly or in part: what is sent again and what is not. @module */
import assert from "node:assert/strict";
import {
  download,
  MismatchError,
  NotAllowedError,
  NotFoundError,
  openStore,
  type TransferEvent,
  upload,
  verify,
} from "../main.ts";
import { makeWorkspace, streamOf } from "./rigs/content.ts";
import { startFakeRegistry } from "./rigs/fake_registry.ts";
import { testOnEachStore } from "./rigs/stores.ts";
import { changes, CHUNK, FIVE, openFake, stored, tagged } from "./rigs/uploads.ts";

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
  await assert.rejects(stored(store, "pipe"), /the stash pipe is incomplete: pipe-2 is not its last chunk/);
  await upload(store, "pipe", options());
  assert.deepEqual(await stored(store, "pipe"), FIVE);
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
