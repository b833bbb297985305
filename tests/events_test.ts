import assert from "node:assert/strict";
import { download, info, list, openStore, remove, upload, verify } from "../main.ts";
import type { Digest, OnEvent, Store, TransferEvent } from "../main.ts";
import { blobSize, getAlias, listAliases, mountBlob, pullBlobs, pushBlob } from "../lib/exports/blobs.ts";
import { removeAlias, removeBlobs, setAlias, stashUrls } from "../lib/exports/blobs.ts";
import { append, copyImage, copyStash, saveLayers } from "../lib/exports/copy.ts";
import { describeImage, findImage } from "../lib/exports/images.ts";
import { bytesSource, digestOf } from "../lib/exports/store.ts";
import { testClock } from "./rigs/clock.ts";
import { makeWorkspace, sink, someBytes, streamOf, type Workspace } from "./rigs/content.ts";
import { type FakeRegistry, startFakeRegistry } from "./rigs/fake_registry.ts";
import { holdRequests } from "./rigs/gate.ts";
import { tarOf } from "./rigs/tar.ts";

/** Every event is reported once, to whoever made the call, and a registry that is busy gets fewer connections. */

const SIZE = 12_000;
const CHUNK = 1000;
const BYTES = someBytes(SIZE);
/** The digests of the twelve chunks. */
const CHUNKS = Array.from({ length: 12 }, (_, at) => digestOf(BYTES.slice(at * CHUNK, (at + 1) * CHUNK)));

function isOfChunk(text: string): boolean {
  return CHUNKS.some((digest) => text.includes(digest) || text.includes(encodeURIComponent(digest)));
}

/** What a verb works with. */
interface Scene {
  store: Store;
  fake: FakeRegistry;
  work: Workspace;
  /** A blob that is stored, and that an alias points to. */
  blob: Digest;
  onEvent: OnEvent | undefined;
}

type Verb = (scene: Scene) => Promise<unknown>;

/** Every verb that speaks to a registry, with the channel as a library user passes it. */
const VERBS: Record<string, Verb> = {
  upload: ({ store, onEvent }) => upload(store, "new", { input: streamOf(BYTES), chunkSize: 5000, onEvent }),
  "upload of what exists": ({ store, work, onEvent }) =>
    upload(store, "disk", { input: work.path("disk"), chunkSize: CHUNK, onEvent }),
  "download to a file": ({ store, work, onEvent }) =>
    download(store, "disk", { output: work.path("out"), onEvent }),
  "download with a number of jobs": ({ store, work, onEvent }) =>
    download(store, "disk", { output: work.path("out"), jobs: 3, onEvent }),
  "download to a stream": ({ store, onEvent }) => download(store, "disk", { output: sink().stream, onEvent }),
  verify: ({ store, onEvent }) => verify(store, "disk", { onEvent }),
  "verify of every byte": ({ store, onEvent }) => verify(store, "disk", { deep: true, onEvent }),
  info: ({ store, onEvent }) => info(store, "disk", { onEvent }),
  list: ({ store, onEvent }) => Array.fromAsync(list(store, { exactSize: true, onEvent })),
  remove: ({ store, onEvent }) => remove(store, "disk", { onEvent }),
  pushBlob: ({ store, onEvent }) => pushBlob(store, streamOf(BYTES), { alias: "new", onEvent }),
  "pullBlobs to a file": ({ store, work, onEvent }) =>
    pullBlobs(store, ["@alias"], { output: work.path("out"), onEvent }),
  "pullBlobs to a stream": ({ store, blob, onEvent }) =>
    pullBlobs(store, [blob], { output: sink().stream, onEvent }),
  blobSize: ({ store, blob, onEvent }) => blobSize(store, blob, { onEvent }),
  mountBlob: ({ store, fake, onEvent }) => {
    const digest = fake.storage.addBlob("me/other", someBytes(10, 7));
    return mountBlob(store, digest, { from: "me/other", alias: "mounted", onEvent });
  },
  removeBlobs: ({ store, blob, onEvent }) => removeBlobs(store, [blob], { onEvent }),
  setAlias: ({ store, blob, onEvent }) => setAlias(store, "new", { digests: [blob], onEvent }),
  getAlias: ({ store, onEvent }) => getAlias(store, "alias", { onEvent }),
  removeAlias: ({ store, onEvent }) => removeAlias(store, "alias", { onEvent }),
  listAliases: ({ store, onEvent }) => Array.fromAsync(listAliases(store, { onEvent })),
  stashUrls: ({ store, onEvent }) => stashUrls(store, "disk", { onEvent }),
  copyImage: ({ store, onEvent }) =>
    copyImage({ store, reference: "disk-1" }, { store, reference: "copy" }, { onEvent, referrers: true }),
  copyStash: ({ store, onEvent }) =>
    copyStash({ store, baseTag: "disk" }, { store, baseTag: "copy" }, { onEvent }),
  append: ({ store, onEvent }) =>
    append({ store, reference: "disk-1" }, { store, reference: "more" }, {
      input: streamOf(tarOf([{ name: "file", content: "hello" }])),
      onEvent,
    }),
  describeImage: async ({ store, onEvent }) =>
    describeImage(store, await findImage(store, "disk-1", { onEvent }), { onEvent }),
  saveLayers: async ({ store, work, onEvent }) => {
    const { layers } = await findImage(store, "disk-1", { onEvent });
    return await saveLayers(store, layers, { directory: work.path("layers"), onEvent });
  },
};

