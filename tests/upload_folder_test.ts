/** Directories are stored as images that everybody reads, and only what has changed is read and sent. @module */
import assert from "node:assert/strict";
import { digestOf } from "../lib/oci/digest.ts";
import type { Descriptor } from "../lib/oci/descriptor.ts";
import { readImageManifest } from "../lib/oci/manifest.ts";
import type { TransferEvent } from "../lib/events.ts";
import { downloadFolder } from "../lib/folders/download_folder.ts";
import { openDisk } from "../lib/folders/open_disk.ts";
import { uploadFolder, type UploadFolderOptions } from "../lib/folders/upload_folder.ts";
import { walkFolder } from "../lib/folders/walk.ts";
import { ConflictError, InvalidInputError, MismatchError } from "../lib/errors.ts";
import { shellWord } from "../lib/messages.ts";
import type { Store } from "../lib/store/store.ts";
import { openStore } from "../main.ts";
import { makeWorkspace, someBytes, type Workspace } from "./rigs/content.ts";
import { ensureGnuTar, ensureTool } from "./rigs/debian.ts";
import { folderState, makeOddFolder } from "./rigs/folders.ts";
import { countReads } from "./rigs/folder_reads.ts";
import { blobFile, putImage } from "./rigs/images.ts";
import { stargzJudge } from "./rigs/stargz_judge.ts";
import { oddDisk } from "./rigs/odd_disk.ts";
import { testOnEachStore } from "./rigs/stores.ts";
import { onLinux } from "./rigs/system.ts";
import { runProgram } from "./rigs/tar.ts";

const linux = onLinux("names and times as Linux has them");
const withPython = { ignore: linux.ignore || !await ensureTool("python3", "python3") };
const withUmoci = { ignore: withPython.ignore || !await ensureTool("umoci", "umoci") };
const withTar = { ignore: withPython.ignore || !await ensureGnuTar() };
const judge = linux.ignore ? undefined : await stargzJudge();

const openBox = (work: Workspace, name = "box"): Store =>
  openStore({ registry: `oci:${work.path(name)}`, repository: "me/files" });

/** Uploads, and tells which blobs were sent. */
async function upload(store: Store, options: UploadFolderOptions) {
  const events: TransferEvent[] = [];
  const result = await uploadFolder(store, "t", { ...options, onEvent: (event) => events.push(event) });
  return {
    ...result,
    events,
    sentBlobs: events.filter((each) => each.type === "blob" && each.state === "sent"),
  };
}

async function layersOf(store: Store) {
  return readImageManifest((await store.manifest("t"))!).layers;
}

/** A directory with many small files, which take several packs of 1 MiB. */
async function makeManyFiles(directory: string, count = 1000): Promise<void> {
  for (let index = 0; index < count; index++) {
    const inside = `${directory}/d${index % 10}`;
    if (index < 10) await Deno.mkdir(inside, { recursive: true });
    await Deno.writeTextFile(`${inside}/file-${index}`, `content ${index}\n`.repeat(20));
  }
}

const PACK = 1024 * 1024;

Deno.test(
  "umoci unpacks a folder to what it was, with names that are not UTF-8, links and times",
  withUmoci,
  async () => {
    await using work = await makeWorkspace();
    await makeOddFolder(work.path("in"));
    using store = openBox(work);
    const { events, files } = await upload(store, { directory: work.path("in"), packSize: PACK });
    assert.deepEqual(events.filter((each) => each.type === "notice"), [
      { type: "notice", message: "pipe is not stored: it is a pipe" },
    ]);
    assert.equal(files, 22);
    assert.ok((await layersOf(store)).length > 3);
    const image = `${work.path("box")}/me/files:t`;
    await runProgram("umoci", ["unpack", "--rootless", "--image", image, work.path("out")]);
    assert.deepEqual(await folderState(work.path("out/rootfs")), await folderState(work.path("in")));
    const [one, other] = ["b-first", "zz-second"].map((name) =>
      Deno.statSync(work.path(`out/rootfs/${name}`)).ino
    );
    assert.equal(one, other);
  },
);

