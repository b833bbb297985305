/** Removing a stash, and nothing else. @module */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { bytesSource } from "../lib/exports/store.ts";
import {
  ConflictError,
  download,
  InvalidInputError,
  NotFoundError,
  openStore,
  remove,
  type TransferEvent,
  upload,
  verify,
} from "../main.ts";
import { encodeManifest } from "../lib/oci/manifest.ts";
import { IMAGE_MANIFEST } from "../lib/oci/media_types.ts";
import { pushPlaceholder } from "../lib/store/placeholder.ts";
import { makeWorkspace, sink, someBytes, streamOf } from "./rigs/content.ts";
import { startFakeRegistry } from "./rigs/fake_registry.ts";
import { startRegistry } from "./rigs/real_registry.ts";
import { ensureTool } from "./rigs/debian.ts";
import { testOnEachStore } from "./rigs/stores.ts";

testOnEachStore("a stash is removed, and one with the same content stays whole", async (place) => {
  await using work = await makeWorkspace();
  using store = place.open();
  const bytes = someBytes(25);
  const input = await work.write("disk.img", bytes);
  for (const baseTag of ["disk", "twin", "disk-1", "my-disk"]) {
    await upload(store, baseTag, { input, chunkSize: 10 });
  }
  assert.equal(await store.resolve("disk-2"), await store.resolve("twin-2"), "the same manifests");
  const { removed, kept } = await remove(store, "disk");
  assert.deepEqual(removed, ["disk-3", "disk-2", "disk-1"], "the last one first");
  assert.deepEqual(kept, []);
  const tags = ["disk-1-1", "disk-1-2", "disk-1-3", "my-disk-1", "my-disk-2", "my-disk-3"];
  assert.deepEqual((await Array.fromAsync(store.tags())).sort(), [...tags, "twin-1", "twin-2", "twin-3"]);
  for (const baseTag of ["twin", "disk-1", "my-disk"]) {
    assert.deepEqual((await verify(store, baseTag, { deep: true })).faults, []);
  }
  const output = sink();
  await download(store, "twin", { output: output.stream });
  assert.deepEqual(output.bytes(), bytes);
  await assert.rejects(remove(store, "disk"), NotFoundError);
  await upload(store, "disk", { input, chunkSize: 10 });
  assert.deepEqual((await verify(store, "disk", { deep: true })).faults, []);
});

testOnEachStore("the last stash of all can be removed", async (place) => {
  using store = place.open();
  await upload(store, "disk", { input: streamOf(someBytes(25)), chunkSize: 10 });
  await remove(store, "disk");
  assert.deepEqual(await Array.fromAsync(store.tags()), []);
});

testOnEachStore("a stash that is incomplete can be removed", async (place) => {
  using store = place.open();
  await upload(store, "disk", { input: streamOf(someBytes(45)), chunkSize: 10 });
  for (const tag of ["disk-5", "disk-1", "disk-3"]) await store.removeManifest(tag);
  const { removed } = await remove(store, "disk");
  assert.deepEqual(removed, ["disk-4", "disk-2"]);
});

for (
  const [name, ignore, start] of [
    ["the fake", false, () => startFakeRegistry({ faults: { refuseDeletes: 405 } })],
    [
      "docker-registry",
      !await ensureTool("docker-registry", "docker-registry"),
      () => startRegistry({ deletes: false }),
    ],
  ] as const
) {
  Deno.test(`where nothing is deleted every tag is kept as it is, with the reason (${name})`, {
    ignore,
  }, async () => {
    await using registry = await start();
    using store = openStore({ registry: registry.url, repository: "me/files" });
    await upload(store, "disk", { input: streamOf(someBytes(25)), chunkSize: 10 });
    const tags = ["disk-3", "disk-2", "disk-1"];
    const before = await Promise.all(tags.map((tag) => store.resolve(tag)));
    const { removed, kept } = await remove(store, "disk");
    assert.deepEqual(removed, []);
    assert.deepEqual(kept.map(({ tag }) => tag), tags);
    for (const { why, error } of kept) {
      assert.match(why, /deletes nothing: the registry answers 405 to every removal/);
      assert.match(error?.hint ?? "", /its owner has to allow deletions/);
    }
    assert.deepEqual(await Promise.all(tags.map((tag) => store.resolve(tag))), before);
    assert.deepEqual((await verify(store, "disk", { deep: true })).faults, []);
  });
}

testOnEachStore("a removal that is stopped before it begins removes nothing", async (place) => {
  using store = place.open();
  await upload(store, "disk", { input: streamOf(someBytes(25)), chunkSize: 10 });
  const reason = new Error("stopped");
  await assert.rejects(remove(store, "disk", { signal: AbortSignal.abort(reason) }), reason);
  assert.equal((await Array.fromAsync(store.tags())).length, 3);
});

