/** Finding a stash: what belongs to it, what is missing, and descriptions that are wrong. @module */
import assert from "node:assert/strict";
import { bytesSource } from "../lib/exports/store.ts";
import {
  type Digest,
  info,
  InvalidInputError,
  list,
  MismatchError,
  NotFoundError,
  openStore,
  type Store,
  upload,
} from "../main.ts";
import { digestOf } from "../lib/oci/digest.ts";
import { encodeManifest } from "../lib/oci/manifest.ts";
import { IMAGE_CONFIG, IMAGE_MANIFEST, OCTET_STREAM } from "../lib/oci/media_types.ts";
import { someBytes, streamOf } from "./rigs/content.ts";
import { type FakeRegistry, startFakeRegistry } from "./rigs/fake_registry.ts";

const encode = (text: string) => new TextEncoder().encode(text);
const openFake = ({ url }: FakeRegistry) => openStore({ registry: url, repository: "me/files" });

/** What a chunk's image is made of, whatever it is. */
interface RawImage {
  config?: unknown;
  layers?: string[];
}

/** Stores an image under a tag as it is told. */
async function storeImage(
  store: Store,
  tag: string,
  { config, layers = ["bytes"] }: RawImage,
): Promise<void> {
  const text = typeof config === "string" ? config : JSON.stringify(config ?? {});
  const stored = await store.write(bytesSource(encode(text)));
  const blobs = [];
  for (const layer of layers) {
    blobs.push({ ...await store.write(bytesSource(encode(layer))), mediaType: OCTET_STREAM });
  }
  const manifest = encodeManifest({
    schemaVersion: 2,
    mediaType: IMAGE_MANIFEST.docker,
    config: { ...stored, mediaType: IMAGE_CONFIG.docker },
    layers: blobs,
  });
  await store.putManifest(tag, manifest);
}

/** The config that the Python layerstash writes into every chunk. */
const LEGACY = {
  architecture: "x86_64",
  os: "linux",
  rootfs: { type: "layers", diff_ids: [] },
  history: [],
  config: {},
};

const storeLegacy = (store: Store, tag: string, content: string) =>
  storeImage(store, tag, { config: LEGACY, layers: [content] });

async function failure(done: Promise<unknown>): Promise<Error & { hint?: string }> {
  return await done.then(() => assert.fail("it did not fail"), (error) => error);
}

Deno.test("a stash of the Python layerstash is found, and not proven to be complete", async () => {
  await using registry = await startFakeRegistry();
  using store = openFake(registry);
  for (const number of [2, 1, 3]) await storeLegacy(store, `old-${number}`, `part ${number}`);
  const stash = await info(store, "old");
  assert.equal(stash.provenComplete, false);
  assert.equal(stash.name, undefined);
  assert.deepEqual([stash.size, stash.chunkSize], [18, 6]);
  const expected = [1, 2, 3].map((number) => ({
    number,
    tag: `old-${number}`,
    digest: digestOf(encode(`part ${number}`)),
    size: 6,
    at: (number - 1) * 6,
  }));
  assert.deepEqual(stash.chunks, expected);
});

Deno.test("a gap in a stash of the Python layerstash is an error that names it", async () => {
  await using registry = await startFakeRegistry();
  using store = openFake(registry);
  for (const number of [1, 2, 4, 6]) await storeLegacy(store, `old-${number}`, `part ${number}`);
  const error = await failure(info(store, "old"));
  assert.ok(error instanceof NotFoundError);
  assert.equal(error.message, "the stash old is incomplete: old-3 is missing");
});

Deno.test("what a longer stash left behind one of the Python layerstash makes it torn", async () => {
  await using registry = await startFakeRegistry();
  using store = openFake(registry);
  const ours = async (number: number, layer: string) =>
    await storeImage(store, `disk-${number}`, {
      config: { layerstash: { ...NOTE, chunk: number } },
      layers: [layer],
    });
  const theirs = async (number: number, layer: string) => await storeLegacy(store, `disk-${number}`, layer);
  const torn = [
    [() => theirs(1, "12345"), () => ours(2, "12345"), () => ours(3, "1")],
    [() => theirs(1, "12345"), () => theirs(2, "123"), () => theirs(3, "12345")],
    [() => theirs(1, "12345"), () => theirs(2, "12345"), () => theirs(3, "123456")],
  ];
  for (const chunks of torn) {
    for (const put of chunks) await put();
    const error = await failure(info(store, "disk"));
    assert.ok(error instanceof MismatchError);
    assert.match(error.message, /^the stash disk is torn: disk-1 and disk-[23] belong to different uploads$/);
    assert.match(error.hint ?? "", /--overwrite/);
  }
  await upload(store, "disk", { input: streamOf(encode("mine")), overwrite: true });
  assert.equal((await info(store, "disk")).size, 4);
});

