/** One digest stands for a stored file: that of the manifest of its last chunk, which lists all chunks. @module */
import assert from "node:assert/strict";
import { copyStash } from "../lib/exports/copy.ts";
import { type Digest, digestOf } from "../lib/oci/digest.ts";
import {
  download,
  info,
  InvalidInputError,
  MismatchError,
  NotFoundError,
  openStore,
  remove,
  type Store,
  upload,
  verify,
} from "../main.ts";
import { type Ended, makeWorkplace, type Workplace } from "./rigs/command_line.ts";
import { someBytes, streamOf } from "./rigs/content.ts";
import { type FakeRegistry, startFakeRegistry } from "./rigs/fake_registry.ts";
import { open } from "./rigs/opened.ts";
import { encode, plant, TEN } from "./rigs/planted_stash.ts";
import { testOnEachStore } from "./rigs/stores.ts";

const BOX = "oci:box/me/files";
const openFake = ({ url }: FakeRegistry) => openStore({ registry: url, repository: "me/files" });

/** Downloads to memory. */
async function bytesOf(store: Store, name: string): Promise<Uint8Array> {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const bytes = new Response(readable).bytes();
  await download(store, name, { output: writable });
  return await bytes;
}

testOnEachStore("the digest that an upload gives finds the same file as the name", async (place) => {
  using store = place.open();
  for (const [name, size] of [["one", 10], ["three", 25], ["none", 0]] as const) {
    const bytes = someBytes(size);
    const stored = await upload(store, name, { input: streamOf(bytes), chunkSize: 10 });
    const { digest } = stored;
    assert.equal(digest, await store.resolve(`${name}-${stored.chunks.length}`));
    assert.deepEqual(await bytesOf(store, digest!), bytes);
    const [byName, byDigest] = [await info(store, name), await info(store, digest!)];
    assert.equal(byName.digest, digest);
    const untagged = byName.chunks.map(({ tag: _, ...chunk }) => chunk);
    assert.deepEqual(byDigest, { ...byName, baseTag: digest, chunks: untagged });
    assert.deepEqual((await verify(store, digest!, { deep: true })).faults, []);
    const again = await upload(store, name, { input: streamOf(bytes), chunkSize: 10 });
    assert.equal(again.digest, digest);
  }
});

testOnEachStore("a copy by digest is the same file, of the same digest", async (place) => {
  using store = place.open();
  using other = place.open({ repository: "you/files" });
  const bytes = someBytes(35);
  const { digest } = await upload(store, "disk", { input: streamOf(bytes), chunkSize: 10 });
  const copied = await copyStash({ store, baseTag: digest! }, { store: other, baseTag: "backup" });
  assert.equal(copied.digest, digest);
  assert.deepEqual(await bytesOf(other, "backup"), bytes);
  assert.deepEqual(await bytesOf(other, digest!), bytes);
});

Deno.test("a stash is found by its digest with two requests, and without its tags", async () => {
  await using registry = await startFakeRegistry();
  using store = openFake(registry);
  const bytes = someBytes(35);
  const { digest } = await upload(store, "disk", { input: streamOf(bytes), chunkSize: 10 });
  registry.storage.repository("me/files").tags.clear();
  registry.requests.length = 0;
  await info(store, digest!);
  assert.equal(registry.requests.length, 2, "its manifest and its config");
  assert.deepEqual(await bytesOf(store, digest!), bytes);
  assert.deepEqual(registry.requests.filter(({ path }) => path.includes("/tags/")), []);
});

Deno.test("whatever the registry answers is verified against the digest", async () => {
  await using registry = await startFakeRegistry();
  using store = openFake(registry);
  const stored = await upload(store, "disk", { input: streamOf(someBytes(25)), chunkSize: 10 });
  const other = await upload(store, "other", { input: streamOf(someBytes(15)), chunkSize: 10 });
  const { manifests } = registry.storage.repository("me/files");
  await using work = await makeWorkplace();
  manifests.set(stored.digest!, manifests.get(other.digest!)!);
  const address = `${registry.host}/me/files@${stored.digest}`;
  const { code, stderr } = await work.run(["download", address, "copy"]);
  assert.deepEqual([code, await Array.fromAsync(Deno.readDir(work.path("")))], [5, []], stderr);
  await assert.rejects(info(store, stored.digest!), MismatchError);
});

