/** Files taken out of images: equal to what umoci unpacks, in bytes, modes, links and times. @module */
import assert from "node:assert/strict";
import { basename } from "node:path";
import { makeStagingDirectory } from "../lib/images/staging_directory.ts";
import {
  extract,
  type ExtractOptions,
  findImage,
  ImageFiles,
  openImage,
  pathPattern,
  readImageFile,
  survey,
} from "../lib/exports/images.ts";
import { makeWorkplace } from "./rigs/command_line.ts";
import { concatenate, makeWorkspace, someBytes } from "./rigs/content.ts";
import { ensureTool } from "./rigs/debian.ts";
import { gzip, type MadeImage, makeImage, makeUmociLayout, putImage, treeState } from "./rigs/images.ts";
import { failure } from "./rigs/opened.ts";
import { onPosix, POSIX, WITHOUT_RIGHTS } from "./rigs/system.ts";
import { estargzOf, zstdChunkedOf } from "./rigs/toc_layers.ts";
import { paxOf, type TarFile, tarOf } from "./rigs/tar.ts";

const ignore = !await ensureTool("umoci", "umoci");

Deno.test("a whole image is extracted as umoci unpacks it", { ignore }, async () => {
  await using work = await makeWorkspace();
  const { layout, rootfs } = await makeUmociLayout(work, [
    async (root) => {
      await Deno.mkdir(`${root}/usr/bin`, { recursive: true });
      await Deno.mkdir(`${root}/etc/sub`, { recursive: true });
      await Deno.writeFile(`${root}/usr/bin/tool`, someBytes(300_000), { mode: 0o755 });
      await Deno.link(`${root}/usr/bin/tool`, `${root}/usr/bin/another`);
      await Deno.symlink("usr/bin", `${root}/bin`);
      await Deno.symlink("/nowhere", `${root}/etc/dangling`);
      await Deno.writeTextFile(`${root}/etc/sub/gone`, "x");
      await Deno.writeTextFile(`${root}/etc/secret`, "x", { mode: 0o600 });
      await Deno.writeTextFile(`${root}/etc/readonly`, "x", { mode: 0o444 });
      await Deno.utime(`${root}/etc/secret`, 1_234_567_890, 1_234_567_890);
      using holes = await Deno.open(`${root}/holes`, { write: true, create: true });
      await holes.seek(3_000_000, Deno.SeekMode.Start);
      await holes.write(someBytes(100));
    },
    async (root) => {
      await Deno.remove(`${root}/etc/sub/gone`);
      await Deno.writeTextFile(`${root}/etc/new`, "new");
      await Deno.mkdir(`${root}/tmp`);
      await Deno.chmod(`${root}/tmp`, 0o1777);
      await Deno.mkdir(`${root}/closed/inner`, { recursive: true });
      await Deno.writeTextFile(`${root}/closed/inner/file`, "x");
      await Deno.chmod(`${root}/closed`, 0o555);
    },
  ]);
  using opened = openImage(`oci:${layout}:t`);
  const { layers } = await findImage(opened.store, opened.reference);
  await extract(new ImageFiles(opened.store, layers), ["/"], { directory: work.path("out") });
  const state = await treeState(work.path("out"));
  assert.deepEqual(state, await treeState(rootfs));
  assert.equal(state.length, 17);
});

const FILES: TarFile[] = [
  { name: "etc/", flag: "5", mode: 0o750 },
  { name: "etc/conf.d/", flag: "5" },
  { name: "etc/conf.d/a.conf", content: "a", modified: 1_000_000_000 },
  { name: "etc/conf.d/b.conf", content: "b" },
  { name: "etc/conf.d/b.txt", content: "no" },
  { name: "usr/bin/", flag: "5" },
  { name: "usr/bin/tool", content: someBytes(100_000), mode: 0o4755 },
  { name: "usr/bin/alias", flag: "1", target: "usr/bin/tool" },
  { name: "bin", flag: "2", target: "usr/bin" },
  { name: "current", flag: "2", target: "bin/tool" },
  { name: "dev/null", flag: "3", device: [1, 3] },
  { name: "nowhere", flag: "2", target: "missing" },
];

