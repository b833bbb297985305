/** Which image a reference means, where there is one for each platform. @module */
import assert from "node:assert/strict";
import { byPlatform, findImages, imagesOf, isByPlatform, requireOne } from "../lib/images/platforms.ts";
import { listImages } from "../lib/images/index_tree.ts";
import { isIndex } from "../lib/oci/image_index.ts";
import { encodeManifest, type Manifest, manifestOf } from "../lib/oci/manifest.ts";
import { IMAGE_CONFIG, IMAGE_INDEX, IMAGE_MANIFEST, OCTET_STREAM } from "../lib/oci/media_types.ts";
import { formatPlatform, isSamePlatform, parsePlatform } from "../lib/oci/platform.ts";
import { bytesSource } from "../lib/exports/store.ts";
import { getAlias, pullBlobs, removeAlias } from "../lib/exports/blobs.ts";
import { InvalidInputError, MismatchError, NotFoundError, type Store } from "../main.ts";
import { sink } from "./rigs/content.ts";
import { manifestReader } from "./rigs/readers.ts";
import { testOnEachStore } from "./rigs/stores.ts";

type Entry = Record<string, unknown>;

/** Stores an image with one layer, the text; its manifest has a media type only if one is given. */
async function putImage(store: Store, text: string, mediaType?: string): Promise<Manifest> {
  const { digest, size } = await store.write(bytesSource(new TextEncoder().encode(text)));
  const layer = { mediaType: OCTET_STREAM, digest, size };
  const config = { mediaType: IMAGE_CONFIG.oci, digest, size };
  const content = { schemaVersion: 2, ...(mediaType && { mediaType }), config, layers: [layer] };
  const manifest = manifestOf(
    new TextEncoder().encode(JSON.stringify(content)),
    mediaType ?? IMAGE_MANIFEST.oci,
  );
  await store.putManifest(manifest.digest, manifest);
  return manifest;
}

async function putIndex(
  store: Store,
  mediaType: string,
  manifests: Entry[],
  tag?: string,
): Promise<Manifest> {
  const index = encodeManifest({ schemaVersion: 2, mediaType, manifests });
  await store.putManifest(tag ?? index.digest, index);
  return index;
}

function entry({ mediaType, digest, bytes }: Manifest, platform?: string): Entry {
  const listed = { mediaType, digest, size: bytes.length };
  return platform === undefined ? listed : { ...listed, platform: parsePlatform(platform) };
}

async function layerText(store: Store, manifest: Manifest): Promise<string> {
  const { stream, bytes } = sink();
  await pullBlobs(store, [manifest], { output: stream });
  return new TextDecoder().decode(bytes());
}

testOnEachStore(
  "lists and indexes are read, nested ones and manifests without a media type too",
  async (place) => {
    using store = place.open();
    const arm = entry(await putImage(store, "arm"), "linux/arm/v7");
    const amd = entry(await putImage(store, "amd", IMAGE_MANIFEST.docker), "linux/amd64");
    const s390x = entry(await putImage(store, "s390x", IMAGE_MANIFEST.oci), "linux/s390x");
    const inner = await putIndex(store, IMAGE_INDEX.oci, [arm, amd]);
    await putIndex(store, IMAGE_INDEX.oci, [s390x, entry(inner)], "nested");
    await putIndex(store, IMAGE_INDEX.docker, [amd, arm, s390x], "list");
    for (const tag of ["nested", "list"]) {
      const found = await findImages(store, tag);
      assert.ok(isByPlatform(found));
      assert.deepEqual([...found.keys()], ["linux/amd64", "linux/arm/v7", "linux/s390x"]);
      const texts = [];
      for (const manifest of found.values()) texts.push(await layerText(store, manifest));
      assert.deepEqual(texts, ["amd", "arm", "s390x"]);
      for (
        const [platform, text] of [["linux/arm/v7", "arm"], ["linux/arm", "arm"], ["linux/amd64", "amd"]]
      ) {
        assert.equal(
          await layerText(store, requireOne(await findImages(store, tag, { platform }), tag)),
          text,
        );
      }
      await assert.rejects(findImages(store, tag, { platform: "windows/amd64" }), {
        name: "NotFoundError",
        hint: "there are images for: linux/amd64, linux/arm/v7, linux/s390x",
      });
      const pull = pullBlobs(store, [`@${tag}`], { output: sink().stream });
      await assert.rejects(pull, InvalidInputError);
    }
  },
);

