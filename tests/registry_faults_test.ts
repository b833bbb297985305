/** Blobs, manifests and tags of registries that refuse, lie, forget, or do things their own way. @module */
import assert from "node:assert/strict";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import {
  MismatchError,
  NotAllowedError,
  NotFoundError,
  RangeRefusedError,
  RegistryError,
} from "../lib/errors.ts";
import { bytesSource } from "../lib/content/source.ts";
import { type Digest, digestOf } from "../lib/oci/digest.ts";
import { encodeManifest, type Manifest, MAX_MANIFEST_SIZE } from "../lib/oci/manifest.ts";
import { IMAGE_MANIFEST } from "../lib/oci/media_types.ts";
import type { Store } from "../lib/store/store.ts";
import { ensureTool } from "./rigs/debian.ts";
import { type Faults, startFakeRegistry } from "./rigs/fake_registry.ts";
import { failure, open } from "./rigs/opened.ts";
import { startRegistry } from "./rigs/real_registry.ts";
import { USER } from "./rigs/user.ts";

const REAL = { ignore: !await ensureTool("docker-registry", "docker-registry") };
const HELLO = new TextEncoder().encode("hello, registry");
const ABSENT = digestOf(new TextEncoder().encode("absent"));
const PASSWORD = { kind: "password", username: USER.username, password: USER.password } as const;

/** A fake with the blob in it, and its store. */
async function withBlob(faults: Faults = {}) {
  const fake = await startFakeRegistry({ faults });
  const digest = fake.storage.addBlob("me/files", HELLO);
  const opened = open(fake);
  return {
    ...opened,
    fake,
    digest,
    async [Symbol.asyncDispose]() {
      opened[Symbol.dispose]();
      await fake[Symbol.asyncDispose]();
    },
  };
}

/** A manifest whose config is a blob that is there. */
function aManifest(blob: Digest, comment = ""): Manifest {
  return encodeManifest({
    schemaVersion: 2,
    mediaType: IMAGE_MANIFEST.docker,
    config: { mediaType: "application/octet-stream", digest: blob, size: HELLO.length },
    layers: [],
    annotations: { comment },
  });
}

/** A server that answers as it likes, byte by byte. */
async function plainServer(handle: http.RequestListener) {
  const server = http.createServer(handle);
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, "127.0.0.1", resolve);
  await promise;
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      const closed = Promise.withResolvers<void>();
      server.close(() => closed.resolve());
      server.closeAllConnections();
      await closed.promise;
    },
  };
}

const textOf = async (reading: ReturnType<Store["read"]>) => await new Response(await reading).text();

Deno.test("a blob's size is asked for by reading a byte where HEAD does not tell it", async () => {
  const asked: string[] = [];
  await using server = await plainServer((request, response) => {
    asked.push(`${request.method} ${request.headers.range}`);
    if (request.method === "HEAD") {
      return void response.writeHead(200, { "transfer-encoding": "chunked" }).end();
    }
    response.writeHead(206, { "content-range": "bytes 0-0/5000000000", "content-length": "1" }).end("x");
  });
  using opened = open(server);
  assert.equal(await opened.store.stat(ABSENT), 5_000_000_000);
  assert.deepEqual(asked, ["HEAD undefined", "GET bytes=0-0"]);
});

Deno.test("a blob's size is that of the whole where ranges are not given", async () => {
  await using server = await plainServer((request, response) => {
    if (request.method === "HEAD") return void response.writeHead(405).end();
    response.writeHead(200, { "content-length": "5000000" }).write("some of it");
  });
  using opened = open(server);
  assert.equal(await opened.store.stat(ABSENT), 5_000_000);
});

Deno.test("a storage that refuses HEAD is read from", async () => {
  await using parts = await withBlob({ redirectBlobs: 307 });
  const { fake, store, digest } = parts;
  fake.faults.failNext = [
    { method: "HEAD", path: /^\/v2/, status: 307, headers: { location: fake.signedUrl(digest) }, times: 1 },
    { method: "HEAD", path: /^\/signed/, status: 403, times: 1 },
  ];
  assert.equal(await store.stat(digest), HELLO.length);
  assert.deepEqual(
    fake.requests.map(({ origin, method, status }) => `${origin} ${method} ${status}`),
    ["registry HEAD 307", "storage HEAD 403", "registry GET 307", "storage GET 206"],
  );
});

Deno.test("an empty blob has a size too, though no range of it can be given", async () => {
  await using fake = await startFakeRegistry();
  const digest = fake.storage.addBlob("me/files");
  fake.faults.failNext = [{ method: "HEAD", status: 405, times: 1 }];
  using opened = open(fake);
  assert.equal(await opened.store.stat(digest), 0);
});

