/** Tests of encrypted files that are stored again: here, elsewhere, after an interruption, and over others. @module */
import assert from "node:assert/strict";
import { pushBlob } from "../lib/exports/blobs.ts";
import { ConflictError, NotAllowedError, type TransferEvent, upload, type UploadOptions } from "../main.ts";
import { withCalls } from "../lib/store/replaced_calls.ts";
import { concatenate, streamOf } from "./rigs/content.ts";
import { encrypted, failure, fetched, FILE, type Scene, setScene } from "./rigs/encrypted_scene.ts";
import { blobOf, flipped, makeKey, makePassphrase, noteOf } from "./rigs/encryption.ts";
import type { FakeRegistry } from "./rigs/fake_registry.ts";
import { changes } from "./rigs/uploads.ts";

const KiB = 1024;

Deno.test("the same upload again sends nothing, and its key is not kept", async () => {
  await using scene = await setScene();
  await upload(scene.store, "disk", encrypted(scene));
  for (const overwrite of [false, true]) {
    scene.fake.requests.length = 0;
    const states: string[] = [];
    const onEvent = (event: TransferEvent) => void (event.type === "blob" && states.push(event.state));
    const stash = await upload(scene.store, "disk", { ...encrypted(scene), overwrite, onEvent });
    assert.deepEqual(states, Array(4).fill("present"));
    assert.deepEqual([stash.name, stash.encryption!.size], ["secret.img", FILE.length]);
    assert.deepEqual(changes(scene.fake).filter((line) => line.includes("blobs")), []);
  }
});

