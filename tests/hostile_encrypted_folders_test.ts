/** What whoever has the registry can do to an encrypted folder, and that it is noticed. @module */
import assert from "node:assert/strict";
import { bytesSource } from "../lib/content/source.ts";
import { AgeHeader, newNonce } from "../lib/encryption/age_header.ts";
import { EncryptedAnew } from "../lib/encryption/encrypted_anew.ts";
import { LayerstashError, MismatchError } from "../lib/errors.ts";
import { downloadFolder } from "../lib/folders/download_folder.ts";
import { uploadFolder } from "../lib/folders/upload_folder.ts";
import { decryptDescription, decryptedImages } from "../lib/images/decrypted_images.ts";
import { encodeDescription, encryptedBlobs } from "../lib/images/encrypted_image.ts";
import { headerOpener } from "../lib/encryption/age_file.ts";
import { artifactManifest } from "../lib/oci/artifact_manifest.ts";
import type { SizedBlob } from "../lib/oci/descriptor.ts";
import { digestOf } from "../lib/oci/digest.ts";
import { type Manifest, readImageManifest } from "../lib/oci/manifest.ts";
import { ENCRYPTED_IMAGE } from "../lib/oci/media_types.ts";
import type { Store, StoreReader } from "../lib/store/store.ts";
import { withCalls } from "../lib/store/replaced_calls.ts";
import { concatenate, makeWorkspace, someBytes, type Workspace } from "./rigs/content.ts";
import { ageFileOf, blobOf, flipped, giveInstead, makeKey, type TestKey } from "./rigs/encryption.ts";
import { type FakeRegistry, startFakeRegistry } from "./rigs/fake_registry.ts";
import { openFake } from "./rigs/uploads.ts";

const MiB = 1024 * 1024;

/** Two encrypted folders for one key in a registry, with layers of the same sizes. */
interface Stored extends AsyncDisposable {
  work: Workspace;
  fake: FakeRegistry;
  store: Store;
  key: TestKey;
}

async function storeTwo(): Promise<Stored> {
  const work = await makeWorkspace();
  const fake = await startFakeRegistry();
  const key = await makeKey(work);
  const store = openFake(fake);
  for (const [number, tag] of ["one", "two"].entries()) {
    const directory = work.path(tag);
    await Deno.mkdir(directory);
    for (let index = 0; index < 4; index++) {
      await Deno.writeFile(`${directory}/${index}`, someBytes(MiB / 2, 10 * number + index));
    }
    await uploadFolder(store, tag, { directory, encryptTo: key.encryptTo, packSize: MiB / 4 });
  }
  return {
    ...{ work, fake, store, key },
    async [Symbol.asyncDispose]() {
      store.close();
      await fake[Symbol.asyncDispose]();
      await work[Symbol.asyncDispose]();
    },
  };
}

async function blobsOf(store: StoreReader, tag: string): Promise<SizedBlob[]> {
  const { description, layers } = encryptedBlobs((await store.manifest(tag))!);
  return [description, ...layers];
}

/** Puts a manifest that lists other blobs in the place of one. */
function replace({ fake }: Stored, tag: string, blobs: readonly SizedBlob[]): void {
  const manifest = artifactManifest(ENCRYPTED_IMAGE, blobs);
  fake.storage.addManifest("me/files", { mediaType: manifest.mediaType, bytes: manifest.bytes }, tag);
}

async function requireRefused({ work, store, key }: Stored, message: RegExp): Promise<void> {
  const directory = work.path("out");
  const reading = downloadFolder(store, "one", { directory, identities: key.identities });
  await assert.rejects(reading, { name: "MismatchError", message });
  await assert.rejects(Deno.lstat(directory), Deno.errors.NotFound);
}

const CHANGES: Record<string, (one: SizedBlob[], two: SizedBlob[]) => SizedBlob[]> = {
  "two layers are swapped": ([description, a, b, ...rest]) => [description!, b!, a!, ...rest],
  "the last layer is dropped": (one) => one.slice(0, -1),
  "the first layer is dropped": ([description, _, ...rest]) => [description!, ...rest],
  "a layer stands twice": ([description, a, ...rest]) => [description!, a!, a!, ...rest],
  "a layer is repeated in the place of another": (
    [description, a, _, ...rest],
  ) => [description!, a!, a!, ...rest],
  "a layer is of another folder": ([description, _, ...rest], [, a]) => [description!, a!, ...rest],
  "all layers are of another folder": ([description], [_, ...layers]) => [description!, ...layers],
  "the description is of another folder": ([_, ...layers], [description]) => [description!, ...layers],
  "a layer stands in the place of the description": ([_, a, ...rest]) => [a!, a!, ...rest],
  "nothing is listed": () => [],
};

for (const [what, change] of Object.entries(CHANGES)) {
  Deno.test(`an encrypted folder is refused where ${what}`, async () => {
    await using stored = await storeTwo();
    const { store } = stored;
    replace(stored, "one", change(await blobsOf(store, "one"), await blobsOf(store, "two")));
    await requireRefused(
      stored,
      /some were dropped, moved or exchanged|description .* not JSON|lists no blob/,
    );
  });
}

