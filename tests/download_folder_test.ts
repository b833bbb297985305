/** Folders come back as they were; what is there already is not fetched, and nothing is written outside. @module */
import assert from "node:assert/strict";
import { dirname } from "node:path";
import {
  ConflictError,
  InvalidInputError,
  LayerstashError,
  MismatchError,
  NotAllowedError,
  NotFoundError,
} from "../lib/errors.ts";
import { advance, movedBytes, startProgress } from "../lib/cli/terminal/progress_state.ts";
import type { TransferEvent } from "../lib/events.ts";
import { compareWithDisk } from "../lib/folders/compare_with_disk.ts";
import { downloadFolder } from "../lib/folders/download_folder.ts";
import { openDisk } from "../lib/folders/open_disk.ts";
import { packedEntries } from "../lib/folders/pack_table.ts";
import { uploadFolder } from "../lib/folders/upload_folder.ts";
import { digestOf } from "../lib/oci/digest.ts";
import { openStore, type Store } from "../main.ts";
import { filesIn } from "./rigs/artifact_fixtures.ts";
import { makeWorkspace, someBytes, type Workspace } from "./rigs/content.ts";
import { ensureTool } from "./rigs/debian.ts";
import { countReads } from "./rigs/folder_reads.ts";
import { folderState, makeOddFolder } from "./rigs/folders.ts";
import { gzip, putImage } from "./rigs/images.ts";
import { oddDisk } from "./rigs/odd_disk.ts";
import { testOnEachStore } from "./rigs/stores.ts";
import { onLinux } from "./rigs/system.ts";
import { paxOf, type TarFile, tarOf } from "./rigs/tar.ts";

const linux = onLinux("names and times as Linux has them");
const withPython = { ignore: linux.ignore || !await ensureTool("python3", "python3") };
const asRoot = { ignore: linux.ignore || Deno.uid() !== 0 };
const PACK = 1024 * 1024;

const openBox = (work: Workspace) =>
  openStore({ registry: `oci:${work.path("box")}`, repository: "me/files" });

testOnEachStore("a folder comes back as it was, to the last name, time and link", async (place) => {
  await using work = await makeWorkspace();
  await makeOddFolder(work.path("in"));
  using store = place.open();
  const { digest, files } = await uploadFolder(store, "t", { directory: work.path("in"), packSize: PACK });
  const notices: string[] = [];
  const onEvent = (event: TransferEvent) => void (event.type === "notice" && notices.push(event.message));
  const result = await downloadFolder(store, "t", { directory: work.path("out"), onEvent });
  assert.deepEqual(result, { digest, written: files, kept: 0, removed: 0, verified: true });
  assert.deepEqual(notices, ["set-user-ID and set-group-ID bits of 1 entry were not set"]);
  await Deno.chmod(work.path("in/setuid"), 0o755); // the bit belongs to an owner, who is not stored
  assert.deepEqual(await folderState(work.path("out")), await folderState(work.path("in")));
  assert.equal(Deno.statSync(work.path("out/b-first")).ino, Deno.statSync(work.path("out/zz-second")).ino);
  assert.ok(Deno.statSync(work.path("out/zeros")).blocks! < 1000, "zeros are a hole");
  assert.deepEqual(await hiddenIn(work), []);
}, withPython);

async function hiddenIn(work: Workspace): Promise<string[]> {
  const names = await Array.fromAsync(Deno.readDir(work.path(".")), ({ name }) => name);
  return names.filter((name) => name.startsWith("."));
}

