/** Layouts that mean harm: a directory that somebody else has made. @module */
import assert from "node:assert/strict";
import { join } from "node:path";
import { bytesSource } from "../lib/content/source.ts";
import { LayerstashError, MismatchError } from "../lib/errors.ts";
import { digestOf } from "../lib/oci/digest.ts";
import { OCTET_STREAM } from "../lib/oci/media_types.ts";
import { openStore } from "../lib/open/open_store.ts";
import { download, info, remove, upload, verify } from "../main.ts";
import { makeWorkplace, type Workplace } from "./rigs/command_line.ts";
import { fends } from "./rigs/guard.ts";
import { DIGESTS, encode, TEN } from "./rigs/planted_stash.ts";
import { onPosix } from "./rigs/system.ts";

const layoutStore = (directory: string) =>
  openStore({ registry: `oci:${directory}`, repository: "me/files" });

/** A workplace with the layout of one stash in it, and the path of the layout. */
async function withLayout(work: Workplace): Promise<string> {
  await work.write("disk.img", TEN);
  using store = layoutStore(work.path("box"));
  await upload(store, "disk", { input: work.path("disk.img") });
  return work.path("box/me/files");
}

Deno.test("no digest leads out of a layout", async () => {
  await using work = await makeWorkplace();
  const layout = await withLayout(work);
  const index = JSON.parse(await Deno.readTextFile(join(layout, "index.json")));
  for (const digest of DIGESTS) {
    index.manifests[0].digest = digest;
    await Deno.writeTextFile(join(layout, "index.json"), JSON.stringify(index));
    for (const verb of ["info", "verify", "remove"]) {
      const args = [verb, "--registry", "oci:box", "-r", "me/files", "-t", "disk"];
      using store = layoutStore(work.path("box"));
      const use = { info, verify, remove }[verb]!;
      const error = await fends(() => use(store, "disk"), () => 0);
      assert.equal(error.kind, "not-found", args.join(" ")); // the entry is passed over
    }
  }
});

Deno.test("no name of a repository leads out of the directory of layouts", () => {
  for (
    const name of [
      "..",
      "../up",
      "me/../../up",
      "/etc",
      "me//files",
      "me/./files",
      "me/..",
      ".",
      "a\0b",
      "me\\..\\x",
    ]
  ) {
    assert.throws(() => openStore({ registry: "oci:box", repository: name }), /is not a repository name/);
  }
});

Deno.test(
  "a layout's links are followed to other layouts' blobs and within the layout, and no further",
  onPosix("symbolic links"),
  async () => {
    await using work = await makeWorkplace();
    const layout = await withLayout(work);
    using store = layoutStore(work.path("box"));
    const { chunks: [chunk] } = await info(store, "disk");
    const hex = chunk!.digest.slice("sha256:".length);
    const blob = join(layout, "blobs/sha256", hex);
    const other = await work.write("other", "9876543210");
    for (const target of [work.path(hex), work.path(`SHA256E-s10--${hex}.img`), join(layout, "inside")]) {
      await Deno.remove(blob);
      await Deno.copyFile(work.path("disk.img"), target);
      await Deno.symlink(target, blob);
      assert.deepEqual((await verify(store, "disk", { deep: true })).faults, [], target);
    }
    for (const target of [work.path("disk.img"), "../../../../../disk.img"]) {
      await Deno.remove(blob);
      await Deno.symlink(target, blob);
      await assert.rejects(download(store, "disk", { output: work.path("copy") }), /leads out of the layout/);
      await assert.rejects(store.readUnverified(chunk!.digest), MismatchError);
    }
    await Deno.remove(blob);
    await Deno.symlink(other, blob);
    const { faults } = await verify(store, "disk", { deep: true });
    assert.equal(faults.length, 1);
    await assert.rejects(download(store, "disk", { output: work.path("copy") }), LayerstashError);
    await assert.rejects(Deno.lstat(work.path("copy")), Deno.errors.NotFound);
    // What is written takes the place of the link. What it led to stays as it is.
    await store.write(bytesSource(TEN));
    assert.equal(await Deno.readTextFile(other), "9876543210");
    assert.equal((await Deno.lstat(blob)).isSymlink, false);
    // And what is removed is the link.
    await Deno.remove(blob);
    await Deno.symlink(other, blob);
    await remove(store, "disk");
    assert.equal(await Deno.readTextFile(other), "9876543210");
  },
);

