/** A stash that has lost the tag of a chunk in its middle: it is found, named, mended and copied. @module */
import assert from "node:assert/strict";
import { download, info, type InfoOptions, openStore, upload, verify } from "../main.ts";
import { copyStash } from "../lib/exports/copy.ts";
import { makeWorkplace } from "./rigs/command_line.ts";
import { makeWorkspace, sink, someBytes, streamOf } from "./rigs/content.ts";
import { makeKey } from "./rigs/encryption.ts";
import { startFakeRegistry } from "./rigs/fake_registry.ts";
import { putImage } from "./rigs/images.ts";
import { testOnEachStore } from "./rigs/stores.ts";
import { openFake } from "./rigs/uploads.ts";

const BYTES = someBytes(45);

testOnEachStore("an upload puts the tag of a chunk back", async (place) => {
  await using work = await makeWorkspace();
  using store = place.open();
  const file = await work.write("disk.img", BYTES);
  await upload(store, "disk", { input: file, chunkSize: 10 });
  const before = await store.resolve("disk-3");
  for (const input of [() => file, () => streamOf(BYTES)]) {
    await store.removeManifest("disk-3");
    await upload(store, "disk", { input: input(), chunkSize: 10 });
    assert.ok(await store.resolve("disk-3"));
    assert.deepEqual((await verify(store, "disk", { deep: true })).faults, []);
  }
  await store.removeManifest("disk-3");
  await upload(store, "disk", { input: file, chunkSize: 10, overwrite: true });
  assert.equal(await store.resolve("disk-3"), before);
});

testOnEachStore("a check finds the tag that is missing, or holds something else", async (place) => {
  await using work = await makeWorkspace();
  using store = place.open();
  const file = await work.write("disk.img", BYTES);
  await upload(store, "disk", { input: file, chunkSize: 10 });
  assert.equal((await info(store, "disk")).faults, undefined);
  await store.removeManifest("disk-3");
  const missing = [{ chunk: 3, kind: "tag", problem: "its tag is missing" }];
  for (const options of [{}, { deep: true }, { file }, { file, deep: true }]) {
    assert.deepEqual((await verify(store, "disk", options)).faults, missing);
  }
  assert.deepEqual((await info(store, "disk")).faults, missing);
  await putImage(store, "disk-3", [{ bytes: someBytes(4) }]);
  const other = [{ chunk: 3, kind: "taken", problem: "its tag holds something else" }];
  assert.deepEqual((await verify(store, "disk")).faults, other);
  assert.deepEqual((await info(store, "disk")).faults, other);
});

testOnEachStore(
  "a file of two chunks has no tag in its middle, and nothing more is asked for",
  async (place) => {
    using store = place.open();
    await upload(store, "disk", { input: streamOf(someBytes(15)), chunkSize: 10 });
    assert.deepEqual((await verify(store, "disk")).faults, []);
    assert.equal((await info(store, "disk")).faults, undefined);
  },
);

Deno.test("info asks for the digest of each tag, and reads what holds another", async () => {
  await using work = await makeWorkspace();
  await using registry = await startFakeRegistry();
  using store = openFake(registry);
  const { encryptTo, identities } = await makeKey(work);
  const input = await work.write("disk.img", BYTES);
  const chunkSize = 10;
  await upload(store, "file", { input, chunkSize });
  await upload(store, "stream", { input: streamOf(BYTES), chunkSize });
  await upload(store, "secret", { input: streamOf(someBytes(3000)), chunkSize: 1000, encryptTo });
  await upload(store, "hidden", {
    input: await work.write("3000", someBytes(3000)),
    chunkSize: 1000,
    encryptTo,
  });
  await copyStash({ store, baseTag: "stream" }, { store, baseTag: "copy" });
  const asked = async (name: string, options: InfoOptions = {}) => {
    registry.requests.length = 0;
    const { faults, chunks } = await info(store, name, options);
    const own = chunks.map(({ tag }) => `/v2/me/files/manifests/${tag}`);
    const tags = registry.requests.filter(({ path }) => own.includes(path));
    const count = (wanted: string) => tags.filter(({ method }) => method === wanted).length;
    return {
      faults: faults?.map(({ kind }) => kind),
      head: count("HEAD") - chunks.length,
      get: count("GET"),
    };
  };
  for (const name of ["file", "stream", "secret", "hidden", "copy"]) {
    for (const options of [{}, { identities }]) {
      assert.deepEqual(await asked(name, options), { faults: undefined, head: -2, get: 2 }, name);
    }
  }
  await putImage(store, "file-3", [{ bytes: someBytes(4) }]);
  await store.removeManifest("file-2");
  assert.deepEqual(await asked("file"), { faults: ["tag", "taken"], head: -2, get: 4 });
});

