/** Uploads over a line that carries one blob in the time that the registry gives it, and not several. @module */
import assert from "node:assert/strict";
import { openStore, type Store, type TransferEvent, upload } from "../main.ts";
import { copyStash } from "../lib/exports/copy.ts";
import { sharedClock } from "./rigs/clock.ts";
import { makeWorkspace, someBytes, type Workspace } from "./rigs/content.ts";
import { type FakeRegistry, startFakeRegistry } from "./rigs/fake_registry.ts";

const MiB = 1024 ** 2;
const CHUNK = 4 * MiB;
const CHUNKS = 9;

/** How much the line carries before the registry cuts an upload off: enough for one chunk, and too little for two. */
const cutAfter = 1.1 * CHUNK;

/** A file of nine chunks, and a registry that cuts off what takes long, and forgets what it had of it. */
interface Scene extends AsyncDisposable {
  work: Workspace;
  fake: FakeRegistry;
  store: Store;
  events: TransferEvent[];
}

async function makeScene(): Promise<Scene> {
  const work = await makeWorkspace();
  await Deno.writeFile(work.path("disk.img"), someBytes(CHUNKS * CHUNK));
  const fake = await startFakeRegistry({ faults: { cutAfter, dropBrokenSessions: true, trickle: 1 } });
  const events: TransferEvent[] = [];
  const onEvent = (event: TransferEvent) => void events.push(event);
  const clock = sharedClock(() => fake.isBusy);
  const store = openStore({ registry: fake.url, repository: "me/files", clock, onEvent });
  return {
    work,
    fake,
    store,
    events,
    async [Symbol.asyncDispose]() {
      store.close();
      await fake[Symbol.asyncDispose]();
      await work[Symbol.asyncDispose]();
    },
  };
}

/** How many attempts failed. */
function failures({ events }: Scene): number {
  return events.filter(({ type }) => type === "retry").length;
}

Deno.test("an upload whose chunks are cut off side by side sends them one by one", async () => {
  await using scene = await makeScene();
  const { store, work } = scene;
  const { chunks } = await upload(store, "disk", { input: work.path("disk.img"), chunkSize: CHUNK });
  assert.equal(chunks.length, CHUNKS);
  assert.ok(failures(scene) > 0, "some were cut off");
  assert.ok(failures(scene) < 2 * CHUNKS, `${failures(scene)} were cut off`);
});

Deno.test("a copy whose blobs are cut off side by side sends them one by one", async () => {
  await using scene = await makeScene();
  const { store, work } = scene;
  using from = openStore({ registry: `oci:${work.path("box")}`, repository: "me/files" });
  await upload(from, "disk", { input: work.path("disk.img"), chunkSize: CHUNK });
  await copyStash({ store: from, baseTag: "disk" }, { store, baseTag: "disk" });
  assert.ok(failures(scene) > 0, "some were cut off");
  assert.ok(failures(scene) < 2 * CHUNKS, `${failures(scene)} were cut off`);
});

Deno.test("what is cut off at every attempt says what may help", async () => {
  await using scene = await makeScene();
  const { fake, store, work } = scene;
  fake.faults.cutAfter = CHUNK / 2;
  const options = { input: work.path("disk.img"), chunkSize: CHUNK };
  const error = await upload(store, "disk", options).then(
    () => assert.fail("it was stored"),
    (error) => error,
  );
  assert.equal(
    error.hint,
    "check the network; if something on the way cuts off what takes long, use --jobs 1 or a smaller --chunk-size",
  );
});
