/** The Python layerstash 1.0.0 downloads what was stored here, and what it has stored is read here. @module */
import assert from "node:assert/strict";
import { join } from "node:path";
import { readImageManifest } from "../lib/oci/manifest.ts";
import { IMAGE_CONFIG, IMAGE_MANIFEST, OCTET_STREAM } from "../lib/oci/media_types.ts";
import {
  ConflictError,
  download,
  info,
  list,
  MismatchError,
  openStore,
  remove,
  type Store,
  upload,
  verify,
} from "../main.ts";
import { makeWorkspace, someBytes } from "./rigs/content.ts";
import { ensureTool, pythonPeer } from "./rigs/debian.ts";
import { startFakeRegistry } from "./rigs/fake_registry.ts";
import { startRegistry } from "./rigs/real_registry.ts";
import type { TokenServer } from "./rigs/token_server.ts";
import { USER } from "./rigs/user.ts";

const DRIVER = join(import.meta.dirname!, "rigs/python_layerstash.py");
const peer = await pythonPeer("layerstash==1.0.0");
const withPython = { ignore: peer === undefined };
const withRegistry = {
  ignore: peer === undefined || !await ensureTool("docker-registry", "docker-registry"),
};
const CHUNK = 1000;
const SIZES = [1, CHUNK - 1, CHUNK, CHUNK + 1, 12 * CHUNK + 345];

for (const size of [0, ...SIZES]) {
  Deno.test(`Python downloads ${size} bytes that were stored here`, withPython, async () => {
    await using registry = await startFakeRegistry({ auth: "bearer" });
    await using work = await makeWorkspace();
    using store = open(registry);
    const input = await work.write("disk.img", someBytes(size));
    await upload(store, "disk", { input, chunkSize: CHUNK });
    await python(registry, ["download", "-t", "disk", "-o", work.path("copy.img")]);
    assert.deepEqual(await Deno.readFile(work.path("copy.img")), someBytes(size));
  });
}

for (const size of SIZES) {
  Deno.test(`${size} bytes that Python has stored are downloaded here`, withPython, async () => {
    await using registry = await startFakeRegistry({ auth: "bearer" });
    await using work = await makeWorkspace();
    using store = open(registry);
    const input = await work.write("disk.img", someBytes(size));
    await python(registry, ["upload", "-t", "disk", "-i", input]);
    await requireStash(store, { size, file: input, copy: work.path("copy.img") });
  });
}

Deno.test("both store a file in the same layers under the same tags", withPython, async () => {
  await using registry = await startFakeRegistry({ auth: "bearer" });
  await using work = await makeWorkspace();
  using store = open(registry);
  const input = await work.write("disk.img", someBytes(3500));
  await upload(store, "ours", { input, chunkSize: CHUNK });
  await python(registry, ["upload", "-t", "theirs", "-i", input]);
  for (const number of [1, 2, 3, 4]) {
    const [ours, theirs] = [await imageAt(store, `ours-${number}`), await imageAt(store, `theirs-${number}`)];
    assert.equal(ours.mediaType, IMAGE_MANIFEST.docker);
    assert.equal(ours.config.mediaType, IMAGE_CONFIG.docker);
    assert.equal(ours.layers[0]?.mediaType, OCTET_STREAM);
    assert.equal(ours.mediaType, theirs.mediaType);
    assert.equal(ours.config.mediaType, theirs.config.mediaType);
    assert.deepEqual(ours.layers, theirs.layers);
  }
  assert.equal(await store.resolve("ours-5"), undefined);
});

