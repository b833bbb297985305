/** Digests of sha512: images that others have made with them, in directories, archives and registries. @module */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { copyImage } from "../lib/exports/copy.ts";
import { findImage, ImageFiles, readImageFile } from "../lib/exports/images.ts";
import { bytesSource, type Digest, manifestOf } from "../lib/exports/store.ts";
import { Hasher } from "../lib/content/hasher.ts";
import { digestOf, isDigest, parseDigest } from "../lib/oci/digest.ts";
import { fallbackTag } from "../lib/store/referrers.ts";
import { InvalidInputError, MismatchError, openStore, type Store } from "../main.ts";
import { makeWorkplace, type Workplace } from "./rigs/command_line.ts";
import { someBytes } from "./rigs/content.ts";
import { ensureTool } from "./rigs/debian.ts";
import { ForeignLayout, type NamedBlob } from "./rigs/foreign_layout.ts";
import { startRegistry } from "./rigs/real_registry.ts";
import { startServer } from "./rigs/served.ts";
import { tarOf } from "./rigs/tar.ts";

const TEXT = "stored under a long name\n";
const TAR = tarOf([{ name: "hello.txt", content: TEXT }]);
const HEX = "a".repeat(128);

function sha512(content: string | Uint8Array): Digest {
  return `sha512:${createHash("sha512").update(content).digest("hex")}`;
}

/** A layout with an image `t` all of whose digests are of sha512, and an artifact that refers to it. */
function foreignLayout(directory: string) {
  const layout = new ForeignLayout(directory, "sha512");
  const image = layout.image("t", [layout.layer(TAR), layout.layer(tarOf([{ name: "more", content: "x" }]))]);
  const referrer = layout.list(undefined, {
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    artifactType: "application/spdx+json",
    config: { mediaType: "application/vnd.oci.empty.v1+json", ...layout.blob("{}") },
    layers: [],
    subject: {
      mediaType: "application/vnd.oci.image.manifest.v1+json",
      digest: image.digest,
      size: image.size,
    },
  });
  return { layout, image, referrer };
}

async function withPlace(body: (work: Workplace) => Promise<void>): Promise<void> {
  await using work = await makeWorkplace();
  await body(work);
}

function layoutStore(directory: string): Store {
  return openStore(`oci:${directory}`);
}

/** The text of `hello.txt` in an image. */
async function helloIn(store: Store, reference: string): Promise<string> {
  const { layers } = await findImage(store, reference);
  let text = "";
  const write = (bytes: Uint8Array) => void (text += new TextDecoder().decode(bytes));
  await readImageFile(new ImageFiles(store, layers, { name: reference }), "/hello.txt", { write });
  return text;
}

function blobFile(directory: string, digest: string): string {
  return join(directory, "blobs", ...digest.split(":"));
}

Deno.test("a digest has the digits of its algorithm, and nothing else is one", () => {
  assert.ok(isDigest(sha512("x")));
  for (
    const text of [
      `sha512:${"a".repeat(64)}`,
      `sha256:${HEX}`,
      `sha512:${HEX}a`,
      `sha512:${HEX.toUpperCase()}`,
      `sha512:${HEX}\n`,
      `SHA512:${HEX}`,
      `sha384:${"a".repeat(96)}`,
      `sha512:../${"a".repeat(125)}`,
      `sha512/${HEX}`,
      HEX,
    ]
  ) assert.throws(() => parseDigest(text), InvalidInputError, text);
  assert.throws(() => parseDigest(`blake3:${"a".repeat(64)}`), /is a digest of an unknown algorithm/);
});

Deno.test("long files are hashed by either algorithm, in a thread and without one", async () => {
  await using work = await makeWorkplace();
  using hasher = new Hasher();
  const bytes = someBytes(20 * 1024 ** 2);
  const path = await work.write("file", bytes);
  for (const end of [1000, bytes.length]) {
    const range = { start: 1, end };
    const expected = sha512(bytes.subarray(1, end));
    assert.equal(await hasher.file(path, range, { algorithm: "sha512" }), expected);
    assert.equal(await hasher.file(path, range), digestOf(bytes.subarray(1, end)));
  }
});

