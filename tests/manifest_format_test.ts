/** The format of manifests: docker's where it is taken, OCI's where it is not, and one file in both. @module */
import assert from "node:assert/strict";
import { copyStash } from "../lib/exports/copy.ts";
import { getAlias, pushBlob, setAlias } from "../lib/exports/blobs.ts";
import { encodedPart } from "../lib/oci/digest.ts";
import { IMAGE_MANIFEST } from "../lib/oci/media_types.ts";
import {
  download,
  InvalidInputError,
  list,
  type ManifestFormat,
  openStore,
  RegistryError,
  remove,
  type Store,
  type TransferEvent,
  upload,
  verify,
} from "../main.ts";
import { makeWorkplace } from "./rigs/command_line.ts";
import { makeWorkspace, sink, someBytes } from "./rigs/content.ts";
import { type FakeRegistry, type Faults, startFakeRegistry } from "./rigs/fake_registry.ts";

const CHUNK = 1000;
const THREE = someBytes(3 * CHUNK - 3);

/** Quay's rules for docker's manifests. */
const STRICT: Faults = { strictManifests: true };

const openFake = ({ url }: FakeRegistry, manifestFormat?: ManifestFormat) =>
  openStore({ registry: url, repository: "me/files", manifestFormat });

/** The short name of the format of what a tag holds. */
async function formatOf(store: Store, tag: string): Promise<string> {
  const found = await store.manifest(tag);
  return Object.entries(IMAGE_MANIFEST).find(([, type]) => type === found?.mediaType)?.[0] ?? "none";
}

const formatsOf = (store: Store, ...tags: string[]) => Promise.all(tags.map((tag) => formatOf(store, tag)));

const puts = ({ requests }: FakeRegistry, what: "manifests" | "uploads") =>
  requests.filter(({ method, path }) => method === "PUT" && path.includes(`/${what}/`)).length;

/** How many bytes of blobs were sent. */
const sent = ({ requests }: FakeRegistry) =>
  requests.filter(({ path }) => path.includes("/uploads/")).reduce((sum, { received }) => sum + received, 0);

async function stored(store: Store, baseTag: string): Promise<Uint8Array> {
  const output = sink();
  await download(store, baseTag, { output: output.stream });
  return output.bytes();
}

for (
  const [rules, faults] of [["Quay's", STRICT], ["zot's", { refuseType: IMAGE_MANIFEST.docker }]] as const
) {
  Deno.test(`an upload to a registry with ${rules} rules goes on in OCI's format, and sends no byte again`, async () => {
    await using plain = await startFakeRegistry();
    await using registry = await startFakeRegistry({ faults });
    await using work = await makeWorkspace();
    const input = await work.write("disk", THREE);
    using other = openFake(plain);
    await upload(other, "disk", { input, chunkSize: CHUNK });
    using store = openFake(registry);
    const events: TransferEvent[] = [];
    const onEvent = (event: TransferEvent) => void events.push(event);
    await upload(store, "disk", { input, chunkSize: CHUNK, onEvent });
    assert.deepEqual(await formatsOf(store, "disk-1", "disk-2", "disk-3"), ["oci", "oci", "oci"]);
    assert.deepEqual(await stored(store, "disk"), THREE);
    assert.equal(sent(registry), sent(plain));
    assert.equal(puts(registry, "manifests"), 4); // the first one is put a second time
    assert.deepEqual(events.filter(({ type }) => type === "notice"), [{
      type: "notice",
      message: `${store.name} refuses manifests in docker's format: they are stored in OCI's`,
    }]);
    assert.deepEqual((await verify(store, "disk", { file: input })).faults, []);
  });
}

Deno.test("an upload that was interrupted goes on in the format in which it began", async () => {
  await using registry = await startFakeRegistry({ faults: { ...STRICT } });
  await using work = await makeWorkspace();
  const input = await work.write("disk", THREE);
  registry.faults.failNext = [{ method: "PUT", path: /disk-2$/, status: 403, times: 1 }];
  using first = openFake(registry);
  await assert.rejects(upload(first, "disk", { input, chunkSize: CHUNK, jobs: 1 }));
  assert.equal(await formatOf(first, "disk-1"), "oci");
  registry.faults.strictManifests = false;
  registry.requests.length = 0;
  using second = openFake(registry);
  await upload(second, "disk", { input, chunkSize: CHUNK });
  assert.deepEqual(await formatsOf(second, "disk-1", "disk-2", "disk-3"), ["oci", "oci", "oci"]);
  assert.equal(puts(registry, "manifests"), 2);
});

