/** Tests of changing who can decrypt a stored file: only headers are new, and it can be read at each moment. @module */
import assert from "node:assert/strict";
import { changeRecipients, generateKey, listRecipients, Recipients } from "../lib/exports/encryption.ts";
import {
  ConflictError,
  download,
  InvalidInputError,
  MismatchError,
  NotAllowedError,
  type Store,
  type TransferEvent,
  upload,
  verify,
} from "../main.ts";
import { withCalls } from "../lib/store/replaced_calls.ts";
import { makeWorkspace, someBytes } from "./rigs/content.ts";
import { CHUNK, encrypted, failure, fetched, FILE, setScene } from "./rigs/encrypted_scene.ts";
import { blobOf, makeKey, makePassphrase, type TestKey } from "./rigs/encryption.ts";
import { testOnEachStore } from "./rigs/stores.ts";
import { changes, tagged } from "./rigs/uploads.ts";

/** A store that does something after each change of tags. */
function afterPuts(store: Store, then: () => Promise<void>): Store {
  return withCalls(store, {
    async putManifest(reference, manifest, options) {
      await store.putManifest(reference, manifest, options);
      await then();
    },
    ...(store.putManifests && {
      async putManifests(manifests, options) {
        await store.putManifests!(manifests, options);
        await then();
      },
    }),
  });
}

testOnEachStore(
  "at each moment of a change the stash can be read, and verified at its end",
  async (place) => {
    await using work = await makeWorkspace();
    const [mine, yours] = [await makeKey(work), await makeKey(work, "yours.txt")];
    using store = place.open();
    const input = await work.write("secret.img", FILE);
    await upload(store, "disk", { input, chunkSize: CHUNK, encryptTo: mine.encryptTo });
    using reading = place.open();
    let reads = 0;
    const watched = afterPuts(store, async () => {
      assert.deepEqual(await fetched(reading, "disk", mine.identities), FILE);
      reads++;
    });
    const { identities } = mine;
    const change = { identities, recipients: yours.encryptTo, keep: true };
    const { state, stash, locksOut } = await changeRecipients(watched, "disk", change);
    assert.deepEqual([state, locksOut, stash.name, stash.encryption!.size], [
      "changed",
      false,
      "secret.img",
      FILE.length,
    ]);
    assert.ok(reads >= (store.putManifests ? 1 : 2), `${reads} reads`); // a directory lists all tags at once
    for (const { identities } of [mine, yours]) {
      for (const name of ["disk", stash.digest!]) {
        assert.deepEqual(await fetched(reading, name, identities), FILE);
      }
      const { faults } = await verify(reading, "disk", { deep: true, file: input, identities });
      assert.deepEqual(faults, []);
    }
    assert.deepEqual(await listRecipients(reading, "disk"), { kind: "keys", types: ["X25519", "X25519"] });
  },
);

Deno.test("only the headers are new: nonces and records are the same bytes, and those who were named decrypt", async () => {
  await using scene = await setScene();
  const { fake, store, key } = scene;
  const yours = await makeKey(scene.work, "yours.txt");
  const before = await upload(store, "disk", encrypted(scene));
  const old = before.chunks.map(({ digest }) => payloadOf(blobOf(fake, digest)));
  const options = { identities: key.identities, recipients: yours.encryptTo };
  const { stash, locksOut } = await changeRecipients(store, "disk", options);
  assert.equal(locksOut, true);
  assert.deepEqual(stash.chunks.map(({ digest }) => payloadOf(blobOf(fake, digest))), old);
  assert.equal(new Set([...before.chunks, ...stash.chunks].map(({ digest }) => digest)).size, 8);
  assert.deepEqual(await fetched(store, "disk", yours.identities), FILE);
  assert.ok(await failure(fetched(store, "disk", key.identities)) instanceof NotAllowedError);
});

/** The nonce and the records of an age file. */
function payloadOf(file: Uint8Array): string {
  const text = new TextDecoder("latin1").decode(file);
  return text.slice(text.indexOf("\n", text.indexOf("\n---") + 1) + 1);
}