async function extracted(
  image: MadeImage,
  paths: string[],
  options: Partial<ExtractOptions> = {},
): Promise<string[]> {
  const directory = image.work.path("out");
  const { onEvent: _, ...rest } = options;
  await extract(await image.files(), paths, {
    directory,
    onEvent: (event) => void (event.type === "notice" && image.notices.push(event.message)),
    ...rest,
  });
  const lines = await treeState(directory);
  return lines.map((line) => line.split("|")[0]!).filter((path) => path.startsWith(".")).sort();
}

Deno.test("a file, a directory and a glob go to their own paths", async () => {
  await using image = await makeImage([await gzip(tarOf(FILES))]);
  assert.deepEqual(await extracted(image, ["etc/conf.d/a.conf"]), [
    ".",
    "./etc",
    "./etc/conf.d",
    "./etc/conf.d/a.conf",
  ]);
  assert.equal(
    (await Deno.stat(image.work.path("out/etc/conf.d/a.conf"))).mtime?.getTime(),
    1_000_000_000_000,
  );
  const paths = await extracted(image, ["**/*.conf", "/usr"], { overwrite: true });
  assert.deepEqual(paths.filter((path) => /\.(conf|txt)$|bin/.test(path)), [
    "./etc/conf.d/a.conf",
    "./etc/conf.d/b.conf",
    "./usr/bin",
    "./usr/bin/alias",
    "./usr/bin/tool",
  ]);
  const [tool, alias] = await Promise.all(
    ["tool", "alias"].map((name) => Deno.stat(image.work.path(`out/usr/bin/${name}`))),
  );
  assert.equal(tool!.ino, alias!.ino);
  assert.match(image.notices.join(), /set-user-ID and set-group-ID bits of 1 file were not set/);
});

Deno.test(
  "set-id bits that are not set are told of, of files and of directories",
  onPosix("file modes"),
  async () => {
    const [file, directory] = [{ name: "f", mode: 0o4755 }, { name: "d/", flag: "5", mode: 0o2775 }];
    for (
      const [files, which] of [[[file], "1 file"], [[directory], "1 directory"], [
        [file, directory],
        "1 file and 1 directory",
      ]] as const
    ) {
      await using image = await makeImage([tarOf(files)]);
      await extracted(image, ["/"]);
      assert.ok(image.notices.includes(`set-user-ID and set-group-ID bits of ${which} were not set`));
    }
  },
);

Deno.test("a mode is that of the image, without set-id bits", onPosix("file modes"), async () => {
  await using image = await makeImage([await gzip(tarOf(FILES))]);
  await extracted(image, ["etc/conf.d/a.conf", "usr"]);
  const modeOf = async (name: string) => (await Deno.stat(image.work.path(name))).mode! & 0o7777;
  assert.equal(await modeOf("out/usr/bin/tool"), 0o755);
  assert.equal(await modeOf("out/etc"), 0o755, "the directory was not asked for");
});

Deno.test("a path that leads over a link is found where the link leads", async () => {
  await using image = await makeImage([await gzip(tarOf(FILES))]);
  assert.ok((await extracted(image, ["/bin/alias"])).includes("./usr/bin/alias"));
  assert.deepEqual(await Deno.readFile(image.work.path("out/usr/bin/alias")), someBytes(100_000));
});

Deno.test("a path that means nothing is an error, and nothing is made", async () => {
  await using image = await makeImage([tarOf(FILES)]);
  await assert.rejects(extracted(image, ["etc", "missing"]), /there is no missing in the image/);
  assert.equal(await image.work.has("out"), false);
});

