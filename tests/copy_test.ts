/** Images on their way between registries, repositories and layouts: nothing changes, and nothing moves twice. @module */
import assert from "node:assert/strict";
import { digestOf } from "../lib/oci/digest.ts";
import { encodeManifest, type Manifest, manifestOf } from "../lib/oci/manifest.ts";
import { IMAGE_CONFIG, IMAGE_INDEX, IMAGE_MANIFEST } from "../lib/oci/media_types.ts";
import { bytesSource } from "../lib/exports/store.ts";
import { copyImage, copyStash } from "../lib/exports/copy.ts";
import { uploadFolder } from "../lib/exports/folders.ts";
import { download, openStore, type Store, type TransferEvent, upload } from "../main.ts";
import { findImage, openImage } from "../lib/exports/images.ts";
import { makeWorkplace } from "./rigs/command_line.ts";
import { makeWorkspace, sink, someBytes, streamOf } from "./rigs/content.ts";
import { ensureTool } from "./rigs/debian.ts";
import { startFakeRegistry } from "./rigs/fake_registry.ts";
import { ForeignLayout } from "./rigs/foreign_layout.ts";
import { putImage, putIndex } from "./rigs/images.ts";
import { type LoggedRequest, startRegistry } from "./rigs/real_registry.ts";
import { runProgram, tarOf } from "./rigs/tar.ts";

const ignore = !await ensureTool("docker-registry", "docker-registry");
const noSkopeo = ignore || !await ensureTool("skopeo", "skopeo");

const layer = (seed: number, size = 3000) => ({
  bytes: tarOf([{ name: `f${seed}`, content: someBytes(size, seed) }]),
});
const AMD = { os: "linux", architecture: "amd64" };
const ARM = { os: "linux", architecture: "arm64", variant: "v8" };

/** An index of two images that share their base, with a note beside. */
async function putMultiArch(store: Store, tag = "t"): Promise<{ index: Manifest; amd: Manifest }> {
  const amd = await putImage(store, "amd", [layer(1), layer(2)], AMD);
  const arm = await putImage(store, "arm", [layer(1), layer(3)], ARM);
  const note = await putImage(store, "note", [layer(4)], { os: "unknown", architecture: "unknown" });
  const index = await putIndex(store, tag, [
    { manifest: amd, platform: AMD },
    { manifest: arm, platform: ARM },
    {
      manifest: note,
      platform: { os: "unknown", architecture: "unknown" },
      annotations: {
        "vnd.docker.reference.type": "attestation-manifest",
        "vnd.docker.reference.digest": amd.digest,
      },
    },
  ]);
  return { index, amd };
}

const stepOf = ({ method, status }: LoggedRequest) => `${method} ${status}`;

function moves(requests: readonly LoggedRequest[]): LoggedRequest[] {
  return requests.filter(({ method, path }) =>
    path.includes("/blobs/") && method !== "HEAD" && !path.includes("mount=")
  );
}

Deno.test(
  "an index goes from a registry to a layout and to another registry with its digest, once",
  { ignore: noSkopeo },
  async () => {
    await using work = await makeWorkspace();
    await using one = await startRegistry();
    await using two = await startRegistry();
    using source = openImage(`${one.url}/me/app:t`);
    const { index } = await putMultiArch(source.store);
    using box = openImage(`oci:${work.path("box")}:t`);
    using target = openImage(`${two.url}/you/app:other`);

    const first = await copyImage(source, box);
    assert.deepEqual([first.digest, first.manifests, first.blobs.sent], [index.digest, 4, 7]);
    assert.equal((await copyImage(box, target)).digest, index.digest);
    assert.deepEqual((await target.store.manifest("other"))?.bytes, index.bytes);
    // Only the index is listed in the layout, so that other programs find one image there.
    assert.equal(JSON.parse(await Deno.readTextFile(work.path("box/index.json"))).manifests.length, 1);
    const raw = await runProgram("skopeo", ["inspect", "--raw", `oci:${work.path("box")}:t`]);
    assert.equal(digestOf(raw), index.digest);

    const before = [(await one.requests()).length, (await two.requests()).length] as const;
    const again = [await copyImage(source, box), await copyImage(box, target)];
    assert.deepEqual(again.map(({ blobs }) => blobs), [
      { sent: 0, mounted: 0, present: 7, bytes: 0 },
      { sent: 0, mounted: 0, present: 7, bytes: 0 },
    ]);
    assert.deepEqual(moves((await one.requests()).slice(before[0])), []);
    const looks = moves((await two.requests()).slice(before[1]));
    assert.deepEqual(
      looks.map(stepOf),
      Array(7).fill("GET 206"),
      "the first byte of each shows that it is there",
    );
  },
);

