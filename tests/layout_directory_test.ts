/** Layout directories that are not as this program leaves them: written by others, damaged, out of reach. @module */
import assert from "node:assert/strict";
import { basename, join } from "node:path";
import { temporaryName } from "../lib/content/atomic_file.ts";
import { collect } from "../lib/content/collect.ts";
import { LayerstashError, NotAllowedError } from "../lib/errors.ts";
import { type Digest, digestOf, encodedPart } from "../lib/oci/digest.ts";
import { encodeManifest, type Manifest } from "../lib/oci/manifest.ts";
import { IMAGE_CONFIG, IMAGE_MANIFEST, OCTET_STREAM } from "../lib/oci/media_types.ts";
import { bytesSource } from "../lib/exports/store.ts";
import { listRepositories, openStore, type Store, upload, verify } from "../main.ts";
import { StreamCutter } from "../lib/content/stream_source.ts";
import { makeDraft } from "../lib/layout/drafts.ts";
import { makeWorkplace } from "./rigs/command_line.ts";
import { makeWorkspace, someBytes, streamOf, type Workspace } from "./rigs/content.ts";
import { onPosix, WITHOUT_RIGHTS } from "./rigs/system.ts";
import { onSent } from "./rigs/events.ts";
import { startServer } from "./rigs/served.ts";

Deno.test("an entry that has no media type, or a wrong size, is read and removed as others are", async () => {
  await using work = await makeWorkspace();
  using store = open(work);
  for (
    const [name, change] of Object.entries({ "none-1": { mediaType: undefined }, "size-1": { size: 1 } })
  ) {
    const manifest = imageOf(await write(store, "bytes"));
    await store.putManifest(name, manifest);
    await changeIndex(work, (entries) => entries.map((entry) => ({ ...entry, ...change })));
    assert.deepEqual(await store.manifest(name), manifest);
    assert.equal(await store.resolve(name), manifest.digest);
    await store.putManifest("other", manifest);
    assert.deepEqual(await store.manifest(name), manifest, "also behind a change");
    for (const tag of [name, "other"]) await store.removeManifest(tag);
    assert.deepEqual(await Array.fromAsync(store.tags()), []);
  }
});

Deno.test("an entry whose tag is a digest does not pass for the manifest of that digest", async () => {
  await using work = await makeWorkspace();
  using store = open(work);
  const manifest = imageOf(await write(store, "bytes"));
  const { digest } = imageOf(await write(store, "other bytes"));
  await store.putManifest("one", manifest);
  const annotations = { "org.opencontainers.image.ref.name": digest };
  await changeIndex(work, (entries) => entries.map((entry) => ({ ...entry, annotations })));
  assert.equal(await store.manifest(digest), undefined);
  assert.deepEqual(await store.manifest(manifest.digest), manifest);
});

Deno.test("several manifests are listed at once, and none where one of them cannot be stored", async () => {
  await using work = await makeWorkspace();
  using store = open(work);
  const one = imageOf(await write(store, "one"));
  const lost = imageOf(digestOf(someBytes(9, 9)));
  await assert.rejects(store.putManifests!(new Map([["one", one], ["lost", lost]])), /does not have/);
  assert.deepEqual(await Array.fromAsync(store.tags()), []);
  const other = imageOf(await write(store, "three"));
  await store.putManifests!(new Map([["one", one], ["other", other]]));
  using reader = open(work);
  assert.deepEqual(await Array.fromAsync(reader.tags()), ["one", "other"]);
  await reader.putManifest("third", other);
  assert.deepEqual(await Array.fromAsync(store.tags()), ["one", "other", "third"], "another's change shows");
  await store.removeManifests!(["one", "third"]);
  assert.deepEqual(await Array.fromAsync(reader.tags()), ["other"]);
});

Deno.test("a blob whose bytes come in any order gets its name when all are right, or leaves nothing", async () => {
  await using work = await makeWorkspace();
  using store = open(work);
  const bytes = someBytes(2000, 1);
  const blob = { digest: digestOf(bytes), size: bytes.length };
  const fails = () => Promise.reject(new Error("broke off"));
  await assert.rejects(store.writePlaced!(blob, fails), /broke off/);
  assert.equal(await store.stat(blob.digest), undefined);
  await store.writePlaced!(blob, async ({ file }) => {
    for (const start of [1000, 0]) {
      await file.seek(start, Deno.SeekMode.Start);
      await file.write(bytes.subarray(start, start + 1000));
    }
    assert.equal(await store.stat(blob.digest), undefined, "not before");
  });
  assert.deepEqual(await collect(await store.read(blob.digest), 2000), bytes);
});

