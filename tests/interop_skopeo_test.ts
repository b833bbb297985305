/** skopeo reads what layerstash writes, and layerstash reads what skopeo writes. @module */
import assert from "node:assert/strict";
import { collect } from "../lib/content/collect.ts";
import { encodeManifest, type Manifest, readImageManifest } from "../lib/oci/manifest.ts";
import { IMAGE_CONFIG, IMAGE_MANIFEST, MANIFEST_TYPES, OCTET_STREAM } from "../lib/oci/media_types.ts";
import { pushBlob, setAlias } from "../lib/exports/blobs.ts";
import { openImage } from "../lib/exports/images.ts";
import { bytesSource, digestOf } from "../lib/exports/store.ts";
import { download, openStore, type Store, upload, verify } from "../main.ts";
import { makeWorkspace, sink, someBytes, streamOf, type Workspace } from "./rigs/content.ts";
import { ensureTool } from "./rigs/debian.ts";
import { startRegistry } from "./rigs/real_registry.ts";

const hasSkopeo = await ensureTool("skopeo", "skopeo");
const hasRegistry = await ensureTool("docker-registry", "docker-registry");
const withSkopeo = { ignore: !hasSkopeo };
const withBoth = { ignore: !hasSkopeo || !hasRegistry };
const CONTENT = someBytes(25_000);

Deno.test("skopeo inspects a stash in a layout", withSkopeo, async () => {
  await using work = await makeWorkspace();
  using store = layoutStore(work, "box");
  const { chunks } = await storeContent(store);
  for (const { tag, digest, size } of chunks) {
    const image = `oci:${work.path("box/me/files")}:${tag}`;
    const said = JSON.parse(await skopeo(["inspect", image]));
    assert.equal(said.Digest, await store.resolve(tag!));
    assert.deepEqual(said.Layers, [digest]);
    assert.equal(said.Labels["org.opencontainers.image.title"], "disk.img");
    // Without --raw the skopeo of Debian 12 tells no sizes.
    const manifest = JSON.parse(await skopeo(["inspect", "--raw", image]));
    assert.deepEqual(manifest.layers, [{ mediaType: OCTET_STREAM, size, digest }]);
  }
});

Deno.test("skopeo copies a stash from layout to layout, and it is whole there", withSkopeo, async () => {
  await using work = await makeWorkspace();
  using store = layoutStore(work, "box");
  await storeContent(store);
  const from = `oci:${work.path("box/me/files")}`;
  await Deno.mkdir(work.path("other/me"), { recursive: true });
  await copyStash(from, `oci:${work.path("other/me/files")}`);
  using other = layoutStore(work, "other");
  for (const tag of ["disk-1", "disk-2", "disk-3"]) {
    assert.deepEqual(await other.manifest(tag), await store.manifest(tag));
  }
  await requireContent(other);
});

Deno.test(
  "skopeo copies what a registry got in OCI's format, and an alias of a layout",
  withBoth,
  async () => {
    await using work = await makeWorkspace();
    await using registry = await startRegistry();
    using store = openStore({ registry: registry.url, repository: "me/files", manifestFormat: "oci" });
    await storeContent(store);
    const { digest } = await pushBlob(store, streamOf(CONTENT), { alias: "blob" });
    const layout = `oci:${work.path("box")}`;
    await Deno.mkdir(work.path("box"));
    for (const tag of ["disk-1", "disk-2", "disk-3", "blob"]) {
      const from = `docker://${registry.host}/me/files:${tag}`;
      await skopeo(["copy", "--src-tls-verify=false", from, `${layout}:${tag}`]);
      assert.deepEqual(await store.resolve(tag), digestOf(await rawManifest(`${layout}:${tag}`)));
    }
    using image = openImage(layout);
    await requireContent(image.store);
    await setAlias(image.store, "again", { digests: [digest] });
    await skopeo(["copy", `${layout}:again`, `dir:${work.path("dir")}`]);
  },
);

Deno.test(
  "skopeo copies a stash from a layout to a registry, and on to another repository",
  withBoth,
  async () => {
    await using work = await makeWorkspace();
    await using registry = await startRegistry();
    using store = layoutStore(work, "box");
    await storeContent(store);
    await copyStash(`oci:${work.path("box/me/files")}`, `docker://${registry.host}/me/files`);
    using remote = openStore({ registry: registry.url, repository: "me/files" });
    assert.deepEqual(await remote.manifest("disk-1"), await store.manifest("disk-1"));
    await requireContent(remote);
    await copyStash(`docker://${registry.host}/me/files`, `docker://${registry.host}/you/files`);
    using onward = openStore({ registry: registry.url, repository: "you/files" });
    await requireContent(onward);
  },
);

