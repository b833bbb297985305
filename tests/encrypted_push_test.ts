/** A push of an encrypted blob that was interrupted, or is repeated. @module */
import assert from "node:assert/strict";
import { isSameBytes } from "../lib/content/bytes.ts";
import type { TransferEvent } from "../lib/events.ts";
import { pullBlobs, pushBlob } from "../lib/exports/blobs.ts";
import type { Digest } from "../lib/oci/digest.ts";
import type { Store } from "../lib/store/store.ts";
import { makeWorkspace, someBytes, streamOf, type Workspace } from "./rigs/content.ts";
import { makeKey, type TestKey } from "./rigs/encryption.ts";
import { startFakeRegistry } from "./rigs/fake_registry.ts";
import { recordThreads } from "./rigs/recorded_threads.ts";
import { openStore, upload } from "../main.ts";

const MiB = 1024 * 1024;
const SIZE = 40 * MiB;

interface Scene extends AsyncDisposable {
  work: Workspace;
  store: Store;
  file: string;
  key: TestKey;
  /** Pushes the file; after so many bytes it is interrupted. */
  push(stopAt?: number): Promise<{ events: TransferEvent[]; digest?: Digest }>;
}

async function makeScene(): Promise<Scene> {
  const work = await makeWorkspace();
  const registry = await startFakeRegistry();
  const store = openStore({ registry: registry.url, repository: "me/files" });
  const file = await work.write("file", someBytes(SIZE));
  const key = await makeKey(work);
  return {
    work,
    store,
    file,
    key,
    async push(stopAt = Infinity) {
      const events: TransferEvent[] = [];
      const stop = new AbortController();
      let sent = 0;
      const onEvent = (event: TransferEvent) => {
        events.push(event);
        if (event.type === "progress" && (sent += event.bytes) > stopAt) stop.abort(new Error("interrupted"));
      };
      const { signal } = stop;
      const options = { encryptTo: key.encryptTo, stateDirectory: work.path("state"), signal, onEvent };
      const pushing = pushBlob(store, file, options);
      if (stopAt === Infinity) return { events, digest: (await pushing).digest };
      await assert.rejects(pushing, /interrupted/);
      return { events };
    },
    async [Symbol.asyncDispose]() {
      store[Symbol.dispose]();
      await registry[Symbol.asyncDispose]();
      await work[Symbol.asyncDispose]();
    },
  };
}

function bytesOf(events: readonly TransferEvent[], type: "progress" | "resume"): number {
  return events.reduce((sum, event) => sum + (event.type === type ? event.bytes : 0), 0);
}

async function journals({ work }: Scene): Promise<string> {
  const texts = await Array.fromAsync(
    Deno.readDir(work.path("state")),
    ({ name }) => Deno.readTextFile(work.path(`state/${name}`)),
  );
  return texts.join("\n");
}

async function isRight({ work, store, file, key }: Scene, digest: Digest): Promise<boolean> {
  const output = work.path("copy");
  await pullBlobs(store, [digest], { output, identities: key.identities, overwrite: true });
  const [one, other] = await Promise.all([output, file].map((path) => Deno.readFile(path)));
  return isSameBytes(one!, other!);
}

Deno.test("a push that was interrupted goes on within the encrypted blob, and then keeps no key", async () => {
  await using scene = await makeScene();
  await scene.push(30 * MiB);
  assert.match(await journals(scene), /"fileKey":/);
  const { events, digest } = await scene.push();
  const saved = bytesOf(events, "resume");
  assert.ok(saved > 20 * MiB, `${saved} bytes were saved`);
  assert.ok(bytesOf(events, "progress") < SIZE - 15 * MiB);
  assert.ok(await isRight(scene, digest!));
  assert.doesNotMatch(await journals(scene), /fileKey/);
});

Deno.test("the same push again sends nothing, and one of a changed file has another key", async () => {
  await using scene = await makeScene();
  const first = await scene.push();
  const second = await scene.push();
  assert.deepEqual([second.digest, bytesOf(second.events, "progress")], [first.digest, 0]);
  await Deno.writeFile(scene.file, someBytes(SIZE, 2));
  const changed = await scene.push();
  assert.notEqual(changed.digest, first.digest);
  assert.ok(await isRight(scene, changed.digest!));
});

Deno.test("each stream has a key of its own, which no journal keeps, and its bytes are stored", async () => {
  await using scene = await makeScene();
  const { store, work, key: { encryptTo, identities } } = scene;
  const stateDirectory = work.path("state");
  const digests = new Set<Digest>();
  for (const seed of [1, 2]) {
    const bytes = someBytes(300_000, seed);
    const { digest } = await pushBlob(store, streamOf(bytes), { encryptTo, stateDirectory });
    digests.add(digest);
    await pullBlobs(store, [digest], { output: work.path("back"), identities, overwrite: true });
    assert.deepEqual(await Deno.readFile(work.path("back")), bytes);
  }
  assert.equal(digests.size, 2);
  assert.equal(await work.has("state"), false);
});

Deno.test("the threads that encrypt stay from one part to the next", async () => {
  await using work = await makeWorkspace();
  await using registry = await startFakeRegistry();
  const profile = { push: "parts", partSize: 20 * MiB, partsGrow: false } as const;
  using store = openStore({ registry: registry.url, repository: "me/files", profile });
  const { encryptTo } = await makeKey(work);
  const input = await work.write("file", someBytes(SIZE + 20 * MiB));
  using threads = recordThreads();
  const startedIn = async (transfer: Promise<unknown>) => {
    await transfer;
    return threads.started.splice(0).filter((file) => file.startsWith("cipher")).length;
  };
  const most = Math.min(4, navigator.hardwareConcurrency);
  const counts = [
    await startedIn(pushBlob(store, input, { encryptTo })),
    await startedIn(upload(store, "disk", { input, encryptTo })),
  ];
  for (const count of counts) assert.ok(count > 0 && count <= most, `${count} threads`);
});
