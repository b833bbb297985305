/** Tests of stored files that are encrypted: both ways, again, elsewhere, and in the hands of a hostile registry. @module */
import assert from "node:assert/strict";
import { pushBlob } from "../lib/exports/blobs.ts";
import { copyStash } from "../lib/exports/copy.ts";
import { bytesSource } from "../lib/content/source.ts";
import { AgeHeader, encryptedSource, newNonce } from "../lib/exports/encryption.ts";
import { LayerstashError } from "../lib/errors.ts";
import {
  ConflictError,
  download,
  info,
  InvalidInputError,
  list,
  MismatchError,
  NotAllowedError,
  remove,
  type Store,
  type TransferEvent,
  upload,
  type UploadOptions,
  verify,
} from "../main.ts";
import type { Digest } from "../lib/oci/digest.ts";
import { withCalls } from "../lib/store/replaced_calls.ts";
import { concatenate, makeWorkspace, sink, someBytes, streamOf, type Workspace } from "./rigs/content.ts";
import {
  blobOf,
  flipped,
  giveInstead,
  makeKey,
  makePassphrase,
  noteOf,
  replaceChunks,
  type TestKey,
} from "./rigs/encryption.ts";
import { type FakeRegistry, startFakeRegistry } from "./rigs/fake_registry.ts";
import { testOnEachStore } from "./rigs/stores.ts";
import { changes, openFake } from "./rigs/uploads.ts";

const KiB = 1024;
/** Three records and a bit in each of three chunks, and some in a fourth. */
const FILE = someBytes(700_000);
const CHUNK = 200 * KiB;

interface Scene extends AsyncDisposable {
  fake: FakeRegistry;
  work: Workspace;
  store: Store;
  key: TestKey;
  input: string;
}

/** A registry, a key and a file. */
async function setScene(bytes = FILE): Promise<Scene> {
  const fake = await startFakeRegistry();
  const work = await makeWorkspace();
  const store = openFake(fake);
  const [key, input] = [await makeKey(work), await work.write("secret.img", bytes)];
  const end = async () => {
    store.close();
    await work[Symbol.asyncDispose]();
    await fake[Symbol.asyncDispose]();
  };
  return { fake, work, store, key, input, [Symbol.asyncDispose]: end };
}

const options = ({ work, key, input }: Scene): UploadOptions => ({
  input,
  chunkSize: CHUNK,
  encryptTo: key.encryptTo,
  stateDirectory: work.path("state"),
});

async function fetched(store: Store, name: string, identities: TestKey["identities"]): Promise<Uint8Array> {
  const { stream, bytes } = sink();
  await download(store, name, { output: stream, identities });
  return bytes();
}

/** What a failed call threw. */
async function failure(call: Promise<unknown>): Promise<LayerstashError> {
  const error = await call.then(() => undefined, (error) => error);
  assert.ok(error instanceof LayerstashError, `it threw ${error}`);
  return error;
}

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
  await upload(scene.store, "disk", options(scene));
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
  const { chunks } = await upload(scene.store, "disk", options(scene));
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
  await upload(scene.store, "disk", { ...options(scene), chunkSize: 1_500_000 });
  const { identities } = scene.key;
  assert.deepEqual(await fetched(scene.store, "disk", identities), someBytes(2_000_003));
  const checked = await verify(scene.store, "disk", { deep: true, file: scene.input, identities });
  assert.deepEqual(checked.faults, []);
});

Deno.test("a size of chunks that has no room for encrypted bytes is refused", async () => {
  await using scene = await setScene();
  const error = await failure(upload(scene.store, "disk", { ...options(scene), chunkSize: 200 }));
  assert.ok(error instanceof InvalidInputError);
  assert.match(error.hint!, /chunk-size/);
});