Deno.test(
  "an image that skopeo has written to a layout is read, and stays beside a stash",
  withBoth,
  async () => {
    await using work = await makeWorkspace();
    await using registry = await startRegistry();
    using remote = openStore({ registry: registry.url, repository: "me/image" });
    const original = await putImage(remote, "latest");
    const layout = work.path("box/me/files");
    await Deno.mkdir(work.path("box/me"), { recursive: true });
    await skopeo([
      "copy",
      "--src-tls-verify=false",
      `docker://${registry.host}/me/image:latest`,
      `oci:${layout}:first`,
    ]);
    using store = layoutStore(work, "box");
    await storeContent(store);
    await skopeo([
      "copy",
      "--src-tls-verify=false",
      `docker://${registry.host}/me/image:latest`,
      `oci:${layout}:second`,
    ]);
    assert.deepEqual(await Array.fromAsync(store.tags()), ["disk-1", "disk-2", "disk-3", "first", "second"]);
    for (const tag of ["first", "second"]) {
      const manifest = (await store.manifest(tag))!;
      assert.equal(await store.resolve(tag), manifest.digest);
      assert.ok(MANIFEST_TYPES.includes(manifest.mediaType));
      const { layers } = readImageManifest(manifest);
      assert.deepEqual(
        layers.map(({ digest }) => digest),
        readImageManifest(original).layers.map(({ digest }) => digest),
      );
      for (const { digest, size } of layers) {
        assert.equal((await collect(await store.read(digest), size)).length, size);
      }
    }
    await requireContent(store);
    await store.removeManifest("first");
    assert.equal(JSON.parse(await skopeo(["inspect", `oci:${layout}:second`])).Os, "linux");
  },
);

function layoutStore(work: Workspace, box: string): Store {
  return openStore({ registry: `oci:${work.path(box)}`, repository: "me/files" });
}

/** Stores `CONTENT` as `disk`, in three chunks. */
async function storeContent(store: Store) {
  await using work = await makeWorkspace();
  const input = await work.write("disk.img", CONTENT);
  return await upload(store, "disk", { input, chunkSize: 10_000 });
}

async function requireContent(store: Store): Promise<void> {
  const output = sink();
  await download(store, "disk", { output: output.stream });
  assert.deepEqual(output.bytes(), CONTENT);
  assert.deepEqual((await verify(store, "disk", { deep: true })).faults, []);
}

async function copyStash(from: string, to: string): Promise<void> {
  for (const tag of ["disk-1", "disk-2", "disk-3"]) {
    await skopeo([
      "copy",
      "--src-tls-verify=false",
      "--dest-tls-verify=false",
      `${from}:${tag}`,
      `${to}:${tag}`,
    ]);
  }
}

/** Stores an ordinary image with one compressed layer, as docker would. */
async function putImage(store: Store, tag: string): Promise<Manifest> {
  const tar = new Uint8Array(10_240); // an empty archive
  const packed = await new Response(streamOf(tar).pipeThrough(new CompressionStream("gzip"))).bytes();
  const layer = await store.write(bytesSource(packed));
  const { digest } = await store.write(bytesSource(tar));
  const about = {
    architecture: "amd64",
    os: "linux",
    config: {},
    rootfs: { type: "layers", diff_ids: [digest] },
  };
  const config = await store.write(bytesSource(new TextEncoder().encode(JSON.stringify(about))));
  const manifest = encodeManifest({
    schemaVersion: 2,
    mediaType: IMAGE_MANIFEST.docker,
    config: { ...config, mediaType: IMAGE_CONFIG.docker },
    layers: [{ ...layer, mediaType: "application/vnd.docker.image.rootfs.diff.tar.gzip" }],
  });
  await store.putManifest(tag, manifest);
  return manifest;
}

/** A manifest as skopeo prints it, byte for byte. */
async function rawManifest(image: string): Promise<Uint8Array<ArrayBuffer>> {
  return new TextEncoder().encode(await skopeo(["inspect", "--raw", image]));
}

/** Runs skopeo; gives what it printed. */
async function skopeo(args: string[]): Promise<string> {
  const command = new Deno.Command("skopeo", {
    args: ["--insecure-policy", ...args],
    stdout: "piped",
    stderr: "piped",
  });
  const { success, stdout, stderr } = await command.output();
  assert.ok(success, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}
