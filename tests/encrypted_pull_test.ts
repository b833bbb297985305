/** Encrypted blobs that are pulled into a file: in ranges side by side, interrupted, and over what is there. @module */
import assert from "node:assert/strict";
import { bytesSource } from "../lib/content/source.ts";
import { MismatchError } from "../lib/errors.ts";
import type { TransferEvent } from "../lib/events.ts";
import { pullBlobs } from "../lib/exports/blobs.ts";
import type { Digest } from "../lib/oci/digest.ts";
import { openStore, type Store } from "../main.ts";
import { concatenate, makeWorkspace, someBytes, type Workspace } from "./rigs/content.ts";
import { ageFileOf, flipped, giveInstead, makeKey, type TestKey } from "./rigs/encryption.ts";
import { type FakeRegistry, startFakeRegistry } from "./rigs/fake_registry.ts";

const MiB = 1024 * 1024;
/** Two blobs: one of several parts, and one of some records. */
const [LARGE, SMALL] = [someBytes(24 * MiB + 5), someBytes(200_000, 7)];

interface Scene extends AsyncDisposable {
  fake: FakeRegistry;
  work: Workspace;
  store: Store;
  key: TestKey;
  digests: Digest[];
  /** Pulls both blobs into the file `back`; after so many bytes it is interrupted. */
  pull(stopAt?: number): Promise<{ fetched: number; kept: number; notices: string[] }>;
}

async function makeScene(): Promise<Scene> {
  const [work, fake] = [await makeWorkspace(), await startFakeRegistry()];
  const store = openStore({ registry: fake.url, repository: "me/files" });
  const key = await makeKey(work);
  const digests: Digest[] = [];
  for (const bytes of [LARGE, SMALL]) {
    digests.push((await store.write(bytesSource(await ageFileOf(bytes, key.encryptTo)))).digest);
  }
  return {
    fake,
    work,
    store,
    key,
    digests,
    async pull(stopAt = Infinity) {
      const stop = new AbortController();
      const seen = { fetched: 0, kept: 0, notices: [] as string[] };
      const onEvent = (event: TransferEvent) => {
        if (event.type === "progress") seen.fetched += event.bytes;
        if (event.type === "resume") seen.kept += event.bytes;
        if (event.type === "notice") seen.notices.push(event.message);
        if (seen.fetched > stopAt) stop.abort(new Error("interrupted"));
      };
      const { signal } = stop;
      const options = { output: work.path("back"), stateDirectory: work.path("state"), signal, onEvent };
      const pulling = pullBlobs(store, digests, {
        ...options,
        identities: key.identities,
        partSize: 4 * MiB,
      });
      if (stopAt === Infinity) await pulling;
      else await assert.rejects(pulling, /interrupted/);
      return seen;
    },
    async [Symbol.asyncDispose]() {
      store.close();
      await fake[Symbol.asyncDispose]();
      await work[Symbol.asyncDispose]();
    },
  };
}

Deno.test("an encrypted blob comes in ranges side by side, and what is there already is not fetched", async () => {
  await using scene = await makeScene();
  let [running, most] = [0, 0];
  const gate = Promise.withResolvers<void>();
  scene.fake.faults.onRequest = async ({ path, headers }) => {
    const [, start = 0, end = 0] = /bytes=(\d+)-(\d+)/.exec(headers.range ?? "") ?? [];
    if (!path.includes(scene.digests[0]!) || Number(end) - Number(start) < MiB) return;
    most = Math.max(most, ++running);
    if (running === 2) gate.resolve();
    await gate.promise;
    running--;
  };
  await scene.pull();
  assert.ok(most >= 2, `${most} at once`);
  assert.deepEqual(await Deno.readFile(scene.work.path("back")), concatenate([LARGE, SMALL]));
  assert.equal((await scene.pull()).fetched, 0);
});

Deno.test("a pull of encrypted blobs that was interrupted goes on, and trusts no byte that was changed since", async () => {
  await using scene = await makeScene();
  const first = await scene.pull(12 * MiB);
  const part = await Deno.readFile(scene.work.path("back.part"));
  const second = await scene.pull();
  assert.ok(second.kept > first.fetched / 2, `${second.kept} of ${first.fetched} kept`);
  assert.deepEqual(await Deno.readFile(scene.work.path("back")), concatenate([LARGE, SMALL]));
  await Deno.remove(scene.work.path("back"));
  await scene.pull(12 * MiB);
  const kept = await Deno.readFile(scene.work.path("back.part"));
  const at = kept.findIndex((byte, index) => index > 100_000 && byte !== 0 && byte === part[index]);
  await Deno.writeFile(scene.work.path("back.part"), flipped(kept, at));
  const third = await scene.pull();
  assert.match(third.notices.join(), /has bad bytes/);
  assert.deepEqual(await Deno.readFile(scene.work.path("back")), concatenate([LARGE, SMALL]));
});

Deno.test("another age file for the same key is not the blob of that digest", async () => {
  await using scene = await makeScene();
  giveInstead(scene.fake, scene.digests[1]!, await ageFileOf(flipped(SMALL, 5), scene.key.encryptTo));
  await assert.rejects(scene.pull(), MismatchError);
  await assert.rejects(Deno.stat(scene.work.path("back")), Deno.errors.NotFound);
});

Deno.test("encrypted blobs without a byte are verified as what they are, wherever they stand", async () => {
  await using work = await makeWorkspace();
  const key = await makeKey(work);
  using store = openStore({ registry: `oci:${work.path("box")}`, repository: "me/files" });
  const stored = async (bytes: Uint8Array<ArrayBuffer>) =>
    (await store.write(bytesSource(await ageFileOf(bytes, key.encryptTo)))).digest;
  const [empty, other, small] = [
    await stored(new Uint8Array()),
    await stored(new Uint8Array()),
    await stored(SMALL),
  ];
  const output = work.path("back");
  await pullBlobs(store, [empty, other, small, empty, small], { output, identities: key.identities });
  assert.deepEqual(await Deno.readFile(output), concatenate([SMALL, SMALL]));
});
