/** A file that is replaced stays whole under its name until all of the new one is stored: then the tags move. @module */
import assert from "node:assert/strict";
import {
  ConflictError,
  type Digest,
  info,
  LayerstashError,
  list,
  NotAllowedError,
  openStore,
  RegistryError,
  type Store,
  type TransferEvent,
  upload,
  verify,
} from "../main.ts";
import { generateKey, Identities, Recipients } from "../lib/exports/encryption.ts";
import { copyStash } from "../lib/exports/copy.ts";
import { testClock } from "./rigs/clock.ts";
import { killIfRunning, makeWorkplace, type Workplace } from "./rigs/command_line.ts";
import { makeWorkspace, someBytes, streamOf, type Workspace } from "./rigs/content.ts";
import { ensureTool } from "./rigs/debian.ts";
import { type FakeRegistry, startFakeRegistry } from "./rigs/fake_registry.ts";
import { linesOf } from "./rigs/line_reader.ts";
import { startRegistry } from "./rigs/real_registry.ts";
import { testOnEachStore } from "./rigs/stores.ts";
import { onPosix } from "./rigs/system.ts";
import { changes, CHUNK, FIVE, openFake, stored, tagged } from "./rigs/uploads.ts";

const UNIX = onPosix("processes that are killed");
/** Files of fewer, as many and more chunks, of other bytes, or in part of the same. */
const NEW_FILES: [string, Uint8Array<ArrayBuffer>][] = [
  ["two chunks", someBytes(2 * CHUNK, 7)],
  ["five chunks", someBytes(5 * CHUNK, 8)],
  ["seven chunks", someBytes(7 * CHUNK - 9, 9)],
  ["two chunks more", new Uint8Array([...FIVE.slice(0, 4 * CHUNK), ...someBytes(3 * CHUNK, 6)])],
];

/**
 * Has an upload end after its first chunk, and after its last, and calls the function each time; then it runs to its end. Returns
 * how many bytes each run has sent.
 */
async function replaceInThreeRuns(
  store: Store,
  options: { input: () => string | ReadableStream<Uint8Array>; size: number },
  check: () => Promise<void>,
): Promise<number[]> {
  const chunks = Math.ceil(options.size / CHUNK);
  const enough = new Error("enough");
  const sent: number[] = [];
  const run = async (most: number) => {
    const aborter = new AbortController();
    let [done, bytes] = [0, 0];
    await upload(store, "disk", {
      ...{ input: options.input(), chunkSize: CHUNK, overwrite: true, jobs: 1, signal: aborter.signal },
      onEvent: (event) => {
        if (event.type === "progress" && event.phase === "send") bytes += event.bytes;
        if (event.type === "blob" && ++done === most) aborter.abort(enough);
      },
    }).catch((error) => assert.equal(error, enough));
    sent.push(bytes);
  };
  for (const most of [1, chunks]) {
    await run(most);
    await check();
  }
  await run(Infinity);
  return sent;
}

testOnEachStore(
  "a file stays whole while another is sent in its place, and is then that other",
  async (place) => {
    await using work = await makeWorkspace();
    using store = place.open();
    for (const [what, bytes] of NEW_FILES) {
      const old = await work.write("old.img", FIVE);
      await upload(store, "disk", { input: old, chunkSize: CHUNK, overwrite: true });
      const input = await work.write("new.img", bytes);
      const sent = await replaceInThreeRuns(store, { input: () => input, size: bytes.length }, async () => {
        assert.deepEqual(await stored(store, "disk"), FIVE, what);
        assert.deepEqual((await verify(store, "disk", { file: old })).faults, [], what);
        assert.equal((await Array.fromAsync(list(store)))[0]?.problem, undefined, what);
      });
      assert.ok(sent[0]! + sent[1]! <= bytes.length, `${what}: ${sent} bytes were sent`);
      assert.equal(sent.at(-1), 0, what);
      assert.deepEqual(await stored(store, "disk"), bytes, what);
      assert.deepEqual((await verify(store, "disk", { deep: true })).faults, [], what);
      const numbers = Array.from(
        { length: Math.ceil(bytes.length / CHUNK) },
        (_, index) => `disk-${index + 1}`,
      );
      assert.deepEqual((await Array.fromAsync(store.tags())).sort(), numbers, what);
    }
  },
);

