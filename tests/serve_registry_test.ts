/** The registry that `layerstash serve` is: the suite of the OCI spec, other clients, restarts, and what a directory then has. @module */
import assert from "node:assert/strict";
import { join } from "node:path";
import { Blobs } from "../lib/layout/blobs.ts";
import { LayoutUploads } from "../lib/layout/uploads.ts";
import { bytesSource } from "../lib/exports/store.ts";
import { digestOf, encodedPart } from "../lib/oci/digest.ts";
import { encodeManifest, type Manifest } from "../lib/oci/manifest.ts";
import { IMAGE_CONFIG, IMAGE_INDEX, IMAGE_MANIFEST } from "../lib/oci/media_types.ts";
import { serveHandler } from "../lib/serve/handler.ts";
import { withCalls } from "../lib/store/replaced_calls.ts";
import type { Store } from "../lib/store/store.ts";
import { openStore } from "../main.ts";
import { conformanceOf, failuresOf } from "./compatibility/conformance.ts";
import { goProgram } from "./compatibility/go_programs.ts";
import { makeWorkplace } from "./rigs/command_line.ts";
import { someBytes } from "./rigs/content.ts";
import { ensureTool } from "./rigs/debian.ts";
import { startFakeRegistry } from "./rigs/fake_registry.ts";
import { LineReader } from "./rigs/line_reader.ts";
import { recordDisk } from "./rigs/recorded_disk.ts";
import { type Served, startServer } from "./rigs/served.ts";
import { USER } from "./rigs/user.ts";

const UPLOADS = "/v2/me/files/blobs/uploads/";

async function withDirectory(body: (directory: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "layerstash-serve-" });
  await body(directory);
  await Deno.remove(directory, { recursive: true });
}

/** Sends a request, and gives its status and headers. */
async function ask(
  { url }: Served,
  method: string,
  path: string,
  init: RequestInit = {},
): Promise<{ status: number; headers: Headers; text: string }> {
  const answer = await fetch(url + path, { method, ...init });
  return { status: answer.status, headers: answer.headers, text: await answer.text() };
}

async function storeImage(store: Store, tag: string, text: string): Promise<Manifest> {
  const config = await store.write(bytesSource(new TextEncoder().encode(JSON.stringify({ text }))));
  const manifest = encodeManifest({
    schemaVersion: 2,
    mediaType: IMAGE_MANIFEST.oci,
    config: { ...config, mediaType: IMAGE_CONFIG.oci },
    layers: [],
  });
  await store.putManifest(tag === "" ? manifest.digest : tag, manifest);
  return manifest;
}

/** The entries of a layout's index: tags, or digests where there is none. */
async function entriesIn(layout: string): Promise<string[]> {
  const { manifests } = JSON.parse(await Deno.readTextFile(join(layout, "index.json")));
  return manifests.map((
    { digest, annotations }: { digest: string; annotations?: Record<string, string> },
  ) => annotations?.["org.opencontainers.image.ref.name"] ?? digest).sort();
}

/** What the suite skips, by the end of its name, and why. */
const SKIPPED = {
  "post cancel/blob-post-cancel": "the suite tries this of what is to come only",
  "mount anonymous/blob-mount-anonymous":
    "a blob is mounted out of a repository that is named, and of no other",
  "range requests/range 500-0": "HTTP has a server ignore such a range",
};

const hasSuite = await goProgram("conformance") !== undefined;

for (const version of ["1.1", "1.1+dev"] as const) {
  const name = `every test of the suite of the OCI distribution spec ${version} passes`;
  Deno.test(name, { ignore: !hasSuite }, async () => {
    await withDirectory(async (directory) => {
      await using server = await startServer([`oci:${directory}`]);
      const results = await conformanceOf(server.host, version) ?? [];
      assert.ok(results.length > 600, `${results.length} tests`);
      assert.deepEqual(failuresOf(results), []);
      const skipped = results.filter(({ status }) => status !== "passed").map(({ name }) => name);
      const isExpected = (name: string) => Object.keys(SKIPPED).some((end) => name.endsWith(` blobs/${end}`));
      assert.deepEqual(skipped.filter((name) => !isExpected(name)), []);
    });
  });
}