testOnEachStore(
  "onto what is there, only what differs is fetched, and it gets the old state",
  async (place) => {
    await using work = await makeWorkspace();
    await makeOddFolder(work.path("in"));
    using store = place.open();
    await uploadFolder(store, "t", { directory: work.path("in"), packSize: PACK });
    const expected = await folderState(work.path("in"));
    await Deno.writeTextFile(work.path("in/film"), "other");
    await Deno.remove(work.path("in/tool"));
    await Deno.chmod(work.path("in/plain.txt"), 0o600);
    await Deno.writeTextFile(work.path("in/b-first"), "other for both names");
    await Deno.mkdir(work.path("in/more/inside"), { recursive: true });
    await Deno.writeTextFile(work.path("in/more/file"), "more");
    const changed = await folderState(work.path("in"));
    await assert.rejects(
      downloadFolder(store, "t", { directory: work.path("in") }),
      (error) => error instanceof ConflictError && /is not what was stored/.test(error.message),
    );
    assert.deepEqual(await folderState(work.path("in")), changed);
    const options = { directory: work.path("in"), overwrite: true };
    const { written, kept, removed, verified } = await downloadFolder(store, "t", options);
    assert.deepEqual([written, kept, removed, verified], [4, 17, 0, true]); // film, tool, b-first and its second name
    assert.equal(await Deno.readTextFile(work.path("in/more/file")), "more");
    const again = await downloadFolder(store, "t", { ...options, delete: true });
    assert.deepEqual([again.written, again.removed], [0, 3]); // a pipe is never stored, so it stays
    assert.deepEqual(await folderState(work.path("in")), expected);
  },
  withPython,
);

Deno.test(
  "of 10,000 files one has changed: a download reads tables and that file, and no other one",
  linux,
  async () => {
    await using work = await makeWorkspace();
    for (let index = 0; index < 10_000; index++) {
      if (index % 100 === 0) await Deno.mkdir(work.path(`in/d${index / 100}`), { recursive: true });
      const bytes = crypto.getRandomValues(new Uint8Array(4000));
      Deno.writeFileSync(work.path(`in/d${Math.floor(index / 100)}/${index}`), bytes);
    }
    using store = openBox(work);
    const options = { directory: work.path("in"), packSize: 8 * PACK, stateDirectory: work.path("state") };
    await uploadFolder(store, "t", options);
    await downloadFolder(store, "t", { directory: work.path("out") });
    await Deno.writeTextFile(work.path("in/d42/4217"), "changed");
    await uploadFolder(store, "t", { ...options, overwrite: true });
    const { written, kept, read } = await countReads({
      verb: "download",
      registry: `oci:${work.path("box")}`,
      options: { directory: work.path("out"), overwrite: true },
    });
    assert.deepEqual([written, kept], [1, 9999]);
    assert.equal(await Deno.readTextFile(work.path("out/d42/4217")), "changed");
    assert.ok(read < 4_000_000, `${read} of 40,000,000 bytes were read`);
  },
);

Deno.test("a part of a folder comes back, and a path that matches nothing is an error", async () => {
  await using work = await makeWorkspace();
  await Deno.mkdir(work.path("in/a/b"), { recursive: true });
  for (const name of ["a/one.txt", "a/b/two.txt", "three.txt", "four.md"]) {
    await Deno.writeTextFile(work.path(`in/${name}`), name);
  }
  using store = openBox(work);
  await uploadFolder(store, "t", { directory: work.path("in") });
  const { written } = await downloadFolder(store, "t", {
    directory: work.path("out"),
    paths: ["a/b", "*.md"],
  });
  assert.equal(written, 2);
  assert.equal(await Deno.readTextFile(work.path("out/a/b/two.txt")), "a/b/two.txt");
  await assert.rejects(
    downloadFolder(store, "t", { directory: work.path("none"), paths: ["five"] }),
    (error) => error instanceof NotFoundError && error.message === 'the folder has nothing at "five"',
  );
  assert.equal(await work.has("none"), false);
  assert.deepEqual(await hiddenIn(work), []);
});

Deno.test("globs of what is wanted follow the rule of those that leave out", async () => {
  await using work = await makeWorkspace();
  const files = ["[id].js", "a/[id].js", "a/b/notes.txt", "b", "c/b/other", "d.js", "notes.txt"];
  for (const name of files) {
    await Deno.mkdir(dirname(work.path(`in/${name}`)), { recursive: true });
    await Deno.writeTextFile(work.path(`in/${name}`), name);
  }
  using store = openBox(work);
  await uploadFolder(store, "all", { directory: work.path("in") });
  const expected: Record<string, string[]> = {
    "*.txt": ["a/b/notes.txt", "notes.txt"],
    "/*.txt": ["notes.txt"],
    "b": ["a/b/notes.txt", "b", "c/b/other"],
    "/b": ["b"],
    "a/*/": ["a/[id].js", "a/b/notes.txt"],
    "[id].js": ["[id].js", "a/[id].js", "d.js"], // as a glob it is one letter
  };
  for (const [number, [glob, wanted]] of Object.entries(expected).entries()) {
    await downloadFolder(store, "all", { directory: work.path(`only-${number}`), paths: [glob] });
    assert.deepEqual([...(await filesIn(work.path(`only-${number}`))).keys()], wanted, glob);
    const tag = `without-${number}`;
    await uploadFolder(store, tag, { directory: work.path("in"), exclude: [glob] });
    await downloadFolder(store, tag, { directory: work.path(tag) });
    const rest = files.filter((each) => !wanted.includes(each));
    assert.deepEqual([...(await filesIn(work.path(tag))).keys()], rest, glob);
  }
});