Deno.test("each chunk is fetched and sent once, and the same command again moves nothing", async () => {
  await using scene = await setScene();
  const { fake, store, key } = scene;
  const yours = await makeKey(scene.work, "yours.txt");
  const { stateDirectory } = encrypted(scene);
  await upload(store, "disk", encrypted(scene));
  fake.requests.length = 0;
  const events: TransferEvent[] = [];
  const onEvent = (event: TransferEvent) => void events.push(event);
  const options = {
    identities: key.identities,
    recipients: yours.encryptTo,
    keep: true,
    stateDirectory,
    onEvent,
  };
  const planned = await changeRecipients(store, "disk", { ...options, dryRun: true });
  assert.equal(planned.state, "planned");
  assert.deepEqual(changes(fake), []);
  const [plan] = events.filter(({ type }) => type === "plan");
  fake.requests.length = 0;
  const { stash } = await changeRecipients(store, "disk", options);
  assert.deepEqual(plan, { type: "plan", chunkSize: stash.chunkSize, size: stash.size, blobs: 4 });
  const fetches = fake.requests.filter(({ method, path }) =>
    method === "GET" && path.includes("/blobs/sha256")
  );
  const large = fetches.filter(({ path }) =>
    fake.storage.blob("me/files", path.split("/").at(-1)!)?.size! > 9000
  );
  assert.equal(large.length, 4, large.map(({ path }) => path).join(" "));
  assert.deepEqual(tagged(fake), ["disk-1", ...tagged(fake).slice(1, -1), "disk-4"]);
  fake.requests.length = 0;
  assert.equal((await changeRecipients(store, "disk", options)).state, "present");
  assert.deepEqual(changes(fake), []);
});

Deno.test("a change that is interrupted goes on, and until its end the stash is the one before", async () => {
  await using scene = await setScene();
  const { fake, store, key, work } = scene;
  const yours = await makeKey(work, "yours.txt");
  const { stateDirectory } = encrypted(scene);
  const { digest } = await upload(store, "disk", encrypted(scene));
  const options = { identities: key.identities, recipients: yours.encryptTo, stateDirectory, jobs: 1 };
  for (const tag of ["disk-1", "disk-3"]) {
    const end = new AbortController();
    fake.faults.onRequest = ({ method, path }) => {
      if (method === "PUT" && path.endsWith(`/${tag}`)) end.abort();
    };
    await assert.rejects(changeRecipients(store, "disk", { ...options, signal: end.signal }), tag);
    fake.faults.onRequest = () => {};
    assert.deepEqual(await fetched(store, "disk", key.identities), FILE, tag);
    assert.equal((await verify(store, "disk", { deep: true })).stash.digest, digest, tag);
  }
  const states: string[] = [];
  const onEvent = (event: TransferEvent) => void (event.type === "blob" && states.push(event.state));
  await changeRecipients(store, "disk", { ...options, onEvent });
  assert.deepEqual(states, Array(4).fill("present"));
  assert.deepEqual(await fetched(store, "disk", yours.identities), FILE);
  assert.deepEqual((await verify(store, "disk")).faults, []);
});

Deno.test("a change that is ended at any of its requests leaves a stash that can be read", async () => {
  await using scene = await setScene();
  const { fake, store, key, work } = scene;
  const recipients = (await makeKey(work, "yours.txt")).encryptTo;
  await upload(store, "disk", encrypted(scene));
  let isChanged = false;
  let ended = 0;
  for (; !isChanged; ended++) {
    const end = new AbortController();
    let requests = 0;
    fake.faults.onRequest = ({ method }) => {
      if (!["GET", "HEAD"].includes(method) && requests++ === ended) end.abort();
    };
    const options = { identities: key.identities, recipients, keep: true, jobs: 1, signal: end.signal };
    isChanged = await changeRecipients(store, "disk", options).then(() => true, () => false);
    fake.faults.onRequest = () => {};
    assert.deepEqual(await fetched(store, "disk", key.identities), FILE, `ended at request ${ended}`);
  }
  assert.ok(ended > 12, `${ended} times`);
  assert.deepEqual((await verify(store, "disk", { deep: true, identities: key.identities })).faults, []);
});

