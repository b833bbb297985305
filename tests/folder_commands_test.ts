/** `upload` and `download` take directories. @module */
import assert from "node:assert/strict";
import { openImage } from "../lib/exports/images.ts";
import { openStore } from "../main.ts";
import { someBytes } from "./rigs/content.ts";
import { startFakeRegistry } from "./rigs/fake_registry.ts";
import { gzip, putImage } from "./rigs/images.ts";
import { makeWorkplace, timeless, type Workplace } from "./rigs/command_line.ts";
import { onPosix, WITHOUT_RIGHTS } from "./rigs/system.ts";
import { runProgram, tarOf } from "./rigs/tar.ts";

const BOX = "oci:./box:site";
const DATE = new Date("2026-01-02T03:04:05Z");

/** Stores a file and a folder in one repository; the newest of the folder is of a known time. */
async function storeBoth(work: Workplace, box = "oci:./box"): Promise<void> {
  await makeSite(work);
  for (const path of ["site/index.html", "site/img/logo.svg", "site/notes.tmp", "site/img", "site"]) {
    await Deno.utime(work.path(path), DATE, DATE);
  }
  await work.write("disk.img", "12345");
  for (const each of ["site", "disk.img"]) {
    const { code, stderr } = await work.run(["upload", each, `${box}:${each}`]);
    assert.equal(code, 0, stderr);
  }
}

async function makeSite(work: Workplace): Promise<void> {
  await Deno.mkdir(work.path("site/img"), { recursive: true });
  await work.write("site/index.html", "<h1>Hello</h1>");
  await work.write("site/img/logo.svg", "<svg/>");
  await work.write("site/notes.tmp", "later");
}

Deno.test("a directory is stored, and comes back under its name or another", async () => {
  await using work = await makeWorkplace();
  await makeSite(work);
  const stored = await work.run(["upload", "site", BOX, "--exclude", "*.tmp"]);
  assert.equal(stored.code, 0, stored.stderr);
  assert.match(
    timeless(stored.stderr),
    /^layerstash: stored site in oci:.\/box: 2 files, 20 B; 2 of 2 layers sent, [.0-9]+ KB, TIME\nlayerstash: digest: oci:.\/box@sha256:[0-9a-f]{64}\nlayerstash: get it back: layerstash download oci:.\/box:site\n$/,
  );
  const again = await work.run(["upload", "site", BOX, "--exclude", "*.tmp"]);
  assert.match(again.stderr, /2 files, 20 B; 0 of 2 layers sent, all were there, /);
  await Deno.rename(work.path("site"), work.path("old"));
  for (const [words, place] of [[[], "site"], [["copy"], "copy"]] as const) {
    const back = await work.run(["download", BOX, ...words]);
    assert.equal(timeless(back.stderr), `layerstash: ${place}: 2 files written, verified, TIME\n`);
    assert.equal(await Deno.readTextFile(work.path(`${place}/index.html`)), "<h1>Hello</h1>");
    assert.equal(await Deno.readTextFile(work.path(`${place}/img/logo.svg`)), "<svg/>");
  }
});