Deno.test("a part of a folder removes nothing, and that is said before anything is written", async () => {
  await using work = await makeWorkspace();
  await Deno.mkdir(work.path("in"));
  await Deno.mkdir(work.path("out"));
  await Deno.writeTextFile(work.path("in/one"), "1");
  await Deno.writeTextFile(work.path("out/other"), "2");
  using store = openBox(work);
  await uploadFolder(store, "t", { directory: work.path("in") });
  const options = { directory: work.path("out"), delete: true, paths: ["one"] };
  await assert.rejects(downloadFolder(store, "t", options), InvalidInputError);
  assert.deepEqual(await Array.fromAsync(Deno.readDir(work.path("out")), ({ name }) => name), ["other"]);
});

Deno.test(
  "of a file with several names each can come back alone, and those that do are one file",
  linux,
  async () => {
    await using work = await makeWorkspace();
    await Deno.mkdir(work.path("in/a"), { recursive: true });
    await Deno.writeTextFile(work.path("in/a/first"), "linked");
    for (const name of ["second", "third"]) await Deno.link(work.path("in/a/first"), work.path(`in/${name}`));
    using store = openBox(work);
    await uploadFolder(store, "t", { directory: work.path("in") });
    const part = async (directory: string, paths: string[]) => {
      const { written } = await downloadFolder(store, "t", { directory: work.path(directory), paths });
      const names = await Array.fromAsync(Deno.readDir(work.path(directory)), ({ name }) => name);
      return [written, ...names.sort()];
    };
    assert.deepEqual(await part("one", ["second"]), [1, "second"]);
    assert.deepEqual(await part("two", ["second", "third"]), [2, "second", "third"]);
    assert.deepEqual(await part("one", ["third"]), [1, "second", "third"]);
    assert.equal(await Deno.readTextFile(work.path("one/third")), "linked");
    assert.equal(Deno.statSync(work.path("two/second")).ino, Deno.statSync(work.path("two/third")).ino);
    assert.deepEqual(await hiddenIn(work), []);
  },
);

Deno.test("a file is not taken for another name of one whose number is unknown or too large to be told apart", async () => {
  await using work = await makeWorkspace();
  await Deno.writeTextFile(work.path("first"), "first");
  await Deno.link(work.path("first"), work.path("second"));
  await Deno.writeTextFile(work.path("other"), "another");
  using disk = openDisk();
  const type = "hardlink" as const;
  const owner = { uid: 0, gid: 0, owner: "", group: "" };
  const link = { type, target: "first", mode: 0o644, ...owner, size: 0, modified: 0, position: 0 };
  for (const inode of [Number(2n ** 62n + 1n), 0]) {
    const options = { directory: work.path(""), disk: oddDisk(disk, (entry) => ({ ...entry, inode })) };
    for (const [path, verdict] of [["second", "same"], ["other", "conflict"]] as const) {
      assert.equal(await compareWithDisk({ ...link, path, name: path }, options), verdict);
    }
  }
});

Deno.test("an interrupted download goes on with what it lacks", async () => {
  await using work = await makeWorkspace();
  await Deno.mkdir(work.path("in"));
  for (let index = 0; index < 500; index++) {
    await Deno.writeFile(work.path(`in/file-${index}`), someBytes(10_000, index + 1));
  }
  using store = openBox(work);
  const { layers, files } = await uploadFolder(store, "t", { directory: work.path("in"), packSize: PACK });
  const stop = new AbortController();
  let done = 0;
  await assert.rejects(
    downloadFolder(store, "t", {
      directory: work.path("out"),
      jobs: 1,
      signal: stop.signal,
      onEvent: ({ type }) => type === "blob" && ++done === 9 && stop.abort(new Error("enough")),
    }),
    /enough/,
  );
  assert.equal(await work.has("out"), false);
  let resumed = 0;
  const { written } = await downloadFolder(store, "t", {
    directory: work.path("out"),
    onEvent: (event) => event.type === "resume" && (resumed += event.bytes),
  });
  assert.ok(layers > 3 && written === files && resumed > 500_000, `${resumed} bytes of ${layers} layers`);
  for (let index = 0; index < 500; index++) {
    assert.deepEqual(await Deno.readFile(work.path(`out/file-${index}`)), someBytes(10_000, index + 1));
  }
  assert.deepEqual(await hiddenIn(work), []);
});

