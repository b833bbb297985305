/** The manifests of removed chunks: gone where nothing names them any more, so that a plain garbage collection frees them. @module */
import assert from "node:assert/strict";
import { copyStash } from "../lib/exports/copy.ts";
import { encodeManifest } from "../lib/exports/store.ts";
import type { Digest } from "../lib/oci/digest.ts";
import { IMAGE_CONFIG, IMAGE_INDEX, IMAGE_MANIFEST } from "../lib/oci/media_types.ts";
import { bytesSource } from "../lib/content/source.ts";
import { download, openStore, remove, type Store, upload, verify } from "../main.ts";
import { makeWorkspace, sink, someBytes } from "./rigs/content.ts";
import { ensureTool } from "./rigs/debian.ts";
import { type FakeRegistry, type Faults, startFakeRegistry } from "./rigs/fake_registry.ts";
import { startRegistry } from "./rigs/real_registry.ts";

const CHUNK = 1000;
const THREE = someBytes(3 * CHUNK - 3);
const ignore = !await ensureTool("docker-registry", "docker-registry");

/** Deletes manifests by digest alone, as distribution 2.8 does. */
const BY_DIGEST: Faults = { refuseTagDeletes: 405 };

const openFake = ({ url }: { url: string }) => openStore({ registry: url, repository: "me/files" });

const chunksOf = (store: Store, baseTag = "disk") =>
  Promise.all([1, 2, 3].map(async (number) => (await store.resolve(`${baseTag}-${number}`))!));

const isThere = ({ storage }: FakeRegistry, digest: Digest) =>
  storage.repository("me/files").manifests.has(digest);

/** An index of somebody else, and its one image, which has no tag. */
async function putIndex(store: Store, tag: string): Promise<Digest> {
  const { digest, size } = await store.write(bytesSource(new TextEncoder().encode(`{"os":"linux"}`)));
  const config = { mediaType: IMAGE_CONFIG.oci, digest, size };
  const image = encodeManifest({ schemaVersion: 2, mediaType: IMAGE_MANIFEST.oci, config, layers: [] });
  await store.putManifest(image.digest, image);
  await store.putManifest(tag, indexOf(image.digest, image.bytes.length));
  return image.digest;
}

const indexOf = (digest: Digest, size: number, mediaType = IMAGE_MANIFEST.oci) =>
  encodeManifest({
    schemaVersion: 2,
    mediaType: IMAGE_INDEX.oci,
    manifests: [{ mediaType, digest, size, platform: { os: "linux", architecture: "amd64" } }],
  });

Deno.test("distribution 2.8 frees a removed file in a plain collection, and keeps what others have", {
  ignore,
}, async () => {
  await using work = await makeWorkspace();
  await using registry = await startRegistry();
  using store = openFake(registry);
  const image = await putIndex(store, "app");
  const input = await work.write("disk", THREE);
  const gone = await upload(store, "disk", { input, chunkSize: CHUNK });
  await upload(store, "kept", {
    input: await work.write("kept", someBytes(2500).reverse()),
    chunkSize: CHUNK,
  });
  await remove(store, "disk");
  await registry.collectGarbage({ untagged: false });
  for (const { digest } of gone.chunks) {
    await assert.rejects(Deno.stat(registry.blobPath(digest)), Deno.errors.NotFound);
  }
  assert.ok(await store.manifest(image));
  assert.deepEqual((await verify(store, "kept", { deep: true })).faults, []);
  assert.ok(await store.manifest("app"));
});

Deno.test("a manifest that a tag, an index, a referrer or a signature names stays", async () => {
  await using registry = await startFakeRegistry({ faults: { ...BY_DIGEST, referrersApi: true } });
  await using work = await makeWorkspace();
  using store = openFake(registry);
  await upload(store, "disk", { input: await work.write("disk", someBytes(6 * CHUNK)), chunkSize: CHUNK });
  const [tagged, indexed, nested] = await chunksOf(store);
  const [referred, free, signed] = await Promise.all(
    ["disk-4", "disk-5", "disk-6"].map(async (tag) => (await store.resolve(tag))!),
  );
  await store.putManifest("mine", (await store.manifest("disk-1"))!);
  await store.putManifest("index", indexOf(indexed!, 1));
  const inner = indexOf(nested!, 1);
  await store.putManifest(inner.digest, inner);
  await store.putManifest("outer", indexOf(inner.digest, inner.bytes.length, IMAGE_INDEX.oci));
  const { digest, size } = await store.write(bytesSource(new TextEncoder().encode("{}")));
  const signature = encodeManifest({
    schemaVersion: 2,
    mediaType: IMAGE_MANIFEST.oci,
    config: { mediaType: IMAGE_CONFIG.oci, digest, size },
    layers: [],
    subject: { mediaType: IMAGE_MANIFEST.docker, digest: referred, size: 1 },
  });
  await store.putManifest(signature.digest, signature);
  await putIndex(store, `${signed!.replace(":", "-")}.sig`); // as cosign names it
  assert.equal((await remove(store, "disk")).removed.length, 6);
  assert.deepEqual(
    [tagged, indexed, nested, referred, signed, free].map((digest) => isThere(registry, digest!)),
    [true, true, true, true, true, false],
  );
  assert.equal(await store.resolve("mine"), tagged);
});

