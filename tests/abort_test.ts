/** Work that is ended from outside, and streams whose other end waits: nobody waits for what does not come. @module */
import assert from "node:assert/strict";
import { append } from "../lib/exports/copy.ts";
import { download, info, NotFoundError, openStore, type TransferEvent, upload, verify } from "../main.ts";
import { Hasher } from "../lib/content/hasher.ts";
import { pullBlobs, pushBlob } from "../lib/exports/blobs.ts";
import { digestOf } from "../lib/oci/digest.ts";
import { makeWorkspace, someBytes, streamOf } from "./rigs/content.ts";
import { writeSparseFile } from "./rigs/sparse_file.ts";
import { startFakeRegistry } from "./rigs/fake_registry.ts";
import { testOnEachStore } from "./rigs/stores.ts";

const MiB = 1024 ** 2;
const STOP = new Error("somebody pressed the key");
const ABSENT = digestOf(new Uint8Array([1, 2, 3]));

/** A stream that takes one piece and then nothing more. */
function stuckStream(where: "write" | "close"): { stream: WritableStream<Uint8Array>; stuck: Promise<void> } {
  const stuck = Promise.withResolvers<void>();
  const never = () => {
    stuck.resolve();
    return new Promise<void>(() => {});
  };
  return { stream: new WritableStream({ [where]: never }), stuck: stuck.promise };
}

testOnEachStore("an output that nobody takes from does not keep a transfer that is ended", async (place) => {
  using store = place.open();
  const { digest } = await pushBlob(store, streamOf(someBytes(100_000)));
  await upload(store, "disk", { input: streamOf(someBytes(100_000)) });
  for (const where of ["write", "close"] as const) {
    for (const verb of ["download", "pull"]) {
      const { stream: output, stuck } = stuckStream(where);
      const aborter = new AbortController();
      const { signal } = aborter;
      const work = verb === "pull"
        ? pullBlobs(store, [digest], { output, signal })
        : download(store, "disk", { output, signal });
      work.catch(() => {});
      await stuck;
      aborter.abort(STOP);
      await assert.rejects(work, STOP);
    }
  }
});

testOnEachStore("whoever reads an output learns of a failure before the first byte", async (place) => {
  using store = place.open();
  const works: ((output: WritableStream<Uint8Array>) => Promise<unknown>)[] = [
    (output) => download(store, "absent", { output }),
    (output) => download(store, "disk", { output, signal: AbortSignal.abort(STOP) }),
    (output) => pullBlobs(store, ["@absent"], { output }),
    (output) => pullBlobs(store, [ABSENT], { output }),
  ];
  for (const work of works) {
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array<ArrayBuffer>>();
    const reading = new Response(readable).text().catch((error) => error);
    const failure = await work(writable).catch((error) => error);
    assert.ok(failure === STOP || failure instanceof NotFoundError, `${failure}`);
    assert.equal(await reading, failure);
  }
});

Deno.test("whoever fills an input learns that nothing is read from it", async () => {
  await using fake = await startFakeRegistry();
  using store = openStore({ registry: fake.url, repository: "me/files" });
  const base = { store, reference: "absent" };
  for (
    const work of [
      (input: ReadableStream<Uint8Array>) => pushBlob(store, input, { alias: "not/a/tag" }),
      (input: ReadableStream<Uint8Array>) => append(base, base, { input }),
    ]
  ) {
    const cancelled = Promise.withResolvers<void>();
    const input = new ReadableStream<Uint8Array>({ cancel: () => cancelled.resolve() }, { highWaterMark: 0 });
    await assert.rejects(work(input));
    await cancelled.promise;
  }
});

Deno.test("hashing a large file is told of, and ends with the signal", async () => {
  await using work = await makeWorkspace();
  const [path, size] = [work.path("big"), 200 * MiB];
  await writeSparseFile(path, size);
  using hasher = new Hasher();
  let hashed = 0;
  await hasher.file(path, { start: 0, end: size }, { onBytes: (bytes) => void (hashed += bytes) });
  assert.equal(hashed, size);
  const aborter = new AbortController();
  hashed = 0;
  const onBytes = (bytes: number) => {
    hashed += bytes;
    aborter.abort(STOP);
  };
  await assert.rejects(
    hasher.file(path, { start: 0, end: size }, { onBytes, signal: aborter.signal }),
    STOP,
  );
  assert.ok(hashed < size, `${hashed} bytes were hashed`);
});

Deno.test("a comparison with a local file is told of, byte by byte, and ends with the signal", async () => {
  await using work = await makeWorkspace();
  const [path, size] = [work.path("big"), 100 * MiB];
  await writeSparseFile(path, size);
  await using fake = await startFakeRegistry({ discard: true });
  using store = openStore({ registry: fake.url, repository: "me/files" });
  const options = { input: path, chunkSize: 64 * MiB };
  await upload(store, "big", options);
  for (const compare of [upload, verify]) {
    const works = (onEvent: (event: TransferEvent) => void, signal?: AbortSignal) =>
      compare(store, "big", { ...options, file: path, onEvent, signal });
    let checked = 0;
    await works((event) => event.type === "progress" && event.phase === "check" && (checked += event.bytes));
    assert.equal(checked, size, compare.name);
    const aborter = new AbortController();
    const stop = (event: TransferEvent) => void (event.type === "progress" && aborter.abort(STOP));
    await assert.rejects(works(stop, aborter.signal), STOP);
  }
  assert.equal((await info(store, "big")).size, size);
});

Deno.test("what was compared in vain is taken back: it has to be sent", async () => {
  await using work = await makeWorkspace();
  await using fake = await startFakeRegistry();
  using store = openStore({ registry: fake.url, repository: "me/files" });
  const path = await work.write("disk", someBytes(3000));
  await upload(store, "disk", { input: path, chunkSize: 1000 });
  await work.write("disk", someBytes(3000, 2));
  let [checked, sent] = [0, 0];
  const onEvent = (event: TransferEvent) => {
    if (event.type !== "progress") return;
    if (event.phase === "check") checked += event.bytes;
    else sent += event.bytes;
  };
  await upload(store, "disk", { input: path, chunkSize: 1000, overwrite: true, onEvent });
  assert.deepEqual([checked, sent], [0, 3000]);
});