Deno.test(
  "an index that is a link is read through it, and replaced by a file",
  onPosix("symbolic links"),
  async () => {
    await using work = await makeWorkplace();
    const layout = await withLayout(work);
    const index = join(layout, "index.json");
    const elsewhere = work.path("elsewhere.json");
    await Deno.rename(index, elsewhere);
    await Deno.symlink(elsewhere, index);
    const before = await Deno.readTextFile(elsewhere);
    using store = layoutStore(work.path("box"));
    assert.equal((await info(store, "disk")).size, TEN.length);
    await remove(store, "disk");
    assert.equal(await Deno.readTextFile(elsewhere), before);
    assert.equal((await Deno.lstat(index)).isSymlink, false);
  },
);

Deno.test("an index that is too large is refused and not read", async () => {
  await using work = await makeWorkplace();
  const layout = await withLayout(work);
  using store = layoutStore(work.path("box"));
  await Deno.truncate(join(layout, "index.json"), 300 * 1024 * 1024);
  for (const use of usesOf(store)) assert.match((await fends(use, () => 0)).message, /too large/);
});

Deno.test("an index that is no file is refused and not read", onPosix("devices"), async () => {
  await using work = await makeWorkplace();
  const layout = await withLayout(work);
  const index = join(layout, "index.json");
  using store = layoutStore(work.path("box"));
  await Deno.remove(index);
  await Deno.symlink("/dev/zero", index);
  for (const use of usesOf(store)) await fends(use, () => 0);
  await Deno.remove(index);
  await new Deno.Command("mkfifo", { args: [index] }).output();
  for (const use of usesOf(store)) await fends(use, () => 0); // to open it would be to wait for ever
});

function usesOf(store: ReturnType<typeof openStore>): (() => Promise<unknown>)[] {
  return [() => info(store, "disk"), () => remove(store, "disk")];
}

Deno.test("a secret that an index leads to is not shown", onPosix("symbolic links"), async () => {
  await using work = await makeWorkplace();
  const layout = await withLayout(work);
  const secret = await work.write("secret", "root:open-sesame:0:0");
  await Deno.remove(join(layout, "index.json"));
  await Deno.symlink(secret, join(layout, "index.json"));
  const args = ["list", "--registry", "oci:box", "-r", "me/files", "--log-level", "trace"];
  const { code, stdout, stderr } = await work.run(args);
  assert.equal(code, 5, stderr);
  assert.doesNotMatch(stdout + stderr, /sesame/);
});

Deno.test("indexes that list each other's manifests many times are removed in a moment", async () => {
  await using work = await makeWorkplace();
  const layout = await withLayout(work);
  const blobs = join(layout, "blobs/sha256");
  let child = { mediaType: OCTET_STREAM, digest: digestOf(TEN), size: TEN.length };
  for (let level = 0; level < 64; level++) {
    const mediaType = "application/vnd.oci.image.index.v1+json";
    const bytes = encode({
      schemaVersion: 2,
      mediaType,
      level,
      manifests: level ? [child, child, child] : [],
    });
    child = { mediaType, digest: digestOf(bytes), size: bytes.length };
    await Deno.writeFile(join(blobs, child.digest.slice("sha256:".length)), bytes);
  }
  const path = join(layout, "index.json");
  const index = JSON.parse(await Deno.readTextFile(path));
  index.manifests.push({ ...child, annotations: { "org.opencontainers.image.ref.name": "bomb-1" } });
  await Deno.writeTextFile(path, JSON.stringify(index));
  using store = layoutStore(work.path("box"));
  await store.removeManifest("bomb-1");
  await store.free?.(["bomb-1"]);
  assert.deepEqual((await verify(store, "disk", { deep: true })).faults, []);
});
