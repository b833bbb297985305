/** Images of others whose tags look like the tags of chunks: they are never touched, and never read as chunks. @module */
import assert from "node:assert/strict";
import {
  ConflictError,
  download,
  info,
  list,
  NotFoundError,
  openStore,
  remove,
  type Store,
  type TransferEvent,
  upload,
  verify,
} from "../main.ts";
import { pushBlob } from "../lib/exports/blobs.ts";
import { copyStash } from "../lib/exports/copy.ts";
import { bytesSource } from "../lib/exports/store.ts";
import { digestOf } from "../lib/oci/digest.ts";
import { encodeManifest } from "../lib/oci/manifest.ts";
import { IMAGE_CONFIG, IMAGE_MANIFEST, OCTET_STREAM } from "../lib/oci/media_types.ts";
import { makeWorkplace } from "./rigs/command_line.ts";
import { sink, someBytes, streamOf } from "./rigs/content.ts";
import { putImage, putIndex } from "./rigs/images.ts";
import { testOnEachStore } from "./rigs/stores.ts";
import { tarOf } from "./rigs/tar.ts";

const LAYER = { bytes: tarOf([{ name: "motd", content: "hello" }]) };
const CHUNK = 10;

const store25 = (store: Store, baseTag: string, more: { overwrite?: boolean; seed?: number } = {}) =>
  upload(store, baseTag, {
    input: streamOf(someBytes(25, more.seed ?? 1)),
    chunkSize: CHUNK,
    ...more,
  });

const encode = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));

/** Stores one blob as `oras push` does, with an image's config where one is named with `--config`. */
async function putArtifact(store: Store, tag: string, config: { type: string; content: unknown }) {
  const layer = await store.write(bytesSource(someBytes(7, 9)));
  const { digest, size } = await store.write(bytesSource(encode(config.content)));
  const mediaType = IMAGE_MANIFEST.oci;
  await store.putManifest(
    tag,
    encodeManifest({
      schemaVersion: 2,
      mediaType,
      config: { mediaType: config.type, digest, size },
      layers: [{ ...layer, mediaType: OCTET_STREAM }],
    }),
  );
}

/** Puts everything that may have a tag with a number at its end. Returns the tags. */
async function putForeign(store: Store, baseTag: string, from: number): Promise<string[]> {
  const tag = (number: number) => `${baseTag}-${from + number}`;
  const image = await putImage(store, tag(0), [LAYER]);
  await putIndex(store, tag(1), [{ manifest: image }]);
  await putImage(store, tag(2), [LAYER, { bytes: someBytes(10) }]);
  await pushBlob(store, streamOf(someBytes(5)), { alias: tag(3) }); // an alias has one layer of plain bytes, too
  await putArtifact(store, tag(4), { type: "application/vnd.oci.empty.v1+json", content: {} });
  const built = {
    architecture: "amd64",
    os: "linux",
    rootfs: { type: "layers", diff_ids: [digestOf(LAYER.bytes)] },
  };
  await putArtifact(store, tag(5), { type: IMAGE_CONFIG.oci, content: built });
  return [0, 1, 2, 3, 4, 5].map(tag);
}

async function tagsOf(store: Store): Promise<string[]> {
  return (await Array.fromAsync(store.tags())).sort();
}

async function requireWhole(store: Store, baseTag: string): Promise<void> {
  const { stream, bytes } = sink();
  await download(store, baseTag, { output: stream });
  assert.deepEqual(bytes(), someBytes(25));
  assert.deepEqual((await verify(store, baseTag, { deep: true })).faults, []);
}

