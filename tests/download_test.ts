/** Downloads: the target shows a whole file or none, and whatever breaks on the way is made good. @module */
import assert from "node:assert/strict";
import {
  ConflictError,
  type Digest,
  download,
  InvalidInputError,
  LayerstashError,
  MismatchError,
  NotFoundError,
  openStore,
  type Stash,
  type Store,
  type TransferEvent,
  upload,
} from "../main.ts";
import { splitIntoParts } from "../lib/transfer/byte_ranges.ts";
import { Hasher } from "../lib/content/hasher.ts";
import { encodeManifest } from "../lib/oci/manifest.ts";
import { IMAGE_CONFIG, IMAGE_MANIFEST, OCTET_STREAM } from "../lib/oci/media_types.ts";
import { makeWorkplace } from "./rigs/command_line.ts";
import { concatenate, makeWorkspace, sink, someBytes, streamOf, type Workspace } from "./rigs/content.ts";
import { testClock } from "./rigs/clock.ts";
import { type FakeOptions, type FakeRegistry, startFakeRegistry } from "./rigs/fake_registry.ts";
import { mountSmallDisk, withSmallDisk } from "./rigs/small_disk.ts";
import { testOnEachStore } from "./rigs/stores.ts";
import { onPosix, WITHOUT_RIGHTS } from "./rigs/system.ts";

const CHUNK = 1000;
const BYTES = someBytes(5 * CHUNK - 3);
const MiB = 1024 ** 2;
/** The size of the first range request for a blob of 70 MiB. */
const PART = 17.5 * MiB;

/** A stash of five chunks in a fake registry, and a directory to bring it to. */
interface Scene extends AsyncDisposable {
  registry: FakeRegistry;
  store: Store;
  work: Workspace;
  stash: Stash;
  /** Downloads to `out`. */
  run(options?: { signal?: AbortSignal; jobs?: number; overwrite?: boolean }): Promise<Stash>;
  /** The blobs that were asked for, by chunk. */
  fetched(): number[];
  events: TransferEvent[];
}

async function makeScene(options: FakeOptions = {}): Promise<Scene> {
  const registry = await startFakeRegistry(options);
  const store = openStore({ registry: registry.url, repository: "me/files", clock: testClock() });
  const work = await makeWorkspace();
  const stash = await upload(store, "disk", { input: streamOf(BYTES), chunkSize: CHUNK });
  const events: TransferEvent[] = [];
  registry.requests.length = 0;
  const onEvent = (event: TransferEvent) => void events.push(event);
  return {
    registry,
    store,
    work,
    stash,
    events,
    run: (more) => download(store, "disk", { output: work.path("out"), onEvent, ...more }),
    fetched: () => {
      const asked = registry.requests.map(({ path }) => path.split("/blobs/")[1]);
      return stash.chunks.filter(({ digest }) => asked.includes(digest)).map(({ number }) => number);
    },
    async [Symbol.asyncDispose]() {
      store.close();
      await registry[Symbol.asyncDispose]();
      await work[Symbol.asyncDispose]();
    },
  };
}

/** A stash of one large chunk: a mebibyte, many times. */
async function addLargeStash({ registry, store }: Scene, mebibytes: number): Promise<Digest> {
  const pieces = Array.from({ length: mebibytes }, (_, index) => someBytes(MiB, 1 + index % 3));
  const digest = registry.storage.addBlob("me/files", ...pieces);
  const config = registry.storage.addBlob("me/files", new TextEncoder().encode("{}"));
  const manifest = encodeManifest({
    schemaVersion: 2,
    mediaType: IMAGE_MANIFEST.docker,
    config: { mediaType: IMAGE_CONFIG.docker, digest: config, size: 2 },
    layers: [{ mediaType: OCTET_STREAM, digest, size: mebibytes * MiB }],
  });
  await store.putManifest("large-1", manifest);
  registry.requests.length = 0;
  return digest;
}