testOnEachStore("a file stays whole while a stream comes in its place", async (place) => {
  using store = place.open();
  for (const [what, bytes] of [NEW_FILES[0]!, NEW_FILES[2]!]) {
    await upload(store, "disk", { input: streamOf(FIVE), chunkSize: CHUNK, overwrite: true });
    const input = () => streamOf(bytes);
    await replaceInThreeRuns(store, { input, size: bytes.length }, async () => {
      assert.deepEqual(await stored(store, "disk"), FIVE, what);
    });
    assert.deepEqual(await stored(store, "disk"), bytes, what);
    assert.deepEqual((await verify(store, "disk", { deep: true })).faults, [], what);
  }
});

Deno.test("an encrypted file stays whole, and what replaces it goes on with the key that it began with", async () => {
  await using work = await makeWorkspace();
  using store = openStore({ registry: `oci:${work.path("box")}`, repository: "me/files" });
  const { identity, recipient } = await generateKey();
  const identities = await Identities.inFiles([await work.write("key.txt", identity)]);
  const options = {
    chunkSize: CHUNK,
    encryptTo: await Recipients.of([recipient]),
    stateDirectory: work.path("journals"),
    overwrite: true,
    jobs: 1,
  };
  const old = await upload(store, "disk", { ...options, input: await work.write("old.img", FIVE) });
  const input = await work.write("new.img", someBytes(5 * CHUNK, 3));
  const aborter = new AbortController();
  const sent: string[] = [];
  await assert.rejects(
    upload(store, "disk", {
      ...{ ...options, input, signal: aborter.signal },
      onEvent: (event) => {
        if (event.type === "blob" && sent.push(event.digest) === 2) aborter.abort(new Error("enough"));
      },
    }),
    /enough/,
  );
  assert.equal((await info(store, "disk", { identities })).digest, old.digest);
  assert.deepEqual((await verify(store, "disk", { identities, file: work.path("old.img") })).faults, []);
  const present: string[] = [];
  const stash = await upload(store, "disk", {
    ...{ ...options, input },
    onEvent: (event) => {
      if (event.type === "blob" && event.state === "present") present.push(event.digest);
    },
  });
  assert.deepEqual(present, sent);
  assert.notEqual(stash.digest, old.digest);
  assert.deepEqual((await verify(store, "disk", { identities, file: input })).faults, []);
});

Deno.test("what a new key encrypts in the place of a file is encrypted once, and looked for nowhere", async () => {
  await using work = await makeWorkspace();
  await using registry = await startFakeRegistry();
  using store = openFake(registry);
  const { recipient } = await generateKey();
  const options = { chunkSize: CHUNK, encryptTo: await Recipients.of([recipient]), overwrite: true };
  await upload(store, "disk", { ...options, input: await work.write("old.img", FIVE) });
  registry.requests.length = 0;
  const phases = new Set<string>();
  const input = await work.write("new.img", someBytes(FIVE.length + CHUNK, 3));
  await upload(store, "disk", {
    ...{ ...options, input },
    onEvent: (event) => {
      if (event.type === "progress") phases.add(event.phase);
    },
  });
  assert.deepEqual([...phases], ["send"]);
  const looks = registry.requests.filter(({ method, path }) => method === "HEAD" && path.includes("/blobs/"));
  assert.deepEqual(looks, []);
});

/** Sends a signal to an upload that replaces a file, when the registry gets its `count`-th request of a kind. */
async function interruptReplacing(
  work: Workplace,
  registry: FakeRegistry,
  { signal, at: [kind, count] }: { signal: Deno.Signal; at: [RegExp, number] },
): Promise<{ code: number; said: string }> {
  const child = work.start(REPLACE(registry.url));
  let left = count;
  registry.faults.onRequest = async ({ method, path }) => {
    if (!kind.test(`${method} ${path}`) || --left !== 0) return;
    child.kill(signal);
    await child.status;
  };
  const { code, stderr } = await child.output();
  delete registry.faults.onRequest;
  return { code, said: new TextDecoder().decode(stderr) };
}

const PLACE = (registry: string) => ["--registry", registry, "-r", "me/files", "-t", "disk"];
const REPLACE = (registry: string) => [
  ...["upload", ...PLACE(registry), "-i", "new.img", "--overwrite"],
  ...["--chunk-size", `${CHUNK}`, "--jobs", "1", "--json"],
];

/** How many chunks the events of an upload say were sent. */
const sentIn = (stdout: string) => [...stdout.matchAll(/"state":"sent"/g)].length;