Deno.test("an upload that one has begun the other completes", withPython, async () => {
  await using registry = await startFakeRegistry({ auth: "bearer" });
  await using work = await makeWorkspace();
  using store = open(registry);
  const input = await work.write("disk.img", someBytes(3500));
  await python(registry, ["upload", "-t", "theirs", "-i", input]);
  await store.removeManifest("theirs-3");
  await upload(store, "theirs", { input, chunkSize: CHUNK });
  assert.equal((await info(store, "theirs")).provenComplete, true);
  await download(store, "theirs", { output: work.path("copy.img") });
  assert.deepEqual(await Deno.readFile(work.path("copy.img")), someBytes(3500));

  await upload(store, "ours", { input, chunkSize: CHUNK });
  await store.removeManifest("ours-2");
  const said = await python(registry, ["upload", "-t", "ours", "-i", input]);
  assert.match(said, /image ours-1 already exists with matching SHA256 hash/);
  await download(store, "ours", { output: work.path("second.img") });
  assert.deepEqual(await Deno.readFile(work.path("second.img")), someBytes(3500));
});

Deno.test("Python finds every chunk of a stash that is here, and changes nothing", withPython, async () => {
  await using registry = await startFakeRegistry({ auth: "bearer" });
  await using work = await makeWorkspace();
  using store = open(registry);
  const input = await work.write("disk.img", someBytes(3500));
  const { chunks } = await upload(store, "disk", { input, chunkSize: CHUNK });
  const manifests = () => Promise.all(chunks.map(({ tag }) => store.resolve(tag!)));
  const before = await manifests();
  const said = await python(registry, ["upload", "-t", "disk", "-i", input]);
  for (const { tag } of chunks) {
    assert.ok(said.includes(`image ${tag} already exists with matching SHA256 hash`), said);
  }
  assert.deepEqual(await manifests(), before);
  assert.equal((await info(store, "disk")).provenComplete, true);
});

Deno.test("neither replaces other bytes of the other without being told to", withPython, async () => {
  await using registry = await startFakeRegistry({ auth: "bearer" });
  await using work = await makeWorkspace();
  using store = open(registry);
  const [first, second] = [
    await work.write("first.img", someBytes(3500, 1)),
    await work.write("second.img", someBytes(3500, 2)),
  ];
  await upload(store, "ours", { input: first, chunkSize: CHUNK });
  await python(registry, ["upload", "-t", "theirs", "-i", first]);
  await assert.rejects(
    python(registry, ["upload", "-t", "ours", "-i", second]),
    /ours-1 already exists, with different hash/,
  );
  await assert.rejects(upload(store, "theirs", { input: second, chunkSize: CHUNK }), ConflictError);
  for (const baseTag of ["ours", "theirs"]) {
    assert.deepEqual((await verify(store, baseTag, { deep: true, file: first })).faults, []);
  }
});

Deno.test("what Python stores over a longer stash is not delivered with its tail", withPython, async () => {
  await using registry = await startFakeRegistry({ auth: "bearer" });
  await using work = await makeWorkspace();
  using store = open(registry);
  const long = await work.write("long.img", someBytes(3500, 1));
  const short = await work.write("short.img", someBytes(1500, 2));
  await upload(store, "ours", { input: long, chunkSize: CHUNK });
  await python(registry, ["upload", "-t", "theirs", "-i", long]);
  for (const baseTag of ["ours", "theirs"]) {
    await python(registry, ["upload", "--overwrite", "-t", baseTag, "-i", short]);
    const output = work.path("copy.img");
    await assert.rejects(download(store, baseTag, { output }), MismatchError);
    assert.equal(await work.has("copy.img"), false);
    await upload(store, baseTag, { input: short, chunkSize: CHUNK, overwrite: true });
    await download(store, baseTag, { output });
    assert.deepEqual(await Deno.readFile(output), someBytes(1500, 2));
    await Deno.remove(output);
  }
});