Deno.test("a file that is stored under the name meanwhile is kept", async () => {
  await using scene = await setScene();
  const { store, key, work } = scene;
  await upload(store, "disk", encrypted(scene));
  const others = await work.write("others.img", someBytes(1000, 3));
  let isStored = false;
  const watched = withCalls(store, {
    async write(source, options) {
      const written = await store.write(source, options);
      if (!isStored) await upload(store, "disk", { input: others, overwrite: true });
      isStored = true;
      return written;
    },
  });
  const recipients = (await makeKey(work, "yours.txt")).encryptTo;
  const error = await failure(changeRecipients(watched, "disk", { identities: key.identities, recipients }));
  assert.ok(error instanceof ConflictError, error.message);
  await download(store, "disk", { output: work.path("back.img") });
  assert.deepEqual(await Deno.readFile(work.path("back.img")), someBytes(1000, 3));
});

Deno.test("a chunk whose stored bytes are damaged gets no new header", async () => {
  await using scene = await setScene();
  const { fake, store, key, work } = scene;
  const { chunks } = await upload(store, "disk", encrypted(scene));
  const { digest } = chunks[1]!;
  const bytes = blobOf(fake, digest).slice();
  bytes[100_000]! ^= 1;
  fake.storage.blobs.set(digest, { size: bytes.length, pieces: [bytes] });
  const recipients = (await makeKey(work, "yours.txt")).encryptTo;
  const error = await failure(changeRecipients(store, "disk", { identities: key.identities, recipients }));
  assert.ok(error instanceof MismatchError, error.message);
  assert.deepEqual(tagged(fake).slice(4), []);
});

Deno.test("what cannot be changed is refused, and nothing is", async () => {
  await using scene = await setScene();
  const { fake, store, key, work } = scene;
  const { encryptTo, ...plain } = encrypted(scene);
  const word = makePassphrase("correct horse");
  const { digest } = await upload(store, "disk", { ...plain, encryptTo });
  await upload(store, "word", { ...plain, encryptTo: word.encryptTo });
  await upload(store, "plain", plain);
  const yours = await makeKey(work, "yours.txt");
  const quantum = await resistant();
  fake.requests.length = 0;
  const cases: [string, Pick<TestKey, "identities"> | undefined, Recipients, boolean, object, RegExp][] = [
    ["disk", undefined, yours.encryptTo, true, NotAllowedError, /is encrypted/],
    ["disk", yours, yours.encryptTo, true, NotAllowedError, /not encrypted for any of the keys/],
    ["plain", key, yours.encryptTo, true, InvalidInputError, /layerstash has not encrypted plain/],
    [digest!, key, yours.encryptTo, true, InvalidInputError, /by its name, not by its digest/],
    ["word", word, yours.encryptTo, true, InvalidInputError, /a passphrase stands alone/],
    ["disk", key, word.encryptTo, true, InvalidInputError, /a passphrase stands alone/],
    ["disk", key, quantum, true, InvalidInputError, /cannot be mixed/],
  ];
  for (const [name, owner, recipients, keep, kind, message] of cases) {
    const error = await failure(
      changeRecipients(store, name, { identities: owner?.identities, recipients, keep }),
    );
    assert.ok(error instanceof (kind as typeof InvalidInputError), `${error.name}: ${error.message}`);
    assert.match(error.message, message);
  }
  assert.deepEqual(changes(fake), []);
  await changeRecipients(store, "word", { identities: word.identities, recipients: quantum });
  assert.deepEqual(await listRecipients(store, "word"), { kind: "keys", types: ["mlkem768x25519"] });
  assert.deepEqual(await listRecipients(store, "plain"), { types: [] });
});

/** Somebody whose key withstands a quantum computer. */
async function resistant(): Promise<Recipients> {
  return await Recipients.of([(await generateKey({ postQuantum: true })).recipient]);
}
