/** Layout directories beside other tools, other processes, and full, broken or read-only disks. @module */
import assert from "node:assert/strict";
import { join } from "node:path";
import type { Bytes } from "../lib/content/bytes.ts";
import { LayerstashError, MismatchError, NotAllowedError, NotFoundError } from "../lib/errors.ts";
import { type Digest, digestOf, encodedPart } from "../lib/oci/digest.ts";
import { encodeManifest, type Manifest } from "../lib/oci/manifest.ts";
import { lockLayout } from "../lib/layout/directory.ts";
import { IMAGE_CONFIG, IMAGE_INDEX, IMAGE_MANIFEST, OCTET_STREAM } from "../lib/oci/media_types.ts";
import { bytesSource } from "../lib/exports/store.ts";
import { copyStash } from "../lib/exports/copy.ts";
import { download, openStore, remove, type Store, type TransferEvent, upload, verify } from "../main.ts";
import { concatenate, makeWorkspace, sink, someBytes, streamOf, type Workspace } from "./rigs/content.ts";
import { ensureTool } from "./rigs/debian.ts";
import { mountSmallDisk, withSmallDisk } from "./rigs/small_disk.ts";
import { onLinux, onPosix } from "./rigs/system.ts";

const WRITER = join(import.meta.dirname!, "rigs/layout_process.ts");
const CONFIG = join(import.meta.dirname!, "../deno.json");
const withSkopeo = { ignore: !await ensureTool("skopeo", "skopeo") };

Deno.test("processes that write at once lose nothing of each other", async () => {
  await using work = await makeWorkspace();
  const writers = ["a", "b"].map((prefix) => startWriter(work, prefix, { count: 10, size: 3000 }));
  for (const writer of writers) assert.ok((await writer.output()).success);
  using store = open(work);
  const expected = ["a", "b"].flatMap((prefix) =>
    Array.from({ length: 10 }, (_, index) => `${prefix}${index + 1}`)
  );
  const tags = expected.flatMap((baseTag) => [`${baseTag}-1`, `${baseTag}-2`]);
  assert.deepEqual(await Array.fromAsync(store.tags()), tags.sort());
  for (const baseTag of expected) assert.deepEqual((await verify(store, baseTag, { deep: true })).faults, []);
  await requireSound(work);
});

Deno.test(
  "an upload goes on while a program that is being started still has its file",
  onLinux("/proc"),
  async () => {
    await using work = await makeWorkspace();
    using store = open(work);
    const library = Deno.dlopen("libc.so.6", {
      dup: { parameters: ["i32"], result: "i32" },
      close: { parameters: ["i32"], result: "i32" },
    });
    const inherited: number[] = []; // what a child process has between fork and exec
    const bytes = someBytes(5000);
    const upload = await store.uploads!.begin();
    await upload.append(ReadableStream.from(async function* () {
      yield bytes;
      for (const { name } of Deno.readDirSync("/proc/self/fd")) {
        const target = await Deno.readLink(`/proc/self/fd/${name}`).catch(() => "");
        if (target.includes(upload.id)) inherited.push(library.symbols.dup(Number(name)));
      }
    }()));
    assert.ok(inherited.length > 0);
    const { size } = await upload.finish(digestOf(bytes));
    assert.equal(size, bytes.length);
    inherited.forEach((file) => library.symbols.close(file));
    library.close();
  },
);

Deno.test("of one process a single call waits for the system's lock, and each gets it", async () => {
  await using work = await makeWorkspace();
  const { lock } = Deno.FsFile.prototype;
  let [waiting, most, held, done] = [0, 0, 0, 0];
  Deno.FsFile.prototype.lock = async function (exclusive) {
    most = Math.max(most, ++waiting);
    await lock.call(this, exclusive);
    waiting--;
  };
  try {
    await Promise.all(Array.from({ length: 100 }, async () => {
      using _lock = await lockLayout(layoutOf(work));
      assert.equal(held++, 0, "nobody else has it");
      await Deno.stat(layoutOf(work));
      held--;
      done++;
    }));
  } finally {
    Deno.FsFile.prototype.lock = lock;
  }
  assert.deepEqual([most, done], [1, 100]);
});