Deno.test("the same upload again sends nothing, and its key is not kept", async () => {
  await using scene = await setScene();
  await upload(scene.store, "disk", options(scene));
  for (const overwrite of [false, true]) {
    scene.fake.requests.length = 0;
    const states: string[] = [];
    const onEvent = (event: TransferEvent) => void (event.type === "blob" && states.push(event.state));
    const stash = await upload(scene.store, "disk", { ...options(scene), overwrite, onEvent });
    assert.deepEqual(states, Array(4).fill("present"));
    assert.deepEqual([stash.name, stash.encryption!.size], ["secret.img", FILE.length]);
    assert.deepEqual(changes(scene.fake).filter((line) => line.includes("blobs")), []);
  }
});

Deno.test("the same upload elsewhere is a conflict that says why, and with the key it is compared", async () => {
  await using scene = await setScene();
  await upload(scene.store, "disk", options(scene));
  const elsewhere = { ...options(scene), stateDirectory: scene.work.path("other") };
  const blind = await failure(upload(scene.store, "disk", elsewhere));
  assert.ok(blind instanceof ConflictError);
  assert.match(`${blind.message} ${blind.hint}`, /encrypted: without its key .* --identity FILE/);
  scene.fake.requests.length = 0;
  const { identities } = scene.key;
  await upload(scene.store, "disk", { ...elsewhere, identities });
  await upload(scene.store, "disk", { ...elsewhere, identities, input: streamOf(FILE) });
  assert.deepEqual(changes(scene.fake), []);
  await scene.work.write("secret.img", flipped(FILE, 600_000), "2025-01-01T00:00:00.000Z");
  assert.ok(
    await failure(upload(scene.store, "disk", { ...elsewhere, identities })) instanceof ConflictError,
  );
  const others = (await makeKey(scene.work, "others.txt")).identities;
  const foreign = await failure(upload(scene.store, "disk", { ...elsewhere, identities: others }));
  assert.ok(foreign instanceof ConflictError);
  assert.match(foreign.message, /encrypted with another key/);
  assert.deepEqual(changes(scene.fake), []);
});

Deno.test("an encrypted upload that was interrupted elsewhere is a conflict that says where it goes on", async () => {
  await using scene = await setScene();
  const { fake, store, work } = scene;
  const end = new AbortController();
  fake.faults.onRequest = ({ method, path }) => {
    if (method === "PUT" && path.endsWith("/disk-1")) end.abort();
  };
  await assert.rejects(upload(store, "disk", { ...options(scene), jobs: 1, signal: end.signal }));
  fake.faults.onRequest = () => {};
  const error = await failure(
    upload(store, "disk", { ...options(scene), stateDirectory: work.path("other") }),
  );
  assert.ok(error instanceof ConflictError);
  assert.match(error.hint!, /goes on only with its journal, where it began; .*--overwrite/);
  fake.requests.length = 0;
  await upload(store, "disk", options(scene));
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
  await assert.rejects(upload(store, "disk", { ...options(scene), signal: end.signal }));
  fake.faults.onRequest = () => {};
  const interrupted = beginnings(fake).length;
  assert.ok(interrupted > 0);
  await upload(store, "disk", { ...options(scene), chunkSize: 140 * KiB, overwrite: true });
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
    () => upload(store, "disk", { ...options(scene), chunkSize: 10 ** 6 }),
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
  const { encryptTo, ...plain } = options(scene);
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
  await upload(scene.store, "disk", options(scene));
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
  for (const input of [scene.input, streamOf(flipped(FILE, 600_000))]) {
    isDenied = false;
    const elsewhere = { ...options(scene), input, stateDirectory: scene.work.path("other"), identities };
    const error = await failure(upload(store, "disk", elsewhere));
    assert.ok(error instanceof ConflictError, error.message);
    assert.match(error.message, /is another one than a moment ago/);
  }
  assert.deepEqual(changes(scene.fake), []);
});

