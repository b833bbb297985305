/** The list of stashes. @module */
import assert from "node:assert/strict";
import { list, openStore, upload } from "../main.ts";
import { manifestOf } from "../lib/oci/manifest.ts";
import { IMAGE_MANIFEST } from "../lib/oci/media_types.ts";
import { someBytes, streamOf } from "./rigs/content.ts";
import { type FakeRegistry, startFakeRegistry } from "./rigs/fake_registry.ts";
import { testOnEachStore } from "./rigs/stores.ts";

const openFake = ({ url }: FakeRegistry) => openStore({ registry: url, repository: "me/files" });

/** Tags something that is no chunk. */
function addTags(registry: FakeRegistry, tags: Iterable<string>): void {
  const { bytes, mediaType } = manifestOf(new TextEncoder().encode("{}"), IMAGE_MANIFEST.docker);
  for (const tag of tags) registry.storage.addManifest("me/files", { bytes, mediaType }, tag);
}

testOnEachStore("stashes are listed by name, with their sizes where these are asked for", async (place) => {
  using store = place.open();
  assert.deepEqual(await Array.fromAsync(list(store)), []);
  await upload(store, "b", { input: streamOf(someBytes(25)), chunkSize: 10 });
  await upload(store, "a", { input: streamOf(someBytes(0)), chunkSize: 10 });
  const listed = await Array.fromAsync(list(store));
  assert.deepEqual(listed, [
    { baseTag: "a", chunks: 1, missing: undefined },
    { baseTag: "b", chunks: 3, missing: undefined },
  ]);
  const exact = await Array.fromAsync(list(store, { exactSize: true }));
  assert.deepEqual(exact.map(({ baseTag, stash }) => [baseTag, stash?.size]), [["a", 0], ["b", 25]]);
});

testOnEachStore("names are listed in the order of the numbers in them", async (place) => {
  using store = place.open();
  for (const name of ["vm10", "vm9", "vm-10.01", "vm-10.1"]) {
    await upload(store, name, { input: streamOf(someBytes(1)) });
  }
  const names = (await Array.fromAsync(list(store))).map(({ baseTag }) => baseTag);
  assert.deepEqual(names.slice(-2), ["vm9", "vm10"]);
  assert.deepEqual(names.slice(0, 2), ["vm-10.01", "vm-10.1"]);
});

Deno.test("numbers count by their value however long, and then signs, letters and capitals", async () => {
  await using registry = await startFakeRegistry();
  using store = openFake(registry);
  const signs = "_ 1 9 10 a a_b a-b a.1 a.02 a.2 a.10 a01 a1 a1-b a1b a12";
  const letters = "a9007199254740992 a9007199254740993 a10000000000000000000000 ab AB aB1 ab2 b B";
  const ordered = `${signs} ${letters}`.split(" ");
  addTags(registry, ordered.toSorted().map((name) => `${name}-1`));
  const names = (await Array.fromAsync(list(store))).map(({ baseTag }) => baseTag);
  assert.deepEqual(names, ordered);
});

Deno.test("the list of tags is asked for, the first tag of each name, and a tag that may be hidden", async () => {
  await using registry = await startFakeRegistry();
  using store = openFake(registry);
  addTags(registry, ["disk-1", "disk-2", "latest", "tail-2", "tail-3"]);
  assert.equal((await Array.fromAsync(list(store))).length, 2);
  assert.deepEqual(registry.requests.map(({ method, path }) => `${method} ${path}`), [
    "GET /v2/me/files/tags/list",
    "GET /v2/me/files/manifests/disk-1",
    "GET /v2/me/files/manifests/tail-2",
    "HEAD /v2/me/files/manifests/disk-3",
    "HEAD /v2/me/files/manifests/tail-1",
  ]);
});

Deno.test("gaps are named, and foreign tags are no stashes", async () => {
  await using registry = await startFakeRegistry();
  using store = openFake(registry);
  addTags(registry, ["disk-1", "disk-3", "disk-10", "tail-2", "latest", "v1.0", "disk", "disk-01", "x-0"]);
  const incomplete = (tag: string) => ({
    problem: `incomplete: ${tag} is missing`,
    state: "incomplete",
  });
  assert.deepEqual(await Array.fromAsync(list(store)), [
    { baseTag: "disk", chunks: 10, missing: 2, ...incomplete("disk-2") },
    { baseTag: "tail", chunks: 2, missing: 1, ...incomplete("tail-1") },
  ]);
});

Deno.test("what is no whole stash is listed with the reason, and does not keep the others", async () => {
  await using registry = await startFakeRegistry();
  using store = openFake(registry);
  await upload(store, "good", { input: streamOf(someBytes(25)), chunkSize: 10 });
  addTags(registry, ["disk-1", "tail-2"]);
  const exact = await Array.fromAsync(list(store, { exactSize: true }));
  const problems = exact.map(({ baseTag, problem }) => [baseTag, problem]);
  assert.deepEqual(problems[1], ["good", undefined]);
  assert.match(problems[0]![1]!, /malformed/);
  assert.equal(problems[2]![1], "incomplete: tail-1 is missing");
});

Deno.test("1,500 tags over many pages are all seen, however the pages are named", async () => {
  for (const opaqueLinks of [false, true]) {
    await using registry = await startFakeRegistry({ faults: { tagPageSize: 100, opaqueLinks } });
    using store = openFake(registry);
    addTags(
      registry,
      Array.from({ length: 1500 }, (_, index) => `s${index % 3}-${Math.floor(index / 3) + 1}`),
    );
    assert.deepEqual((await Array.fromAsync(list(store))).map(({ chunks }) => chunks), [500, 500, 500]);
    const pages = registry.requests.filter(({ path }) => path.includes("/tags/"));
    assert.equal(pages.length, 15);
    assert.equal(
      registry.requests.length,
      15 + 3 + 3,
      "and one manifest for each name, and the tag after its last",
    );
  }
});

Deno.test("an upload that was interrupted is never listed as whole, with or without sizes", async () => {
  await using registry = await startFakeRegistry();
  using store = openFake(registry);
  const { tags } = registry.storage.repository("me/files");
  for (const baseTag of ["stream", "whole", "torn"]) {
    await upload(store, baseTag, { input: streamOf(someBytes(45)), chunkSize: 10 });
  }
  for (const tag of ["stream-4", "stream-5"]) tags.delete(tag);
  const last = tags.get("torn-5")!;
  await upload(store, "torn", { input: streamOf(someBytes(45, 9)), chunkSize: 10, overwrite: true });
  tags.set("torn-5", last);
  registry.requests.length = 0;
  const plain = await Array.fromAsync(list(store));
  assert.equal(registry.requests.filter(({ path }) => path.includes("/tags/list")).length, 1);
  const exact = await Array.fromAsync(list(store, { exactSize: true }));
  for (const listed of [plain, exact]) {
    assert.deepEqual(listed.map(({ baseTag, state, problem }) => [baseTag, state, problem]), [
      [
        "stream",
        "incomplete",
        "incomplete: stream-3 is not its last chunk, and no later one exists",
      ],
      ["torn", "torn", "torn: torn-1 and torn-5 belong to different uploads"],
      ["whole", undefined, undefined],
    ]);
  }
});