Deno.test("what is there is not replaced unless that is asked for, and nothing is changed before", async () => {
  await using image = await makeImage([tarOf(FILES)]);
  await Deno.mkdir(image.work.path("out/etc/conf.d"), { recursive: true });
  await image.work.write("out/etc/conf.d/b.conf", "mine");
  await assert.rejects(extracted(image, ["etc"]), /b\.conf already exists/);
  assert.deepEqual(Array.from(Deno.readDirSync(image.work.path("out/etc/conf.d")), ({ name }) => name), [
    "b.conf",
  ]);
  await extracted(image, ["etc"], { overwrite: true });
  assert.equal(await Deno.readTextFile(image.work.path("out/etc/conf.d/b.conf")), "b");
  await Deno.remove(image.work.path("out/etc/conf.d/b.txt"));
  await Deno.mkdir(image.work.path("out/etc/conf.d/b.txt"));
  await assert.rejects(extracted(image, ["etc"], { overwrite: true }), /b\.txt already exists/);
});

Deno.test("devices are left out, and told of", async () => {
  await using image = await makeImage([tarOf(FILES)]);
  assert.deepEqual(await extracted(image, ["dev"]), [".", "./dev"]);
  assert.match(image.notices.join(), /1 entry skipped.*dev\/null/);
});

Deno.test("what is not extracted is told to the channel of the image's files where the call has none", async () => {
  await using image = await makeImage([tarOf(FILES)]);
  await extract(await image.files(), ["dev"], { directory: image.work.path("out") });
  assert.match(image.notices.join(), /1 entry skipped.*dev\/null/);
});

Deno.test("hard links to what is not there are left out, and told of by themselves", async () => {
  const links = ["gone", "../../etc/passwd", "a", "b"].map((target, index) => ({
    name: `link${index}`,
    flag: "1",
    target,
  }));
  await using image = await makeImage([tarOf([...FILES, ...links])]);
  await extracted(image, ["/"]);
  await assert.rejects(readImageFile(await image.files(), "link0", { write: () => {} }), {
    name: "NotFoundError",
    message: "link0 is a hard link whose target is not in the image",
  });
  assert.match(image.notices.join("\n"), /^1 entry skipped, because only files.* are extracted: dev\/null$/m);
  assert.match(
    image.notices.join("\n"),
    /^4 hard links skipped, because the target is not in the image: link0, link1, link2, \.\.\.$/m,
  );
});

Deno.test("with a slash at its end a link means the directory that it leads to", async () => {
  const links = [{ name: "root", flag: "2", target: "/" }, { name: "up", flag: "2", target: "usr/bin/.." }];
  await using image = await makeImage([await gzip(tarOf([...FILES, ...links]))]);
  assert.deepEqual(await extracted(image, ["bin"]), [".", "./bin"]);
  const read = async (path: string) => {
    const { entries } = await survey(await image.files(), [await pathPattern(path)]);
    return entries.map(({ path }) => path);
  };
  assert.deepEqual(await read("bin/"), ["usr/bin", "usr/bin/alias", "usr/bin/tool"]);
  assert.deepEqual(await read("/bin/."), await read("bin/"));
  assert.deepEqual(await read("up/"), ["usr", ...await read("bin/")]);
  assert.deepEqual(await read("root/"), await read("/"));
  assert.deepEqual(await read("current/"), ["current"], "it leads to a file");
  assert.deepEqual(await read("nowhere/"), ["nowhere"]);
  assert.deepEqual(await read("etc/conf.d/a.conf/"), ["etc/conf.d/a.conf"]);
  assert.ok((await extracted(image, ["bin/"])).includes("./usr/bin/tool"));
  assert.deepEqual(await Deno.readFile(image.work.path("out/usr/bin/tool")), someBytes(100_000));
});

Deno.test("a search shows files with bytes of their own, and no whiteouts", async () => {
  const below = tarOf([{ name: "etc/", flag: "5" }, { name: "etc/old" }, {
    name: "etc/file",
    content: "file",
  }]);
  const above = tarOf([{ name: "etc/.wh.old" }, { name: "etc/.wh..wh..opq" }, { name: "etc/new" }, {
    name: "etc/same",
    flag: "1",
    target: "etc/new",
  }]);
  await using image = await makeImage([{ bytes: below }, { bytes: above }]);
  const shown: string[] = [];
  await survey(await image.files(), [await pathPattern("etc")], {
    visit: ({ path }) => Promise.resolve(void shown.push(path)),
  });
  assert.deepEqual(shown, ["etc/new"]);
});