Deno.test("who cannot lock a layout does not keep others from it", async () => {
  await using work = await makeWorkspace();
  const { lock } = Deno.FsFile.prototype;
  Deno.FsFile.prototype.lock = () => Promise.reject(new Error("no locks today"));
  await assert.rejects(lockLayout(layoutOf(work)), /no locks today/).finally(() => {
    Deno.FsFile.prototype.lock = lock;
  });
  (await lockLayout(layoutOf(work)))[Symbol.dispose]();
});

Deno.test("a layout is made on a disk without hard links, too", async () => {
  await using work = await makeWorkspace();
  const { linkSync } = Deno;
  Deno.linkSync = () => {
    throw new Deno.errors.PermissionDenied("Operation not permitted (os error 1)");
  };
  try {
    using store = open(work);
    await upload(store, "disk", { input: streamOf(someBytes(100)) });
  } finally {
    Deno.linkSync = linkSync;
  }
  assert.equal(
    await Deno.readTextFile(join(layoutOf(work), "oci-layout")),
    '{"imageLayoutVersion":"1.0.0"}',
  );
  const names = Array.from(Deno.readDirSync(layoutOf(work)), ({ name }) => name);
  assert.deepEqual(names.sort(), ["blobs", "index.json", "oci-layout"]);
});

Deno.test("a writer that is killed leaves a sound layout, at whatever moment", withSkopeo, async () => {
  await using work = await makeWorkspace();
  using layout = open(work);
  await upload(layout, "before", { input: streamOf(someBytes(100)) });
  for (const [round, lines] of [1, 7, 30, 60].entries()) {
    await killAfter(startWriter(work, `round${round}-`, { count: 1000, size: 3_000_000 }), lines);
    await requireSound(work);
    using store = open(work);
    for (const tag of await Array.fromAsync(store.tags())) {
      assert.ok((await skopeo(["inspect", `oci:${layoutOf(work)}:${tag}`])).success, tag);
    }
    await upload(store, `after${round}`, { input: streamOf(someBytes(100 + round)) });
  }
});

Deno.test(
  "removal leaves a blob that was written once more, and that no manifest lists yet",
  onPosix("locks that do not keep from reading"),
  async () => {
    await using work = await makeWorkspace();
    using first = open(work);
    using second = open(work); // as another process would have it
    for (const [remover, writer] of [[first, first], [first, second]] as const) {
      const layer = await write(remover, "same");
      await write(writer, "same");
      await remover.putManifest("old", imageOf([layer], "old"));
      await removeAndFree(remover, "old");
      await writer.putManifest("new", imageOf([layer], "new"));
      await removeAndFree(writer, "new");
      assert.deepEqual(await blobNames(work), [], "and in the end nothing is left");
    }
  },
);

Deno.test(
  "removal leaves a blob that another process has found, and that no manifest lists yet",
  onPosix("locks that do not keep from reading"),
  async () => {
    await using work = await makeWorkspace();
    using remover = open(work);
    using finder = open(work); // as another process would have it
    const layer = await write(remover, "found");
    await remover.putManifest("old", imageOf([layer], "old"));
    await finder.write(bytesSource(new TextEncoder().encode("{}")), { checkFirst: true });
    assert.equal(await finder.reuse({ digest: layer, size: 5 }), "present");
    await removeAndFree(remover, "old");
    await finder.putManifest("new", imageOf([layer], "new"));
    await removeAndFree(finder, "new");
    assert.equal(await finder.stat(layer), undefined, "and its claim has ended");
  },
);

Deno.test("removal frees what nothing else needs, and keeps what is shared", async () => {
  await using work = await makeWorkspace();
  using store = open(work);
  const [shared, own] = [await write(store, "shared"), await write(store, "own")];
  await store.putManifest("both", imageOf([shared, own]));
  await store.putManifest("other", imageOf([shared]));
  await store.putManifest("inner", imageOf([own]));
  await removeAndFree(store, "both");
  for (const digest of [shared, own]) assert.notEqual(await store.stat(digest), undefined);
  await removeAndFree(store, "inner");
  assert.equal(await store.stat(own), undefined);
  assert.notEqual(await store.stat(shared), undefined);
  await removeAndFree(store, "other");
  assert.deepEqual(await blobNames(work), []);
});

