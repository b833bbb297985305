/** An upload that ended in the middle of a chunk goes on from there, in another process and at every kind of registry. @module */
import assert from "node:assert/strict";
import { download, openStore, upload, type UploadOptions } from "../main.ts";
import { ConflictError, LayerstashError } from "../lib/errors.ts";
import { Hasher } from "../lib/content/hasher.ts";
import type { TransferEvent } from "../lib/events.ts";
import { digestOf } from "../lib/oci/digest.ts";
import { arrived } from "../lib/registry/push/upload_session.ts";
import { makeWorkspace, someBytes, streamOf, type Workspace } from "./rigs/content.ts";
import { type FakeOptions, type FakeRegistry, startFakeRegistry } from "./rigs/fake_registry.ts";
import { open } from "./rigs/opened.ts";

const MiB = 1024 ** 2;
const PART = MiB;
/** Eight parts and a bit, in one chunk unless a test says otherwise. */
const BYTES = someBytes(8 * MiB + 12345);
const STOP = new Error("the process ends here");

/** A fake registry and a directory that outlive the processes of a test. */
interface Scene extends AsyncDisposable {
  fake: FakeRegistry;
  work: Workspace;
  /** Uploads as a process of its own would; it ends when `stopAt` bytes have gone out. */
  process(options?: Partial<UploadOptions> & { stopAt?: number; registry?: string }): Promise<Run>;
}

/** What one process did. */
interface Run {
  error: unknown;
  events: TransferEvent[];
  /** The bytes of blobs over 1 MiB that the registry got from it. */
  sent: number;
}

async function makeScene(options: FakeOptions = {}, profile = {}): Promise<Scene> {
  const fake = await startFakeRegistry(options);
  const work = await makeWorkspace();
  const input = await work.write("disk.img", BYTES);
  return {
    fake,
    work,
    async process({ stopAt = Infinity, registry = fake.url, ...more } = {}) {
      using opened = open({ url: registry }, { profile: { partSize: PART, ...profile } });
      const { events, store } = opened;
      const aborter = new AbortController();
      const before = fake.requests.length;
      let out = 0;
      const onEvent = (event: TransferEvent) => {
        events.push(event);
        if (event.type === "progress" && (out += event.bytes) >= stopAt) aborter.abort(STOP);
      };
      const error = await upload(store, "disk", {
        input,
        chunkSize: 100 * MiB,
        stateDirectory: work.path("state"),
        signal: aborter.signal,
        onEvent,
        ...more,
      }).then(() => undefined, (error) => error);
      const sent = fake.requests.slice(before).reduce((sum, { received }) => sum + received, 0);
      return { error, events, sent };
    },
    async [Symbol.asyncDispose]() {
      await fake[Symbol.asyncDispose]();
      await work[Symbol.asyncDispose]();
    },
  };
}

async function requireStored({ fake, work }: Scene, bytes = BYTES): Promise<void> {
  using opened = open(fake);
  await download(opened.store, "disk", { output: work.path("back") });
  assert.equal(digestOf(await Deno.readFile(work.path("back"))), digestOf(bytes));
  await Deno.remove(work.path("back"));
}

/** Configs are sent too, and a stopped process has some bytes in its sockets. */
const SOME = 300 * 1024;

const resumed = ({ events }: Run) => events.flatMap((event) => event.type === "resume" ? [event.bytes] : []);

for (const push of ["parts", "stream"] as const) {
  for (const locations of ["absolute", "relative", "another-origin"] as const) {
    Deno.test(`${push}, locations ${locations}: the next process sends what the first one did not`, async () => {
      for (const stopAt of [1, PART / 2, PART, 3.5 * PART, 8 * PART, BYTES.length]) {
        await using scene = await makeScene({ faults: { locations } }, { push });
        const first = await scene.process({ stopAt });
        assert.equal(first.error, STOP);
        const second = await scene.process();
        assert.equal(second.error, undefined);
        const arrivedFirst = Math.min(stopAt, BYTES.length) - 2 * 256 * 1024;
        if (arrivedFirst > 0) {
          assert.ok(resumed(second)[0]! >= arrivedFirst, `${resumed(second)} at ${stopAt}`);
        }
        assert.ok(first.sent + second.sent <= BYTES.length + SOME, `${first.sent} + ${second.sent}`);
        await requireStored(scene);
      }
    });
  }
}

Deno.test("a process may end again and again, and each goes on where the last one ended", async () => {
  await using scene = await makeScene();
  let sent = 0;
  for (let count = 0; count < 7; count++) {
    const run = await scene.process({ stopAt: 1.3 * PART });
    sent += run.sent;
    if (run.error === undefined) break;
  }
  sent += (await scene.process()).sent;
  assert.ok(sent <= BYTES.length + SOME, `${sent} of ${BYTES.length}`);
  await requireStored(scene);
});