Deno.test("a tag that is listed twice is one tag", async () => {
  await using work = await makeWorkspace();
  using store = open(work);
  const [first, second] = [imageOf(await write(store, "first")), imageOf(await write(store, "second"))];
  await store.putManifest("twice", first);
  await changeIndex(work, (entries) => [...entries, ...entries]);
  assert.deepEqual(await Array.fromAsync(store.tags()), ["twice"]);
  await store.putManifest("twice", second);
  assert.deepEqual(await store.manifest("twice"), second);
  await store.removeManifest("twice");
  assert.equal(await store.resolve("twice"), undefined);
});

Deno.test("a blob that is cut off passes for no blob that is there, and is mended by writing it", async () => {
  await using work = await makeWorkspace();
  using store = open(work);
  const source = bytesSource(someBytes(1000));
  const written = await store.write(source);
  for (const checkFirst of [true, false]) {
    await Deno.truncate(blobPath(work, written.digest), 10);
    assert.deepEqual(await store.write(source, { checkFirst }), written);
    assert.deepEqual(await collect(await store.read(written.digest), 1000), someBytes(1000));
  }
});

Deno.test("an upload mends a stash whose bytes were cut off", async () => {
  await using work = await makeWorkspace();
  using store = open(work);
  const input = await work.write("file", someBytes(1000));
  const stash = await upload(store, "file", { input, chunkSize: 400 });
  await Deno.truncate(blobPath(work, stash.chunks[1]!.digest), 10);
  assert.equal((await verify(store, "file")).faults.length, 1);
  await upload(store, "file", { input, chunkSize: 400 });
  assert.deepEqual((await verify(store, "file", { deep: true })).faults, []);
});

for (const [name, text] of [["not JSON", "no JSON"], ["another shape", '{"layers":{}}']] as const) {
  Deno.test(`a tag whose manifest was damaged to ${name} can be removed`, async () => {
    await using work = await makeWorkspace();
    using store = open(work);
    const [damaged, whole] = [imageOf(await write(store, "a")), imageOf(await write(store, "b"))];
    await store.putManifest("damaged", damaged);
    await store.putManifest("whole", whole);
    await Deno.writeTextFile(blobPath(work, damaged.digest), text);
    await store.removeManifest("damaged");
    await store.free!(["damaged"]);
    assert.deepEqual(await Array.fromAsync(store.tags()), ["whole"]);
    assert.deepEqual(await store.manifest("whole"), whole);
    assert.equal(await store.stat(damaged.digest), undefined);
  });

  Deno.test(`beside a manifest that was damaged to ${name} a tag is removed, and no blob is freed`, async () => {
    await using work = await makeWorkspace();
    using store = open(work);
    const layer = await write(store, "shared");
    const [damaged, gone] = [imageOf(layer, "damaged"), imageOf(layer, "gone")];
    await store.putManifest("damaged", damaged);
    await store.putManifest("gone", gone);
    await Deno.writeTextFile(blobPath(work, damaged.digest), text);
    using later = open(work); // which has not read the manifest when it was whole
    await later.removeManifest("gone");
    await later.free!(["gone"]);
    assert.deepEqual(await Array.fromAsync(store.tags()), ["damaged"]);
    assert.notEqual(await store.stat(layer), undefined, "the damaged one may need it");
  });
}

Deno.test("a write that is ended leaves no file behind", async () => {
  await using work = await makeWorkspace();
  using store = open(work);
  await write(store, "bytes");
  const before = await filesIn(work);
  const ending = new AbortController();
  const source = new StreamCutter(streamOf(someBytes(1_000_000), 1000)).take(1_000_000);
  const onEvent = onSent((count) => {
    if (count > 0) ending.abort(new Error("enough"));
  });
  await assert.rejects(store.write(source, { signal: ending.signal, onEvent }), /enough/);
  assert.deepEqual(await filesIn(work), before);
});