Deno.test("an upload goes on after the server was started anew", async () => {
  await withDirectory(async (directory) => {
    const bytes = someBytes(20 * 1024 ** 2);
    const half = bytes.length / 2;
    let location = "";
    {
      await using server = await startServer([`oci:${directory}`]);
      location = (await ask(server, "POST", UPLOADS)).headers.get("location")!;
      assert.equal((await ask(server, "PATCH", location, { body: bytes.subarray(0, half) })).status, 202);
    }
    await using server = await startServer([`oci:${directory}`]);
    const now = await ask(server, "GET", location);
    assert.deepEqual([now.status, now.headers.get("range")], [204, `0-${half - 1}`]);
    const again = await ask(server, "PATCH", location, {
      body: bytes.subarray(0, 10),
      headers: { "content-range": "0-9" },
    });
    assert.deepEqual([again.status, again.headers.get("range")], [416, `0-${half - 1}`]);
    const digest = digestOf(bytes);
    const path = `${location}?digest=${digest}`;
    assert.equal((await ask(server, "PUT", path, { body: bytes.subarray(half) })).status, 201);
    assert.deepEqual(
      await Deno.readFile(join(directory, "me/files/blobs/sha256", encodedPart(digest))),
      bytes,
    );
    assert.equal((await ask(server, "GET", location)).status, 404);
  });
});

Deno.test("bytes with another digest become no blob, and leave nothing", async () => {
  await withDirectory(async (directory) => {
    await using server = await startServer([`oci:${directory}`]);
    const wanted = digestOf(someBytes(10));
    const { status, text } = await ask(server, "POST", `${UPLOADS}?digest=${wanted}`, {
      body: someBytes(11),
    });
    assert.deepEqual([status, JSON.parse(text).errors[0].code], [400, "DIGEST_INVALID"]);
    assert.equal((await ask(server, "HEAD", `/v2/me/files/blobs/${wanted}`)).status, 404);
    const left = Array.from(Deno.readDirSync(join(directory, "me/files")), ({ name }) => name);
    assert.deepEqual(left.filter((name) => name.startsWith(".")), []);
  });
});

Deno.test("two requests do not append to one upload at the same time", async () => {
  await withDirectory(async (directory) => {
    await using server = await startServer([`oci:${directory}`]);
    const location = (await ask(server, "POST", UPLOADS)).headers.get("location")!;
    const { promise: more, resolve } = Promise.withResolvers<void>();
    const slow = new ReadableStream({
      async start(controller) {
        controller.enqueue(someBytes(300_000));
        await more;
        controller.close();
      },
    });
    const first = ask(server, "PATCH", location, { body: slow });
    while ((await ask(server, "GET", location)).headers.get("range") === "0-0") await Promise.resolve();
    assert.equal((await ask(server, "PATCH", location, { body: someBytes(5) })).status, 416);
    resolve();
    assert.equal((await first).headers.get("range"), "0-299999");
    assert.equal((await ask(server, "DELETE", location)).status, 204);
  });
});

Deno.test("nothing is appended to an upload that becomes a blob, not by another process either", async () => {
  await withDirectory(async (directory) => {
    const open = () => openStore({ registry: `oci:${directory}`, repository: "me/files" });
    using begun = open();
    using store = open();
    using other = open();
    const bytes = someBytes(30_000_000); // which takes longer to hash than to find the upload
    const { id } = await begun.uploads!.begin();
    await (await begun.uploads!.find(id))!.append(bytesSource(bytes).open());
    const [upload, elsewhere] = [await store.uploads!.find(id), await other.uploads!.find(id)];
    const finished = upload!.finish(digestOf(bytes));
    const again = await store.uploads!.find(id);
    for (const each of [again, elsewhere]) {
      await assert.rejects(
        async () => await each!.append(bytesSource(someBytes(5)).open()),
        /another request/,
      );
    }
    await finished;
    assert.equal(await store.stat(digestOf(bytes)), bytes.length);
  });
});

Deno.test("of many uploads at once, the 64 that were used last are hashed while they come", async () => {
  await withDirectory(async (directory) => {
    const blobs = new Blobs({ directory, name: "box" });
    const follow = blobs.follow.bind(blobs);
    let [followed, dropped] = [0, 0];
    blobs.follow = (path) => {
      followed++;
      const hash = follow(path);
      return { ...hash, drop: () => (dropped++, hash.drop()) };
    };
    const uploads = new LayoutUploads({ directory }, blobs);
    const ids: string[] = [];
    for (let each = 0; each < 80; each++) {
      const upload = await uploads.begin();
      ids.push(upload.id);
      await upload.append(bytesSource(someBytes(each)).open());
      assert.equal(followed - dropped, Math.min(ids.length, 64), `after ${ids.length}`);
    }
    for (const id of ids) await (await uploads.find(id))!.cancel();
    assert.equal(followed, dropped);
  });
});

Deno.test("a few of many referrers are read at once, and are listed in their order", async () => {
  await withDirectory(async (directory) => {
    using store = openStore({ registry: `oci:${directory}`, repository: "me/files" });
    const manifest = await storeImage(store, "image", "one");
    const referrers = Array.from({ length: 50 }, (_, at) => ({ ...manifest, size: at }));
    let [running, most] = [0, 0];
    const watched = withCalls(store, {
      referrers: () => Promise.resolve(referrers),
      manifest: async (...call) => {
        most = Math.max(most, ++running);
        return await store.manifest(...call).finally(() => running--);
      },
    });
    const handler = serveHandler({ "me/files": watched });
    const path = `http://localhost/v2/me/files/referrers/${manifest.digest}`;
    const { manifests } = await (await handler(new Request(path))).json();
    assert.deepEqual(manifests.map(({ size }: { size: number }) => size), referrers.map(({ size }) => size));
    assert.ok(most <= 8, `${most} at once`);
  });
});