Deno.test("--overwrite encrypts other bytes with another key", async () => {
  await using scene = await setScene();
  const one = await upload(scene.store, "disk", options(scene));
  const before = noteOf(scene.fake, "disk-4").encryption.details!.slice(0, 200);
  const other = flipped(FILE, 600_000);
  await scene.work.write("secret.img", other, "2025-01-01T00:00:00.000Z");
  const { identities } = scene.key;
  const two = await upload(scene.store, "disk", { ...options(scene), identities, overwrite: true });
  assert.notEqual(noteOf(scene.fake, "disk-4").encryption.details!.slice(0, 200), before);
  const digests = new Set([...one.chunks, ...two.chunks].map(({ digest }) => digest));
  assert.equal(digests.size, 8, "no chunk has the same bytes, although three hold the same");
  assert.deepEqual(await fetched(scene.store, "disk", identities), other);
});

Deno.test("an upload for others that finds the same content says that they may not be able to read it", async () => {
  await using scene = await setScene();
  const { encryptTo } = await makeKey(scene.work, "others.txt");
  const { identities } = scene.key;
  await upload(scene.store, "disk", options(scene));
  const noticesOf = async (options: UploadOptions) => {
    const events: TransferEvent[] = [];
    await upload(scene.store, "disk", {
      ...options,
      identities,
      onEvent: (event) => void events.push(event),
    });
    return events.flatMap((event) => event.type === "notice" ? [event.message] : []).join();
  };
  assert.equal(await noticesOf(options(scene)), "");
  for (const _ of [1, 2]) {
    assert.match(await noticesOf({ ...options(scene), encryptTo }), /for the keys that it was .*--overwrite/);
  }
});

Deno.test("a file that is not encrypted comes with a notice where a key was given", async () => {
  await using scene = await setScene();
  const { encryptTo: _, ...plain } = options(scene);
  await upload(scene.store, "plain", plain);
  const events: TransferEvent[] = [];
  const { identities } = scene.key;
  const output = scene.work.path("back.img");
  await download(scene.store, "plain", { output, identities, onEvent: (event) => void events.push(event) });
  const notices = events.flatMap((event) => event.type === "notice" ? [event.message] : []);
  assert.deepEqual(notices, ["plain is not encrypted: no key was needed"]);
});

Deno.test("a passphrase is compared, not remembered", async () => {
  await using scene = await setScene();
  const [right, wrong] = [makePassphrase("correct horse"), makePassphrase("battery staple")];
  const with_ = ({ encryptTo }: typeof right) => ({ ...options(scene), encryptTo });
  await upload(scene.store, "disk", with_(right));
  scene.fake.requests.length = 0;
  await upload(scene.store, "disk", with_(right));
  assert.deepEqual(changes(scene.fake), []);
  assert.ok(await failure(upload(scene.store, "disk", with_(wrong))) instanceof ConflictError);
  await upload(scene.store, "disk", { ...with_(wrong), overwrite: true });
  assert.deepEqual(await fetched(scene.store, "disk", wrong.identities), FILE);
  assert.ok(await failure(fetched(scene.store, "disk", right.identities)) instanceof NotAllowedError);
});