Deno.test("both list the same stashes", withPython, async () => {
  await using registry = await startFakeRegistry({ auth: "bearer" });
  await using work = await makeWorkspace();
  using store = open(registry);
  const input = await work.write("disk.img", someBytes(3500));
  await upload(store, "ours", { input, chunkSize: CHUNK });
  await python(registry, ["upload", "-t", "theirs", "-i", input]);
  const found = (await Array.fromAsync(list(store))).map(({ baseTag, chunks }) =>
    `${baseTag} (${chunks} chunks)`
  );
  assert.deepEqual(found, ["ours (4 chunks)", "theirs (4 chunks)"]);
  const said = await python(registry, ["list"]);
  for (const line of found) assert.ok(said.includes(line), said);
});

Deno.test("what Python has stored is removed here, and nothing else", withPython, async () => {
  await using registry = await startFakeRegistry({ auth: "bearer" });
  await using work = await makeWorkspace();
  using store = open(registry);
  const input = await work.write("disk.img", someBytes(3500));
  for (const baseTag of ["first", "second"]) await python(registry, ["upload", "-t", baseTag, "-i", input]);
  await remove(store, "first");
  await requireStash(store, { size: 3500, file: input, copy: work.path("copy.img"), baseTag: "second" });
});

// Only in this direction: for a request that names no manifest type docker-registry 2.8 makes a manifest of schema 1.
// That fails (400) where the config has no history, as in the stashes of both; and one of schema 1 has no `layers`.
Deno.test(
  "docker-registry keeps what Python stores, and only here it is downloaded",
  withRegistry,
  async () => {
    await using registry = await startRegistry({ auth: "token" });
    await using work = await makeWorkspace();
    using store = open(registry);
    const input = await work.write("disk.img", someBytes(3500));
    await python(registry, ["upload", "-t", "disk", "-i", input]);
    await requireStash(store, { size: 3500, file: input, copy: work.path("copy.img") });
    assert.match(await python(registry, ["list"]), /^disk \(4 chunks\)/m);
    await upload(store, "ours", { input, chunkSize: CHUNK });
    for (const baseTag of ["disk", "ours"]) {
      const theirs = python(registry, ["download", "-t", baseTag, "-o", work.path("theirs.img")]);
      await assert.rejects(theirs, /400 Client Error: Bad Request/);
    }
  },
);

function open(registry: { url: string }): Store {
  return openStore({
    registry: registry.url,
    repository: "me/files",
    credentials: { kind: "password", ...USER },
  });
}

async function requireStash(
  store: Store,
  { size, file, copy, baseTag = "disk" }: { size: number; file: string; copy: string; baseTag?: string },
): Promise<void> {
  const chunks = Math.ceil(size / CHUNK);
  const found = await Array.fromAsync(list(store, { exactSize: true }));
  assert.deepEqual(found.map((each) => [each.baseTag, each.chunks, each.stash?.size]), [[
    baseTag,
    chunks,
    size,
  ]]);
  const stash = await info(store, baseTag);
  assert.equal(stash.size, size);
  assert.equal(stash.provenComplete, false);
  assert.equal(stash.chunks.length, chunks);
  for (const how of [{}, { deep: true }, { file }]) {
    assert.deepEqual((await verify(store, baseTag, { ...how })).faults, []);
  }
  await download(store, baseTag, { output: copy });
  assert.deepEqual(await Deno.readFile(copy), await Deno.readFile(file));
}

async function imageAt(store: Store, tag: string) {
  const manifest = (await store.manifest(tag))!;
  return { mediaType: manifest.mediaType, ...readImageManifest(manifest) };
}

/** Runs the Python layerstash; gives what it printed. */
async function python(
  registry: { url: string; tokens: TokenServer | undefined },
  [verb = "", ...args]: string[],
): Promise<string> {
  const { realm, settings } = registry.tokens!;
  const user = ["-u", USER.username, "-p", USER.password];
  const { success, stdout, stderr } = await new Deno.Command(`${peer}/python`, {
    args: [
      DRIVER,
      registry.url,
      realm,
      settings.service,
      `${CHUNK}`,
      verb,
      "-r",
      "me/files",
      ...user,
      ...args,
    ],
    stdout: "piped",
    stderr: "piped",
  }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}