Deno.test("what a tag led to stays, by its digest, until it is deleted by its digest", async () => {
  await withDirectory(async (directory) => {
    await using server = await startServer([`oci:${directory}`]);
    using store = openStore({ registry: server.url, repository: "me/app" });
    const first = await storeImage(store, "latest", "first");
    const second = await storeImage(store, "latest", "second");
    const layout = join(directory, "me/app");
    assert.deepEqual(await entriesIn(layout), [first.digest, "latest"].sort());
    assert.equal((await ask(server, "DELETE", "/v2/me/app/manifests/latest")).status, 202);
    assert.deepEqual(await entriesIn(layout), [first.digest, second.digest].sort());
    for (const { digest } of [first, second]) {
      assert.equal((await ask(server, "GET", `/v2/me/app/manifests/${digest}`)).status, 200);
      assert.equal((await ask(server, "DELETE", `/v2/me/app/manifests/${digest}`)).status, 202);
      assert.equal((await ask(server, "GET", `/v2/me/app/manifests/${digest}`)).status, 404);
    }
    assert.deepEqual(Array.from(Deno.readDirSync(join(layout, "blobs/sha256"))), [], "their space is free");
  });
});

Deno.test("a manifest that was stored by its digest is listed once when it gets a tag", async () => {
  await withDirectory(async (directory) => {
    await using server = await startServer([`oci:${directory}`]);
    using store = openStore({ registry: server.url, repository: "me/files" });
    const manifest = await storeImage(store, "", "one");
    await store.putManifest("v1", manifest);
    assert.deepEqual(await entriesIn(join(directory, "me/files")), ["v1"]);
    await store.removeManifest("v1");
    assert.deepEqual(await entriesIn(join(directory, "me/files")), [manifest.digest]);
  });
});

Deno.test("a manifest that comes with many tags is listed once, under all of them", async () => {
  await withDirectory(async (directory) => {
    await using server = await startServer([`oci:${directory}`]);
    using store = openStore({ registry: server.url, repository: "me/app" });
    const { digest, bytes, mediaType } = await storeImage(store, "", "one");
    const tags = Array.from({ length: 100 }, (_, at) => `v${100 + at}`);
    const path = `/v2/me/app/manifests/${digest}?${tags.map((tag) => `tag=${tag}`).join("&")}`;
    using disk = recordDisk();
    const answer = await ask(server, "PUT", path, { body: bytes, headers: { "content-type": mediaType } });
    assert.deepEqual([answer.status, answer.headers.get("oci-tag")], [201, tags.join(", ")]);
    const layout = join(directory, "me/app");
    const lists = disk.calls.filter((call) => /^name .*index\.json$/.test(call));
    assert.equal(lists.length, 1, "100 of them would be written as often");
    assert.deepEqual((await entriesIn(layout)).filter((each) => each.startsWith("v")), tags);
  });
});

Deno.test("images that an index lists are listed by it alone", async () => {
  await withDirectory(async (directory) => {
    await using server = await startServer([`oci:${directory}`]);
    using store = openStore({ registry: server.url, repository: "me/app" });
    const images = [await storeImage(store, "", "one"), await storeImage(store, "other", "two")];
    const manifests = images.map(({ mediaType, digest, bytes }) => ({
      mediaType,
      digest,
      size: bytes.length,
    }));
    const mediaType = IMAGE_INDEX.oci;
    await store.putManifest("all", encodeManifest({ schemaVersion: 2, mediaType, manifests }));
    assert.deepEqual(
      await entriesIn(join(directory, "me/app")),
      ["all", "other"],
      "a tagged one keeps its tag",
    );
    assert.equal((await store.manifest(images[0]!.digest))?.digest, images[0]!.digest);
  });
});

Deno.test("a directory that is a layout is one repository with its name, others are found below", async () => {
  await withDirectory(async (directory) => {
    const layout = join(directory, "My Box");
    using box = openStore(`oci:${layout}`);
    await storeImage(box, "v1", "in the box");
    using other = openStore({ registry: `oci:${directory}/many`, repository: "a/b" });
    await storeImage(other, "v2", "among many");
    await using server = await startServer([`oci:${layout}`, `oci:${directory}/many`]);
    assert.deepEqual(JSON.parse((await ask(server, "GET", "/v2/_catalog")).text), {
      repositories: ["a/b", "my-box"],
    });
    const tags = async (name: string) => JSON.parse((await ask(server, "GET", `/v2/${name}/tags/list`)).text);
    assert.deepEqual(await tags("my-box"), { name: "my-box", tags: ["v1"] });
    assert.deepEqual(await tags("a/b"), { name: "a/b", tags: ["v2"] });
    assert.equal((await tags("no/such")).errors[0].code, "NAME_UNKNOWN");
  });
});