Deno.test("an upload says how much of a folder is new, and a dry run how much would be sent", async () => {
  await using work = await makeWorkplace();
  await makeSite(work);
  await Deno.writeFile(work.path("site/film"), someBytes(3_000_000));
  await work.run(["upload", "site", BOX]);
  await Deno.remove(work.path("site/notes.tmp"));
  await Deno.utime(work.path("site"), DATE, DATE);
  const dry = await work.run(["upload", "site", BOX, "--dry-run"]);
  assert.equal(
    dry.stderr,
    "layerstash: site holds something else: only --overwrite replaces it\n" +
      "layerstash: would store site in oci:./box: 3 files, 3 MB; 2 of 2 layers to be sent, with 3 files of 3 MB\n",
  );
  const events = (await work.run(["upload", "site", BOX, "--overwrite", "--json"])).stdout.trim().split("\n")
    .map((line) => JSON.parse(line));
  const packed = events.filter(({ event }) => event === "files");
  assert.equal(packed.reduce((sum, { count }) => sum + count, 0), 3);
  assert.equal(packed.reduce((sum, { bytes }) => sum + bytes, 0), 3_000_020);
  const { files, content } = events.find(({ event }) => event === "plan");
  assert.deepEqual([files, content], [3, 3_000_020]);
  const { sent, sentFiles, sentContent, sentSize, stored } = events.at(-1);
  assert.deepEqual([sent, sentFiles, sentContent], [2, 3, 3_000_020]);
  assert.ok(sentSize > 3_000_000 && stored === sentSize, `${sentSize} of ${stored}`);
  await Deno.utime(work.path("site/img"), DATE, new Date(2_000_000_000_000));
  const again = await work.run(["upload", "site", BOX, "--overwrite"]);
  assert.match(again.stderr, /3 files, 3 MB; 1 of 2 layers sent, [.0-9]+ k?B of 3(\.\d+)? MB, /i);
});

Deno.test("a folder comes back into the empty directory that one is in", onPosix("a shell"), async () => {
  await using work = await makeWorkplace();
  await makeSite(work);
  const box = `oci:${work.path("box")}:site`;
  await work.run(["upload", "site", box]);
  await Deno.mkdir(work.path("here"));
  const { ino } = await Deno.stat(work.path("here"));
  const under = ["sh", "-c", 'cd here && exec "$@"', "sh"];
  const { code, stderr } = await work.run(["download", box, "."], { under });
  assert.equal(code, 0, stderr);
  assert.match(stderr, /^layerstash: \.: 3 files written, verified/);
  assert.deepEqual([...Deno.readDirSync(work.path("here"))].map(({ name }) => name).sort(), [
    "img",
    "index.html",
    "notes.tmp",
  ]);
  assert.equal((await Deno.stat(work.path("here"))).ino, ino, "whoever is in it stays in it");
});

Deno.test("options of directories fit no file, and those of chunks no directory", async () => {
  await using work = await makeWorkplace();
  await makeSite(work);
  for (
    const [words, problem] of [
      [["site", BOX, "--chunk-size", "5MB"], "--chunk-size does not fit: what is stored is a directory"],
      [["site/notes.tmp", BOX, "--dry-run"], "--dry-run does not fit: what is stored is no directory"],
      [["site/notes.tmp", BOX, "--exclude", "x"], "--exclude does not fit: what is stored is no directory"],
    ] as const
  ) {
    const { code, stderr } = await work.run(["upload", ...words]);
    assert.deepEqual([code, stderr.split("\n")[0]], [2, `layerstash: ${problem}`]);
  }
  assert.equal((await work.run(["list", "oci:./box"])).code, 3);
});

Deno.test("a file lists what is left out, with comments, and a line that takes in again is an error", async () => {
  await using work = await makeWorkplace();
  await makeSite(work);
  const list = await work.write("left-out", "# what nobody needs\r\n\r\n*.tmp\n/img  \n");
  const words = ["upload", "site", BOX, "--exclude-from", list];
  const { code, stderr } = await work.run(words);
  assert.equal(code, 0, stderr);
  assert.match(stderr, /stored site in oci:.\/box: 1 file, /);
  await work.write("left-out", "*.tmp\n!notes.tmp\n");
  const refused = await work.run(words);
  assert.deepEqual([refused.code, refused.stderr.split("\n")[0]], [
    2,
    `layerstash: cannot store site as site: line 2 of ${list} begins with !, which only .gitignore has`,
  ]);
  const missing = await work.run(["upload", "site", BOX, "--exclude-from", "nothing"]);
  assert.equal(missing.code, 3, missing.stderr);
  assert.match(missing.stderr, /there is no file nothing/);
});

