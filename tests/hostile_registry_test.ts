/** Registries and layouts that mean harm: what they say costs few requests, little memory, and ends in an error. @module */
import assert from "node:assert/strict";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { bytesSource } from "../lib/content/source.ts";
import { LayerstashError } from "../lib/errors.ts";
import { type Digest, digestOf } from "../lib/oci/digest.ts";
import { IMAGE_CONFIG, IMAGE_MANIFEST, OCTET_STREAM } from "../lib/oci/media_types.ts";
import { openStore } from "../lib/open/open_store.ts";
import { savedCredentials } from "../lib/sign_in/saved_credentials.ts";
import { download, info, list, remove, upload, verify } from "../main.ts";
import { makeWorkplace, type Workplace } from "./rigs/command_line.ts";
import { makeWorkspace, sink } from "./rigs/content.ts";
import { helperHome } from "./rigs/credential_helper.ts";
import { ensureTool } from "./rigs/debian.ts";
import { type FakeRegistry, startFakeRegistry } from "./rigs/fake_registry.ts";
import { open } from "./rigs/opened.ts";
import { onLinux, onPosix } from "./rigs/system.ts";

const TEN = new TextEncoder().encode("0123456789");
const HUGE = 9e15;
const TERABYTES = "4398046511104";
const JSON_TYPE = { "content-type": "application/json" };
const encode = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));

/** No more memory than this may be taken by an attack, in bytes; the caps on single answers are far below it. */
const ROOM = 200 * 1024 * 1024;

/** An attack fails with an error of ours that is short, after few requests, and in little memory. */
async function fends(
  done: () => Promise<unknown>,
  requests: () => number,
  most = 10,
): Promise<LayerstashError> {
  const [before, memory] = [requests(), Deno.memoryUsage().rss];
  const error = await done().then(() => undefined, (error) => error);
  assert.ok(error instanceof LayerstashError, `${error?.stack ?? "it did not fail"}`);
  assert.ok(error.message.length < 1000, `${error.message.length} characters`);
  assert.ok(requests() - before <= most, `${requests() - before} requests`);
  assert.ok(Deno.memoryUsage().rss - memory < ROOM, "much memory");
  return error;
}

/** Bytes without an end, until the other side has enough. */
function pour(response: http.ServerResponse, piece: Uint8Array): void {
  const more = () => {
    while (!response.destroyed && response.write(piece));
  };
  response.on("drain", more).on("error", () => {});
  more();
}

/** A server that answers everything with a body that has no end, or is said to have terabytes. */
async function endless(status: number, headers: Record<string, string>, piece: Uint8Array) {
  const seen: http.IncomingMessage[] = [];
  const server = http.createServer((request, response) => {
    seen.push(request);
    response.writeHead(status, headers);
    if (request.method === "HEAD") response.end();
    else pour(response, piece);
  });
  const listening = Promise.withResolvers<void>();
  server.listen(0, "127.0.0.1", listening.resolve);
  await listening.promise;
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests: () => seen.length,
    async [Symbol.asyncDispose]() {
      const closed = Promise.withResolvers<void>();
      server.close(() => closed.resolve());
      server.closeAllConnections();
      await closed.promise;
    },
  };
}

const LENGTHS: Record<string, Record<string, string>> = {
  "have no end": {},
  "are said to have terabytes": { "content-length": TERABYTES },
};
const PIECES: Record<string, Uint8Array> = {
  "large pieces": new Uint8Array(256 * 1024).fill(0x20),
  "many tags": new TextEncoder().encode(`{"tags":[${'"a-1",'.repeat(10_000)}`),
};

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