Deno.test("what may not be looked at is not absent", async () => {
  await using parts = await withBlob({ failNext: [{ status: 403, times: 9 }] });
  assert.ok(await failure(parts.store.stat(parts.digest)) instanceof NotAllowedError);
});

Deno.test("a blob that is absent is told from one that cannot be had", async () => {
  await using parts = await withBlob();
  assert.equal(await parts.store.stat(ABSENT), undefined);
  assert.ok(await failure(parts.store.read(ABSENT)) instanceof NotFoundError);
});

Deno.test("a signed address that has expired is asked for anew", async () => {
  await using parts = await withBlob({ redirectBlobs: 307 });
  const { fake, store, digest, clock } = parts;
  fake.faults.failNext = [{ path: /^\/signed/, status: 403, times: 2 }];
  assert.equal(await textOf(store.read(digest)), "hello, registry");
  assert.equal(clock.waits.length, 2);
  assert.equal(fake.requests.filter(({ origin }) => origin === "registry").length, 3);
});

Deno.test("ranges are given as they were asked for, also behind a redirect", async () => {
  await using parts = await withBlob({ redirectBlobs: 302 });
  assert.equal(
    await textOf(parts.store.readUnverified(parts.digest, { range: { start: 7, end: 10 } })),
    "reg",
  );
  assert.equal(
    await textOf(parts.store.readUnverified(parts.digest, { range: { start: 0, end: 15 } })),
    "hello, registry",
  );
});

Deno.test("a whole blob in place of a range is refused, unless the range is the whole", async () => {
  await using parts = await withBlob({ ranges: "ignored" });
  const { store, digest, clock } = parts;
  for (const range of [{ start: 7, end: 10 }, { start: 0, end: 3 }]) {
    assert.ok(await failure(store.readUnverified(digest, { range })) instanceof RangeRefusedError);
  }
  assert.equal(
    await textOf(store.readUnverified(digest, { range: { start: 0, end: 15 } })),
    "hello, registry",
  );
  assert.deepEqual(clock.waits, []);
});

Deno.test("another range than was asked for is refused as if ranges were not given", async () => {
  await using parts = await withBlob({ ranges: "wrong" });
  const error = await failure(parts.store.readUnverified(parts.digest, { range: { start: 7, end: 10 } }));
  assert.ok(error instanceof RangeRefusedError);
  assert.match(error.message, /gave the range bytes 0-2\/15, not bytes 7-9/);
});

Deno.test("a range that the registry refuses is an error", async () => {
  await using parts = await withBlob({ ranges: "refused" });
  const error = await failure(parts.store.readUnverified(parts.digest, { range: { start: 7, end: 10 } }));
  assert.ok(error instanceof RegistryError && error.status === 416);
});

Deno.test("a mounted blob is not sent; what cannot be mounted has to be, and leaves no upload behind", async () => {
  for (const fault of [{}, { refuseMounts: true }]) {
    await using fake = await startFakeRegistry({ auth: "bearer", faults: fault });
    fake.storage.addBlob("me/other", HELLO);
    using opened = open(fake, { credentials: PASSWORD });
    assert.equal(await opened.store.mount(digestOf(HELLO), "me/other"), !fault.refuseMounts);
    assert.equal(fake.storage.sessions.size, 0);
    const scopes = fake.tokens!.requests[0]!.query.getAll("scope");
    assert.deepEqual(scopes, ["repository:me/files:pull,push", "repository:me/other:pull"]);
  }
});

for (const status of [400, 403, 404, 405]) {
  Deno.test(`a mount that is answered ${status} is none`, async () => {
    await using fake = await startFakeRegistry({
      faults: { failNext: [{ method: "POST", status, times: 1 }] },
    });
    using opened = open(fake);
    assert.equal(await opened.store.mount(ABSENT, "me/other"), false);
  });
}

Deno.test("the real registry mounts", REAL, async () => {
  await using registry = await startRegistry();
  using other = open(registry, { repository: "me/other" });
  using opened = open(registry);
  const { digest } = await other.store.write(bytesSource(HELLO));
  assert.equal(await opened.store.mount(digest, "me/other"), true);
  assert.equal(await opened.store.stat(digest), HELLO.length);
  assert.equal(await opened.store.mount(ABSENT, "me/other"), false);
});

/** All tags, in the order of their names. */
const tagsOf = async (store: Store) => (await Array.fromAsync(store.tags())).sort();

/** Names of tags, so many. */
const names = (count: number) => Array.from({ length: count }, (_, at) => `disk-${at + 1}`).sort();

for (const opaqueLinks of [true, false]) {
  Deno.test(`all of 1500 tags are found behind ${opaqueLinks ? "opaque" : "plain"} links`, async () => {
    await using parts = await withBlob({ opaqueLinks, tagPageSize: 100 });
    const manifest = aManifest(parts.digest);
    for (const name of names(1500)) parts.fake.storage.addManifest("me/files", manifest, name);
    assert.deepEqual(await tagsOf(parts.store), names(1500));
    assert.equal(parts.fake.requests.length, 15);
  });
}