Deno.test("a list of chunks that does not fit its own chunk is refused", async () => {
  await using registry = await startFakeRegistry();
  using store = openFake(registry);
  const ten = digestOf(TEN);
  const note = { version: 1, size: 20, chunkSize: 10, chunk: 2, chunks: 2, digests: [ten, ten] };
  const plantNote = (change: object) => plant(registry, { config: { layerstash: { ...note, ...change } } });
  assert.deepEqual(await bytesOf(store, plantNote({})), new Uint8Array([...TEN, ...TEN]));
  const wrong = [
    { size: 19 },
    { size: 30 },
    { chunkSize: 11 },
    { chunks: 3 },
    { chunk: 1 },
    { digests: [ten] },
    { digests: [ten, digestOf(encode("other"))] },
  ];
  for (const change of wrong) {
    await assert.rejects(info(store, plantNote(change)), MismatchError, JSON.stringify(change));
  }
});

Deno.test("a digest of something else is said to be that", async () => {
  await using registry = await startFakeRegistry();
  using store = openFake(registry);
  const { digest, chunks } = await upload(store, "disk", { input: streamOf(someBytes(25)), chunkSize: 10 });
  const first = await store.resolve("disk-1");
  const legacy = plant(registry, { config: { architecture: "amd64" }, tag: "old-1" });
  const image = plant(registry, { manifest: { layers: [] }, tag: "app" });
  const mistakes: [Digest | undefined, new (...args: never[]) => Error, RegExp][] = [
    [first, InvalidInputError, /is chunk 1 of a stored file, and only the last one lists all/],
    [legacy, InvalidInputError, /does not say which others belong to it: an older program stored it/],
    [image, NotFoundError, /is not a stored file/],
    [chunks[0]!.digest, NotFoundError, /is a blob, not a stored file/],
    [`sha256:${"0".repeat(64)}`, NotFoundError, /there is no sha256:\w+ in/],
  ];
  for (const [named, kind, said] of mistakes) {
    await assert.rejects(info(store, named!), (error) => error instanceof kind && said.test(error.message));
  }
  await assert.rejects(remove(store, digest!), (error) => {
    assert.ok(error instanceof InvalidInputError);
    return /the file with this digest has the name disk: use that/.test(error.hint!);
  });
  assert.equal((await info(store, "disk")).chunks.length, 3, "nothing was removed");
});

/** A stored file at a registry that serves its manifest as a blob, too. */
async function servedTwice() {
  const registry = await startFakeRegistry();
  using store = openFake(registry);
  const { digest, chunks } = await upload(store, "disk", { input: streamOf(TEN) });
  const { manifests } = registry.storage.repository("me/files");
  const { bytes } = manifests.get(digest!)!;
  registry.storage.addBlob("me/files", bytes);
  const { config } = JSON.parse(new TextDecoder().decode(bytes));
  return { registry, digest: digest!, chunks, config: config.digest as Digest };
}

Deno.test("a manifest that comes after failures counts, although there is a blob of its digest", async () => {
  const { registry, digest, chunks, config } = await servedTwice();
  await using _ = registry;
  const configAsked = Promise.withResolvers<void>();
  const blobSeen = Promise.withResolvers<void>();
  registry.faults.failNext = [{ path: /manifests/, status: 502, times: 2 }];
  registry.faults.onRequest = async ({ method, path }) => {
    if (path.endsWith(config)) {
      configAsked.resolve();
      await blobSeen.promise;
    } else if (method === "HEAD") await configAsked.promise;
  };
  using opened = open(registry, {
    onEvent: (event) => {
      if (event.type === "request" && event.method === "HEAD") blobSeen.resolve();
    },
  });
  assert.deepEqual((await info(opened.store, digest)).chunks.map(({ digest }) => digest), [
    chunks[0]!.digest,
  ]);
});

