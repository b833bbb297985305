/** Images and layers that are saved: verified, with names that tell what they are, and gone on with. @module */
import assert from "node:assert/strict";
import { join } from "node:path";
import { findImage, type Layer, openImage } from "../lib/exports/images.ts";
import { saveLayers } from "../lib/exports/copy.ts";
import { type Ended, makeWorkplace } from "./rigs/command_line.ts";
import { makeWorkspace, someBytes } from "./rigs/content.ts";
import { startFakeRegistry } from "./rigs/fake_registry.ts";
import { gzip, putImage, zstd } from "./rigs/images.ts";
import { tarOf } from "./rigs/tar.ts";

const TAR = tarOf([{ name: "f", content: someBytes(100_000) }]);
const CONTENTS = [TAR, await gzip(TAR), await zstd(TAR), someBytes(5000), new Uint8Array([1, 2, 3])];

Deno.test("layers become files whose names tell what is in them, whatever the manifest says", async () => {
  await using work = await makeWorkspace();
  await using registry = await startFakeRegistry();
  using image = openImage(`${registry.url}/me/app:t`);
  await putImage(image.store, "t", CONTENTS.map((bytes) => ({ bytes })));
  const { layers } = await findImage(image.store, "t");
  const directory = work.path("out/layers");
  const saved = await saveLayers(image.store, [...layers, layers[0]!], { directory });
  const short = ({ digest }: Layer) => digest.slice(7, 19);
  assert.deepEqual(
    saved.map(({ path }) => path),
    [".tar", ".tar.gz", ".tar.zst", ".bin", ".bin"].map((ending, at) =>
      join(directory, `${at + 1}-${short(layers[at]!)}${ending}`)
    ),
  );
  for (const [at, { path }] of saved.entries()) assert.deepEqual(await Deno.readFile(path), CONTENTS[at]);
  const names = await Array.fromAsync(Deno.readDir(directory));
  assert.equal(names.length, 5); // no part is left behind

  // What is there and right is not fetched again, but for the few bytes that tell its name.
  const before = registry.requests.length;
  await saveLayers(image.store, layers, { directory });
  const sent = registry.requests.slice(before).reduce((sum, request) => sum + request.sent, 0);
  assert.ok(sent <= 5 * 512, `${sent} bytes`);
});

Deno.test("a layer that was interrupted is gone on with, and a corrupted one gets no file", async () => {
  await using work = await makeWorkspace();
  await using registry = await startFakeRegistry();
  using image = openImage(`${registry.url}/me/app:t`);
  const large = tarOf([{ name: "f", content: someBytes(40 * 1024 * 1024) }]);
  await putImage(image.store, "t", [{ bytes: large }]);
  const { layers } = await findImage(image.store, "t");
  const options = { directory: work.path("out"), stateDirectory: work.path("state"), jobs: 1 };
  const stop = new AbortController();
  let bytes = 0;
  await assert.rejects(saveLayers(image.store, layers, {
    ...options,
    signal: stop.signal,
    onEvent: (event) => {
      if (event.type === "progress" && (bytes += event.bytes) > 35 * 1024 * 1024) stop.abort();
    },
  }));
  const before = registry.requests.length;
  const [saved] = await saveLayers(image.store, layers, options);
  assert.deepEqual(await Deno.readFile(saved!.path), large);
  const sent = registry.requests.slice(before).reduce((sum, request) => sum + request.sent, 0);
  assert.ok(sent < 12 * 1024 * 1024, `${sent} bytes`);

  const { digest } = layers[0]!;
  const changed = large.slice();
  changed[1_000_000]! ^= 1;
  registry.storage.blobs.set(digest, { size: changed.length, pieces: [changed] });
  const directory = work.path("other");
  await assert.rejects(saveLayers(image.store, layers, { ...options, directory }), { name: "MismatchError" });
  const names = (await Array.fromAsync(Deno.readDir(directory))).map(({ name }) => name);
  assert.ok(names.every((name) => name.endsWith(".part")), names.join());
});

Deno.test("the command saves an image as a layout, or layers as files", async () => {
  await using place = await makeWorkplace();
  using image = openImage(`oci:${place.path("box")}:t`);
  const { digest } = await putImage(image.store, "t", CONTENTS.map((bytes) => ({ bytes })));
  const whole = await place.run(["save", "oci:box:t", "-o", "copy"]);
  assert.equal(whole.code, 0, whole.stderr);
  assert.match(whole.stderr, /layerstash: saved oci:copy:t: 6 blobs written/);
  using copy = openImage(`oci:${place.path("copy")}:t`);
  assert.equal(await copy.store.resolve("t"), digest);
  const some = await place.run(["save", "oci:box:t", "--layer", "2", "--layer", "1", "-o", "out"]);
  assert.match(some.stdout, /^out[\\/]2-[0-9a-f]{12}\.tar\.gz\nout[\\/]1-[0-9a-f]{12}\.tar\n$/);
  assert.match(some.stderr, /saved 2 layers: .*, verified/);
  const all = await place.run(["save", "oci:box:t", "--layer", "all", "-o", "out", "--json"]);
  const events = eventsOf(all);
  assert.equal(events.at(-1)?.files.length, 5);
  assert.deepEqual(numbersOf(events), [1, 2, 3, 4, 5]);
  const again = eventsOf(await place.run(["save", "oci:box:t", "-o", "other", "--json"]));
  const [plan, last] = [again[0]!, again.at(-1)!];
  assert.deepEqual([plan.event, plan.blobs, (last.blobs as { sent: number }).sent], ["plan", 6, 6]);
  assert.deepEqual(numbersOf(again), [1, 2, 3, 4, 5, 6]);
  assert.equal((await place.run(["save", "oci:box:t", "--layer", "9", "-o", "out"])).code, 3);
  assert.equal((await place.run(["save", "oci:box:t"])).code, 2);
  for (const layer of [[], ["--layer", "1"]]) {
    const stream = await place.run(["save", "oci:box:t", ...layer, "-o", "-"]);
    assert.equal(stream.code, 2);
    assert.match(stream.stderr, /saved to a directory, not to standard output\nhint: name a directory/);
  }
  await assert.rejects(Deno.stat(place.path("-")));
});

/** What of an event is looked at. */
interface Told {
  event: string;
  index: number;
  files: unknown[];
  blobs: unknown;
}

const eventsOf = ({ stdout }: Ended): Told[] => stdout.trimEnd().split("\n").map((line) => JSON.parse(line));

const numbersOf = (events: Told[]) =>
  events.filter(({ event }) => event === "blob").map(({ index }) => index).sort();
