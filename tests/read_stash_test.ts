/** Reads ranges of stashes as streams. @module */
import assert from "node:assert/strict";
import { info, openStore, readStash, upload } from "../main.ts";
import { InvalidInputError, MismatchError, NotFoundError } from "../lib/errors.ts";
import type { Store, StoreReader } from "../lib/store/store.ts";
import { withCalls } from "../lib/store/replaced_calls.ts";
import { concatenate, someBytes, streamOf } from "./rigs/content.ts";
import { startFakeRegistry } from "./rigs/fake_registry.ts";
import { testOnEachStore } from "./rigs/stores.ts";

const CHUNK = 100_000;
const BYTES = someBytes(3 * CHUNK - 1);

async function stored(store: Store) {
  return await upload(store, "film", { input: streamOf(BYTES), chunkSize: CHUNK });
}

async function bytesOf(stream: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  return concatenate(await Array.fromAsync(stream));
}

testOnEachStore("any range of a stash of several chunks is read, and no byte besides", async (place) => {
  using store = place.open();
  const stash = await stored(store);
  const edges = [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, BYTES.length - 1, BYTES.length];
  for (const start of edges) {
    for (const end of edges.filter((each) => each >= start)) {
      const found = await bytesOf(await readStash(store, { baseTag: stash, start, end }));
      assert.deepEqual(found, BYTES.subarray(start, end), `${start}-${end}`);
    }
  }
  assert.deepEqual(await bytesOf(await readStash(store, { baseTag: "film" })), BYTES);
  assert.deepEqual(
    await bytesOf(await readStash(store, { baseTag: stash.digest!, start: 5 })),
    BYTES.subarray(5),
  );
});

testOnEachStore(
  "a damaged chunk is not given to its end, and a part of it cannot be checked",
  async (place) => {
    using store = place.open();
    const { chunks } = await stored(store);
    await place.damage(chunks[1]!.digest, (bytes) => bytes.with(10, bytes[10]! ^ 1));
    let read = 0;
    const reading = async () => {
      for await (const { length } of await readStash(store, { baseTag: "film" })) read += length;
    };
    await assert.rejects(
      reading(),
      (error) => error instanceof MismatchError && /--overwrite/.test(error.hint!),
    );
    assert.ok(CHUNK <= read && read < 2 * CHUNK, `${read} bytes were given`);
    const part = await bytesOf(
      await readStash(store, { baseTag: "film", start: CHUNK + 20, end: CHUNK + 30 }),
    );
    assert.deepEqual(part, BYTES.subarray(CHUNK + 20, CHUNK + 30));
  },
);

Deno.test("a stash that was looked up is read without another look at its manifests", async () => {
  await using fake = await startFakeRegistry();
  using store = openStore({ registry: fake.url, repository: "me/files" });
  await stored(store);
  const stash = await info(store, "film");
  let manifests = 0;
  const counting = withCalls(store as StoreReader, {
    manifest: (...call) => (manifests++, store.manifest(...call)),
  });
  for (const start of [0, CHUNK, 2 * CHUNK]) {
    await bytesOf(await readStash(counting, { baseTag: stash, start }));
  }
  assert.equal(manifests, 0);
});

Deno.test("cancelling ends what is fetched, and what was asked for ahead", async () => {
  await using fake = await startFakeRegistry();
  using store = openStore({ registry: fake.url, repository: "me/files" });
  const stash = await stored(store);
  const reads: AbortSignal[] = [];
  const watched = withCalls(store as StoreReader, {
    readUnverified: (digest, options = {}) => {
      reads.push(options.signal!);
      return store.readUnverified(digest, options);
    },
  });
  const reader = (await readStash(watched, { baseTag: stash })).getReader();
  assert.equal(reads.length, 0, "nothing is asked for before somebody reads");
  await reader.read();
  assert.equal(reads.length, 2, "the next chunk is asked for ahead, and not the one after it");
  await reader.cancel();
  assert.deepEqual(reads.map(({ aborted }) => aborted), [true, true]);
});

Deno.test("a range that is not within the file is refused, and a stash that does not exist", async () => {
  const directory = await Deno.makeTempDir();
  using store = openStore({ registry: `oci:${directory}`, repository: "me/files" });
  await stored(store);
  for (const [start, end] of [[-1, 1], [0, BYTES.length + 1], [2, 1], [0.5, 1], [NaN, 1]]) {
    await assert.rejects(readStash(store, { baseTag: "film", start, end }), InvalidInputError);
  }
  await assert.rejects(readStash(store, { baseTag: "none" }), NotFoundError);
  await Deno.remove(directory, { recursive: true });
});