Deno.test("where nothing is found it is said what a name may have meant", async () => {
  await using image = await makeImage([tarOf(FILES), tarOf([{ name: "etc/.wh.gone" }])]);
  const hint = async (path: string) => (await failure(extracted(image, [path]))).hint;
  assert.match(
    (await hint("*.conf"))!,
    /^\*\.conf matches in \/ only: use \*\*\/\*\.conf for any directory$/,
  );
  assert.equal(await hint("usr/*.conf"), undefined);
  assert.equal(await hint("missing"), undefined);
  assert.match((await hint("etc/.wh.gone"))!, /^whiteouts mark what a layer removes, and are not extracted;/);
});

Deno.test("bytes of a file go to a stream, over links, with the holes", async () => {
  const holes = [paxOf({ "GNU.sparse.size": "200000", "GNU.sparse.map": "100000,3" }), {
    name: "holes",
    content: "abc",
  }];
  await using image = await makeImage([await gzip(tarOf([...FILES, ...holes]))]);
  const read = async (path: string) => {
    const pieces: Uint8Array[] = [];
    await readImageFile(await image.files(), path, { write: (bytes) => void pieces.push(bytes.slice()) });
    return concatenate(pieces);
  };
  assert.deepEqual(await read("usr/bin/tool"), someBytes(100_000));
  assert.deepEqual(await read("/bin/alias"), someBytes(100_000));
  assert.deepEqual(await read("current"), someBytes(100_000));
  const expected = new Uint8Array(200_000);
  expected.set([97, 98, 99], 100_000);
  assert.deepEqual(await read("holes"), expected);
  await assert.rejects(read("etc"), /etc is a directory, not a file/);
  await assert.rejects(read("nowhere"), /is a broken link: its target is not in/);
  await assert.rejects(read("missing"), /there is no missing/);
  await assert.rejects(read("*"), /may match several files/);
});

Deno.test("nothing is written to a stream of a file that is larger than it may be", async () => {
  const huge = [paxOf({ "GNU.sparse.size": `${2 ** 42}`, "GNU.sparse.map": "0,1" }), {
    name: "huge",
    content: "x",
  }];
  await using image = await makeImage([await gzip(tarOf([...FILES, ...huge]))]);
  const cases: [string, number | undefined][] = [["usr/bin/tool", 99_999], ["current", 99_999], [
    "huge",
    undefined,
  ]];
  for (const [path, maxSize] of cases) {
    let written = 0;
    const write = (bytes: Uint8Array) => void (written += bytes.length);
    const error = await failure(readImageFile(await image.files(), path, { write, maxSize }));
    assert.match(error.message, /has \d+ bytes, more than \d+$/);
    assert.match(error.hint!, /--max-size/);
    assert.equal(written, 0);
  }
  await readImageFile(await image.files(), "current", { write: () => {}, maxSize: 100_000 });
});

Deno.test("a hard link to a file of another layer, and one whose file is gone, are whole", async () => {
  const base = tarOf([{ name: "a", content: "of the base" }, { name: "b", content: "gone" }]);
  const top = tarOf([{ name: "c", flag: "1", target: "a" }, { name: "d", flag: "1", target: "b" }]);
  const last = tarOf([{ name: ".wh.b" }]);
  await using image = await makeImage([base, top, last]);
  await extracted(image, ["/"]);
  assert.equal(await Deno.readTextFile(image.work.path("out/c")), "of the base");
  assert.equal(await Deno.readTextFile(image.work.path("out/d")), "gone");
  assert.equal(await image.work.has("out/b"), false);
});

Deno.test("a layer by itself is extracted without what is below it", async () => {
  await using image = await makeImage([tarOf(FILES), tarOf([{ name: "etc/conf.d/new", content: "x" }])]);
  using opened = openImage(image.name);
  const { layers } = await findImage(opened.store, opened.reference);
  await extract(new ImageFiles(opened.store, [layers[1]!]), ["/"], {
    directory: image.work.path("one"),
  });
  const paths = (await treeState(image.work.path("one"))).map((line) => line.split("|")[0]);
  assert.deepEqual(paths.filter((path) => path!.startsWith(".")).sort(), [
    ".",
    "./etc",
    "./etc/conf.d",
    "./etc/conf.d/new",
  ]);
});