Deno.test("an image of sha512 digests in a directory is listed, read, verified and described", async () => {
  await withPlace(async (work) => {
    const { image } = foreignLayout(work.path("box"));
    using store = layoutStore(work.path("box"));
    assert.deepEqual(await Array.fromAsync(store.tags()), ["t"]);
    assert.equal(await store.resolve("t"), image.digest);
    assert.equal((await store.manifest(image.digest))?.digest, image.digest);
    for (const name of ["oci:box:t", `oci:box@${image.digest}`]) {
      assert.match(
        (await work.run(["inspect", name])).stdout,
        new RegExp(image.layers[0]!.digest.slice(0, 40)),
      );
      const extracted = await work.run(["extract", name, "/hello.txt", "-o", "-"]);
      assert.equal(extracted.stdout, TEXT, extracted.stderr);
    }
    const pulled = await work.run(["blob", "pull", `oci:box@${image.layers[0]!.digest}`, "-o", "layer.tar"]);
    assert.equal(pulled.code, 0, pulled.stderr);
    assert.deepEqual(await Deno.readFile(work.path("layer.tar")), TAR);
  });
});

Deno.test("a blob or manifest of sha512 whose bytes are others is not given", async () => {
  await withPlace(async (work) => {
    const { image } = foreignLayout(work.path("box"));
    const [layer] = image.layers as [NamedBlob];
    const other = new Uint8Array(layer.size);
    await Deno.writeFile(blobFile(work.path("box"), layer.digest), other);
    using store = layoutStore(work.path("box"));
    await assert.rejects(
      async () => await new Response(await store.read(layer.digest as Digest)).bytes(),
      MismatchError,
    );
    assert.equal(
      await store.reuse({ digest: layer.digest as Digest, size: layer.size }, { reread: true }),
      "damaged",
    );
    const pulled = await work.run(["blob", "pull", `oci:box@${layer.digest}`, "-o", "layer.tar"]);
    assert.equal(pulled.code, 5, pulled.stderr);
    await Deno.writeTextFile(blobFile(work.path("box"), image.digest), "{}");
    await assert.rejects(store.manifest("t"), MismatchError);
  });
});

Deno.test("an archive with sha512 digests is read as the directory in it", async () => {
  await withPlace(async (work) => {
    foreignLayout(work.path("box"));
    const { success } = await new Deno.Command("tar", {
      args: ["-cf", work.path("box.tar"), "-C", work.path("box"), "."],
    }).output();
    assert.ok(success);
    const extracted = await work.run(["extract", "oci-archive:box.tar:t", "/hello.txt", "-o", "-"]);
    assert.equal(extracted.stdout, TEXT, extracted.stderr);
  });
});

Deno.test("what sha512 digests name is freed with its last entry, and no blob of sha256 that has the same bytes", async () => {
  await withPlace(async (work) => {
    const { layout, image, referrer } = foreignLayout(work.path("box"));
    const both = layout.blob(TAR, "sha256"); // the same bytes as the first layer
    const kept = layout.image("kept", [{ ...layout.layer("only here"), ...both }]);
    const shared = layout.image("shared", [image.layers[1]!]);
    using store = layoutStore(work.path("box"));
    await store.removeManifest(referrer.digest);
    await store.free!([referrer.digest]);
    await store.removeManifest("t");
    await store.free!(["t"]);
    assert.deepEqual(layout.missing(image, image.layers[0]!, referrer), [
      image.digest,
      image.layers[0]!.digest,
      referrer.digest,
    ]);
    assert.deepEqual(layout.missing(kept, both, shared, image.layers[1]!), []);
    await store.removeManifest("kept");
    await store.free!(["kept"]);
    assert.deepEqual(layout.missing(kept, both), [kept.digest, both.digest]);
    assert.deepEqual(layout.missing(shared, image.layers[1]!), []);
  });
});