/** What changed in a registry. Uploads that are begun beside the first look, and cancelled then, change nothing. */
const stored = (fake: FakeRegistry) =>
  changes(fake).filter((line) => !/^(POST|DELETE) blobs\/uploads\//.test(line));

Deno.test("the same upload elsewhere is a conflict that says why, and with the key it is compared", async () => {
  await using scene = await setScene();
  await upload(scene.store, "disk", encrypted(scene));
  const elsewhere = { ...encrypted(scene), stateDirectory: scene.work.path("other") };
  const blind = await failure(upload(scene.store, "disk", elsewhere));
  assert.ok(blind instanceof ConflictError);
  assert.match(`${blind.message} ${blind.hint}`, /encrypted: without its key .* --identity FILE/);
  scene.fake.requests.length = 0;
  const { identities } = scene.key;
  await upload(scene.store, "disk", { ...elsewhere, identities });
  await upload(scene.store, "disk", { ...elsewhere, identities, input: streamOf(FILE) });
  assert.deepEqual(stored(scene.fake), []);
  await scene.work.write("secret.img", flipped(FILE, 600_000), "2025-01-01T00:00:00.000Z");
  assert.ok(
    await failure(upload(scene.store, "disk", { ...elsewhere, identities })) instanceof ConflictError,
  );
  const others = (await makeKey(scene.work, "others.txt")).identities;
  const foreign = await failure(upload(scene.store, "disk", { ...elsewhere, identities: others }));
  assert.ok(foreign instanceof ConflictError);
  assert.match(foreign.message, /encrypted with another key/);
  assert.deepEqual(stored(scene.fake), []);
});

Deno.test("an encrypted upload that was interrupted elsewhere is a conflict that says where it goes on", async () => {
  await using scene = await setScene();
  const { fake, store, work } = scene;
  const end = new AbortController();
  fake.faults.onRequest = ({ method, path }) => {
    if (method === "PUT" && path.endsWith("/disk-1")) end.abort();
  };
  await assert.rejects(upload(store, "disk", { ...encrypted(scene), jobs: 1, signal: end.signal }));
  fake.faults.onRequest = () => {};
  const error = await failure(
    upload(store, "disk", { ...encrypted(scene), stateDirectory: work.path("other") }),
  );
  assert.ok(error instanceof ConflictError);
  assert.match(error.hint!, /goes on only where it began, with its journal, .*--overwrite/);
  fake.requests.length = 0;
  await upload(store, "disk", encrypted(scene));
  assert.deepEqual(changes(fake).filter((line) => line.startsWith("PATCH")), []);
  assert.deepEqual(await fetched(store, "disk", scene.key.identities), FILE);
});

Deno.test("an upload that goes on in chunks of another size has another key: a nonce may not serve twice", async () => {
  await using scene = await setScene();
  const { fake, store } = scene;
  const end = new AbortController();
  fake.faults.onRequest = ({ method, path }) => {
    if (method === "PUT" && path.endsWith("/disk-1")) end.abort();
  };
  await assert.rejects(upload(store, "disk", { ...encrypted(scene), signal: end.signal }));
  fake.faults.onRequest = () => {};
  const interrupted = beginnings(fake).length;
  assert.ok(interrupted > 0);
  await upload(store, "disk", { ...encrypted(scene), chunkSize: 140 * KiB, overwrite: true });
  const all = beginnings(fake);
  assert.equal(all.length, interrupted + 6);
  assert.equal(new Set(all).size, all.length, "each chunk begins with a header and a nonce of its own");
  assert.deepEqual(await fetched(store, "disk", scene.key.identities), FILE);
});

Deno.test("a file that changes between two attempts gives no second one: a nonce may not serve twice", async () => {
  await using scene = await setScene();
  const other = FILE.map((byte) => byte ^ 1);
  const attempts: Uint8Array[] = [];
  const store = withCalls(scene.store, {
    async write(source, options) {
      for (let attempt = 0; attempt < 2 && source.size! > FILE.length; attempt++) {
        const pieces: Uint8Array[] = [];
        const write = (piece: Uint8Array) => void pieces.push(piece.slice());
        await source.open().pipeTo(new WritableStream({ write })).finally(() =>
          attempts.push(concatenate(pieces))
        );
        await scene.work.write("secret.img", other, "2025-01-01T00:00:00.000Z");
      }
      return await scene.store.write(source, options);
    },
  });
  const calls = [
    () => upload(store, "disk", { ...encrypted(scene), chunkSize: 10 ** 6 }),
    () => pushBlob(store, scene.input, { encryptTo: scene.key.encryptTo }),
  ];
  for (const call of calls) {
    await scene.work.write("secret.img", FILE);
    attempts.length = 0;
    const error = await failure(call());
    assert.match(error.message, /secret\.img was changed while it was stored/);
    const [first, second] = attempts;
    assert.ok(first!.length > FILE.length);
    assert.ok(second!.length < 300, "it has the header at most");
    assert.deepEqual(second, first!.subarray(0, second!.length));
  }
});

/** The header and the nonce of each chunk that a registry has. */
function beginnings(fake: FakeRegistry): string[] {
  const texts = [...fake.storage.blobs.keys()].map((digest) =>
    new TextDecoder("latin1").decode(blobOf(fake, digest))
  );
  const chunks = texts.filter((text) => text.startsWith("age-encryption.org"));
  return chunks.map((text) => text.slice(0, text.indexOf("\n", text.indexOf("\n---") + 1) + 1 + 16));
}

Deno.test("a conflict says that only one of the two is encrypted", async () => {
  await using scene = await setScene();
  const { encryptTo, ...plain } = encrypted(scene);
  await upload(scene.store, "disk", { ...plain, encryptTo });
  await upload(scene.store, "plain", plain);
  const hintOf = async (name: string, options: UploadOptions) =>
    (await failure(upload(scene.store, name, options))).hint;
  assert.match(await hintOf("disk", plain) ?? "", /^it is encrypted: use another name/);
  assert.match(
    await hintOf("plain", { ...plain, encryptTo }) ?? "",
    /^it is not encrypted: use another name/,
  );
});

Deno.test("a registry that takes back what it has shown gets nothing that its key encrypts", async () => {
  await using scene = await setScene();
  await upload(scene.store, "disk", encrypted(scene));
  let isDenied = false;
  const identities = withCalls(scene.key.identities, {
    addTo(decrypter) { // called when the stored key is about to be taken
      isDenied = true;
      scene.key.identities.addTo(decrypter);
    },
  });
  const store = withCalls(scene.store, {
    tags: (options) => isDenied ? ReadableStream.from<string>([]) : scene.store.tags(options),
    manifest: (reference, options) =>
      isDenied ? Promise.resolve(undefined) : scene.store.manifest(reference, options),
  });
  scene.fake.requests.length = 0;
  const elsewhere = { ...encrypted(scene), stateDirectory: scene.work.path("other"), identities };
  assert.equal((await upload(store, "disk", elsewhere)).chunks.length, 4);
  isDenied = false;
  const other = { ...elsewhere, input: streamOf(flipped(FILE, 600_000)) };
  assert.ok(await failure(upload(store, "disk", other)) instanceof ConflictError);
  assert.deepEqual(stored(scene.fake), []);
});

Deno.test("an encrypted upload looks at what has its name once", async () => {
  await using scene = await setScene();
  await upload(scene.store, "disk", encrypted(scene));
  scene.fake.requests.length = 0;
  const elsewhere = { ...encrypted(scene), stateDirectory: scene.work.path("other") };
  await upload(scene.store, "disk", { ...elsewhere, identities: scene.key.identities });
  const reads = scene.fake.requests.filter(({ method, path }) =>
    method === "GET" && /tags\/list|manifests/.test(path)
  );
  const paths = reads.map(({ path }) => path.replace(/.*files\//, ""));
  assert.deepEqual(paths.length, new Set(paths).size, paths.join(" "));
});

Deno.test("--overwrite encrypts other bytes with another key", async () => {
  await using scene = await setScene();
  const one = await upload(scene.store, "disk", encrypted(scene));
  const before = noteOf(scene.fake, "disk-4").encryption.details!.slice(0, 200);
  const other = flipped(FILE, 600_000);
  await scene.work.write("secret.img", other, "2025-01-01T00:00:00.000Z");
  const { identities } = scene.key;
  const two = await upload(scene.store, "disk", { ...encrypted(scene), identities, overwrite: true });
  assert.notEqual(noteOf(scene.fake, "disk-4").encryption.details!.slice(0, 200), before);
  const digests = new Set([...one.chunks, ...two.chunks].map(({ digest }) => digest));
  assert.equal(digests.size, 8, "no chunk has the same bytes, although three hold the same");
  assert.deepEqual(await fetched(scene.store, "disk", identities), other);
});

Deno.test("an upload for others that finds the same content says that they may not be able to read it", async () => {
  await using scene = await setScene();
  const { encryptTo } = await makeKey(scene.work, "others.txt");
  const { identities } = scene.key;
  await upload(scene.store, "disk", encrypted(scene));
  const noticesOf = async (options: UploadOptions) => {
    const events: TransferEvent[] = [];
    await upload(scene.store, "disk", {
      ...options,
      identities,
      onEvent: (event) => void events.push(event),
    });
    return events.flatMap((event) => event.type === "notice" ? [event.message] : []).join();
  };
  assert.equal(await noticesOf(encrypted(scene)), "");
  for (const _ of [1, 2]) {
    assert.match(
      await noticesOf({ ...encrypted(scene), encryptTo }),
      /for the keys that it was .*--overwrite/,
    );
  }
});

Deno.test("a passphrase is compared, not remembered", async () => {
  await using scene = await setScene();
  const [right, wrong] = [makePassphrase("correct horse"), makePassphrase("battery staple")];
  const with_ = ({ encryptTo }: typeof right) => ({ ...encrypted(scene), encryptTo });
  await upload(scene.store, "disk", with_(right));
  scene.fake.requests.length = 0;
  await upload(scene.store, "disk", with_(right));
  assert.deepEqual(changes(scene.fake), []);
  assert.ok(await failure(upload(scene.store, "disk", with_(wrong))) instanceof ConflictError);
  await upload(scene.store, "disk", { ...with_(wrong), overwrite: true });
  assert.deepEqual(await fetched(scene.store, "disk", wrong.identities), FILE);
  assert.ok(await failure(fetched(scene.store, "disk", right.identities)) instanceof NotAllowedError);
});

Deno.test("a journal has the key while an upload runs, and has nothing of it at the end", async () => {
  await using scene = await setScene();
  const seen: string[] = [];
  const onEvent = (event: TransferEvent) => {
    if (event.type === "blob") seen.push(...textsIn(scene.work.path("state")));
  };
  await upload(scene.store, "disk", { ...encrypted(scene), onEvent });
  const keys = new Set(seen.flatMap((text) => /"fileKey":"([^"]+)"/.exec(text)?.[1] ?? []));
  assert.equal(keys.size, 1);
  const left = textsIn(scene.work.path("state")).join();
  assert.equal(left.includes([...keys][0]!), false);
  if (Deno.build.os === "windows") return;
  for (const { name } of Deno.readDirSync(scene.work.path("state"))) {
    assert.equal(Deno.statSync(scene.work.path(`state/${name}`)).mode! & 0o777, 0o600);
  }
});

Deno.test("an upload that ends in a conflict before it sends anything leaves no key", async () => {
  await using scene = await setScene();
  const { encryptTo: _, ...plain } = encrypted(scene);
  await upload(scene.store, "disk", plain);
  assert.ok(await failure(upload(scene.store, "disk", encrypted(scene))) instanceof ConflictError);
  const left = textsIn(scene.work.path("state"));
  assert.ok(left.length > 0);
  assert.equal(left.some((text) => text.includes("fileKey")), false);
});

/** Uploads a stream until the tag of a chunk was put, and until so many bytes of the next one went out. */
async function interruptStream(scene: Scene, bytes: Uint8Array<ArrayBuffer>, chunk: number): Promise<void> {
  const end = new AbortController();
  let isTagged = false;
  scene.fake.faults.onRequest = ({ method, path }) => {
    if (isTagged && method === "PUT" && path.includes("/uploads/")) end.abort();
    isTagged ||= method === "PUT" && path.endsWith(`/disk-${chunk}`);
  };
  const input = streamOf(bytes, 10_000);
  await assert.rejects(upload(scene.store, "disk", { ...encrypted(scene), input, signal: end.signal }));
  scene.fake.faults.onRequest = () => {};
}

Deno.test("a stream goes on with its key, and what was not stored gets another nonce each time", async () => {
  await using scene = await setScene();
  const { fake, store } = scene;
  await interruptStream(scene, FILE, 1);
  await interruptStream(scene, flipped(FILE, 600_000), 2);
  const other = flipped(FILE, 500_000);
  const states: string[] = [];
  const onEvent = (event: TransferEvent) => void (event.type === "blob" && states.push(event.state));
  await upload(store, "disk", { ...encrypted(scene), input: streamOf(other, 7000), onEvent });
  assert.deepEqual(states, ["present", "present", "sent", "sent"]);
  assert.deepEqual(await fetched(store, "disk", scene.key.identities), other);
  const elsewhere = { ...encrypted(scene), stateDirectory: undefined, identities: scene.key.identities };
  assert.equal((await upload(store, "disk", { ...elsewhere, input: streamOf(other) })).chunks.length, 4);
  const all = beginnings(fake);
  assert.equal(new Set(all).size, all.length, "each chunk begins with a header and a nonce of its own");
  const headers = new Set(all.map((text) => text.slice(0, -16)));
  assert.equal(headers.size, 1);
  assert.deepEqual(textsIn(scene.work.path("state")).filter((text) => text.includes("header")), []);
});

Deno.test("a stream sends a chunk anew whose tag is not there, with its record in the journal or without", async () => {
  for (const lost of ["tag", "record"]) {
    await using scene = await setScene();
    const { fake, store, work } = scene;
    await interruptStream(scene, FILE, 2);
    fake.storage.repository("me/files").tags.delete("disk-2");
    if (lost === "record") {
      for (const { name } of Deno.readDirSync(work.path("state"))) {
        const path = work.path(`state/${name}`);
        const lines = Deno.readTextFileSync(path).split("\n");
        Deno.writeTextFileSync(path, lines.filter((line) => !line.includes('"chunk":2')).join("\n"));
      }
    }
    const before = new Set(beginnings(fake));
    const other = flipped(FILE, 300_000);
    await upload(store, "disk", { ...encrypted(scene), input: streamOf(other, 9000) });
    assert.deepEqual(await fetched(store, "disk", scene.key.identities), other);
    const all = beginnings(fake);
    assert.equal(new Set(all).size, all.length);
    assert.equal(all.length, before.size + 3);
  }
});

Deno.test("with overwrite a stream gets a new key, also where the journal still has that of the complete one", async () => {
  await using scene = await setScene();
  const { store, work } = scene;
  const state = work.path("state");
  const kept = new Map<string, Uint8Array>();
  const onEvent = ({ type }: TransferEvent) => {
    if (type !== "blob") return;
    for (const { name } of Deno.readDirSync(state)) kept.set(name, Deno.readFileSync(`${state}/${name}`));
  };
  await upload(store, "disk", { ...encrypted(scene), input: streamOf(FILE), onEvent });
  for (const [name, bytes] of kept) Deno.writeFileSync(`${state}/${name}`, bytes);
  const other = flipped(FILE, 5);
  await upload(store, "disk", { ...encrypted(scene), input: streamOf(other), overwrite: true });
  assert.deepEqual(await fetched(store, "disk", scene.key.identities), other);
});

Deno.test("a stream that is shorter or longer than what is stored is a conflict, or goes on", async () => {
  const slice = 3 * 64 * KiB;
  for (const [bytes, goesOn] of [[FILE.slice(0, slice), false], [concatenate([FILE, FILE]), true]] as const) {
    await using scene = await setScene();
    const { store } = scene;
    await interruptStream(scene, FILE, 2);
    const again = upload(store, "disk", { ...encrypted(scene), input: streamOf(bytes, 9000) });
    if (!goesOn) assert.ok(await failure(again) instanceof ConflictError);
    else {
      await again;
      assert.deepEqual(await fetched(store, "disk", scene.key.identities), bytes);
    }
  }
});

Deno.test("a stream goes on with its passphrase, and with no other", async () => {
  await using scene = await setScene();
  const [right, wrong] = [makePassphrase("correct horse"), makePassphrase("battery staple")];
  const owner = { ...scene, key: { ...scene.key, ...right } };
  await interruptStream(owner, FILE, 1);
  const input = () => streamOf(FILE, 9000);
  const other = { ...encrypted(owner), encryptTo: wrong.encryptTo, input: input() };
  assert.ok(await failure(upload(scene.store, "disk", other)) instanceof ConflictError);
  await upload(scene.store, "disk", { ...encrypted(owner), input: input() });
  assert.deepEqual(await fetched(scene.store, "disk", right.identities), FILE);
});

Deno.test("a file whose bytes were changed under the same size and date gets another key", async () => {
  await using scene = await setScene();
  const { fake, store, work } = scene;
  await work.write("secret.img", FILE, "2025-01-01T00:00:00.000Z");
  const end = new AbortController();
  fake.faults.onRequest = ({ method, path }) => {
    if (method === "PUT" && path.endsWith("/disk-1")) end.abort();
  };
  await assert.rejects(upload(store, "disk", { ...encrypted(scene), jobs: 1, signal: end.signal }));
  fake.faults.onRequest = () => {};
  const changed = () => Deno.statSync(work.path("secret.img")).ctime!.getTime();
  const before = changed(); // in whole seconds
  while (changed() === before) {
    await work.write("secret.img", flipped(FILE, 600_000), "2025-01-01T00:00:00.000Z");
  }
  await upload(store, "disk", { ...encrypted(scene), overwrite: true });
  const all = beginnings(fake);
  assert.equal(new Set(all).size, all.length);
  assert.equal(new Set(all.map((text) => text.slice(0, -16))).size, 2);
});

function textsIn(directory: string): string[] {
  return [...Deno.readDirSync(directory)].map(({ name }) => Deno.readTextFileSync(`${directory}/${name}`));
}
