/** Whatever the images of chunks say, what is taken for a stash is one: its chunks are the whole file. @module */
import assert from "node:assert/strict";
import fc from "fast-check";
import { LayerstashError } from "../lib/errors.ts";
import { DEFAULT_RETRY_POLICY } from "../lib/async/retry.ts";
import { type Digest, digestOf, isDigest } from "../lib/oci/digest.ts";
import { encodeManifest } from "../lib/oci/manifest.ts";
import { IMAGE_CONFIG, IMAGE_MANIFEST, OCTET_STREAM } from "../lib/oci/media_types.ts";
import { RegistryClient } from "../lib/registry/client.ts";
import { profileOf } from "../lib/registry/profiles.ts";
import { RegistryStore } from "../lib/registry/registry_store.ts";
import type { Store } from "../lib/store/store.ts";
import { findStash } from "../lib/stash/find_stash.ts";
import { listStashes } from "../lib/stash/list_stashes.ts";
import type { Stash } from "../lib/stash/stash.ts";
import { testClock } from "./rigs/clock.ts";

/** A chunk's image as somebody stored it. */
interface Image {
  /** The config, of which any field may be missing or wrong. */
  config: unknown;
  /** The sizes of the layers, in bytes, as the manifest has them. */
  sizes: number[];
}

const encode = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
const layerDigest = (tag: string): Digest => digestOf(encode(tag));

/** The store of a registry that has these images by tag. */
function storeOf(images: ReadonlyMap<string, Image>): Store {
  const files = new Map([["tags/list", encode({ tags: [...images.keys()] })]]);
  for (const [tag, { config, sizes }] of images) {
    const bytes = encode(config);
    const described = { mediaType: IMAGE_CONFIG.oci, digest: digestOf(bytes), size: bytes.length };
    const layers = sizes.map((size) => ({ mediaType: OCTET_STREAM, digest: layerDigest(tag), size }));
    const image = { mediaType: IMAGE_MANIFEST.oci, schemaVersion: 2, config: described, layers };
    files.set(`manifests/${tag}`, encodeManifest(image).bytes).set(`blobs/${digestOf(bytes)}`, bytes);
  }
  const send = ({ url }: { url: URL }) => {
    const bytes = files.get(url.pathname.replace("/v2/me/files/", ""));
    const headers = { "content-type": IMAGE_MANIFEST.oci };
    return Promise.resolve(new Response(bytes ?? null, { status: bytes ? 200 : 404, headers }));
  };
  const client = new RegistryClient({
    address: { kind: "remote", origin: "https://registry.example", host: "registry.example" },
    repository: "me/files",
    findCredentials: () => Promise.resolve(undefined),
    transport: { send, close() {} },
    policy: DEFAULT_RETRY_POLICY,
    clock: testClock(),
  });
  return new RegistryStore({ name: "there", client, profile: profileOf("registry.example"), close() {} });
}

/** What is found; `undefined` where it is refused, which may only be done with an error of ours. */
async function found(images: ReadonlyMap<string, Image>): Promise<Stash | undefined> {
  return await findStash(storeOf(images), "disk").catch((error) => {
    assert.ok(error instanceof LayerstashError, Deno.inspect(error));
    return undefined;
  });
}

/** The chunks lie one behind the other, from the first byte of the file to the last. */
function requireWhole({ chunks, size, chunkSize }: Stash): void {
  assert.ok(Number.isSafeInteger(size) && size >= 0, `a size of ${size}`);
  let position = 0;
  for (const [index, chunk] of chunks.entries()) {
    assert.deepEqual([chunk.number, chunk.tag, chunk.at], [index + 1, `disk-${index + 1}`, position]);
    assert.ok(isDigest(chunk.digest) && chunk.size >= 0 && Number.isSafeInteger(chunk.size));
    position += chunk.size;
  }
  assert.ok(chunks.length > 0 && position === size, `${position} of ${size} bytes`);
  assert.ok(chunks.length === 1 || chunkSize === chunks[0]!.size);
}

/** The images of a file of `size` bytes as layerstash stores them, 1 and the last at least. */
function imagesOf(size: number, chunkSize: number): Map<string, Image> {
  const chunks = Math.max(1, Math.ceil(size / chunkSize));
  const tags = Array.from({ length: chunks }, (_, index) => `disk-${index + 1}`);
  const note = { version: 1, name: "disk.img", size, chunkSize, chunks };
  return new Map(tags.map((tag, index) => {
    const table = index + 1 === chunks ? { digests: tags.map(layerDigest) } : {};
    const layerstash = { ...note, chunk: index + 1, ...table };
    const config = { created: "2024-02-03T04:05:06Z", layerstash };
    return [tag, { config, sizes: [Math.min(chunkSize, size - index * chunkSize)] }];
  }));
}