Deno.test("tags that merely look alike belong to others", async () => {
  await using registry = await startFakeRegistry({ faults: { tagPageSize: 2 } });
  using store = openFake(registry);
  await storeLegacy(store, "ftp-1", "ftp 1");
  await storeLegacy(store, "ftp-2", "ftp 2");
  for (
    const tag of ["python-ftp-1", "python-ftp-2", "python-ftp-3", "ftp-1-1", "ftp-01", "ftp-03", "ftp-3a"]
  ) {
    await storeLegacy(store, tag, tag);
  }
  for (const tag of ["latest", "v1.0", "ftp", "ftp-", "ftp-0", "2-1"]) await storeLegacy(store, tag, tag);
  const stash = await info(store, "ftp");
  assert.deepEqual(stash.chunks.map(({ tag }) => tag), ["ftp-1", "ftp-2"]);
  assert.equal((await info(store, "python-ftp")).chunks.length, 3);
  const names = (await Array.fromAsync(list(store))).map(({ baseTag, chunks }) => `${baseTag}: ${chunks}`);
  assert.deepEqual(names, ["2: 1", "ftp: 2", "ftp-1: 1", "python-ftp: 3"]);
});

Deno.test("two manifests are asked for, whether there are 2 chunks or 50; one where there is one", async () => {
  await using registry = await startFakeRegistry();
  using store = openFake(registry);
  for (const [chunks, asked] of [[1, 1], [2, 2], [50, 2]] as const) {
    await upload(store, `s${chunks}`, { input: streamOf(someBytes(chunks * 10)), chunkSize: 10 });
    registry.requests.length = 0;
    assert.equal((await info(store, `s${chunks}`)).chunks.length, chunks);
    const manifests = registry.requests.filter(({ path }) => path.includes("/manifests/"));
    const read = manifests.filter(({ method }) => method === "GET");
    assert.equal(read.length, asked, `${chunks} chunks`);
    // A list may hide the tag after the last one, and those between are looked at.
    const lookedFor = manifests.filter(({ method }) => method === "HEAD").length;
    assert.equal(lookedFor, chunks === 1 ? 0 : chunks - 1);
  }
});

Deno.test("who looks for what is not there hears what there is", async () => {
  await using registry = await startFakeRegistry();
  using store = openFake(registry);
  const none = await failure(info(store, "disk"));
  assert.ok(none instanceof NotFoundError);
  assert.match(
    none.message,
    /^there is no repository 127\.0\.0\.1:\d+\/me\/files, or it is not shown to you$/,
  );
  await storeLegacy(store, "x-2", "x");
  registry.storage.repository("me/files").tags.clear();
  const empty = await failure(info(store, "disk"));
  assert.match(empty.message, /^there is no stash disk in 127\.0\.0\.1:\d+\/me\/files$/);
  assert.equal(empty.hint, "it has none at all");
  for (const name of ["a", "b", "c", "d", "e", "f"]) await storeLegacy(store, `${name}-1`, name);
  await storeLegacy(store, "latest", "image");
  assert.equal((await failure(info(store, "disk"))).hint, "it has: a, b, c, d, e, ...");
  await storeLegacy(store, "disk-2", "2");
  const incomplete = await failure(info(store, "disk"));
  assert.equal(incomplete.message, "the stash disk is incomplete: disk-1 is missing");
  assert.match(incomplete.hint ?? "", /run that again to complete it/);
});

Deno.test("a base tag that is none is refused before anything is asked", async () => {
  await using registry = await startFakeRegistry();
  using store = openFake(registry);
  for (const baseTag of ["", ".x", "a b", "a/b", "ä", "a:b", "x".repeat(127)]) {
    assert.ok(await failure(info(store, baseTag)) instanceof InvalidInputError, baseTag);
  }
  assert.deepEqual(registry.requests, []);
});

const A = digestOf(encode("aaaaa"));
const B = digestOf(encode("bbbbb"));
const C = digestOf(encode("cc"));
const NOTE = { version: 1, name: "f", size: 12, chunkSize: 5 };
const FIRST = { ...NOTE, chunk: 1, chunks: 3 };
const LAST = { ...NOTE, chunk: 3, chunks: 3, digests: [A, B, C] };

async function storeStash(store: Store, first: unknown, last: unknown): Promise<void> {
  await storeImage(store, "disk-1", { config: { layerstash: first }, layers: ["aaaaa"] });
  await storeImage(store, "disk-2", { config: { layerstash: { ...FIRST, chunk: 2 } }, layers: ["bbbbb"] });
  await storeImage(store, "disk-3", { config: { layerstash: last }, layers: ["cc"] });
}