async function digestOfFile(path: string): Promise<Digest> {
  using hasher = new Hasher();
  return await hasher.file(path, { start: 0, end: (await Deno.stat(path)).size });
}

const readBack = (work: Workspace) => Deno.readFile(work.path("out"));

Deno.test("an unknown stash makes no file, and leaves one that is there untouched", async () => {
  await using scene = await makeScene();
  const { store, work } = scene;
  const attempt = () => download(store, "dusk", { output: work.path("out") });
  await assert.rejects(attempt, NotFoundError);
  assert.ok(!await work.has("out") && !await work.has("out.part"));
  await work.write("out", "precious");
  await assert.rejects(attempt, NotFoundError);
  assert.equal(await Deno.readTextFile(work.path("out")), "precious");
  assert.ok(!await work.has("out.part"));
});

Deno.test("the target has its old content until the new is whole", async () => {
  await using scene = await makeScene();
  const { registry, work } = scene;
  await work.write("out", "old");
  const seen: string[] = [];
  registry.faults.onRequest = async ({ path }) => {
    if (path.includes("/blobs/")) seen.push(await Deno.readTextFile(work.path("out")));
  };
  await scene.run({ overwrite: true });
  assert.ok(seen.length >= 5 && seen.every((content) => content === "old"));
  assert.deepEqual(await readBack(work), BYTES);
  assert.ok(!await work.has("out.part"));
});

testOnEachStore("a corrupted blob is told, and never gets the target's name", async (place) => {
  await using work = await makeWorkspace();
  using store = place.open({ clock: testClock() });
  const { chunks } = await upload(store, "disk", { input: streamOf(BYTES), chunkSize: CHUNK });
  await place.damage(chunks[2]!.digest, (bytes) => bytes.map((byte, at) => at === 500 ? byte ^ 1 : byte));
  const run = () => download(store, "disk", { output: work.path("out"), overwrite: true });
  await assert.rejects(run(), MismatchError);
  assert.ok(!await work.has("out"));
  await work.write("out", "old");
  await assert.rejects(run(), MismatchError);
  assert.equal(await Deno.readTextFile(work.path("out")), "old");
  const output = sink();
  await assert.rejects(download(store, "disk", { output: output.stream }), MismatchError);
  assert.ok(!output.closed());
  await place.damage(chunks[2]!.digest, () => new Uint8Array(BYTES.slice(2 * CHUNK, 3 * CHUNK)));
  await run();
  assert.deepEqual(await readBack(work), BYTES);
});

testOnEachStore("a blob that is missing, too short or too long is told", async (place) => {
  const damages: ((bytes: Uint8Array) => Uint8Array | undefined)[] = [
    () => undefined,
    (bytes) => bytes.subarray(0, 900),
    () => new Uint8Array(),
    (bytes) => concatenate([bytes, bytes]),
  ];
  await using work = await makeWorkspace();
  using store = place.open({ clock: testClock() });
  const { chunks } = await upload(store, "disk", { input: streamOf(BYTES), chunkSize: CHUNK });
  const good = BYTES.slice(CHUNK, 2 * CHUNK);
  for (const damage of damages) {
    await place.damage(chunks[1]!.digest, damage).catch(() => {});
    const kind = damage(good) === undefined ? NotFoundError : MismatchError;
    await assert.rejects(download(store, "disk", { output: work.path("out") }), kind);
    const output = sink();
    await assert.rejects(download(store, "disk", { output: output.stream }), kind);
    assert.ok(!await work.has("out") && !output.closed());
    await upload(store, "disk", { input: streamOf(BYTES), chunkSize: CHUNK, overwrite: true });
    await place.damage(chunks[1]!.digest, () => good);
  }
});

Deno.test("a file that is the stash already is left alone, and no blob of a chunk is asked for", async () => {
  await using scene = await makeScene();
  const path = await scene.work.write("out", BYTES);
  const before = await Deno.stat(path);
  await scene.run();
  assert.deepEqual(scene.fetched(), []);
  assert.equal((await Deno.stat(path)).mtime?.getTime(), before.mtime?.getTime());
});