testOnEachStore("images whose tags end with numbers are not a stash", async (place) => {
  using store = place.open();
  const tags = await putForeign(store, "app", 1);
  const before = await Promise.all(tags.map((tag) => store.resolve(tag)));
  const { stream } = sink();
  for (
    const work of [
      () => remove(store, "app"),
      () => info(store, "app"),
      () => verify(store, "app"),
      () => download(store, "app", { output: stream }),
      () => copyStash({ store, baseTag: "app" }, { store, baseTag: "other" }),
    ]
  ) {
    await assert.rejects(work, (error) => {
      assert.ok(error instanceof NotFoundError, `${error}`);
      assert.match(error.message, /^there is no stash app in /);
      return true;
    });
  }
  assert.deepEqual(await Promise.all(tags.map((tag) => store.resolve(tag))), before);
  for (const exactSize of [false, true]) {
    assert.deepEqual(await Array.fromAsync(list(store, { exactSize })), []);
  }
});

testOnEachStore("a removal keeps images beside the chunks, and names them", async (place) => {
  using store = place.open();
  await store25(store, "app");
  const foreign = await putForeign(store, "app", 7);
  const { removed, kept } = await remove(store, "app");
  assert.deepEqual(removed, ["app-3", "app-2", "app-1"]);
  assert.deepEqual(kept.map(({ tag }) => tag), foreign.toReversed());
  for (const { why, error } of kept) {
    assert.match(why, /is not a chunk of a stored file/);
    assert.equal(error, undefined, "nothing failed");
  }
  assert.deepEqual(await tagsOf(store), foreign.toSorted());
  await assert.rejects(remove(store, "app"), NotFoundError);
});

testOnEachStore("what is left of a stash is removed, and the images beside it are kept", async (place) => {
  using store = place.open();
  await store25(store, "app");
  const [foreign] = await putForeign(store, "app", 7);
  for (const tag of ["app-1", "app-3"]) await store.removeManifest(tag);
  const { removed, kept } = await remove(store, "app");
  assert.deepEqual(removed, ["app-2"]);
  assert.equal(kept.at(-1)?.tag, foreign);
});

testOnEachStore("a stash is stored, read and replaced beside images with higher numbers", async (place) => {
  using store = place.open();
  const foreign = await putForeign(store, "app", 7);
  await store25(store, "app");
  await requireWhole(store, "app");
  await store25(store, "app");
  assert.equal((await info(store, "app")).chunks.length, 3);
  const listed = await Array.fromAsync(list(store, { exactSize: true }));
  assert.deepEqual(listed.map(({ baseTag, stash }) => [baseTag, stash?.size]), [["app", 25]]);
  await store25(store, "app", { seed: 2, overwrite: true });
  const notices: string[] = [];
  const onEvent = (event: TransferEvent) => void (event.type === "notice" && notices.push(event.message));
  await upload(store, "app", {
    input: streamOf(someBytes(15)),
    chunkSize: CHUNK,
    overwrite: true,
    onEvent,
  });
  assert.deepEqual(await tagsOf(store), ["app-1", "app-2", ...foreign].sort());
  for (const tag of foreign) assert.ok(notices.some((each) => each.includes(`${tag} is not a chunk`)), tag);
});

testOnEachStore("an image in the way of a chunk is a conflict, and is not replaced", async (place) => {
  using store = place.open();
  await putImage(store, "app-2", [LAYER]);
  const before = await store.resolve("app-2");
  for (const overwrite of [false, true]) {
    await assert.rejects(store25(store, "app", { overwrite }), (error) => {
      assert.ok(error instanceof ConflictError, `${error}`);
      assert.match(error.message, /the tag app-2 .* not a chunk of a stored file/);
      assert.match(error.hint ?? "", /another name/);
      assert.doesNotMatch(error.hint ?? "", /--overwrite|--chunk-size/);
      return true;
    });
    assert.deepEqual(await tagsOf(store), ["app-2"], "nothing was changed");
    assert.equal(await store.resolve("app-2"), before);
  }
});