Deno.test("within a registry no blob is moved: they are mounted", { ignore }, async () => {
  await using registry = await startRegistry();
  using source = openImage(`${registry.url}/me/app:t`);
  const { index } = await putMultiArch(source.store);
  using target = openImage(`${registry.url}/you/app:t`);
  const before = (await registry.requests()).length;
  const states: string[] = [];
  const onEvent = (event: TransferEvent) => void (event.type === "blob" && states.push(event.state));
  const { digest, blobs } = await copyImage(source, target, { onEvent });
  assert.equal(digest, index.digest);
  assert.deepEqual(blobs, { sent: 0, mounted: 7, present: 0, bytes: 0 });
  assert.deepEqual(states, Array(7).fill("mounted"), "the events say the same");
  const looks = moves((await registry.requests()).slice(before));
  assert.deepEqual(looks.map(stepOf), Array(7).fill("GET 404"), "each is looked for");
});

Deno.test("one platform is copied as it is, several become an index of these", async () => {
  await using work = await makeWorkspace();
  using source = openImage(`oci:${work.path("a")}:t`);
  const { index, amd } = await putMultiArch(source.store);
  using target = openImage(`oci:${work.path("b")}:t`);
  assert.equal((await copyImage(source, target, { platforms: ["linux/amd64"] })).digest, amd.digest);
  using both = openImage(`oci:${work.path("c")}:t`);
  const everything = await copyImage(source, both, { platforms: ["linux/amd64", "linux/arm64"] });
  assert.equal(everything.digest, index.digest); // of all platforms it is the index itself
  const riscv = await putImage(source.store, "riscv", [layer(5)], { os: "linux", architecture: "riscv64" });
  const entries = [amd, riscv, (await source.store.manifest("arm"))!];
  await putIndex(
    source.store,
    "three",
    entries.map((manifest, at) => ({
      manifest,
      platform: { os: "linux", architecture: ["amd64", "riscv64", "arm64"][at]! },
    })),
  );
  const part = await copyImage({ store: source.store, reference: "three" }, {
    store: both.store,
    reference: "two",
  }, { platforms: ["linux/riscv64", "linux/amd64"] });
  const copied = JSON.parse(new TextDecoder().decode((await both.store.manifest("two"))!.bytes));
  assert.deepEqual(copied.manifests.map(({ digest }: { digest: string }) => digest), [
    amd.digest,
    riscv.digest,
  ]);
  assert.equal(part.manifests, 3);
  await assert.rejects(copyImage(source, both, { platforms: ["linux/s390x"] }), { name: "NotFoundError" });
});

Deno.test("what is merely odd is told of, and copied to the byte", async () => {
  await using work = await makeWorkspace();
  await using registry = await startFakeRegistry();
  using box = openImage(`oci:${work.path("box")}:t`);
  const image = await putImage(box.store, "t", [layer(1)], AMD);
  // As in the recipe of space-unlimited-space: no media type, ends of lines of another system, a wrong size.
  const { mediaType: _, ...rest } = JSON.parse(new TextDecoder().decode(image.bytes));
  const text = JSON.stringify(rest, null, 2).replaceAll("\n", "\r\n");
  const odd = manifestOf(new TextEncoder().encode(text), IMAGE_MANIFEST.oci);
  await box.store.putManifest("t", odd);
  const path = work.path("box/index.json");
  const listed = await Deno.readTextFile(path);
  await Deno.writeTextFile(path, listed.replace(`"size":${odd.bytes.length}`, `"size":548`));
  const notices: string[] = [];
  const onEvent = (event: TransferEvent) => void (event.type === "notice" && notices.push(event.message));
  using source = openImage(`oci:${work.path("box")}:t`, { onEvent });
  using target = openImage(`${registry.url}/me/app:t`);
  const { digest } = await copyImage(source, target, { onEvent });
  assert.equal(digest, odd.digest);
  assert.deepEqual((await target.store.manifest("t"))?.bytes, odd.bytes);
  assert.equal(notices.length, 1, "that a manifest declares no media type is not odd: OCI allows it");
  assert.match(notices[0]!, /has 548 bytes, but it has \d+$/);
});