const PARTS: [string, (path: string) => Promise<void>, number[]][] = [
  ["nothing", () => Promise.resolve(), [1, 2, 3, 4, 5]],
  ["an empty file", (path) => Deno.writeFile(path, new Uint8Array()), [1, 2, 3, 4, 5]],
  ["all of it", (path) => Deno.writeFile(path, BYTES), []],
  ["zeros", (path) => Deno.writeFile(path, new Uint8Array(BYTES.length)), [1, 2, 3, 4, 5]],
  ["the beginning", (path) => Deno.writeFile(path, BYTES.subarray(0, 2 * CHUNK + 10)), [3, 4, 5]],
  ["too much", (path) => Deno.writeFile(path, concatenate([BYTES, BYTES])), []],
  ["one bad byte", (path) => Deno.writeFile(path, BYTES.with(3500, BYTES[3500]! ^ 1)), [4]],
  ["a bad first and last byte", async (path) => {
    await Deno.writeFile(path, BYTES.with(0, BYTES[0]! ^ 1).with(-1, BYTES.at(-1)! ^ 1));
  }, [1, 5]],
  ["garbage behind the end", (path) => Deno.writeFile(path, concatenate([BYTES.with(0, 0), BYTES])), [1]],
];

Deno.test("a rerun believes no byte of the partial file, and fetches only what is bad", async () => {
  for (const [what, prepare, expected] of PARTS) {
    await using scene = await makeScene();
    await prepare(scene.work.path("out.part"));
    await scene.run();
    assert.deepEqual(scene.fetched(), expected, what);
    assert.deepEqual(await readBack(scene.work), BYTES, what);
    assert.ok(!await scene.work.has("out.part"), what);
  }
});

Deno.test("the partial file of another, larger stash is left alone, or does no harm", async () => {
  await using scene = await makeScene();
  const other = someBytes(20 * CHUNK, 77);
  await scene.work.write("out.part", other);
  await assert.rejects(scene.run(), ConflictError);
  assert.deepEqual(await Deno.readFile(scene.work.path("out.part")), other);
  await scene.run({ overwrite: true });
  assert.deepEqual(await readBack(scene.work), BYTES);
});

Deno.test("what is stopped leaves its partial file, and goes on from there", async () => {
  await using scene = await makeScene();
  const { work, registry, events } = scene;
  const stop = new AbortController();
  registry.faults.onRequest = ({ path }) => {
    if (path.endsWith(scene.stash.chunks[3]!.digest)) stop.abort(new Error("stopped by hand"));
  };
  await assert.rejects(scene.run({ signal: stop.signal, jobs: 1 }), /^Error: stopped by hand$/);
  assert.ok(await work.has("out.part") && !await work.has("out"));
  registry.faults.onRequest = () => {};
  registry.requests.length = 0;
  events.length = 0;
  await scene.run();
  assert.deepEqual(scene.fetched(), [4, 5]);
  const states = events.flatMap((event) => event.type === "blob" ? [`${event.index} ${event.state}`] : []);
  assert.deepEqual(states.sort(), ["1 present", "2 present", "3 present", "4 fetched", "5 fetched"]);
  assert.deepEqual(await readBack(work), BYTES);
});

Deno.test("connections that are cut anywhere are made good, at no more than one request for each cut", async () => {
  for (const how of ["cut", "short"] as const) {
    for (const after of [0, 1, 499, 999]) {
      await using scene = await makeScene();
      // the two configs are read whole, and not counted
      scene.registry.faults.onRequest = ({ path }) => {
        if (path.endsWith(scene.stash.chunks[1]!.digest)) {
          scene.registry.faults.breakDownload ??= { after, times: 3, how };
        }
      };
      await scene.run({ jobs: 1 });
      assert.deepEqual(await readBack(scene.work), BYTES, `${how} after ${after}`);
      const blobs = scene.registry.requests.filter(({ path }) => path.includes("/blobs/"));
      assert.ok(blobs.length <= 2 + 5 + 3 * 2, `${how} after ${after}: ${blobs.length} requests`);
      const output = sink();
      scene.registry.faults.breakDownload = undefined as never;
      await download(scene.store, "disk", { output: output.stream });
      assert.deepEqual(output.bytes(), new Uint8Array(BYTES), `${how} after ${after}, as a stream`);
    }
  }
});