Deno.test("of what an interrupted download of a folder says it has, nothing is fetched again", async () => {
  await using work = await makeWorkspace();
  await Deno.mkdir(work.path("in"));
  await Deno.writeFile(work.path("in/large"), someBytes(14_000_000));
  for (let index = 0; index < 300; index++) {
    await Deno.writeFile(work.path(`in/file-${index}`), someBytes(10_000 + index));
  }
  using store = openBox(work);
  await uploadFolder(store, "t", { directory: work.path("in"), packSize: 3 * PACK });
  const run = async (directory: string, most = Infinity) => {
    const stop = new AbortController();
    let state = startProgress("", 0);
    let fetched = 0;
    const onEvent = (event: TransferEvent) => {
      state = advance(state, event, 0);
      if (event.type === "progress" && event.bytes > 0) fetched += event.bytes;
      if (fetched >= most) stop.abort(new Error("enough"));
    };
    await downloadFolder(store, "t", { directory, jobs: 4, signal: stop.signal, onEvent })
      .catch((error) => assert.match(error.message, /enough/));
    return { kept: movedBytes(state), fetched };
  };
  for (const name of ["new", "there"]) {
    for (const each of name === "there" ? ["whole-there", name] : []) {
      await Deno.mkdir(work.path(each));
      await Deno.writeTextFile(work.path(`${each}/other`), "");
    }
    const whole = await run(work.path(`whole-${name}`));
    const first = await run(work.path(name), 11_000_000);
    assert.ok(first.kept > 1_000_000 && first.kept < first.fetched, JSON.stringify(first));
    const again = await run(work.path(name));
    assert.ok(again.fetched <= whole.fetched - first.kept, JSON.stringify({ name, whole, first, again }));
  }
});

Deno.test("an interrupted download of a part remembers what it had found", async () => {
  await using work = await makeWorkspace();
  await Deno.mkdir(work.path("in"));
  for (let index = 0; index < 500; index++) {
    await Deno.writeTextFile(work.path(`in/file-${index}`), `content ${index}\n`.repeat(100));
  }
  using store = openBox(work);
  await uploadFolder(store, "t", { directory: work.path("in"), packSize: PACK });
  const stop = new AbortController();
  const options = { directory: work.path("out"), paths: ["file-0"], jobs: 1 };
  const onEvent = ({ type }: TransferEvent) => type === "blob" && stop.abort(new Error("enough"));
  await assert.rejects(downloadFolder(store, "t", { ...options, signal: stop.signal, onEvent }), /enough/);
  await downloadFolder(store, "t", options);
  assert.deepEqual(await Array.fromAsync(Deno.readDir(work.path("out")), ({ name }) => name), ["file-0"]);
});

Deno.test("a directory that gives way to a file goes with what an interrupted download left in it", async () => {
  await using work = await makeWorkspace();
  await Deno.mkdir(work.path("in"));
  await Deno.writeTextFile(work.path("in/name"), "a file");
  using store = openBox(work);
  await uploadFolder(store, "t", { directory: work.path("in") });
  await Deno.mkdir(work.path("out/name/.layerstash-part/tree"), { recursive: true });
  const options = { directory: work.path("out"), overwrite: true, delete: true };
  const { removed } = await downloadFolder(store, "t", options);
  assert.equal(removed, 3);
  assert.equal(await Deno.readTextFile(work.path("out/name")), "a file");
});