Deno.test("all of 1500 tags of the real registry are found", REAL, async () => {
  await using registry = await startRegistry();
  using opened = open(registry);
  const { digest } = await opened.store.write(bytesSource(HELLO));
  const manifest = aManifest(digest);
  await opened.store.putManifest("disk-1", manifest);
  const tags = join(registry.storage, "docker/registry/v2/repositories/me/files/_manifests/tags");
  for (const name of names(1500)) {
    await Deno.mkdir(join(tags, name, "current"), { recursive: true });
    await Deno.writeTextFile(join(tags, name, "current/link"), manifest.digest);
  }
  assert.deepEqual(await tagsOf(opened.store), names(1500));
});

Deno.test("a repository without tags, and one that is not there, has none", async () => {
  await using parts = await withBlob({ nullTags: true });
  assert.deepEqual(await tagsOf(parts.store), []);
  parts.fake.storage.addManifest("me/files", aManifest(parts.digest));
  assert.deepEqual(await tagsOf(parts.store), []);
});

/** A server of tags whose pages are these; the link of a page is what stands before its tags. */
async function pagesOf(pages: Record<string, [link: string, ...tags: string[]]>) {
  return await plainServer((request, response) => {
    const [link, ...tags] = pages[new URL(request.url!, "http://x").search] ?? [""];
    response.writeHead(200, link === "" ? {} : { link }).end(JSON.stringify({ tags }));
  });
}

Deno.test("links are followed as they are written, each tag is given once, and circles are left", async () => {
  await using server = await pagesOf({
    "?n=1000": ['</v2/me/files/tags/list?a=1>; rel="first", <?next=a%2Bb%20c,d>; rel=next', "one", "two"],
    "?next=a%2Bb%20c,d": ['</v2/me/files/tags/list?page=3>; foo="bar"; rel="next"'],
    "?page=3": ['</v2/me/files/tags/list?next=a%2Bb%20c,d>; rel="next"', "two", "three"],
  });
  using opened = open(server);
  assert.deepEqual(await Array.fromAsync(opened.store.tags()), ["one", "two", "three"]);
});

Deno.test("a list of tags that is none is refused", async () => {
  for (const body of ['{"tags":7}', '{"tags":{}}', "no JSON", ""]) {
    await using server = await plainServer((_, response) => void response.writeHead(200).end(body));
    using opened = open(server);
    assert.ok(await failure(tagsOf(opened.store)) instanceof MismatchError, body);
  }
});

Deno.test("a link to the next page leads nowhere that it should not", async () => {
  const asked: (string | undefined)[] = [];
  await using other = await plainServer((request, response) => {
    asked.push(request.headers.authorization);
    response.writeHead(200).end('{"tags":["elsewhere"]}');
  });
  await using server = await pagesOf({ "?n=1000": [`<${other.url}/x>; rel="next"`, "one"] });
  using opened = open(server, { credentials: { kind: "bearer", token: "t" } });
  assert.deepEqual(await Array.fromAsync(opened.store.tags()), ["one", "elsewhere"]);
  assert.deepEqual(asked, [undefined], "the token stays with the registry");
});