Deno.test("the format of one file does not pass on to another in the same store", async () => {
  await using work = await makeWorkspace();
  const input = await work.write("disk", THREE);
  const box = { registry: `oci:${work.path("box")}`, repository: "me/files" };
  using docker = openStore({ ...box, manifestFormat: "docker" });
  for (const name of ["old", "copied"]) await upload(docker, name, { input, chunkSize: CHUNK });
  using store = openStore(box);
  await upload(store, "old", { input: await work.write("disk", THREE.toReversed()), overwrite: true });
  await copyStash({ store: docker, baseTag: "copied" }, { store, baseTag: "copied" });
  await upload(store, "new", { input });
  assert.deepEqual(await formatsOf(store, "old-1", "copied-1", "new-1"), ["docker", "docker", "oci"]);
});

Deno.test("a file that is stored in one format is the same file in the other", async () => {
  await using registry = await startFakeRegistry();
  await using work = await makeWorkspace();
  const input = await work.write("disk", THREE);
  using docker = openFake(registry);
  await upload(docker, "disk", { input, chunkSize: CHUNK });
  assert.equal(await formatOf(docker, "disk-1"), "docker");
  registry.requests.length = 0;
  using oci = openFake(registry, "oci");
  const events: TransferEvent[] = [];
  await upload(oci, "disk", { input, chunkSize: CHUNK, onEvent: (event) => void events.push(event) });
  assert.deepEqual(events.filter(({ type }) => type === "notice"), [{
    type: "notice",
    message: "disk stays in the other format of manifests: --overwrite changes it",
  }]);
  assert.deepEqual([puts(registry, "manifests"), sent(registry)], [0, 0]);
  await upload(oci, "disk", { input, chunkSize: CHUNK, overwrite: true });
  // Each manifest is put by its digest, and then under its tag; configs are sent, and no chunks.
  assert.deepEqual([puts(registry, "manifests"), sent(registry) < 2 * CHUNK], [6, true]);
  assert.deepEqual(await formatsOf(oci, "disk-1", "disk-2", "disk-3"), ["oci", "oci", "oci"]);
  assert.deepEqual((await Array.fromAsync(list(oci))).map(({ baseTag }) => baseTag), ["disk"]);
  assert.deepEqual((await verify(oci, "disk", { file: input, deep: true })).faults, []);
});

Deno.test("an alias is made in OCI's format where docker's is refused", async () => {
  await using registry = await startFakeRegistry({ faults: { ...STRICT } });
  using store = openFake(registry);
  const { digest } = await pushBlob(store, new Response("one").body!, { alias: "pushed" });
  using another = openFake(registry);
  await setAlias(another, "set", { digests: [digest] });
  assert.deepEqual(await formatsOf(store, "pushed", "set"), ["oci", "oci"]);
  assert.deepEqual([await getAlias(store, "pushed"), await getAlias(store, "set")], [[digest], [digest]]);
});

Deno.test("an alias in OCI's format is an artifact with the empty config", async () => {
  await using registry = await startFakeRegistry();
  using store = openFake(registry, "oci");
  const { digest } = await pushBlob(store, new Response("one").body!);
  const { bytes } = await setAlias(store, "name", { digests: [digest] });
  assert.deepEqual(JSON.parse(new TextDecoder().decode(bytes)), {
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    artifactType: "application/vnd.layerstash.alias.v1",
    config: {
      mediaType: "application/vnd.oci.empty.v1+json",
      digest: "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
      size: 2,
    },
    layers: [{ mediaType: "application/octet-stream", digest, size: 3 }],
  });
});

Deno.test("a copied file has the manifests that an upload to the target makes", async () => {
  await using registry = await startFakeRegistry();
  await using strict = await startFakeRegistry({ faults: { ...STRICT } });
  await using work = await makeWorkspace();
  const input = await work.write("disk", THREE);
  using box = openStore({ registry: `oci:${work.path("box")}`, repository: "me/files" });
  using store = openFake(registry);
  using quay = openFake(strict);
  await upload(box, "disk", { input, chunkSize: CHUNK });
  await upload(store, "uploaded", { input, chunkSize: CHUNK });
  const from = { store: box, baseTag: "disk" };
  await copyStash(from, { store, baseTag: "copied" });
  await copyStash(from, { store: quay, baseTag: "copied" });
  for (const number of [1, 2, 3]) {
    assert.equal(await store.resolve(`copied-${number}`), await store.resolve(`uploaded-${number}`));
    assert.equal(await quay.resolve(`copied-${number}`), await box.resolve(`disk-${number}`));
  }
  await copyStash({ store, baseTag: "copied" }, { store: quay, baseTag: "there" }); // docker's, which is refused
  assert.equal(await formatOf(quay, "there-3"), "oci");
  strict.faults.strictManifests = false;
  strict.requests.length = 0;
  using later = openFake(strict);
  await copyStash({ store, baseTag: "copied" }, { store: later, baseTag: "there" }); // the same file
  assert.deepEqual([await formatOf(later, "there-1"), sent(strict)], ["oci", 0]);
});