Deno.test("a tag that is put to another manifest frees what it alone led to", async () => {
  await using work = await makeWorkspace();
  using store = open(work);
  const [shared, own, other] = [
    await write(store, "shared"),
    await write(store, "own"),
    await write(store, "x"),
  ];
  await store.putManifest("moving", imageOf([shared, own]));
  await store.putManifest("staying", imageOf([shared]));
  await store.putManifest("moving", imageOf([other]));
  assert.notEqual(await store.stat(own), undefined, "nothing is freed before it is asked for");
  await store.free!(["moving"]);
  assert.equal(await store.stat(own), undefined);
  for (const digest of [shared, other]) assert.notEqual(await store.stat(digest), undefined);
  await store.putManifest("moving", imageOf([other], "with the same blobs"));
  await store.free!(["moving"]);
  assert.notEqual(await store.stat(other), undefined);
  for (const tag of ["moving", "staying"]) await removeAndFree(store, tag);
  assert.deepEqual(await blobNames(work), []);
});

Deno.test("a manifest that is replaced while it is looked for is not missing: the new one is found", async () => {
  await using work = await makeWorkspace();
  using store = open(work);
  using other = open(work);
  const [first, second] = [imageOf([await write(store, "first")]), imageOf([await write(store, "second")])];
  await store.putManifest("moving", first);
  const { lstat } = Deno;
  let moved = false;
  Deno.lstat = async (path) => {
    if (path === blobPath(work, first.digest) && !moved) {
      moved = true;
      await other.putManifest("moving", second);
      await other.free!(["moving"]);
    }
    return await lstat(path);
  };
  try {
    assert.deepEqual(await store.manifest("moving"), second);
  } finally {
    Deno.lstat = lstat;
  }
});

Deno.test("an upload over another leaves nothing of that, also where its chunks change their places", async () => {
  await using work = await makeWorkspace();
  const input = work.path("file");
  const [a, b, c] = [1, 2, 3].map((seed) => someBytes(1000, seed)) as [Bytes, Bytes, Bytes];
  const contents = [[a, b, c], [c, a, b], [b, b, a], [a], [c, b, c], [c, b, c], []];
  using store = open(work);
  for (const [index, content] of contents.entries()) {
    await Deno.writeFile(input, concatenate(content));
    const how = { chunkSize: 1000, overwrite: true, stateDirectory: work.path("state") };
    const stash = await upload(store, "file", { ...how, input });
    assert.deepEqual((await verify(store, "file", { deep: true })).faults, []);
    const distinct = new Set(stash.chunks.map(({ digest }) => digest)).size;
    assert.equal((await blobNames(work)).length, distinct + 2 * stash.chunks.length, `${index}`);
  }
  await remove(store, "file");
  assert.deepEqual(await blobNames(work), []);
});

Deno.test("a copy over a stash with the same chunks in other places keeps them", async () => {
  await using work = await makeWorkspace();
  using from = openStore({ registry: `oci:${work.path("other")}`, repository: "me/files" });
  using to = open(work);
  const [a, b] = [someBytes(1000, 1), someBytes(1000, 2)];
  const how = { chunkSize: 1000 };
  await upload(to, "file", { ...how, input: streamOf(concatenate([a, b, a])) });
  await upload(from, "file", { ...how, input: streamOf(concatenate([b, a, b, b])) });
  await copyStash({ store: from, baseTag: "file" }, { store: to, baseTag: "file" }, { overwrite: true });
  assert.deepEqual((await verify(to, "file", { deep: true })).faults, []);
  assert.equal((await blobNames(work)).length, 2 + 2 * 4);
});

Deno.test("what was replaced and cannot be freed is told, and the stash is complete", async () => {
  await using work = await makeWorkspace();
  using store = open(work);
  const { chunks } = await upload(store, "one", { input: streamOf(someBytes(1000, 1)) });
  const stuck = blobPath(work, chunks[0]!.digest);
  await Deno.remove(stuck);
  await Deno.mkdir(join(stuck, "not to be removed"), { recursive: true });
  const notices: string[] = [];
  const onEvent = (event: TransferEvent) => void (event.type === "notice" && notices.push(event.message));
  await upload(store, "one", { input: streamOf(someBytes(1000, 2)), overwrite: true, onEvent });
  assert.deepEqual((await verify(store, "one", { deep: true })).faults, []);
  assert.match(notices.join(), /^\S+ takes up space that is not needed any more: [^,]+$/);
});

