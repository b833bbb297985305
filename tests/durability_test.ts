/** What has its name survives a power cut: the content is synced before, the directory after, and then the verb ends. @module */
import assert from "node:assert/strict";
import { join } from "node:path";
import { saveFile } from "../lib/cli/browse/save_file.ts";
import { makeDirectory, writeAtomically } from "../lib/content/atomic_file.ts";
import { openJournal } from "../lib/files/journal.ts";
import { extract } from "../lib/images/extract.ts";
import { encodedPart } from "../lib/oci/digest.ts";
import { saveLogin } from "../lib/sign_in/saved_login.ts";
import { mountBlob, pullBlobs, pushBlob } from "../lib/exports/blobs.ts";
import { saveLayers } from "../lib/exports/copy.ts";
import { findImage, openImage } from "../lib/exports/images.ts";
import { download, openStore, upload } from "../main.ts";
import { makeWorkspace, someBytes, streamOf } from "./rigs/content.ts";
import { helperHome } from "./rigs/credential_helper.ts";
import { gzip, makeImage } from "./rigs/images.ts";
import { makePlace } from "./rigs/installed_program.ts";
import { recordDisk } from "./rigs/recorded_disk.ts";
import { onPosix } from "./rigs/system.ts";
import { tarOf } from "./rigs/tar.ts";

const POSIX = onPosix("directories that are synced");

function test(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, ...POSIX, fn });
}

/** Every ordinary file below a directory. */
async function filesBelow(directory: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { name, isFile, isDirectory } of Deno.readDir(directory)) {
    if (isFile) found.push(join(directory, name));
    if (isDirectory) found.push(...await filesBelow(join(directory, name)));
  }
  return found;
}

test("an upload to a directory syncs blobs, index and marker, and the index comes last", async () => {
  await using work = await makeWorkspace();
  using store = openStore({ registry: `oci:${work.path("box")}`, repository: "me/files" });
  const input = await work.write("disk.img", someBytes(30));
  using disk = recordDisk();
  await upload(store, "disk", { input, chunkSize: 10 });
  const layout = work.path("box/me/files");
  const files = await filesBelow(layout);
  assert.ok(files.length > 3 * 3, "blobs, configs and manifests");
  for (const path of files) disk.requireDurable(path);
  const last = disk.calls.findLastIndex((call) => call.startsWith("name "));
  assert.match(disk.calls[last]!, /index\.json$/);
  assert.deepEqual(disk.calls.slice(last + 1), [`sync ${layout}`]);
  for (const made of ["box", "box/me", "box/me/files", "box/me/files/blobs"]) {
    assert.ok(disk.calls.includes(`sync ${work.path(join(made, ".."))}`), `the name of ${made}`);
  }
});

test("a download to a file syncs it, the whole and a range of it", async () => {
  await using work = await makeWorkspace();
  using store = openStore({ registry: `oci:${work.path("box")}`, repository: "me/files" });
  await upload(store, "disk", { input: streamOf(someBytes(30)), chunkSize: 10 });
  const { digest } = await pushBlob(store, streamOf(someBytes(20)));
  using disk = recordDisk();
  await download(store, "disk", { output: work.path("out"), stateDirectory: work.path("state") });
  disk.requireDurable(work.path("out"));
  for (const [name, range] of [["blob", undefined], ["range", { start: 3 }]] as const) {
    await pullBlobs(store, [digest], { output: work.path(name), range });
    disk.requireDurable(work.path(name));
  }
});

test("layers that are saved are synced, and so is the directory that was made for them", async () => {
  await using image = await makeImage([await gzip(tarOf([{ name: "a", content: "a" }]))]);
  using opened = openImage(image.name);
  const { layers } = await findImage(opened.store, opened.reference);
  const directory = image.work.path("saved/layers");
  using disk = recordDisk();
  const saved = await saveLayers(opened.store, layers, { directory });
  for (const { path } of saved) disk.requireDurable(path);
  assert.ok(disk.calls.includes(`sync ${image.work.path("saved")}`), "the name of the directory");
});

test("a blob that is taken over from another repository of the directory is synced", async () => {
  await using work = await makeWorkspace();
  using one = openStore({ registry: `oci:${work.path("box")}`, repository: "me/one" });
  using two = openStore({ registry: `oci:${work.path("box")}`, repository: "me/two" });
  const { digest } = await pushBlob(one, streamOf(someBytes(20)));
  using disk = recordDisk();
  await mountBlob(two, digest, { from: "me/one" });
  disk.requireDurableName(work.path(`box/me/two/blobs/sha256/${encodedPart(digest)}`));
});

test("an extraction syncs each directory that got names, and once", async () => {
  await using image = await makeImage([
    await gzip(tarOf([
      { name: "etc/", flag: "5" },
      { name: "etc/conf.d/", flag: "5" },
      ...["a", "b", "c"].map((name) => ({ name: `etc/conf.d/${name}`, content: name })),
      { name: "etc/again", flag: "1", target: "etc/conf.d/a" },
      { name: "usr/link", flag: "2", target: "../etc" },
    ])),
  ]);
  const files = await image.files();
  const directory = image.work.path("out");
  using disk = recordDisk();
  await extract(files, ["/"], { directory });
  const placed = ["etc/conf.d/a", "etc/conf.d/b", "etc/conf.d/c", "etc/again", "usr/link"];
  for (const path of placed) disk.requireDurableName(join(directory, path));
  const syncs = disk.calls.filter((call) => call.startsWith(`sync ${directory}`)).sort();
  const changed = ["", "/etc", "/etc/conf.d", "/usr"];
  assert.deepEqual(syncs, changed.map((path) => `sync ${directory}${path}`));
  assert.ok(disk.calls.includes(`sync ${image.work.path(".")}`), "the name of the target");
});

