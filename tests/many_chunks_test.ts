/** Files of very many chunks in a directory: the list of all tags is written seldom, and memory stays small. @module */
import assert from "node:assert/strict";
import { download, info, openStore, remove, upload } from "../main.ts";
import { readImageManifest } from "../lib/oci/manifest.ts";
import { makeWorkspace, someBytes } from "./rigs/content.ts";
import { recordDisk } from "./rigs/recorded_disk.ts";

Deno.test("the tags of 2,000 chunks are listed together, hundreds at a time, and removed so", async () => {
  await using work = await makeWorkspace();
  using store = openStore({ registry: `oci:${work.path("box")}`, repository: "files" });
  const bytes = someBytes(20_000, 1);
  const input = await work.write("input", bytes);
  const listed = async (change: () => Promise<unknown>) => {
    using disk = recordDisk();
    await change();
    const index = work.path("box/files/index.json");
    disk.requireDurable(index);
    return disk.calls.filter((call) => call.startsWith("name ") && call.endsWith(` ${index}`)).length;
  };
  const uploaded = await listed(() => upload(store, "many", { input, chunkSize: 10 }));
  assert.ok(uploaded < 200, `index.json was written ${uploaded} times`);
  assert.equal((await info(store, "many")).chunks.length, 2_000);
  await download(store, "many", { output: work.path("output") });
  assert.deepEqual(await Deno.readFile(work.path("output")), bytes);
  const removed = await listed(() => remove(store, "many"));
  assert.ok(removed < 20, `index.json was written ${removed} times`);
  assert.deepEqual(await Array.fromAsync(Deno.readDir(work.path("box/files/blobs/sha256"))), []);
});

Deno.test("the table of chunks is encoded as any JSON, whatever the name of the file", async () => {
  await using work = await makeWorkspace();
  using store = openStore({ registry: `oci:${work.path("box")}`, repository: "files" });
  for (const name of ["plain", 'ä]}"[]\\', "[]"]) {
    const input = await work.write(name, someBytes(25));
    const { digest } = await upload(store, "many", { input, chunkSize: 10, overwrite: true });
    const { config } = readImageManifest((await store.manifest(digest!))!);
    const text = await new Response(await store.read(config.digest)).text();
    assert.equal(JSON.stringify(JSON.parse(text)), text);
    assert.equal(JSON.parse(text).layerstash.digests.length, 3);
    assert.equal((await info(store, "many")).name, name);
  }
});
