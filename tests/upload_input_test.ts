/** What an upload reads: files that change, that cannot be read, and streams that fail. @module */
import assert from "node:assert/strict";
import fc from "fast-check";
import {
  InvalidInputError,
  MismatchError,
  NotFoundError,
  openStore,
  upload,
  type UploadOptions,
  verify,
} from "../main.ts";
import { digestOfFile, pushBlob } from "../lib/exports/blobs.ts";
import { Hasher } from "../lib/content/hasher.ts";
import { chunkCount, openInput } from "../lib/files/input.ts";
import { collect } from "../lib/content/collect.ts";
import { makeWorkplace } from "./rigs/command_line.ts";
import { makeWorkspace, someBytes, streamOf } from "./rigs/content.ts";
import { startFakeRegistry } from "./rigs/fake_registry.ts";
import { onLinux, onPosix, POSIX, WITHOUT_RIGHTS } from "./rigs/system.ts";
import { changes, CHUNK, FIVE, openFake, stored } from "./rigs/uploads.ts";

Deno.test("a file that changes while it is stored never becomes a stash", async () => {
  const meddle: [string, (path: string) => Promise<void>][] = [
    ["it grows", (path) => Deno.writeTextFile(path, "more", { append: true })],
    ["it shrinks", (path) => Deno.truncate(path, 10)],
    ["other bytes of the same length", (path) => Deno.writeFile(path, someBytes(FIVE.length, 99))],
    ["it is touched", (path) => Deno.utime(path, new Date(), new Date())],
    ["it is removed", (path) => Deno.remove(path)],
    ["it is renamed", (path) => Deno.rename(path, `${path}.old`)],
    ["another takes its place", async (path) => {
      await Deno.rename(path, `${path}.old`);
      await Deno.copyFile(`${path}.old`, path);
    }],
  ];
  for (const [how, change] of meddle) {
    await using registry = await startFakeRegistry();
    await using work = await makeWorkspace();
    using store = openFake(registry);
    const input = await work.write("disk.img", FIVE);
    registry.faults.onRequest = async ({ method, path }) => {
      if (method === "PUT" && path.endsWith("/manifests/disk-2")) await change(input);
    };
    const done = upload(store, "disk", { input, chunkSize: CHUNK, jobs: 1 });
    await assert.rejects(done, (error) => {
      assert.ok(error instanceof MismatchError, `${how}: ${error}`);
      assert.match(error.message, /disk\.img was (changed|removed or renamed) while it was stored/, how);
      assert.match(error.hint!, /^it was not completed: store it again when nothing writes to it$/, how);
      return true;
    }, how);
    assert.equal(await store.resolve("disk-5"), undefined, how);
  }
});

Deno.test("a file whose date was put back was changed all the same", async () => {
  await using work = await makeWorkspace();
  using hasher = new Hasher();
  await using input = await openInput(await work.write("disk.img", FIVE), hasher);
  await input.requireUnchanged();
  const { stat } = Deno;
  Deno.stat = async (path) => { // as after a second, in which somebody has written, and set the date
    const info = await stat(path);
    return { ...info, ctime: new Date(info.ctime!.getTime() + 1000) };
  };
  try {
    await assert.rejects(input.requireUnchanged(), MismatchError);
  } finally {
    Deno.stat = stat;
  }
});

Deno.test("what cannot be read is said, and nothing is asked of the registry", async () => {
  await using registry = await startFakeRegistry();
  await using work = await makeWorkspace();
  using store = openFake(registry);
  const attempt = (options: UploadOptions, baseTag = "x") => upload(store, baseTag, options);
  await assert.rejects(attempt({ input: work.path("none") }), NotFoundError);
  await Deno.mkdir(work.path("folder"));
  await assert.rejects(attempt({ input: work.path("folder") }), InvalidInputError);
  if (POSIX) await assert.rejects(attempt({ input: "/dev/null" }), InvalidInputError);
  const input = await work.write("disk.img", FIVE);
  await assert.rejects(attempt({ input }, ".hidden"), InvalidInputError);
  await assert.rejects(attempt({ input }, "two words"), InvalidInputError);
  await assert.rejects(attempt({ input }, ""), InvalidInputError);
  for (const chunkSize of [0, -1, 1.5, NaN]) {
    await assert.rejects(attempt({ input, chunkSize }), InvalidInputError);
  }
  // -5 would fit behind it, -10 would not
  const baseTag = "t".repeat(126);
  await assert.rejects(attempt({ input, chunkSize: 500 }, baseTag), InvalidInputError);
  assert.deepEqual(registry.requests, []);
  await attempt({ input, chunkSize: CHUNK }, baseTag);
});