Deno.test("GNU tar unpacks the layers, one after the other, to what the folder was", withTar, async () => {
  await using work = await makeWorkspace();
  await makeOddFolder(work.path("in"));
  using store = openBox(work);
  await upload(store, { directory: work.path("in"), packSize: PACK });
  await Deno.mkdir(work.path("out"));
  for (const layer of await layersOf(store)) {
    const file = blobFile(`${work.path("box")}/me/files`, layer);
    await runProgram("tar", ["xzpf", file, "--overwrite", "-C", work.path("out")]);
  }
  assert.deepEqual(await folderState(work.path("out")), await folderState(work.path("in")));
});

Deno.test("the estargz package verifies every layer, to the last piece", { ignore: !judge }, async () => {
  await using work = await makeWorkspace();
  await makeOddFolder(work.path("in"));
  using store = openBox(work);
  await upload(store, { directory: work.path("in"), packSize: PACK });
  const verified: string[] = [];
  for (const layer of await layersOf(store)) {
    const table = layer.annotations!["containerd.io/snapshot/stargz/toc.digest"]!;
    const said = await runProgram(judge!, [blobFile(`${work.path("box")}/me/files`, layer), table]);
    verified.push(...new TextDecoder().decode(said).split("\n"));
  }
  assert.ok(verified.includes("film 10000000"), "a file in several pieces");
  assert.ok(verified.includes("grün/über.txt 26"));
  assert.ok(verified.includes("zeros 9000000"));
});

Deno.test(
  "the config's digests are those of the archives, and stored bytes that gain nothing stay as they are",
  withTar,
  async () => {
    await using work = await makeWorkspace();
    await Deno.mkdir(work.path("in"));
    await Deno.writeFile(work.path("in/film"), someBytes(5_000_000));
    await Deno.writeFile(work.path("in/zeros"), new Uint8Array(50_000_000));
    using store = openBox(work);
    await upload(store, { directory: work.path("in"), packSize: PACK });
    const manifest = readImageManifest((await store.manifest("t"))!);
    const config = JSON.parse(await new Response(await store.read(manifest.config.digest)).text());
    const layers = await layersOf(store);
    const archives = await Promise.all(layers.map(async (layer) => {
      const bytes = await runProgram("gzip", ["-dc", blobFile(`${work.path("box")}/me/files`, layer)]);
      assert.equal(layer.annotations!["io.containers.estargz.uncompressed-size"], `${bytes.length}`);
      return digestOf(bytes);
    }));
    assert.deepEqual(config.rootfs.diff_ids, archives);
    assert.deepEqual(config.history, layers.map(() => ({ created_by: "layerstash upload" })));
    const [film, zeros] = layers.map(({ size }) => size).toSorted((one, other) => other - one);
    assert.ok(film! < 5_010_000, `${film} bytes`);
    assert.ok(zeros! < 60_000, `${zeros} bytes`);
  },
);

/** Sets extended attributes of a directory and a file in it; fails where the file system takes none. */
const SET_ATTRIBUTES = `
import os, sys
os.chdir(sys.argv[1])
os.makedirs("d")
open("d/file", "w").write("x" * 100)
open("plain", "w").write("y")
os.setxattr("d", b"user.kind", b"photos")
os.setxattr("d/file", b"user.a=b%", bytes(range(256)))
os.setxattr("d/file", b"user.z", "grün\\n".encode())
`;

/** What extended attributes there are, by the paths. */
const LIST_ATTRIBUTES = `
import os, sys
os.chdir(sys.argv[1])
for path in ["d", "d/file", "plain"]:
    print(path, sorted((name, os.getxattr(path, name)) for name in os.listxattr(path) if name.startswith("user.")))
`;