Deno.test("a repository of another registry is read with credentials that stay here, and not written", async () => {
  await using registry = await startFakeRegistry();
  using far = openStore({ registry: registry.url, repository: "me/files" });
  const image = await storeImage(far, "v1", "far away");
  await using server = await startServer([`${registry.url}/me/files`]);
  using near = openStore({ registry: server.url, repository: "me/files" });
  assert.deepEqual(await near.manifest("v1"), image);
  assert.deepEqual(await Array.fromAsync(near.tags()), ["v1"]);
  assert.equal((await ask(server, "POST", UPLOADS)).status, 405);
  assert.equal((await ask(server, "DELETE", "/v2/me/files/manifests/v1")).status, 405);
  const sent = registry.requests.map(({ method }) => method);
  await ask(server, "PUT", "/v2/me/files/manifests/v2", { body: "{}" });
  assert.equal(registry.requests.length, sent.length, "nothing is sent on");
});

Deno.test("a signal ends it when the requests at work are answered, with exit code 0", async () => {
  await using work = await makeWorkplace();
  const child = work.start(["serve", "--listen", "127.0.0.1:0", "--metrics", "oci:box"]);
  const lines = new LineReader();
  const reading = lines.read(child.stderr);
  const [, url = ""] = /at (http:\S+)\/$/.exec(await lines.find((line) => line.includes(" at http")) ?? "") ??
    [];
  const open = await fetch(url + UPLOADS, { method: "POST" });
  const { promise: more, resolve } = Promise.withResolvers<void>();
  const bytes = someBytes(600_000);
  const body = new ReadableStream({
    async start(controller) {
      controller.enqueue(bytes.subarray(0, 300_000));
      await more;
      controller.enqueue(bytes.subarray(300_000));
      controller.close();
    },
  });
  const location = open.headers.get("location")!;
  const put = fetch(`${url}${location}?digest=${digestOf(bytes)}`, { method: "PUT", body });
  for (let range = "0-0"; range === "0-0";) {
    const now = await fetch(url + location);
    range = now.headers.get("range") ?? "";
    await now.body?.cancel();
  }
  const counts = await (await fetch(`${url}/metrics`)).text();
  assert.match(counts, /^layerstash_http_requests_total\{method="POST",status="202"\} 1$/m);
  child.kill("SIGTERM");
  resolve();
  assert.equal((await put).status, 201);
  assert.equal((await child.status).code, 0);
  await Promise.all([reading, child.stdout.cancel(), open.body?.cancel(), (await put).body?.cancel()]);
  const logged = lines.lines.find((line) => line.includes("PUT"));
  assert.match(
    logged ?? "",
    /^127\.0\.0\.1 - - \[\d\d\/\w{3}\/\d{4}:[\d:]{8} \+0000\] "PUT \/v2\/me\/files\S+ HTTP\/1\.1" 201 -$/,
  );
});

const CLIENT = await ensureTool("skopeo", "skopeo");

Deno.test({
  name: "skopeo copies an image there and back, with a password",
  ignore: !CLIENT,
  async fn() {
    await withDirectory(async (directory) => {
      using source = openStore(`oci:${directory}/source`);
      const { digest } = await storeImage(source, "v1", "of skopeo");
      const { Passwords } = await import("../lib/serve/passwords.ts");
      using passwords = new Passwords(USER.htpasswd);
      await using server = await startServer([`oci:${directory}/served`], {
        passwords,
      });
      const there = `docker://${server.host}/me/app:v1`;
      const skopeo = async (...args: string[]) => {
        const { success, stderr } = await new Deno.Command("skopeo", { args }).output();
        return { success, words: new TextDecoder().decode(stderr) };
      };
      const credentials = `${USER.username}:${USER.password}`;
      const push = ["copy", "--dest-tls-verify=false", `oci:${directory}/source:v1`, there];
      assert.match((await skopeo(...push)).words, /authentication required|unauthorized/i);
      const pushed = await skopeo(...push, "--dest-creds", credentials);
      assert.ok(pushed.success, pushed.words);
      const pulled = await skopeo(
        ...["copy", "--src-tls-verify=false", "--src-creds", credentials, there, `oci:${directory}/back:v1`],
      );
      assert.ok(pulled.success, pulled.words);
      using back = openStore(`oci:${directory}/back`);
      assert.equal(await back.resolve("v1"), digest);
    });
  },
});