/** Puts the image of a chunk in place, as somebody wrote it who means harm. */
function plant(
  fake: FakeRegistry,
  { config = {}, manifest = {}, tag = "disk-1" }: {
    config?: unknown;
    manifest?: Record<string, unknown>;
    tag?: string;
  },
): Digest {
  const bytes = encode(config);
  const digest = fake.storage.addBlob("me/files", bytes);
  fake.storage.addBlob("me/files", TEN);
  const mediaType = IMAGE_MANIFEST.docker;
  const document = {
    schemaVersion: 2,
    mediaType,
    config: { mediaType: IMAGE_CONFIG.docker, digest, size: bytes.length },
    layers: [{ mediaType: OCTET_STREAM, digest: digestOf(TEN), size: TEN.length }],
    ...manifest,
  };
  return fake.storage.addManifest("me/files", { mediaType, bytes: encode(document) }, tag);
}

const LAYER = { mediaType: OCTET_STREAM, digest: digestOf(TEN), size: TEN.length };
const note = (fields: Record<string, unknown> = {}) => ({
  layerstash: {
    version: 1,
    size: TEN.length,
    chunkSize: TEN.length,
    chunk: 1,
    chunks: 1,
    digests: [digestOf(TEN)],
    ...fields,
  },
});

/** What every attack on a stash is tried with. Nothing of it is to leave a file behind. */
async function attack(planted: Parameters<typeof plant>[1], most = 30): Promise<LayerstashError[]> {
  await using fake = await startFakeRegistry();
  await using space = await makeWorkspace();
  using opened = open(fake, { retry: { attempts: 1 } });
  plant(fake, planted);
  const { store } = opened;
  const output = space.path("copy");
  const uses = [
    () => info(store, "disk"),
    () => download(store, "disk", { output }),
    () => download(store, "disk", { output: sink().stream }),
    () => verify(store, "disk", { deep: true }),
  ];
  const errors: LayerstashError[] = [];
  for (const use of uses) errors.push(await fends(use, () => fake.requests.length, most));
  assert.equal(await space.has("copy"), false);
  return errors;
}

Deno.test("the planted stash of these tests is a good one where nothing is wrong with it", async () => {
  await using fake = await startFakeRegistry();
  using opened = open(fake);
  plant(fake, { config: note() });
  assert.deepEqual((await verify(opened.store, "disk", { deep: true })).faults, []);
});

const SIZES = [-1, 1.5, 2 ** 53, 1e300, "10", null, [], {}];
const DIGESTS = [
  "",
  "sha256:",
  "sha256:../../../../etc/passwd",
  `sha256:${"A".repeat(64)}`,
  `sha256:${"a".repeat(63)}`,
  `sha256:${"a".repeat(64)}\n`,
  `sha512:${"a".repeat(128)}`,
  `md5:${"a".repeat(32)}`,
  "a".repeat(64),
  7,
  null,
  { toString: "sha256" },
];

Deno.test("descriptors with impossible sizes are refused before anything is fetched", async () => {
  for (const size of SIZES) {
    for (const field of [{ layers: [{ ...LAYER, size }] }, { config: { ...LAYER, size } }]) {
      for (const error of await attack({ manifest: field }, 1)) assert.equal(error.kind, "mismatch");
    }
  }
});

Deno.test("descriptors with other digests than sha256, or none, are refused before anything is fetched", async () => {
  for (const digest of DIGESTS) {
    for (const field of [{ layers: [{ ...LAYER, digest }] }, { config: { ...LAYER, digest } }]) {
      for (const error of await attack({ manifest: field }, 1)) assert.equal(error.kind, "mismatch");
    }
    for (const error of await attack({ config: note({ digests: [digest] }) }, 2)) {
      assert.equal(error.kind, "mismatch");
    }
  }
});