/** Puts other bytes in the place of a layer's. */
async function damage(image: MadeImage, packed: Uint8Array, at: number): Promise<void> {
  for await (const { name } of Deno.readDir(image.work.path("layout/blobs/sha256"))) {
    const path = image.work.path(`layout/blobs/sha256/${name}`);
    const bytes = await Deno.readFile(path);
    if (bytes.length !== packed.length) continue;
    bytes.set([bytes.at(at)! ^ 1], at < 0 ? bytes.length + at : at);
    await Deno.writeFile(path, bytes);
  }
}

Deno.test("bytes that are not those of the digest get no name", async () => {
  const packed = await gzip(tarOf(FILES));
  await using image = await makeImage([packed]);
  await damage(image, packed, -6); // in the checksum of gzip
  await assert.rejects(extracted(image, ["etc/conf.d/a.conf"], { whole: true }), /damaged|corrupted/);
  assert.equal(await image.work.has("out"), false);
});

for (const size of [10, 100_000, 3_000_000]) {
  Deno.test(`a layer with ${size} bytes that unpacks well, and is not the one of the digest, is refused`, async () => {
    const packed = await gzip(tarOf([...FILES, { name: "more", content: someBytes(size) }]));
    await using image = await makeImage([packed]);
    await damage(image, packed, 4); // in the time that a header of gzip has: it unpacks to the same
    for (const [path, options] of [["/", {}], ["etc/*.conf", {}], ["more", { whole: true }]] as const) {
      await assert.rejects(extracted(image, [path], options), /is corrupted: its bytes have another digest/);
      assert.equal(await image.work.has("out"), false);
    }
    const files = await image.files();
    await assert.rejects(files.merged(), /is corrupted: its bytes have another digest/);
    assert.equal(files.report.verified, false);
  });
}

Deno.test("what a killed extraction has left is removed, and that of a running one is not", async () => {
  await using image = await makeImage([await gzip(tarOf(FILES))]);
  const out = image.work.path("out");
  await Deno.mkdir(out);
  const abandoned = `${out}/.layerstash-extract-${crypto.randomUUID()}`;
  await Deno.writeTextFile(`${abandoned}.lock`, "", { mode: 0o600 });
  await Deno.mkdir(abandoned, { mode: 0o700 });
  await Deno.writeTextFile(`${abandoned}/0`, "half a file");
  const running = await makeStagingDirectory(out);
  await extracted(image, ["etc/conf.d/a.conf"]);
  const names = async () => (await Array.fromAsync(Deno.readDir(out), ({ name }) => name)).sort();
  const own = basename(running.path);
  assert.deepEqual(await names(), [own, `${own}.lock`, "etc"]);
  await running[Symbol.asyncDispose]();
  assert.deepEqual(await names(), ["etc"]);
});

Deno.test(
  "files of an image that are called as what an extraction leaves stay",
  onPosix("file modes"),
  async () => {
    const pairs: [lock: Partial<TarFile>, directory: Partial<TarFile>][] = [
      [{ content: "of the image", mode: 0o600 }, { mode: 0o700 }],
      [{ mode: 0o644 }, { mode: 0o700 }],
      [{ mode: 0o600 }, { mode: 0o755 }],
      [{ mode: 0o600, flag: "2", target: "motd" }, { mode: 0o700 }],
    ];
    const files = pairs.flatMap(([lock, directory]) => {
      const name = `.layerstash-extract-${crypto.randomUUID()}`;
      return [{ ...lock, name: `${name}.lock` }, { ...directory, name: `${name}/`, flag: "5" }, {
        name: `${name}/kept`,
        content: "kept",
      }];
    });
    await using image = await makeImage([await gzip(tarOf([{ name: "motd", content: "hello" }, ...files]))]);
    await extracted(image, [""]);
    await extracted(image, ["motd"], { overwrite: true });
    for (const { name } of files) assert.ok(await Deno.lstat(`${image.work.path("out")}/${name}`), name);
  },
);

