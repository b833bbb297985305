/** What callers of the library give without types to hold them: it is refused in words before anything is done. @module */
import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { append, copyImage, copyStash, saveLayers } from "../lib/exports/copy.ts";
import {
  blobSize,
  blobUrls,
  getAlias,
  mountBlob,
  pullBlobs,
  pushBlob,
  removeAlias,
  removeBlobs,
  setAlias,
} from "../lib/exports/blobs.ts";
import { bytesSource } from "../lib/exports/store.ts";
import { chooseLayer, findImage, openImage } from "../lib/exports/images.ts";
import {
  DEFAULT_RETRY_POLICY,
  DEFAULT_TIMEOUTS,
  download,
  InvalidInputError,
  LayerstashError,
  listRepositories,
  openStore,
  RateLimit,
  remove,
  type Store,
  upload,
  verify,
} from "../main.ts";
import { StreamCutter } from "../lib/content/stream_source.ts";
import { makeWorkspace, sink } from "./rigs/content.ts";
import { type Place, testOnEachStore } from "./rigs/stores.ts";

// deno-lint-ignore no-explicit-any
type Anything = any;

/** Calls that all have to be refused, with a message each, and that leave the store as it is. */
async function refusesEach(
  place: Place | undefined,
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
async function stored(place: Place | undefined): Promise<[string, string][]> {
  return Object.entries(await place?.contents() ?? {}).filter(([name]) => !name.includes("/_uploads/"));
}

async function push(store: Store, text: string, alias?: string) {
  return await pushBlob(store, new Response(text).body!, { alias });
}

testOnEachStore("a name that is absent is not taken for one", async (place) => {
  using store = place.open();
  const { digest } = await push(store, "hello", "undefined");
  await upload(store, "undefined", { input: new Response("hello").body! });
  const input = () => new Response("other").body!;
  const none: Anything = undefined;
  const output = sink().stream;
  await refusesEach(place, {
    "upload": [() => upload(store, none, { input: input() }), /^undefined is not a tag$/],
    "upload null": [() => upload(store, null!, { input: input() }), /^null is not a tag$/],
    "upload 5": [() => upload(store, 5 as Anything, { input: input() }), /^5 is not a tag$/],
    "download": [() => download(store, none, { output }), /^undefined is not a tag$/],
    "remove": [() => remove(store, none), /^undefined is not a tag$/],
    "setAlias": [() => setAlias(store, none, { digests: [digest] }), /^undefined is not a tag$/],
    "setAlias null": [() => setAlias(store, null!, { digests: [digest] }), /^null is not a tag$/],
    "setAlias without blobs": [() => setAlias(store, "one", {} as Anything), /at least one blob/],
    "removeAlias": [() => removeAlias(store, none), /^undefined is not a tag$/],
    "getAlias": [() => getAlias(store, none), /^undefined is not a tag$/],
    "copyStash": [
      () => copyStash({ store, baseTag: "undefined" }, { store } as Anything),
      /^undefined is not a tag$/,
    ],
    "mountBlob": [() => mountBlob(store, digest, {} as Anything), /^undefined is not a repository name$/],
    "pullBlobs": [() => pullBlobs(store, none, { output }), /must be a list of names, not undefined/],
    "blobUrls": [() => blobUrls(store, none), /must be a list of names, not undefined/],
    "removeBlobs": [() => removeBlobs(store, none), /must be a list of names, not undefined/],
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
      [`blobUrls ${name}`]: [() => blobUrls(store, [name]), neither],
      [`pullBlobs ${name}`]: [() => pullBlobs(store, [name], { output: sink().stream }), neither],
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
    upload: () => upload(store, "new", { input: input() }),
    pushBlob: () => pushBlob(store, input(), { alias: "new" }),
    append: () => append(base, { store, reference: "new" }, { input: input() }),
  };
}

testOnEachStore(
  "a stream that gives anything but bytes is refused, and nothing of it is stored",
  async (place) => {
    using store = place.open();
    await upload(store, "base", { input: new Response("hello").body! });
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
          [`${verb} of ${name}`]: [call, new RegExp(`^the stream gives ${kind}, not a Uint8Array$`)],
        });
      }
    }
  },
);

