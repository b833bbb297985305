/** A registry whose list of tags leaves some out: `disk-1` hides `disk-10`, and `disk` all of them. No verb believes it. @module */
import assert from "node:assert/strict";
import {
  ConflictError,
  download,
  info,
  list,
  openStore,
  remove,
  type Store,
  upload,
  verify,
} from "../main.ts";
import { copyStash } from "../lib/exports/copy.ts";
import { chunkNumbers } from "../lib/stash/chunk_numbers.ts";
import { bytesSource } from "../lib/exports/store.ts";
import { digestOf } from "../lib/oci/digest.ts";
import { OCTET_STREAM } from "../lib/oci/media_types.ts";
import { makeWorkspace, sink, someBytes, streamOf } from "./rigs/content.ts";
import { type FakeRegistry, startFakeRegistry } from "./rigs/fake_registry.ts";
import { putImage } from "./rigs/images.ts";

const BYTES = someBytes(115); // twelve chunks of ten bytes

async function withHiddenTags(body: (store: Store, registry: FakeRegistry) => Promise<void>) {
  await using registry = await startFakeRegistry({ faults: { hideLongerTags: true } });
  using store = openStore({ registry: registry.url, repository: "me/files" });
  await body(store, registry);
}

async function downloaded(store: Store, baseTag: string): Promise<Uint8Array> {
  const { stream, bytes } = sink();
  await download(store, baseTag, { output: stream });
  return bytes();
}

/** Stores a stash as the Python layerstash does: nothing but tags says how many chunks there are. */
async function storeAsPython(store: Store, baseTag: string): Promise<void> {
  const config = { architecture: "x86_64", os: "linux" };
  for (let at = 0; at < BYTES.length; at += 10) {
    const { digest, size } = await store.write(bytesSource(BYTES.slice(at, at + 10)));
    await putImage(store, `${baseTag}-${at / 10 + 1}`, [{ mediaType: OCTET_STREAM, digest, size }], config);
  }
}

const tagsFrom = (last: number, baseTag: string) =>
  Array.from({ length: last }, (_, index) => `${baseTag}-${last - index}`);

const KINDS: Record<string, (store: Store, baseTag: string) => Promise<unknown>> = {
  "a file": async (store, baseTag) => {
    await using work = await makeWorkspace();
    await upload(store, baseTag, { input: await work.write("disk.img", BYTES), chunkSize: 10 });
  },
  "a stream": (store, baseTag) => upload(store, baseTag, { input: streamOf(BYTES), chunkSize: 10 }),
  "the Python layerstash": storeAsPython,
};

for (const [kind, put] of Object.entries(KINDS)) {
  Deno.test(`a stash of ${kind} is whole although a list hides its higher tags`, () =>
    withHiddenTags(async (store) => {
      await put(store, "disk");
      assert.equal((await Array.fromAsync(store.tags())).length, 9);
      const [listed] = await Array.fromAsync(list(store));
      assert.deepEqual(listed, { baseTag: "disk", chunks: 12, missing: undefined });
      const [described] = await Array.fromAsync(list(store, { exactSize: true }));
      assert.equal(described?.stash?.size, BYTES.length, described?.problem);
      assert.equal((await info(store, "disk")).faults, undefined);
      assert.deepEqual((await verify(store, "disk", { deep: true })).faults, []);
      assert.deepEqual(await downloaded(store, "disk"), BYTES);
      await copyStash({ store, baseTag: "disk" }, { store, baseTag: "copy" });
      assert.deepEqual(await downloaded(store, "copy"), BYTES);
      assert.deepEqual((await remove(store, "disk")).removed, tagsFrom(12, "disk"));
      assert.equal(await store.resolve("disk-12"), undefined);
      assert.deepEqual(await downloaded(store, "copy"), BYTES);
    }));

  Deno.test(`a shorter file replaces one of ${kind} with all of its hidden tags`, () =>
    withHiddenTags(async (store) => {
      await put(store, "disk");
      const shorter = { input: streamOf(someBytes(25, 7)), chunkSize: 10, overwrite: true };
      await upload(store, "disk", shorter);
      for (const number of [4, 9, 10, 11, 12]) {
        assert.equal(await store.resolve(`disk-${number}`), undefined, `disk-${number} is left`);
      }
      assert.deepEqual(await downloaded(store, "disk"), someBytes(25, 7));
    }));
}

Deno.test("an alias that hides all tags of a stash hides none of its chunks from the verbs", () =>
  withHiddenTags(async (store, { requests }) => {
    await upload(store, "disk", { input: streamOf(BYTES), chunkSize: 10 });
    await putImage(store, "disk", [{ bytes: someBytes(4) }]);
    assert.deepEqual(await Array.fromAsync(store.tags()), ["disk"]);
    const before = requests.length;
    await upload(store, "disk", { input: streamOf(BYTES), chunkSize: 10 });
    const sent = requests.slice(before).filter(({ method }) => method === "PATCH" || method === "PUT");
    assert.deepEqual(sent, [], "it is stored already");
    await assert.rejects(
      upload(store, "disk", { input: streamOf(someBytes(25, 7)), chunkSize: 10 }),
      ConflictError,
    );
    assert.deepEqual((await remove(store, "disk")).removed, tagsFrom(12, "disk"));
  }));

Deno.test("a registry that claims to have every tag is not asked for ever", async () => {
  using store = openStore({ registry: "oci:nowhere", repository: "me/files" });
  let asked = 0;
  store.tags = async function* () {};
  store.resolve = () => {
    if (++asked > 1_000_000) throw new Error("it was asked for ever");
    return Promise.resolve(digestOf(BYTES));
  };
  await assert.rejects(chunkNumbers(store, "disk", {}), {
    name: "MismatchError",
    message: /^the tags of disk in .* have no end$/,
  });
});