Deno.test(
  "directories that were there before keep their modes, owners and times",
  onPosix("file modes"),
  async () => {
    await using place = await makeWorkplace();
    using opened = openImage(`oci:${place.path("box")}:t`);
    const open = tarOf([
      { name: "./", flag: "5", mode: 0o777 },
      { name: "./sub/", flag: "5", mode: 0o777 },
      { name: "./sub/new/", flag: "5", mode: 0o777 },
      { name: "./sub/new/f", content: "x" },
      { name: "./old/", flag: "5", mode: 0o777 },
    ]);
    await putImage(opened.store, "t", [{ bytes: open }]);
    const stateOf = async (name: string) => {
      const { mode, mtime } = await Deno.stat(place.path(name));
      return [(mode! & 0o7777).toString(8), mtime!.getTime()];
    };
    for (const more of [[], ["--overwrite"], ["--overwrite", "--same-owner"]]) {
      await Deno.mkdir(place.path("p/sub"), { recursive: true, mode: 0o700 });
      await Deno.mkdir(place.path("p/old"), { mode: 0o700 });
      const before = await stateOf("p/old");
      const { code, stderr } = await place.run(["extract", "oci:box:t", "/", "-o", "p", ...more]);
      assert.equal(code, 0, stderr);
      assert.deepEqual(await stateOf("p/old"), before);
      assert.deepEqual([(await stateOf("p"))[0], (await stateOf("p/sub"))[0]], ["700", "700"]);
      assert.deepEqual(await stateOf("p/sub/new"), ["777", 1_600_000_000_000], "it was made");
      await Deno.remove(place.path("p"), { recursive: true });
    }
    assert.equal((await place.run(["extract", "oci:box:t", "/", "-o", "p"])).code, 0);
    assert.deepEqual(
      await stateOf("p"),
      ["777", 1_600_000_000_000],
      "a target that is made is as the image has it",
    );
  },
);

Deno.test("who may not give files away is told so before anything is placed", onPosix("owners"), async () => {
  await using image = await makeImage([await gzip(tarOf(FILES))]);
  const { chown } = Deno;
  Deno.chown = () => Promise.reject(new Deno.errors.PermissionDenied("not the owner"));
  try {
    await assert.rejects(extracted(image, ["etc"], { sameOwner: true }), {
      name: "NotAllowedError",
      message: "--same-owner needs the rights of root: files cannot be given to 0:0",
      hint: "run it as root, or omit --same-owner: you then own the files",
    });
  } finally {
    Deno.chown = chown;
  }
  assert.equal(await image.work.has("out"), false);
});

Deno.test("an owner that no system has is refused, and not cut to another", onPosix("owners"), async () => {
  for (const uid of ["8589934592", "4294967295", "-1"]) {
    await using image = await makeImage([tarOf([paxOf({ uid }), { name: "a", content: "x" }])]);
    await assert.rejects(extracted(image, ["a"], { sameOwner: true }), {
      name: "NotAllowedError",
      message: `--same-owner cannot give files to ${uid}:0, which no system has`,
    });
    assert.equal(await image.work.has("out"), false);
    assert.ok((await extracted(image, ["a"])).includes("./a"));
  }
});

Deno.test("times before 1970 are kept, also those of links", onPosix("times of links"), async () => {
  const early = paxOf({ mtime: "-86400.5" });
  await using image = await makeImage([
    tarOf([early, { name: "d", flag: "5" }, early, { name: "f", content: "x" }, early, {
      name: "l",
      flag: "2",
      target: "f",
    }]),
  ]);
  await extracted(image, ["/"]);
  for (const [name, time] of [["d", -86_400_500], ["f", -86_400_500], ["l", -86_401_000]] as const) {
    assert.equal((await Deno.lstat(image.work.path(`out/${name}`))).mtime?.getTime(), time, name);
  }
});

