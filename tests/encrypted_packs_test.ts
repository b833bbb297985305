/** What is sent of a folder that is stored encrypted: once, again, changed, after a break, and without a memory. @module */
import assert from "node:assert/strict";
import type { Bytes, ByteStream } from "../lib/content/bytes.ts";
import { EncryptedAnew } from "../lib/encryption/encrypted_anew.ts";
import { ConflictError } from "../lib/errors.ts";
import type { TransferEvent } from "../lib/events.ts";
import { downloadFolder } from "../lib/folders/download_folder.ts";
import { uploadFolder, type UploadFolderOptions } from "../lib/folders/upload_folder.ts";
import { decryptedImages } from "../lib/images/decrypted_images.ts";
import { encryptedBlobs } from "../lib/images/encrypted_image.ts";
import type { Digest } from "../lib/oci/digest.ts";
import { readImageManifest } from "../lib/oci/manifest.ts";
import type { Store } from "../lib/store/store.ts";
import { openStore } from "../main.ts";
import { makeWorkspace, someBytes, type Workspace } from "./rigs/content.ts";
import { ensureTool } from "./rigs/debian.ts";
import { blobOf, makeKey, makePassphrase } from "./rigs/encryption.ts";
import { startFakeRegistry } from "./rigs/fake_registry.ts";
import { countReads } from "./rigs/folder_reads.ts";
import { folderState, makeOddFolder } from "./rigs/folders.ts";
import { testOnEachStore } from "./rigs/stores.ts";
import { onLinux } from "./rigs/system.ts";
import { runProgram } from "./rigs/tar.ts";
import { changes, openFake } from "./rigs/uploads.ts";

const linux = onLinux("names and times as Linux has them");
const withPython = { ignore: linux.ignore || !await ensureTool("python3", "python3") };
const MiB = 1024 * 1024;
const PACK = MiB + MiB / 4;

const openBox = (work: Workspace): Store =>
  openStore({ registry: `oci:${work.path("box")}`, repository: "me/files" });

/** A folder of some packs: six files of half a MiB each. */
async function makeFolder(work: Workspace): Promise<string> {
  const directory = work.path("in");
  await Deno.mkdir(directory);
  for (let index = 0; index < 6; index++) {
    await Deno.writeFile(`${directory}/${index}`, someBytes(MiB / 2, index));
  }
  return directory;
}

/** Uploads under the tag `t`, and gives the events, too. */
async function upload(store: Store, work: Workspace, options: Partial<UploadFolderOptions>) {
  const events: TransferEvent[] = [];
  const uploaded = await uploadFolder(store, "t", {
    directory: work.path("in"),
    packSize: PACK,
    stateDirectory: work.path("state"),
    ...options,
    onEvent: (event) => (events.push(event), options.onEvent?.(event)),
  });
  const notices = events.flatMap((event) => event.type === "notice" ? [event.message] : []);
  return { ...uploaded, notices };
}

async function storedBlobs(store: Store): Promise<Digest[]> {
  const { layers } = encryptedBlobs((await store.manifest("t"))!);
  return layers.map(({ digest }) => digest);
}

testOnEachStore(
  "an encrypted folder comes back to the last name, time, link and attribute",
  async (place) => {
    await using work = await makeWorkspace();
    await makeOddFolder(work.path("in"));
    const attribute = "import os, sys; os.setxattr(sys.argv[1], 'user.colour', b'blue\\0green')";
    await runProgram("python3", ["-c", attribute, work.path("in/film")]);
    const { encryptTo, identities } = await makeKey(work);
    using store = place.open();
    const { digest } = await upload(store, work, { encryptTo });
    await downloadFolder(store, "t", { directory: work.path("out"), identities });
    await Deno.chmod(work.path("in/setuid"), 0o755);
    assert.deepEqual(await folderState(work.path("out")), await folderState(work.path("in")));
    const read = "import os, sys; assert os.getxattr(sys.argv[1], 'user.colour') == b'blue\\0green'";
    await runProgram("python3", ["-c", read, work.path("out/film")]);
    const pinned = await downloadFolder(store, digest!, {
      directory: work.path("out"),
      identities,
      delete: true,
    });
    assert.deepEqual([pinned.digest, pinned.written, pinned.removed], [digest, 0, 0]);
  },
  withPython,
);

Deno.test("again with nothing changed, nothing is sent", async () => {
  await using work = await makeWorkspace();
  await using fake = await startFakeRegistry();
  await makeFolder(work);
  const { encryptTo } = await makeKey(work);
  using store = openFake(fake);
  const first = await upload(store, work, { encryptTo });
  assert.equal(first.sent, first.layers);
  const before = changes(fake).length;
  const again = await upload(store, work, { encryptTo });
  assert.deepEqual([again.digest, again.sent, again.notices], [first.digest, 0, []]);
  assert.equal(changes(fake).length, before);
});

