/** How many round trips an upload takes, one behind the other: over a long link each of them is felt. @module */
import assert from "node:assert/strict";
import { openStore, upload, type UploadOptions } from "../main.ts";
import { makeWorkspace, someBytes, streamOf } from "./rigs/content.ts";
import { startFakeRegistry } from "./rigs/fake_registry.ts";
import { nameOf, requireRounds } from "./rigs/rounds.ts";

const CHUNK = 1000;
/** The list of tags, and the first tag, which the list may leave out. */
const LOOK = ["GET manifests/disk-1", "GET tags/list"];
const opened = (count: number) => new Array<string>(count).fill("POST blobs/uploads/");
const stored = (count: number) => new Array<string>(count).fill("PUT blobs/uploads/");
const seen = (...numbers: number[]) => numbers.map((number) => `HEAD manifests/disk-${number}`);
const given = (...numbers: number[]) => numbers.map((number) => `GET manifests/disk-${number}`);
const tagged = (...numbers: number[]) => numbers.map((number) => `PUT manifests/disk-${number}`);

/** Uploads to a registry that answers in these rounds. */
async function uploadInRounds(
  wanted: string[][],
  { over, ...given }: Pick<UploadOptions, "input" | "stateDirectory" | "jobs"> & { over?: string },
) {
  await using registry = await startFakeRegistry();
  using store = openStore({ registry: registry.url, repository: "me/files" });
  const options = { chunkSize: CHUNK };
  if (over) await upload(store, "disk", { ...options, input: over });
  const overwrite = over !== undefined;
  await requireRounds(
    registry,
    wanted,
    (signal) => upload(store, "disk", { ...options, ...given, overwrite, signal }),
  );
}

Deno.test("a file of four chunks is there after ten round trips, and an eleventh makes sure", async () => {
  await using work = await makeWorkspace();
  await uploadInRounds([
    LOOK,
    opened(4),
    stored(4), // the bytes
    opened(4),
    stored(4), // the configs, also the last one with its table
    seen(1),
    tagged(1), // it decides whose stash it is
    seen(2, 3),
    tagged(2, 3),
    seen(1, 3, 4),
    tagged(4), // it makes the stash complete
    given(1, 2, 3, 4), // what cannot be fetched is not stored
  ], { input: await work.write("disk.img", someBytes(4 * CHUNK)) });
});

Deno.test("a file of one chunk takes no round trips for others", async () => {
  await using work = await makeWorkspace();
  const rounds = [LOOK, [...seen(1), ...opened(2)], stored(2), tagged(1), given(1)];
  await uploadInRounds(rounds, { input: await work.write("disk.img", someBytes(CHUNK)) });
});

Deno.test("a small file that was never stored from here has its uploads begun beside the first look", async () => {
  await using work = await makeWorkspace();
  const rounds = [[...LOOK, ...opened(2)], [...seen(1), ...stored(2)], tagged(1), given(1)];
  const input = await work.write("disk.img", someBytes(CHUNK));
  await uploadInRounds(rounds, { input, stateDirectory: work.path("journals") });
});

Deno.test("several chunks that were never stored from here have their uploads begun beside the first look", async () => {
  await using work = await makeWorkspace();
  const rounds = [[...LOOK, ...opened(2)], stored(2), opened(2), stored(2), seen(1), tagged(1)];
  const input = await work.write("disk.img", someBytes(2 * CHUNK));
  await uploadInRounds([...rounds, seen(1, 2), tagged(2), given(1, 2)], {
    input,
    stateDirectory: work.path("journals"),
  });
});

Deno.test("no more uploads are begun ahead than there are jobs", async () => {
  await using work = await makeWorkspace();
  const input = await work.write("disk.img", someBytes(2 * CHUNK));
  const chunk = [[...LOOK, ...opened(1)], stored(1), opened(1), stored(1), seen(1), tagged(1)];
  await uploadInRounds(
    [...chunk, opened(1), stored(1), opened(1), stored(1), seen(1, 2), tagged(2), given(1, 2)],
    { input, stateDirectory: work.path("journals"), jobs: 1 },
  );
});