Deno.test("what the manifest.json of docker save names stays, of either algorithm", async () => {
  await withPlace(async (work) => {
    const { layout, image: { layers: [first, second] } } = foreignLayout(work.path("box"));
    const [hex] = first!.digest.split(":").slice(1);
    await work.write("box/manifest.json", JSON.stringify([{ Layers: [`blobs/sha512/${hex}`] }]));
    using store = layoutStore(work.path("box"));
    await store.removeManifest("t");
    await store.free!(["t"]);
    assert.deepEqual(layout.missing(first!, second!), [second!.digest]);
  });
});

Deno.test("a blob of sha512 that somebody is about to list is not freed, and drafts beside it are cleaned up", async () => {
  await withPlace(async (work) => {
    const { layout, image } = foreignLayout(work.path("box"));
    const old = join(work.path("box"), "blobs/sha512", `.layerstash-${crypto.randomUUID()}`);
    await Deno.writeTextFile(old, "left by a killed writer");
    const day = 24 * 3600;
    await Deno.utime(old, Date.now() / 1000 - 9 * day, Date.now() / 1000 - 9 * day);
    using other = layoutStore(work.path("box"));
    const [layer] = image.layers as [NamedBlob];
    assert.equal(await other.reuse({ digest: layer.digest as Digest, size: layer.size }), "present");
    using store = layoutStore(work.path("box"));
    await store.removeManifest("t");
    await store.free!(["t"]);
    assert.deepEqual(layout.missing(layer), []);
    await assert.rejects(Deno.stat(old), Deno.errors.NotFound);
  });
});

Deno.test("a directory that has lost its index is noticed where only sha512 digests name its manifests", async () => {
  await withPlace(async (work) => {
    foreignLayout(work.path("box"));
    await Deno.remove(work.path("box/index.json"));
    using store = layoutStore(work.path("box"));
    await assert.rejects(store.resolve("t"), /has lost its index\.json/);
    await assert.rejects(store.write(bytesSource(new Uint8Array(3))), /has lost its index\.json/);
  });
});

Deno.test("an image of sha512 digests goes to a served directory and back, with what refers to it", async () => {
  await withPlace(async (work) => {
    const { image, referrer } = foreignLayout(work.path("box"));
    await Deno.mkdir(work.path("served"));
    {
      await using server = await startServer([`oci:${work.path("served")}`]);
      const there = `${server.host}/me/files`;
      const copied = await work.run(["copy", "oci:box:t", `${there}:t`, "--referrers"]);
      assert.equal(copied.code, 0, copied.stderr);
      using remote = openStore({ registry: server.url, repository: "me/files" });
      assert.equal(await remote.resolve("t"), image.digest, "the tag leads to the digest of the image");
      assert.equal((await remote.manifest("t"))?.digest, image.digest);
      assert.deepEqual((await remote.referrers(image.digest as Digest)).map(({ digest }) => digest), [
        referrer.digest,
      ]);
      assert.equal(await helloIn(remote, "t"), TEXT);
      assert.equal(await helloIn(remote, image.digest), TEXT);
      const peeked = await work.run(["peek", `${there}@${image.digest}`]);
      assert.match(peeked.stdout, /hello\.txt/, peeked.stderr);
      const back = await work.run(["copy", `${there}:t`, "oci:back:t", "--referrers"]);
      assert.equal(back.code, 0, back.stderr);
    }
    using back = layoutStore(work.path("back"));
    assert.equal(await back.resolve("t"), image.digest);
    assert.equal(await helloIn(back, "t"), TEXT);
    for (const { digest } of [image, referrer, ...image.layers]) {
      const [kept, copy] = [work.path("box"), work.path("back")].map((each) => blobFile(each, digest));
      assert.deepEqual(await Deno.readFile(copy!), await Deno.readFile(kept!));
    }
  });
});