/** Runs an upload again that was interrupted while it replaced a file: it sends at most so many chunks, and the file is the new one. */
async function requireGoesOn(work: Workplace, registry: string, most: number): Promise<void> {
  const again = await work.run(REPLACE(registry));
  assert.equal(again.code, 0, again.stderr);
  assert.ok(sentIn(again.stdout) <= most, `${sentIn(again.stdout)} are sent again`);
  using store = openStore({ registry, repository: "me/files" });
  assert.deepEqual(await stored(store, "disk"), await Deno.readFile(work.path("new.img")));
  assert.deepEqual((await verify(store, "disk", { deep: true })).faults, []);
}

const BLOB = /^PUT .*\/blobs\/uploads\//;
const IMAGE = /^PUT .*\/manifests\/sha256:/;
const TAG = /^PUT .*\/manifests\/disk-/;

for (
  const [what, signal, at, state, most] of [
    ["killed while the first chunk is sent", "SIGKILL", [BLOB, 1], "old", 5],
    ["killed while the last chunks are sent", "SIGKILL", [BLOB, 7], "old", 2],
    ["killed when all chunks are there", "SIGKILL", [IMAGE, 2], "old", 0],
    ["killed before the first tag moves", "SIGKILL", [IMAGE, 5], "old", 0],
    ["killed when one tag has moved", "SIGKILL", [TAG, 2], "torn", 0],
    ["killed before the last tag moves", "SIGKILL", [TAG, 5], "torn", 0],
    ["interrupted while it is sent", "SIGINT", [BLOB, 4], "old", 4],
    ["interrupted when tags move", "SIGINT", [TAG, 3], "torn", 0],
  ] as const
) {
  Deno.test(`an upload that replaces a file, ${what}, leaves it ${state}, and goes on`, UNIX, async () => {
    await using work = await makeWorkplace();
    await using registry = await startFakeRegistry();
    using store = openFake(registry);
    await upload(store, "disk", { input: await work.write("old.img", FIVE), chunkSize: CHUNK });
    await work.write("new.img", someBytes(FIVE.length, 3));
    const { code, said } = await interruptReplacing(work, registry, { signal, at: [...at] });
    assert.notEqual(code, 0);
    if (signal === "SIGINT") assert.match(said, /^hint: stored so far: /m);
    const got = await work.run(["download", ...PLACE(registry.url), "-o", "back.img"]);
    if (state === "old") {
      assert.equal(got.code, 0, got.stderr);
      assert.deepEqual(await Deno.readFile(work.path("back.img")), FIVE);
    } else {
      assert.equal(got.code, 5, got.stderr);
      assert.match(got.stderr, /the stash disk is torn: disk-1 and disk-5 belong to different uploads\n/);
      assert.match(got.stderr, /^hint: .*run that again with --overwrite to complete it; the old file/m);
    }
    await requireGoesOn(work, registry.url, most);
  });
}

for (const [what, length, torn] of [["larger", 8, "disk-5"], ["smaller", 3, "disk-3"]] as const) {
  Deno.test(
    `what a ${what} file has replaced in part is torn, and the old file is found by the hint`,
    UNIX,
    async () => {
      await using work = await makeWorkplace();
      await using registry = await startFakeRegistry();
      using store = openFake(registry);
      await upload(store, "disk", { input: await work.write("old.img", FIVE), chunkSize: CHUNK });
      await work.write("new.img", someBytes(length * CHUNK, 3));
      await interruptReplacing(work, registry, { signal: "SIGKILL", at: [TAG, 3] });
      const [listed] = await Array.fromAsync(list(store));
      assert.equal(listed?.problem, `torn: disk-1 and ${torn} belong to different uploads`);
      const looked = await work.run(["info", ...PLACE(registry.url)]);
      assert.equal(looked.code, 5, looked.stderr);
      assert.match(looked.stderr, /^hint: .*run that again with --overwrite to complete it; the old file/m);
      const [, address] = looked.stderr.match(/may still be there: layerstash download (\S+)$/m) ?? [];
      const back = await work.run(["download", address!, "back.img"]);
      assert.equal(back.code, 0, back.stderr);
      assert.deepEqual(await Deno.readFile(work.path("back.img")), FIVE);
      await requireGoesOn(work, registry.url, 0);
    },
  );
}

