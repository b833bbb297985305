/** A directory frees what is replaced, and not before what replaces it is complete. @module */
import assert from "node:assert/strict";
import { bytesSource, encodeManifest } from "../lib/exports/store.ts";
import { copyImage, copyStash } from "../lib/exports/copy.ts";
import { download, openStore, remove, type Store, upload } from "../main.ts";
import { pushBlob, removeAlias, removeBlobs, setAlias } from "../lib/exports/blobs.ts";
import { IMAGE_MANIFEST } from "../lib/oci/media_types.ts";
import { makeWorkspace, sink, someBytes, streamOf, type Workspace } from "./rigs/content.ts";
import { startFakeRegistry } from "./rigs/fake_registry.ts";
import { putImage, putIndex } from "./rigs/images.ts";
import { tarOf } from "./rigs/tar.ts";

const BYTES = someBytes(1_000_000);
const OTHERS = someBytes(1_000_000, 2);
const PLATFORM = { os: "linux", architecture: "amd64" };

const openBox = (work: Workspace) =>
  openStore({ registry: `oci:${work.path("box")}`, repository: "me/files" });

async function blobsOf(work: Workspace): Promise<number> {
  return (await Array.fromAsync(Deno.readDir(work.path("box/me/files/blobs/sha256")))).length;
}

async function fetched(store: Store): Promise<Uint8Array> {
  const { stream, bytes } = sink();
  await download(store, "disk", { output: stream });
  return bytes();
}

Deno.test("a stash that is piped into its own place, cut otherwise, stays whole", async () => {
  await using work = await makeWorkspace();
  using store = openBox(work);
  await upload(store, "disk", { input: streamOf(BYTES), chunkSize: 250_000 });
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const options = { input: readable, chunkSize: 60_000, overwrite: true };
  await Promise.all([download(store, "disk", { output: writable }), upload(store, "disk", options)]);
  assert.deepEqual(await fetched(store), BYTES);
  assert.equal(await blobsOf(work), 3 * Math.ceil(BYTES.length / 60_000), "chunks, configs and manifests");
});

Deno.test("an overwriting that is ended has freed nothing that was there", async () => {
  await using work = await makeWorkspace();
  using store = openBox(work);
  const { chunks } = await upload(store, "disk", { input: streamOf(BYTES), chunkSize: 250_000 });
  const input = await work.write("disk.img", OTHERS);
  const aborter = new AbortController();
  let done = 0;
  const onEvent = ({ type }: { type: string }) => {
    if (type === "blob" && ++done === 4) aborter.abort(new Error("enough"));
  };
  const options = { input, chunkSize: 250_000, overwrite: true, jobs: 1 };
  await assert.rejects(upload(store, "disk", { ...options, onEvent, signal: aborter.signal }), /enough/);
  for (const { digest, size } of chunks) assert.equal(await store.stat(digest), size);
  await upload(store, "disk", options);
  assert.deepEqual(await fetched(store), OTHERS);
  assert.equal(await blobsOf(work), 3 * 4, "chunks, configs and manifests");
});

Deno.test("a copy over a stash that is ended has freed nothing that was there", async () => {
  await using work = await makeWorkspace();
  using from = openStore({ registry: `oci:${work.path("other")}`, repository: "me/files" });
  using to = openBox(work);
  await upload(from, "disk", { input: streamOf(OTHERS), chunkSize: 250_000 });
  const { chunks } = await upload(to, "disk", { input: streamOf(BYTES), chunkSize: 250_000 });
  const { putManifests } = to;
  const enough = new Error("enough");
  to.putManifests = () => Promise.reject(enough);
  const stash = { store: to, baseTag: "disk" };
  await assert.rejects(copyStash({ ...stash, store: from }, stash, { overwrite: true }), enough);
  for (const { digest, size } of chunks) assert.equal(await to.stat(digest), size);
  to.putManifests = putManifests!;
  await copyStash({ ...stash, store: from }, stash, { overwrite: true });
  assert.deepEqual(await fetched(to), OTHERS);
  assert.equal(await blobsOf(work), 3 * 4, "chunks, configs and manifests");
});

Deno.test("what a removal that is ended has removed takes up no space", async () => {
  await using work = await makeWorkspace();
  using store = openBox(work);
  await upload(store, "disk", { input: streamOf(BYTES), chunkSize: 250_000 });
  const { removeManifests } = store;
  const aborter = new AbortController();
  store.removeManifests = async (...args) => {
    await removeManifests!.apply(store, args);
    aborter.abort(new Error("enough"));
  };
  await assert.rejects(remove(store, "disk", { signal: aborter.signal }), /enough/);
  assert.equal(await store.resolve("disk-4"), undefined);
  assert.equal(await blobsOf(work), 3 * 3, "chunks, configs and manifests");
});