Deno.test("without the right key nothing is written", async () => {
  await using scene = await setScene();
  await upload(scene.store, "disk", options(scene));
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

/** What a registry can make of two stashes of one key, both of equal chunks. */
const HOSTILE: Record<string, (own: Digest[], others: Digest[]) => Digest[]> = {
  "two chunks are swapped": ([a, b, ...rest]) => [b!, a!, ...rest],
  "a chunk in the middle is dropped": ([a, _, ...rest]) => [a!, ...rest],
  "the last chunk is dropped": (own) => own.slice(0, -1),
  "a chunk stands twice": ([a, b, ...rest]) => [a!, b!, b!, ...rest],
  "a chunk is repeated in the place of another": ([a, _, ...rest]) => [a!, a!, ...rest],
  "a chunk is of another stash": ([a, _, ...rest], [, b]) => [a!, b!, ...rest],
  "all chunks are of another stash": (_, others) => others,
};

for (const [what, make] of Object.entries(HOSTILE)) {
  Deno.test(`a stash in which ${what} is refused`, async () => {
    await using scene = await setScene(someBytes(3 * 192 * KiB + 5));
    const own = await upload(scene.store, "disk", options(scene));
    await scene.work.write("secret.img", someBytes(3 * 192 * KiB + 5, 7));
    const others = await upload(scene.store, "other", options(scene));
    const digests = ({ chunks }: typeof own) => chunks.map(({ digest }) => digest);
    replaceChunks(scene.fake, "disk", { chunks: make(digests(own), digests(others)) });
    await requireRefused(scene, "disk");
    const checked = await verify(scene.store, "disk", { identities: scene.key.identities }).catch((error) =>
      error
    );
    assert.ok(checked instanceof MismatchError);
  });
}

Deno.test("a file that age has encrypted is the one of its digest, although others are for the same key", async () => {
  await using scene = await setScene();
  const ageFile = async (plain: Uint8Array<ArrayBuffer>) => {
    const header = await AgeHeader.make(scene.key.encryptTo);
    const source = encryptedSource(bytesSource(plain), { header, nonce: newNonce() });
    return concatenate(await Array.fromAsync(source.open(), (piece) => piece.slice()));
  };
  const [mine, forged] = [await ageFile(FILE), await ageFile(flipped(FILE, 5))];
  const input = await scene.work.write("secret.age", mine);
  const { digest, chunks } = await upload(scene.store, "aged", { input, chunkSize: 300 * KiB });
  assert.deepEqual(await fetched(scene.store, digest!, scene.key.identities), FILE);
  for (const { digest, at, size } of chunks) {
    giveInstead(scene.fake, digest, forged.slice(at, at + size));
  }
  await requireRefused(scene, digest!);
});

Deno.test("chunks whose registry denies that they are encrypted are refused, whichever it gives", async () => {
  await using scene = await setScene();
  const { chunks } = await upload(scene.store, "disk", options(scene));
  const before = noteOf(scene.fake, "disk-4").encryption.details!;
  const all = chunks.map(({ digest }) => digest);
  const details = scene.fake.storage.addBlob("me/files", Uint8Array.fromBase64(before));
  const [one, two, three, four] = all as [Digest, Digest, Digest, Digest];
  const lists = { all, swapped: [two, one, three, four], cut: [one, two], one: [two], details: [details] };
  for (const [what, chunks] of Object.entries(lists)) {
    await upload(scene.store, what, options(scene));
    replaceChunks(scene.fake, what, { chunks, note: { encryption: undefined } as never });
    await requireRefused(scene, what, what);
  }
});

async function requireRefused(scene: Scene, name: string, context = ""): Promise<void> {
  const output = scene.work.path("back.img");
  const { identities } = scene.key;
  const error = await failure(download(scene.store, name, { output, identities }));
  assert.ok(
    error instanceof MismatchError || error instanceof NotAllowedError,
    `${context} ${error.name}: ${error.message}`,
  );
  assert.equal(await scene.work.has("back.img"), false, context);
}

Deno.test("a registry that gives the bytes of one chunk for those of another is noticed at the first record", async () => {
  await using scene = await setScene(someBytes(2 * 192 * KiB));
  const { chunks: [one, two] } = await upload(scene.store, "disk", options(scene));
  giveInstead(scene.fake, one!.digest, blobOf(scene.fake, two!.digest));
  const { stream, bytes } = sink();
  const given = download(scene.store, "disk", { output: stream, identities: scene.key.identities });
  assert.ok(await failure(given) instanceof MismatchError);
  assert.equal(bytes().length, 0);
});

Deno.test("records that are swapped, dropped or repeated within a chunk are refused", async () => {
  await using scene = await setScene(someBytes(3 * 64 * KiB));
  const { chunks: [chunk] } = await upload(scene.store, "disk", { ...options(scene), chunkSize: 10 ** 6 });
  const bytes = blobOf(scene.fake, chunk!.digest);
  const record = 64 * KiB + 16;
  const start = bytes.length - 3 * record;
  const [header, ...records] = [0, start, start + record, start + 2 * record, bytes.length]
    .flatMap((from, index, all) => index === all.length - 1 ? [] : [bytes.slice(from, all[index + 1])]);
  const [a, b, c] = records as [Uint8Array, Uint8Array, Uint8Array];
  const orders = {
    swapped: [b, a, c],
    dropped: [a, c],
    "cut off": [a, b],
    repeated: [a, a, c],
    longer: [a, b, c, c],
  };
  for (const [what, order] of Object.entries(orders)) {
    const blob = new Uint8Array(
      await new Blob([header!, ...order as Uint8Array<ArrayBuffer>[]]).arrayBuffer(),
    );
    giveInstead(scene.fake, chunk!.digest, blob);
    await requireRefused(scene, "disk", what);
    await Deno.remove(scene.work.path("back.img.part")).catch(() => {});
  }
});

Deno.test("every byte of a small stash is guarded: no flip of one gives another file", async () => {
  await using scene = await setScene(new TextEncoder().encode("a secret"));
  const { chunks: [chunk] } = await upload(scene.store, "disk", options(scene));
  const bytes = blobOf(scene.fake, chunk!.digest);
  for (let at = 0; at < bytes.length; at++) {
    giveInstead(scene.fake, chunk!.digest, flipped(bytes, at));
    await requireRefused(scene, "disk", `byte ${at} of ${bytes.length}`);
    await Deno.remove(scene.work.path("back.img.part")).catch(() => {});
  }
  giveInstead(scene.fake, chunk!.digest, bytes);
  const { encryption: { details } } = noteOf(scene.fake, "disk-1");
  const file = Uint8Array.fromBase64(details!);
  for (let at = 0; at < file.length; at++) {
    const changed = { format: "age", details: flipped(file, at).toBase64() };
    replaceChunks(scene.fake, "disk", { chunks: [chunk!.digest], note: { encryption: changed } });
    await requireRefused(scene, "disk", `byte ${at} of the details, of ${file.length}`);
  }
});

Deno.test("a stash that says it is encrypted in an unknown way asks for a newer program", async () => {
  await using scene = await setScene();
  const { chunks } = await upload(scene.store, "disk", options(scene));
  const encryption = { format: "rot13" } as { details?: string };
  replaceChunks(scene.fake, "disk", { chunks: chunks.map(({ digest }) => digest), note: { encryption } });
  const error = await failure(info(scene.store, "disk"));
  assert.match(error.message, /newer layerstash/);
});

Deno.test("a journal has the key while an upload runs, and has nothing of it at the end", async () => {
  await using scene = await setScene();
  const seen: string[] = [];
  const onEvent = (event: TransferEvent) => {
    if (event.type === "blob") seen.push(...textsIn(scene.work.path("state")));
  };
  await upload(scene.store, "disk", { ...options(scene), onEvent });
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
  const { encryptTo: _, ...plain } = options(scene);
  await upload(scene.store, "disk", plain);
  assert.ok(await failure(upload(scene.store, "disk", options(scene))) instanceof ConflictError);
  const left = textsIn(scene.work.path("state"));
  assert.ok(left.length > 0);
  assert.equal(left.some((text) => text.includes("fileKey")), false);
});

Deno.test("the key of a stream is not kept: its upload cannot go on", async () => {
  await using scene = await setScene();
  const state = scene.work.path("state");
  let texts: string[] = [];
  const onEvent = (event: TransferEvent) => {
    if (event.type === "blob") texts = texts.concat(textsIn(state));
  };
  await upload(scene.store, "disk", { ...options(scene), input: streamOf(FILE, 10_000), onEvent });
  assert.ok(texts.length > 0);
  assert.equal(texts.some((text) => text.includes("fileKey")), false);
});

function textsIn(directory: string): string[] {
  return [...Deno.readDirSync(directory)].map(({ name }) => Deno.readTextFileSync(`${directory}/${name}`));
}