Deno.test("tags that are left of a longer file are named by the next upload, and go with --overwrite", async () => {
  await using work = await makeWorkspace();
  await using registry = await startFakeRegistry();
  using store = openFake(registry);
  await upload(store, "disk", { input: await work.write("old.img", FIVE), chunkSize: CHUNK });
  const input = await work.write("new.img", someBytes(3 * CHUNK, 3));
  const notices: string[] = [];
  const options = {
    input,
    chunkSize: CHUNK,
    onEvent: (event: TransferEvent) => void (event.type === "notice" && notices.push(event.message)),
  };
  registry.faults.failNext = [{ method: "DELETE", path: /manifests/, status: 403, times: Infinity }];
  await upload(store, "disk", { ...options, overwrite: true });
  registry.faults.failNext = [];
  notices.length = 0;
  await upload(store, "disk", options);
  assert.deepEqual(notices, ["tags of a longer file are listed, from disk-4 on: --overwrite removes them"]);
  notices.length = 0;
  await upload(store, "disk", { ...options, overwrite: true });
  assert.deepEqual((await Array.fromAsync(store.tags())).sort(), ["disk-1", "disk-2", "disk-3"]);
  await upload(store, "disk", options);
  assert.deepEqual(notices, []);
});

const isSame = (one: Uint8Array, other: Uint8Array) => one.every((byte, index) => byte === other[index]);

/** Kills uploads that replace a file after one, three and five chunks: what is there then is the old file or the new, or torn. */
async function killAfterChunks(registry: string, mayBeTorn: boolean): Promise<void> {
  await using work = await makeWorkplace();
  using store = openStore({ registry, repository: "me/files" });
  const bytes = someBytes(FIVE.length, 3);
  const old = await work.write("old.img", FIVE);
  await work.write("new.img", bytes);
  for (const most of [1, 3, 5]) {
    await upload(store, "disk", { input: old, chunkSize: CHUNK, overwrite: true });
    const child = work.start(REPLACE(registry));
    let sent = 0;
    for await (const line of linesOf(child.stdout)) {
      sent += sentIn(line);
      if (sent === most) killIfRunning(child);
    }
    await child.stderr.cancel();
    const { success } = await child.status; // where the machine is slow, it has ended before
    const found = await stored(store, "disk").catch((error) => {
      assert.ok(mayBeTorn && !success, `${error}`);
      assert.match(error.message, /is torn/);
    });
    assert.deepEqual(found, found && (success || isSame(found, bytes) ? bytes : FIVE));
    await requireGoesOn(work, registry, 5 - most);
  }
}

Deno.test("in a directory, a killed upload leaves the old file or the new one", UNIX, async () => {
  await using work = await makeWorkspace();
  await killAfterChunks(`oci:${work.path("box")}`, false);
});

Deno.test({
  name: "in docker-registry, a killed upload leaves the old file until all chunks are there",
  ignore: UNIX.ignore || !await ensureTool("docker-registry", "docker-registry"),
  async fn() {
    await using registry = await startRegistry();
    await killAfterChunks(registry.url, true);
  },
});

Deno.test("no tag moves where the registry has lost a chunk meanwhile", async () => {
  await using work = await makeWorkspace();
  await using registry = await startFakeRegistry();
  using store = openStore({ registry: registry.url, repository: "me/files", clock: testClock() });
  await upload(store, "disk", { input: await work.write("old.img", FIVE), chunkSize: CHUNK });
  const bytes = someBytes(FIVE.length, 3);
  const options = { input: await work.write("new.img", bytes), chunkSize: CHUNK, overwrite: true, jobs: 1 };
  registry.requests.length = 0;
  let chunks = 0;
  const onEvent = (event: TransferEvent) => {
    // The registry collects garbage when the last chunk is sent: the third has no tag, and is gone.
    if (event.type === "blob" && ++chunks === 3) lost = event.digest;
    if (event.type === "blob" && chunks === 5) registry.storage.repository("me/files").blobs.delete(lost!);
  };
  let lost: Digest | undefined;
  await assert.rejects(upload(store, "disk", { ...options, onEvent }), RegistryError);
  assert.deepEqual(tagged(registry), []);
  assert.deepEqual(await stored(store, "disk"), FIVE);
  await upload(store, "disk", options);
  assert.deepEqual(await stored(store, "disk"), bytes);
});