testOnEachStore(
  "an image that took the tag of a chunk is not replaced, and the others are kept",
  async (place) => {
    using store = place.open();
    await store25(store, "app");
    await putImage(store, "free", [LAYER]);
    await store.putManifest("app-2", (await store.manifest("free"))!);
    const before = await Promise.all((await tagsOf(store)).map((tag) => store.resolve(tag)));
    for (const overwrite of [false, true]) {
      await assert.rejects(
        store25(store, "app", { overwrite }),
        /^ConflictError: the tag app-2 .*not a chunk/,
      );
    }
    assert.deepEqual(await Promise.all((await tagsOf(store)).map((tag) => store.resolve(tag))), before);
  },
);

testOnEachStore("a copy of a stash keeps the images at its target", async (place) => {
  using store = place.open();
  await store25(store, "from");
  await upload(store, "to", { input: streamOf(someBytes(55, 3)), chunkSize: CHUNK });
  const foreign = await putForeign(store, "to", 9);
  const notices: string[] = [];
  const onEvent = (event: TransferEvent) => void (event.type === "notice" && notices.push(event.message));
  await copyStash({ store, baseTag: "from" }, { store, baseTag: "to" }, { overwrite: true, onEvent });
  const tags = (await tagsOf(store)).filter((tag) => tag.startsWith("to-"));
  assert.deepEqual(tags, ["to-1", "to-2", "to-3", ...foreign].sort());
  for (const tag of foreign) assert.ok(notices.some((each) => each.includes(`${tag} is not a chunk`)), tag);
  await requireWhole(store, "to");
  await copyStash({ store, baseTag: "from" }, { store, baseTag: "to" }); // they are not in its way
  await putImage(store, "third-2", [LAYER]);
  for (const overwrite of [false, true]) {
    await assert.rejects(
      copyStash({ store, baseTag: "from" }, { store, baseTag: "third" }, { overwrite }),
      /^ConflictError: the tag third-2 .*not a chunk/,
    );
  }
  assert.deepEqual((await tagsOf(store)).filter((tag) => tag.startsWith("third")), ["third-2"]);
});

testOnEachStore("a stash of the Python layerstash ends where its chunks end", async (place) => {
  using store = place.open();
  const python = {
    architecture: "x86_64",
    os: "linux",
    rootfs: { type: "layers", diff_ids: [] },
    history: [],
    config: {},
  };
  for (const number of [1, 2]) {
    await putArtifact(store, `old-${number}`, { type: IMAGE_CONFIG.docker, content: python });
  }
  const foreign = await putForeign(store, "old", 3);
  assert.equal((await info(store, "old")).size, 14);
  assert.deepEqual((await remove(store, "old")).removed, ["old-2", "old-1"]);
  assert.deepEqual(await tagsOf(store), foreign.toSorted());
});

Deno.test("the command line names what it keeps, and ends with 0; with 3 where there is no stored file", async () => {
  await using work = await makeWorkplace();
  await work.write("disk.img", "0123456789");
  {
    using store = openStore({ registry: `oci:${work.path("box")}`, repository: "me/files" });
    await putImage(store, "app-7", [LAYER]);
  }
  const app = ["--registry", "oci:box", "-r", "me/files", "-t", "app"];
  const upload = ["upload", ...app, "-i", "disk.img", "--chunk-size", "4"];
  assert.equal((await work.run(upload)).code, 0);
  const removed = await work.run(["remove", ...app]);
  assert.deepEqual([removed.code, removed.stdout], [0, "app-3\napp-2\napp-1\n"]);
  assert.match(removed.stderr, /app-7 is kept: app-7 is not a chunk of a stored file: it is another image/);
  const again = await work.run(["remove", ...app]);
  assert.deepEqual([again.code, again.stdout], [3, ""]);
  assert.match(again.stderr, /there is no stash app in oci:box\/me\/files: app-7 is not a chunk/);
  const blocked = await work.run([...upload.slice(0, -1), "1", "--overwrite"]);
  assert.equal(blocked.code, 6, blocked.stderr);
  assert.match(blocked.stderr, /the tag app-7 .* not a chunk of a stored file.*\nhint: use another name/);
});