async function onScene(channels: { store?: OnEvent; verb?: OnEvent }, verb: Verb): Promise<FakeRegistry> {
  const fake = await startFakeRegistry();
  await using work = await makeWorkspace();
  const input = await work.write("disk", BYTES);
  const target = { registry: fake.url, repository: "me/files", clock: testClock() };
  let blob: Digest;
  {
    using store = openStore(target);
    await upload(store, "disk", { input, chunkSize: CHUNK });
    blob = (await store.write(bytesSource(someBytes(20, 3)))).digest;
    await setAlias(store, "alias", { digests: [blob] });
  }
  fake.requests.length = 0;
  fake.faults.failNext = [{ status: 503, times: 2 }];
  using store = openStore({ ...target, onEvent: channels.store });
  await verb({ store, fake, work, blob, onEvent: channels.verb });
  return fake;
}

/** What the registry saw must be what the channel was told: each request once, and a retry for each failure. */
function assertComplete(events: readonly TransferEvent[], fake: FakeRegistry): void {
  const told = events.flatMap((event) =>
    event.type === "request" ? [`${event.method} ${new URL(event.url).pathname} ${event.status}`] : []
  );
  const seen = fake.requests.map(({ method, path, status }) => `${method} ${path} ${status}`);
  assert.deepEqual(told.sort(), seen.sort());
  assert.equal(events.filter(({ type }) => type === "retry").length, 2);
}

for (const [name, verb] of Object.entries(VERBS)) {
  Deno.test(`${name}: what happens goes to the channel of the verb, once, and not to that of the store`, async () => {
    const events: TransferEvent[] = [];
    await using fake = await onScene({
      verb: (event) => void events.push(event),
      store: (event) => assert.fail(`the store's channel got ${Deno.inspect(event)}`),
    }, verb);
    assertComplete(events, fake);
  });

  Deno.test(`${name}: without a channel of the verb, that of the store gets everything, once`, async () => {
    const ofVerb: TransferEvent[] = [];
    await onScene({ verb: (event) => void ofVerb.push(event) }, verb).then((fake) =>
      fake[Symbol.asyncDispose]()
    );
    const events: TransferEvent[] = [];
    await using fake = await onScene({ store: (event) => void events.push(event) }, verb);
    assertComplete(events, fake);
    const others = (all: TransferEvent[]) =>
      all.map(({ type }) => type).filter((type) => type !== "request").sort();
    assert.deepEqual(others(events), others(ofVerb));
  });
}