Deno.test("damaged bytes make no folder", async () => {
  await using work = await makeWorkspace();
  await Deno.mkdir(work.path("in"));
  await Deno.writeTextFile(work.path("in/file"), "content\n".repeat(1000));
  using store = openBox(work);
  await uploadFolder(store, "t", { directory: work.path("in") });
  for await (const { name } of Deno.readDir(work.path("box/me/files/blobs/sha256"))) {
    const path = work.path(`box/me/files/blobs/sha256/${name}`);
    const bytes = await Deno.readFile(path);
    if (bytes[0] !== 0x1f) continue;
    bytes[bytes.length >> 1]! ^= 1;
    await Deno.writeFile(path, bytes);
  }
  await assert.rejects(downloadFolder(store, "t", { directory: work.path("out") }), MismatchError);
  assert.equal(await work.has("out"), false);
});

Deno.test(
  "nothing is written through a link that is in the way, and other images are no folders",
  linux,
  async () => {
    await using work = await makeWorkspace();
    await Deno.mkdir(work.path("in/a"), { recursive: true });
    await Deno.writeTextFile(work.path("in/a/file"), "stored");
    using store = openBox(work);
    await uploadFolder(store, "t", { directory: work.path("in") });
    await Deno.mkdir(work.path("outside"));
    await Deno.mkdir(work.path("out"));
    await Deno.symlink(work.path("outside"), work.path("out/a"));
    await assert.rejects(downloadFolder(store, "t", { directory: work.path("out") }), /is not a directory/);
    assert.deepEqual(await Array.fromAsync(Deno.readDir(work.path("outside"))), []);
    await assert.rejects(downloadFolder(store, "none", { directory: work.path("x") }), NotFoundError);
    await assert.rejects(downloadFolder(store, "t", { directory: work.path("in/a/file") }), ConflictError);
  },
);

/** Stores a folder that no program of ours would make. */
async function putFolder(store: Store, tag: string, entries: readonly TarFile[]): Promise<void> {
  const note = { version: 1, kind: "folder", files: entries.length, size: 1 };
  await putImage(store, tag, [{ bytes: await gzip(tarOf(entries)) }], { layerstash: note });
}

Deno.test(
  "a hard link of a hostile folder leads to nothing outside, and makes nothing there",
  linux,
  async () => {
    await using work = await makeWorkspace();
    await Deno.writeTextFile(work.path("secret"), "not for folders");
    await Deno.mkdir(work.path("deep"));
    await Deno.mkdir(work.path("there"));
    await Deno.writeTextFile(work.path("there/file"), "");
    using store = openBox(work);
    for (const target of ["../secret", "../../../secret", "../made/secret", work.path("secret")]) {
      await putFolder(store, "t", [{ name: "x", flag: "1", target }]);
      for (const directory of ["deep/out", "there"]) {
        await assert.rejects(
          downloadFolder(store, "t", { directory: work.path(directory) }),
          LayerstashError,
        );
      }
      assert.equal(Deno.statSync(work.path("secret")).nlink, 1, target);
    }
    assert.deepEqual([await work.has("made"), await work.has("deep/made")], [false, false]);
  },
);

Deno.test("the mode of a hostile folder's file is not set through a link of its name", linux, async () => {
  await using work = await makeWorkspace();
  await Deno.writeTextFile(work.path("secret"), "s", { mode: 0o600 });
  await Deno.mkdir(work.path("out"));
  await Deno.writeTextFile(work.path("out/x"), "a", { mode: 0o600 });
  await Deno.utime(work.path("out/x"), 1_600_000_000, 1_600_000_000);
  using store = openBox(work);
  await putFolder(store, "t", [
    { name: "x", content: "a", mode: 0o666 },
    { name: "x", flag: "2", target: "../secret" },
  ]);
  const options = { directory: work.path("out"), overwrite: true };
  await assert.rejects(downloadFolder(store, "t", options), MismatchError);
  assert.equal(Deno.statSync(work.path("secret")).mode! & 0o777, 0o600);
});

Deno.test(
  "an attribute that is too large for the file system does not keep a folder away",
  linux,
  async () => {
    await using work = await makeWorkspace();
    using store = openBox(work);
    await putFolder(store, "t", [
      paxOf({ "SCHILY.xattr.user.large": "x".repeat(70_000) }),
      { name: "a", content: "a" },
    ]);
    const notices: string[] = [];
    const onEvent = (event: TransferEvent) => void (event.type === "notice" && notices.push(event.message));
    await downloadFolder(store, "t", { directory: work.path("out"), onEvent });
    assert.equal(await Deno.readTextFile(work.path("out/a")), "a");
    assert.deepEqual(notices, ["not restored: 1 extended attribute: the file system does not take them"]);
  },
);

