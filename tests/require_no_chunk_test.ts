/** The tags of stored files are no place for images and aliases. @module */
import assert from "node:assert/strict";
import { typedName } from "../lib/oci/registry_address.ts";
import { append, copyImage } from "../lib/exports/copy.ts";
import { ConflictError, download, type Store, upload } from "../main.ts";
import { mountBlob, pushBlob, removeAlias, removeBlobs, setAlias } from "../lib/exports/blobs.ts";
import { sink, someBytes, streamOf } from "./rigs/content.ts";
import { putImage } from "./rigs/images.ts";
import { testOnEachStore } from "./rigs/stores.ts";
import { tarOf } from "./rigs/tar.ts";

const BYTES = someBytes(3000);
const LAYER = { bytes: tarOf([{ name: "motd", content: "hello" }]) };

async function fetched(store: Store): Promise<Uint8Array> {
  const { stream, bytes } = sink();
  await download(store, "disk", { output: stream });
  return bytes();
}

testOnEachStore("nothing takes the tag of a stored file's chunk", async (place) => {
  using store = place.open();
  await upload(store, "disk", { input: streamOf(BYTES), chunkSize: 1000 });
  await upload(store, "other", { input: streamOf(someBytes(10)) });
  await putImage(store, "app", [LAYER]);
  const { digest } = await pushBlob(store, streamOf(someBytes(5)));
  const [app, chunk] = [{ store, reference: "app" }, { store, reference: "disk-2" }];
  const works = [
    () => copyImage(app, chunk),
    () => copyImage({ store, reference: "other-1" }, chunk),
    () => append(chunk, chunk, { input: streamOf(tarOf([])) }),
    () => setAlias(store, "disk-2", { digests: [digest] }),
    () => pushBlob(store, streamOf(someBytes(7)), { alias: "disk-2" }),
    () => mountBlob(store, digest, { from: "me/files", alias: "disk-2" }),
  ];
  for (const work of works) {
    await assert.rejects(work, (error) => {
      assert.ok(error instanceof ConflictError, `${error}`);
      assert.equal(error.message, "the tag disk-2 holds a chunk of the stored file disk");
      return true;
    });
  }
  assert.deepEqual(await fetched(store), BYTES);
  await copyImage(chunk, chunk); // it is there already
});

testOnEachStore("a chunk is not removed as an alias, and neither is its blob", async (place) => {
  using store = place.open();
  await upload(store, "disk", { input: streamOf(BYTES), chunkSize: 1000 });
  await pushBlob(store, streamOf(someBytes(5)), { alias: "note-1" });
  const works = [
    () => removeAlias(store, "disk-2"),
    () => removeBlobs(store, ["@disk-2"]),
    () => removeBlobs(store, ["@note-1", "@disk-2"]),
  ];
  for (const work of works) {
    await assert.rejects(work, (error) => {
      assert.ok(error instanceof ConflictError, `${error}`);
      assert.equal(error.message, "the tag disk-2 holds a chunk of the stored file disk");
      const address = `${typedName(store.name, store.url)}:disk`;
      assert.equal(error.hint, `remove the stored file with: layerstash remove ${address}`);
      return true;
    });
  }
  assert.deepEqual(await fetched(store), BYTES);
  assert.equal((await removeBlobs(store, ["@note-1"])).removed.length, 1);
  await removeAlias(store, "note-1");
});

testOnEachStore(
  "tags with numbers are those of other things, too",
  async (place) => {
    using store = place.open();
    const overwrite = true;
    await putImage(store, "app-1", [LAYER]);
    await putImage(store, "app", [LAYER, { bytes: someBytes(10) }]);
    await copyImage({ store, reference: "app" }, { store, reference: "app-1" }, { overwrite });
    const { digest } = await pushBlob(store, streamOf(someBytes(5)), { alias: "readings-15" });
    await setAlias(store, "readings-15", { digests: [digest, digest], overwrite });
    await pushBlob(store, streamOf(someBytes(6)), { alias: "readings-15", overwrite });
    await setAlias(store, "app-1", { digests: [digest], overwrite });
  },
);