Deno.test("a registry that gives tags to sha256 digests only gets the image under its tag, and a notice says so", async () => {
  if (!await ensureTool("docker-registry", "docker-registry")) return;
  await withPlace(async (work) => {
    const { image } = foreignLayout(work.path("box"));
    await using registry = await startRegistry();
    using from = layoutStore(work.path("box"));
    const notices: string[] = [];
    using to = openStore({ registry: registry.url, repository: "me/files" });
    await copyImage({ store: from, reference: "t" }, { store: to, reference: "t" }, {
      onEvent: (event) => void (event.type === "notice" && notices.push(event.message)),
    });
    const manifest = await to.manifest("t");
    assert.equal(manifest?.digest, digestOf(manifest!.bytes));
    assert.equal(sha512(manifest!.bytes), image.digest);
    assert.equal(await helloIn(to, "t"), TEXT);
    assert.match(
      notices.join("\n"),
      /gives tags to sha256 digests only: t leads to that of the manifest/,
    );
  });
});

/** Sends a request, and reads the answer to its end. */
async function ask(url: string, init: RequestInit = {}) {
  const answer = await fetch(url, init);
  const bytes = await answer.bytes();
  return { status: answer.status, headers: answer.headers, bytes, text: new TextDecoder().decode(bytes) };
}

Deno.test("a served upload ends with the digest that was announced, or with the other one", async () => {
  await withPlace(async (work) => {
    await using server = await startServer([`oci:${work.path("served")}`]);
    const bytes = someBytes(3000);
    const base = `${server.url}/v2/me/files/blobs/`;
    const put = async (query: string, digest: Digest) => {
      const begun = await ask(`${base}uploads/${query}`, { method: "POST" });
      const location = server.url + begun.headers.get("location");
      await ask(location, { method: "PATCH", body: bytes.subarray(0, 1000) });
      const done = await ask(`${location}?digest=${digest}`, { method: "PUT", body: bytes.subarray(1000) });
      return [done.status, done.headers.get("docker-content-digest")];
    };
    const [short, long] = [digestOf(bytes), sha512(bytes)];
    assert.deepEqual(await put("?digest-algorithm=sha512", long), [201, long]);
    assert.deepEqual(await put("?digest-algorithm=sha512", short), [201, short]);
    assert.deepEqual(await put("", long), [201, long]);
    assert.deepEqual(await put("", `sha512:${HEX}`), [400, null]);
    for (const digest of [short, long]) {
      const answer = await ask(base + digest);
      assert.equal(answer.headers.get("docker-content-digest"), digest);
      assert.deepEqual(answer.bytes, bytes);
    }
    assert.equal((await ask(base + long, { method: "DELETE" })).status, 202);
    assert.equal((await ask(base + short, { method: "HEAD" })).status, 200);
  });
});

Deno.test("a malformed digest, or an unknown algorithm, is refused before it becomes a path", async () => {
  await withPlace(async (work) => {
    foreignLayout(work.path("served/me/files"));
    await using server = await startServer([`oci:${work.path("served")}`]);
    for (
      const [method, path] of [
        ["POST", "uploads/?digest-algorithm=md5"],
        ["POST", `uploads/?digest=sha384:${"a".repeat(96)}`],
        ["GET", `sha512:${"a".repeat(64)}`],
        ["GET", `sha512:${HEX.toUpperCase()}`],
        ["GET", `sha512:..%2f${"a".repeat(123)}`],
        ["DELETE", "sha512:"],
      ]
    ) {
      const { status, text } = await ask(`${server.url}/v2/me/files/blobs/${path}`, { method: method! });
      assert.deepEqual([status, JSON.parse(text).errors[0].code], [400, "DIGEST_INVALID"], path);
    }
  });
});

Deno.test("one request stores a manifest under its digest and under tags", async () => {
  await withPlace(async (work) => {
    await using server = await startServer([`oci:${work.path("served")}`]);
    const base = `${server.url}/v2/me/files/manifests/`;
    const mediaType = "application/vnd.oci.image.index.v1+json";
    const body = new TextEncoder().encode(JSON.stringify({ schemaVersion: 2, mediaType, manifests: [] }));
    const digest = sha512(body);
    const headers = { "content-type": mediaType };
    const put = async (query: string) => await ask(base + digest + query, { method: "PUT", body, headers });
    const stored = await put("?tag=one&tag=two");
    assert.deepEqual([stored.status, stored.headers.get("oci-tag")], [201, "one, two"]);
    for (const name of ["one", "two", digest]) {
      const answer = await ask(base + name, { method: "HEAD" });
      assert.equal(answer.headers.get("docker-content-digest"), digest, name);
    }
    assert.equal((await put("?tag=not%20a%20tag")).status, 400);
    assert.equal(
      (await put(`?${Array.from({ length: 101 }, (_, at) => `tag=t${at}`).join("&")}`)).status,
      414,
    );
  });
});