Deno.test("a registry that gives the bytes of one layer for those of another is noticed", async () => {
  await using stored = await storeTwo();
  const { store, fake } = stored;
  const [[, one, other], [, foreign]] = [await blobsOf(store, "one"), await blobsOf(store, "two")];
  for (const instead of [other!, foreign!]) {
    const before = blobOf(fake, one!.digest);
    giveInstead(fake, one!.digest, blobOf(fake, instead.digest).slice(0, one!.size));
    await requireRefused(stored, /another header than expected|record \d+ is not what was stored/);
    giveInstead(fake, one!.digest, before);
  }
});

Deno.test("records that are swapped within a layer are noticed, also where only a part of it is read", async () => {
  await using stored = await storeTwo();
  const { store, fake, key } = stored;
  const [, layer] = await blobsOf(store, "one");
  const bytes = blobOf(fake, layer!.digest);
  const record = 64 * 1024 + 16;
  const begin = bytes.length - Math.floor(bytes.length / record) * record; // somewhere in a record
  const swapped = bytes.slice();
  swapped.set(bytes.subarray(begin, begin + record), begin + record);
  swapped.set(bytes.subarray(begin + record, begin + 2 * record), begin);
  giveInstead(fake, layer!.digest, swapped);
  const reader = decryptedImages(store, { identities: key.identities });
  const [plain] = readImageManifest((await reader.manifest("one"))!).layers;
  const range = { start: 70_000, end: 70_010 };
  const reading = new Response(await reader.readUnverified(plain!.digest, { range })).bytes();
  await assert.rejects(reading, MismatchError);
});

Deno.test("every byte of the description is guarded: no flip of one gives another folder", async () => {
  await using stored = await storeTwo();
  const { store, fake, key, work } = stored;
  const [description, ...layers] = await blobsOf(store, "one");
  const bytes = blobOf(fake, description!.digest);
  let given = bytes;
  let manifest: Manifest | undefined;
  const lying = withCalls<StoreReader>(store, {
    manifest: () => Promise.resolve(manifest),
    readUnverified: () => Promise.resolve(bytesSource(given).open()),
  });
  for (let at = 0; at < bytes.length; at++) {
    given = flipped(bytes, at);
    const { digest, size } = await bytesSource(given).digest().then((digest) => ({
      digest,
      size: given.length,
    }));
    manifest = artifactManifest(ENCRYPTED_IMAGE, [{ digest, size }, ...layers]);
    const read = downloadFolder(lying, "one", { directory: work.path("out"), identities: key.identities });
    const error = await read.then(() => undefined, (error) => error);
    assert.ok(error instanceof LayerstashError, `byte ${at}: ${error}`);
    assert.ok(["mismatch", "not-allowed"].includes(error.kind), `byte ${at}: ${error.kind}`);
  }
});

Deno.test("a description of somebody else that names other sizes, headers or nonces gives no wrong byte", async () => {
  await using stored = await storeTwo();
  const { store, fake, key } = stored;
  const manifest = (await store.manifest("one"))!;
  const [, ...layers] = await blobsOf(store, "one");
  const openHeader = headerOpener(key.identities);
  const description = await decryptDescription(store, manifest, { openHeader });
  const lies = [
    { nonce: newNonce() },
    { header: description.layers[0]!.header.with(-3, 0x41) },
    { header: (await AgeHeader.make(key.encryptTo)).bytes },
    { size: description.layers[0]!.size - 1 },
  ];
  for (const lie of lies) {
    const [first, ...rest] = description.layers;
    const bytes = encodeDescription({ ...description, layers: [{ ...first!, ...lie }, ...rest] });
    const encrypted = await ageFileOf(bytes, key.encryptTo);
    const digest = fake.storage.addBlob("me/files", encrypted);
    replace(stored, "one", [{ digest, size: encrypted.length }, ...layers]);
    await requireRefused(stored, /another header|not what was stored|exchanged|damaged/);
  }
});

Deno.test("what is encrypted anew has another nonce at each reading, and a digest of its own", async () => {
  await using work = await makeWorkspace();
  const header = await AgeHeader.make((await makeKey(work)).encryptTo);
  const encrypted = new EncryptedAnew(bytesSource(someBytes(200_000)), header);
  assert.throws(() => encrypted.open(1), TypeError);
  const readings = [];
  for (let count = 0; count < 2; count++) {
    const digest = encrypted.digest();
    const pieces = await Array.fromAsync(encrypted.open(), (piece) => piece.slice());
    if (count === 1) assert.equal(await encrypted.digest(), digestOf(concatenate(pieces)));
    else assert.equal(await digest, digestOf(concatenate(pieces)));
    readings.push(encrypted.reading);
  }
  assert.deepEqual(readings.map(({ plainSize }) => plainSize), [200_000, 200_000]);
  assert.notDeepEqual(readings[0]!.nonce, readings[1]!.nonce);
});
