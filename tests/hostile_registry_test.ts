/** Registries that mean harm: what they say costs few requests, little memory, and ends in an error. @module */
import assert from "node:assert/strict";
import { digestOf } from "../lib/oci/digest.ts";
import { IMAGE_MANIFEST, OCTET_STREAM } from "../lib/oci/media_types.ts";
import { download, info, list, remove, upload, verify } from "../main.ts";
import { makeWorkspace, sink } from "./rigs/content.ts";
import { endless, LENGTHS, PIECES } from "./rigs/endless.ts";
import { startFakeRegistry } from "./rigs/fake_registry.ts";
import { fends } from "./rigs/guard.ts";
import { open } from "./rigs/opened.ts";
import { encode, JSON_TYPE, note, plant, TEN, TERABYTES } from "./rigs/planted_stash.ts";

for (const [what, length] of Object.entries(LENGTHS)) {
  Deno.test(`answers that ${what} are not read to their end`, async () => {
    for (const piece of Object.values(PIECES)) {
      for (const status of [200, 401, 403, 404, 500]) {
        await using server = await endless(status, { ...length, ...JSON_TYPE }, piece);
        using opened = open(server, { retry: { attempts: 1 } });
        const { store } = opened;
        const uses = [
          () => store.manifest("one"),
          () => Array.fromAsync(store.tags()),
          () => info(store, "one"),
          () => remove(store, "one"),
          () => store.putManifest("one", { mediaType: OCTET_STREAM, digest: digestOf(TEN), bytes: TEN }),
        ];
        for (const use of status === 404 ? uses.slice(4) : status === 200 ? uses.slice(0, 4) : uses) {
          await fends(use, server.requests);
        }
      }
    }
  });
}

Deno.test("a token server whose answer has no end is given up", async () => {
  for (const status of [200, 401, 500]) {
    await using server = await endless(status, JSON_TYPE, PIECES["large pieces"]!);
    const headers = { "www-authenticate": `Bearer realm="${server.url}/token"` };
    await using fake = await startFakeRegistry({
      faults: { failNext: [{ status: 401, headers, times: 9 }] },
    });
    using opened = open(fake, { retry: { attempts: 1 } });
    await fends(() => info(opened.store, "disk"), server.requests);
  }
});

Deno.test("a config that has more bytes than it claims is not read to its end", async () => {
  for (const length of Object.values(LENGTHS)) {
    await using server = await endless(200, length, PIECES["large pieces"]!);
    const headers = { location: `${server.url}/blob` };
    await using fake = await startFakeRegistry({
      faults: { failNext: [{ path: /blobs/, status: 307, headers, times: 9 }] },
    });
    plant(fake, { config: note() });
    using opened = open(fake, { retry: { attempts: 1 } });
    const error = await fends(() => info(opened.store, "disk"), server.requests);
    assert.equal(error.kind, "mismatch");
  }
});

Deno.test("a chunk that has more bytes than it should is not read to its end, and makes no file", async () => {
  for (const length of Object.values(LENGTHS)) {
    await using server = await endless(200, length, PIECES["large pieces"]!);
    await using space = await makeWorkspace();
    await using fake = await startFakeRegistry();
    plant(fake, { config: note() });
    const headers = { location: `${server.url}/blob` };
    const path = new RegExp(digestOf(TEN));
    fake.faults.failNext = [{ path, status: 307, headers, times: 100 }];
    using opened = open(fake, { retry: { attempts: 1 } });
    const { store } = opened;
    const output = space.path("copy");
    await fends(() => download(store, "disk", { output }), server.requests);
    await fends(() => download(store, "disk", { output: sink().stream }), server.requests);
    const { faults } = await verify(store, "disk", { deep: true }).catch(() => ({ faults: [1] }));
    assert.equal(faults.length, 1);
    assert.equal(await space.has("copy"), false);
  }
});