Deno.test("what does not match its digest is refused, and the target stays without it", async () => {
  await using work = await makeWorkspace();
  for (const size of [3000, 3_000_000, 40_000_000]) {
    await using registry = await startFakeRegistry();
    using source = openImage(`oci:${work.path(`box${size}`)}:t`);
    const image = await putImage(source.store, "t", [layer(1, size)], AMD);
    const [blob] = (await findImage(source.store, "t")).layers;
    const file = work.path(`box${size}/blobs/sha256/${blob!.digest.slice(7)}`);
    const bytes = await Deno.readFile(file);
    bytes[bytes.length - 600]! ^= 1;
    await Deno.writeFile(file, bytes);
    using remote = openImage(`${registry.url}/me/app:t`);
    using layout = openImage(`oci:${work.path(`copy${size}`)}:t`);
    for (const target of [remote, layout]) {
      await assert.rejects(copyImage(source, target), { name: "MismatchError", message: /is corrupted/ });
      assert.equal(await target.store.stat(blob!.digest), undefined);
      assert.equal(await target.store.manifest(image.digest), undefined);
    }
  }
});

Deno.test("into a directory a large layer comes in ranges, beside each other, and is counted once", async () => {
  await using work = await makeWorkspace();
  await using registry = await startFakeRegistry();
  using source = openImage(`${registry.url}/me/app:t`);
  await putImage(source.store, "t", [layer(1), layer(2, 40_000_000)], AMD);
  const { layers: [small, large] } = await findImage(source.store, "t");
  registry.requests.length = 0;
  using target = openImage(`oci:${work.path("box")}:t`);
  const events: TransferEvent[] = [];
  const { blobs } = await copyImage(source, target, { onEvent: (event) => events.push(event) });
  assert.deepEqual([blobs.sent, blobs.present], [3, 0]);
  const rangesOf = ({ digest }: { digest: string }) =>
    registry.requests.filter(({ path }) => path.endsWith(digest)).map(({ headers }) => headers["range"]);
  assert.deepEqual(rangesOf(small!), [undefined]);
  assert.ok(rangesOf(large!).length >= 4, `${rangesOf(large!)}`);
  assert.ok(!rangesOf(large!).includes(undefined), "the whole is not fetched beside them");
  const moved = events.map((event) => event.type === "progress" ? event.bytes : 0);
  assert.equal(moved.reduce((sum, bytes) => sum + bytes), blobs.bytes);
  const states = events.flatMap((event) => event.type === "blob" ? `${event.index} ${event.state}` : []);
  assert.deepEqual(states.sort(), ["1 sent", "2 sent", "3 sent"]);
});

Deno.test("a copy that was interrupted is gone on with", async () => {
  await using work = await makeWorkspace();
  await using registry = await startFakeRegistry();
  using source = openImage(`oci:${work.path("box")}:t`);
  const { index } = await putMultiArch(source.store);
  using target = openImage(`${registry.url}/me/app:t`);
  const stop = new AbortController();
  let chunks = 0;
  const onEvent = ({ type }: TransferEvent) => void (type === "blob" && ++chunks === 3 && stop.abort());
  await assert.rejects(copyImage(source, target, { onEvent, signal: stop.signal, jobs: 1 }));
  assert.equal(await target.store.resolve("t"), undefined);
  const { digest, blobs } = await copyImage(source, target);
  assert.equal(digest, index.digest);
  assert.deepEqual([blobs.present, blobs.sent], [3, 4]);
});

/** A manifest that refers to another. */
async function putReferrer(store: Store, subject: Manifest, artifactType: string): Promise<Manifest> {
  const { digest, size } = await store.write(bytesSource(new TextEncoder().encode("{}")));
  const manifest = encodeManifest({
    schemaVersion: 2,
    mediaType: IMAGE_MANIFEST.oci,
    artifactType,
    config: { mediaType: IMAGE_CONFIG.oci, digest, size },
    layers: [],
    subject: { mediaType: subject.mediaType, digest: subject.digest, size: subject.bytes.length },
  });
  await store.putManifest(manifest.digest, manifest);
  return manifest;
}