Deno.test("onto a directory that differs, download asks for --overwrite, and --delete removes the rest", async () => {
  await using work = await makeWorkplace();
  await makeSite(work);
  await work.run(["upload", "site", BOX]);
  await work.write("site/index.html", "changed");
  await work.write("site/more", "more");
  const refused = await work.run(["download", BOX, "site"]);
  assert.deepEqual([refused.code, refused.stderr], [
    6,
    "layerstash: cannot download site to site: site/index.html is not what was stored\n" +
    "hint: replace what differs with --overwrite, or download to another directory\n",
  ]);
  const done = await work.run(["download", BOX, "site", "--overwrite", "--delete", "--json"]);
  const { written, kept, removed } = JSON.parse(done.stdout.trimEnd().split("\n").at(-1)!);
  assert.deepEqual([written, kept, removed], [1, 2, 1]);
  const part = await work.run(["download", BOX, "part", "--only", "img"]);
  assert.equal(part.code, 0, part.stderr);
  assert.deepEqual(await Array.fromAsync(Deno.readDir(work.path("part")), ({ name }) => name), ["img"]);
});

Deno.test(
  "what may not be read is named, and the rest is stored if that is wanted",
  onPosix("file modes"),
  async () => {
    await using work = await makeWorkplace();
    await makeSite(work);
    await Deno.chmod(work.path("site/notes.tmp"), 0o000);
    const upload = (...options: string[]) =>
      work.run(["upload", "site", BOX, ...options], { under: WITHOUT_RIGHTS });
    const refused = await upload();
    assert.equal(refused.code, 4);
    assert.equal(
      refused.stderr,
      "layerstash: cannot store site as site: 1 path may not be read: notes.tmp; the folder was not completed\n" +
        "hint: --skip-unreadable stores the rest\n",
    );
    assert.equal((await work.run(["download", BOX, "none"])).code, 3);
    const rest = await upload("--skip-unreadable");
    assert.equal(rest.code, 1, rest.stderr);
    assert.match(rest.stderr, /stored site in oci:.\/box: 2 files, 20 B/);
    assert.match(
      rest.stderr,
      /cannot store site as site: 1 path may not be read, and is not stored: notes\.tmp\n$/,
    );
    assert.equal((await work.run(["download", BOX, "copy"])).code, 0);
    assert.deepEqual(
      (await Array.fromAsync(Deno.readDir(work.path("copy")), ({ name }) => name)).toSorted(),
      ["img", "index.html"],
    );
  },
);

Deno.test("of several directories and files each is told, and at the end their sum", async () => {
  await using work = await makeWorkplace();
  await makeSite(work);
  await Deno.mkdir(work.path("empty"));
  await work.write("disk.img", "12345");
  const { stderr } = await work.run(["upload", "site", "disk.img", "empty", "oci:./box"]);
  assert.equal(
    timeless(stderr).replaceAll(/sent, [.0-9]+ K?B,/g, "sent, SIZE,"),
    "layerstash: stored site in oci:./box: 3 files, 25 B; 2 of 2 layers sent, SIZE, TIME\n" +
      "layerstash: stored disk.img in oci:./box: 5 B in 1 chunk, TIME\n" +
      "layerstash: stored empty in oci:./box: 0 files, 0 B; 1 of 1 layer sent, SIZE, TIME\n" +
      "layerstash: stored 1 file and 2 folders in oci:./box: 30 B, TIME\n" +
      "layerstash: get one back: layerstash download oci:./box:NAME\n",
  );
});

Deno.test("globs that leave out nothing are named, and those that leave out everything refused", async () => {
  await using work = await makeWorkplace();
  await makeSite(work);
  await work.write("list", "*.bak\n*.tmp\n");
  const words = ["upload", "site", BOX, "--exclude-from", "list", "--exclude", "*.o"];
  const some = await work.run([...words, "--exclude", "/img", "--exclude", "/none"]);
  assert.equal(some.code, 0, some.stderr);
  assert.match(some.stderr, /^layerstash: --exclude \*\.o, \/none has left out nothing$/m);
  const all = await work.run(["upload", "site", BOX, "--exclude", "*", "--overwrite"]);
  assert.equal(all.code, 2, all.stderr);
  assert.match(all.stderr, /: everything in the directory is left out: there is nothing to store\nhint: /);
  await Deno.mkdir(work.path("empty"));
  const empty = await work.run(["upload", "empty", "oci:./box", "--exclude", "*"]);
  assert.equal(empty.code, 0, empty.stderr);
});

