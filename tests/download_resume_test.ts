/** A download that ended in the middle goes on from there, in another process, and believes nothing that it finds. @module */
import assert from "node:assert/strict";
import { join } from "node:path";
import { encodeManifest } from "../lib/oci/manifest.ts";
import { IMAGE_CONFIG, IMAGE_MANIFEST, OCTET_STREAM } from "../lib/oci/media_types.ts";
import { journalLine, parseJournal } from "../lib/files/journal.ts";
import {
  ConflictError,
  type Digest,
  download,
  type DownloadOptions,
  InvalidInputError,
  LayerstashError,
  MismatchError,
  NotFoundError,
  type TransferEvent,
  upload,
} from "../main.ts";
import { formatSize, parseSize } from "../lib/cli/text/sizes.ts";
import { Hasher } from "../lib/content/hasher.ts";
import { makeWorkspace, someBytes, streamOf, type Workspace } from "./rigs/content.ts";
import { ensureTool } from "./rigs/debian.ts";
import { type FakeOptions, type FakeRegistry, startFakeRegistry } from "./rigs/fake_registry.ts";
import { open } from "./rigs/opened.ts";
import { startRegistry } from "./rigs/real_registry.ts";
import { mountSmallDisk, withSmallDisk } from "./rigs/small_disk.ts";
import { onPosix } from "./rigs/system.ts";

const MiB = 1024 ** 2;
/** Three parts and a bit, in one chunk. */
const SIZE = 100 * MiB;
const PIECES = Array.from({ length: 100 }, (_, index) => someBytes(MiB, 1 + index % 7));
const JOBS = 4;
/** What may be lost when a process ends without a word. */
const LOSS = JOBS * 8 * MiB;
const STOP = new Error("the process ends here");

/** A fake registry and a directory that outlive the processes of a test. */
interface Scene extends AsyncDisposable {
  fake: FakeRegistry;
  work: Workspace;
  /** The one chunk of `disk`. */
  digest: Digest;
  /** The journal of the download to `out`. */
  journal: JournalFile;
  /** Downloads as a process of its own would; it ends when `stopAt` bytes have come, or with the first notice. */
  process(options?: Partial<DownloadOptions> & { stopAt?: number | "notice" }): Promise<Run>;
  /** Makes sure that `out` is what it should be, and that nothing is left beside it. */
  requireDone(): Promise<void>;
}

/** What one process did. */
interface Run {
  error: LayerstashError | undefined;
  /** The bytes of large blobs that the registry sent. */
  sent: number;
  notices: string[];
  /** Bytes that were fetched, and bytes that did not have to be. */
  fetched: number;
  resumed: number;
  /** `1 present`, `2 fetched` ... */
  chunks: string[];
}

async function makeScene(options: FakeOptions = {}): Promise<Scene> {
  const fake = await startFakeRegistry(options);
  const work = await makeWorkspace();
  const digest = addStash(fake, [PIECES]);
  const output = work.path("out");
  return {
    fake,
    work,
    digest,
    journal: new JournalFile(work),
    async process({ stopAt = Infinity, ...more } = {}) {
      using opened = open(fake);
      const aborter = new AbortController();
      const events: TransferEvent[] = [];
      const before = fake.requests.length;
      let fetched = 0;
      const onEvent = (event: TransferEvent) => {
        events.push(event);
        if (event.type === "progress") fetched += event.bytes;
        if (stopAt === "notice" ? event.type === "notice" : fetched >= stopAt) aborter.abort(STOP);
      };
      const error = await download(opened.store, "disk", {
        output,
        stateDirectory: work.path("state"),
        jobs: JOBS,
        signal: aborter.signal,
        onEvent,
        ...more,
      }).then(() => undefined, (error) => error);
      const blobs = fake.requests.slice(before).filter(({ path }) => path.includes("/blobs/"));
      const sent = blobs.reduce((sum, { sent }) => sum + (sent > 1000 ? sent : 0), 0);
      const resumed = events.reduce((sum, event) => event.type === "resume" ? sum + event.bytes : sum, 0);
      const notices = events.flatMap((event) => event.type === "notice" ? [event.message] : []);
      const chunks = events.flatMap((event) =>
        event.type === "blob" ? [`${event.index} ${event.state}`] : []
      );
      return { error, sent, notices, fetched, resumed, chunks: chunks.sort() };
    },
    async requireDone() {
      assert.equal(await digestOfFile(output), digest);
      assert.ok(!await work.has("out.part"));
      assert.deepEqual(await Array.fromAsync(Deno.readDir(work.path("state"))), []);
    },
    async [Symbol.asyncDispose]() {
      await fake[Symbol.asyncDispose]();
      await work[Symbol.asyncDispose]();
    },
  };
}

