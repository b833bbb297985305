/** What a registry or a layout can make us do has an end: requests, time, and what one bad name spoils. @module */
import assert from "node:assert/strict";
import { join } from "node:path";
import { bytesSource } from "../lib/content/source.ts";
import { LayerstashError } from "../lib/errors.ts";
import { digestOf } from "../lib/oci/digest.ts";
import { readEntries } from "../lib/layout/read_index.ts";
import { complaint } from "../lib/registry/tag_removal/tag_remover.ts";
import { list, openStore, upload } from "../main.ts";
import { makeWorkplace } from "./rigs/command_line.ts";
import { someBytes, streamOf } from "./rigs/content.ts";
import { startFakeRegistry } from "./rigs/fake_registry.ts";
import { failure, open } from "./rigs/opened.ts";

const TEN = someBytes(10);

const SIZES = [10, 2_000_000];

for (
  const [method, push, sizes] of [
    ["PUT", "put", SIZES],
    ["PUT", "stream", SIZES],
    ["PUT", "parts", SIZES],
    ["PATCH", "stream", SIZES.slice(1)], // what is small, or one part, is sent with the PUT
    ["PATCH", "parts", SIZES.slice(1)],
  ] as const
) {
  Deno.test(`a registry that loses every upload at its ${method} is not asked for ever (${push})`, async () => {
    for (const size of sizes) {
      await using fake = await startFakeRegistry();
      fake.faults.failNext = [{ method, path: /uploads/, status: 404, times: 100 }];
      using opened = open(fake, { retry: { attempts: 3 }, profile: { push, partSize: 1_500_000 } });
      const error = await failure(opened.store.write(bytesSource(someBytes(size))));
      assert.match(error.message, /answered 404/);
      assert.ok(fake.requests.length < 30, `${fake.requests.length} requests`);
    }
  });
}

Deno.test("a registry that redirects for ever, or answers 401 to every token, is left", async () => {
  await using fake = await startFakeRegistry({ auth: "bearer", tokens: { validFor: -1 } });
  using opened = open(fake, { retry: { attempts: 3 } });
  assert.equal((await failure(opened.store.manifest("one"))).kind, "not-allowed");
  assert.ok(fake.requests.length < 20 && fake.tokens!.requests.length < 20);
  const before = fake.requests.length;
  fake.faults.failNext = [{ status: 307, headers: { location: "/v2/again" }, times: 1000 }];
  assert.match((await failure(opened.store.manifest("one"))).message, /redirects more than 5 times/);
  assert.ok(fake.requests.length - before < 20);
});

Deno.test("one tag that is none does not keep the list of the others", async () => {
  await using fake = await startFakeRegistry();
  using opened = open(fake);
  await upload(opened.store, "good", { input: streamOf(TEN) });
  const { digest, manifest } = fake.storage.manifest("me/files", "good-1")!;
  for (const tag of ["\u202egnp-1", "a b-1", `${"x".repeat(200)}-1`, "../up-1", "-1-1"]) {
    fake.storage.addManifest("me/files", manifest, tag);
  }
  assert.equal(digest, digestOf(manifest.bytes));
  const listed = await Array.fromAsync(list(opened.store, { exactSize: true }));
  // A name that is not a tag cannot be asked for, so nothing says that it holds a chunk.
  assert.deepEqual(listed.map(({ baseTag, stash }) => [baseTag, stash?.size]), [["good", 10]]);
});

Deno.test("a next page that is hard to find is found at once, or not at all", async () => {
  for (
    const link of [`${"<".repeat(12_000)}; rel=next`, `</v2/x>${";".repeat(6000)}${" ".repeat(6000)}rel=next`]
  ) {
    await using fake = await startFakeRegistry();
    fake.faults.failNext = [{
      path: /tags/,
      status: 200,
      headers: { link },
      body: '{"tags":["a-1"]}',
      times: 1,
    }];
    using opened = open(fake);
    const before = performance.now();
    await Array.fromAsync(opened.store.tags()).catch((error) => assert.ok(error instanceof LayerstashError));
    assert.ok(performance.now() - before < 1000);
  }
});

Deno.test("a complaint of a service is short, whatever it is made of", () => {
  const bytes = new TextEncoder().encode(JSON.stringify({ message: `${".".repeat(60_000)}x` }));
  const headers = new Headers({ "content-type": "application/json" });
  const before = performance.now();
  assert.ok(complaint({ host: "hub", status: 400, headers, bytes }, "secret").length <= 300);
  assert.ok(performance.now() - before < 1000);
});

Deno.test("what a registry says at length is cut off", async () => {
  await using fake = await startFakeRegistry();
  const body = JSON.stringify({ errors: [{ code: "DENIED", message: `${"a ".repeat(20_000)}\n` }] });
  const headers = { "content-type": "application/json" };
  fake.faults.failNext = [{ status: 400, headers, body, times: 1 }];
  using opened = open(fake);
  assert.ok((await failure(opened.store.manifest("one"))).message.length < 2000);
});

Deno.test("a layout of 100,000 tags is read", async () => {
  await using work = await makeWorkplace();
  const layout = work.path("box/me/files");
  await Deno.mkdir(layout, { recursive: true });
  const manifests = Array.from({ length: 100_000 }, (_, index) => ({
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    digest: digestOf(new Uint8Array([index, index >> 8, index >> 16])),
    size: 500,
    annotations: {
      "org.opencontainers.image.ref.name": `stash-of-somebody-${index % 100}-${index + 1}`,
      "org.example.note": "x".repeat(100),
    },
  }));
  await Deno.writeTextFile(join(layout, "index.json"), JSON.stringify({ schemaVersion: 2, manifests }));
  assert.equal((await readEntries(layout)).length, 100_000);
  using store = openStore({ registry: `oci:${work.path("box")}`, repository: "me/files" });
  assert.equal((await Array.fromAsync(list(store))).length, 100);
});

Deno.test("an index with millions of entries that are not understood is passed over in seconds", async () => {
  await using work = await makeWorkplace();
  const entries = `${"1,".repeat(10_000_000)}1`;
  await work.write("index.json", `{"manifests":[${entries}]}`);
  const before = performance.now();
  assert.deepEqual(await readEntries(work.directory), []);
  assert.ok(performance.now() - before < 10_000);
});