Deno.test("the sum says that nothing had to be sent only if nothing was sent", async () => {
  await using work = await makeWorkplace();
  for (const name of ["one", "one/inner"]) {
    await Deno.mkdir(work.path(name));
    await work.write(`${name}/file`, name);
  }
  assert.equal((await work.run(["upload", "one/inner", "oci:./box"])).code, 0);
  const some = await work.run(["upload", "one", "one/inner", "oci:./box"]);
  assert.match(some.stderr, /stored inner in .*; 0 of 2 layers sent, all were there/);
  assert.match(some.stderr, /stored 2 folders in oci:.\/box: 21 B, .*; [.0-9]+ KB did not have to be sent$/m);
  const none = await work.run(["upload", "one", "one/inner", "oci:./box"]);
  assert.match(none.stderr, /stored 2 folders in oci:.\/box: 21 B, .*; nothing had to be sent$/m);
});

Deno.test(
  "what may not be read of one directory is named after all are stored",
  onPosix("file modes"),
  async () => {
    await using work = await makeWorkplace();
    await makeSite(work);
    await Deno.chmod(work.path("site/notes.tmp"), 0o000);
    await Deno.mkdir(work.path("empty"));
    const { code, stderr } = await work.run(["upload", "site", "empty", "oci:./box", "--skip-unreadable"], {
      under: WITHOUT_RIGHTS,
    });
    assert.equal(code, 1, stderr);
    assert.match(stderr, /stored 2 folders in oci:.\/box: 20 B/);
    assert.match(stderr, /cannot store all: 1 path may not be read, and is not stored: site\/notes\.tmp\n$/);
    assert.equal((await work.run(["download", "oci:./box:empty", "copy"])).code, 0);
  },
);

Deno.test("list shows folders after stored files, also without --all", async () => {
  await using work = await makeWorkplace();
  await storeBoth(work);
  const { stdout, stderr } = await work.run(["list", "oci:./box"]);
  assert.deepEqual(stdout.trimEnd().split("\n").map((row) => row.split(/ {2,}/)), [
    ["STASH", "CHUNKS"],
    ["disk.img", "1"],
    [""],
    ["TAG", "KIND", "FILES", "SIZE", "DATE"],
    ["site", "folder", "3", "25 B", "2026-01-02 03:04"],
  ], stderr);
  const [file, folder] = JSON.parse((await work.run(["list", "oci:./box", "--json"])).stdout);
  assert.equal(file.baseTag, "disk.img");
  const { digest, modified, ...rest } = folder;
  assert.match(digest, /^sha256:[0-9a-f]{64}$/);
  assert.equal(Date.parse(modified), DATE.getTime());
  assert.deepEqual(rest, { tag: "site", kind: "folder", files: 3, size: 25 });
});

Deno.test("info of a folder says what it holds, its layers, and how to get it back", async () => {
  await using work = await makeWorkplace();
  await storeBoth(work);
  const { stdout, stderr } = await work.run(["info", BOX]);
  assert.equal(
    stderr,
    "layerstash: get it back: layerstash download oci:./box:site\n" +
      "layerstash: what of DIR is new: layerstash upload DIR oci:./box:site --dry-run\n",
  );
  assert.match(
    stdout,
    /^name: +site\nkind: +folder\ndigest: +sha256:[0-9a-f]{64}\nfiles: +3\nsize: +25 B \(25 bytes\)\ndate: +2026-01-02T03:04:05.000Z\nstored: +.* in 2 layers\n\nLAYER +DIGEST +SIZE\n1 +sha256:.*\n2 +sha256:.*\n$/,
  );
  const { kind, folder } = JSON.parse((await work.run(["info", BOX, "--json"])).stdout);
  assert.deepEqual([kind, folder.files, folder.size, folder.layers.length], ["folder", 3, 25, 2]);
});