Deno.test("referrers come along, and those of referrers, also where a registry has no list", {
  ignore,
}, async () => {
  await using work = await makeWorkspace();
  await using registry = await startRegistry();
  using source = openImage(`oci:${work.path("box")}:t`);
  const { amd } = await putMultiArch(source.store);
  const parts = await putReferrer(source.store, amd, "application/x.parts");
  const signature = await putReferrer(source.store, parts, "application/x.signature");
  using remote = openImage(`${registry.url}/me/app:t`);
  const there = await copyImage(source, remote, { referrers: true });
  assert.equal(there.referrers, 2);
  assert.deepEqual((await remote.store.referrers(amd.digest)).map(({ digest }) => digest), [parts.digest]);
  using back = openImage(`oci:${work.path("back")}:t`);
  assert.equal((await copyImage(remote, back, { referrers: true })).referrers, 2);
  assert.deepEqual((await back.store.referrers(parts.digest)).map(({ digest }) => digest), [
    signature.digest,
  ]);
  assert.equal((await copyImage(remote, back)).referrers, 0);
});

Deno.test("referrers come along from a registry that lists them itself, and to one", async () => {
  await using work = await makeWorkspace();
  await using registry = await startFakeRegistry({ faults: { referrersApi: true } });
  using source = openImage(`${registry.url}/me/app:t`);
  const image = await putImage(source.store, "t", [layer(1)], AMD);
  const parts = await putReferrer(source.store, image, "application/x.parts");
  const signature = await putReferrer(source.store, parts, "application/x.signature");
  assert.deepEqual([...registry.storage.repository("me/app").tags.keys()], ["t"], "no list under a tag");
  using copy = openImage(`oci:${work.path("copy")}:t`);
  assert.equal((await copyImage(source, copy, { referrers: true })).referrers, 2);
  assert.deepEqual((await copy.store.referrers(parts.digest)).map(({ digest }) => digest), [
    signature.digest,
  ]);
  using other = openImage(`${registry.url}/me/other:t`);
  assert.equal((await copyImage(copy, other, { referrers: true })).referrers, 2);
  assert.deepEqual((await other.store.referrers(image.digest)).map(({ digest }) => digest), [parts.digest]);
});

Deno.test("in a directory referrers are listed under a tag, as other programs look for them", async () => {
  await using work = await makeWorkspace();
  using source = openImage(`oci:${work.path("box")}:t`);
  const image = await putImage(source.store, "t", [layer(1)], AMD);
  const parts = await putReferrer(source.store, image, "application/x.parts");
  using target = openImage(`oci:${work.path("copy")}`);
  const tag = image.digest.replace(":", "-");
  for (const _ of ["once", "again"]) {
    await copyImage(source, target, { referrers: true });
    const list = JSON.parse(new TextDecoder().decode((await target.store.manifest(tag))!.bytes));
    assert.deepEqual(list.manifests, [{
      mediaType: IMAGE_MANIFEST.oci,
      digest: parts.digest,
      size: parts.bytes.length,
      artifactType: "application/x.parts",
    }]);
  }
  const { manifests } = JSON.parse(await Deno.readTextFile(work.path("copy/index.json")));
  assert.equal(manifests.length, 2, "the image and the list");
  assert.deepEqual((await target.store.referrers(image.digest)).map(({ digest }) => digest), [parts.digest]);
  assert.equal(
    (await findImage(target.store, undefined)).manifest.digest,
    image.digest,
    "a list is no image",
  );
});