async function attributesIn(directory: string): Promise<string> {
  return new TextDecoder().decode(await runProgram("python3", ["-c", LIST_ATTRIBUTES, directory]));
}

Deno.test("extended attributes are stored, for GNU tar and for download", withTar, async () => {
  await using work = await makeWorkspace();
  await Deno.mkdir(work.path("in"));
  await runProgram("python3", ["-c", SET_ATTRIBUTES, work.path("in")]);
  using store = openBox(work);
  const options = { directory: work.path("in"), stateDirectory: work.path("state"), overwrite: true };
  await upload(store, options);
  await Deno.mkdir(work.path("out"));
  for (const layer of await layersOf(store)) {
    const file = blobFile(`${work.path("box")}/me/files`, layer);
    await runProgram("tar", ["xzf", file, "--xattrs", "--overwrite", "-C", work.path("out")]);
  }
  const stored = await attributesIn(work.path("in"));
  assert.match(stored, /photos/);
  assert.equal(await attributesIn(work.path("out")), stored);
  await downloadFolder(store, "t", { directory: work.path("back") });
  assert.equal(await attributesIn(work.path("back")), stored);
  const change = (path: string) => ["-c", `import os; os.setxattr("${work.path(path)}", b"user.kind", b"2")`];
  for (const path of ["in/d", "in/plain"]) {
    await runProgram("python3", change(path));
    assert.equal((await upload(store, options)).sent, 1, `${path} has another attribute`);
  }
});

Deno.test(
  "two clones give the same digests, in whatever order their files were made, under whatever umask",
  withPython,
  async () => {
    await using work = await makeWorkspace();
    await makeOddFolder(work.path("one"));
    await makeOddFolder(work.path("other"), { order: "backwards" });
    using one = openBox(work, "box");
    using other = openBox(work, "second");
    const first = await upload(one, { directory: work.path("one"), packSize: PACK });
    const umask = Deno.umask(0o077);
    const second = await upload(other, { directory: work.path("other"), packSize: PACK, jobs: 1 });
    Deno.umask(umask);
    assert.equal(second.digest, first.digest);
  },
);

testOnEachStore("of a thousand files one changes: its pack is sent, and the directories", async (place) => {
  await using work = await makeWorkspace();
  await makeManyFiles(work.path("in"));
  using store = place.open();
  const options = {
    directory: work.path("in"),
    packSize: PACK,
    stateDirectory: work.path("state"),
    overwrite: true,
  };
  const first = await upload(store, options);
  assert.ok(first.sent > 5, `${first.sent} packs`);
  assert.equal(first.sentBlobs.length, first.layers);
  await Deno.writeTextFile(work.path("in/d3/file-123"), "changed");
  const second = await upload(store, options);
  assert.equal(second.sent, 1); // no directory has another time: the file was written in place
  await Deno.remove(work.path("in/d4/file-124"));
  const third = await upload(store, options);
  assert.equal(third.sent, 2);
  assert.equal(third.layers, first.layers);
});

Deno.test("a run with nothing changed reads no file", linux, async () => {
  await using work = await makeWorkspace();
  await Deno.mkdir(work.path("in"));
  for (let index = 0; index < 20; index++) {
    await Deno.writeFile(work.path(`in/${index}`), someBytes(PACK, index));
  }
  using store = openBox(work);
  const options = { directory: work.path("in"), packSize: 4 * PACK, stateDirectory: work.path("state") };
  const first = await upload(store, options);
  const step = { verb: "upload", registry: `oci:${work.path("box")}`, options } as const;
  const second = await countReads(step);
  assert.ok(second.read < PACK / 2, `${second.read} bytes were read`);
  assert.deepEqual([second.digest, second.sent], [first.digest, 0]);
  const third = await countReads({ ...step, options: { ...options, stateDirectory: work.path("other") } });
  assert.ok(third.read > 20 * PACK, "what reads is not counted");
});