Deno.test("a number that no user has is not cut to one that a user has", asRoot, async () => {
  await using work = await makeWorkspace();
  using store = openBox(work);
  for (const [index, id] of ["4294967296", "4294967295"].entries()) {
    await putFolder(store, `t${index}`, [paxOf({ uid: id }), { name: "a", content: "a", mode: 0o4755 }]);
    const options = { directory: work.path("out"), sameOwner: true };
    await assert.rejects(downloadFolder(store, `t${index}`, options), NotAllowedError);
    assert.equal(await work.has("out"), false);
  }
});

Deno.test("small files that lie between larger ones are fetched without them", async () => {
  await using work = await makeWorkspace();
  await Deno.mkdir(work.path("in"));
  for (let number = 0; number < 20; number++) {
    await Deno.writeFile(work.path(`in/${number}.jpg`), someBytes(100_000));
    await Deno.writeTextFile(work.path(`in/${number}.xmp`), `sidecar ${number}`);
  }
  using store = openBox(work);
  await uploadFolder(store, "t", { directory: work.path("in") });
  let fetched = 0;
  const onEvent = (event: TransferEvent) => void (event.type === "progress" && (fetched += event.bytes));
  const { written } = await downloadFolder(store, "t", {
    directory: work.path("out"),
    paths: ["*.xmp"],
    onEvent,
  });
  assert.equal(written, 20);
  assert.ok(fetched < 100_000, `${fetched} bytes`);
});

Deno.test("a table that gives a small file all of a large pack has only a part of it fetched", () => {
  const row = { type: "reg", name: "a", size: 1, chunkDigest: digestOf(new Uint8Array(1)) };
  const json = new TextEncoder().encode(JSON.stringify({ version: 1, entries: [row] }));
  const fetched = Array.from(packedEntries(json, 2 ** 40), ({ pieces }) => pieces[0]!.end - pieces[0]!.start);
  assert.ok(fetched.length === 1 && fetched[0]! <= 128 * 1024 * 1024, `${fetched} bytes`);
});

Deno.test("a table that is empty or cut off does not pass for that of a pack without files", () => {
  const json = new TextEncoder().encode(JSON.stringify({ version: 1, entries: [] }));
  assert.deepEqual(Array.from(packedEntries(json, 0)), []);
  for (const end of [0, json.length - 1]) {
    assert.throws(() => Array.from(packedEntries(json.subarray(0, end), 0)), MismatchError);
  }
});

Deno.test("what is read in ranges that no digest proves is said to be not verified", async () => {
  await using work = await makeWorkspace();
  using store = openBox(work);
  const note = { version: 1, kind: "folder", files: 2, size: 2_000_000 };
  const large = new Uint8Array(2_000_000);
  const bytes = tarOf([{ name: "a", content: large }, { name: "b", content: large }]);
  await putImage(store, "t", [{ bytes }], { layerstash: note });
  assert.ok((await downloadFolder(store, "t", { directory: work.path("new") })).verified);
  const { written, kept, verified } = await downloadFolder(store, "t", { directory: work.path("new") });
  assert.deepEqual([written, kept, verified], [0, 2, false]); // the names were read, and no more of the layer
});

Deno.test("of a folder that comes back each file is counted once, whatever was there", async () => {
  await using work = await makeWorkspace();
  await Deno.mkdir(work.path("in/a"), { recursive: true });
  for (const name of ["one", "two", "a/three"]) await Deno.writeTextFile(work.path(`in/${name}`), name);
  await Deno.writeFile(work.path("in/large"), someBytes(9_000_000)); // in three pieces, and in as many segments
  using store = openBox(work);
  await uploadFolder(store, "t", { directory: work.path("in") });
  for (const missing of ["a/three", "one", "large"]) {
    let [planned, counted] = [0, 0];
    const onEvent = (event: TransferEvent) => {
      if (event.type === "plan") planned = event.files ?? 0;
      if (event.type === "files") counted += event.count;
    };
    await downloadFolder(store, "t", { directory: work.path("out"), onEvent });
    assert.deepEqual([planned, counted], [4, 4]);
    await Deno.remove(work.path(`out/${missing}`));
  }
});
