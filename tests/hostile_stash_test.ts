/** Stashes that were written by somebody who means harm are refused, and leave nothing behind. @module */
import assert from "node:assert/strict";
import type { LayerstashError } from "../lib/errors.ts";
import { digestOf } from "../lib/oci/digest.ts";
import { IMAGE_MANIFEST } from "../lib/oci/media_types.ts";
import { download, info, verify } from "../main.ts";
import { makeWorkspace, sink } from "./rigs/content.ts";
import { startFakeRegistry } from "./rigs/fake_registry.ts";
import { fends } from "./rigs/guard.ts";
import { open } from "./rigs/opened.ts";
import { DIGESTS, HUGE, LAYER, note, plant, TEN } from "./rigs/planted_stash.ts";

/** What every attack on a stash is tried with. Nothing of it is to leave a file behind. */
async function attack(planted: Parameters<typeof plant>[1], most = 30): Promise<LayerstashError[]> {
  await using fake = await startFakeRegistry();
  await using space = await makeWorkspace();
  using opened = open(fake, { retry: { attempts: 1 } });
  plant(fake, planted);
  const { store } = opened;
  const output = space.path("copy");
  const uses = [
    () => info(store, "disk"),
    () => download(store, "disk", { output }),
    () => download(store, "disk", { output: sink().stream }),
    () => verify(store, "disk", { deep: true }),
  ];
  const errors: LayerstashError[] = [];
  for (const use of uses) errors.push(await fends(use, () => fake.requests.length, most));
  assert.equal(await space.has("copy"), false);
  return errors;
}

Deno.test("the planted stash of these tests is a good one where nothing is wrong with it", async () => {
  await using fake = await startFakeRegistry();
  using opened = open(fake);
  plant(fake, { config: note() });
  assert.deepEqual((await verify(opened.store, "disk", { deep: true })).faults, []);
});

const SIZES = [-1, 1.5, 2 ** 53, 1e300, "10", null, [], {}];

Deno.test("descriptors with impossible sizes are refused before anything is fetched", async () => {
  for (const size of SIZES) {
    for (const field of [{ layers: [{ ...LAYER, size }] }, { config: { ...LAYER, size } }]) {
      for (const error of await attack({ manifest: field }, 1)) assert.equal(error.kind, "mismatch");
    }
  }
});

Deno.test("descriptors with malformed digests, or of other algorithms, are refused before anything is fetched", async () => {
  for (const digest of DIGESTS) {
    for (const field of [{ layers: [{ ...LAYER, digest }] }, { config: { ...LAYER, digest } }]) {
      for (const error of await attack({ manifest: field }, 1)) assert.equal(error.kind, "mismatch");
    }
    for (const error of await attack({ config: note({ digests: [digest] }) }, 3)) { // the layer is asked for beside the config
      assert.equal(error.kind, "mismatch");
    }
  }
});

Deno.test("a config that claims to be huge is not fetched", async () => {
  for (const size of [2 ** 53 - 1, 17 * 1024 * 1024]) {
    const errors = await attack({ manifest: { config: { ...LAYER, size } } }, 1);
    assert.match(errors[0]!.message, /config of disk-1 is too large/);
  }
});

const NOTES: Record<string, Record<string, unknown>> = {
  "more chunks than can be": { chunks: HUGE },
  "more chunks than there are digests": { chunks: HUGE, size: HUGE, chunkSize: 1 },
  "a size that its chunks have not": { size: HUGE },
  "a chunk size that its chunks have not": { chunkSize: HUGE, size: HUGE },
  "another number": { chunk: HUGE },
  "no digests": { digests: [] },
  "too many digests": { digests: Array(100_000).fill(digestOf(TEN)) },
  "a size below zero": { size: -1 },
  "a size with a fraction": { size: 0.5 },
  "chunks of nothing": { chunkSize: 0 },
  "no chunks": { chunks: 0 },
  "a version to come": { version: 2 },
  "a name that is no text": { name: { length: HUGE } },
};

for (const [what, fields] of Object.entries(NOTES)) {
  Deno.test(`a stash that claims ${what} is refused without being fetched`, async () => {
    // Without the last chunk, an older file may be there in part: tags are listed, disk-2 is asked for, as lists may lack it,
    // and the last chunk once more, which tells whether an upload was interrupted or took chunk 1 over.
    const most = fields["chunks"] === HUGE ? 7 : 4;
    for (const error of await attack({ config: note(fields) }, most)) {
      assert.ok(["mismatch", "not-found"].includes(error.kind), error.message);
    }
  });
}

Deno.test("a stash of petabytes that agrees with itself fills neither disk nor memory", async () => {
  const layers = [{ ...LAYER, size: HUGE }];
  for (const config of [note({ size: HUGE, chunkSize: HUGE }), {}]) {
    await using fake = await startFakeRegistry();
    await using space = await makeWorkspace();
    using opened = open(fake, { retry: { attempts: 1 } });
    const { store } = opened;
    plant(fake, { config, manifest: { layers } });
    const requests = () => fake.requests.length;
    const output = space.path("copy");
    await fends(() => download(store, "disk", { output }), requests);
    assert.deepEqual([await space.has("copy"), await space.has("copy.part")], [false, false]);
    await fends(() => download(store, "disk", { output: sink().stream }), requests);
    const { faults } = await verify(store, "disk");
    assert.equal(faults.length, 1);
  }
});

Deno.test("a manifest that is deeply nested, or has odd keys, is an error or is read", async () => {
  const deep = `${"[".repeat(2_000_000)}${"]".repeat(2_000_000)}`;
  const keys = '{"schemaVersion":2,"__proto__":{"layers":[]},"constructor":{"prototype":{"x":1}}}';
  for (
    const text of [deep, `{"schemaVersion":2,"layers":${deep.slice(0, 1000)}`, keys, "null", "7", '""', ""]
  ) {
    await using fake = await startFakeRegistry();
    using opened = open(fake, { retry: { attempts: 1 } });
    const manifest = { mediaType: IMAGE_MANIFEST.docker, bytes: new TextEncoder().encode(text) };
    fake.storage.addManifest("me/files", manifest, "disk-1");
    const error = await fends(() => info(opened.store, "disk"), () => fake.requests.length);
    assert.equal(error.kind, "mismatch");
  }
  assert.equal(({} as { x?: number }).x, undefined);
});

Deno.test("messages do not repeat what a registry fills them with", async () => {
  const long = "x".repeat(2_000_000);
  for (const manifest of [{ schemaVersion: long }, { layers: [{ ...LAYER, digest: long }] }]) {
    for (const error of await attack({ manifest }, 1)) assert.equal(error.kind, "mismatch");
  }
});