Deno.test("a connection that always breaks ends with an error, after a bounded number of requests", async () => {
  await using scene = await makeScene();
  scene.registry.faults.onRequest = ({ path }) => {
    if (path.endsWith(scene.stash.chunks[0]!.digest)) {
      scene.registry.faults.breakDownload = { after: 0, times: 1, how: "short" };
    }
  };
  await assert.rejects(scene.run({ jobs: 1 }), /the connection broke: it ended after 0 of 1000 bytes/);
  const gets = scene.registry.requests.filter(({ method, path }) =>
    method === "GET" && path.includes("/blobs/")
  );
  assert.equal(gets.length, 2 + 8);
  assert.ok(await scene.work.has("out.part") && !await scene.work.has("out"));
});

Deno.test("a blob of several parts comes at once, in any order, and is verified", async () => {
  await using scene = await makeScene();
  const { registry, store, work } = scene;
  const digest = await addLargeStash(scene, 100);
  const others = Promise.withResolvers<void>();
  let fetched = 0;
  const onEvent = (event: TransferEvent) => {
    if (event.type === "progress" && (fetched += event.bytes) >= 75 * MiB) others.resolve();
  };
  registry.faults.onRequest = async ({ headers }) => {
    if (headers["range"]?.startsWith("bytes=0-")) await others.promise;
  };
  await download(store, "large", { output: work.path("out"), jobs: 4, onEvent });
  assert.equal(await digestOfFile(work.path("out")), digest);
  const ranges = registry.requests.flatMap(({ headers }) => headers["range"] ?? []);
  const options = { most: 32 * MiB, after: 0, connections: () => 4 };
  const parts = [...splitIntoParts({ start: 0, end: 100 * MiB }, options)];
  assert.equal(parts.length, 8);
  const missing = parts.filter(({ start, end }) => !ranges.includes(`bytes=${start}-${end - 1}`));
  assert.deepEqual(missing, [], "slow ones are shared, but all are asked for");
});

Deno.test("one bad byte in any part of a large blob is found", async () => {
  await using scene = await makeScene();
  const { registry, store, work } = scene;
  const digest = await addLargeStash(scene, 70);
  for (const offset of [0, PART - 1, PART, 70 * MiB - 1]) {
    registry.faults.damaged = { [digest]: offset };
    const done = download(store, "large", { output: work.path("out"), overwrite: true });
    await assert.rejects(done, MismatchError, `${offset}`);
    assert.ok(!await work.has("out"));
  }
});

Deno.test("a server that gives whole blobs only is read on one connection for each chunk", async () => {
  for (const ranges of ["ignored", "refused"] as const) {
    await using scene = await makeScene();
    const { registry, store, work, events } = scene;
    const digest = await addLargeStash(scene, 70);
    registry.faults.ranges = ranges;
    const onEvent = (event: TransferEvent) => void events.push(event);
    await download(store, "large", { output: work.path("out"), onEvent });
    assert.equal(await digestOfFile(work.path("out")), digest, ranges);
    const sent = registry.requests.filter(({ path, headers }) => path.endsWith(digest) && !headers["range"]);
    assert.equal(sent.filter(({ method }) => method === "GET").length, 1, ranges);
    const notices = events.filter(({ type }) => type === "notice");
    assert.equal(notices.length, 1, ranges);
  }
});

