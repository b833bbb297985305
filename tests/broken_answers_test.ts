/** Small answers that break on the way are asked for again. @module */
import assert from "node:assert/strict";
import { info, upload } from "../main.ts";
import { someBytes, streamOf } from "./rigs/content.ts";
import { startFakeRegistry } from "./rigs/fake_registry.ts";
import { open } from "./rigs/opened.ts";

Deno.test("a config whose connection is cut is read again", async () => {
  await using fake = await startFakeRegistry();
  using opened = open(fake);
  await upload(opened.store, "disk", { input: streamOf(someBytes(1000)) });
  fake.faults.breakDownload = { after: 20, times: 6, how: "cut" };
  const { size } = await info(opened.store, "disk");
  assert.equal(size, 1000);
  assert.equal(fake.faults.breakDownload.times, 0);
  assert.ok(
    opened.events.some(({ type }) => type === "retry"),
    "Deno repeats some of them by itself, not all",
  );
});

Deno.test("a list of tags and a manifest whose connections are cut are read again", async () => {
  const body = (length: number) => ({ "content-length": `${length + 100}`, "connection": "close" });
  await using fake = await startFakeRegistry();
  using opened = open(fake);
  await upload(opened.store, "disk", { input: streamOf(someBytes(1000)) });
  for (const path of [/tags\/list/, /manifests/]) {
    fake.faults.failNext = [{ method: "GET", path, status: 200, headers: body(2), body: "{}", times: 2 }];
    const found = path.test("/tags/list")
      ? await Array.fromAsync(opened.store.tags())
      : [(await opened.store.manifest("disk-1"))?.mediaType];
    assert.equal(found.length, 1);
    assert.equal(
      opened.events.filter(({ type }) => type === "retry").length,
      path.test("/tags/list") ? 2 : 4,
    );
  }
});