Deno.test("a config that claims to be huge is not fetched", async () => {
  for (const size of [2 ** 53 - 1, 17 * 1024 * 1024]) {
    const errors = await attack({ manifest: { config: { ...LAYER, size } } }, 1);
    assert.match(errors[0]!.message, /config of disk-1 is too large/);
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

const NOTES: Record<string, Record<string, unknown>> = {
  "more chunks than can be": { chunks: HUGE },
  "more chunks than there are digests": { chunks: HUGE, size: HUGE, chunkSize: 1 },
  "a size that its chunks have not": { size: HUGE },
  "a chunk size that its chunks have not": { chunkSize: HUGE, size: HUGE },
  "another number": { chunk: HUGE },
  "no digests": { digests: [] },
  "too many digests": { digests: Array(100_000).fill(digestOf(TEN)) },
  "a size below zero": { size: -1 },
  "a size with a fraction": { size: 0.5 },
  "chunks of nothing": { chunkSize: 0 },
  "no chunks": { chunks: 0 },
  "a version to come": { version: 2 },
  "a name that is no text": { name: { length: HUGE } },
};

for (const [what, fields] of Object.entries(NOTES)) {
  Deno.test(`a stash that claims ${what} is refused without being fetched`, async () => {
    for (const error of await attack({ config: note(fields) }, 4)) {
      assert.ok(["mismatch", "not-found"].includes(error.kind), error.message);
    }
  });
}

Deno.test("a stash of petabytes that agrees with itself fills neither disk nor memory", async () => {
  const layers = [{ ...LAYER, size: HUGE }];
  for (const config of [note({ size: HUGE, chunkSize: HUGE }), {}]) {
    await using fake = await startFakeRegistry();
    await using space = await makeWorkspace();
    using opened = open(fake, { retry: { attempts: 1 } });
    const { store } = opened;
    plant(fake, { config, manifest: { layers } });
    const requests = () => fake.requests.length;
    const output = space.path("copy");
    await fends(() => download(store, "disk", { output }), requests);
    assert.deepEqual([await space.has("copy"), await space.has("copy.part")], [false, false]);
    await fends(() => download(store, "disk", { output: sink().stream }), requests);
    const { faults } = await verify(store, "disk");
    assert.equal(faults.length, 1);
  }
});

Deno.test("a manifest that is deeply nested, or has odd keys, is an error or is read", async () => {
  const deep = `${"[".repeat(2_000_000)}${"]".repeat(2_000_000)}`;
  const keys = '{"schemaVersion":2,"__proto__":{"layers":[]},"constructor":{"prototype":{"x":1}}}';
  for (
    const text of [deep, `{"schemaVersion":2,"layers":${deep.slice(0, 1000)}`, keys, "null", "7", '""', ""]
  ) {
    await using fake = await startFakeRegistry();
    using opened = open(fake, { retry: { attempts: 1 } });
    const manifest = { mediaType: IMAGE_MANIFEST.docker, bytes: new TextEncoder().encode(text) };
    fake.storage.addManifest("me/files", manifest, "disk-1");
    const error = await fends(() => info(opened.store, "disk"), () => fake.requests.length);
    assert.equal(error.kind, "mismatch");
  }
  assert.equal(({} as { x?: number }).x, undefined);
});

Deno.test("messages do not repeat what a registry fills them with", async () => {
  const long = "x".repeat(2_000_000);
  for (const manifest of [{ schemaVersion: long }, { layers: [{ ...LAYER, digest: long }] }]) {
    for (const error of await attack({ manifest }, 1)) assert.equal(error.kind, "mismatch");
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

// Layouts: a directory that somebody else has made.

const layoutStore = (directory: string) =>
  openStore({ registry: `oci:${directory}`, repository: "me/files" });

/** A workplace with the layout of one stash in it, and the path of the layout. */
async function withLayout(work: Workplace): Promise<string> {
  await work.write("disk.img", TEN);
  using store = layoutStore(work.path("box"));
  await upload(store, "disk", { input: work.path("disk.img") });
  return work.path("box/me/files");
}

Deno.test("no digest leads out of a layout", async () => {
  await using work = await makeWorkplace();
  const layout = await withLayout(work);
  const index = JSON.parse(await Deno.readTextFile(join(layout, "index.json")));
  for (const digest of DIGESTS) {
    index.manifests[0].digest = digest;
    await Deno.writeTextFile(join(layout, "index.json"), JSON.stringify(index));
    for (const verb of ["info", "verify", "remove"]) {
      const args = [verb, "--registry", "oci:box", "-r", "me/files", "-t", "disk"];
      using store = layoutStore(work.path("box"));
      const use = { info, verify, remove }[verb]!;
      const error = await fends(() => use(store, "disk"), () => 0);
      assert.equal(error.kind, "not-found", args.join(" ")); // the entry is passed over
    }
  }
});

Deno.test("no name of a repository leads out of the directory of layouts", () => {
  for (
    const name of [
      "..",
      "../up",
      "me/../../up",
      "/etc",
      "me//files",
      "me/./files",
      "me/..",
      ".",
      "a\0b",
      "me\\..\\x",
    ]
  ) {
    assert.throws(() => openStore({ registry: "oci:box", repository: name }), /is not a repository name/);
  }
});

Deno.test(
  "a layout's links are followed for reading: their bytes are verified like all others",
  onPosix("symbolic links"),
  async () => {
    await using work = await makeWorkplace();
    const layout = await withLayout(work);
    using store = layoutStore(work.path("box"));
    const { chunks: [chunk] } = await info(store, "disk");
    const blob = join(layout, "blobs/sha256", chunk!.digest.slice("sha256:".length));
    const other = await work.write("other", "9876543210");
    await Deno.remove(blob);
    await Deno.symlink(work.path("disk.img"), blob);
    assert.deepEqual((await verify(store, "disk", { deep: true })).faults, []);
    await Deno.remove(blob);
    await Deno.symlink(other, blob);
    const { faults } = await verify(store, "disk", { deep: true });
    assert.equal(faults.length, 1);
    await assert.rejects(download(store, "disk", { output: work.path("copy") }), LayerstashError);
    await assert.rejects(Deno.lstat(work.path("copy")), Deno.errors.NotFound);
    // What is written takes the place of the link. What it led to stays as it is.
    await store.write(bytesSource(TEN));
    assert.equal(await Deno.readTextFile(other), "9876543210");
    assert.equal((await Deno.lstat(blob)).isSymlink, false);
    // And what is removed is the link.
    await Deno.remove(blob);
    await Deno.symlink(other, blob);
    await remove(store, "disk");
    assert.equal(await Deno.readTextFile(other), "9876543210");
  },
);

Deno.test(
  "an index that is a link is read through it, and replaced by a file",
  onPosix("symbolic links"),
  async () => {
    await using work = await makeWorkplace();
    const layout = await withLayout(work);
    const index = join(layout, "index.json");
    const elsewhere = work.path("elsewhere.json");
    await Deno.rename(index, elsewhere);
    await Deno.symlink(elsewhere, index);
    const before = await Deno.readTextFile(elsewhere);
    using store = layoutStore(work.path("box"));
    assert.equal((await info(store, "disk")).size, TEN.length);
    await remove(store, "disk");
    assert.equal(await Deno.readTextFile(elsewhere), before);
    assert.equal((await Deno.lstat(index)).isSymlink, false);
  },
);

Deno.test("an index that is too large is refused and not read", async () => {
  await using work = await makeWorkplace();
  const layout = await withLayout(work);
  using store = layoutStore(work.path("box"));
  await Deno.truncate(join(layout, "index.json"), 300 * 1024 * 1024);
  for (const use of usesOf(store)) assert.match((await fends(use, () => 0)).message, /too large/);
});

Deno.test("an index that is no file is refused and not read", onPosix("devices"), async () => {
  await using work = await makeWorkplace();
  const layout = await withLayout(work);
  const index = join(layout, "index.json");
  using store = layoutStore(work.path("box"));
  await Deno.remove(index);
  await Deno.symlink("/dev/zero", index);
  for (const use of usesOf(store)) await fends(use, () => 0);
  await Deno.remove(index);
  await new Deno.Command("mkfifo", { args: [index] }).output();
  for (const use of usesOf(store)) await fends(use, () => 0); // to open it would be to wait for ever
});

function usesOf(store: ReturnType<typeof openStore>): (() => Promise<unknown>)[] {
  return [() => info(store, "disk"), () => remove(store, "disk")];
}

Deno.test("a secret that an index leads to is not shown", onPosix("symbolic links"), async () => {
  await using work = await makeWorkplace();
  const layout = await withLayout(work);
  const secret = await work.write("secret", "root:open-sesame:0:0");
  await Deno.remove(join(layout, "index.json"));
  await Deno.symlink(secret, join(layout, "index.json"));
  const args = ["list", "--registry", "oci:box", "-r", "me/files", "--log-level", "trace"];
  const { code, stdout, stderr } = await work.run(args);
  assert.equal(code, 5, stderr);
  assert.doesNotMatch(stdout + stderr, /sesame/);
});

Deno.test("indexes that list each other's manifests many times are removed in a moment", async () => {
  await using work = await makeWorkplace();
  const layout = await withLayout(work);
  const blobs = join(layout, "blobs/sha256");
  let child = { mediaType: OCTET_STREAM, digest: digestOf(TEN), size: TEN.length };
  for (let level = 0; level < 64; level++) {
    const mediaType = "application/vnd.oci.image.index.v1+json";
    const bytes = encode({
      schemaVersion: 2,
      mediaType,
      level,
      manifests: level ? [child, child, child] : [],
    });
    child = { mediaType, digest: digestOf(bytes), size: bytes.length };
    await Deno.writeFile(join(blobs, child.digest.slice("sha256:".length)), bytes);
  }
  const path = join(layout, "index.json");
  const index = JSON.parse(await Deno.readTextFile(path));
  index.manifests.push({ ...child, annotations: { "org.opencontainers.image.ref.name": "bomb-1" } });
  await Deno.writeTextFile(path, JSON.stringify(index));
  using store = layoutStore(work.path("box"));
  await store.removeManifest("bomb-1");
  await store.free?.(["bomb-1"]);
  assert.deepEqual((await verify(store, "disk", { deep: true })).faults, []);
});

const withLimits = {
  ignore: onLinux("limits of memory").ignore || !await ensureTool("prlimit", "util-linux"),
};

// What this machine itself is asked: files and programs that are too talkative.

Deno.test(
  "a credential helper that does not stop talking is ended",
  onPosix("credential helpers that are shell scripts"),
  async () => {
    await using home = await helperHome();
    await home.install("keeper", "#!/bin/sh\nexec yes open-sesame\n");
    await home.write(".docker/config.json", JSON.stringify({ credsStore: "keeper" }));
    const error = await fends(() => savedCredentials(home.env)("ghcr.io", "me/files"), () => 0);
    assert.doesNotMatch(Deno.inspect(error), /sesame/);
  },
);

Deno.test("a docker config without an end is refused", onPosix("devices"), async () => {
  await using home = await helperHome();
  await Deno.mkdir(join(home.path, ".docker"));
  await Deno.symlink("/dev/zero", join(home.path, ".docker/config.json"));
  await fends(() => savedCredentials(home.env)("ghcr.io", "me/files"), () => 0);
});

Deno.test("a file of authorities without an end is refused", withLimits, async () => {
  await using work = await makeWorkplace();
  const args = ["list", "--registry", "https://127.0.0.1:9", "-r", "me/files", "--ca-file", "/dev/zero"];
  // So that a program that reads on fails this test, rather than the machine.
  const { code, stderr } = await work.run(args, { under: ["prlimit", "--data=1500000000", "timeout", "20"] });
  assert.equal(code, 2, stderr);
  assert.match(stderr, /\/dev\/zero/);
});

// The terminal.

const NAME = "a\x1b]0;pwned\x07b\u009b31mc\u202ed\u2066e\u2028f\u2029g\x7fh\ni\rj\u200fk\u061cl";
const UNSAFE = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/u;

/** No line of a text could write to a terminal. */
function assertTame(text: string): void {
  for (const line of text.split("\n")) assert.doesNotMatch(line, UNSAFE, JSON.stringify(line));
}

Deno.test("names from a registry write nothing to a terminal, and are exact in JSON", async () => {
  await using work = await makeWorkplace();
  await using fake = await startFakeRegistry();
  plant(fake, { config: { created: NAME, ...note({ name: NAME }) } });
  plant(fake, { config: note(), tag: `${NAME}-1` });
  plant(fake, { config: note({ name: NAME, chunks: 2 }), tag: "torn-1" });
  const to = ["--registry", fake.url, "-r", "me/files", "--log-level", "trace", "--progress", "plain"];
  const tagged = [...to, "-t", "disk"];
  const commands = [
    ["list", ...to],
    ["list", ...to, "--exact-size"],
    ["info", ...tagged],
    ["verify", ...tagged, "--deep"],
    ["verify", ...to, "-t", "torn"],
    ["download", ...tagged, "-o", "copy"],
    ["info", ...to, "-t", "absent"],
  ];
  for (const args of commands) {
    for (const json of [[], ["--json"]]) {
      const { stdout, stderr } = await work.run([...args, ...json]);
      assertTame(stdout);
      assertTame(stderr);
      assert.doesNotMatch(stdout + stderr, /^i|^g/m, "a name begins no line");
    }
  }
  const { stdout } = await work.run(["info", ...tagged, "--json"]);
  assert.equal(JSON.parse(stdout).name, NAME);
  const listed = JSON.parse((await work.run(["list", ...to, "--json", "--exact-size"])).stdout);
  assert.deepEqual(listed.map(({ name }: { name?: string }) => name).filter(Boolean), [NAME]);
  const removed = await work.run(["remove", ...tagged]);
  assert.equal(removed.stdout, "disk-1\n");
});

Deno.test("what a registry says in errors, warnings and labels writes nothing to a terminal", async () => {
  await using work = await makeWorkplace();
  const body = JSON.stringify({ errors: [{ code: NAME, message: NAME }] });
  const plain = { ...JSON_TYPE };
  const answers = [
    { status: 403, headers: plain, body },
    { status: 400, headers: { "content-type": "text/plain" }, body: NAME },
    { status: 500, headers: plain, body },
    { status: 200, headers: { warning: `299 - "\u009b31m\u0085 \\\u001f"` }, body: `{"tags":[]}` },
    { status: 200, headers: plain, body: JSON.stringify({ tags: [NAME, `${NAME}-1`, "\ud800-1"] }) },
    { status: 200, headers: { ...plain, link: "<http://\u009b31m>; rel=next" }, body: `{"tags":[]}` },
  ];
  for (const answer of answers) {
    const headers = Object.fromEntries(
      Object.entries(answer.headers).map(([name, value]) => [name, value.replace(/[^ -~\x80-\uffff]/g, "")]),
    );
    for (const verb of ["list", "info", "remove"]) {
      await using fake = await startFakeRegistry({
        faults: { failNext: [{ ...answer, headers, times: 1 }] },
      });
      const more = verb === "list" ? [] : ["-t", "x"];
      const args = [verb, "--registry", fake.url, "-r", "me/files", "--log-level", "trace", ...more];
      for (const json of [[], ["--json"]]) {
        const { stdout, stderr } = await work.run([...args, ...json]);
        assertTame(stdout);
        assertTame(stderr);
      }
    }
  }
});

Deno.test(
  "a file whose own name could write to a terminal is stored and shown tamely",
  onPosix("control characters in the names of files"),
  async () => {
    await using work = await makeWorkplace();
    await work.write(NAME, TEN);
    const to = ["--registry", "oci:box", "-r", "me/files", "-t", "disk"];
    const up = await work.run(["upload", ...to, "-i", NAME, "--log-level", "trace", "--progress", "plain"]);
    assert.equal(up.code, 0, up.stderr);
    assertTame(up.stdout + up.stderr);
    const down = await work.run(["download", ...to, "-o", `${NAME}2`, "--json", "--log-level", "trace"]);
    assert.equal(down.code, 0, down.stderr);
    assertTame(down.stdout + down.stderr);
    assert.equal(JSON.parse(down.stdout.trimEnd().split("\n").at(-1)!).name, NAME);
    const compared = await work.run(["verify", ...to, "-i", NAME]);
    assertTame(compared.stdout + compared.stderr);
  },
);