Deno.test("again with nothing changed, no file is read", linux, async () => {
  await using work = await makeWorkspace();
  await makeFolder(work);
  const { encryptTo, recipient } = await makeKey(work);
  using store = openBox(work);
  const { digest } = await upload(store, work, { encryptTo });
  const options = { directory: work.path("in"), packSize: PACK, stateDirectory: work.path("state") };
  const again = await countReads({
    verb: "upload",
    registry: `oci:${work.path("box")}`,
    options,
    recipient,
  });
  assert.deepEqual([again.digest, again.sent], [digest, 0]);
  assert.ok(again.read < MiB / 4, `${again.read} bytes were read`);
});

Deno.test("of one changed file, its pack is sent, and nothing of the others", async () => {
  await using work = await makeWorkspace();
  await makeFolder(work);
  const { encryptTo, identities } = await makeKey(work);
  using store = openBox(work);
  await upload(store, work, { encryptTo });
  const before = await storedBlobs(store);
  await Deno.writeFile(work.path("in/3"), someBytes(MiB / 2, 33));
  await assert.rejects(upload(store, work, { encryptTo }), ConflictError);
  const { sent } = await upload(store, work, { encryptTo, overwrite: true });
  const after = await storedBlobs(store);
  assert.equal(sent, 1);
  assert.equal(after.filter((digest) => !before.includes(digest)).length, 1);
  await downloadFolder(store, "t", { directory: work.path("out"), identities });
  assert.deepEqual(await folderState(work.path("out")), await folderState(work.path("in")));
});

Deno.test("without its memory, an upload needs the key to compare, and says so", async () => {
  await using work = await makeWorkspace();
  await makeFolder(work);
  const [{ encryptTo, identities }, other] = [await makeKey(work), await makeKey(work, "other.txt")];
  using store = openBox(work);
  const first = await upload(store, work, { encryptTo });
  const stateDirectory = work.path("empty");
  for (const keys of [undefined, other.identities]) {
    await assert.rejects(upload(store, work, { encryptTo, stateDirectory, identities: keys }), {
      name: "ConflictError",
      message: /t is encrypted: without its key it cannot be compared/,
      hint: /--identity FILE.*--overwrite/,
    });
  }
  const again = await upload(store, work, { encryptTo, stateDirectory, identities });
  assert.deepEqual([again.digest, again.sent], [first.digest, 0]);
  assert.match(
    again.notices.join(),
    /t has this content already, for the keys that it was encrypted for then/,
  );
  await Deno.writeFile(work.path("in/3"), someBytes(MiB / 2, 33));
  await assert.rejects(upload(store, work, { encryptTo, stateDirectory, identities }), {
    name: "ConflictError",
    message: /another state of this one|without its key/,
  });
  assert.equal(await store.resolve("t"), first.digest);
});

Deno.test("for other recipients everything is encrypted anew, and the former key opens none of it", async () => {
  await using work = await makeWorkspace();
  await makeFolder(work);
  const [one, other] = [await makeKey(work), await makeKey(work, "other.txt")];
  using store = openBox(work);
  await upload(store, work, { encryptTo: one.encryptTo });
  const before = await storedBlobs(store);
  await assert.rejects(upload(store, work, { encryptTo: other.encryptTo }), ConflictError);
  const options = { encryptTo: other.encryptTo, overwrite: true, identities: one.identities };
  const { sent, layers } = await upload(store, work, options);
  assert.equal(sent, layers);
  assert.deepEqual((await storedBlobs(store)).filter((digest) => before.includes(digest)), []);
  const read = downloadFolder(store, "t", { directory: work.path("out"), identities: one.identities });
  await assert.rejects(read, { name: "NotAllowedError" });
  await downloadFolder(store, "t", { directory: work.path("out"), identities: other.identities });
});

Deno.test("a plain folder and an encrypted one of the same files are never taken for each other", async () => {
  await using work = await makeWorkspace();
  await makeFolder(work);
  const { encryptTo, identities } = await makeKey(work);
  using store = openBox(work);
  const plain = await upload(store, work, {});
  await assert.rejects(upload(store, work, { encryptTo, identities }), {
    name: "ConflictError",
    message: "t holds something that is not encrypted",
  });
  assert.equal(await store.resolve("t"), plain.digest);
  const encrypted = await upload(store, work, { encryptTo, identities, overwrite: true });
  assert.notEqual(encrypted.digest, plain.digest);
  await assert.rejects(upload(store, work, {}), {
    name: "ConflictError",
    message: "t holds an encrypted folder, and this one would not be encrypted",
    hint: /^encrypt it with --encrypt-to or --passphrase; or use another tag, or --overwrite/,
  });
  assert.equal(await store.resolve("t"), encrypted.digest);
});

Deno.test("the packs of several uploads with one passphrase share a header, which is stretched once", async () => {
  await using work = await makeWorkspace();
  await makeFolder(work);
  const { encryptTo, identities } = makePassphrase("correct horse");
  await using fake = await startFakeRegistry();
  using store = openFake(fake);
  await upload(store, work, { encryptTo });
  await Deno.writeFile(work.path("in/3"), someBytes(MiB / 2, 33));
  await upload(store, work, { encryptTo, overwrite: true });
  const headers = (await storedBlobs(store)).map((digest) => headerOf(blobOf(fake, digest)));
  assert.equal(new Set(headers).size, 1);
  await downloadFolder(store, "t", { directory: work.path("out"), identities });
  const other = await upload(store, work, {
    encryptTo: makePassphrase("wrong horse").encryptTo,
    overwrite: true,
  });
  assert.equal(other.sent, other.layers);
});