Deno.test("list looks for folders among a hundred tags, and says so where there are more", async () => {
  await using work = await makeWorkplace();
  await storeBoth(work, "oci:./box/me/files");
  using store = openStore({ registry: `oci:${work.path("box")}`, repository: "me/files" });
  const manifest = (await store.manifest("site"))!;
  for (let number = 0; number < 100; number++) await store.putManifest(`copy-of-${number}-x`, manifest);
  const { code, stdout, stderr } = await work.run(["list", "oci:./box/me/files"]);
  assert.deepEqual([code, stdout.split("\n").length], [0, 3]);
  assert.equal(
    stderr,
    "layerstash: 101 other tags, perhaps of folders, are not looked at: layerstash list oci:./box/me/files --all\n",
  );
  assert.match((await work.run(["list", "oci:./box/me/files", "--all"])).stdout, /^site +folder +3 /m);
});

Deno.test("remove takes the folder of a name, and nothing that another name leads to", async () => {
  await using work = await makeWorkplace();
  await using fake = await startFakeRegistry();
  for (const registry of [`oci:${work.path("box")}`, fake.url]) {
    const box = `${registry}/me/files`;
    await storeBoth(work, box);
    using store = openStore({ registry, repository: "me/files" });
    const { digest, bytes } = (await store.manifest("site"))!;
    const [layer] = JSON.parse(new TextDecoder().decode(bytes)).layers;
    for (const [path, name] of [["site", "same"], ["disk.img", "disk.img-1b"]] as const) {
      assert.equal((await work.run(["upload", path, `${box}:${name}`])).code, 0);
    }
    const { code, stdout, stderr } = await work.run(["remove", `${box}:site`]);
    assert.deepEqual([code, stdout], [0, "site\n"], stderr);
    assert.deepEqual((await Array.fromAsync(store.tags())).toSorted(), [
      "disk.img-1",
      "disk.img-1b-1",
      "same",
    ]);
    for (const each of ["same", "disk.img"]) {
      const back = await work.run(["download", `${box}:${each}`, `back-${each}`, "--overwrite"]);
      assert.equal(back.code, 0, back.stderr);
    }
    assert.equal((await work.run(["remove", `${box}:site`])).code, 3);
    assert.equal((await work.run(["remove", `${box}:same`])).code, 0);
    assert.equal(await store.manifest(digest), undefined, "nothing names it any more");
    if (registry !== fake.url) assert.equal(await store.stat(layer.digest), undefined);
    assert.equal((await work.run(["download", `${box}:disk.img`, "back-disk.img", "--overwrite"])).code, 0);
  }
});

Deno.test("remove refuses an image that is no folder", async () => {
  await using work = await makeWorkplace();
  using store = openStore({ registry: `oci:${work.path("box")}`, repository: "me/files" });
  await putImage(store, "app", [{ bytes: new Uint8Array(10) }]);
  const { code, stderr } = await work.run(["remove", "oci:./box/me/files:app"]);
  assert.equal(code, 3);
  assert.match(stderr, /: app is an image or an artifact, not a stored file\n/);
  assert.ok(await store.manifest("app"));
});