Deno.test("a file that somebody else has replaced meanwhile is not replaced", async () => {
  await using work = await makeWorkspace();
  await using registry = await startFakeRegistry();
  using store = openFake(registry);
  await upload(store, "disk", { input: await work.write("old.img", FIVE), chunkSize: CHUNK });
  const others = someBytes(3 * CHUNK, 4);
  await upload(store, "other", { input: streamOf(others), chunkSize: CHUNK });
  const input = await work.write("new.img", someBytes(FIVE.length, 3));
  let isReplaced = false;
  registry.faults.onRequest = async ({ method, path }) => {
    if (isReplaced || method !== "PUT" || !path.includes("/manifests/sha256:")) return;
    isReplaced = true;
    await copyStash({ store, baseTag: "other" }, { store, baseTag: "disk" }, { overwrite: true });
  };
  await assert.rejects(upload(store, "disk", { input, chunkSize: CHUNK, overwrite: true }), (error) => {
    assert.ok(error instanceof ConflictError, `${error}`);
    assert.match(error.message, /^another upload came in between: disk-1 holds something else now$/);
    return true;
  });
  assert.deepEqual(await stored(store, "disk"), others);
});

Deno.test("a file of one chunk is replaced with one tag, and the others are removed then", async () => {
  await using work = await makeWorkspace();
  await using registry = await startFakeRegistry();
  using store = openFake(registry);
  await upload(store, "disk", { input: await work.write("old.img", FIVE), chunkSize: CHUNK });
  registry.requests.length = 0;
  const input = await work.write("new.img", someBytes(CHUNK, 3));
  await upload(store, "disk", { input, chunkSize: CHUNK, overwrite: true });
  const puts = changes(registry).filter((line) => line.startsWith("PUT manifests/"));
  assert.equal(puts[0], "PUT manifests/disk-1");
  assert.deepEqual(await stored(store, "disk"), someBytes(CHUNK, 3));
});

Deno.test("what is torn or incomplete already gets each tag at once", async () => {
  await using work = await makeWorkspace();
  await using registry = await startFakeRegistry();
  using store = openFake(registry);
  await upload(store, "disk", { input: await work.write("old.img", FIVE), chunkSize: CHUNK });
  registry.storage.repository("me/files").tags.delete("disk-5");
  const options = { chunkSize: CHUNK, overwrite: true, jobs: 1 };
  registry.faults.failNext = [{ method: "PUT", path: /manifests\/disk-3$/, status: 403, times: 1 }];
  registry.requests.length = 0;
  const input = await work.write("new.img", someBytes(FIVE.length, 3));
  await assert.rejects(upload(store, "disk", { ...options, input }), NotAllowedError);
  assert.deepEqual(tagged(registry), ["disk-1", "disk-2", "disk-3"]);
});

Deno.test("a copy over a longer file is whole, also where the registry keeps the tags that are left of that", async () => {
  await using work = await makeWorkspace();
  await using registry = await startFakeRegistry();
  using store = openFake(registry);
  await upload(store, "disk", { input: await work.write("old.img", FIVE), chunkSize: CHUNK });
  const others = someBytes(3 * CHUNK, 4);
  await upload(store, "other", { input: streamOf(others), chunkSize: CHUNK }); // its first chunk names no number of chunks
  registry.faults.failNext = [{ method: "DELETE", path: /manifests/, status: 405, times: Infinity }];
  const copy = async () =>
    await copyStash({ store, baseTag: "other" }, { store, baseTag: "disk" }, { overwrite: true });
  await copy();
  assert.deepEqual(await stored(store, "disk"), others);
  assert.equal((await copy()).digest, (await info(store, "other")).digest);
  assert.deepEqual(await stored(store, "disk"), others);
});

/** A registry with two stored files: `disk`, and another of as many chunks that is to replace it. */
async function withTwoFiles(
  test: (
    files: { registry: FakeRegistry; store: Store; copy: () => Promise<unknown>; others: Uint8Array },
  ) => Promise<void>,
): Promise<void> {
  await using registry = await startFakeRegistry();
  using store = openFake(registry);
  const others = someBytes(FIVE.length, 4);
  await upload(store, "disk", { input: streamOf(FIVE), chunkSize: CHUNK });
  await upload(store, "other", { input: streamOf(others), chunkSize: CHUNK });
  const copy = async () =>
    await copyStash({ store, baseTag: "other" }, { store, baseTag: "disk" }, { overwrite: true });
  await test({ registry, store, copy, others });
}