Deno.test("what is being fetched while it is replaced is told, and no wrong byte is taken for right", async () => {
  await using work = await makeWorkspace();
  using store = open(work);
  const how = { chunkSize: 1000 };
  await upload(store, "file", { ...how, input: streamOf(someBytes(5000, 1)) });
  let replaced: Promise<unknown> | undefined;
  const onEvent = ({ type }: TransferEvent) => {
    if (type === "blob") {
      replaced ??= upload(store, "file", { ...how, input: streamOf(someBytes(5000, 2)), overwrite: true });
    }
  };
  const fetching = download(store, "file", { output: slowly(() => replaced), onEvent });
  await assert.rejects(fetching, NotFoundError);
  const output = work.path("copy");
  await download(store, "file", { output });
  assert.deepEqual(await Deno.readFile(output), someBytes(5000, 2));
});

Deno.test("removal follows indexes to what they lead to", async () => {
  await using work = await makeWorkspace();
  using store = open(work);
  const child = imageOf([await write(store, "of the child")]);
  const index = indexOf(child);
  await store.putManifest(child.digest, child);
  await store.putManifest("index", index);
  await removeAndFree(store, child.digest);
  assert.deepEqual(await store.manifest(child.digest), child, "the index still leads to it");
  await removeAndFree(store, "index");
  assert.deepEqual(await blobNames(work), []);
});

Deno.test("a removal that breaks off lists nothing that is not there", async () => {
  await using work = await makeWorkspace();
  using store = open(work);
  const [first, stuck] = [await write(store, "first"), await write(store, "stuck")];
  await store.putManifest("gone", imageOf([first, stuck]));
  await store.putManifest("kept", imageOf([await write(store, "kept")]));
  await Deno.remove(blobPath(work, stuck));
  await Deno.mkdir(join(blobPath(work, stuck), "not to be removed"), { recursive: true });
  await store.removeManifest("gone");
  await assert.rejects(store.free!(["gone"]));
  assert.equal(await store.stat(first), undefined, "it had begun");
  assert.deepEqual(await Array.fromAsync(store.tags()), ["kept"]);
});

Deno.test("what another process has put back meanwhile is not removed", async () => {
  await using work = await makeWorkspace();
  using store = open(work);
  using other = open(work);
  const shared = await write(store, "shared");
  const [manifest, first, second] = [
    imageOf([shared]),
    imageOf([shared], "first"),
    imageOf([shared], "second"),
  ];
  for (const [tag, each] of [["kept", manifest], ["first", first], ["second", second]] as const) {
    await store.putManifest(tag, each);
  }
  await Deno.remove(blobPath(work, manifest.digest)); // a layout that another tool has left incomplete
  await removeAndFree(store, "first");
  await other.putManifest("kept", manifest);
  await removeAndFree(store, "second");
  assert.notEqual(await store.stat(shared), undefined);
});

Deno.test("what other tools have written in the index stays", async () => {
  await using work = await makeWorkspace();
  using store = open(work);
  const manifest = imageOf([await write(store, "bytes")]);
  await store.putManifest("mine", manifest);
  const index = await readIndex(work);
  const platform = { architecture: "riscv64", os: "plan9", variant: "x" };
  const entry = {
    ...index.manifests[0],
    platform,
    urls: ["https://example.com"],
    annotations: { "com.example": "1" },
  };
  const changed = { ...index, annotations: { "com.example.index": "2" }, subject: null, manifests: [entry] };
  await Deno.writeTextFile(join(layoutOf(work), "index.json"), JSON.stringify(changed));
  await store.putManifest("second", manifest);
  await store.removeManifest("second");
  assert.deepEqual(await readIndex(work), changed);
});

Deno.test("an index without manifests, or with null for them, is an empty one", async () => {
  await using work = await makeWorkspace();
  using store = open(work);
  const manifest = imageOf([await write(store, "bytes")]);
  for (const text of ['{"schemaVersion":2,"manifests":null}', '{"schemaVersion":2}', '{"manifests":[]}']) {
    await Deno.writeTextFile(join(layoutOf(work), "index.json"), text);
    assert.deepEqual(await Array.fromAsync(store.tags()), []);
    await store.putManifest("one", manifest);
    assert.deepEqual(await store.manifest("one"), manifest);
  }
});