const number = fc.oneof(
  fc.nat(12),
  fc.constantFrom(-1, 0.5, 1e15, 9e15, Number.MAX_SAFE_INTEGER, 2 ** 53, 1e300, null),
);
const digests = fc.array(fc.integer({ min: 1, max: 8 }).map((at) => layerDigest(`disk-${at}`)), {
  maxLength: 8,
});
const file = fc.record({ size: fc.nat(40), chunkSize: fc.integer({ min: 1, max: 20 }) });
/** What may be wrong in a note. */
const faults = fc.record({
  version: fc.constantFrom(1, 2, "1"),
  name: fc.oneof(fc.string(), number),
  size: number,
  chunkSize: number,
  chunk: number,
  chunks: number,
  digests: fc.oneof(digests, fc.jsonValue()),
}, { requiredKeys: [] });
/** A change to the image of one chunk. */
const change = fc.record({
  at: fc.nat(),
  faults: fc.oneof(faults, fc.constant("none"), fc.jsonValue()),
  sizes: fc.option(fc.array(fc.oneof(fc.nat(20), fc.constantFrom(9e15, -1)), { maxLength: 2 })),
  gone: fc.integer({ min: 0, max: 9 }).map((dice) => dice === 0),
});
type Change = typeof change extends fc.Arbitrary<infer T> ? T : never;

function spoil(images: Map<string, Image>, { at, faults, sizes, gone }: Change): void {
  const tag = [...images.keys()][at % Math.max(1, images.size)];
  const image = tag && images.get(tag);
  if (!image) return;
  if (gone) return void images.delete(tag);
  const config = image.config as Record<string, unknown>;
  const note = typeof faults === "object" && faults
    ? { ...config["layerstash"] as object, ...faults }
    : faults;
  images.set(tag, {
    config: faults === "none" ? config : { ...config, layerstash: note },
    sizes: sizes ?? image.sizes,
  });
}

Deno.test("property: a file of any size is found in chunks of any size", async () => {
  await fc.assert(fc.asyncProperty(file, async ({ size, chunkSize }) => {
    const stash = await findStash(storeOf(imagesOf(size, chunkSize)), "disk");
    requireWhole(stash);
    assert.deepEqual([stash.size, stash.chunkSize, stash.provenComplete], [size, chunkSize, true]);
  }));
});

Deno.test("property: a stash whose notes say anything is whole, or is none", async () => {
  let taken = 0;
  await fc.assert(
    fc.asyncProperty(file, fc.array(change, { minLength: 1, maxLength: 3 }), async (file, changes) => {
      const images = imagesOf(file.size, file.chunkSize);
      for (const each of changes) spoil(images, each);
      const stash = await found(images);
      if (!stash) return;
      taken++;
      requireWhole(stash);
    }),
    { numRuns: 1000 },
  );
  assert.ok(taken > 20, "some changes do no harm");
});

Deno.test("property: of two files that were stored over one another one is found whole, or none", async () => {
  await fc.assert(
    fc.asyncProperty(file, file, fc.array(fc.boolean(), { minLength: 8 }), async (one, two, choices) => {
      const [older, newer] = [imagesOf(one.size, one.chunkSize), imagesOf(two.size, two.chunkSize)];
      const mixed = new Map([...older].filter(([tag], index) => choices[index % 8] || !newer.has(tag)));
      for (const [tag, image] of newer) if (!mixed.has(tag)) mixed.set(tag, image);
      const stash = await found(mixed);
      if (!stash) return;
      requireWhole(stash);
      assert.ok([one.size, two.size].includes(stash.size));
    }),
    { numRuns: 500 },
  );
});

Deno.test("property: tags without notes are a stash as long as none is missing and it can be counted", async () => {
  const size = fc.oneof(fc.nat(20), fc.constantFrom(1e15, 9e15, Number.MAX_SAFE_INTEGER));
  await fc.assert(
    fc.asyncProperty(fc.array(size, { minLength: 1, maxLength: 6 }), fc.nat(12), async (sizes, missing) => {
      const images = new Map(
        sizes.map((size, index) => [`disk-${index + 1}`, { config: {}, sizes: [size] }]),
      );
      images.delete(`disk-${missing}`);
      const stash = await found(images);
      if (!stash) return;
      requireWhole(stash);
      assert.equal(stash.provenComplete, false);
    }),
    { numRuns: 300 },
  );
});

Deno.test("property: a list of any tags is read", async () => {
  const tag = fc.oneof(fc.stringMatching(/^disk-[0-9]{1,17}$/), fc.string({ unit: "binary" }));
  await fc.assert(fc.asyncProperty(fc.uniqueArray(tag), async (tags) => {
    const store = storeOf(new Map(tags.map((tag) => [tag, { config: {}, sizes: [1] }])));
    const error = await listStashes(store).then(() => undefined, (error) => error);
    assert.ok(error === undefined || error instanceof LayerstashError, Deno.inspect(error));
  }));
});