testOnEachStore("what is neither a path nor a stream is told what is taken", async (place) => {
  using store = place.open();
  await upload(store, "base", { input: new Response("hello").body! });
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

const BAD_JOBS = [NaN, Infinity, -1, 0, 1.5, 65, 1e9, "4", null] as Anything[];
const BAD_SIZES = [NaN, Infinity, -1, 0, 1.5, "4MB", null] as Anything[];

testOnEachStore("a number out of range is refused by every verb that takes it", async (place) => {
  await using work = await makeWorkspace();
  using store = place.open();
  using other = place.open({ repository: "me/other" });
  const path = await work.write("file", "hello");
  await upload(store, "base", { input: path });
  const { layers } = await findImage(store, "base-1");
  const [from, to, output] = [
    { store, reference: "base-1" },
    { store: other, reference: "new" },
    work.path("x"),
  ];
  const stash = { store, baseTag: "base" };
  for (const jobs of BAD_JOBS) {
    const cannot = new RegExp(
      `^jobs must be a whole number from 1 to 64, not ${jobs === "4" ? '"4"' : jobs}$`,
    );
    await refusesEach(place, {
      upload: [() => upload(store, "new", { input: path, jobs }), cannot],
      "upload of a stream": [() => upload(store, "new", { input: streamOf(), jobs }), cannot],
      download: [() => download(store, "base", { output, jobs }), cannot],
      verify: [() => verify(store, "base", { deep: true, jobs }), cannot],
      pullBlobs: [() => pullBlobs(store, ["@base-1"], { output, jobs }), cannot],
      copyImage: [() => copyImage(from, to, { jobs }), cannot],
      copyStash: [() => copyStash(stash, { ...stash, store: other }, { jobs }), cannot],
      saveLayers: [() => saveLayers(store, layers, { directory: output, jobs }), cannot],
      append: [() => append(from, to, { input: path, jobs }), cannot],
    });
  }
  for (const size of BAD_SIZES) {
    const pull = (output: Anything) => pullBlobs(store, ["@base-1"], { output, partSize: size });
    await refusesEach(place, {
      chunkSize: [
        () => upload(store, "new", { input: path, chunkSize: size }),
        /^chunkSize must be a /,
      ],
      "partSize into a file": [() => pull(output), /^partSize must be a /],
      "partSize into a stream": [() => pull(sink().stream), /^partSize must be a /],
    });
  }
  assert.deepEqual([await work.has("x"), await work.has("x.part")], [false, false]);
});

Deno.test("a store is not opened with a number out of range", async () => {
  const open = (more: Anything) =>
    Promise.resolve().then(() => openStore({ registry: "localhost:5000", repository: "me/files", ...more }));
  for (const bad of [NaN, -1, "5", null] as Anything[]) {
    await refusesEach(undefined, {
      limitRate: [() => open({ limitRate: bad }), /^limitRate must be a /],
      RateLimit: [() => Promise.resolve().then(() => new RateLimit(bad)), /^limitRate must be a /],
      stall: [() => open({ timeouts: { stall: bad } }), /^stall must be a /],
      connect: [() => open({ timeouts: { connect: bad } }), /^connect must be a /],
      attempts: [() => open({ retry: { attempts: bad } }), /^attempts must be a /],
      longestWait: [() => open({ retry: { longestWait: bad } }), /^longestWait must be a /],
      partSize: [() => open({ profile: { partSize: bad } }), /^partSize must be a /],
    });
  }
  await refusesEach(undefined, { none: [() => open({ limitRate: 0 }), /^limitRate must be a .*, not 0$/] });
  const { stall, attempts } = { ...DEFAULT_TIMEOUTS, ...DEFAULT_RETRY_POLICY };
  (await open({ timeouts: { stall, answer: Infinity, store: undefined }, retry: { attempts } })).close();
});

testOnEachStore("a range has bytes, and ends after its start", async (place) => {
  using store = place.open();
  const { digest } = await push(store, "0123456789", "ten");
  const pull = async (range: Anything) => {
    const { stream, bytes } = sink();
    await pullBlobs(store, [digest], { output: stream, range });
    return new TextDecoder().decode(bytes());
  };
  const cases: [range: Anything, message: RegExp][] = [
    [{ start: -3 }, /^start must be a .*, not -3$/],
    [{ start: 1.5 }, /^start must be a .*, not 1.5$/],
    [{ start: NaN }, /^start must be a .*, not NaN$/],
    [{ start: "2" }, /^start must be a .*, not "2"$/],
    [{ end: -1 }, /^end must be a .*, not -1$/],
    [{ end: 2.5 }, /^end must be a .*, not 2.5$/],
    [{ start: 1, end: NaN }, /^end must be a .*, not NaN$/],
    [{ start: 5, end: 5 }, /^the range from 5 to 5 has no bytes/],
    [{ end: 0 }, /^the range from 0 to 0 has no bytes/],
    [{ start: 7, end: 3 }, /^the range from 7 to 3 has no bytes/],
    [{ start: 10 }, /^there is no byte 10: the size is 10 bytes$/],
    [{ start: 12, end: 14 }, /^there is no byte 12: the size is 10 bytes$/],
  ];
  for (const [range, message] of cases) {
    await refusesEach(place, { [JSON.stringify(range)]: [() => pull(range), message] });
  }
  for (const range of [...cases.slice(0, 7).map(([range]) => range), { start: 7, end: 3 }, { start: 2 }]) {
    await refusesEach(place, {
      [`read ${JSON.stringify(range)}`]: [
        () => store.readUnverified(digest, { range }),
        /must be a|no range/,
      ],
    });
  }
  assert.equal(await pull({ start: 8, end: 20 }), "89");
  assert.equal(await pull({ end: 2 }), "01");
});

testOnEachStore("the time of a layer is one that every program reads", async (place) => {
  using store = place.open();
  await upload(store, "base", { input: new Response("hello").body! });
  const input = () => new Blob([new Uint8Array(1024)]).stream();
  const make = (created: Anything) =>
    append({ store, reference: "base-1" }, { store, reference: "new" }, {
      input: input(),
      created,
      overwrite: true,
    });
  for (
    const created of [
      "yesterday",
      "",
      "2024-05-01",
      "2024-02-30T00:00:00Z",
      "2024-05-01T24:00:00Z",
      "2024-05-01T12:00:00",
      "2024-05-01t12:00:00z",
      1714564800,
      new Date(0),
      null,
    ]
  ) {
    await refusesEach(place, { [`created ${created}`]: [() => make(created), /is not a time$/] });
  }
  for (const created of ["2024-05-01T12:00:00Z", "2024-02-29T23:59:59.123456789+02:00"]) {
    assert.equal((await make(created)).reference, "new");
  }
});

Deno.test("what names no registry, image, platform or layer says what does", async () => {
  const none: Anything = {};
  const image: Anything = { layers: [] };
  const later = (call: () => unknown) => () => Promise.resolve().then(call);
  await refusesEach(undefined, {
    "openStore": [later(() => openStore(none)), /^undefined is not a registry$/],
    "openStore 5": [
      later(() => openStore({ registry: 5 as Anything, repository: "x" })),
      /^5 is not a registry$/,
    ],
    "openStore without a repository": [
      later(() => openStore({ registry: "oci:box" } as Anything)),
      /^undefined is not a repository name$/,
    ],
    "a directory with a NUL": [later(() => openStore({ registry: "oci:a\0b", repository: "x" })), /NUL/],
    "openImage": [later(() => openImage(none.x)), /^undefined is not an address$/],
    "openImage null": [later(() => openImage(null!)), /^null is not an address$/],
    "chooseLayer": [later(() => chooseLayer(image, 1 as Anything)), /^1 is not a string$/],
    "chooseLayer of nothing": [later(() => chooseLayer(image, none.x)), /^undefined is not a string$/],
    "listRepositories": [() => Array.fromAsync(listRepositories(none)), /^undefined is not a registry$/],
  });
});

testOnEachStore("an output without a name is refused before anything is fetched", async (place) => {
  using store = place.open();
  await upload(store, "base", { input: new Response("hello").body! });
  const locked = new WritableStream();
  locked.getWriter();
  for (
    const [output, message] of [
      ["", /^the file to write has no name$/],
      [undefined, /^undefined is neither the path of a file nor a WritableStream$/],
      [new Uint8Array(5), /^a Uint8Array is neither/],
      [locked, /^the stream is locked/],
    ] as Anything[]
  ) {
    await refusesEach(place, {
      download: [() => download(store, "base", { output }), message],
      pullBlobs: [() => pullBlobs(store, ["@base-1"], { output }), message],
    });
  }
});

Deno.test("an output where no file can be is told in words", async () => {
  await using work = await makeWorkspace();
  using store = openStore({ registry: `oci:${work.path("box")}`, repository: "me/files" });
  await upload(store, "base", { input: new Response("hello").body! });
  for (const output of [work.path("a\0b"), work.path("missing/"), work.path("x".repeat(300)), "/proc/x"]) {
    const calls = [
      () => download(store, "base", { output }),
      () => pullBlobs(store, ["@base-1"], { output }),
      () => pullBlobs(store, ["@base-1"], { output, range: { start: 1 } }),
    ];
    for (const call of calls) await assert.rejects(call, LayerstashError, output);
  }
  const input = work.path("a\0b");
  await assert.rejects(upload(store, "new", { input }), LayerstashError);
});

Deno.test("a list of repositories that was ended beforehand is not begun", async () => {
  await using work = await makeWorkspace();
  const why = new Error("the user went home");
  const options = { registry: `oci:${work.path("")}`, signal: AbortSignal.abort(why) };
  await assert.rejects(Array.fromAsync(listRepositories(options)), (error) => error === why);
});

Deno.test("what is not a Uint8Array is not a source, and a source takes a number of bytes", async () => {
  const later = (call: () => unknown) => () => Promise.resolve().then(call);
  const cutter = new StreamCutter(new Response("hello").body!);
  await refusesEach(undefined, {
    "bytesSource": [later(() => bytesSource("hello" as Anything)), /^a string is not a Uint8Array$/],
    "bytesSource of nothing": [later(() => bytesSource(undefined!)), /^undefined is not a Uint8Array$/],
    "take NaN": [later(() => cutter.take(NaN)), /^most must be a .*, not NaN$/],
    "take none": [later(() => cutter.take(0)), /^most must be a .*, not 0$/],
  });
  await cutter.cancel();
});