function headerOf(bytes: Uint8Array): string {
  return /^[^]*?\n--- [^\n]*\n/.exec(new TextDecoder("latin1").decode(bytes))![0];
}

Deno.test("a pack whose sending breaks is encrypted anew: no nonce serves twice", async () => {
  await using work = await makeWorkspace();
  const breakUpload = { after: 300_000, times: 2, how: "cut" as const };
  await using fake = await startFakeRegistry({ faults: { dropBrokenSessions: true, breakUpload } });
  await makeFolder(work);
  const { encryptTo, identities } = await makeKey(work);
  using store = openFake(fake);
  const { open } = EncryptedAnew.prototype;
  const nonces: string[] = [];
  EncryptedAnew.prototype.open = function (start) {
    return ReadableStream.from(noted(open.call(this, start), nonces));
  };
  try {
    const { layers } = await upload(store, work, { encryptTo, jobs: 1 });
    assert.deepEqual([breakUpload.times, nonces.length], [0, layers + 2]);
  } finally {
    EncryptedAnew.prototype.open = open;
  }
  assert.equal(new Set(nonces).size, nonces.length);
  await downloadFolder(store, "t", { directory: work.path("out"), identities });
  assert.deepEqual(await folderState(work.path("out")), await folderState(work.path("in")));
});

/** The pieces of an age file. Its nonce, with which the first of them ends, is noted. */
async function* noted(pieces: ByteStream, nonces: string[]): AsyncGenerator<Bytes> {
  let isFirst = true;
  for await (const piece of pieces) {
    if (isFirst) nonces.push(piece.slice(-16).toHex());
    isFirst = false;
    yield piece;
  }
}

Deno.test("an upload that was ended goes on with the packs that it has not sent, and keeps no key", async () => {
  await using work = await makeWorkspace();
  await using fake = await startFakeRegistry();
  await makeFolder(work);
  const { encryptTo, identities } = await makeKey(work);
  using store = openFake(fake);
  const ended = new AbortController();
  let stored = 0;
  const onEvent = (event: TransferEvent) => {
    if (event.type === "blob" && event.state === "sent" && ++stored === 2) ended.abort();
  };
  const first = upload(store, work, { encryptTo, jobs: 1, onEvent, signal: ended.signal });
  await assert.rejects(first, { name: "AbortError" });
  const { sent, layers } = await upload(store, work, { encryptTo, jobs: 1 });
  assert.equal(sent, layers - 2);
  assert.equal(new Set((await storedBlobs(store)).map((digest) => headerOf(blobOf(fake, digest)))).size, 2);
  await downloadFolder(store, "t", { directory: work.path("out"), identities });
  const journals = Array.from(
    Deno.readDirSync(work.path("state")),
    ({ name }) => Deno.readTextFileSync(work.path(`state/${name}`)),
  ).join("");
  assert.match(journals, /"nonce"/);
  assert.doesNotMatch(journals, /fileKey|AGE-SECRET-KEY/);
});

for (const ranges of ["refused", "ignored"] as const) {
  Deno.test(`an encrypted folder comes back from a registry whose ranges are ${ranges}, over connections that break`, async () => {
    await using work = await makeWorkspace();
    const breakDownload = { after: 300_000, times: 3, how: "short" as const };
    await using fake = await startFakeRegistry({ faults: { ranges, breakDownload } });
    await makeFolder(work);
    const { encryptTo, identities } = await makeKey(work);
    using store = openFake(fake);
    await upload(store, work, { encryptTo });
    await downloadFolder(store, "t", { directory: work.path("out"), identities });
    assert.equal(breakDownload.times, 0);
    assert.deepEqual(await folderState(work.path("out")), await folderState(work.path("in")));
  });
}

Deno.test("a range of a file in an encrypted folder fetches little of it", async () => {
  await using work = await makeWorkspace();
  await using fake = await startFakeRegistry();
  await makeFolder(work);
  const { encryptTo, identities } = await makeKey(work);
  using store = openFake(fake);
  await upload(store, work, { encryptTo });
  const reader = decryptedImages(store, { identities });
  const [layer] = readImageManifest((await reader.manifest("t"))!).layers;
  const before = fake.requests.length;
  const range = { start: 500_000, end: 500_001 };
  const bytes = await new Response(await reader.readUnverified(layer!.digest, { range })).bytes();
  assert.equal(bytes.length, 1);
  const [request, ...more] = fake.requests.slice(before);
  const [, from, to] = /bytes=(\d+)-(\d+)/.exec(request!.headers.range!)!;
  assert.deepEqual(more, []);
  assert.ok(Number(to) - Number(from) < 65 * 1024, `${from}-${to}`);
});