Deno.test("uploads that were begun for a file that is there already are cancelled, and not begun again", async () => {
  await using work = await makeWorkspace();
  await using registry = await startFakeRegistry();
  using store = openStore({ registry: registry.url, repository: "me/files" });
  const input = await work.write("disk.img", someBytes(CHUNK));
  await upload(store, "disk", { input });
  for (const changes of [[...opened(2), "DELETE blobs/uploads/", "DELETE blobs/uploads/"], []]) {
    registry.requests.length = 0;
    await upload(store, "disk", { input, stateDirectory: work.path("journals") });
    assert.deepEqual(registry.requests.map(nameOf).filter((name) => !/^(GET|HEAD)/.test(name)), changes);
    assert.equal(registry.storage.sessions.size, 0);
  }
});

Deno.test("a stream has each chunk stored and tagged before the next: only one is read at a time", async () => {
  const bytes = [opened(1), ["PATCH blobs/uploads/"], stored(1)];
  const config = (...looks: number[]) => [[...seen(...looks), ...opened(1)], stored(1)];
  await uploadInRounds([
    LOOK,
    ...[...bytes, ...config(), seen(1), tagged(1)],
    ...[...bytes, ...config(), seen(2), tagged(2)],
    ...[...bytes, ...config(1, 2, 3), tagged(3), given(1, 2, 3)],
  ], { input: streamOf(someBytes(3 * CHUNK)) });
});

Deno.test("chunks that replace others take one round trip more behind their last bytes", async () => {
  await using work = await makeWorkspace();
  await uploadInRounds([
    LOOK,
    seen(5),
    ["GET blobs/blob"],
    given(4),
    ["GET blobs/blob"],
    given(2, 3), // these tags may hold images of others, which are not replaced
    ["GET blobs/blob", "GET blobs/blob"],
    new Array<string>(4).fill("HEAD blobs/bytes"), // they were compared: by their digests they may be there
    ...[opened(4), stored(4), opened(4), stored(4)],
    new Array<string>(4).fill("PUT manifests/blob"), // by their digests: the old file is whole until all of this is there
    ...[seen(1), tagged(1), seen(2, 3), tagged(2, 3), seen(1, 3, 4), tagged(4), given(1, 2, 3, 4)],
    ["GET tags/list"], // whether a tag still names a manifest of the old file
  ], {
    input: await work.write("new.img", someBytes(4 * CHUNK, 2)),
    over: await work.write("old.img", someBytes(4 * CHUNK, 1)),
  });
});

Deno.test("chunks of a stream that replace others have their images and tags put together at the end", async () => {
  await using work = await makeWorkspace();
  const bytes = [opened(1), ["PATCH blobs/uploads/"], stored(1)];
  const config = [opened(1), stored(1)];
  await uploadInRounds([
    ...[LOOK, seen(5), ["GET blobs/blob"], given(4), ["GET blobs/blob"]],
    ...[given(2), ["GET blobs/blob"], given(3), ["GET blobs/blob"]],
    ...[bytes, [...bytes, ...config], [...bytes, ...config], bytes].flat(), // chunk 1 is to say how many there are
    [...opened(2), "PUT manifests/blob", "PUT manifests/blob"],
    stored(2), // the configs of the first chunk and the last
    ["PUT manifests/blob", "PUT manifests/blob"],
    ...[seen(1), tagged(1), seen(2, 3), tagged(2, 3), seen(1, 3, 4), tagged(4), given(1, 2, 3, 4)],
    ["GET tags/list"],
  ], {
    input: streamOf(someBytes(4 * CHUNK, 2)),
    over: await work.write("old.img", someBytes(4 * CHUNK, 1)),
  });
});