testOnEachStore("what an alias of several platforms pointed to is told when it is removed", async (place) => {
  using store = place.open();
  const [one, two] = [await putImage(store, "one"), await putImage(store, "two")];
  await putIndex(store, IMAGE_INDEX.oci, [entry(one, "linux/amd64"), entry(two, "linux/arm64")], "both");
  const pointedTo = await removeAlias(store, "both");
  assert.deepEqual([...pointedTo as Map<string, unknown>], [
    ["linux/amd64", one.digest],
    ["linux/arm64", two.digest],
  ]);
  await assert.rejects(getAlias(store, "both"), NotFoundError);
});

testOnEachStore("an image that is the only one is for every platform", async (place) => {
  using store = place.open();
  const manifest = await putImage(store, "only");
  await store.putManifest("only", manifest);
  const found = await findImages(store, "only", { platform: "linux/arm64" });
  assert.ok(!isByPlatform(found));
  assert.equal(found.digest, manifest.digest);
  await assert.rejects(findImages(store, "only", { platform: "linux" }), InvalidInputError);
});

testOnEachStore("images that share a platform are all told apart", async (place) => {
  using store = place.open();
  const manifests: Manifest[] = [];
  for (const text of ["a", "b", "c", "d", "e"]) manifests.push(await putImage(store, text));
  const [a, b, c, d, e] = manifests.map((manifest) => entry(manifest, "windows/amd64"));
  const version = (from: Entry, osVersion: string) => {
    return { ...from, platform: { os: "windows", architecture: "amd64", "os.version": osVersion } };
  };
  delete e!["platform"];
  const listed = [version(a!, "10.1"), version(b!, "10.2"), version(c!, "10.2"), d!, e!];
  const index = await putIndex(store, IMAGE_INDEX.oci, listed);
  assert.deepEqual([...byPlatform(await listImages(store, index)).keys()], [
    "unknown/unknown",
    "windows/amd64",
    ...[2, 3].map((index) => `windows/amd64 (${manifests[index]!.digest})`).sort(),
    "windows/amd64:10.2",
  ]);
});

Deno.test("indexes that lead nowhere, or without end, are refused", async () => {
  const stored = new Map<string, Manifest>();
  let asked = 0;
  const manifest = (reference: string) => (asked++, Promise.resolve(stored.get(reference)));
  const store = manifestReader({ manifest });
  const put = (manifests: Entry[]) => {
    const index = encodeManifest({ schemaVersion: 2, mediaType: IMAGE_INDEX.oci, manifests });
    stored.set(index.digest, index);
    return index;
  };
  const many = put(Array.from({ length: 999 }, () => entry(put([]))));
  const wide = put(Array.from({ length: 999 }, () => entry(many)));
  await assert.rejects(listImages(store, wide), MismatchError);
  assert.ok(asked < 1100, `${asked} manifests were asked for`);
  let deep = put([]);
  for (let depth = 0; depth < 6; depth++) deep = put([entry(deep)]);
  await assert.rejects(listImages(store, deep), MismatchError);
  const absent = put([entry(encodeManifest({ mediaType: IMAGE_MANIFEST.oci }), "linux/amd64")]);
  await assert.rejects(imagesOf(store, absent), NotFoundError);
  const lying = put([{ ...entry(put([])), mediaType: IMAGE_MANIFEST.oci, platform: {} }]);
  await assert.rejects(imagesOf(store, lying), MismatchError);
});

Deno.test("what could be an index or an image is neither", () => {
  const of = (value: unknown, type = "") => manifestOf(new TextEncoder().encode(JSON.stringify(value)), type);
  assert.equal(isIndex(of({ manifests: [] })), true);
  assert.equal(isIndex(of({ layers: [] })), false);
  assert.equal(isIndex(of({ layers: [] }, IMAGE_MANIFEST.oci)), false);
  assert.equal(isIndex(of({}, IMAGE_INDEX.docker)), true);
  for (const type of ["", IMAGE_MANIFEST.oci, IMAGE_INDEX.oci]) {
    assert.throws(() => isIndex(of({ manifests: [], layers: [] }, type)), MismatchError);
  }
  for (const value of [1, null, "text"]) assert.throws(() => isIndex(of(value)), MismatchError);
});

Deno.test("platforms are read, written and compared", () => {
  for (const text of ["linux/amd64", "linux/arm/v7"]) {
    assert.equal(formatPlatform(parsePlatform(text)), text);
  }
  for (const text of ["", "linux", "linux/", "/amd64", "linux/arm/", "linux/arm/v7/x"]) {
    assert.throws(() => parsePlatform(text), InvalidInputError);
  }
  const same = (one: string, other: string) => isSamePlatform(parsePlatform(one), parsePlatform(other));
  assert.ok(same("linux/arm64", "linux/arm64/v8") && same("linux/arm", "linux/arm/v7"));
  assert.ok(!same("linux/arm/v6", "linux/arm/v7") && !same("linux/amd64", "windows/amd64"));
});