Deno.test("a server that takes to giving whole blobs on the way is followed, and nothing is left unverified", async () => {
  await using scene = await makeScene();
  const { registry, store, work } = scene;
  const digest = await addLargeStash(scene, 70);
  let moved = 0;
  const onEvent = (event: TransferEvent) => {
    if (event.type === "progress") moved += event.bytes;
  };
  const run = () => download(store, "large", { output: work.path("out"), jobs: 1, onEvent });
  registry.faults.onRequest = ({ headers }) => {
    if (headers["range"]?.startsWith(`bytes=${32 * MiB}-`)) registry.faults.ranges = "ignored";
  };
  await run();
  assert.equal(await digestOfFile(work.path("out")), digest);
  assert.equal(moved, 70 * MiB, "progress gives back what came in vain");
  await Deno.remove(work.path("out"));
  // the whole blob that comes then is another one than the part that was hashed already
  delete registry.faults.ranges;
  registry.faults.onRequest = async ({ headers }) => {
    if (!headers["range"]?.startsWith(`bytes=${32 * MiB}-`)) return;
    // hashing the file here takes longer than hashing its first part there
    await digestOfFile(work.path("out.part"));
    registry.faults.ranges = "ignored";
    registry.faults.damaged = { [digest]: 5 };
  };
  await assert.rejects(run(), MismatchError);
  assert.ok(!await work.has("out"));
});

Deno.test("a connection that breaks on a server without ranges is read from the beginning", async () => {
  await using scene = await makeScene({ faults: { ranges: "ignored" } });
  scene.registry.faults.onRequest = ({ path }) => {
    if (path.endsWith(scene.stash.chunks[1]!.digest)) {
      scene.registry.faults.breakDownload ??= { after: 700, times: 2, how: "cut" };
    }
  };
  await scene.run({ jobs: 1 });
  assert.deepEqual(await readBack(scene.work), BYTES);
});

Deno.test("another range than the one asked for is never taken for it: the blob is read whole", async () => {
  await using scene = await makeScene();
  const { registry, store, work } = scene;
  const digest = await addLargeStash(scene, 40);
  registry.faults.ranges = "wrong";
  const notices: string[] = [];
  const onEvent = (event: TransferEvent) => void (event.type === "notice" && notices.push(event.message));
  await download(store, "large", { output: work.path("out"), jobs: 1, onEvent });
  assert.equal(await digestOfFile(work.path("out")), digest);
  assert.match(notices.join(), /gave the range bytes 0-8388607\/\d+, not bytes 33554432-41943039/);
  assert.ok(registry.requests.length < 20);
});

Deno.test("signed addresses that run out are asked for again", async () => {
  await using scene = await makeScene({ faults: { redirectBlobs: 307, signedUrlUses: 1 } });
  const { registry, store, work } = scene;
  const digest = await addLargeStash(scene, 70);
  await download(store, "large", { output: work.path("out") });
  assert.equal(await digestOfFile(work.path("out")), digest);
  assert.ok(
    registry.requests.every(({ origin, headers }) => origin === "registry" || !headers["authorization"]),
  );
});

Deno.test("places that cannot be written to are told, and no blob of a chunk is asked for", async () => {
  await using scene = await makeScene();
  const { store, work } = scene;
  const to = (output: string) => download(store, "disk", { output });
  await assert.rejects(to(work.path("none/out")), NotFoundError);
  await Deno.mkdir(work.path("folder"));
  await assert.rejects(to(work.path("folder")), InvalidInputError);
  await work.write("file", "x");
  await assert.rejects(to(work.path("file/out")), /a part of this path is a file, not a directory/);
  await Deno.mkdir(work.path("busy.part"));
  await assert.rejects(to(work.path("busy")), LayerstashError);
  assert.deepEqual(scene.fetched(), []);
});