Deno.test("a removal that is stopped leaves no stash that passes for whole", async () => {
  await using registry = await startFakeRegistry();
  using store = openStore({ registry: registry.url, repository: "me/files" });
  await upload(store, "disk", { input: streamOf(someBytes(25)), chunkSize: 10 });
  const stop = new AbortController();
  registry.faults.onRequest = ({ method, path }) => {
    if (method === "DELETE" && path.endsWith("disk-2")) stop.abort(new Error("stopped"));
  };
  const events: TransferEvent[] = [];
  const onEvent = (event: TransferEvent) => void events.push(event);
  await assert.rejects(remove(store, "disk", { signal: stop.signal, onEvent }), /^Error: stopped$/);
  const message = "removed before the interruption: disk-3";
  assert.deepEqual(events.filter(({ type }) => type === "notice"), [{ type: "notice", message }]);
  await assert.rejects(verify(store, "disk"), NotFoundError);
});

Deno.test("what a removal that was killed has left counts as absent", async () => {
  await using work = await makeWorkspace();
  await using registry = await startFakeRegistry();
  using store = openStore({ registry: registry.url, repository: "me/files" });
  const input = await work.write("disk.img", someBytes(25));
  for (const number of [3, 1]) {
    await upload(store, "disk", { input, chunkSize: 10, overwrite: true });
    await pushPlaceholder(store, `disk-${number}`, {});
    const missing = new RegExp(
      `^IncompleteStashError: the stash .*incomplete: .*disk-${number},? is missing$`,
    );
    await assert.rejects(verify(store, "disk"), missing);
    for (const more of [{}, { input: streamOf(someBytes(25)) }]) {
      await upload(store, "disk", { input, chunkSize: 10, ...more });
      assert.deepEqual((await verify(store, "disk", { deep: true })).faults, []);
      await pushPlaceholder(store, `disk-${number}`, {});
    }
  }
  await store.removeManifest("disk-3");
  await store.removeManifest("disk-2");
  await pushPlaceholder(store, "disk-7", {});
  await upload(store, "disk", { input: streamOf(someBytes(15, 2)), chunkSize: 10 });
  assert.deepEqual((await Array.fromAsync(store.tags())).sort(), ["disk-1", "disk-2"]);
});

Deno.test("another image without layers is a conflict", async () => {
  await using registry = await startFakeRegistry();
  using store = openStore({ registry: registry.url, repository: "me/files" });
  const config = await store.write(
    bytesSource(new TextEncoder().encode('{"architecture":"unknown","os":"unknown"}')),
  );
  const mediaType = IMAGE_MANIFEST.docker;
  await store.putManifest("disk-1", encodeManifest({ schemaVersion: 2, mediaType, config, layers: [] }));
  await assert.rejects(upload(store, "disk", { input: streamOf(someBytes(5)) }), ConflictError);
});

Deno.test("a base tag that is none is refused before anything is asked", async () => {
  await using registry = await startFakeRegistry();
  using store = openStore({ registry: registry.url, repository: "me/files" });
  await assert.rejects(remove(store, "a b"), InvalidInputError);
  assert.deepEqual(registry.requests, []);
});

Deno.test("what a removal cannot free is reported, and the tags are removed all the same", async () => {
  await using work = await makeWorkspace();
  using store = openStore({ registry: `oci:${work.path("box")}`, repository: "me/files" });
  const { chunks } = await upload(store, "disk", { input: streamOf(someBytes(20)), chunkSize: 10 });
  const blob = fileURLToPath(store.blobUrl(chunks[0]!.digest));
  await Deno.remove(blob);
  await Deno.mkdir(`${blob}/in-the-way`, { recursive: true });
  const notices: string[] = [];
  const onEvent = (event: TransferEvent) => void (event.type === "notice" && notices.push(event.message));
  const { removed, kept } = await remove(store, "disk", { onEvent });
  assert.deepEqual([removed, kept], [["disk-2", "disk-1"], []]);
  assert.equal(notices.length, 1);
  assert.match(notices[0]!, /takes up space that is not needed any more: .*not empty/);
});

Deno.test("a registry that may only be read says so of a removal", async () => {
  await using registry = await startFakeRegistry();
  using store = openStore({ registry: registry.url, repository: "me/files" });
  await upload(store, "disk", { input: streamOf(someBytes(25)), chunkSize: 10 });
  registry.faults.failNext = [{ method: "DELETE", status: 405, times: 99 }, {
    method: "POST",
    status: 405,
    times: 99,
  }];
  const { removed, kept } = await remove(store, "disk");
  assert.deepEqual(removed, []);
  for (const { why, error } of kept) {
    assert.equal(why, `${store.name} removes nothing: the registry answers 405 to every change`);
    assert.equal(error?.hint, "the registry may be read-only: ask its owner");
  }
  assert.equal(kept.length, 3);
});