Deno.test(
  "of ten thousand files one changes: its pack is read and sent, and nothing else",
  linux,
  async () => {
    await using work = await makeWorkspace();
    await makeManyFiles(work.path("in"), 10_000);
    using store = openBox(work);
    const options = {
      directory: work.path("in"),
      packSize: 4 * PACK,
      stateDirectory: work.path("state"),
      overwrite: true,
    };
    const first = await upload(store, options);
    assert.ok(first.layers > 8, `${first.layers} layers`);
    const largest = Math.max(...(await layersOf(store)).map(({ size }) => size));
    await Deno.writeTextFile(work.path("in/d7/file-4567"), "changed");
    const registry = `oci:${work.path("box")}`;
    const { read, least, ...second } = await countReads({ verb: "upload", registry, options });
    assert.deepEqual([first.files, second.sent], [10_000, 1]);
    assert.ok(second.sentSize! <= largest + 1000, `${second.sentSize} of at most ${largest} bytes`);
    assert.ok(second.sentFiles < 1100 && second.sentContent < first.size / 6, `${second.sentFiles} files`);
    // The journal and the manifest are read, too.
    assert.ok(read - least < second.sentContent + 1_500_000, `${read - least} of ${second.sentContent}`);
  },
);

Deno.test("a machine without a memory sends nothing that is stored, and says the same", async () => {
  await using work = await makeWorkspace();
  await makeManyFiles(work.path("in"));
  using store = openBox(work);
  const options = { directory: work.path("in"), packSize: PACK };
  const first = await upload(store, options);
  const second = await upload(store, options);
  assert.deepEqual([second.digest, second.sent, second.sentBlobs], [first.digest, 0, []]);
});

Deno.test("layers that somebody else passes off as packs of the folder are not believed", async () => {
  await using work = await makeWorkspace();
  const directories = { good: work.path("good"), evil: work.path("evil"), back: work.path("back") };
  for (const [directory, text] of [[directories.good, "good"], [directories.evil, "evil"]] as const) {
    await Deno.mkdir(directory);
    await Deno.writeTextFile(`${directory}/file`, text);
    await Deno.utime(directory, 1_600_000_000, 1_600_000_000);
  }
  using store = openBox(work);
  const configs: Record<string, Descriptor> = {};
  for (const tag of ["good", "evil"] as const) {
    await uploadFolder(store, tag, { directory: directories[tag] });
    configs[tag] = readImageManifest((await store.manifest(tag))!).config;
  }
  // The layers of one folder under the config of the other.
  const { layers } = readImageManifest((await store.manifest("evil"))!);
  const config = JSON.parse(
    await Deno.readTextFile(blobFile(work.path("box/me/files"), configs.good!)),
  );
  await putImage(store, "evil", layers, config);
  const { sent } = await uploadFolder(store, "evil", { directory: directories.good, overwrite: true });
  assert.equal(sent, 1); // the layer of directories is the same
  await downloadFolder(store, "evil", { directory: directories.back });
  assert.equal(await Deno.readTextFile(`${directories.back}/file`), "good");
});

Deno.test("what a tag holds is replaced when that is wanted only, and nothing is sent before", async () => {
  await using work = await makeWorkspace();
  await makeManyFiles(work.path("in"), 20);
  using store = openBox(work);
  const options = { directory: work.path("in"), stateDirectory: work.path("state") };
  const first = await upload(store, options);
  await Deno.writeTextFile(work.path("in/new"), "new");
  await assert.rejects(
    upload(store, options),
    (error) =>
      error instanceof ConflictError && error.message.startsWith("t holds a folder with other files"),
  );
  assert.equal(await store.resolve("t"), first.digest);
  const dry = await upload(store, { ...options, dryRun: true });
  assert.deepEqual([dry.sent, dry.digest, await store.resolve("t")], [2, undefined, first.digest]);
  const second = await upload(store, { ...options, overwrite: true });
  assert.equal(await store.resolve("t"), second.digest);
});