/** Puts a stash in place as the Python layerstash does, each chunk a list of pieces; gives the first chunk's digest. */
function addStash({ storage }: FakeRegistry, chunks: Uint8Array[][]): Digest {
  const config = storage.addBlob("me/files", new TextEncoder().encode("{}"));
  const digests = chunks.map((pieces, index) => {
    const digest = storage.addBlob("me/files", ...pieces);
    const { bytes, mediaType } = encodeManifest({
      schemaVersion: 2,
      mediaType: IMAGE_MANIFEST.docker,
      config: { mediaType: IMAGE_CONFIG.docker, digest: config, size: 2 },
      layers: [{ mediaType: OCTET_STREAM, digest, size: storage.blobs.get(digest)!.size }],
    });
    storage.addManifest("me/files", { bytes, mediaType }, `disk-${index + 1}`);
    return digest;
  });
  return digests[0]!;
}

async function digestOfFile(path: string): Promise<Digest> {
  using hasher = new Hasher();
  return await hasher.file(path, { start: 0, end: (await Deno.stat(path)).size });
}

/** The one journal in the state directory, to be tampered with. */
class JournalFile {
  readonly #work: Workspace;

  constructor(work: Workspace) {
    this.#work = work;
  }

  async path(): Promise<string> {
    const [entry, ...others] = await Array.fromAsync(Deno.readDir(this.#work.path("state")));
    assert.ok(entry && others.length === 0);
    return this.#work.path(`state/${entry.name}`);
  }

  async records(): Promise<unknown[]> {
    return parseJournal(await Deno.readFile(await this.path())).records;
  }

  /** Puts records in the place of all but the first, which says what the journal is about. */
  async replace(...records: unknown[]): Promise<void> {
    const [first] = await this.records();
    await Deno.writeTextFile(await this.path(), [first, ...records].map(journalLine).join(""));
  }
}

/** Changes one byte of a file. */
async function damage(path: string, offset: number): Promise<void> {
  using file = await Deno.open(path, { read: true, write: true });
  const byte = new Uint8Array(1);
  await file.seek(offset, Deno.SeekMode.Start);
  await file.read(byte);
  await file.seek(offset, Deno.SeekMode.Start);
  await file.write(byte.map((value) => value ^ 1));
}

const AGAIN = /^\S+out\.part has bad bytes of chunk 1: they are fetched again$/;

Deno.test("a download that is stopped anywhere goes on from there, also inside a chunk", async () => {
  for (const stopAt of [1, 10 * MiB, 50 * MiB, 99 * MiB, SIZE]) {
    await using scene = await makeScene();
    const first = await scene.process({ stopAt });
    assert.equal(first.error, STOP);
    const second = await scene.process();
    assert.equal(second.error, undefined);
    await scene.requireDone();
    assert.ok(first.sent + second.sent <= SIZE + LOSS, `${first.sent} + ${second.sent} at ${stopAt}`);
    assert.deepEqual(second.notices, []);
    // what came when everything was there needs no more than to be hashed
    const whole = first.fetched === SIZE;
    assert.equal(second.fetched, SIZE - first.fetched, `at ${stopAt}`);
    assert.equal(second.resumed, whole ? 0 : first.fetched);
    assert.deepEqual(second.chunks, [whole ? "1 present" : "1 fetched"]);
  }
});

Deno.test("it may be stopped again and again", async () => {
  await using scene = await makeScene();
  let [sent, runs] = [0, 0];
  for (let error: unknown = STOP; error === STOP && runs < 9; runs++) {
    const run = await scene.process({ stopAt: 17 * MiB });
    [sent, error] = [sent + run.sent, run.error];
    assert.ok(run.error === undefined || run.error === STOP, `${run.error}`);
  }
  await scene.requireDone();
  assert.ok(runs >= 5, `${runs} runs`);
  assert.ok(sent <= SIZE + runs * LOSS && sent < 2 * SIZE, `${sent} bytes`);
});

const PROCESS = join(import.meta.dirname!, "rigs/download_process.ts");
const CONFIG = join(import.meta.dirname!, "../deno.json");

/** Downloads in another process, which is killed when so many bytes have come. Gives how many it was. */
async function killAt(bytes: number, args: string[]): Promise<number> {
  const { signal, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", "--frozen", "--config", CONFIG, PROCESS, String(bytes), ...args],
    stderr: "inherit",
  }).output();
  const fetched = new TextDecoder().decode(stdout);
  assert.equal(signal, "SIGKILL", `it ended by itself: ${fetched}`);
  return Number(fetched);
}

Deno.test(
  "a process that is killed loses little, again and again",
  onPosix("processes that are killed"),
  async () => {
    await using scene = await makeScene();
    const { fake, work, digest } = scene;
    const args = [fake.url, work.path("out"), work.path("state")];
    for (const bytes of [40 * MiB, 30 * MiB]) await killAt(bytes, args);
    const last = await scene.process();
    assert.equal(last.error, undefined);
    await scene.requireDone();
    assert.ok(last.resumed >= 70 * MiB - LOSS, `${last.resumed} bytes were kept`);
    const blobs = fake.requests.filter(({ path }) => path.endsWith(digest));
    const sent = blobs.reduce((sum, { sent }) => sum + sent, 0);
    assert.ok(sent <= SIZE + 2 * LOSS, `${sent} bytes`);
    assert.deepEqual(last.notices, []);
  },
);

Deno.test({
  name: "a process that is killed goes on with docker-registry, too",
  ignore: onPosix("processes that are killed").ignore ||
    !await ensureTool("docker-registry", "docker-registry"),
  async fn() {
    await using registry = await startRegistry();
    await using work = await makeWorkspace();
    using opened = open(registry);
    const input = ReadableStream.from(Array.from({ length: 3 }, () => PIECES).flat());
    const { size } = await upload(opened.store, "disk", { input, chunkSize: 2 * SIZE });
    const output = work.path("out");
    const fetched = await killAt(60 * MiB, [registry.url, output, work.path("state")]);
    const events: TransferEvent[] = [];
    const onEvent = (event: TransferEvent) => void events.push(event);
    await download(opened.store, "disk", { output, stateDirectory: work.path("state"), onEvent });
    const again = events.reduce((sum, event) => event.type === "progress" ? sum + event.bytes : sum, 0);
    assert.ok(again <= size - fetched + LOSS, `${fetched} and ${again} of ${size}`);
    assert.equal((await Deno.stat(output)).size, size);
    assert.equal(await digestOfFile(output), await digestOfPieces(3));
  },
});

async function digestOfPieces(times: number): Promise<Digest> {
  await using work = await makeWorkspace();
  using file = await Deno.open(work.path("pieces"), { write: true, create: true });
  for (const piece of Array.from({ length: times }, () => PIECES).flat()) await file.write(piece);
  return await digestOfFile(work.path("pieces"));
}

Deno.test("a journal that is torn, damaged or gone costs time, and nothing else", async () => {
  const accidents: [string, (path: string) => Promise<void>, number][] = [
    ["torn", async (path) => await Deno.truncate(path, (await Deno.stat(path)).size - 5), 50 * MiB],
    ["cut to its beginning", (path) => Deno.truncate(path, 400), SIZE],
    ["empty", (path) => Deno.truncate(path, 0), SIZE],
    ["damaged", (path) => damage(path, 30), SIZE],
    ["gone", (path) => Deno.remove(path), SIZE],
    ["another format", (path) => Deno.writeTextFile(path, "[]\n"), SIZE],
  ];
  for (const [what, accident, most] of accidents) {
    await using scene = await makeScene();
    await scene.process({ stopAt: 60 * MiB });
    await accident(await scene.journal.path());
    const { error, fetched, notices } = await scene.process();
    assert.equal(error, undefined, what);
    await scene.requireDone();
    assert.ok(fetched <= most, `${what}: ${fetched} bytes`);
    assert.deepEqual(notices, [], what);
  }
});

Deno.test("a journal that lies is found out, told, and the chunk is fetched again", async () => {
  for (
    const lies of [
      [{ chunk: 1, start: 0, end: SIZE }],
      [{ chunk: 1, start: 40 * MiB, end: SIZE }],
      [{ chunk: 1, start: 0, end: 2 ** 50 }],
    ]
  ) {
    await using scene = await makeScene();
    await scene.process({ stopAt: MiB });
    await scene.journal.replace(...lies);
    const { error, notices, fetched, resumed, chunks } = await scene.process();
    assert.equal(error, undefined);
    await scene.requireDone();
    assert.equal(notices.length, 1);
    assert.match(notices[0]!, AGAIN);
    assert.deepEqual([fetched, resumed, chunks], [SIZE, 0, ["1 fetched"]], "progress adds up");
  }
});

Deno.test("records that make no sense are passed over", async () => {
  await using scene = await makeScene();
  await scene.process({ stopAt: 60 * MiB });
  const [, ...records] = await scene.journal.records();
  const nonsense = [
    null,
    7,
    { chunk: 0, start: 0, end: 9 },
    { chunk: 2, start: 0, end: 9 },
    { chunk: 1, start: -1, end: 9 },
    { chunk: 1, start: 9, end: 1 },
    { chunk: 1, start: 0.5, end: 9 },
  ];
  await scene.journal.replace(...records, ...nonsense);
  const { error, notices, resumed } = await scene.process();
  assert.deepEqual([error, notices], [undefined, []]);
  assert.ok(resumed >= 60 * MiB);
  await scene.requireDone();
});

Deno.test("what is bad is written down: a process that ends then does not begin with it again", async () => {
  await using scene = await makeScene();
  await scene.process({ stopAt: 60 * MiB });
  await damage(scene.work.path("out.part"), 5);
  const second = await scene.process({ stopAt: "notice" });
  assert.equal(second.error, STOP);
  assert.match(second.notices[0]!, AGAIN);
  const third = await scene.process();
  assert.deepEqual([third.error, third.notices], [undefined, []]);
  await scene.requireDone();
});

Deno.test("a partial file that was changed by hand is found out", async () => {
  const part = ({ work }: Scene) => work.path("out.part");
  const changes: [string, (scene: Scene) => Promise<void>, { notices: number; fetched?: number }][] = [
    ["one byte", (scene) => damage(part(scene), 5), { notices: 1, fetched: SIZE }],
    ["removed", (scene) => Deno.remove(part(scene)), { notices: 0, fetched: SIZE }],
    ["moved away", (scene) => Deno.rename(part(scene), scene.work.path("other")), {
      notices: 0,
      fetched: SIZE,
    }],
    ["emptied", (scene) => Deno.truncate(part(scene), 0), { notices: 0, fetched: SIZE }],
    ["cut off", (scene) => Deno.truncate(part(scene), 5000), { notices: 0, fetched: SIZE - 5000 }],
    ["zeros in the same file", async (scene) => {
      await Deno.truncate(part(scene), 0);
      await Deno.truncate(part(scene), SIZE);
    }, { notices: 1, fetched: SIZE }],
    ["another file in its place", async (scene) => {
      await Deno.writeFile(scene.work.path("other"), someBytes(1000));
      await Deno.rename(scene.work.path("other"), part(scene));
    }, { notices: 1, fetched: SIZE }],
    ["all of it, from elsewhere", async (scene) => {
      await Deno.writeFile(scene.work.path("other"), ReadableStream.from(PIECES));
      await Deno.rename(scene.work.path("other"), part(scene));
    }, { notices: 1, fetched: 0 }],
  ];
  for (const [what, change, expected] of changes) {
    await using scene = await makeScene();
    // the beginning is there, and some of the rest is not
    await scene.process({ stopAt: 20 * MiB, jobs: 1 });
    await change(scene);
    const { error, notices, fetched } = await scene.process();
    assert.equal(error, undefined, what);
    assert.equal(notices.length, expected.notices, `${what}: ${notices}`);
    assert.equal(fetched, expected.fetched, what);
    await scene.requireDone();
  }
});

Deno.test("what was known of a partial file that was emptied is forgotten for good", async () => {
  await using scene = await makeScene();
  await scene.process({ stopAt: 60 * MiB });
  await Deno.truncate(scene.work.path("out.part"), 0);
  const second = await scene.process({ stopAt: 10 * MiB });
  const third = await scene.process();
  assert.deepEqual([third.error, third.notices], [undefined, []]);
  assert.equal(third.fetched, SIZE - second.fetched);
  await scene.requireDone();
});

Deno.test("without a state directory chunks that are whole are kept, and others are fetched again", async () => {
  await using scene = await makeScene();
  addStash(scene.fake, [PIECES.slice(0, 40), PIECES.slice(40, 80), PIECES.slice(80)]);
  const first = await scene.process({ stopAt: 50 * MiB, jobs: 1, stateDirectory: undefined });
  assert.deepEqual(first.chunks, ["1 fetched"]);
  const second = await scene.process({ stateDirectory: undefined });
  assert.deepEqual(second.chunks, ["1 present", "2 fetched", "3 fetched"]);
  assert.deepEqual([second.fetched, second.resumed, second.notices], [60 * MiB, 0, []]);
  assert.equal(await digestOfFile(scene.work.path("out")), scene.digest);
});

Deno.test("a partial file that was begun without a journal gets one", async () => {
  await using scene = await makeScene();
  addStash(scene.fake, [PIECES.slice(0, 40), PIECES.slice(40, 80), PIECES.slice(80)]);
  await scene.process({ stopAt: 50 * MiB, jobs: 1, stateDirectory: undefined });
  const second = await scene.process({ stopAt: 30 * MiB });
  const third = await scene.process();
  assert.equal(third.error, undefined);
  assert.equal(third.fetched, 60 * MiB - second.fetched);
  await scene.requireDone();
});

Deno.test("a stash that was changed between two runs is noticed, and what is the same is kept", async () => {
  await using scene = await makeScene();
  const chunks = [PIECES.slice(0, 40), PIECES.slice(40, 80), PIECES.slice(80)];
  addStash(scene.fake, chunks);
  await scene.process({ stopAt: 70 * MiB, jobs: 1 });
  const other = someBytes(40 * MiB, 99);
  addStash(scene.fake, [chunks[0]!, [other], chunks[2]!]);
  const { error, notices, chunks: states } = await scene.process();
  assert.equal(error, undefined);
  assert.deepEqual(states, ["1 present", "2 fetched", "3 fetched"]);
  assert.equal(notices.length, 1);
  assert.match(notices[0]!, /out\.part was begun for other content: what does not fit is fetched again$/);
  const file = await Deno.readFile(scene.work.path("out"));
  assert.equal(file.length, SIZE);
  assert.deepEqual(file.subarray(40 * MiB, 80 * MiB), other);
  assert.deepEqual(file.subarray(80 * MiB, 81 * MiB), PIECES[80]);
});

Deno.test("a stash that is changed while it is fetched is told, with what to do", async () => {
  await using scene = await makeScene();
  const { fake, digest } = scene;
  const run = scene.process({ jobs: 1 });
  fake.faults.onRequest = ({ headers }) => {
    if (startOf(headers["range"]) >= 64 * MiB) {
      fake.storage.repository("me/files").blobs.delete(digest);
      fake.storage.repository("me/files").tags.clear();
    }
  };
  const { error } = await run;
  assert.ok(error instanceof NotFoundError);
  assert.match(error.message, /: the stash was replaced or removed while it was read$/);
  assert.match(error.hint!, /^run the same command again/);
  assert.ok(await scene.work.has("out.part"));
});

Deno.test("a server that gives whole blobs only sends all of it again, and the journal stays right", async () => {
  await using scene = await makeScene({ faults: { ranges: "ignored" } });
  const first = await scene.process({ stopAt: 60 * MiB });
  assert.equal(first.error, STOP);
  const second = await scene.process();
  assert.equal(second.error, undefined);
  assert.deepEqual([second.fetched, second.resumed], [SIZE, 0]);
  await scene.requireDone();
  // the journal of a process that was stopped there is good enough for a server that gives ranges
  await Deno.remove(scene.work.path("out"));
  const third = await scene.process({ stopAt: 60 * MiB });
  delete scene.fake.faults.ranges;
  const fourth = await scene.process();
  assert.deepEqual([fourth.error, fourth.fetched], [undefined, SIZE - third.fetched]);
  await scene.requireDone();
});

Deno.test("a blob that is corrupted at the registry is told in every run, and never gets the name", async () => {
  await using scene = await makeScene();
  scene.fake.faults.damaged = { [scene.digest]: 70 * MiB };
  await scene.process({ stopAt: 90 * MiB });
  for (let run = 0; run < 2; run++) {
    assert.ok((await scene.process()).error instanceof MismatchError);
    assert.ok(!await scene.work.has("out"));
  }
  scene.fake.faults.damaged = {};
  assert.equal((await scene.process()).error, undefined);
  await scene.requireDone();
});

Deno.test("links are not followed", onPosix("symbolic links"), async () => {
  for (const name of ["out", "out.part"]) {
    for (const target of ["victim", "nothing"]) {
      await using scene = await makeScene();
      const { work } = scene;
      await work.write("victim", "precious");
      await Deno.symlink(work.path(target), work.path(name));
      const { error, sent } = await scene.process();
      assert.ok(error instanceof InvalidInputError);
      assert.match(error.message, /\/out(\.part)? is a symbolic link, which is not followed$/);
      assert.equal(error.hint, "name the file that it points to, or remove the link");
      assert.equal(sent, 0);
      assert.equal(await Deno.readTextFile(work.path("victim")), "precious");
      assert.ok((await Deno.lstat(work.path(name))).isSymlink && !await work.has("nothing"));
    }
  }
});

Deno.test(
  "a link that comes between the look and the opening is not followed either",
  onPosix("symbolic links"),
  async () => {
    for (const before of ["nothing", "a part"]) {
      await using scene = await makeScene();
      const { work } = scene;
      await work.write("victim", "precious");
      if (before === "a part") await work.write("out.part", someBytes(10));
      const { open } = Deno;
      Deno.open = async (path, options) => {
        if (
          path === work.path("out.part") && options?.write &&
          !(await Deno.lstat(path).catch(() => {}))?.isSymlink
        ) {
          await Deno.remove(path).catch(() => {});
          await Deno.symlink(work.path("victim"), path);
        }
        return await open(path, options);
      };
      try {
        const { error } = await scene.process();
        assert.ok(error instanceof InvalidInputError, `${error}`);
        assert.equal(await Deno.readTextFile(work.path("victim")), "precious");
      } finally {
        Deno.open = open;
      }
    }
  },
);

Deno.test(
  "a partial file that is replaced while it is written does not get the name",
  onPosix("files that are removed while they are open"),
  async () => {
    for (const [what, change] of [["removed", false], ["replaced", true]] as const) {
      await using scene = await makeScene();
      const { work, fake } = scene;
      fake.faults.onRequest = async ({ headers }) => {
        if (!headers["range"]?.endsWith(`-${SIZE - 1}`)) return;
        await Deno.remove(work.path("out.part"));
        if (change) await Deno.writeFile(work.path("out.part"), ReadableStream.from(PIECES));
      };
      const { error } = await scene.process({ jobs: 1 });
      assert.match(`${error?.message}`, /out\.part was removed or replaced while it was written$/, what);
      assert.ok(!await work.has("out"), what);
      fake.faults.onRequest = () => {};
      assert.equal((await scene.process()).error, undefined);
      await scene.requireDone();
    }
  },
);

Deno.test(
  "of two downloads to one file the second is told, and does no harm",
  onPosix("locks that do not keep from reading"),
  async () => {
    for (const stateDirectory of [undefined, "other"]) {
      await using scene = await makeScene();
      const { fake, work } = scene;
      const [begun, tried] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
      let held = 0;
      fake.faults.onRequest = async ({ headers }) => {
        if (!headers["range"] || held++ >= JOBS) return;
        begun.resolve();
        await tried.promise;
      };
      const first = scene.process();
      await begun.promise;
      const second = await scene.process({ stateDirectory: stateDirectory && work.path(stateDirectory) });
      tried.resolve();
      assert.ok(second.error instanceof ConflictError);
      assert.match(second.error.message, /^another download to \S+\/out is under way/);
      assert.equal((await first).error, undefined);
      await scene.requireDone();
    }
  },
);

Deno.test("a partial file that another download gives its name while it is opened is not written to", async () => {
  await using scene = await makeScene();
  const { work } = scene;
  await Deno.writeFile(work.path("out.part"), ReadableStream.from(PIECES));
  const { open } = Deno;
  let renamed = false;
  // the other one gives the part its name just when it was opened here
  Deno.open = async (path, options) => {
    const file = await open(path, options);
    if (path === work.path("out.part") && options?.write && !renamed) {
      renamed = true;
      await Deno.rename(path, work.path("out"));
    }
    return file;
  };
  try {
    const { error } = await scene.process();
    assert.equal(error, undefined);
  } finally {
    Deno.open = open;
  }
  await scene.requireDone();
});

/** The offset at which a range begins; `NaN` = there is no range. */
function startOf(range: string | undefined): number {
  return Number(/^bytes=(\d+)-/.exec(range ?? "")?.[1] ?? NaN);
}

/** What the error says that is missing, in its words. */
function neededRoom({ error }: Run): string {
  assert.ok(error instanceof LayerstashError, `${error}`);
  assert.match(error.hint!, /^make room and run the same command again: it goes on from there$/);
  const message = /no space is left on the disk for \S+\/disk\/out\.part: ([\d.]+ MB) more are needed$/;
  return message.exec(error.message)?.[1] ?? assert.fail(error.message);
}

Deno.test("what was found in a partial file is not needed on a full disk", withSmallDisk, async () => {
  await using scene = await makeScene();
  const { work, fake } = scene;
  addStash(fake, [PIECES.slice(0, 40), PIECES.slice(40, 80), PIECES.slice(80)]);
  await using _disk = await mountSmallDisk(work.path("disk"), "120m");
  const output = work.path("disk/out");
  await Deno.writeFile(`${output}.part`, ReadableStream.from(PIECES.slice(0, 40)));
  fake.faults.onRequest = async ({ headers }) => {
    if (headers["range"]) await Deno.writeFile(work.path("disk/other"), new Uint8Array(60 * MiB));
  };
  const needed = neededRoom(await scene.process({ output, jobs: 1 }));
  assert.ok(parseSize(needed) >= 39 * MiB && parseSize(needed) <= 41 * MiB, needed);
});

Deno.test(
  "on a full disk the partial file is left, and with more room it goes on from there",
  withSmallDisk,
  async () => {
    await using scene = await makeScene();
    const { work, fake, digest } = scene;
    await using disk = await mountSmallDisk(work.path("disk"), "120m");
    const output = work.path("disk/out");
    // somebody else fills the disk on the way
    fake.faults.onRequest = async ({ headers }) => {
      if (startOf(headers["range"]) >= 32 * MiB) {
        await Deno.writeFile(work.path("disk/other"), new Uint8Array(60 * MiB));
      }
    };
    const first = await scene.process({ output, jobs: 1 });
    const needed = neededRoom(first);
    assert.ok(parseSize(needed) >= 39 * MiB && parseSize(needed) <= 41 * MiB, needed);
    fake.faults.onRequest = () => {};
    const second = await scene.process({ output });
    assert.match(`${second.error?.message}`, /^\S+\/disk has [\d.]+ M?B free, and [\d.]+ MB are needed$/);
    assert.equal(second.sent, 0);
    assert.ok(await work.has("disk/out.part") && !await work.has("disk/out"));
    await disk.remount("size=170m");
    const third = await scene.process({ output });
    assert.equal(third.error, undefined);
    assert.equal(formatSize(third.fetched), needed);
    assert.equal(await digestOfFile(output), digest);
  },
);

Deno.test("where there is no room from the beginning, nothing is left behind", withSmallDisk, async () => {
  await using scene = await makeScene();
  const { work } = scene;
  await using _disk = await mountSmallDisk(work.path("disk"), "16m");
  const { error, sent } = await scene.process({ output: work.path("disk/out") });
  assert.match(`${error?.message}`, /^\S+\/disk has 16.8 MB free, and 105 MB are needed$/);
  assert.equal(sent, 0);
  assert.ok(!await work.has("disk/out.part"));
});

Deno.test("the size of an empty stash is no reason to fail, with a partial file or without", async () => {
  await using scene = await makeScene();
  using opened = open(scene.fake);
  await upload(opened.store, "disk", { input: streamOf(new Uint8Array()), overwrite: true });
  for (const part of [undefined, "", "some bytes"]) {
    if (part !== undefined) await scene.work.write("out.part", part);
    if (part) assert.ok((await scene.process()).error instanceof ConflictError);
    assert.equal((await scene.process({ overwrite: part === "some bytes" })).error, undefined);
    assert.equal((await Deno.stat(scene.work.path("out"))).size, 0);
    await Deno.remove(scene.work.path("out"));
  }
});
