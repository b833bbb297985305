/** Uploads of different bytes under one name, at the same time: one is stored, and the other is told. @module */
import assert from "node:assert/strict";
import { ConflictError, download, openStore, type TransferEvent, upload } from "../main.ts";
import { makeWorkspace, sink, someBytes } from "./rigs/content.ts";
import { startFakeRegistry } from "./rigs/fake_registry.ts";

const ROUNDS = 20;
const CHUNK = 1000;

/** Stores two files at once, again and again; each time one has to win. */
async function race(registry: string, chunks: number): Promise<void> {
  await using work = await makeWorkspace();
  const files = [someBytes(chunks * CHUNK, 1), someBytes(chunks * CHUNK, 2)];
  const paths = [await work.write("one", files[0]!), await work.write("two", files[1]!)];
  for (let round = 0; round < ROUNDS; round++) {
    const baseTag = `round${round}`;
    const ends = await Promise.allSettled(paths.map(async (input) => {
      using store = openStore({ registry, repository: "me/files" });
      await upload(store, baseTag, { input, chunkSize: CHUNK });
    }));
    const won = ends.findIndex(({ status }) => status === "fulfilled");
    const lost = ends.find((end) => end.status === "rejected");
    assert.ok(lost?.reason instanceof ConflictError, `${ends.map(({ status }) => status)} ${lost?.reason}`);
    assert.ok(won >= 0, `none is stored: ${lost.reason}`);
    using store = openStore({ registry, repository: "me/files" });
    const { stream, bytes } = sink();
    await download(store, baseTag, { output: stream });
    assert.deepEqual(bytes(), files[won]);
  }
}

for (const chunks of [1, 3, 10]) {
  Deno.test(`of two uploads of ${chunks} chunks to a layout one wins`, async () => {
    await using work = await makeWorkspace();
    await race(`oci:${work.path("box")}`, chunks);
  });

  Deno.test(`of two uploads of ${chunks} chunks to a registry one wins`, async () => {
    await using fake = await startFakeRegistry();
    await race(fake.url, chunks);
  });
}

Deno.test("who waits for another upload of the same name is let go by the signal", async () => {
  await using fake = await startFakeRegistry();
  await using work = await makeWorkspace();
  const [held, go] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  fake.faults.onRequest = async ({ method, path }) => {
    if (method !== "PUT" || !path.includes("/manifests/")) return;
    held.resolve();
    await go.promise;
  };
  using store = openStore({ registry: fake.url, repository: "me/files" });
  const first = upload(store, "disk", { input: await work.write("one", someBytes(CHUNK)) });
  await held.promise;
  const aborter = new AbortController();
  const stop = new Error("enough");
  const onEvent = ({ type }: { type: string }) =>
    void (type === "blob" && queueMicrotask(() => aborter.abort(stop)));
  const input = await work.write("two", someBytes(CHUNK, 2));
  await assert.rejects(upload(store, "disk", { input, onEvent, signal: aborter.signal }), stop);
  go.resolve();
  await first;
});

Deno.test("a tag that comes while a small file is sent for long is not replaced", async () => {
  await using fake = await startFakeRegistry();
  await using work = await makeWorkspace();
  using store = openStore({ registry: fake.url, repository: "me/files" });
  await upload(store, "rival", { input: await work.write("two", someBytes(CHUNK, 2)) });
  const rival = (await store.manifest("rival-1"))!;
  const looked = Promise.withResolvers<void>();
  const onEvent = (event: TransferEvent) => {
    if (event.type === "request" && event.method === "HEAD" && /disk-1$/.test(event.url)) looked.resolve();
  };
  const { now } = performance;
  fake.faults.onRequest = async ({ method, path }) => {
    if (method !== "PUT" || !path.includes("/blobs/uploads/")) return;
    delete fake.faults.onRequest;
    await looked.promise;
    await store.putManifest("disk-1", rival);
    performance.now = () => now.call(performance) + 60_000; // so long it took
  };
  try {
    const input = await work.write("one", someBytes(CHUNK));
    await assert.rejects(upload(store, "disk", { input, onEvent }), { name: "ConflictError" });
    assert.equal(await store.resolve("disk-1"), rival.digest);
  } finally {
    performance.now = now;
  }
});