/** Two registries, and a store in each with a channel of its own; the first has the stash `disk`, and both fail twice. */
async function twoStores(work: (from: Side, to: Side) => Promise<unknown>): Promise<void> {
  await using one = await openSide();
  await using other = await openSide();
  await upload(one.store, "disk", { input: streamOf(BYTES), chunkSize: SIZE });
  for (const { fake, events } of [one, other]) {
    fake.requests.length = events.length = 0;
    fake.faults.failNext = [{ status: 503, times: 2 }];
  }
  await work(one, other);
  for (const { fake, events } of [one, other]) assertComplete(events, fake);
}

interface Side extends AsyncDisposable {
  fake: FakeRegistry;
  store: Store;
  events: TransferEvent[];
}

async function openSide(): Promise<Side> {
  const fake = await startFakeRegistry();
  const events: TransferEvent[] = [];
  const onEvent = (event: TransferEvent) => void events.push(event);
  const store = openStore({ registry: fake.url, repository: "me/files", clock: testClock(), onEvent });
  return {
    fake,
    store,
    events,
    async [Symbol.asyncDispose]() {
      store.close();
      await fake[Symbol.asyncDispose]();
    },
  };
}

Deno.test("a copy between two stores without a channel of its own reports to each store what it did", async () => {
  await twoStores((from, to) =>
    copyStash({ store: from.store, baseTag: "disk" }, { store: to.store, baseTag: "disk" })
  );
});

Deno.test("an append on an image of another store without a channel of its own does so too", async () => {
  await twoStores((from, to) => {
    const input = streamOf(tarOf([{ name: "file", content: "hello" }]));
    return append({ store: from.store, reference: "disk-1" }, { store: to.store, reference: "more" }, {
      input,
    });
  });
});

const CHANNELS = {
  "of the verb": (onEvent: OnEvent) => ({ verb: { onEvent }, store: {} }),
  "of the store": (onEvent: OnEvent) => ({ verb: {}, store: { onEvent } }),
  "that nobody has": () => ({ verb: {}, store: {} }),
};

for (const [channel, give] of Object.entries(CHANNELS)) {
  const failures = { status: 429, times: 5 };
  /** Four at once to begin with, and all of them are refused; at the end one, as there are two halvings at least. */
  const ofDownload = [4, 4, ...Array(9).fill(1)];
  /** An upload that is tried again waits for its turn. */
  const ofUpload = [4, 2, ...Array(11).fill(1)];

  Deno.test(`a registry that answers 429 to a download halves the connections, with the channel ${channel}`, async () => {
    await using fake = await startFakeRegistry();
    await using work = await makeWorkspace();
    const { verb, store: ofStore } = give(() => {});
    using store = openStore({ registry: fake.url, repository: "me/files", clock: testClock(), ...ofStore });
    await upload(store, "disk", { input: streamOf(BYTES), chunkSize: CHUNK });
    fake.faults.failNext = [{ ...failures, method: "GET", path: new RegExp(CHUNKS.join("|")) }];
    await work.write("out.part", ""); // of a file that was begun no chunk is asked for beside the config
    const counts = holdRequests(fake, ({ method, path }) => method === "GET" && isOfChunk(path));
    await download(store, "disk", { output: work.path("out"), ...verb });
    assert.deepEqual(counts, ofDownload);
    assert.deepEqual(await Deno.readFile(work.path("out")), BYTES);
  });

  Deno.test(`a registry that answers 429 to an upload halves the connections, with the channel ${channel}`, async () => {
    await using fake = await startFakeRegistry();
    await using work = await makeWorkspace();
    const { verb, store: ofStore } = give(() => {});
    using store = openStore({ registry: fake.url, repository: "me/files", clock: testClock(), ...ofStore });
    const input = await work.write("disk", BYTES);
    fake.faults.failNext = [{ ...failures, method: "PUT", path: /\/blobs\/uploads\// }];
    const counts = holdRequests(fake, ({ method, search }) => method === "PUT" && isOfChunk(search));
    await upload(store, "disk", { input, chunkSize: CHUNK, ...verb });
    assert.deepEqual(counts, ofUpload);
  });
}