Deno.test("a stash is what its first and its last chunk agree on", async () => {
  await using registry = await startFakeRegistry();
  using store = openFake(registry);
  await storeStash(store, FIRST, LAST);
  const stash = await info(store, "disk");
  assert.deepEqual(stash.chunks.map(({ digest, size, at }) => [digest, size, at]), [
    [A, 5, 0],
    [B, 5, 5],
    [C, 2, 10],
  ]);
});

const LIES: [string, object, object][] = [
  ["another size", FIRST, { ...LAST, size: 13 }],
  ["another size in both", { ...FIRST, size: 13 }, { ...LAST, size: 13 }],
  ["a size of other chunks", { ...FIRST, size: 16 }, { ...LAST, size: 16 }],
  ["another chunk size", FIRST, { ...LAST, chunkSize: 4 }],
  ["another chunk size in both", { ...FIRST, chunkSize: 6 }, { ...LAST, chunkSize: 6 }],
  ["another name", FIRST, { ...LAST, name: "g" }],
  ["no name", FIRST, { ...LAST, name: undefined }],
  ["another count", FIRST, { ...LAST, chunks: 4 }],
  ["a table that is too short", FIRST, { ...LAST, digests: [A, C] }],
  ["a table that is too long", FIRST, { ...LAST, digests: [A, B, B, C] }],
  ["an empty table", FIRST, { ...LAST, digests: [] }],
  ["another first digest", FIRST, { ...LAST, digests: [B, B, C] }],
  ["another last digest", FIRST, { ...LAST, digests: [A, B, B] }],
  ["another number of the last chunk", FIRST, { ...LAST, chunk: 2 }],
  ["another number of the first chunk", { ...FIRST, chunk: 2 }, LAST],
  ["an unknown version", FIRST, { ...LAST, version: 2 }],
  ["a version that is text", { ...FIRST, version: "1" }, LAST],
  ["a size that is text", FIRST, { ...LAST, size: "12" }],
  ["a negative size", FIRST, { ...LAST, size: -1 }],
  ["a size that is no whole number", FIRST, { ...LAST, size: 12.5 }],
  ["a size that no number can hold", FIRST, { ...LAST, size: 2 ** 53 }],
  ["a chunk size of zero", { ...FIRST, chunkSize: 0 }, LAST],
  ["no chunk size", { ...FIRST, chunkSize: undefined }, LAST],
  ["a digest that is none", FIRST, { ...LAST, digests: [A, "sha256:0", C] }],
  ["a table that is text", FIRST, { ...LAST, digests: A }],
  ["a name that is no text", FIRST, { ...LAST, name: 1 }],
];

Deno.test("descriptions that lie or are malformed are told apart from a stash", async () => {
  for (const [what, first, last] of LIES) {
    await using registry = await startFakeRegistry();
    using store = openFake(registry);
    await storeStash(store, first, last);
    const error = await failure(info(store, "disk"));
    assert.ok(error instanceof MismatchError, `${what}: ${Deno.inspect(error)}`);
  }
});

Deno.test("a count that nothing is there for is an incomplete stash", async () => {
  await using registry = await startFakeRegistry();
  using store = openFake(registry);
  await storeStash(store, { ...FIRST, chunks: 4 }, { ...LAST, chunks: 4, digests: undefined });
  const error = await failure(info(store, "disk"));
  assert.ok(error instanceof NotFoundError);
  assert.equal(error.message, "the stash disk is incomplete: its last chunk, disk-4, is missing");
});

Deno.test("a count that the highest chunk denies is a torn stash", async () => {
  await using registry = await startFakeRegistry();
  using store = openFake(registry);
  await storeStash(store, { ...FIRST, chunks: 4 }, LAST);
  const error = await failure(info(store, "disk"));
  assert.ok(error instanceof MismatchError);
  assert.equal(error.message, "the stash disk is torn: disk-1 and disk-3 belong to different uploads");
});

const IMAGES: [string, RawImage][] = [
  ["a config that is not JSON", { config: "not JSON" }],
  ["a config that is a web page", { config: "<html></html>" }],
  ["a config that is nothing", { config: "null" }],
  ["an empty config", { config: "" }],
  ["a note that is text", { config: { layerstash: "1" } }],
];

Deno.test("images that are no chunks are told as such", async () => {
  for (const [what, image] of IMAGES) {
    await using registry = await startFakeRegistry();
    using store = openFake(registry);
    await storeImage(store, "disk-1", image);
    const error = await failure(info(store, "disk"));
    assert.ok(error instanceof MismatchError, `${what}: ${Deno.inspect(error)}`);
    assert.match(error.message, /disk-1/, what);
  }
});