Deno.test(
  "cosign's signatures come along, and none at the target is replaced by others",
  { ignore },
  async () => {
    await using work = await makeWorkspace();
    await using registry = await startRegistry();
    using source = openImage(`oci:${work.path("box")}:t`);
    const { index, amd } = await putMultiArch(source.store);
    const tagFor = ({ digest }: Manifest, ending: string) => `${digest.replace(":", "-")}.${ending}`;
    const tags = [tagFor(index, "sig"), tagFor(amd, "att"), tagFor(amd, "sbom")] as const;
    for (const [seed, tag] of tags.entries()) await putImage(source.store, tag, [layer(10 + seed)]);
    using target = openImage(`${registry.url}/me/app:t`);
    assert.equal((await copyImage(source, target)).referrers, 0);
    assert.equal((await copyImage(source, target, { referrers: true })).referrers, 3);
    for (const tag of tags) {
      assert.equal(
        await target.store.resolve(tag),
        await source.store.resolve(tag),
        tag,
      );
    }

    await putImage(source.store, tags[0], [layer(10), layer(20)]); // a second signature
    await putImage(target.store, tags[1], [layer(30)]); // another one, made at the target
    const own = await target.store.resolve(tags[1]);
    const notices: string[] = [];
    await copyImage(source, target, {
      referrers: true,
      onEvent: (event) => void (event.type === "notice" && notices.push(event.message)),
    });
    assert.equal(await target.store.resolve(tags[0]), await source.store.resolve(tags[0]));
    assert.equal(await target.store.resolve(tags[1]), own);
    assert.deepEqual(notices, [
      `${tags[1]} is not copied: ${target.store.name} has other signatures under this tag, which stay`,
    ]);
  },
);

Deno.test("an artifact that is copied alone is listed as a referrer of its subject", { ignore }, async () => {
  await using work = await makeWorkspace();
  await using registry = await startRegistry();
  using source = openImage(`oci:${work.path("box")}:t`);
  const { amd } = await putMultiArch(source.store);
  const sbom = await putReferrer(source.store, amd, "application/x.sbom");
  for (const name of [`${registry.url}/me/app`, `oci:${work.path("copy")}`]) {
    using target = openImage(`${name}:sbom`);
    for (const _ of ["once", "again"]) {
      await copyImage({ store: source.store, reference: sbom.digest }, target);
    }
    const list = await target.store.manifest(amd.digest.replace(":", "-"));
    const { manifests } = JSON.parse(new TextDecoder().decode(list?.bytes));
    assert.deepEqual(manifests.map(({ digest }: Manifest) => digest), [sbom.digest], name);
  }
});

Deno.test("an image under a fallback tag stays what it is, and the rest is copied", async () => {
  await using work = await makeWorkspace();
  using source = openImage(`oci:${work.path("box")}:t`);
  const image = await putImage(source.store, "t", [layer(1)], AMD);
  const tag = image.digest.replace(":", "-");
  const other = await putImage(source.store, tag, [layer(2)]);
  const sbom = await putReferrer(source.store, image, "application/x.sbom");
  using target = openImage(`oci:${work.path("copy")}`);
  await putImage(target.store, tag, [layer(2)]);
  const notices: string[] = [];
  const { referrers } = await copyImage(source, target, {
    referrers: true,
    onEvent: (event) => void (event.type === "notice" && notices.push(event.message)),
  });
  assert.equal(referrers, 1);
  assert.equal(await target.store.resolve(tag), other.digest);
  assert.notEqual(await target.store.manifest(sbom.digest), undefined);
  assert.match(notices.join(), /referrers of sha256:\w+ are not listed: the tag sha256-\w+ holds an image/);
});

Deno.test("referrers without end are refused", async () => {
  await using place = await makeWorkplace();
  const layout = new ForeignLayout(place.path("many"));
  const image = layout.image("t", [layout.layer("x")]);
  const subject = { mediaType: IMAGE_MANIFEST.oci, digest: image.digest, size: image.size };
  const config = { mediaType: "application/x", ...image.config };
  for (let number = 0; number < 1001; number++) {
    const manifest = { schemaVersion: 2, mediaType: IMAGE_MANIFEST.oci, config, layers: [], subject, number };
    layout.entries.push({ mediaType: IMAGE_MANIFEST.oci, ...layout.blob(manifest) });
  }
  layout.write();
  const { code, stderr } = await place.run(["copy", "--referrers", "oci:many:t", "oci:copy:t"]);
  assert.deepEqual([code, /has more than 1000 referrers/.test(stderr)], [5, true], stderr);
});

