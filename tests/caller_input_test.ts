/** What callers of the library give without types to hold them: it is refused in words before anything is done. @module */
import assert from "node:assert/strict";
import { Readable } from "node:stream";
import {
  append,
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
  const before = await stored(place);
  for (const [name, [call, message]] of Object.entries(calls)) {
    await assert.rejects(call, (error) => {
      assert.ok(error instanceof InvalidInputError, `${name}: ${(error as Error)?.stack}`);
      assert.match(error.message, message, name);
      return true;
    }, `${name} was taken`);
  }
  assert.deepEqual(await stored(place), before);
}

/** What is stored, without the uploads that were begun: they are not to be seen. */
async function stored(place: Place): Promise<[string, string][]> {
  return Object.entries(await place.contents()).filter(([name]) => !name.includes("/_uploads/"));
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

/** A stream that gives these. */
function streamOf(...values: unknown[]): Anything {
  return new ReadableStream({
    start(controller) {
      for (const value of values) controller.enqueue(value);
      controller.close();
    },
  });
}

/** What stores an input, each into its own tag. */
function storing(store: Store, input: () => Anything): Record<string, () => Promise<unknown>> {
  const base = { store, reference: "base-1" };
  return {
    upload: () => upload(store, { baseTag: "new", input: input() }),
    pushBlob: () => pushBlob(store, { input: input(), alias: "new" }),
    append: () => append(base, { store, reference: "new" }, { input: input() }),
  };
}

testOnEachStore(
  "a stream that gives anything but bytes is refused, and nothing of it is stored",
  async (place) => {
    using store = place.open();
    await upload(store, { baseTag: "base", input: new Response("hello").body! });
    const bytes = new Uint8Array(3);
    const cases: [name: string, input: () => Anything, kind: string][] = [
      ["ArrayBuffers", () => streamOf(new ArrayBuffer(5), new ArrayBuffer(5)), "an ArrayBuffer"],
      ["numbers", () => streamOf(1, 2, 3), "a number"],
      ["texts", () => streamOf("text"), "a string"],
      ["other arrays", () => streamOf(bytes, new Uint16Array(2)), "a Uint16Array"],
      ["null", () => streamOf(bytes, null), "null"],
      ["texts of Node", () => Readable.toWeb(Readable.from(["text", "more", "even more"])), "a string"],
    ];
    for (const [name, input, kind] of cases) {
      for (const [verb, call] of Object.entries(storing(store, input))) {
        await refusesEach(place, {
          [`${verb} of ${name}`]: [call, new RegExp(`^the stream gives no Uint8Array, but ${kind}$`)],
        });
      }
    }
  },
);

testOnEachStore("what is neither a path nor a stream is told what is taken", async (place) => {
  using store = place.open();
  await upload(store, { baseTag: "base", input: new Response("hello").body! });
  const locked = streamOf();
  locked.getReader();
  for (
    const [input, message] of [
      [new URL("file:///etc/hostname"), /^a URL is neither the path of a file nor a ReadableStream$/],
      [new Blob(["text"]), /^a Blob is neither/],
      [new Uint8Array(3), /^a Uint8Array is neither/],
      [new Response("text"), /^a Response is neither/],
      [undefined, /^undefined is neither/],
      [locked, /^the stream is locked/],
    ] as const
  ) {
    for (const [verb, call] of Object.entries(storing(store, () => input))) {
      await refusesEach(place, { [verb]: [call, message] });
    }
  }
});