for (
  const [name, text, why] of [
    ["not JSON", "<html>", /index .*index\.json is not JSON/],
    ["of another shape", '{"manifests":{}}', /index .*index\.json is malformed: manifests/],
    ["cut off", '{"schemaVersion":2,"manif', /is not JSON/],
    ["empty", "", /is not JSON/],
  ] as const
) {
  Deno.test(`an index that is ${name} is an error that says so, and is not overwritten`, async () => {
    await using work = await makeWorkspace();
    using store = open(work);
    const manifest = imageOf([await write(store, "bytes")]);
    const path = join(layoutOf(work), "index.json");
    await Deno.writeTextFile(path, text);
    const expected = (error: unknown) =>
      error instanceof MismatchError && why.test(error.message) && /from a backup/.test(error.hint!);
    await assert.rejects(Array.fromAsync(store.tags()), expected);
    await assert.rejects(store.manifest("one"), expected);
    await assert.rejects(store.putManifest("one", manifest), expected);
    await assert.rejects(store.removeManifest("one"), expected);
    assert.equal(await Deno.readTextFile(path), text);
  });
}

Deno.test("a layout that has lost its index says so, and no new one is begun over its blobs", async () => {
  await using work = await makeWorkspace();
  {
    using store = open(work);
    await upload(store, "here", { input: streamOf(someBytes(100)) });
  }
  await Deno.remove(join(layoutOf(work), "index.json"));
  const lost = (error: unknown) =>
    error instanceof MismatchError && /has lost its index\.json/.test(error.message) &&
    /bring back index\.json from a backup, or move \S+ away/.test(error.hint!);
  using store = open(work);
  await assert.rejects(Array.fromAsync(store.tags()), lost);
  await assert.rejects(upload(store, "new", { input: streamOf(someBytes(200)) }), lost);
  await assert.rejects(write(store, "bytes"), lost);
  const names = Array.from(Deno.readDirSync(layoutOf(work)), ({ name }) => name);
  assert.deepEqual(names.sort(), ["blobs", "oci-layout"]);
});

Deno.test("a layout has an index before its first blob, and directories alone are an empty one", async () => {
  await using work = await makeWorkspace();
  await Deno.mkdir(join(layoutOf(work), "blobs/sha256"), { recursive: true });
  using store = open(work);
  assert.deepEqual(await Array.fromAsync(store.tags()), []);
  await write(store, "a blob that nothing lists");
  assert.deepEqual((await readIndex(work)).manifests, []);
  assert.deepEqual(await Array.fromAsync(store.tags()), []);
});

Deno.test("a manifest whose file is missing, damaged or no manifest is an error that says so", async () => {
  await using work = await makeWorkspace();
  using store = open(work);
  const manifest = imageOf([await write(store, "bytes")]);
  await store.putManifest("one", manifest);
  const path = blobPath(work, manifest.digest);
  await Deno.writeTextFile(path, "{}");
  await assert.rejects(store.manifest("one"), MismatchError);
  await Deno.writeTextFile(path, "no JSON");
  await assert.rejects(store.manifest("one"), MismatchError);
  await Deno.truncate(path, 5 * 1024 * 1024);
  await assert.rejects(store.manifest("one"), /too large/);
  await Deno.remove(path);
  await assert.rejects(store.manifest("one"), NotFoundError);
  assert.equal(await store.manifest(manifest.digest).catch(() => undefined), undefined);
});

Deno.test("a layout where there is a file, or whose index is a directory, is an error that says so", async () => {
  await using work = await makeWorkspace();
  await work.write("me", "a file");
  using store = open(work);
  await assert.rejects(store.write(bytesSource(someBytes(10))), {
    name: "InvalidInputError",
    message: `${
      layoutOf(work)
    }/blobs/sha256 cannot be written: a part of this path is a file, not a directory`,
  });
  await Deno.remove(work.path("me"));
  await Deno.mkdir(join(layoutOf(work), "index.json"), { recursive: true });
  await assert.rejects(Array.fromAsync(store.tags()), {
    name: "MismatchError",
    message: `${join(layoutOf(work), "index.json")} is not an ordinary file`,
  });
});

