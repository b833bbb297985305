/** What a download takes for the stash, and the order in which a copy puts its tags. @module */
import assert from "node:assert/strict";
import { download, openStore, upload } from "../main.ts";
import { copyStash } from "../lib/exports/copy.ts";
import { makeWorkspace, someBytes, streamOf } from "./rigs/content.ts";
import { startFakeRegistry } from "./rigs/fake_registry.ts";

const BYTES = someBytes(25);

for (
  const { what, chunkSize, at } of [
    { what: "of one chunk", chunkSize: 100, at: 12 },
    { what: "whose second chunk differs", chunkSize: 10, at: 15 },
  ]
) {
  Deno.test(`a file of the same size as a stash ${what} is not taken for it`, async () => {
    await using work = await makeWorkspace();
    using store = openStore({ registry: `oci:${work.path("box")}`, repository: "me/files" });
    await upload(store, "disk", { input: streamOf(BYTES), chunkSize });
    const output = await work.write("disk.img", BYTES.with(at, BYTES[at]! ^ 1));
    await download(store, "disk", { output, overwrite: true });
    assert.deepEqual(await Deno.readFile(output), BYTES);
  });
}

Deno.test("a copy puts the tag of the last chunk last: it makes the stash complete", async () => {
  await using work = await makeWorkspace();
  await using registry = await startFakeRegistry();
  using box = openStore({ registry: `oci:${work.path("box")}`, repository: "me/files" });
  using store = openStore({ registry: registry.url, repository: "me/files" });
  await upload(box, "disk", { input: streamOf(BYTES), chunkSize: 10 });
  await copyStash({ store: box, baseTag: "disk" }, { store, baseTag: "disk" });
  const puts = registry.requests.filter(({ method, path }) =>
    method === "PUT" && path.includes("/manifests/")
  );
  assert.deepEqual(puts.map(({ path }) => path.split("/").at(-1)), ["disk-1", "disk-2", "disk-3"]);
});