Deno.test(
  "a file keeps its permissions when it is replaced, and its partial file is no more open",
  onPosix("file modes"),
  async () => {
    for (const [index, mode] of [0o600, 0o640, 0o444, 0o666, 0o755].entries()) {
      await using scene = await makeScene();
      const { work, registry, stash } = scene;
      const [out, part] = [await work.write("out", "old"), work.path("out.part")];
      await Deno.chmod(out, mode);
      if (index % 2 === 1) await Deno.writeFile(part, BYTES.subarray(0, 10), { mode: 0o644 });
      const modes: number[] = [];
      registry.faults.onRequest = async ({ path }) => {
        const isChunk = stash.chunks.some(({ digest }) => path.endsWith(digest));
        if (isChunk) modes.push((await Deno.stat(part)).mode! & 0o077);
      };
      await scene.run({ overwrite: true });
      assert.ok(modes.length > 0 && modes.every((each) => (each & ~mode) === 0), `${modes}`);
      assert.equal((await Deno.stat(out)).mode! & 0o777, mode);
      assert.deepEqual(await readBack(work), BYTES);
    }
  },
);

Deno.test("a device is no file to be replaced", onPosix("devices"), async () => {
  await using scene = await makeScene();
  await Deno.symlink("/dev/null", scene.work.path("out"));
  await assert.rejects(scene.run(), InvalidInputError);
  assert.ok((await Deno.lstat(scene.work.path("out"))).isSymlink);
  assert.ok(!await scene.work.has("out.part"));
});

Deno.test(
  "a directory that may not be written to is told",
  onPosix("file modes"),
  async () => {
    await using place = await makeWorkplace();
    using store = openStore({ registry: `oci:${place.path("box")}`, repository: "me/files" });
    await upload(store, "disk", { input: streamOf(someBytes(10)) });
    await Deno.mkdir(place.path("locked"), { mode: 0o500 });
    const words = ["download", "--registry", "oci:box", "-r", "me/files", "-t", "disk", "-o", "locked/out"];
    const { code, stderr } = await place.run(words, { under: WITHOUT_RIGHTS });
    assert.equal(code, 4, stderr);
    assert.match(stderr, /locked\/out(\.part)? cannot be written: permission denied/);
    assert.deepEqual(await Array.fromAsync(Deno.readDir(place.path("locked"))), []);
  },
);

Deno.test(
  "a disk without room is told before anything is fetched, with what is missing",
  withSmallDisk,
  async () => {
    await using scene = await makeScene();
    const { store, work } = scene;
    const digest = await addLargeStash(scene, 40);
    await using _disk = await mountSmallDisk(work.path("disk"), "16m");
    await assert.rejects(download(store, "large", { output: work.path("disk/out") }), (error) => {
      assert.ok(error instanceof LayerstashError);
      assert.match(error.message, /^\S+\/disk has 16.8 MB free, and 41.9 MB are needed$/);
      assert.match(error.hint!, /^make room for 25.2 MB more, or write to another disk$/);
      return true;
    });
    assert.ok(!scene.registry.requests.some(({ path }) => path.endsWith(digest)));
  },
);

Deno.test(
  "a disk that fills up on the way is told, and the partial file is left",
  withSmallDisk,
  async () => {
    await using scene = await makeScene();
    const { store, work, registry } = scene;
    const digest = await addLargeStash(scene, 40);
    await using _disk = await mountSmallDisk(work.path("disk"), "48m");
    const output = work.path("disk/out");
    registry.faults.onRequest = async ({ path }) => {
      if (path.endsWith(digest)) await Deno.writeFile(work.path("disk/other"), new Uint8Array(20 * MiB));
    };
    await assert.rejects(download(store, "large", { output, jobs: 1 }), (error) => {
      assert.ok(error instanceof LayerstashError, Deno.inspect(error));
      assert.match(
        error.message,
        /^no space is left on the disk for \S+\/disk\/out\.part: [\d.]+ MB more are needed$/,
      );
      assert.match(error.hint!, /^make room and run the same command again/);
      return true;
    });
    assert.ok(await work.has("disk/out.part") && !await work.has("disk/out"));
    registry.faults.onRequest = () => {};
    await Deno.remove(work.path("disk/other"));
    await download(store, "large", { output, jobs: 1 });
    assert.equal(await digestOfFile(output), digest);
  },
);