Deno.test("globs leave out files and directories, at any depth or from the top", async () => {
  await using work = await makeWorkspace();
  for (const path of ["node_modules/a", "src/node_modules/b", "src/keep", "build/c", "src/build/d"]) {
    await Deno.mkdir(work.path(`in/${path}`).replace(/\/[^/]*$/, ""), { recursive: true });
    await Deno.writeTextFile(work.path(`in/${path}`), path);
  }
  using store = openBox(work);
  const { files } = await upload(store, {
    directory: work.path("in"),
    exclude: ["node_modules", "/build", "*.tmp"],
  });
  assert.equal(files, 2); // src/keep, src/build/d
});

Deno.test("a name that means something else to an image is refused, with what to do", async () => {
  await using work = await makeWorkspace();
  using store = openBox(work);
  for (const name of [".wh.gone", "stargz.index.json"]) {
    await Deno.mkdir(work.path("in"));
    await Deno.writeTextFile(work.path(`in/${name}`), "x");
    await assert.rejects(
      upload(store, { directory: work.path("in") }),
      (error) =>
        error instanceof InvalidInputError && error.message.startsWith(`${name} cannot be stored`) &&
        error.hint?.includes("--exclude"),
    );
    await Deno.remove(work.path("in"), { recursive: true });
  }
  await assert.rejects(upload(store, { directory: await work.write("file", "x") }), /is not a directory/);
});

Deno.test("all names that an image cannot hold are told at once", async () => {
  await using work = await makeWorkspace();
  using store = openBox(work);
  await Deno.mkdir(work.path("in/sub"), { recursive: true });
  for (const name of [".wh.one", "sub/.wh.two", "stargz.index.json", "fine"]) {
    await Deno.writeTextFile(work.path(`in/${name}`), "x");
  }
  await assert.rejects(upload(store, { directory: work.path("in") }), {
    message:
      "3 paths cannot be stored in a folder under their names, which mean something else to an image: " +
      ".wh.one, stargz.index.json, sub/.wh.two",
    hint: "leave them out with --exclude, or rename them",
  });
});

testOnEachStore(
  "a layer that the store has lost is sent again unasked, and the folder is as it was",
  async (place) => {
    await using work = await makeWorkspace();
    await makeManyFiles(work.path("in"), 20);
    using store = place.open();
    for (const memory of [{ stateDirectory: work.path("state") }, {}]) {
      const options = { directory: work.path("in"), ...memory };
      const first = await upload(store, options);
      await store.remove((await layersOf(store))[0]!.digest);
      const second = await upload(store, options);
      assert.deepEqual([second.sent, second.digest], [1, first.digest]);
      await downloadFolder(store, "t", { directory: work.path("back") });
      await Deno.remove(work.path("back"), { recursive: true });
    }
  },
);

Deno.test("files and their bytes are counted while they are stored, and to the last where layers are there", async () => {
  await using work = await makeWorkspace();
  await makeManyFiles(work.path("in"), 2500);
  await Deno.writeFile(work.path("in/film"), someBytes(20_000_000));
  using store = openBox(work);
  const options = { directory: work.path("in"), stateDirectory: work.path("state") };
  for (const memory of [options, options, { directory: work.path("in") }]) {
    const { events, files, size } = await upload(store, memory);
    const plan = events.find((each) => each.type === "plan");
    assert.deepEqual([plan?.files, plan?.content], [files, size]);
    const counts = events.filter((each) => each.type === "files");
    assert.equal(counts.reduce((sum, { count }) => sum + count, 0), files);
    assert.equal(counts.reduce((sum, { bytes = 0 }) => sum + bytes, 0), size);
    if (memory !== options || events.some((each) => each.type === "blob" && each.state === "sent")) {
      assert.ok(counts.length >= 6, `${counts.length} times`);
    }
  }
});

