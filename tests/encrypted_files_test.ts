/** Tests of stored files that are encrypted: they come back, and without the key nobody learns anything. @module */
import assert from "node:assert/strict";
import { copyStash } from "../lib/exports/copy.ts";
import {
  download,
  info,
  InvalidInputError,
  list,
  NotAllowedError,
  remove,
  type TransferEvent,
  upload,
  verify,
} from "../main.ts";
import { makeWorkspace, someBytes, streamOf } from "./rigs/content.ts";
import { CHUNK, encrypted, failure, fetched, FILE, setScene } from "./rigs/encrypted_scene.ts";
import { blobOf, makeKey } from "./rigs/encryption.ts";
import { startFakeRegistry } from "./rigs/fake_registry.ts";
import { testOnEachStore } from "./rigs/stores.ts";
import { openFake } from "./rigs/uploads.ts";

const KiB = 1024;

testOnEachStore("an encrypted file comes back, and everything but its bytes needs no key", async (place) => {
  await using work = await makeWorkspace();
  const key = await makeKey(work);
  using store = place.open();
  const input = await work.write("secret.img", FILE);
  const { digest } = await upload(store, "disk", { input, chunkSize: CHUNK, encryptTo: key.encryptTo });
  for (const name of ["disk", digest!]) {
    const output = work.path(`back-${name.length}.img`);
    const stash = await download(store, name, { output, identities: key.identities });
    assert.deepEqual(await Deno.readFile(output), FILE);
    assert.equal(stash.name, "secret.img");
  }
  const closed = await info(store, "disk");
  assert.equal(closed.name, undefined);
  assert.deepEqual(Object.keys(closed.encryption!), ["format", "details"]);
  const open = await info(store, "disk", { identities: key.identities });
  assert.deepEqual([open.name, open.encryption!.size, open.size], ["secret.img", FILE.length, closed.size]);
  const quick = await verify(store, "disk");
  const deep = await verify(store, "disk", { deep: true });
  const withKey = await verify(store, "disk", { deep: true, file: input, identities: key.identities });
  assert.deepEqual([quick.faults, deep.faults, withKey.faults], [[], [], []]);
  const [listed] = await Array.fromAsync(list(store, { exactSize: true }));
  assert.deepEqual([listed!.chunks, listed!.stash!.size, listed!.problem], [4, closed.size, undefined]);
  using other = place.open({ repository: "you/files" });
  await copyStash({ store, baseTag: "disk" }, { store: other, baseTag: "copy" });
  assert.deepEqual(await fetched(other, "copy", key.identities), FILE);
  assert.equal((await remove(store, "disk")).removed.length, 4);
});

Deno.test("the stored bytes, manifests and configs show neither the bytes, the name nor the date of the file", async () => {
  await using scene = await setScene(new TextEncoder().encode("CANARY".repeat(20_000)));
  await upload(scene.store, "disk", encrypted(scene));
  const { storage } = scene.fake;
  const texts = [
    ...storage.blobs.keys().map((digest) => blobOf(scene.fake, digest)),
    ...storage.repository("me/files").manifests.values().map(({ bytes }) => bytes),
  ].map((bytes) => new TextDecoder("latin1").decode(bytes));
  const secrets = ["CANARY", "secret.img", "2024-02-03"];
  assert.deepEqual(secrets.filter((secret) => texts.some((text) => text.includes(secret))), []);
  const { modified } = await info(scene.store, "disk", { identities: scene.key.identities });
  assert.equal(modified, "2024-02-03T04:05:06.000Z");
});

Deno.test("no stored chunk is larger than the size of a chunk, and all begin with one header", async () => {
  await using scene = await setScene();
  const { chunks } = await upload(scene.store, "disk", encrypted(scene));
  assert.equal(chunks.length, 4);
  assert.ok(chunks.every(({ size }) => size <= CHUNK && size > 64 * KiB));
  const beginnings = chunks.map(({ digest }) => {
    const text = new TextDecoder("latin1").decode(blobOf(scene.fake, digest));
    const end = text.indexOf("\n", text.indexOf("\n---") + 1) + 1;
    return { header: text.slice(0, end), nonce: text.slice(end, end + 16) };
  });
  assert.equal(new Set(beginnings.map(({ header }) => header)).size, 1);
  assert.equal(new Set(beginnings.map(({ nonce }) => nonce)).size, 4);
});

Deno.test("files of all sizes around a record and a chunk come back, also through a pipe", async () => {
  await using work = await makeWorkspace();
  await using fake = await startFakeRegistry();
  using store = openFake(fake);
  const key = await makeKey(work);
  const record = 64 * KiB;
  for (const size of [0, 1, record - 1, record, record + 1, 3 * record, 3 * record + 1, 6 * record]) {
    const bytes = someBytes(size, size + 1);
    for (const input of [streamOf(bytes, 10_007), await work.write("file", bytes)]) {
      const name = `n${size}-${typeof input}`;
      const stash = await upload(store, name, { input, chunkSize: CHUNK, encryptTo: key.encryptTo });
      assert.equal(stash.encryption!.size, size);
      assert.deepEqual(await fetched(store, name, key.identities), bytes, name);
    }
  }
});

Deno.test("a chunk of many pieces comes back", async () => {
  await using scene = await setScene(someBytes(2_000_003));
  await upload(scene.store, "disk", { ...encrypted(scene), chunkSize: 1_500_000 });
  const { identities } = scene.key;
  assert.deepEqual(await fetched(scene.store, "disk", identities), someBytes(2_000_003));
  const checked = await verify(scene.store, "disk", { deep: true, file: scene.input, identities });
  assert.deepEqual(checked.faults, []);
});

Deno.test("a size of chunks that has no room for encrypted bytes is refused", async () => {
  await using scene = await setScene();
  const error = await failure(upload(scene.store, "disk", { ...encrypted(scene), chunkSize: 200 }));
  assert.ok(error instanceof InvalidInputError);
  assert.match(error.hint!, /chunk-size/);
});

Deno.test("a file that is not encrypted comes with a notice where a key was given", async () => {
  await using scene = await setScene();
  const { encryptTo: _, ...plain } = encrypted(scene);
  await upload(scene.store, "plain", plain);
  const events: TransferEvent[] = [];
  const { identities } = scene.key;
  const output = scene.work.path("back.img");
  await download(scene.store, "plain", { output, identities, onEvent: (event) => void events.push(event) });
  const notices = events.flatMap((event) => event.type === "notice" ? [event.message] : []);
  assert.deepEqual(notices, ["plain is not encrypted: no key was needed"]);
});

Deno.test("without the right key nothing is written", async () => {
  await using scene = await setScene();
  await upload(scene.store, "disk", encrypted(scene));
  const others = (await makeKey(scene.work, "others.txt")).identities;
  const output = scene.work.path("back.img");
  for (const identities of [undefined, others]) {
    const error = await failure(download(scene.store, "disk", { output, identities }));
    assert.ok(error instanceof NotAllowedError);
    assert.match(error.hint!, /--identity/);
    assert.equal(await scene.work.has("back.img") || await scene.work.has("back.img.part"), false);
    assert.ok(
      await failure(verify(scene.store, "disk", { file: scene.input, identities })) instanceof
        NotAllowedError,
    );
  }
});