Deno.test("a time beyond all measure does not stop an extraction", async () => {
  const times = ["9007199254740993", "-9007199254740993", "99999999999999999999", "253402300800"];
  const files = times.flatMap((mtime, index) => [paxOf({ mtime }), { name: `f${index}`, content: "x" }]);
  const links = [paxOf({ mtime: times[0]! }), { name: "link", flag: "2", target: "f0" }];
  await using image = await makeImage([tarOf([...files, ...(POSIX ? links : [])])]);
  assert.equal((await extracted(image, ["/"])).length, POSIX ? 6 : 5);
});

Deno.test("what may not be looked at is told of in plain words", onPosix("file modes"), async () => {
  await using place = await makeWorkplace();
  using opened = openImage(`oci:${place.path("box")}:t`);
  const closed = tarOf([{ name: "none/", flag: "5", mode: 0 }, { name: "none/z", content: "z" }]);
  await putImage(opened.store, "t", [{ bytes: closed }]);
  const args = ["extract", "oci:box:t", "/", "-o", "out"];
  const { code } = await place.run(args, { under: WITHOUT_RIGHTS });
  const again = await place.run(args, { under: WITHOUT_RIGHTS });
  await Deno.chmod(place.path("out/none"), 0o700);
  assert.deepEqual([code, again.code], [0, 4], again.stderr);
  assert.match(again.stderr, /: out\/none\/z cannot be written: permission denied\n$/);
});

/** More than a table of contents is worth, with a file whose place in the archive is the number of another's row. */
const LISTED: TarFile[] = [
  { name: "empty" },
  { name: "secret", content: "SECRET" },
  { name: "hard", flag: "1", target: "secret" },
  { name: "soft", flag: "2", target: "secret" },
  ...Array.from({ length: 600 }, (_, index) => ({ name: `file${index}`, content: `content ${index}` })),
  { name: "big", content: someBytes(400_000) },
];

for (const [format, make] of [["eStargz", estargzOf], ["zstd:chunked", zstdChunkedOf]] as const) {
  Deno.test(`what was found in the archive of a layer of ${format} is read from the archive, and verified`, async () => {
    await using image = await makeImage([await make(LISTED), tarOf([{ name: ".wh.secret" }])]);
    await extracted(image, ["/"]);
    assert.equal(await Deno.readTextFile(image.work.path("out/hard")), "SECRET");
    await using single = await makeImage([await make(LISTED)]);
    for (const path of ["secret", "soft", "hard"]) {
      const files = await single.files();
      const pieces: Uint8Array[] = [];
      await readImageFile(files, path, { whole: true, write: (bytes) => void pieces.push(bytes.slice()) });
      assert.equal(new TextDecoder().decode(concatenate(pieces)), "SECRET", path);
      assert.equal(files.report.verified, true, path);
    }
  });
}

Deno.test("a table of contents proves no bytes that it has no digest for", async () => {
  for (const digests of [true, false]) {
    await using image = await makeImage([await estargzOf(LISTED, { digests })]);
    const files = await image.files();
    await readImageFile(files, "secret", { write: () => {} });
    assert.deepEqual([files.report.byTable, files.report.verified], [digests, false]);
  }
});

Deno.test({
  name: "with --same-owner root gives every file, directory and link to its owner, with the set-ID bits",
  ignore: onPosix("owners").ignore || Deno.uid() !== 0,
  async fn() {
    const owned = paxOf({ uid: "1234", gid: "2345" });
    const tar = tarOf([
      ...[owned, { name: "d/", flag: "5", mode: 0o2750 }],
      ...[paxOf({ uid: "1", gid: "2" }), { name: "d/tool", content: "x", mode: 0o6755 }],
      { name: "d/again", flag: "1", target: "d/tool" },
      ...[owned, { name: "link", flag: "2", target: "d/tool" }],
      { name: "mine", content: "y" },
    ]);
    const stateOf = async (path: string) => {
      const { uid, gid, mode } = await Deno.lstat(path);
      return [uid, gid, (mode! & 0o7777).toString(8)];
    };
    for (const sameOwner of [true, false]) {
      await using image = await makeImage([await gzip(tar)]);
      await extracted(image, ["/"], { sameOwner });
      const at = (name: string) => stateOf(image.work.path(`out/${name}`));
      const [uid, gid] = [Deno.uid(), Deno.gid()];
      assert.deepEqual(await at("d"), sameOwner ? [1234, 2345, "2750"] : [uid, gid, "750"]);
      assert.deepEqual(await at("d/tool"), sameOwner ? [1, 2, "6755"] : [uid, gid, "755"]);
      assert.deepEqual(await at("d/again"), await at("d/tool"));
      assert.deepEqual((await at("link")).slice(0, 2), sameOwner ? [1234, 2345] : [uid, gid]);
      assert.deepEqual((await at("mine")).slice(0, 2), [0, 0]);
    }
  },
});

