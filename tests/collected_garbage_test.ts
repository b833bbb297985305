/** A registry whose garbage was collected while it ran: its cache names blobs that are gone. @module */
import assert from "node:assert/strict";
import { openStore, remove, upload, verify } from "../main.ts";
import { copyStash } from "../lib/exports/copy.ts";
import { testClock } from "./rigs/clock.ts";
import { makeWorkplace } from "./rigs/command_line.ts";
import { digestOf } from "../lib/oci/digest.ts";
import { makeWorkspace, someBytes } from "./rigs/content.ts";
import { ensureTool } from "./rigs/debian.ts";
import { startFakeRegistry } from "./rigs/fake_registry.ts";
import { startRegistry } from "./rigs/real_registry.ts";

const ignore = !await ensureTool("docker-registry", "docker-registry");

Deno.test("what cannot be fetched is not called stored, and a restart mends it", { ignore }, async () => {
  await using work = await makeWorkplace();
  await work.write("disk.img", someBytes(25));
  await using registry = await startRegistry({ cache: true });
  const disk = ["--registry", registry.url, "-r", "me/files", "-t", "disk"];
  const upload = ["upload", ...disk, "-i", "disk.img", "--chunk-size", "10"];
  assert.equal((await work.run(upload)).code, 0);
  assert.equal((await work.run(["remove", ...disk])).code, 0);
  await registry.collectGarbage();
  for (const more of [[], ["--overwrite"]]) {
    const { code, stderr } = await work.run([...upload, ...more]);
    assert.equal(code, 1, stderr);
    assert.match(stderr, /hint: restart the registry: its cache names blobs that were collected as garbage/);
  }
  const { port, storage } = registry;
  await registry.stop();
  await using again = await startRegistry({ cache: true, port, storage });
  assert.equal(again.url, registry.url);
  assert.equal((await work.run([...upload, "--overwrite"])).code, 0);
  assert.equal((await work.run(["verify", ...disk, "--deep"])).code, 0);
});

Deno.test("a copy is not called done, either", { ignore }, async () => {
  await using work = await makeWorkspace();
  await using registry = await startRegistry({ cache: true });
  using box = openStore({ registry: `oci:${work.path("box")}`, repository: "me/files" });
  using store = openStore({ registry: registry.url, repository: "me/files", clock: testClock() });
  const from = { store: box, baseTag: "disk" };
  await upload(box, "disk", { input: await work.write("disk.img", someBytes(25)), chunkSize: 10 });
  await copyStash(from, { store, baseTag: "disk" });
  await remove(store, "disk");
  await registry.collectGarbage();
  await assert.rejects(copyStash(from, { store, baseTag: "disk" }), /does not give/);
});

Deno.test("a HEAD that answers with a length of 0 is asked again with GET", async () => {
  await using registry = await startFakeRegistry();
  await using work = await makeWorkspace();
  using store = openStore({ registry: registry.url, repository: "me/files" });
  const input = await work.write("disk.img", someBytes(25));
  await upload(store, "disk", { input, chunkSize: 10 });
  registry.faults.headSize = 0;
  assert.deepEqual((await verify(store, "disk")).faults, []);
  registry.requests.length = 0;
  await upload(store, "disk", { input, chunkSize: 10 });
  assert.deepEqual(registry.requests.filter(({ method }) => method !== "GET" && method !== "HEAD"), []);
});

Deno.test("a HEAD that answers with the length of its error page is asked again with GET", async () => {
  await using registry = await startFakeRegistry();
  await using work = await makeWorkspace();
  using store = openStore({ registry: registry.url, repository: "me/files" });
  const input = await work.write("disk.img", someBytes(25));
  await upload(store, "disk", { input, chunkSize: 10 });
  const wrong = { method: "HEAD", path: /blobs\/sha256/, status: 200, headers: { "content-length": "153" } };
  registry.faults.failNext = [{ ...wrong, times: 1000 }];
  assert.deepEqual((await verify(store, "disk")).faults, []);
  registry.storage.repository("me/files").blobs.delete(
    digestOf((await Deno.readFile(input)).subarray(10, 20)),
  );
  assert.deepEqual((await verify(store, "disk")).faults.map(({ kind }) => kind), ["missing"]);
});

Deno.test("where reads of manifests count against a limit, an upload looks its tags up and reads none", async () => {
  await using registry = await startFakeRegistry();
  await using work = await makeWorkspace();
  const profile = { manifestReadsCount: true };
  using store = openStore({ registry: registry.url, repository: "me/files", profile });
  await upload(store, "disk", { input: await work.write("disk.img", someBytes(25)), chunkSize: 10 });
  const about = registry.requests.filter(({ path }) => /manifests\/disk-\d$/.test(path));
  assert.deepEqual(about.filter(({ method }) => method === "GET"), []);
  const last = about.slice(about.findLastIndex(({ method }) => method === "PUT") + 1);
  assert.deepEqual(last.map(({ method, path }) => `${method} ${path.at(-1)}`).sort(), [
    "HEAD 1",
    "HEAD 2",
    "HEAD 3",
  ]);
});