Deno.test(
  "a disk that is full is an error that says so, and nothing half-written stays",
  withSmallDisk,
  async () => {
    await using work = await makeWorkspace();
    await using _disk = await mountSmallDisk(layoutOf(work), "2m");
    using store = open(work);
    await upload(store, "small", { input: streamOf(someBytes(1000)) });
    const before = await blobNames(work);
    const full = (error: unknown) =>
      error instanceof LayerstashError && /no space is left on the disk/.test(error.message);
    await assert.rejects(upload(store, "large", { input: streamOf(someBytes(3_000_000)) }), full);
    assert.deepEqual(await blobNames(work), before);
    await fill(layoutOf(work));
    const { bytes } = imageOf([], "x".repeat(50_000));
    await assert.rejects(store.write(bytesSource(bytes)), full);
    await requireSound(work);
    assert.deepEqual((await verify(store, "small", { deep: true })).faults, []);
    await remove(store, "small").catch((error) => assert.ok(full(error)));
  },
);

Deno.test("a disk that is read-only is an error that says so, and is read", withSmallDisk, async () => {
  await using work = await makeWorkspace();
  await using disk = await mountSmallDisk(layoutOf(work), "8m");
  using store = open(work);
  const bytes = someBytes(1000);
  const { chunks } = await upload(store, "here", { input: streamOf(bytes) });
  await disk.remount("ro");
  const output = sink();
  await download(store, "here", { output: output.stream });
  assert.deepEqual(output.bytes(), bytes);
  const refused = (error: unknown) => error instanceof NotAllowedError && /read-only/.test(error.message);
  await assert.rejects(upload(store, "new", { input: streamOf(bytes) }), refused);
  await assert.rejects(store.putManifest("new", imageOf([])), refused);
  await assert.rejects(store.removeManifest("here-1"), refused);
  await assert.rejects(store.remove(chunks[0]!.digest), refused);
  await store.removeManifest("none");
});

function layoutOf(work: Workspace): string {
  return work.path("me/files");
}

function open(work: Workspace): Store {
  return openStore({ registry: `oci:${work.path("")}`, repository: "me/files" });
}

function blobPath(work: Workspace, digest: Digest): string {
  return join(layoutOf(work), "blobs/sha256", encodedPart(digest));
}

async function readIndex(work: Workspace): Promise<{ manifests: object[] }> {
  return JSON.parse(await Deno.readTextFile(join(layoutOf(work), "index.json")));
}

/** The names of all files among the blobs, half-written ones too. */
async function blobNames(work: Workspace): Promise<string[]> {
  const names = [];
  for await (const { name } of Deno.readDir(join(layoutOf(work), "blobs/sha256"))) names.push(name);
  return names.sort();
}

/** A stream that takes no more bytes until something is done. */
function slowly(until: () => Promise<unknown> | undefined): WritableStream<Uint8Array> {
  return new WritableStream({ write: async () => void await until() });
}

/** Every file that has a blob's name holds its bytes, and all that the index lists is there. */
async function requireSound(work: Workspace): Promise<void> {
  for (const name of await blobNames(work)) {
    if (name.startsWith(".layerstash-")) continue; // of a process that was killed; no reader takes it for a blob
    const digest = digestOf(await Deno.readFile(join(layoutOf(work), "blobs/sha256", name)));
    assert.equal(`sha256:${name}`, digest);
  }
  using store = open(work);
  const tags = await Array.fromAsync(store.tags());
  for (const tag of tags) {
    const { config, layers } = JSON.parse(new TextDecoder().decode((await store.manifest(tag))!.bytes));
    for (const { digest, size } of [config, ...layers]) assert.equal(await store.stat(digest), size);
  }
}

async function removeAndFree(store: Store, reference: string): Promise<void> {
  await store.removeManifest(reference);
  await store.free!([reference]);
}

async function write(store: Store, text: string): Promise<Digest> {
  await store.write(bytesSource(new TextEncoder().encode("{}")));
  return (await store.write(bytesSource(new TextEncoder().encode(text)))).digest;
}