Deno.test("blobs are mounted within one registry only", async () => {
  await using one = await startFakeRegistry();
  await using two = await startFakeRegistry();
  using source = openImage(`${one.url}/me/app:t`);
  await putImage(source.store, "t", [layer(1)], AMD);
  for (const [registry, expected] of [[one, true], [two, false]] as const) {
    const before = registry.requests.length;
    using target = openImage(`${registry.url}/you/app:t`);
    await copyImage(source, target);
    const asked = registry.requests.slice(before).some(({ search }) => search.includes("mount="));
    assert.equal(asked, expected);
  }
});

Deno.test("a folder that gets the tag while blobs are copied is not replaced", async () => {
  await using work = await makeWorkspace();
  await using fake = await startFakeRegistry();
  for (const name of ["one", "other"]) {
    await Deno.mkdir(work.path(name));
    await Deno.writeTextFile(work.path(`${name}/file`), name);
  }
  using box = openStore({ registry: `oci:${work.path("box")}`, repository: "me/files" });
  await putImage(box, "image", [layer(1)]);
  await uploadFolder(box, "folder", { directory: work.path("one") });
  using store = openStore({ registry: fake.url, repository: "me/files" });
  for (const reference of ["image", "folder"]) {
    let other: string | undefined;
    fake.faults.onRequest = async ({ method }) => {
      if (method === "GET" || method === "HEAD") return;
      delete fake.faults.onRequest;
      other = (await uploadFolder(store, reference, { directory: work.path("other") })).digest;
    };
    await assert.rejects(copyImage({ store: box, reference }, { store }), {
      name: "ConflictError",
      message: `the tag ${reference} holds a folder`,
    });
    assert.ok(other);
    assert.equal(await store.resolve(reference), other);
    await copyImage({ store: box, reference }, { store }, { overwrite: true });
    assert.equal(await store.resolve(reference), await box.resolve(reference));
  }
});

Deno.test("a stash is copied under another name, and not over another one", async () => {
  await using work = await makeWorkspace();
  await using registry = await startFakeRegistry();
  using store = openStore({ registry: `oci:${work.path("box")}`, repository: "me/files" });
  using remote = openStore({ registry: registry.url, repository: "me/files" });
  const content = someBytes(25_000);
  await upload(store, "disk", { input: streamOf(content), chunkSize: 10_000 });
  await upload(store, "note", { input: streamOf(content), chunkSize: 5_000 });
  const from = { store, baseTag: "disk" };
  const to = { store: remote, baseTag: "copy" };
  assert.equal((await copyStash(from, to)).blobs.sent, 6);
  assert.equal((await copyStash(from, to)).blobs.sent, 0);
  const { stream, bytes } = sink();
  await download(remote, "copy", { output: stream });
  assert.deepEqual(bytes(), content);
  await assert.rejects(copyStash({ store, baseTag: "note" }, to), { name: "ConflictError" });
  await copyStash({ store, baseTag: "note" }, to, { overwrite: true });
  await copyStash(from, to, { overwrite: true }); // a shorter one leaves nothing of the longer one
  const tags = await Array.fromAsync(remote.tags());
  assert.deepEqual(tags.sort(), ["copy-1", "copy-2", "copy-3"]);
});

Deno.test("a blob that was damaged in a directory is written anew where it may be, or when its file is gone", async () => {
  await using work = await makeWorkspace();
  using store = openStore({ registry: `oci:${work.path("box")}`, repository: "me/files" });
  const { chunks } = await upload(store, "disk", { input: streamOf(someBytes(5000)) });
  const from = { store, baseTag: "disk" };
  using other = openStore({ registry: `oci:${work.path("box")}`, repository: "you/files" });
  const to = { store: other, baseTag: "disk" };
  await copyStash(from, to);
  const path = other.blobUrl(chunks[0]!.digest);
  await Deno.writeFile(path, someBytes(5000, 2));
  assert.equal((await copyStash(from, to)).blobs.sent, 0, "it has its name and its size");
  assert.equal((await copyStash(from, to, { overwrite: true })).blobs.sent, 1);
  assert.deepEqual(await Deno.readFile(path), someBytes(5000));
  await Deno.remove(path);
  const again = await copyImage({ store, reference: "disk-1" }, { store: other, reference: "image" });
  assert.deepEqual([again.blobs.sent, again.blobs.present], [1, 1]);
  assert.deepEqual(await Deno.readFile(path), someBytes(5000));
});