for (
  const [what, act] of [
    ["a write", (store: Store) => write(store, "bytes")],
    ["a removal", (store: Store) => store.removeManifest("one")],
  ] as const
) {
  Deno.test(`what killed writers left is cleared up by ${what}, what living ones write is not`, async () => {
    await using work = await makeWorkspace();
    {
      using store = open(work);
      await store.putManifest("one", imageOf(await write(store, "bytes")));
    }
    const before = await filesIn(work);
    const layout = work.path("me/files");
    using living = await makeDraft(layout);
    const [abandoned, young] = [`${layout}/.layerstash-draft-old`, `${layout}/.layerstash-draft-young`];
    for (const path of [abandoned, young]) await Deno.writeTextFile(path, "half a blob");
    for (const path of [abandoned, living.path]) await Deno.utime(path, 0, 0);
    await Deno.writeTextFile(`${layout}/.layerstash-notes`, "somebody's own");
    const temporaries = [temporaryName(layout), temporaryName(`${layout}/blobs/sha256`)];
    const youngTemporary = temporaryName(layout);
    for (const path of [...temporaries, youngTemporary]) await Deno.writeTextFile(path, "half an index");
    for (const path of temporaries) await Deno.utime(path, 0, 0);
    using store = open(work);
    await act(store);
    const left = (await filesIn(work)).filter((name) => !before.includes(name));
    const expected = [
      living.path,
      ...(Deno.build.os === "windows" ? [young] : []), // where no lock tells, the age does
      `${layout}/.layerstash-notes`,
      youngTemporary,
    ];
    assert.deepEqual(
      left.map((name) => basename(name)).sort(),
      expected.map((path) => basename(path)).sort(),
    );
  });
}

Deno.test(
  "a layout that may only be read is read, and refuses to be written with a reason",
  onPosix("file modes"),
  async () => {
    await using workplace = await makeWorkplace();
    const layout = workplace.path("box/me/files");
    await workplace.write("file", someBytes(100));
    using store = openStore({ registry: `oci:${workplace.path("box")}`, repository: "me/files" });
    await upload(store, "here", { input: workplace.path("file") });
    await using unlocked = new AsyncDisposableStack();
    for (const path of [layout, join(layout, "blobs/sha256")]) {
      await Deno.chmod(path, 0o555);
      unlocked.defer(() => Deno.chmod(path, 0o755)); // or only root could remove it
    }
    for (const name of ["index.json", "oci-layout"]) await Deno.chmod(join(layout, name), 0o444);
    const on = (tag: string) => ["--registry", `oci:${workplace.path("box")}`, "-r", "me/files", "-t", tag];
    const read = await workplace.run(["download", ...on("here"), "-o", "copy"], { under: WITHOUT_RIGHTS });
    assert.equal(read.code, 0, read.stderr);
    for (const args of [["upload", ...on("new"), "-i", "file"], ["remove", ...on("here")]]) {
      const { code, stderr } = await workplace.run(args, { under: WITHOUT_RIGHTS });
      assert.equal(code, 4, stderr);
      assert.match(stderr, /cannot be written: permission denied/);
    }
    assert.deepEqual((await verify(store, "here", { deep: true })).faults, []);
  },
);

Deno.test("a layout of which a file may not be read says which", onPosix("file modes"), async () => {
  await using workplace = await makeWorkplace();
  const layout = workplace.path("box/me/files");
  await workplace.write("file", someBytes(100));
  using store = openStore({ registry: `oci:${workplace.path("box")}`, repository: "me/files" });
  const { chunks: [chunk] } = await upload(store, "here", { input: workplace.path("file") });
  const from = ["--registry", `oci:${workplace.path("box")}`, "-r", "me/files", "-t", "here"];
  const args = ["download", ...from, "-o", "copy"];
  for (const name of [`blobs/sha256/${encodedPart(chunk!.digest)}`, "index.json"]) {
    await Deno.chmod(join(layout, name), 0o000);
    const { code, stderr } = await workplace.run(args, { under: WITHOUT_RIGHTS });
    assert.equal(code, 4, stderr);
    assert.ok(stderr.includes(`${join(layout, name)} may not be read: permission denied`), stderr);
  }
});

Deno.test({
  name: "a program without the right to write reads a layout, and hears why it cannot write",
  permissions: { read: true, write: false },
  async fn() {
    using store = openStore({ registry: `oci:${Deno.execPath()}-none`, repository: "me/files" });
    assert.deepEqual(await Array.fromAsync(store.tags()), []);
    await assert.rejects(store.write(bytesSource(someBytes(10))), NotAllowedError);
    await assert.rejects(store.putManifest("one", imageOf(digestOf(someBytes(1)))), NotAllowedError);
  },
});

Deno.test({
  name: "a program without the right to read hears that it has none",
  permissions: { read: false, write: false },
  async fn() {
    using store = openStore({ registry: "oci:/nowhere", repository: "me/files" });
    const { digest } = imageOf(digestOf(someBytes(1)));
    await assert.rejects(store.stat(digest), NotAllowedError);
    await assert.rejects(store.read(digest), NotAllowedError);
    await assert.rejects(store.manifest("one"), NotAllowedError);
    await assert.rejects(Array.fromAsync(store.tags()), NotAllowedError);
  },
});

function open(work: Workspace): Store {
  return openStore({ registry: `oci:${work.path("")}`, repository: "me/files" });
}