Deno.test("files whose numbers are unknown or too large to be told apart are not taken for one file", async () => {
  await using work = await makeWorkspace();
  for (const name of ["one", "other"]) await Deno.writeTextFile(work.path(name), name);
  using disk = openDisk();
  const foundWith = async (inodeOf: (path: string) => number | bigint) => {
    const odd = oddDisk(disk, (entry, path) => ({ ...entry, links: 2, inode: inodeOf(path) }));
    const { files, links } = await walkFolder(work.path(""), { disk: odd });
    return [files.length, links.length];
  };
  assert.deepEqual(await foundWith(() => Number(2n ** 62n + 1n)), [2, 0]);
  assert.deepEqual(await foundWith(() => 0), [2, 0]);
  assert.deepEqual(await foundWith((path) => 2n ** 62n + (path.endsWith("one") ? 1n : 2n)), [2, 0]);
  assert.deepEqual(await foundWith(() => 2n ** 62n + 1n), [1, 1]);
});

Deno.test("a time that no table of contents can have is refused, and its file named", async () => {
  await using work = await makeWorkspace();
  await Deno.writeTextFile(work.path("late"), "");
  for (const seconds of [9e12, -9e12]) {
    using disk = oddDisk(
      openDisk(),
      (entry, path) => ({ ...entry, ...(path.endsWith("late") && { seconds }) }),
    );
    const options = { disk };
    await assert.rejects(walkFolder(work.path(""), options), {
      name: "InvalidInputError",
      message: "late was modified at a time too far from now to be stored",
      hint: `give it another time, as in: touch ${shellWord(`${work.path("")}/late`)}`,
    });
    assert.equal(
      (await walkFolder(work.path(""), { ...options, isForeign: true })).count,
      1,
      "only compared",
    );
  }
});

Deno.test("a file that changes while it is read ends the upload, and the tag is not put", linux, async () => {
  await using work = await makeWorkspace();
  await makeManyFiles(work.path("in"), 2000);
  using store = openBox(work);
  const writing = setInterval(() => {
    for (let index = 0; index < 2000; index += 50) {
      Deno.writeTextFileSync(work.path(`in/d${index % 10}/file-${index}`), `${Math.random()}`);
    }
  }, 1);
  try {
    await assert.rejects(
      upload(store, { directory: work.path("in") }),
      (error) =>
        error instanceof MismatchError &&
        /was (changed|replaced) while the folder was stored/.test(error.message),
    );
  } finally {
    clearInterval(writing);
  }
  assert.equal(await store.resolve("t"), undefined);
});

for (
  const [what, replace] of [
    ["a pipe, which nobody writes to", (path: string) => runProgram("mkfifo", [path])],
    ["a link to another file", (path: string) => Deno.symlink("/etc/passwd", path)],
    ["another file", (path: string) => Deno.rename(`${path}.new`, path)],
  ] as const
) {
  Deno.test(
    `a file in whose place is ${what} when it is to be read is not stored, and named`,
    linux,
    async () => {
      await using work = await makeWorkspace();
      await Deno.mkdir(work.path("in"));
      for (const name of ["one", "one.new"]) {
        await Deno.writeTextFile(work.path(`in/${name}`), "1".repeat(100));
      }
      using store = openBox(work);
      const planned = Promise.withResolvers<void>();
      const storing = uploadFolder(store, "t", {
        directory: work.path("in"),
        onEvent: ({ type }) => type === "plan" && planned.resolve(),
      });
      await Promise.race([planned.promise, storing]);
      await Deno.remove(work.path("in/one"));
      await replace(work.path("in/one"));
      await assert.rejects(
        storing,
        (error) => error instanceof MismatchError && /^one was replaced while/.test(error.message),
      );
      assert.equal(await store.resolve("t"), undefined);
    },
  );
}
