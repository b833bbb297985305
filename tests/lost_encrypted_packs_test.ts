/** Encrypted folders whose store has lost a layer: the next upload mends them, and never for other recipients. @module */
import assert from "node:assert/strict";
import { ConflictError } from "../lib/errors.ts";
import { downloadFolder } from "../lib/folders/download_folder.ts";
import { uploadFolder, type UploadFolderOptions } from "../lib/folders/upload_folder.ts";
import { encryptedBlobs } from "../lib/images/encrypted_image.ts";
import type { Digest } from "../lib/oci/digest.ts";
import type { Store } from "../lib/store/store.ts";
import { makeWorkspace, someBytes, type Workspace } from "./rigs/content.ts";
import { makeKey } from "./rigs/encryption.ts";
import { folderState } from "./rigs/folders.ts";
import { startFakeRegistry } from "./rigs/fake_registry.ts";
import { testOnEachStore } from "./rigs/stores.ts";
import { openFake } from "./rigs/uploads.ts";

const SIZE = 100_000;

/** Makes a folder of some packs: four files, two in a pack. */
async function makeFolder(work: Workspace): Promise<void> {
  await Deno.mkdir(work.path("in"));
  for (let index = 0; index < 4; index++) {
    await Deno.writeFile(work.path(`in/${index}`), someBytes(SIZE, index));
  }
}

async function upload(store: Store, work: Workspace, options: Partial<UploadFolderOptions>) {
  return await uploadFolder(store, "t", { directory: work.path("in"), packSize: 2.5 * SIZE, ...options });
}

/** Stores a folder for a key. Returns what the same upload takes again, and what reads the folder. */
async function storeFolder(store: Store, work: Workspace) {
  await makeFolder(work);
  const { encryptTo, identities } = await makeKey(work);
  const options = { encryptTo, stateDirectory: work.path("state") };
  await upload(store, work, options);
  return { options, identities };
}

async function requireWhole(store: Store, work: Workspace, options: Pick<UploadFolderOptions, "identities">) {
  const { identities } = options;
  await downloadFolder(store, "t", { directory: work.path("out"), identities });
  assert.deepEqual(await folderState(work.path("out")), await folderState(work.path("in")));
  await Deno.remove(work.path("out"), { recursive: true });
}

async function layersOf(store: Store): Promise<Digest[]> {
  return encryptedBlobs((await store.manifest("t"))!).layers.map(({ digest }) => digest);
}

testOnEachStore(
  "a layer of an encrypted folder that the store has lost is sent again unasked, and the folder can be read",
  async (place) => {
    await using work = await makeWorkspace();
    using store = place.open();
    const { options, identities } = await storeFolder(store, work);
    for (const overwrite of [false, true]) {
      const [lost, ...others] = await layersOf(store);
      await store.remove(lost!);
      const { sent, digest } = await upload(store, work, { ...options, overwrite });
      assert.equal(sent, 1);
      assert.equal(digest, await store.resolve("t"));
      const [mended, ...rest] = await layersOf(store);
      assert.notEqual(mended, lost);
      assert.deepEqual(rest, others);
      await requireWhole(store, work, { identities });
    }
    assert.equal((await upload(store, work, options)).sent, 0);
  },
);

Deno.test("a lost layer that was sent again by an upload that was ended is not sent twice", async () => {
  await using work = await makeWorkspace();
  await using fake = await startFakeRegistry();
  using store = openFake(fake);
  const { options, identities } = await storeFolder(store, work);
  await store.remove((await layersOf(store))[0]!);
  const end = new AbortController();
  fake.faults.onRequest = ({ method, path }) => {
    if (method === "PUT" && path.endsWith("/manifests/t")) end.abort();
  };
  await assert.rejects(upload(store, work, { ...options, signal: end.signal }), { name: "AbortError" });
  fake.faults.onRequest = () => {};
  assert.equal((await upload(store, work, options)).sent, 0);
  await requireWhole(store, work, { identities });
});

testOnEachStore("an encrypted folder that has lost its description gets it again", async (place) => {
  await using work = await makeWorkspace();
  using store = place.open();
  const { options, identities } = await storeFolder(store, work);
  await store.remove(encryptedBlobs((await store.manifest("t"))!).description.digest);
  assert.equal((await upload(store, work, options)).sent, 0);
  await requireWhole(store, work, { identities });
});

testOnEachStore(
  "a lost layer of an encrypted folder that is compared by its key alone is not mixed with layers for others",
  async (place) => {
    await using work = await makeWorkspace();
    await makeFolder(work);
    const [one, other] = [await makeKey(work), await makeKey(work, "other.txt")];
    using store = place.open();
    await upload(store, work, { encryptTo: one.encryptTo });
    const before = await store.resolve("t");
    const [lost] = await layersOf(store);
    await store.remove(lost!);
    const options = {
      encryptTo: other.encryptTo,
      identities: one.identities,
      stateDirectory: work.path("state"),
    };
    await assert.rejects(upload(store, work, options), ConflictError);
    assert.equal(await store.resolve("t"), before);
    const { sent, layers } = await upload(store, work, { ...options, overwrite: true });
    assert.equal(sent, layers);
    await requireWhole(store, work, other);
  },
);