Deno.test("failures of what a manifest names do not let it be taken for a blob", async () => {
  const { registry, digest, config } = await servedTwice();
  await using _ = registry;
  registry.faults.failNext = [{ path: new RegExp(config), status: 502, times: 2 }];
  registry.requests.length = 0;
  using opened = open(registry);
  await info(opened.store, digest);
  assert.ok(!registry.requests.some(({ method }) => method === "HEAD"));
});

Deno.test("every command takes an address with the digest, and upload, info and list give it", async () => {
  await using work = await makeWorkplace();
  await work.write("disk.img", "a disk of many bytes");
  const stored = await succeed(work, ["upload", "disk.img", `${BOX}:disk`, "--chunk-size", "8"]);
  const address = /^layerstash: digest: (oci:box\/me\/files@sha256:\w{64})$/m.exec(stored.stderr)?.[1] ?? "";
  const digest = address.slice(`${BOX}@`.length);
  const done =
    (await succeed(work, ["upload", "disk.img", `${BOX}:disk`, "--chunk-size", "8", "--json"])).stdout;
  assert.equal(JSON.parse(done.trimEnd().split("\n").at(-1)!).digest, digest);
  assert.match(
    (await succeed(work, ["info", `${BOX}:disk`])).stdout,
    new RegExp(`^digest: +${digest}$`, "m"),
  );
  assert.equal(JSON.parse((await succeed(work, ["info", address, "--json"])).stdout).digest, digest);
  assert.equal(
    JSON.parse((await succeed(work, ["list", BOX, "--exact-size", "--json"])).stdout)[0].digest,
    digest,
  );
  await succeed(work, ["download", address, "new/"]);
  assert.equal(await Deno.readTextFile(work.path("new/disk.img")), "a disk of many bytes");
  assert.match((await succeed(work, ["info", address])).stdout, /^CHUNK +DIGEST.*\n1 +sha256/m);
  assert.match((await succeed(work, ["verify", address, "disk.img"])).stdout, /disk\.img is the same/);
  assert.match((await succeed(work, ["url", address])).stdout, /^#!\/bin\/sh\n/);
  await succeed(work, ["copy", address, "oci:other:backup"]);
  assert.equal((await succeed(work, ["cat", `oci:other@${digest}`])).stdout, "a disk of many bytes");
  const mistakes: [string[], RegExp][] = [
    [["copy", address, "oci:third"], /needs a name, as a digest is none\nhint: .*as in oci:third:disk/],
    [["remove", address], /removed by its name, .*\nhint: the file with this digest has the name disk/],
    [["list", address], /names something in a repository: leave out "sha256:/],
  ];
  for (const [args, said] of mistakes) {
    const { code, stderr } = await work.run(args);
    assert.match(stderr, said);
    assert.equal(code, 2);
  }
});

Deno.test("a file that came from a stream has no name to be written under by its digest", async () => {
  await using work = await makeWorkplace();
  const stored = await succeed(work, ["upload", "-", `${BOX}:note`, "--json"], "hello");
  const { digest } = JSON.parse(stored.stdout.trimEnd().split("\n").at(-1)!);
  const { code, stderr } = await work.run(["download", `${BOX}@${digest}`]);
  assert.match(stderr, /the file has no name: it was stored from a stream\nhint: name the file to write/);
  assert.equal(code, 2);
});

async function succeed(work: Workplace, args: string[], stdin?: string): Promise<Ended> {
  const ended = await work.run(args, stdin === undefined ? {} : { stdin: new TextEncoder().encode(stdin) });
  assert.equal(ended.code, 0, ended.stderr);
  return ended;
}