Deno.test("a folder that was copied is the same folder", async () => {
  await using work = await makeWorkplace();
  await storeBoth(work);
  const copied = await work.run(["copy", BOX, "oci:./other:site"]);
  assert.equal(copied.code, 0, copied.stderr);
  const list = async (box: string) => {
    const found: { kind?: string }[] = JSON.parse((await work.run(["list", box, "--json"])).stdout);
    return found.filter(({ kind }) => kind === "folder");
  };
  assert.equal((await list("oci:./other")).length, 1);
  assert.deepEqual(await list("oci:./other"), await list("oci:./box"));
  const back = await work.run(["download", "oci:./other:site", "back"]);
  assert.equal(back.code, 0, back.stderr);
  assert.equal(await Deno.readTextFile(work.path("back/index.html")), "<h1>Hello</h1>");
});

Deno.test("diff and verify say which pipes of a directory they pass over", onPosix("pipes"), async () => {
  await using work = await makeWorkplace();
  await makeSite(work);
  await work.run(["upload", "site", BOX]);
  await runProgram("mkfifo", [work.path("site/img/pipe\u001b")]);
  for (const command of [["diff", BOX, "site", "--ignore", "time"], ["verify", BOX, "site"]]) {
    const { stderr } = await work.run(command);
    assert.match(stderr, /^layerstash: img\/pipe\?* is not compared: it is a pipe\n/m, command[0]);
  }
});

Deno.test("what an interrupted download left in a directory is neither stored nor compared", async () => {
  await using work = await makeWorkplace();
  await makeSite(work);
  await work.run(["upload", "site", BOX]);
  await Deno.mkdir(work.path("site/.layerstash-part/tree"), { recursive: true });
  await work.write("site/.layerstash-part/state", "");
  for (const command of [["diff", BOX, "site", "--ignore", "time"], ["verify", BOX, "site"]]) {
    const { code, stderr } = await work.run(command);
    assert.equal(code, 0, stderr);
    assert.match(
      stderr,
      /^layerstash: \.layerstash-part is not compared: it is what an interrupted download left\n/m,
    );
  }
  const again = await work.run(["upload", "site", "oci:./box:again"]);
  assert.match(
    again.stderr,
    /^layerstash: \.layerstash-part is not stored: it is what an interrupted download left\n/m,
  );
  const back = await work.run(["download", "oci:./box:again", "back"]);
  assert.equal(back.code, 0, back.stderr);
  assert.deepEqual(Array.from(Deno.readDirSync(work.path("back")), ({ name }) => name).sort(), [
    "img",
    "index.html",
    "notes.tmp",
  ]);
});

Deno.test("of a folder that has what downloads keep in a directory, all else comes back, and all of it as an image", async () => {
  await using work = await makeWorkplace();
  using store = openStore({ registry: `oci:${work.path("box")}`, repository: "me/files" });
  const address = "oci:./box/me/files:site";
  const entries = [{ name: ".layerstash-part/state", content: "left" }, { name: "file", content: "kept" }];
  const note = { version: 1, kind: "folder", files: 2, size: 8 };
  await putImage(store, "site", [{ bytes: await gzip(tarOf(entries)) }], { layerstash: note });
  const told = /^layerstash: not restored: \.layerstash-part, .*\(layerstash extract brings that back\)\n/;
  for (const [only, isTold] of [[[], true], [["--only", "file"], false]] as const) {
    for (const directory of [`new${only.length}`, "old"]) {
      await Deno.mkdir(work.path("old"), { recursive: true });
      await work.write("old/other", "");
      const { code, stderr } = await work.run(["download", address, directory, ...only]);
      assert.equal(code, 0, stderr);
      assert.equal(told.test(stderr), isTold, stderr);
      assert.equal(await Deno.readTextFile(work.path(`${directory}/file`)), "kept");
      await assert.rejects(Deno.lstat(work.path(`${directory}/.layerstash-part`)), Deno.errors.NotFound);
    }
  }
  assert.equal((await work.run(["verify", address, "new0"])).code, 0);
  const extracted = await work.run(["extract", address, "/", "-o", "back"]);
  assert.equal(extracted.code, 0, extracted.stderr);
  assert.equal(await Deno.readTextFile(work.path("back/.layerstash-part/state")), "left");
});