/** Answers every request for a manifest so. */
async function manifestAnswer(headers: Record<string, string>, body: string | Uint8Array) {
  const server = await plainServer((_, response) => void response.writeHead(200, headers).end(body));
  const opened = open(server);
  return {
    store: opened.store,
    async [Symbol.asyncDispose]() {
      opened[Symbol.dispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

const DOCKER = { "content-type": IMAGE_MANIFEST.docker };

Deno.test("a manifest that is too large is not read to its end", async () => {
  await using parts = await manifestAnswer(DOCKER, new Uint8Array(MAX_MANIFEST_SIZE + 1));
  const error = await failure(parts.store.manifest("disk-1"));
  assert.ok(error instanceof MismatchError);
  assert.equal(error.message, "the manifest disk-1 is too large: there are more than 4194304 bytes of it");
});

Deno.test("a manifest of the largest size is taken", async () => {
  const bytes = new Uint8Array(MAX_MANIFEST_SIZE).fill(32);
  await using parts = await manifestAnswer(DOCKER, bytes);
  assert.equal((await parts.store.manifest("disk-1"))!.digest, digestOf(bytes));
});

Deno.test("a web page is no manifest", async () => {
  await using parts = await manifestAnswer({ "content-type": "text/html" }, "<html>");
  for (const use of [() => parts.store.manifest("disk-1"), () => parts.store.resolve("disk-1")]) {
    const error = await failure(use());
    assert.match(error.message, /web page: it is not a registry/);
    assert.equal(error.hint, "check the name of the registry");
  }
});

Deno.test("what is neither JSON nor called a manifest is none", async () => {
  await using parts = await manifestAnswer({ "content-type": "text/plain" }, "no JSON");
  assert.match((await failure(parts.store.manifest("disk-1"))).message, /the manifest is not JSON/);
});

Deno.test("a manifest says its type itself where the registry does not", async () => {
  const manifest = aManifest(ABSENT);
  for (
    const type of ["application/json", "text/plain; charset=utf-8", `${IMAGE_MANIFEST.docker}; charset=utf-8`]
  ) {
    await using parts = await manifestAnswer({ "content-type": type }, manifest.bytes);
    assert.deepEqual(await parts.store.manifest("disk-1"), manifest);
  }
});

Deno.test("a manifest that has another digest than its header says is corrupted", async () => {
  await using parts = await withBlob({ contentDigest: "wrong" });
  const { digest } = aManifest(parts.digest);
  parts.fake.storage.addManifest("me/files", aManifest(parts.digest), "disk-1");
  const error = await failure(parts.store.manifest("disk-1"));
  assert.ok(error instanceof MismatchError);
  assert.match(error.message, /the manifest disk-1 is corrupted/);
  assert.equal((await parts.store.manifest(digest))?.digest, digest, "its name counts more than the header");
});

Deno.test("a manifest that has another digest than its name is corrupted", async () => {
  await using parts = await manifestAnswer(DOCKER, "{}");
  assert.ok(await failure(parts.store.manifest(ABSENT)) instanceof MismatchError);
});

Deno.test("a tag is resolved by reading where the registry names no digest", async () => {
  await using parts = await withBlob({ contentDigest: "absent" });
  const manifest = aManifest(parts.digest);
  parts.fake.storage.addManifest("me/files", manifest, "disk-1");
  assert.equal(await parts.store.resolve("disk-1"), manifest.digest);
  assert.equal(await parts.store.resolve("disk-2"), undefined);
  assert.deepEqual(parts.fake.requests.map(({ method }) => method), ["HEAD", "GET", "HEAD"]);
});

/** Two tags on one manifest. */
async function twoTags(store: Store): Promise<Manifest> {
  const { digest } = await store.write(bytesSource(HELLO));
  const manifest = aManifest(digest);
  for (const tag of ["disk-1", "disk-2"]) await store.putManifest(tag, manifest);
  return manifest;
}

for (const refuseTagDeletes of [undefined, 400, 405]) {
  Deno.test(`one tag goes and the other stays where a tag's removal is answered ${refuseTagDeletes}`, async () => {
    await using fake = await startFakeRegistry({ faults: refuseTagDeletes ? { refuseTagDeletes } : {} });
    using opened = open(fake);
    const manifest = await twoTags(opened.store);
    await opened.store.removeManifest("disk-1");
    assert.equal(await opened.store.resolve("disk-1"), undefined);
    assert.equal(await opened.store.resolve("disk-2"), manifest.digest);
    await opened.store.removeManifest("disk-1");
    assert.deepEqual(await tagsOf(opened.store), ["disk-2"]);
  });
}

Deno.test("the real registry lets go of one tag and keeps the other", REAL, async () => {
  await using registry = await startRegistry();
  using opened = open(registry);
  const manifest = await twoTags(opened.store);
  await opened.store.removeManifest("disk-1");
  assert.equal(await opened.store.resolve("disk-1"), undefined);
  assert.equal(await opened.store.resolve("disk-2"), manifest.digest);
});

Deno.test("a registry that deletes nothing says so, and the tag stays as it was", REAL, async () => {
  await using registry = await startRegistry({ deletes: false });
  using opened = open(registry);
  const manifest = await twoTags(opened.store);
  const error = await failure(opened.store.removeManifest("disk-1"));
  assert.ok(error instanceof NotAllowedError, error.message);
  assert.match(error.hint ?? "", /allow deletions/);
  assert.equal(await opened.store.resolve("disk-1"), manifest.digest);
});

for (
  const [status, hint] of [[500, /its disk may be full/], [507, /its disk/], [405, /read-only/]] as const
) {
  Deno.test(`a registry that answers ${status} to all that is to be stored gets a hint`, async () => {
    await using parts = await withBlob();
    const { fake, store, digest } = parts;
    for (const method of ["POST", "PATCH", "PUT"]) {
      fake.faults.failNext = [{ method, status, times: Infinity }, {
        method: "PUT",
        status,
        times: Infinity,
      }];
      const error = await failure(store.write(bytesSource(new TextEncoder().encode(method))));
      assert.ok(error instanceof RegistryError);
      assert.equal(error.status, status);
      assert.match(error.hint ?? "", hint);
    }
    const error = await failure(store.putManifest("disk-1", aManifest(digest)));
    assert.ok(error instanceof RegistryError);
    assert.match(error.hint ?? "", hint);
  });
}
