/** Files of blobs are hashed once while they are read, however many read them, and again when they have changed. @module */
import assert from "node:assert/strict";
import { type FollowingHash, Hasher } from "../lib/content/hasher.ts";
import { uploadFolder } from "../lib/exports/folders.ts";
import { decryptedImages, findImage } from "../lib/exports/images.ts";
import { Proofs } from "../lib/layout/proofs.ts";
import { digestOf } from "../lib/oci/digest.ts";
import { openStore } from "../main.ts";
import { makeWorkspace, someBytes } from "./rigs/content.ts";
import { makeKey } from "./rigs/encryption.ts";

const BYTES = someBytes(100_000);
const DIGEST = digestOf(BYTES);
/** As many bytes of another digest. */
const OTHER = new Uint8Array(100_000);

/** A file with some bytes, and the proofs of such files, with the number of hashes that were begun and dropped. */
async function makeFile(bytes = BYTES) {
  await using stack = new AsyncDisposableStack();
  const directory = stack.use(await makeWorkspace());
  const hasher = stack.use(new Hasher());
  const counts = { begun: 0, dropped: 0 };
  const counting = hasherWith(hasher, (hash) => {
    counts.begun++;
    return { ...hash, drop: () => (counts.dropped++, hash.drop()) };
  });
  const path = await directory.write("blob", bytes);
  const resources = stack.move();
  return {
    directory,
    path,
    hasher,
    proofs: new Proofs(counting),
    counts,
    /** Puts another file in its place. */
    replace: async (other: Uint8Array) => await Deno.rename(await directory.write("other", other), path),
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

/** A hasher whose hashes of files are changed. */
function hasherWith(hasher: Hasher, changed: (hash: FollowingHash) => FollowingHash): Hasher {
  const follow = (...file: Parameters<Hasher["follow"]>) => changed(hasher.follow(...file));
  return Object.create(hasher, { follow: { value: follow } });
}

Deno.test("a hundred readers of a file need one hash, and later readers none, until it changes", async () => {
  await using file = await makeFile();
  const { directory, path, proofs, counts } = file;
  const isRight = async () => {
    using proof = await proofs.begin(DIGEST, path);
    proof!.see(BYTES);
    return await proof!.isRight();
  };
  assert.deepEqual(await Promise.all(Array.from({ length: 100 }, isRight)), Array(100).fill(true));
  assert.equal(await isRight(), true);
  assert.deepEqual(counts, { begun: 1, dropped: 0 });
  await directory.write("blob", OTHER);
  await Deno.utime(path, 1, 1);
  assert.equal(await isRight(), false);
  assert.equal(await isRight(), false, "what was not proven is not remembered");
  assert.equal(counts.begun, 3);
});

Deno.test("a proof that its last reader leaves ends, and the next reader begins it anew", async () => {
  await using file = await makeFile();
  const { path, proofs, counts } = file;
  {
    using one = await proofs.begin(DIGEST, path);
    {
      using _other = await proofs.begin(DIGEST, path);
    }
    assert.equal(counts.dropped, 0, "another reader needs it");
    one!.see(BYTES.subarray(0, 10));
  }
  assert.deepEqual(counts, { begun: 1, dropped: 1 });
  using again = await proofs.begin(DIGEST, path);
  assert.equal(await again!.isRight(), true);
  assert.equal(counts.begun, 2);
});

Deno.test("a file that is replaced while it is read proves nothing about what was read", async () => {
  await using file = await makeFile(OTHER);
  using proof = await file.proofs.begin(DIGEST, file.path);
  await file.replace(BYTES);
  assert.equal(await proof!.isRight(), false);
});

Deno.test("a file that changes between two of its readers is proven to the first one only", async () => {
  await using file = await makeFile();
  const { path, proofs } = file;
  using first = await proofs.begin(DIGEST, path);
  using second = await proofs.begin(DIGEST, path);
  assert.equal(await first!.isRight(), true);
  await file.replace(OTHER);
  assert.equal(await second!.isRight(), false);
});

Deno.test("a file that is replaced while a later reader reads it proves nothing either", async () => {
  await using file = await makeFile();
  const { path, proofs } = file;
  using first = await proofs.begin(DIGEST, path);
  assert.equal(await first!.isRight(), true);
  using later = await proofs.begin(DIGEST, path);
  await file.replace(OTHER);
  assert.equal(await later!.isRight(), false);
});

Deno.test("a change that leaves the size and the time of modification as they were is noticed", async () => {
  await using file = await makeFile();
  const { directory, path, proofs, counts } = file;
  using first = await proofs.begin(DIGEST, path);
  assert.equal(await first!.isRight(), true);
  const { mtime, ctime } = await Deno.stat(path);
  do {
    await directory.write("blob", OTHER);
    await Deno.utime(path, mtime!, mtime!);
  } while ((await Deno.stat(path)).ctime?.getTime() === ctime?.getTime()); // clocks of file systems tick slowly
  using later = await proofs.begin(DIGEST, path);
  assert.equal(await later!.isRight(), false);
  assert.equal(counts.begun, 2);
});

Deno.test("where hashing fails once, the next reader gets a proof", async () => {
  await using file = await makeFile();
  const { path, hasher } = file;
  let failing = true;
  const proofs = new Proofs(hasherWith(hasher, (hash) => {
    const digest = (end: number) => failing ? Promise.reject(new Error("no files left")) : hash.digest(end);
    return { ...hash, digest };
  }));
  const isRight = async () => {
    using proof = await proofs.begin(DIGEST, path);
    return await proof!.isRight();
  };
  await assert.rejects(isRight(), /no files left/);
  failing = false;
  assert.equal(await isRight(), true);
});

Deno.test("where there is no file, there is nothing to prove", async () => {
  await using file = await makeFile();
  assert.equal(await file.proofs.begin(DIGEST, file.directory.path("none")), undefined);
});

Deno.test("the file of a layer proves nothing about the same layer of an encrypted folder", async () => {
  await using directory = await makeWorkspace();
  const { identities, encryptTo } = await makeKey(directory);
  using store = openStore({ registry: `oci:${directory.path("box")}`, repository: "me/files" });
  await Deno.mkdir(directory.path("site"));
  await directory.write("site/note", BYTES);
  await uploadFolder(store, "open", { directory: directory.path("site") });
  await uploadFolder(store, "locked", { directory: directory.path("site"), encryptTo });
  const decrypted = decryptedImages(store, { identities, quiet: true });
  const { layers } = await findImage(decrypted, "locked");
  for (const { digest } of layers) {
    using file = await store.prove?.(digest);
    assert.ok(file, "the plain folder has the same layer");
    assert.equal(await decrypted.prove?.(digest), undefined);
  }
});