function blobPath(work: Workspace, digest: Digest): string {
  return join(work.path("me/files/blobs/sha256"), encodedPart(digest));
}

async function changeIndex(work: Workspace, change: (entries: object[]) => object[]): Promise<void> {
  const path = work.path("me/files/index.json");
  const index = JSON.parse(await Deno.readTextFile(path));
  await Deno.writeTextFile(path, JSON.stringify({ ...index, manifests: change(index.manifests) }));
}

async function filesIn(work: Workspace): Promise<string[]> {
  const names: string[] = [];
  for (const directory of ["me/files", "me/files/blobs/sha256"]) {
    for await (const { name } of Deno.readDir(work.path(directory))) names.push(name);
  }
  return names.sort();
}

async function write(store: Store, text: string): Promise<Digest> {
  await store.write(bytesSource(new TextEncoder().encode("{}")));
  return (await store.write(bytesSource(new TextEncoder().encode(text)))).digest;
}

function imageOf(layer: Digest, comment = ""): Manifest {
  return encodeManifest({
    schemaVersion: 2,
    mediaType: IMAGE_MANIFEST.oci,
    config: { mediaType: IMAGE_CONFIG.oci, digest: digestOf(new TextEncoder().encode("{}")), size: 2 },
    layers: [{ mediaType: OCTET_STREAM, digest: layer, size: 1 }],
    annotations: { comment },
  });
}

Deno.test("an open store sees at once what another program changes in an index that has settled", async () => {
  await using work = await makeWorkspace();
  const layout = work.path("box/me/files");
  const options = { registry: `oci:${work.path("box")}`, repository: "me/files" };
  using store = openStore(options);
  await upload(store, "disk", { input: streamOf(someBytes(10)) });
  const index = join(layout, "index.json");
  const text = await Deno.readTextFile(index);
  const settle = (age: number) => Deno.utime(index, new Date(), new Date(Date.now() - age));
  await settle(60_000);
  assert.deepEqual(await Array.fromAsync(store.tags()), ["disk-1"]);
  await Deno.writeTextFile(index, text.replace("disk-1", "dusk-1")); // in place, and of the same size
  await settle(50_000);
  assert.deepEqual(await Array.fromAsync(store.tags()), ["dusk-1"]);
  assert.equal(await store.resolve("disk-1"), undefined);
});

Deno.test("a blob whose file cannot be removed is named", async () => {
  await using work = await makeWorkspace();
  using store = open(work);
  const digest = await write(store, "bytes");
  const path = blobPath(work, digest);
  await Deno.remove(path);
  await Deno.mkdir(join(path, "full"), { recursive: true });
  await assert.rejects(store.remove(digest), (error: unknown) => {
    assert.ok(error instanceof LayerstashError);
    assert.match(error.message, /blobs.sha256.\w+ cannot be written: /);
    return true;
  });
});

Deno.test("one rule says everywhere what is a layout: it has the file oci-layout, or an index beside blobs", async () => {
  await using work = await makeWorkplace();
  const make = async (name: string, ...paths: string[]) => {
    for (const path of paths) {
      await Deno.mkdir(join(work.path("box"), name, path.endsWith("/") ? path : "."), { recursive: true });
      if (!path.endsWith("/")) await Deno.writeTextFile(join(work.path("box"), name, path), "{}");
    }
  };
  await make("marked", "oci-layout");
  await make("unmarked", "index.json", "blobs/");
  await make("other", "index.json");
  await make("folder", "oci-layout/");
  const layouts = ["marked", "unmarked"];
  assert.deepEqual(await Array.fromAsync(listRepositories({ registry: `oci:${work.path("box")}` })), layouts);
  await using server = await startServer([`oci:${work.path("box")}`]);
  const catalog = await fetch(`${server.url}/v2/_catalog`);
  assert.deepEqual((await catalog.json()).repositories, layouts);
  for (const name of ["marked", "unmarked", "other", "folder"]) {
    const isLayout = layouts.includes(name);
    const tags = await fetch(`${server.url}/v2/${name}/tags/list`);
    await tags.body?.cancel();
    assert.equal(tags.status, isLayout ? 200 : 404, name);
    using store = openStore(`oci:${work.path("box")}/${name}`);
    const listed = await Array.fromAsync(store.tags({ mustExist: true })).then(() => true, () => false);
    assert.equal(listed, isLayout, name);
    await using alone = await startServer([`oci:${work.path("box")}/${name}`]);
    const own = await fetch(`${alone.url}/v2/_catalog`);
    assert.deepEqual((await own.json()).repositories, isLayout ? [name] : [], name);
  }
});