Deno.test("a file that does not tell its size is not taken for an empty one", onLinux("/proc"), async () => {
  await using work = await makeWorkspace();
  using store = openStore({ registry: `oci:${work.path("box")}`, repository: "me/files" });
  const input = "/proc/cpuinfo";
  await upload(store, "none", { input: await work.write("none", "") });
  const attempts = [
    () => upload(store, "cpu", { input }),
    () => verify(store, "none", { file: input }),
    () => pushBlob(store, input),
    () => digestOfFile(input),
  ];
  for (const attempt of attempts) {
    await assert.rejects(attempt, (error) => {
      assert.ok(error instanceof InvalidInputError, `${error}`);
      assert.match(error.message, /\/proc\/cpuinfo is not empty, but its size is given as 0 bytes/);
      return true;
    });
  }
});

Deno.test("a file that may not be read is said", onPosix("file modes"), async () => {
  await using place = await makeWorkplace();
  await Deno.chmod(await place.write("disk.img", "secret"), 0);
  const words = ["upload", "--registry", "oci:box", "-r", "me/files", "-t", "disk", "-i", "disk.img"];
  const { code, stderr } = await place.run(words, { under: WITHOUT_RIGHTS });
  assert.equal(code, 4, stderr);
  assert.match(stderr, /disk\.img may not be read: permission denied/);
});

Deno.test("a stream that grows past the last possible tag stops before the chunk is sent", async () => {
  await using registry = await startFakeRegistry();
  using store = openFake(registry);
  const baseTag = "t".repeat(126);
  const done = upload(store, baseTag, { input: streamOf(someBytes(100)), chunkSize: 5 });
  await assert.rejects(done, InvalidInputError);
  assert.equal(changes(registry).filter((line) => line === "POST blobs/uploads/").length, 2 * 9);
});

Deno.test("a stream that is not read to its end is cancelled", async () => {
  await using registry = await startFakeRegistry();
  using store = openFake(registry);
  await upload(store, "pipe", { input: streamOf(FIVE), chunkSize: CHUNK });
  for (const [baseTag, chunkSize] of [["pipe", CHUNK], ["two words", CHUNK], ["pipe", 0]] as const) {
    let cancelled = false;
    const input = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(new Uint8Array(10)),
      cancel: () => void (cancelled = true),
    });
    await assert.rejects(upload(store, baseTag, { input, chunkSize }));
    assert.ok(cancelled);
  }
});

Deno.test("a stream that fails is no stash, and its own error is thrown", async () => {
  await using registry = await startFakeRegistry();
  using store = openFake(registry);
  let pieces = 0;
  const input = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (pieces++ < 3) controller.enqueue(someBytes(700));
      else controller.error(new Error("the source broke"));
    },
  });
  await assert.rejects(upload(store, "pipe", { input, chunkSize: CHUNK }), /the source broke/);
  await assert.rejects(stored(store, "pipe"), NotFoundError);
});

Deno.test("chunks cover a file exactly, whatever the sizes", async () => {
  await using work = await makeWorkspace();
  using hasher = new Hasher();
  const size = fc.integer({ min: 0, max: 3000 });
  const chunkSize = fc.integer({ min: 1, max: 700 });
  await fc.assert(fc.asyncProperty(size, chunkSize, async (size, chunkSize) => {
    const bytes = someBytes(size, size + 1);
    const input = await openInput(await work.write("in", bytes), hasher);
    const read: number[] = [];
    let count = 0;
    for await (const { number, source, isLast } of input.chunks(chunkSize)) {
      assert.equal(number, ++count);
      assert.equal(await isLast(), number === chunkCount(size, chunkSize));
      assert.equal(source.size, await isLast() ? size - (number - 1) * chunkSize : chunkSize);
      read.push(...await collect(source.open(), chunkSize));
    }
    assert.equal(count, chunkCount(size, chunkSize));
    assert.deepEqual(new Uint8Array(read), bytes);
  }));
});