Deno.test("an image without layers whose config is missing is not a stash", async () => {
  await using registry = await startFakeRegistry();
  using store = openFake(registry);
  const config = { mediaType: IMAGE_CONFIG.docker, digest: A, size: 5 };
  const bytes = encode(JSON.stringify({ schemaVersion: 2, config }));
  registry.storage.addManifest("me/files", { mediaType: IMAGE_MANIFEST.docker, bytes }, "disk-1");
  assert.ok(await failure(info(store, "disk")) instanceof NotFoundError);
});

Deno.test("images that have more layers than a chunk, or none, are not a stash", async () => {
  for (const layers of [["a", "b"], []]) {
    await using registry = await startFakeRegistry();
    using store = openFake(registry);
    await storeImage(store, "disk-1", { layers });
    const error = await failure(info(store, "disk"));
    assert.ok(error instanceof NotFoundError, Deno.inspect(error));
    assert.match(error.message, /^there is no stash disk in .*: disk-1 is not a chunk of a stored file/);
  }
});

Deno.test("manifests that are none are told as such", async () => {
  const config = { mediaType: IMAGE_CONFIG.docker, digest: A, size: 5 };
  const manifests: [string, string][] = [
    ["not JSON", "{"],
    ["an index", JSON.stringify({ schemaVersion: 2, manifests: [] })],
    ["schema 1", JSON.stringify({ schemaVersion: 1, config, layers: [config] })],
    ["no config", JSON.stringify({ schemaVersion: 2, layers: [config] })],
    [
      "a bad digest",
      JSON.stringify({ schemaVersion: 2, config: { ...config, digest: "x" }, layers: [config] }),
    ],
    [
      "a huge config",
      JSON.stringify({ schemaVersion: 2, config: { ...config, size: 1e9 }, layers: [config] }),
    ],
    ["a bad size", JSON.stringify({ schemaVersion: 2, config, layers: [{ ...config, size: -1 }] })],
  ];
  for (const [what, text] of manifests) {
    await using registry = await startFakeRegistry();
    using store = openFake(registry);
    const mediaType = IMAGE_MANIFEST.docker;
    registry.storage.addManifest("me/files", { mediaType, bytes: encode(text) }, "disk-1");
    const error = await failure(info(store, "disk"));
    assert.ok(error instanceof MismatchError, `${what}: ${Deno.inspect(error)}`);
  }
});

Deno.test("a config that is not what its digest says is told", async () => {
  await using registry = await startFakeRegistry();
  using store = openFake(registry);
  await storeStash(store, FIRST, LAST);
  const config = digestOf(encode(JSON.stringify({ layerstash: FIRST })));
  const change = (pieces: string[]) => {
    const size = pieces.join("").length;
    registry.storage.blobs.set(config, { size, pieces: pieces.map(encode) });
  };
  for (const wrong of [JSON.stringify({ layerstash: FIRST }).replace("f", "g"), "{}", "x".repeat(9999)]) {
    change([wrong]);
    assert.ok(await failure(info(store, "disk")) instanceof MismatchError);
  }
  registry.storage.blobs.delete(config);
  assert.ok(await failure(info(store, "disk")) instanceof NotFoundError);
});

Deno.test("a first chunk of ours and a last one of the Python layerstash are no stash", async () => {
  await using registry = await startFakeRegistry();
  using store = openFake(registry);
  await storeStash(store, FIRST, LAST);
  await storeLegacy(store, "disk-3", "cc");
  const error = await failure(info(store, "disk"));
  assert.ok(error instanceof MismatchError);
  assert.match(error.message, /^the stash disk is torn: disk-1 and disk-3 belong to different uploads$/);
});

Deno.test("unknown fields and odd dates of other tools do no harm", async () => {
  await using registry = await startFakeRegistry();
  using store = openFake(registry);
  const odd = { future: true, created: "2024-01-01T00:00:00.123456789Z", config: null };
  await storeImage(store, "disk-1", {
    config: {
      ...odd,
      layerstash: { ...NOTE, size: 5, chunk: 1, chunks: 1, digests: [A] as Digest[], new: {} },
    },
    layers: ["aaaaa"],
  });
  const stash = await info(store, "disk");
  assert.deepEqual([stash.size, stash.modified], [5, odd.created]);
  for (const created of [null, "", "yesterday", "2024-01-01T00:00:00+02:00"]) {
    await storeImage(store, "old-1", { config: { ...LEGACY, created }, layers: ["old"] });
    assert.equal((await info(store, "old")).size, 3, `created: ${created}`);
  }
});