testOnEachStore("a copy has the tag that its source has lost", async (place) => {
  await using work = await makeWorkspace();
  using store = place.open();
  const file = await work.write("disk.img", BYTES);
  await upload(store, "disk", { input: file, chunkSize: 10 });
  const before = await store.resolve("disk-3");
  await store.removeManifest("disk-3");
  await copyStash({ store, baseTag: "disk" }, { store, baseTag: "copy" });
  assert.equal(await store.resolve("copy-3"), before, "the image is built again, to the byte");
  assert.deepEqual((await verify(store, "copy", { deep: true })).faults, []);
  const { stream, bytes } = sink();
  await download(store, "copy", { output: stream });
  assert.deepEqual(bytes(), BYTES);
});

Deno.test("a copy of a stream's stash has the tag that its source has lost", async () => {
  await using work = await makeWorkspace();
  using store = openStore({ registry: `oci:${work.path("box")}`, repository: "me/files" });
  using other = openStore({ registry: `oci:${work.path("box")}`, repository: "you/files" });
  await upload(store, "disk", { input: streamOf(BYTES), chunkSize: 10 });
  await store.removeManifest("disk-2");
  for (let times = 0; times < 2; times++) {
    await copyStash({ store, baseTag: "disk" }, { store: other, baseTag: "disk" });
    assert.deepEqual((await verify(other, "disk", { deep: true })).faults, []);
  }
});

Deno.test("the command line says which tag is missing, and the same upload mends it", async () => {
  await using work = await makeWorkplace();
  await work.write("disk.img", BYTES);
  const disk = ["--registry", "oci:box", "-r", "me/files", "-t", "disk"];
  const upload = ["upload", ...disk, "-i", "disk.img", "--chunk-size", "10"];
  assert.equal((await work.run(upload)).code, 0);
  using store = openStore({ registry: `oci:${work.path("box")}`, repository: "me/files" });
  await store.removeManifest("disk-3");
  const checked = await work.run(["verify", ...disk]);
  assert.equal(checked.code, 5, checked.stderr);
  assert.match(checked.stderr + checked.stdout, /disk-3: its tag is missing/);
  assert.match(checked.stderr, /store the file again: only what is missing is sent/);
  assert.match((await work.run(["info", ...disk])).stdout, /complete: +yes, but the tag disk-3 is missing/);
  await putImage(store, "disk-3", [{ bytes: someBytes(4) }]);
  const taken = await work.run(["info", ...disk]);
  assert.match(taken.stdout, /complete: +yes, but the tag disk-3 holds something else\n/);
  assert.match(
    taken.stderr,
    /^hint: store the file again; if a tag holds an image of somebody else, use another/,
  );
  assert.equal((await work.run(upload)).code, 6, "what somebody else has stored stays");
  await store.removeManifest("disk-3");
  for (const more of [[], ["--exact-size"]]) {
    const { stdout } = await work.run(["list", ...disk.slice(0, -2), ...more]);
    assert.match(stdout, /^disk +5 .*complete, but the tag disk-3 is missing$/m);
  }
  assert.equal((await work.run(upload)).code, 0);
  assert.equal((await work.run(["verify", ...disk])).code, 0);
  assert.match((await work.run(["info", ...disk])).stdout, /complete: +yes\n/);
});

Deno.test("a check of a local file finds the chunk that the registry has lost, too", async () => {
  await using work = await makeWorkplace();
  await work.write("disk.img", BYTES);
  const disk = ["--registry", "oci:box", "-r", "me/files", "-t", "disk"];
  assert.equal((await work.run(["upload", ...disk, "-i", "disk.img", "--chunk-size", "10"])).code, 0);
  using store = openStore({ registry: `oci:${work.path("box")}`, repository: "me/files" });
  await store.remove((await info(store, "disk")).chunks[1]!.digest);
  const checked = await work.run(["verify", ...disk, "-i", "disk.img"]);
  assert.equal(checked.code, 5, checked.stderr);
  assert.match(checked.stderr + checked.stdout, /disk-2: its blob is missing/);
});