Deno.test("a copy of a folder replaces nothing unasked, keeps its name, and says how to get it back", async () => {
  await using work = await makeWorkplace();
  await using fake = await startFakeRegistry();
  await storeBoth(work);
  const repository = `${fake.url.replace("http://", "")}/me/files`;
  const copy = (to: string, ...options: string[]) => work.run(["copy", BOX, to, ...options]);
  const copied = await copy(repository);
  assert.equal(copied.code, 0, copied.stderr);
  assert.match(copied.stderr, /\nlayerstash: get it back: layerstash download [^ ]+\/me\/files:site\n$/);
  using remote = openStore({ registry: fake.url, repository: "me/files" });
  assert.deepEqual(await Array.fromAsync(remote.tags()), ["site"]);
  assert.equal((await copy(repository)).code, 0, "it is there already");

  await work.run(["upload", "site/img", "oci:./other:site"]);
  using opened = openImage(`oci:${work.path("other")}:site`);
  const other = opened.store;
  await putImage(other, "app", [{ bytes: new Uint8Array(10) }]);
  const before = [await other.resolve("site"), await other.resolve("app")];
  for (const [tag, held] of [["site", "a folder"], ["app", "something else"]] as const) {
    const refused = await copy(`oci:./other:${tag}`);
    assert.equal(refused.code, 6, refused.stderr);
    assert.match(
      refused.stderr,
      new RegExp(`: the tag ${tag} holds ${held}\nhint: use another tag, or --overwrite`),
    );
  }
  assert.deepEqual([await other.resolve("site"), await other.resolve("app")], before);
  const replaced = await copy("oci:./other", "--overwrite");
  assert.equal(replaced.code, 0, replaced.stderr);
  assert.equal(await other.resolve("site"), await remote.resolve("site"));

  assert.equal((await work.run(["upload", "disk.img", "oci:./other:disk"])).code, 0);
  const hiding = await copy("oci:./other:disk", "--overwrite");
  assert.equal(hiding.code, 6, hiding.stderr);
  assert.match(hiding.stderr, /a stored file has the name disk already/);
  await work.run(["save", "oci:./other:app", "-o", "third"]);
  await work.run(["copy", BOX, "oci:./third:app", "--overwrite"]);
  const image = "oci:./other:app";
  for (const words of [["copy", image, "oci:./other:site"], ["save", image, "-o", "third"]]) {
    const held = await other.resolve("site");
    const refused = await work.run(words);
    assert.equal(refused.code, 6, refused.stderr);
    assert.match(
      refused.stderr,
      /: the tag (site|app) holds a folder\nhint: use another tag, or --overwrite/,
    );
    assert.equal(await other.resolve("site"), held);
    const moved = await work.run([...words, "--overwrite"]);
    assert.equal(moved.code, 0, moved.stderr);
    assert.equal((await work.run(words)).code, 0, "it is there already");
  }
});

Deno.test("a copy to a repository without a name asks for the image once: some registries count that", async () => {
  await using work = await makeWorkplace();
  await using fake = await startFakeRegistry();
  await storeBoth(work);
  const host = new URL(fake.url).host;
  using remote = openStore({ registry: fake.url, repository: "me/files" });
  await putImage(remote, "app", [{ bytes: new Uint8Array(10) }]);
  assert.equal((await work.run(["copy", BOX, `${host}/me/files:site`])).code, 0);
  for (const [tag, given] of [["app", "latest"], ["site", "site"]] as const) {
    fake.requests.length = 0;
    const copied = await work.run(["copy", `${host}/me/files:${tag}`, `${host}/me/${tag}`]);
    assert.equal(copied.code, 0, copied.stderr);
    assert.match(copied.stderr, new RegExp(`copied to [^ ]+/me/${tag}:${given}: `));
    const asked = fake.requests.filter(({ path }) => path === `/v2/me/files/manifests/${tag}`);
    assert.deepEqual(asked.map(({ method }) => method), ["GET"], tag);
  }
  const { code, stderr } = await work.run([
    ...["copy", `${host}/me/files@${await remote.resolve("site")}`, `${host}/me/other`],
  ]);
  assert.equal(code, 2, stderr);
  assert.match(stderr, /the copy needs a name, as a digest is none/);
});