Deno.test("a copy replaces a file whose first chunk cannot be read", async () => {
  await withTwoFiles(async ({ registry: { storage }, store, copy, others }) => {
    const first = (await store.manifest("disk-1"))!;
    storage.blobs.delete(JSON.parse(new TextDecoder().decode(first.bytes)).config.digest);
    await copy();
    assert.deepEqual(await stored(store, "disk"), others);
  });
});

Deno.test("a file that a copy has replaced in part is torn, and the hint names the digest of the old one", async () => {
  await withTwoFiles(async ({ registry, store, copy, others }) => {
    const { digest } = await info(store, "disk");
    registry.faults.failNext = [{ method: "PUT", path: /manifests\/disk-3$/, status: 403, times: 1 }];
    await assert.rejects(copy(), NotAllowedError);
    await assert.rejects(info(store, "disk"), (error) => {
      assert.ok(error instanceof LayerstashError);
      assert.equal(error.message, "the stash disk is torn: disk-1 and disk-5 belong to different uploads");
      assert.match(
        error.hint ?? "",
        /^an upload or copy that replaces it .* layerstash download \S+@sha256:\w+$/,
      );
      assert.ok(error.hint?.endsWith(`@${digest}`));
      return true;
    });
    assert.deepEqual(await stored(store, digest!), FIVE);
    await copy();
    assert.deepEqual(await stored(store, "disk"), others);
    registry.requests.length = 0;
    await copy();
    assert.deepEqual(tagged(registry), [], "tags that hold their images are left alone");
  });
});

Deno.test("a copy does not replace a file that somebody else has stored meanwhile", async () => {
  for (const when of [/^PUT .*\/manifests\/sha256:/, /^PUT .*\/manifests\/disk-5$/]) {
    await withTwoFiles(async ({ registry, store, copy }) => {
      const third = someBytes(3 * CHUNK, 5);
      await upload(store, "third", { input: streamOf(third), chunkSize: CHUNK });
      let isReplaced = false;
      registry.faults.onRequest = async ({ method, path }) => {
        if (isReplaced || !when.test(`${method} ${path}`)) return;
        isReplaced = true;
        await copyStash({ store, baseTag: "third" }, { store, baseTag: "disk" }, { overwrite: true });
      };
      await assert.rejects(copy(), ConflictError);
    });
  }
});

/** Copies a file over another, for the first time to a store that loses a chunk when all bytes are there. */
async function copyToLossyStore(
  work: Workspace,
  to: Store,
  { lose, check }: { lose: (chunk: Digest) => void; check?: () => void },
): Promise<void> {
  using from = openStore({ registry: `oci:${work.path("from")}`, repository: "me/files" });
  await upload(to, "disk", { input: await work.write("old.img", FIVE), chunkSize: CHUNK });
  const bytes = someBytes(FIVE.length, 3);
  const input = await work.write("new.img", bytes);
  const { chunks } = await upload(from, "disk", { input, chunkSize: CHUNK });
  const copy = async (onEvent?: (event: TransferEvent) => void) => {
    const [source, target] = [{ store: from, baseTag: "disk" }, { store: to, baseTag: "disk" }];
    await copyStash(source, target, { overwrite: true, onEvent });
  };
  let blobs = 0;
  const onEvent = (event: TransferEvent) => {
    if (event.type === "blob" && ++blobs === 2 * chunks.length) lose(chunks[2]!.digest);
  };
  await assert.rejects(copy(onEvent), RegistryError);
  check?.();
  assert.deepEqual(await stored(to, "disk"), FIVE);
  await copy();
  assert.deepEqual(await stored(to, "disk"), bytes);
}

Deno.test("in a directory a copy replaces a file at once, or not at all", async () => {
  await using work = await makeWorkspace();
  using to = openStore({ registry: `oci:${work.path("to")}`, repository: "me/files" });
  await copyToLossyStore(work, to, { lose: (chunk) => Deno.removeSync(to.blobUrl(chunk)) });
});

Deno.test("in a registry no tag of a copy moves before each image of it is taken", async () => {
  await using work = await makeWorkspace();
  await using registry = await startFakeRegistry();
  using to = openStore({ registry: registry.url, repository: "me/files", clock: testClock() });
  const lose = (chunk: Digest) => {
    registry.storage.repository("me/files").blobs.delete(chunk);
    registry.requests.length = 0;
  };
  await copyToLossyStore(work, to, { lose, check: () => assert.deepEqual(tagged(registry), []) });
});