Deno.test("the tag that lists what refers to a sha512 digest has its first 64 digits", async () => {
  await withPlace(async (work) => {
    const { image, referrer } = foreignLayout(work.path("box"));
    const tag = `sha512-${image.digest.slice("sha512:".length).slice(0, 64)}`;
    assert.equal(fallbackTag(image.digest as Digest), tag);
    await using server = await startServer([`oci:${work.path("served")}`]);
    using to = openStore({ registry: server.url, repository: "me/files" });
    const mediaType = "application/vnd.oci.image.index.v1+json";
    const entry = { mediaType: "application/vnd.oci.image.manifest.v1+json", ...referrer };
    const text = JSON.stringify({ schemaVersion: 2, mediaType, manifests: [entry] });
    using box = layoutStore(work.path("box"));
    await box.putManifest(tag, manifestOf(new TextEncoder().encode(text), mediaType));
    assert.deepEqual(
      (await box.referrers(image.digest as Digest, { listed: true })).map(({ digest }) => digest),
      [
        referrer.digest,
      ],
    );
    assert.equal((await to.referrers(image.digest as Digest)).length, 0);
  });
});

Deno.test("the script of url checks blobs of sha512 by their own algorithm", async () => {
  if (!await ensureTool("sha512sum", "coreutils")) return;
  await withPlace(async (work) => {
    await Deno.mkdir(work.path("served"));
    const { image } = foreignLayout(work.path("served/box"));
    await using server = await startServer([`oci:${work.path("served")}`]);
    const [layer] = image.layers as [NamedBlob];
    const short = digestOf(TAR);
    new ForeignLayout(work.path("served/other")).blob(TAR);
    await Deno.copyFile(
      blobFile(work.path("served/other"), short),
      blobFile(work.path("served/box"), layer.digest),
    );
    await Deno.mkdir(work.path("served/box/blobs/sha256"), { recursive: true });
    await Deno.writeFile(blobFile(work.path("served/box"), short), TAR);
    const args = ["url", `${server.host}/box`, layer.digest, short, "--script"];
    const { code, stdout, stderr } = await work.run(args);
    assert.equal(code, 0, stderr);
    await work.write("get.sh", stdout);
    const ended = await new Deno.Command("sh", { args: ["get.sh", "out"], cwd: work.directory }).output();
    assert.equal(ended.code, 0, new TextDecoder().decode(ended.stderr));
    assert.equal((await Deno.stat(work.path("out"))).size, 2 * TAR.length);
    await Deno.writeFile(blobFile(work.path("served/box"), layer.digest), new Uint8Array(TAR.length));
    const bad = await new Deno.Command("sh", { args: ["get.sh", "again"], cwd: work.directory }).output();
    assert.equal(bad.code, 5, new TextDecoder().decode(bad.stderr));
  });
});

Deno.test("what an image of sha512 digests gets appended, or is changed, has sha256 digests", async () => {
  await withPlace(async (work) => {
    foreignLayout(work.path("box"));
    await work.write("layer.tar", tarOf([{ name: "new.txt", content: "new" }]));
    const appended = await work.run([
      "append",
      "--from",
      "oci:box:t",
      "--to",
      "oci:box:u",
      "-i",
      "layer.tar",
    ]);
    assert.equal(appended.code, 0, appended.stderr);
    using store = layoutStore(work.path("box"));
    const { layers, manifest } = await findImage(store, "u");
    assert.deepEqual(layers.map(({ digest }) => digest.split(":")[0]), ["sha512", "sha512", "sha256"]);
    assert.match(manifest.digest, /^sha256:/);
    assert.equal(await helloIn(store, "u"), TEXT);
  });
});