Deno.test("a copy changes the format of a stored file only where it may replace it", async () => {
  await using work = await makeWorkspace();
  const box = { registry: `oci:${work.path("box")}`, repository: "me/files" };
  using store = openStore(box);
  using docker = openStore({ ...box, manifestFormat: "docker" });
  await upload(store, "disk", { input: await work.write("disk", THREE), chunkSize: CHUNK });
  const from = { store, baseTag: "disk" };
  await copyStash(from, { store, baseTag: "copied" });
  await assert.rejects(copyStash(from, { store: docker, baseTag: "copied" }), { name: "ConflictError" });
  assert.deepEqual(await formatsOf(store, "copied-1", "copied-3"), ["oci", "oci"]);
  await copyStash(from, { store: docker, baseTag: "copied" }, { overwrite: true });
  assert.deepEqual(await formatsOf(store, "copied-1", "copied-3"), ["docker", "docker"]);
  await copyStash(from, { store: docker, baseTag: "copied" });
  await copyStash(from, { store, baseTag: "copied" });
  assert.deepEqual(await formatsOf(store, "copied-1", "copied-3"), ["docker", "docker"], "the same file");
});

Deno.test("a tag is removed through a placeholder where docker's manifests are refused", async () => {
  await using registry = await startFakeRegistry({ faults: { ...STRICT, refuseTagDeletes: 405 } });
  await using work = await makeWorkspace();
  using store = openFake(registry);
  await upload(store, "disk", { input: await work.write("disk", THREE), chunkSize: CHUNK });
  using another = openFake(registry);
  assert.deepEqual((await remove(another, "disk")).removed, ["disk-3", "disk-2", "disk-1"]);
  assert.deepEqual(await Array.fromAsync(store.tags()), []);
});

Deno.test("a format that was chosen is kept, and the refusal says what to do", async () => {
  await using registry = await startFakeRegistry({ faults: { ...STRICT } });
  await using work = await makeWorkspace();
  using store = openFake(registry, "docker");
  await assert.rejects(
    upload(store, "disk", { input: await work.write("disk", THREE), chunkSize: CHUNK }),
    (error: unknown) => error instanceof RegistryError && /--manifest-format/.test(error.hint ?? ""),
  );
  assert.equal(puts(registry, "manifests"), 1);
  assert.throws(() => openFake(registry, "podman" as ManifestFormat), InvalidInputError);
});

Deno.test("the command line chooses the format, by an option or its variable", async () => {
  await using registry = await startFakeRegistry();
  await using work = await makeWorkplace();
  await Deno.writeFile(work.path("disk"), THREE);
  const env = { LAYERSTASH_REGISTRY: registry.url, LAYERSTASH_REPOSITORY: "me/files" };
  const run = async (words: string, more: Record<string, string> = {}) => {
    const { code, stdout, stderr } = await work.run(words.split(" "), { env: { ...env, ...more } });
    assert.equal(code, 0, stderr);
    return stdout.trim();
  };
  const OCI = { LAYERSTASH_MANIFEST_FORMAT: "oci" };
  await run("upload -t one -i disk --manifest-format oci");
  await run("upload -t two -i disk", OCI);
  const digest = await run("blob push -i disk --alias three --manifest-format oci");
  await run(`alias set four ${digest}`, OCI);
  await run(
    `copy --stash ${registry.host}/me/files:one ${registry.host}/me/files:five --manifest-format docker`,
  );
  await run(`copy --stash ${registry.host}/me/files:one oci:box:six --manifest-format docker`);
  using store = openFake(registry);
  assert.deepEqual(
    await formatsOf(store, "one-1", "two-1", "three", "four", "five-1"),
    ["oci", "oci", "oci", "oci", "docker"],
  );
  const index = JSON.parse(await Deno.readTextFile(work.path("box/index.json")));
  assert.equal(index.manifests[0].mediaType, IMAGE_MANIFEST.docker);
  assert.ok(await Deno.stat(work.path(`box/blobs/sha256/${encodedPart(digest as `sha256:${string}`)}`)));
});