Deno.test("a stream gets the bytes in order, and is aborted when they cannot be had", async () => {
  await using scene = await makeScene();
  const { store, registry, stash } = scene;
  registry.storage.blobs.delete(stash.chunks[3]!.digest);
  let reason: unknown;
  const pieces: Uint8Array[] = [];
  const output = new WritableStream<Uint8Array>({
    write: (piece) => void pieces.push(piece),
    abort: (error) => void (reason = error),
  });
  await assert.rejects(download(store, "disk", { output }), NotFoundError);
  assert.ok(reason instanceof NotFoundError);
  assert.deepEqual(concatenate(pieces), BYTES.slice(0, 3 * CHUNK));
});

Deno.test("progress adds up to the size, and every chunk is told once", async () => {
  await using scene = await makeScene();
  scene.registry.faults.onRequest = ({ path }) => {
    if (path.endsWith(scene.stash.chunks[1]!.digest)) {
      scene.registry.faults.breakDownload ??= { after: 700, times: 1, how: "cut" };
    }
  };
  await scene.run();
  const moved = scene.events.reduce((sum, event) => event.type === "progress" ? sum + event.bytes : sum, 0);
  assert.equal(moved, BYTES.length);
  const chunks = scene.events.flatMap((event) => event.type === "blob" ? [event.index] : []);
  assert.deepEqual(chunks.sort(), [1, 2, 3, 4, 5]);
  assert.equal(scene.events.find(({ type }) => type !== "request")?.type, "plan");
});

/** Stores `disk` in five chunks. */
const storeFive = (store: Store) =>
  upload(store, "disk", { input: streamOf(someBytes(5000)), chunkSize: 1000 });

testOnEachStore("a chunk that is missing, though the stash lists it, is named", async (place) => {
  await using work = await makeWorkspace();
  using store = place.open({ clock: testClock() });
  const { chunks } = await storeFive(store);
  await place.damage(chunks[1]!.digest, () => undefined);
  await place.damage(chunks[3]!.digest, () => undefined);
  for (const output of [work.path("copy.img"), sink().stream]) {
    const states: string[] = [];
    const onEvent = (event: TransferEvent) => void (event.type === "blob" && states.push(event.state));
    await assert.rejects(download(store, "disk", { output, onEvent }), (error) => {
      assert.ok(!states.includes("checked"), `${states}: a download reports no chunk as checked`);
      assert.ok(error instanceof NotFoundError);
      assert.equal(error.message, `chunk 2 is missing in ${store.name}, and 1 more`);
      assert.match(error.hint ?? "", /^store the file again/);
      return true;
    });
  }
});

testOnEachStore("who meets damaged bytes hears how they are mended", async (place) => {
  await using work = await makeWorkspace();
  using store = place.open({ clock: testClock() });
  const { chunks } = await storeFive(store);
  for (const damaged of [new Uint8Array(1000), new Uint8Array(10)]) {
    await place.damage(chunks[1]!.digest, () => damaged);
    for (const output of [work.path("copy.img"), sink().stream]) {
      await assert.rejects(download(store, "disk", { output }), (error) => {
        assert.ok(error instanceof MismatchError);
        assert.match(error.hint ?? "", /^store the file again with --overwrite/);
        return true;
      });
    }
  }
});

Deno.test("a function names the file when the stash was found, and nothing is read twice for that", async () => {
  await using scene = await makeScene();
  const { registry, store, work } = scene;
  const named: (string | undefined)[] = [];
  const output = ({ name, size }: Stash) => {
    named.push(name);
    return Promise.resolve(work.path(`${size} bytes`));
  };
  await download(store, "disk", { output });
  assert.deepEqual(named, [undefined]);
  assert.deepEqual(await Deno.readFile(work.path(`${BYTES.length} bytes`)), BYTES);
  const asked = registry.requests.map(({ method, path }) => `${method} ${path}`);
  assert.equal(new Set(asked).size, asked.length, asked.join("\n"));
});