for (
  const [what, faults] of Object.entries(
    {
      "ends a session that is asked for (distribution 2.8)": { sessionStatus: "fatal" },
      "does not tell how far a session is (ECR Public)": { sessionStatus: "absent" },
      "drops a session whose connection breaks (zot)": { dropBrokenSessions: true },
      "takes nothing more after a break (Gitea)": { stickBrokenSessions: true },
      "names one byte too many, as an unknown Quay": { sessionStatus: "quay" },
    } as const,
  )
) {
  Deno.test(`a registry that ${what} gets the chunk from its beginning`, async () => {
    await using scene = await makeScene({ faults });
    assert.equal((await scene.process({ stopAt: 3.5 * PART })).error, STOP);
    const second = await scene.process();
    assert.equal(second.error, undefined);
    assert.ok(second.sent <= 2 * BYTES.length, `${second.sent}`);
    assert.equal(resumed(second).reduce((sum, bytes) => sum + bytes, 0), 0, "nothing was saved");
    await requireStored(scene);
  });
}

Deno.test("a session that takes nothing more after a broken part is given up in the same process", async () => {
  const breakUpload = { after: 2.5 * PART, inBlob: true, times: 1, how: "cut" } as const;
  await using scene = await makeScene({ faults: { stickBrokenSessions: true, breakUpload } });
  const run = await scene.process();
  assert.equal(run.error, undefined);
  assert.equal(
    run.events.reduce((sum, event) => event.type === "progress" ? sum + event.bytes : sum, 0),
    BYTES.length,
  );
  await requireStored(scene);
});

Deno.test("the next process begins with parts that a proxy takes, and goes on in the session", async () => {
  await using scene = await makeScene({ faults: { maxBody: 1.5 * MiB, htmlErrors: true } }, {
    partSize: 4 * MiB,
  });
  const aborter = new AbortController();
  scene.fake.faults.onRequest = () => {
    const parts = scene.fake.requests.filter(({ headers }) => headers["content-length"] === `${MiB}`);
    if (parts.length === 4) aborter.abort(STOP);
  };
  const first = await scene.process({ signal: aborter.signal });
  assert.equal(first.error, STOP);
  const before = scene.fake.requests.length;
  const second = await scene.process();
  assert.equal(second.error, undefined);
  assert.ok(second.sent <= BYTES.length - 2 * PART, `${second.sent}`);
  assert.ok(!scene.fake.requests.slice(before).some(({ status }) => status === 413));
  const saved = resumed(second).reduce((sum, bytes) => sum + bytes, 0);
  assert.ok(saved >= 2 * PART && saved + second.sent <= BYTES.length + SOME, `${saved}`);
  await requireStored(scene);
});

Deno.test("a part that has become too large for a proxy is sent in smaller ones, in the same session", async () => {
  await using scene = await makeScene({ faults: { htmlErrors: true } }, { partSize: 4 * MiB });
  const { faults, requests } = scene.fake;
  faults.onRequest = ({ method }) => {
    const parts = requests.filter((each) => each.method === "PATCH").length;
    if (method === "PATCH" && parts > 1) faults.maxBody = 1.5 * MiB;
  };
  assert.equal((await scene.process()).error, undefined);
  assert.ok(requests.some(({ status }) => status === 413));
  assert.equal(
    requests.filter(({ method, path }) => method === "POST" && path.includes("uploads")).length,
    2,
  ); // and the config's
  await requireStored(scene);
});

Deno.test("what Quay says of its sessions is understood", async () => {
  await using scene = await makeScene({ faults: { sessionStatus: "quay" } }, { uploadRangeIsCount: true });
  const first = await scene.process({ stopAt: 3.5 * PART });
  const second = await scene.process();
  assert.equal(second.error, undefined);
  assert.ok(first.sent + second.sent <= BYTES.length + SOME);
  await requireStored(scene);
});

Deno.test("a registry that has other bytes than it acknowledged gets the chunk once more, and that is told", async () => {
  await using scene = await makeScene();
  await scene.process({ stopAt: 3.5 * PART });
  for (const session of scene.fake.storage.sessions.values()) {
    const { size } = session;
    const undo = session.mark();
    undo();
    session.pieces = [someBytes(size, 9)];
    // The hash of the session no longer fits its bytes either way: the registry will refuse the digest.
    session.append(new Uint8Array(0));
    Object.assign(session, { digest: () => `sha256:${"0".repeat(64)}` });
  }
  const second = await scene.process();
  assert.equal(second.error, undefined);
  assert.ok(second.events.some((event) => event.type === "retry" && /other bytes/.test(event.reason)));
  await requireStored(scene);
});