Deno.test("pages of tags that have no end are left", async () => {
  for (const fresh of [false, true]) {
    let pages = 0;
    await using fake = await startFakeRegistry();
    fake.faults.onRequest = () => {
      const tags = fresh ? [`page-${++pages}`] : [`page-${++pages % 1}`];
      const headers = { ...JSON_TYPE, link: `</v2/me/files/tags/list?last=${pages}>; rel="next"` };
      // So that a loop without an end fails this test, rather than never ending it.
      if (pages > 20_000) fake.faults.failNext = [];
      else fake.faults.failNext = [{ status: 200, headers, body: JSON.stringify({ tags }), times: 1 }];
    };
    using opened = open(fake, { retry: { attempts: 1 } });
    await fends(() => Array.fromAsync(list(opened.store)), () => pages, fresh ? 11_000 : 200);
  }
});

Deno.test("a redirect leads to no file, and no nonsense", async () => {
  await using space = await makeWorkspace();
  const local = await space.write("secret", encode({ schemaVersion: 2, stolen: true }));
  const targets = [
    `file://${local}`,
    `data:${IMAGE_MANIFEST.docker},{}`,
    "blob:null/1",
    "ftp://127.0.0.1/",
    "javascript:0",
    "http://[",
    "http://127.0.0.1:99999/",
    "//",
    "http://",
  ];
  for (const location of targets) {
    for (const status of [301, 307]) {
      await using fake = await startFakeRegistry();
      fake.faults.failNext = [{ status, headers: { location }, times: 100 }];
      using opened = open(fake, { retry: { attempts: 1 } });
      const { store } = opened;
      const requests = () => fake.requests.length;
      await fends(() => store.manifest("one"), requests);
      await fends(async () => await new Response(await store.read(digestOf(TEN))).text(), requests);
      await fends(
        () => store.putManifest("one", { mediaType: "x/y", digest: digestOf(TEN), bytes: TEN }),
        requests,
      );
    }
  }
});

Deno.test("a place to send to, or a next page, that is a file or nonsense is refused", async () => {
  for (const target of ["file:///tmp/upload", "data:,x", "http://[", "ftp://127.0.0.1/"]) {
    await using fake = await startFakeRegistry();
    using opened = open(fake, { retry: { attempts: 1 } });
    const { store } = opened;
    const requests = () => fake.requests.length;
    fake.faults.failNext = [{ method: "POST", status: 202, headers: { location: target }, times: 9 }];
    const input = new Response("bytes").body!;
    await fends(() => upload(store, "disk", { input }), requests);
    const headers = { link: `<${target}>; rel="next"` };
    fake.faults.failNext = [{ path: /tags/, status: 200, headers, body: '{"tags":["a-1"]}', times: 1 }];
    if (URL.canParse(target)) await fends(() => Array.fromAsync(store.tags()), requests);
  }
});

Deno.test("headers that lie about lengths, ranges and times do no harm", async () => {
  const lies: Record<string, string>[] = [
    { "content-length": TERABYTES },
    { "docker-content-digest": "sha256:../../x" },
    { "retry-after": "9".repeat(300) },
    { "retry-after": "Fri, 31 Dec 99999 23:59:59 GMT" },
    { "www-authenticate": `Bearer realm="http://[",${'a="b",'.repeat(1000)}` },
    { "oci-chunk-min-length": TERABYTES, range: `0-${"9".repeat(300)}` },
    { warning: `299 - "${"\\a".repeat(3000)}"` },
  ];
  for (const headers of lies) {
    for (const status of [200, 401, 429]) {
      await using fake = await startFakeRegistry();
      fake.faults.failNext = [{ status, headers, times: 1000 }];
      using opened = open(fake, { retry: { attempts: 2, longestOutage: 0 }, timeouts: { stall: 200 } });
      const use = () => info(opened.store, "disk");
      await fends(use, () => fake.requests.length);
    }
  }
});
