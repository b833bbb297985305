/** Uploads to the tags of another stash: what is never changed, and what --overwrite does. @module */
import assert from "node:assert/strict";
import { exactSize } from "../lib/messages.ts";
import { bytesSource } from "../lib/exports/store.ts";
import { ConflictError, list, MismatchError, NotAllowedError, type TransferEvent, upload } from "../main.ts";
import { chunkCount } from "../lib/files/input.ts";
import { encodeManifest } from "../lib/oci/manifest.ts";
import { IMAGE_CONFIG, IMAGE_MANIFEST } from "../lib/oci/media_types.ts";
import { makeWorkspace, someBytes, streamOf } from "./rigs/content.ts";
import { startFakeRegistry } from "./rigs/fake_registry.ts";
import { testOnEachStore } from "./rigs/stores.ts";
import { changes, CHUNK, FIVE, openFake, stored } from "./rigs/uploads.ts";

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
    assert.match(error.message, /^the stash disk is torn: disk-1 and disk-5 belong to different uploads$/);
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