Deno.test("several chunks on their way at once go on, each from its own place", async () => {
  await using scene = await makeScene();
  const options = { chunkSize: 2.5 * MiB, jobs: 4 };
  const first = await scene.process({ ...options, stopAt: 6 * MiB });
  const second = await scene.process(options);
  assert.equal(second.error, undefined);
  assert.ok(first.sent + second.sent <= BYTES.length + 4 * SOME, `${first.sent} + ${second.sent}`);
  await requireStored(scene);
});

Deno.test("a chunk that is stored but has no tag yet is known by the journal, and not sent again", async () => {
  await using scene = await makeScene();
  scene.fake.faults.failNext = [{ method: "PUT", path: /manifests/, status: 403, times: 1 }];
  assert.notEqual((await scene.process()).error, undefined);
  const second = await scene.process();
  assert.equal(second.error, undefined);
  assert.ok(second.sent < SOME, `${second.sent}`);
  await requireStored(scene);
});

Deno.test("a file that was changed since is stored as it is now", async () => {
  for (const change of ["size", "date", "bytes"] as const) {
    await using scene = await makeScene();
    await scene.process({ stopAt: 3.5 * PART });
    const other = change === "size"
      ? someBytes(5 * MiB, 2)
      : change === "bytes"
      ? someBytes(BYTES.length, 3)
      : BYTES;
    await scene.work.write("disk.img", other, "2025-05-05T00:00:00.000Z");
    const second = await scene.process();
    assert.equal(second.error, undefined);
    assert.deepEqual(resumed(second), []);
    await requireStored(scene, other);
  }
});

Deno.test("a journal that is torn, damaged or gone costs time only", async () => {
  for (const damage of ["torn", "garbage", "gone"] as const) {
    await using scene = await makeScene();
    await scene.process({ stopAt: 3.5 * PART });
    const [name] = await Array.fromAsync(Deno.readDir(scene.work.path("state")), (entry) => entry.name);
    const path = scene.work.path(`state/${name}`);
    const whole = await Deno.readFile(path);
    if (damage === "gone") await Deno.remove(path);
    else {await Deno.writeFile(
        path,
        damage === "torn" ? whole.subarray(0, whole.length - 20) : someBytes(5000),
      );}
    const second = await scene.process();
    assert.equal(second.error, undefined);
    await requireStored(scene);
  }
});

Deno.test("a journal is of no use at another registry", async () => {
  await using scene = await makeScene();
  await scene.process({ stopAt: 3.5 * PART });
  await using other = await makeScene();
  const state = scene.work.path("state");
  const run = await other.process({ stateDirectory: state });
  assert.equal(run.error, undefined);
  assert.deepEqual(resumed(run), []);
  await requireStored(other);
});

Deno.test("in a directory, too, a rerun knows from the journal what is there", async () => {
  await using work = await makeWorkspace();
  const input = await work.write("disk.img", BYTES);
  const options = { input, chunkSize: 2 * MiB, stateDirectory: work.path("state") };
  const states: string[] = [];
  const onEvent = (event: TransferEvent) => void (event.type === "blob" && states.push(event.state));
  const registry = `oci:${work.path("box")}`;
  {
    using store = openStore({ registry, repository: "me/files" });
    const aborter = new AbortController();
    const stop = (event: TransferEvent) => event.type === "blob" && aborter.abort(STOP);
    await assert.rejects(upload(store, "disk", { ...options, signal: aborter.signal, onEvent: stop }), STOP);
  }
  using store = openStore({ registry, repository: "me/files" });
  await upload(store, "disk", { ...options, onEvent });
  assert.ok(states.includes("present"), `${states}`);
  await download(store, "disk", { output: work.path("back") });
  assert.equal(digestOf(await Deno.readFile(work.path("back"))), digestOf(BYTES));
});

Deno.test("a rerun of a complete upload hashes nothing, and sends nothing", async () => {
  await using scene = await makeScene();
  await scene.process({ chunkSize: 2 * MiB });
  const { follow } = Hasher.prototype;
  const hashed: string[] = [];
  Hasher.prototype.follow = function (path, start) {
    hashed.push(`${path} from ${start}`);
    return follow.call(this, path, start);
  };
  try {
    const run = await scene.process({ chunkSize: 2 * MiB });
    assert.equal(run.error, undefined);
    assert.equal(run.sent, 0);
    assert.equal(run.events.filter((event) => event.type === "blob" && event.state === "present").length, 5);
    assert.deepEqual(hashed, []);
    await scene.process({ chunkSize: 2 * MiB, stateDirectory: undefined });
    assert.equal(hashed.length, 5, "without the journal it has to");
  } finally {
    Hasher.prototype.follow = follow;
  }
});