Deno.test("an alias and an image with another layer take the tag of no folder", async () => {
  await using work = await makeWorkplace();
  await storeBoth(work);
  using opened = openImage(`oci:${work.path("box")}:site`);
  const held = await opened.store.resolve("site");
  await work.write("layer.tar", new Uint8Array(10_240));
  const append = ["append", "--from", "oci:./box:disk.img-1", "-i", "layer.tar", "--to"];
  for (const words of [["blob", "push", "layer.tar"], append]) {
    const { code, stderr } = await work.run([...words, BOX]);
    assert.equal(code, 6, stderr);
    assert.match(
      stderr,
      /: the tag site holds a folder\nhint: use another tag, or --overwrite to replace it: layerstash .* --overwrite\n$/,
    );
    assert.equal(await opened.store.resolve("site"), held);
  }
});

Deno.test("a copy of a stored file takes the name of no folder, as an upload does not", async () => {
  await using work = await makeWorkplace();
  await using fake = await startFakeRegistry();
  await work.write("note", "hello");
  await Deno.mkdir(work.path("site"));
  await work.write("site/page", "page");
  for (const box of ["oci:box", `${fake.url.replace("http://", "")}/me/files`]) {
    assert.equal((await work.run(["upload", "note", `${box}:o`])).code, 0);
    assert.equal((await work.run(["upload", "site", `${box}:n`])).code, 0);
    for (const more of [[], ["--overwrite"]]) {
      const uploaded = await work.run(["upload", "note", `${box}:n`, ...more]);
      const copied = await work.run(["copy", `${box}:o`, `${box}:n`, ...more]);
      const why = /: a folder has the name n already\nhint: [^\n]+\n$/;
      assert.deepEqual([copied.code, uploaded.code], [6, 6], copied.stderr);
      assert.equal(why.exec(copied.stderr)?.[0], why.exec(uploaded.stderr)![0]);
    }
    const { stdout } = await work.run(["list", box]);
    assert.equal(stdout.match(/^n /gm)?.length, 1, stdout);
  }
});

Deno.test("a folder that is to be copied as a stored file is told as that", async () => {
  await using work = await makeWorkplace();
  await storeBoth(work);
  using opened = openImage(`oci:${work.path("box")}:site`);
  await putImage(opened.store, "app", [{ bytes: new Uint8Array(10) }]);
  for (const [name, what] of [["site", "a folder"], ["app", "an image or an artifact"]]) {
    const { code, stderr } = await work.run(["copy", "--stash", `oci:./box:${name}`, "oci:./other:x"]);
    assert.equal(code, 3, stderr);
    assert.match(
      stderr,
      new RegExp(`: ${name} is ${what}, not a stored file\nhint: omit --stash: an? .* without it\n$`),
    );
  }
});

Deno.test("a path that is no directory is named as that by diff, and asked of no registry", async () => {
  await using work = await makeWorkplace();
  await makeSite(work);
  for (const path of ["./nope", "./nope/", "../nope", "/nope/a"]) {
    const { code, stderr } = await work.run(["diff", "site", path]);
    assert.equal(code, 3, stderr);
    assert.equal(stderr, `layerstash: cannot compare site with ${path}: there is no directory ${path}\n`);
  }
});

Deno.test("of a missing name, remove says which tags there are, and lays folders to nobody else", async () => {
  await using work = await makeWorkplace();
  await makeSite(work);
  await work.run(["upload", "site", BOX]);
  const { code, stderr } = await work.run(["remove", "oci:./box:nothing"]);
  assert.equal(code, 3);
  assert.match(stderr, /there is no stash nothing in oci:.\/box\nhint: it has: site\n$/);
});