Deno.test("the command prints the digest, and says what was moved", async () => {
  await using place = await makeWorkplace();
  using source = openImage(`oci:${place.path("box")}:t`);
  const { index } = await putMultiArch(source.store);
  const { stdout, stderr, code } = await place.run(["copy", "oci:box:t", "oci:copy"]);
  assert.equal(code, 0, stderr);
  assert.equal(stdout, `${index.digest}\n`);
  assert.match(stderr, /layerstash: copied to oci:copy:t: 4 manifests, 7 blobs sent \([\d.]+ KB\)/);
  const json = await place.run(["copy", "--json", "--platform", "linux/amd64", "oci:box:t", "oci:copy:amd"]);
  assert.equal(JSON.parse(json.stdout.trimEnd().split("\n").at(-1)!).blobs.present, 3);
  assert.equal((await place.run(["copy", "oci:box:none", "oci:copy"])).code, 3);
  await place.write("file", someBytes(100));
  await place.run(["upload", "--registry", "oci:place", "-r", "me/files", "-t", "disk", "-i", "file"]);
  const stash = await place.run(["copy", "--stash", "oci:place/me/files:disk", "oci:place/you/files:disk"]);
  assert.match(stash.stderr, /layerstash: copied to \S+:disk: 100 B in 1 chunk, 2 blobs sent/);
  assert.equal(stash.code, 0);
});

Deno.test("an index that lists what is missing is not copied, and the error says how to copy the rest", async () => {
  await using work = await makeWorkspace();
  using from = openImage(`oci:${work.path("box")}:t`);
  using to = openImage(`oci:${work.path("there")}:t`);
  const { amd } = await putMultiArch(from.store);
  await from.store.removeManifest("amd");
  await Deno.remove(work.path(`box/blobs/sha256/${amd.digest.slice("sha256:".length)}`));
  await assert.rejects(copyImage(from, to), {
    name: "NotFoundError",
    message: new RegExp(`${amd.digest}.*, although an index lists it$`),
    hint: "copy the platforms that exist, with --platform",
  });
  assert.deepEqual(await Array.fromAsync(to.store.tags()), []);
  await copyImage(from, to, { platforms: ["linux/arm64"] });
  assert.deepEqual(await Array.fromAsync(to.store.tags()), ["t"]);
});

Deno.test("an index that gives a wrong size is copied to the byte, and that is reported", async () => {
  await using work = await makeWorkspace();
  using from = openImage(`oci:${work.path("box")}:t`);
  using to = openImage(`oci:${work.path("there")}:t`);
  const image = await putImage(from.store, "amd", [layer(1)], AMD);
  const manifests = [{ mediaType: image.mediaType, digest: image.digest, size: 7, platform: AMD }];
  const index = encodeManifest({ schemaVersion: 2, mediaType: IMAGE_INDEX.oci, manifests });
  await from.store.putManifest("t", index);
  const notices: string[] = [];
  const onEvent = (event: TransferEvent) => void (event.type === "notice" && notices.push(event.message));
  assert.equal((await copyImage(from, to, { onEvent })).digest, index.digest);
  const size = `a size of 7 bytes, but it has ${image.bytes.length}`;
  assert.deepEqual(notices, [`the index gives ${image.digest} ${size}`]);
});

Deno.test("indexes within each other, or entries, without end are refused before anything is copied", async () => {
  await using work = await makeWorkspace();
  using from = openImage(`oci:${work.path("box")}:t`);
  using to = openImage(`oci:${work.path("there")}:t`);
  let manifest = await putImage(from.store, "amd", [layer(1)], AMD);
  for (let depth = 0; depth < 6; depth++) manifest = await putIndex(from.store, "t", [{ manifest }]);
  await assert.rejects(copyImage(from, to), { name: "MismatchError", message: /nests more than 4 deep/ });
  const image = await putImage(from.store, "amd", [layer(1)], AMD);
  await putIndex(from.store, "t", Array(1001).fill({ manifest: image, platform: AMD }));
  await assert.rejects(copyImage(from, to), { name: "MismatchError", message: /more than 1000 images/ });
  assert.deepEqual(await Array.fromAsync(to.store.tags()), []);
});