Deno.test("a stream that is fed again passes over the chunks that are there", async () => {
  await using scene = await makeScene();
  const chunkSize = 2 * MiB;
  const input = () => streamOf(BYTES, 100_000);
  const first = await scene.process({ input: input(), chunkSize, stopAt: 5 * MiB });
  assert.equal(first.error, STOP);
  const second = await scene.process({ input: input(), chunkSize });
  assert.equal(second.error, undefined);
  assert.ok(second.sent <= BYTES.length - 4 * MiB + SOME, `${second.sent}`);
  await requireStored(scene);
});

Deno.test("a stream that ends again and again gains chunks each time", async () => {
  await using scene = await makeScene();
  const chunkSize = 1.5 * MiB;
  const input = () => streamOf(BYTES, 100_000);
  for (const tags of [1, 2, 3]) {
    await scene.process({ input: input(), chunkSize, stopAt: 2 * MiB });
    assert.equal(scene.fake.storage.repository("me/files").tags.size, tags);
  }
});

Deno.test("a stream goes on after a break in the middle of a part, where sessions are kept", async () => {
  await using scene = await makeScene({ faults: { breakUpload: { after: 300_000, times: 3, how: "cut" } } });
  const run = await scene.process({ input: streamOf(BYTES, 100_000) });
  assert.equal(run.error, undefined);
  assert.ok(run.events.some(({ type }) => type === "retry"));
  await requireStored(scene);
});

Deno.test("two uploads of one stash at once on one machine: the second is told, and the first goes on", async () => {
  await using scene = await makeScene();
  let second: Promise<Run> | undefined;
  scene.fake.faults.onRequest = async ({ method }) => {
    if (method !== "PATCH" || second) return;
    second = scene.process();
    await second;
  };
  const first = await scene.process();
  assert.equal(first.error, undefined);
  const { error } = (await second)!;
  assert.ok(error instanceof ConflictError);
  assert.match(
    error.message,
    /another upload of disk to 127.0.0.1:\d+\/me\/files is under way on this machine/,
  );
  await requireStored(scene);
});

Deno.test("two machines that store different files under one name: one wins, and the other says so", async () => {
  // The second begins and ends at any request of the first, and has other bytes in every chunk, or in the last only.
  const mine = someBytes(90_000);
  const same = mine.slice();
  same[mine.length - 1]! ^= 1;
  for (const other of [someBytes(mine.length, 7), same, someBytes(30_000, 8)]) {
    for (let at = 1; at <= 34; at++) {
      await using scene = await makeScene();
      const input = await scene.work.write("mine.img", mine);
      const rival = await scene.work.write("rival.img", other);
      const options = { chunkSize: 20_000, jobs: 2, input };
      let second: Promise<Run> | undefined;
      let [count, during] = [0, ""];
      scene.fake.faults.onRequest = async ({ method, path }) => {
        if (++count !== at) return;
        during = `${method} ${path}`;
        // Under another name, as from elsewhere: one process lets nobody in between.
        const registry = scene.fake.url.replace("127.0.0.1", "localhost");
        const stateDirectory = scene.work.path("elsewhere");
        second = scene.process({ ...options, input: rival, registry, stateDirectory });
        await second;
      };
      const runs = [await scene.process(options), (await second)!];
      const losers = runs.filter(({ error }) => error !== undefined);
      assert.ok(
        losers.every(({ error }) => error instanceof ConflictError),
        `${losers[0]?.error} during ${during}`,
      );
      // Between the last look at a tag and the request that sets it nobody can be kept out: registries know no
      // conditions. Then what is there is one of the two, or is told apart from a whole stash.
      const unseen = during.startsWith("PUT /v2/me/files/manifests/");
      if (!unseen) assert.equal(losers.length, 1, `during ${during}`);
      const stored = requireStored(scene, runs[0]?.error === undefined ? mine : other);
      await (unseen ? stored.catch((error) => assert.ok(error instanceof LayerstashError, error)) : stored);
    }
  }
});

Deno.test("what a session has is read with care", () => {
  const read = (range: string | null, uploadRangeIsCount = false) =>
    arrived(range, { least: 100, most: 200, uploadRangeIsCount });
  assert.equal(read("0-149"), 150);
  assert.equal(read("bytes=0-149"), 150);
  assert.equal(read("0-99"), 100);
  assert.equal(read("0-199"), 200);
  for (
    const nothing of [
      "0-98",
      "0-200",
      null,
      "",
      "1-149",
      "0-",
      "0-1e2",
      "x",
      "0--1",
      "0-149,",
      "0-99999999999999999",
    ]
  ) {
    assert.equal(read(nothing), undefined, `${nothing}`);
  }
  assert.equal(read("bytes=0-150", true), 150);
  const fresh = { least: 0, most: 200, uploadRangeIsCount: false };
  assert.equal(arrived("0-0", fresh), undefined, "empty, or one byte: nobody can tell");
  assert.equal(arrived("bytes=0--1", fresh), 0);
});
