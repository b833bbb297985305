/** Verifying: what the registry holds, and a local file against it. @module */
import assert from "node:assert/strict";
import {
  type Digest,
  InvalidInputError,
  NotFoundError,
  openStore,
  type TransferEvent,
  upload,
  verify,
} from "../main.ts";
import { makeWorkspace, someBytes, streamOf } from "./rigs/content.ts";
import { testClock } from "./rigs/clock.ts";
import { startFakeRegistry } from "./rigs/fake_registry.ts";
import { testOnEachStore } from "./rigs/stores.ts";

const BYTES = someBytes(45);

testOnEachStore("a blob that is missing, short, long or corrupted is found", async (place) => {
  using store = place.open({ clock: testClock() });
  const { chunks } = await upload(store, "disk", { input: streamOf(BYTES), chunkSize: 10 });
  const check = async (deep: boolean) => (await verify(store, "disk", { deep })).faults;
  assert.deepEqual(await check(false), []);
  assert.deepEqual(await check(true), []);
  const digestOf = (number: number): Digest => chunks[number - 1]!.digest;
  await place.damage(digestOf(2), (bytes) => bytes.map((byte, at) => at === 9 ? byte ^ 1 : byte));
  assert.deepEqual(await check(false), [], "sizes alone do not show it");
  await place.damage(digestOf(3), (bytes) => bytes.subarray(0, 7));
  await place.damage(digestOf(4), () => undefined);
  await place.damage(digestOf(5), (bytes) => new Uint8Array([...bytes, 0, 0]));
  assert.deepEqual(await check(false), [
    { chunk: 3, kind: "size", problem: "its blob has 7 bytes, not 10" },
    { chunk: 4, kind: "missing", problem: "its blob is missing" },
    { chunk: 5, kind: "size", problem: "its blob has 7 bytes, not 5" },
  ]);
  const deep = await check(true);
  assert.deepEqual(deep.map(({ chunk }) => chunk), [2, 3, 4, 5]);
  assert.deepEqual(deep[0], { chunk: 2, kind: "bytes", problem: "its blob is corrupted" });
  assert.deepEqual(deep.map(({ kind }) => kind), ["bytes", "bytes", "missing", "bytes"]);
  assert.equal(deep[2]!.problem, "its blob is missing");
});

testOnEachStore("a local file is compared, and the chunks have to exist, too", async (place) => {
  await using work = await makeWorkspace();
  using store = place.open({ clock: testClock() });
  const { chunks } = await upload(store, "disk", { input: streamOf(BYTES), chunkSize: 10 });
  const compare = async (bytes: Uint8Array) => {
    const file = await work.write("disk.img", bytes);
    return (await verify(store, "disk", { file })).faults;
  };
  assert.deepEqual(await compare(BYTES), []);
  assert.deepEqual(await compare(BYTES.with(15, BYTES[15]! ^ 1)), [
    { chunk: 2, kind: "file", problem: "the file has other bytes" },
  ]);
  assert.deepEqual(await compare(BYTES.subarray(0, 25)), [
    { chunk: 0, kind: "file", problem: "the file has 25 bytes, the stash 45" },
    { chunk: 3, kind: "file", problem: "the file ends before the end of this chunk" },
    { chunk: 4, kind: "file", problem: "the file ends before the end of this chunk" },
    { chunk: 5, kind: "file", problem: "the file ends before the end of this chunk" },
  ]);
  assert.deepEqual(await compare(new Uint8Array([...BYTES, 1])), [
    { chunk: 0, kind: "file", problem: "the file has 46 bytes, the stash 45" },
  ]);
  await place.damage(chunks[2]!.digest, () => undefined);
  assert.deepEqual(await compare(BYTES.with(0, BYTES[0]! ^ 1)), [
    { chunk: 1, kind: "file", problem: "the file has other bytes" },
    { chunk: 3, kind: "missing", problem: "its blob is missing" },
  ]);
});

Deno.test("both copies can be checked at once", async () => {
  await using registry = await startFakeRegistry();
  await using work = await makeWorkspace();
  using store = openStore({ registry: registry.url, repository: "me/files" });
  const { chunks } = await upload(store, "disk", { input: streamOf(BYTES), chunkSize: 10 });
  registry.faults.damaged = { [chunks[4]!.digest]: 0 };
  const file = await work.write("disk.img", BYTES.with(0, BYTES[0]! ^ 1));
  assert.deepEqual((await verify(store, "disk", { file, deep: true })).faults, [
    { chunk: 1, kind: "file", problem: "the file has other bytes" },
    { chunk: 5, kind: "bytes", problem: "its blob is corrupted" },
  ]);
});

Deno.test("every chunk that was checked is an event, and the plan comes first", async () => {
  await using registry = await startFakeRegistry();
  using store = openStore({ registry: registry.url, repository: "me/files" });
  await upload(store, "disk", { input: streamOf(BYTES), chunkSize: 10 });
  const events: TransferEvent[] = [];
  await verify(store, "disk", { deep: true, onEvent: (event) => void events.push(event) });
  const [first] = events.filter(({ type }) => type !== "request");
  assert.deepEqual(first, { type: "plan", size: 45, blobs: 5, chunkSize: 10 });
  const checked = events.flatMap((event) =>
    event.type === "blob" && event.state === "checked" ? [event.index] : []
  );
  assert.deepEqual(checked.sort(), [1, 2, 3, 4, 5]);
});

Deno.test("where both copies are checked, the plan has both, and each chunk is told once for each", async () => {
  await using work = await makeWorkspace();
  using store = openStore({ registry: `oci:${work.path("box")}`, repository: "me/files" });
  await upload(store, "disk", { input: streamOf(BYTES), chunkSize: 10 });
  const file = await work.write("disk.img", BYTES);
  const events: TransferEvent[] = [];
  const onEvent = (event: TransferEvent) => void events.push(event);
  await verify(store, "disk", { file, deep: true, onEvent });
  const plans = events.filter(({ type }) => type === "plan");
  assert.deepEqual(plans, [{ type: "plan", size: 90, blobs: 10, chunkSize: 10 }]);
  const chunks = events.filter((event) => event.type === "blob");
  assert.equal(chunks.length, 10);
  assert.equal(chunks.reduce((sum, { size }) => sum + size, 0), 90);
});

Deno.test("a chunk that is faulty is told of with its fault", async () => {
  await using work = await makeWorkspace();
  using store = openStore({ registry: `oci:${work.path("box")}`, repository: "me/files" });
  await upload(store, "disk", { input: streamOf(BYTES), chunkSize: 10 });
  const file = await work.write("disk.img", BYTES.with(15, BYTES[15]! ^ 1));
  const events: TransferEvent[] = [];
  await verify(store, "disk", { file, jobs: 1, onEvent: (event) => void events.push(event) });
  const faults = events.flatMap((event) => event.type === "blob" ? [event.fault] : []);
  assert.deepEqual(faults, [undefined, "the file has other bytes", undefined, undefined, undefined]);
});

Deno.test("what cannot be verified is said", async () => {
  await using registry = await startFakeRegistry();
  await using work = await makeWorkspace();
  using store = openStore({ registry: registry.url, repository: "me/files" });
  await assert.rejects(verify(store, "disk"), NotFoundError);
  await upload(store, "disk", { input: streamOf(BYTES), chunkSize: 10 });
  await assert.rejects(verify(store, "disk", { file: work.path("none") }), NotFoundError);
  await Deno.mkdir(work.path("folder"));
  await assert.rejects(verify(store, "disk", { file: work.path("folder") }), InvalidInputError);
});