Deno.test("a file that shares its manifests with another stays whole", async () => {
  await using registry = await startFakeRegistry({ faults: { ...BY_DIGEST } });
  await using work = await makeWorkspace();
  using store = openFake(registry);
  await upload(store, "disk", { input: await work.write("disk", THREE), chunkSize: CHUNK });
  await copyStash({ store, baseTag: "disk" }, { store, baseTag: "copy" });
  await remove(store, "disk");
  const output = sink();
  await download(store, "copy", { output: output.stream });
  assert.deepEqual(output.bytes(), THREE);
});

Deno.test("a tag that comes while manifests are removed keeps its manifest", async () => {
  await using registry = await startFakeRegistry({ faults: { ...BY_DIGEST } });
  await using work = await makeWorkspace();
  using store = openFake(registry);
  await upload(store, "disk", { input: await work.write("disk", THREE), chunkSize: CHUNK });
  const [first, second, third] = await chunksOf(store);
  let pushed = false;
  registry.faults.onRequest = ({ method, path }) => {
    if (pushed || method !== "DELETE" || !path.endsWith(third!)) return;
    pushed = true;
    registry.storage.repository("me/files").tags.set("somebody", second!);
  };
  await remove(store, "disk");
  assert.ok(pushed);
  assert.deepEqual([first, second, third].map((digest) => isThere(registry, digest!)), [false, true, false]);
  assert.equal(await store.resolve("somebody"), second);
});

const LISTS: readonly [what: string, others: string[], isFreed: boolean][] = [
  ["no other tag", [], true],
  ["tags of which one is another's prefix", ["app", "app-1"], true],
  ["tags that may hide others", ["app", "other"], false],
];
for (const [what, others, isFreed] of LISTS) {
  const does = isFreed ? "frees" : "keeps";
  Deno.test(`a registry that removes tags by name ${does} the manifests beside ${what}`, async () => {
    await using registry = await startFakeRegistry();
    await using work = await makeWorkspace();
    using store = openFake(registry);
    for (const tag of others) await putIndex(store, tag);
    await upload(store, "disk", { input: await work.write("disk", THREE), chunkSize: CHUNK });
    const digests = await chunksOf(store);
    await remove(store, "disk");
    assert.deepEqual(digests.map((digest) => isThere(registry, digest)), Array(3).fill(!isFreed));
  });
}

Deno.test("nothing is removed by digest where the registry has no list of tags", async () => {
  await using registry = await startFakeRegistry();
  await using work = await makeWorkspace();
  using store = openFake(registry);
  await upload(store, "disk", { input: await work.write("disk", THREE), chunkSize: CHUNK });
  const digests = await chunksOf(store);
  registry.faults.failNext = [{ path: /tags\/list/, status: 404, times: 1000 }];
  await remove(store, "disk");
  assert.deepEqual(digests.map((digest) => isThere(registry, digest)), [true, true, true]);
});

Deno.test("--overwrite removes the manifests that it has replaced, and an ordinary upload asks for none", async () => {
  await using registry = await startFakeRegistry();
  await using work = await makeWorkspace();
  using store = openFake(registry);
  await putIndex(store, "app");
  await putIndex(store, "app-1");
  await upload(store, "disk", { input: await work.write("disk", THREE), chunkSize: CHUNK });
  const looked = () =>
    registry.requests.filter(({ method, path }) => method === "GET" && /manifests\/app/.test(path));
  assert.deepEqual(looked(), []);
  const [first, second, third] = await chunksOf(store);
  const other = await work.write("disk", THREE.with(1500, 1)); // one chunk differs
  await upload(store, "disk", { input: other, chunkSize: CHUNK, overwrite: true });
  assert.equal(looked().length, 2);
  assert.deepEqual([first, second, third].map((digest) => isThere(registry, digest!)), [true, false, false]);
});

Deno.test("Docker Hub is asked to delete the manifests, and keeps what a tag leads to", async () => {
  await using registry = await startFakeRegistry();
  await using work = await makeWorkspace();
  const hub = { removal: "docker-hub", manifestReadsCount: true } as const;
  using store = openStore({ registry: registry.url, repository: "me/files", profile: hub });
  await upload(store, "disk", { input: await work.write("disk", THREE), chunkSize: CHUNK });
  const digests = await chunksOf(store);
  registry.faults.failNext = [{ method: "DELETE", path: new RegExp(digests[0]!), status: 403, times: 1 }];
  registry.requests.length = 0;
  await store.removeUnnamed?.(digests);
  assert.deepEqual(digests.map((digest) => isThere(registry, digest)), [true, false, false]);
  assert.deepEqual(registry.requests.filter(({ method }) => method === "GET"), []);
});