Deno.test("an alias that is moved or removed leaves its blobs, whatever its tag is used for later", async () => {
  await using work = await makeWorkspace();
  using store = openBox(work);
  const blobs = await Promise.all([BYTES, OTHERS].map((bytes) => pushBlob(store, streamOf(bytes))));
  const [first, second] = blobs.map(({ digest }) => digest);
  await setAlias(store, "a", { digests: [first!] });
  await setAlias(store, "a", { digests: [second!], overwrite: true });
  assert.equal(
    await blobsOf(work),
    2 + 1 + 1,
    "the blobs, the empty config of all aliases, and one manifest",
  );
  await removeAlias(store, "a");
  assert.equal(await blobsOf(work), 2 + 1);
  await putImage(store, "t", [{ bytes: tarOf([]) }]);
  await copyImage({ store, reference: "t" }, { store, reference: "a" });
  for (const { digest, size } of blobs) assert.equal(await store.stat(digest), size);
});

Deno.test("an image of an index is not freed between its coming and that of the index", async () => {
  await using work = await makeWorkspace();
  using one = openBox(work);
  using other = openBox(work);
  const layers = [{ bytes: tarOf([{ name: "motd", content: "hello" }]) }];
  const child = await putImage(one, "child", layers);
  const index = await putIndex(one, "many", [{ manifest: child, platform: PLATFORM }]);
  await one.removeManifest("child");
  await one.free!(["child"]);
  await other.putManifest(child.digest, child, { child: true });
  await putImage(one, "many", [{ bytes: tarOf([]) }]); // what the tag led to is not needed any more
  await one.free!(["many"]);
  await other.putManifest("again", index);
  assert.equal((await other.manifest(child.digest))?.digest, child.digest);
});

Deno.test("versions of an index leave nothing behind, also within one store", async () => {
  await using work = await makeWorkspace();
  using source = openStore({ registry: `oci:${work.path("other")}`, repository: "me/files" });
  using store = openBox(work);
  const to = { store, reference: "many" };
  for (const content of ["one", "two", "three"]) {
    const layer = { bytes: tarOf([{ name: "motd", content }]) };
    const child = await putImage(source, "child", [layer], { ...PLATFORM, author: content });
    await putIndex(source, "many", [{ manifest: child, platform: PLATFORM }]);
    await copyImage({ store: source, reference: "many" }, to, { overwrite: true });
  }
  assert.equal(await blobsOf(work), 4, "an index, an image, its config and its layer");
  await store.removeManifest("many");
  await store.free!(["many"]);
  assert.equal(await blobsOf(work), 0);
});

Deno.test("an alias takes no claim of another writer", async () => {
  await using work = await makeWorkspace();
  using store = openBox(work);
  const bytes = tarOf([{ name: "motd", content: "hello" }]);
  const { digest } = await store.write(bytesSource(bytes)); // for an image that comes later
  const config = await store.write(bytesSource(new TextEncoder().encode("{}")));
  await pushBlob(store, streamOf(bytes), { alias: "a" });
  await putImage(store, "a", [{ bytes: tarOf([]) }]);
  await store.free!(["a"]);
  const image = encodeManifest({
    schemaVersion: 2,
    mediaType: IMAGE_MANIFEST.oci,
    config,
    layers: [{ mediaType: "application/octet-stream", digest, size: bytes.length }],
  });
  await store.putManifest("t", image);
  assert.equal(await store.stat(digest), bytes.length);
});

Deno.test("writers that were killed before they listed anything are gone on with", async () => {
  await using work = await makeWorkspace();
  {
    using store = openBox(work);
    await pushBlob(store, streamOf(BYTES));
  }
  await Deno.remove(work.path("box/me/files/index.json"));
  using store = openBox(work);
  await upload(store, "disk", { input: streamOf(BYTES) });
  assert.deepEqual(await fetched(store), BYTES);
});

Deno.test("an alias with a number is set anew without its blobs being read, also when they are gone", async () => {
  await using fake = await startFakeRegistry();
  using store = openStore({ registry: fake.url, repository: "me/files" });
  await pushBlob(store, streamOf(BYTES), { alias: "may-15" });
  const { digest } = await pushBlob(store, streamOf(OTHERS));
  const before = fake.requests.length;
  await setAlias(store, "may-15", { digests: [digest], overwrite: true });
  const reads = fake.requests.slice(before).filter(({ method, path }) =>
    method === "GET" && path.includes("/blobs/")
  );
  assert.deepEqual(reads, []);
  await removeBlobs(store, ["@may-15"]);
  await pushBlob(store, streamOf(BYTES), { alias: "may-15", overwrite: true });
  await putImage(store, "app", [{ bytes: tarOf([]) }]);
  await copyImage({ store, reference: "app" }, { store, reference: "may-15" }, { overwrite: true });
});