function imageOf(layers: Digest[], comment = ""): Manifest {
  const config = { mediaType: IMAGE_CONFIG.oci, digest: digestOf(new TextEncoder().encode("{}")), size: 2 };
  return encodeManifest({
    schemaVersion: 2,
    mediaType: IMAGE_MANIFEST.oci,
    config,
    layers: layers.map((digest) => ({ mediaType: OCTET_STREAM, digest, size: 1 })),
    annotations: { comment },
  });
}

function indexOf({ mediaType, digest, bytes }: Manifest): Manifest {
  const manifests = [{ mediaType, digest, size: bytes.length }];
  return encodeManifest({ schemaVersion: 2, mediaType: IMAGE_INDEX.oci, manifests });
}

function startWriter(work: Workspace, prefix: string, { count, size }: { count: number; size: number }) {
  const words = [work.path(""), prefix, String(count), String(size)];
  const args = ["run", "-A", "--no-check", "--config", CONFIG, WRITER, ...words];
  return new Deno.Command(Deno.execPath(), { args, stdout: "piped", stderr: "inherit" }).spawn();
}

/** Kills a process hard as soon as it has printed so many lines. */
async function killAfter(process: Deno.ChildProcess, lines: number): Promise<void> {
  let seen = 0;
  for await (const text of process.stdout.pipeThrough(new TextDecoderStream())) {
    seen += text.split("\n").length - 1;
    if (seen >= lines) break;
  }
  process.kill("SIGKILL");
  await process.status;
}

async function skopeo(args: string[]): Promise<{ success: boolean; said: string }> {
  const words = ["--insecure-policy", ...args];
  const { success, stderr } = await new Deno.Command("skopeo", { args: words, stdout: "null" }).output();
  return { success, said: new TextDecoder().decode(stderr) };
}

async function fill(directory: string): Promise<void> {
  using file = await Deno.open(join(directory, "ballast"), { write: true, create: true });
  await file.write(new Uint8Array(8 * 1024 * 1024)).catch(() => {});
  for (;;) if (await file.write(new Uint8Array(4096)).catch(() => 0) === 0) return;
}

/** Whether somebody holds the lock of the layout. */
async function isLayoutLocked(work: Workspace): Promise<boolean> {
  using marker = await Deno.open(join(layoutOf(work), "oci-layout"), { read: true, write: true });
  return !await marker.tryLock(true);
}

Deno.test(
  "a layout is locked from when a blob gets its name until it is claimed",
  onPosix("locks of open files"),
  async () => {
    await using work = await makeWorkspace();
    using store = open(work);
    await write(store, "first"); // makes the layout
    const { rename } = Deno;
    const { lock } = Deno.FsFile.prototype;
    const seen: [string, boolean][] = [];
    Deno.rename = async (from, to) => {
      seen.push(["named", await isLayoutLocked(work)]);
      await rename(from, to);
    };
    Deno.FsFile.prototype.lock = async function (exclusive) {
      if (!exclusive) seen.push(["claimed", await isLayoutLocked(work)]);
      await lock.call(this, exclusive);
    };
    try {
      await write(store, "second");
    } finally {
      Deno.rename = rename;
      Deno.FsFile.prototype.lock = lock;
    }
    const each = [["named", true], ["claimed", true]]; // of the config and of the blob
    assert.deepEqual(seen, [...each, ...each]);
  },
);

Deno.test(
  "a blob that was written or mounted stays when another process frees what listed it before",
  onPosix("locks of open files"),
  async () => {
    for (const way of ["written", "mounted"]) {
      await using work = await makeWorkspace();
      using store = open(work);
      using other = open(work);
      const elsewhere = openStore({ registry: `oci:${work.path("")}`, repository: "me/elsewhere" });
      const blob = await write(elsewhere, "bytes");
      elsewhere.close(); // and so it has no claim on the file, which both layouts share
      await other.putManifest("old", imageOf([await write(other, "bytes")]));
      await other.removeManifest("old");
      await Deno.remove(blobPath(work, blob)); // a disk has lost it, before it is freed
      if (way === "mounted") assert.equal(await store.mount(blob, "me/elsewhere"), true);
      else await write(store, "bytes");
      await other.free!(["old"]);
      assert.notEqual(await store.stat(blob), undefined, way);
    }
  },
);