test("a saved login, a program that was upgraded, and a file that was saved while browsing are synced", async () => {
  await using home = await helperHome();
  await using place = await makePlace();
  using disk = recordDisk();
  const login = { kind: "password", username: "me", password: "pass" } as const;
  const { location } = await saveLogin("ghcr.io", login, home.env);
  disk.requireDurable(location!);
  assert.ok(disk.calls.includes(`sync ${home.path}`), "the name of the directory of logins");
  await place.upgrade();
  disk.requireDurable(place.program);
  const entry = {
    ...{ path: "a", layer: "", type: "file", mode: 0o644, uid: 0, gid: 0, owner: "", group: "", size: 1 },
    ...{ modified: 0, position: 0 },
    async *extents() {
      await Promise.resolve();
      yield { offset: 0, bytes: new Uint8Array([1]) };
    },
  } as unknown as Parameters<typeof saveFile>[0];
  await saveFile(entry, join(home.path, "saved"));
  disk.requireDurable(join(home.path, "saved"));
});

test("the name of a new journal is synced", async () => {
  await using work = await makeWorkspace();
  using disk = recordDisk();
  using _journal = await openJournal({ directory: work.path("state"), name: "upload of disk", subject: "a" });
  assert.ok(disk.calls.includes(`sync ${work.path("state")}`));
});

test("a file system that syncs no directories is no failure, and a disk that fails is one", async () => {
  await using work = await makeWorkspace();
  const prototype = Deno.FsFile.prototype;
  const { sync } = prototype;
  try {
    for (const code of ["EINVAL", "ENOTSUP", "EIO"]) {
      prototype.sync = () => Promise.reject(Object.assign(new Error(`it says ${code}`), { code }));
      const written = writeAtomically(work.path(code), someBytes(10));
      await (code === "EIO" ? assert.rejects(written, /the disk has failed/) : written);
    }
  } finally {
    prototype.sync = sync;
  }
});

test("a directory that may not be read is written to all the same", async () => {
  await using work = await makeWorkspace();
  await Deno.mkdir(work.path("closed"), { mode: 0o300 });
  const { open } = Deno;
  Deno.open = (path, options) => { // root may read everything
    if (path === work.path("closed")) return Promise.reject(new Deno.errors.PermissionDenied("no"));
    return open(path, options);
  };
  try {
    await writeAtomically(work.path("closed/file"), someBytes(10));
  } finally {
    Deno.open = open;
  }
  assert.deepEqual(await Deno.readFile(work.path("closed/file")), someBytes(10));
});

Deno.test("a directory on a drive that does not exist is an error, and is not looked for without end", async () => {
  const { lstatSync, mkdir } = Deno;
  let looks = 0;
  Deno.lstatSync = () => {
    if (++looks > 100) throw new Error("it is looked for without end");
    throw new Deno.errors.NotFound("no such drive");
  };
  Deno.mkdir = () => Promise.reject(new Deno.errors.NotFound("no such drive"));
  try {
    await assert.rejects(makeDirectory("/box/me/files"), { message: "nothing can be made in /" });
  } finally {
    Object.assign(Deno, { lstatSync, mkdir });
  }
});

test("a name without a sync before or after it is noticed", async () => {
  await using work = await makeWorkspace();
  const [from, to] = [await work.write("from", "x"), work.path("to")];
  using disk = recordDisk();
  const sync = async (path: string) => {
    using file = await Deno.open(path);
    await file.sync();
  };
  await Deno.rename(from, to);
  assert.throws(() => disk.requireDurableName(to), /the name of .* is synced/);
  await sync(work.path("."));
  disk.requireDurableName(to);
  assert.throws(() => disk.requireDurable(to), /is synced/);
  await sync(to);
  await Deno.rename(to, from);
  await sync(work.path("."));
  disk.requireDurable(from);
});

test("a disk that fails after a download was renamed is not taken for somebody who replaced the file", async () => {
  await using work = await makeWorkspace();
  using store = openStore({ registry: `oci:${work.path("box")}`, repository: "me/files" });
  await upload(store, "disk", { input: streamOf(someBytes(30)) });
  await Deno.mkdir(work.path("out"));
  const output = work.path("out/copy");
  const prototype = Deno.FsFile.prototype;
  const { sync } = prototype;
  prototype.sync = async function () {
    if ((await this.stat()).isDirectory) {
      throw Object.assign(new Error("Input/output error"), { code: "EIO" });
    }
    await sync.call(this);
  };
  try {
    await assert.rejects(download(store, "disk", { output }), /the disk has failed$/);
  } finally {
    prototype.sync = sync;
  }
  assert.deepEqual(await Deno.readFile(output), someBytes(30));
});