Deno.test("an image of which nothing is left is extracted, and makes no directory", async () => {
  // The layer has a file, and after it a pipe in the place of its directory. Pipes are skipped.
  await using image = await makeImage([tarOf([{ name: "a/b" }, { name: "a", flag: "6" }])]);
  const directory = image.work.path("out");
  const { entries } = await extract(await image.files(), ["/"], { directory });
  assert.deepEqual(entries, []);
  await assert.rejects(Deno.lstat(directory), Deno.errors.NotFound);
});

Deno.test("a file that comes to a place while an extraction runs is not replaced", async () => {
  await using image = await makeImage([await gzip(tarOf(FILES))]);
  const path = image.work.path("out/etc/conf.d/a.conf");
  await Deno.mkdir(image.work.path("out/etc/conf.d"), { recursive: true });
  const { linkSync } = Deno;
  Deno.linkSync = (from, to) => {
    if (to === path) Deno.writeTextFileSync(path, "somebody else's");
    linkSync(from, to);
  };
  try {
    await assert.rejects(extracted(image, ["etc"]), {
      name: "ConflictError",
      message: `${path} already exists`,
    });
  } finally {
    Deno.linkSync = linkSync;
  }
  assert.equal(await Deno.readTextFile(path), "somebody else's");
});

Deno.test("a directory or link that comes to a place while an extraction runs is not replaced", async () => {
  await using image = await makeImage([await gzip(tarOf(FILES))]);
  const path = image.work.path("out/etc");
  const comers: [string, () => void][] = [
    ["a directory", () => Deno.mkdirSync(`${path}/theirs`, { recursive: true })],
    ["a link", () => Deno.symlinkSync(image.work.path("."), path)],
    ["a file", () => Deno.writeTextFileSync(path, "theirs")],
  ];
  for (const [kind, come] of comers) {
    const { renameSync } = Deno;
    Deno.renameSync = (from, to) => {
      if (to === path) come();
      renameSync(from, to);
    };
    try {
      await assert.rejects(extracted(image, ["etc"]), {
        name: "ConflictError",
        message: `${path} already exists`,
      }, kind);
    } finally {
      Deno.renameSync = renameSync;
    }
    assert.deepEqual(Array.from(Deno.readDirSync(image.work.path("out")), ({ name }) => name), ["etc"], kind);
    await Deno.remove(image.work.path("out"), { recursive: true });
  }
});

Deno.test({
  name: "what a killed extraction of somebody else has left is not removed",
  ignore: onPosix("owners").ignore || Deno.uid() !== 0,
  async fn() {
    await using image = await makeImage([await gzip(tarOf(FILES))]);
    const out = image.work.path("out");
    await Deno.mkdir(out);
    const left = `${out}/.layerstash-extract-${crypto.randomUUID()}`;
    await Deno.writeTextFile(`${left}.lock`, "", { mode: 0o600 });
    await Deno.mkdir(left, { mode: 0o700 });
    await Deno.chown(`${left}.lock`, 1234, 1234);
    await extracted(image, ["etc/conf.d/a.conf"]);
    assert.ok((await Deno.stat(left)).isDirectory);
    assert.ok((await Deno.stat(`${left}.lock`)).isFile);
  },
});
