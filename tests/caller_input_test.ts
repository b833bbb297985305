/** What callers of the library give without types to hold them: it is refused in words before anything is done. @module */
import assert from "node:assert/strict";
import {
  blobSize,
  copyStash,
  directUrls,
  download,
  getAlias,
  InvalidInputError,
  mountBlob,
  pullBlobs,
  pushBlob,
  remove,
  removeAlias,
  removeBlobs,
  setAlias,
  type Store,
  upload,
} from "../main.ts";
import { sink } from "./rigs/content.ts";
import { type Place, testOnEachStore } from "./rigs/stores.ts";

// deno-lint-ignore no-explicit-any
type Anything = any;

/** Calls that all have to be refused, with a message each, and that leave the store as it is. */
async function refusesEach(
  place: Place,
  calls: Record<string, [() => Promise<unknown>, RegExp]>,
): Promise<void> {
  const before = await place.contents();
  for (const [name, [call, message]] of Object.entries(calls)) {
    await assert.rejects(call, (error) => {
      assert.ok(error instanceof InvalidInputError, `${name}: ${(error as Error)?.stack}`);
      assert.match(error.message, message, name);
      return true;
    }, `${name} was taken`);
  }
  assert.deepEqual(await place.contents(), before);
}

async function push(store: Store, text: string, alias?: string) {
  return await pushBlob(store, { input: new Response(text).body!, alias });
}

testOnEachStore("a name that is absent is not taken for one", async (place) => {
  using store = place.open();
  const { digest } = await push(store, "hello", "undefined");
  await upload(store, { baseTag: "undefined", input: new Response("hello").body! });
  const input = () => new Response("other").body!;
  const none: Anything = {};
  const output = sink().stream;
  await refusesEach(place, {
    "upload": [() => upload(store, { ...none, input: input() }), /^undefined is not a tag$/],
    "upload null": [() => upload(store, { baseTag: none.x ?? null!, input: input() }), /^null is not a tag$/],
    "upload 5": [() => upload(store, { baseTag: 5 as Anything, input: input() }), /^5 is not a tag$/],
    "download": [() => download(store, { ...none, output }), /^undefined is not a tag$/],
    "remove": [() => remove(store, none), /^undefined is not a tag$/],
    "setAlias": [() => setAlias(store, { ...none, digests: [digest] }), /^undefined is not a tag$/],
    "setAlias null": [() => setAlias(store, { alias: null!, digests: [digest] }), /^null is not a tag$/],
    "setAlias without blobs": [() => setAlias(store, { ...none, alias: "one" }), /one blob at least/],
    "removeAlias": [() => removeAlias(store, none.x), /^undefined is not a tag$/],
    "getAlias": [() => getAlias(store, none.x), /^undefined is not a tag$/],
    "copyStash": [
      () => copyStash({ store, baseTag: "undefined" }, { store } as Anything),
      /^undefined is not a tag$/,
    ],
    "mountBlob": [() => mountBlob(store, none), /^undefined is not a repository name$/],
    "pullBlobs": [() => pullBlobs(store, { ...none, output }), /a list of names, not undefined/],
    "directUrls": [() => directUrls(store, none), /a list of names, not undefined/],
    "removeBlobs": [() => removeBlobs(store, none.x), /a list of names, not undefined/],
  });
});

testOnEachStore("a blob's name has its @, or is a digest", async (place) => {
  using store = place.open();
  await push(store, "hello", "oth");
  const { digest } = await push(store, "hello", "logs");
  for (
    const name of ["both", "%logs", "logs", "", "@", "@a b", digest.slice(1), 5, undefined] as Anything[]
  ) {
    const neither = /neither a digest nor an alias|is not a tag/;
    await refusesEach(place, {
      [`blobSize ${name}`]: [() => blobSize(store, name), neither],
      [`directUrls ${name}`]: [() => directUrls(store, { blobs: [name] }), neither],
      [`pullBlobs ${name}`]: [() => pullBlobs(store, { blobs: [name], output: sink().stream }), neither],
      [`removeBlobs ${name}`]: [() => removeBlobs(store, [digest, name]), neither],
    });
  }
  assert.equal(await blobSize(store, "@logs"), 5);
});
