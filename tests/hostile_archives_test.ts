/** Archives that want to write outside the target: none can. @module */
import assert from "node:assert/strict";
import { extract, type ExtractOptions } from "../lib/exports/images.ts";
import { someBytes } from "./rigs/content.ts";
import { gzip, type MadeImage, makeImage, treeState, zstd } from "./rigs/images.ts";
import { paxOf, type TarFile, tarOf } from "./rigs/tar.ts";
import { failure } from "./rigs/opened.ts";
import { foldNames, isStaging } from "./rigs/folding_disk.ts";
import { onLinux, onPosix } from "./rigs/system.ts";

/** An image of these layers, beside a directory that must not change. */
interface Trap extends AsyncDisposable {
  image: MadeImage;
  /** Extracts everything; gives the paths that came out. */
  spring(options?: Partial<ExtractOptions>): Promise<string[]>;
  /** Fails when anything outside the target has changed. */
  requireUntouched(): Promise<void>;
}

async function makeTrap(...layers: (TarFile[] | Uint8Array<ArrayBuffer>)[]): Promise<Trap> {
  const image = await makeImage(layers.map((layer) => layer instanceof Uint8Array ? layer : tarOf(layer)));
  const { work } = image;
  await Deno.mkdir(work.path("outside/sub"), { recursive: true });
  await work.write("outside/file", "untouched");
  const before = await treeState(work.path("outside"));
  return {
    image,
    async spring(options = {}) {
      const directory = work.path("target/out");
      await extract(await image.files(), ["/"], { directory, ...options });
      if (!await work.has("target/out")) return [];
      const lines = await treeState(directory);
      return lines.map((line) => line.split("|")[0]!).filter((path) => path.startsWith("./")).sort();
    },
    async requireUntouched() {
      assert.deepEqual(await treeState(work.path("outside")), before);
      await Deno.mkdir(work.path("target"), { recursive: true });
      const beside = (path: string) => Array.from(Deno.readDirSync(path), ({ name }) => name).sort();
      assert.deepEqual(beside(work.path("")), ["layout", "outside", "target"]);
      assert.deepEqual(beside(work.path("target")).filter((name) => name !== "out"), []);
    },
    [Symbol.asyncDispose]: () => image[Symbol.asyncDispose](),
  };
}

/** Where the directory that must not change is, from within the target. */
const OUTSIDE = "../../outside";

Deno.test("names that go up stay in the target", async () => {
  await using trap = await makeTrap([
    { name: `${OUTSIDE}/file`, content: "evil" },
    { name: "a/../../../../evil", content: "x" },
    { name: "..", flag: "5", mode: 0o700 },
    paxOf({ path: `${OUTSIDE}/pax` }),
    { name: "innocent", content: "x" },
  ]);
  assert.deepEqual(await trap.spring(), ["./evil", "./outside", "./outside/file", "./outside/pax"]);
  await trap.requireUntouched();
});

Deno.test("absolute names stay in the target", onPosix("names with a drive"), async () => {
  await using trap = await makeTrap([]);
  const outside = trap.image.work.path("outside");
  await using absolute = await makeTrap([{ name: `${outside}/file`, content: "evil" }, {
    name: "//x",
    content: "x",
  }]);
  const paths = await absolute.spring();
  assert.ok(paths.includes(`.${outside}/file`) && paths.includes("./x"));
  await trap.requireUntouched();
  await absolute.requireUntouched();
});

Deno.test(
  "nothing is written through a symbolic link, in one layer or over several",
  onPosix("symbolic links"),
  async () => {
    const link = { name: "link", flag: "2", target: OUTSIDE };
    for (
      const layers of [
        [[link, { name: "link/file", content: "evil" }]],
        [[link], [{ name: "link/file", content: "evil" }]],
        [[{ name: "a/", flag: "5" }, { ...link, name: "a/b" }], [{ name: "a/b/c/d", content: "evil" }]],
        [[link, { name: "second", flag: "2", target: "link" }, { name: "second/sub/x", content: "evil" }]],
      ] as TarFile[][][]
    ) {
      await using trap = await makeTrap(...layers);
      await trap.spring();
      await trap.requireUntouched();
    }
  },
);

Deno.test(
  "a link that leads out is made as it is, and a file of the same name takes its place",
  onPosix("symbolic links"),
  async () => {
    await using trap = await makeTrap([
      { name: "link", flag: "2", target: `${OUTSIDE}/file` },
      { name: "link", content: "a file now" },
      { name: "kept", flag: "2", target: `${OUTSIDE}/file` },
    ]);
    await trap.spring();
    assert.equal(await Deno.readTextFile(trap.image.work.path("target/out/link")), "a file now");
    assert.equal(await Deno.readLink(trap.image.work.path("target/out/kept")), `${OUTSIDE}/file`);
    await trap.spring({ overwrite: true });
    await trap.requireUntouched();
  },
);

Deno.test("hard links reach only what is in the image", onPosix("symbolic links"), async () => {
  await using trap = await makeTrap([
    { name: "hard", flag: "1", target: `${OUTSIDE}/file` },
    { name: "hard", content: "overwritten through the link" },
    { name: "other", flag: "1", target: `${OUTSIDE}/file` },
    { name: "link", flag: "2", target: OUTSIDE },
    { name: "third", flag: "1", target: "link/file" },
  ]);
  assert.deepEqual(await trap.spring(), ["./hard", "./link"], "what they lead to is not in the image");
  await trap.requireUntouched();
});

Deno.test("links that were in the target before are not followed", onPosix("symbolic links"), async () => {
  await using trap = await makeTrap([{ name: "dir/file", content: "evil" }, {
    name: "file",
    content: "evil",
  }]);
  const { work } = trap.image;
  await Deno.mkdir(work.path("target/out"), { recursive: true });
  await Deno.symlink(`../${OUTSIDE}`.slice(3), work.path("target/out/dir"));
  for (const overwrite of [false, true]) {
    await assert.rejects(
      trap.spring({ overwrite }),
      /dir already exists|nothing is written through a link/,
    );
  }
  await Deno.remove(work.path("target/out/dir"));
  await Deno.symlink(`${OUTSIDE}/file`, work.path("target/out/file"));
  await assert.rejects(trap.spring(), /already exists/);
  await trap.spring({ overwrite: true });
  assert.equal((await Deno.lstat(work.path("target/out/file"))).isFile, true, "the link itself was replaced");
  await trap.requireUntouched();
});

Deno.test(
  "a plain path is not written through a link that was in the target",
  onPosix("symbolic links"),
  async () => {
    await using trap = await makeTrap([{ name: "dir/file", content: "of the base" }], [{
      name: "dir/file",
      content: "evil",
    }]);
    const { work } = trap.image;
    await Deno.mkdir(work.path("target/out"), { recursive: true });
    await Deno.symlink(OUTSIDE, work.path("target/out/dir"));
    const directory = work.path("target/out");
    for (const overwrite of [false, true]) {
      const error = await failure(extract(await trap.image.files(), ["dir/file"], { directory, overwrite }));
      assert.match(error.message, /out\/dir is not a directory, and nothing is written through a link$/);
      assert.deepEqual(Array.from(Deno.readDirSync(directory), ({ name }) => name), ["dir"]);
    }
    await trap.requireUntouched();
  },
);

Deno.test("devices and pipes are not made", async () => {
  await using trap = await makeTrap([
    { name: "disk", flag: "4", device: [8, 0] },
    { name: "null", flag: "3", device: [1, 3] },
    { name: "pipe", flag: "6" },
    { name: "pipe2", flag: "1", target: "pipe" },
  ]);
  assert.deepEqual(await trap.spring(), []);
  await trap.requireUntouched();
});

Deno.test("whiteouts take nothing away outside the image", onPosix("symbolic links"), async () => {
  await using trap = await makeTrap(
    [{ name: "link", flag: "2", target: OUTSIDE }],
    [{ name: "link/.wh.file" }, { name: `${OUTSIDE}/.wh..wh..opq` }, { name: ".wh..." }, {
      name: "link/.wh..",
    }],
  );
  await trap.spring();
  await trap.requireUntouched();
});

Deno.test(
  "of names that come twice the last counts, and the first is not written through",
  onPosix("symbolic links"),
  async () => {
    await using trap = await makeTrap([
      { name: "a", content: "first" },
      { name: "a", flag: "5" },
      { name: "a/b", content: "inside" },
      { name: "a/b", flag: "2", target: OUTSIDE },
      { name: "a/b/file", content: "evil" },
      { name: "a", flag: "2", target: OUTSIDE },
    ]);
    assert.ok((await trap.spring()).includes("./a"));
    await trap.requireUntouched();
  },
);

/** A directory and a link whose names are one on a disk that folds names, and a file that would lead through it. */
const PAIRS: [folded: string, directory: string, link: string][] = [
  ["by case", "link", "Link"],
  ["fully", "ß", "ss"],
  ["a ligature", "ﬁ", "fi"],
  ["a sigma", "ς", "σ"],
  ["in another form", "e\u0301", "\u00e9"],
];

for (const [how, directory, link] of PAIRS) {
  Deno.test(
    `names that a disk folds (${how}) are refused there, and nothing is made`,
    onLinux("a disk that folds names as another"),
    async () => {
      for (const below of ["", "sub/"]) {
        await using trap = await makeTrap([
          { name: `${below}${directory}/`, flag: "5" },
          { name: `${below}${directory}/pwned`, content: "evil" },
          { name: `${below}${link}`, flag: "2", target: `${OUTSIDE}/sub` },
        ]);
        for (const overwrite of [false, true]) {
          using _disk = foldNames(trap.image.work.path("target"));
          const error = await failure(trap.spring({ overwrite }));
          assert.match(error.message, /^\S+ and \S+ are the same name on this disk$/);
          assert.match(error.hint!, /case-sensitive disk/);
          assert.equal(await trap.image.work.has("target/out"), false, "nothing is changed then");
        }
        await trap.requireUntouched();
        const paths = await trap.spring();
        assert.ok(paths.includes(`./${below}${link}`), "another disk has both");
      }
    },
  );
}

Deno.test(
  "a disk is asked where names might be one, and names that differ to it are extracted",
  onLinux("a disk that tells case apart"),
  async () => {
    await using trap = await makeTrap([
      { name: "a/", flag: "5" },
      { name: "A/x", content: "upper" },
      { name: "a/x", content: "lower" },
      { name: "a/X", content: "third" },
    ]);
    assert.deepEqual(await trap.spring(), ["./A", "./A/x", "./a", "./a/X", "./a/x"]);
    assert.equal(await Deno.readTextFile(trap.image.work.path("target/out/a/x")), "lower");
  },
);

Deno.test(
  "a directory is never replaced, also where it has the name by a folding that nobody foresaw",
  onLinux("a disk that folds names as another"),
  async () => {
    await using trap = await makeTrap([
      { name: "long-name/", flag: "5" },
      { name: "LONG~1", flag: "2", target: `${OUTSIDE}/sub` },
      { name: "long-name/pwned", content: "evil" },
    ]);
    const fold = (name: string) => name === "LONG~1" ? "long-name" : name;
    using _disk = foldNames(trap.image.work.path("target"), { fold, where: (path) => !isStaging(path) });
    await assert.rejects(trap.spring({ overwrite: true }), /already exists|not a directory/);
    await trap.requireUntouched();
  },
);

Deno.test(
  "a directory is looked at again when a link has taken the place of something",
  onLinux("a disk that tells case apart"),
  async () => {
    await using trap = await makeTrap([
      { name: "a", flag: "2", target: "anywhere" },
      { name: "dir/", flag: "5" },
      { name: "dir/pwned", content: "evil" },
    ]);
    const out = trap.image.work.path("target/out");
    await Deno.mkdir(`${out}/dir`, { recursive: true });
    await Deno.writeTextFile(`${out}/a`, "replaced");
    const { linkSync } = Deno;
    Deno.linkSync = (from, to) => {
      linkSync(from, to);
      if (to !== `${out}/a`) return;
      Deno.removeSync(`${out}/dir`); // as if the disk had taken both names for one
      Deno.symlinkSync(`${OUTSIDE}/sub`, `${out}/dir`);
    };
    try {
      await assert.rejects(
        trap.spring({ overwrite: true }),
        /dir is not a directory, and nothing is written/,
      );
    } finally {
      Deno.linkSync = linkSync;
    }
    await trap.requireUntouched();
  },
);

Deno.test("bombs end at a limit, and leave nothing behind", async () => {
  const zeros = new Uint8Array(64 * 1024 * 1024);
  const archive = tarOf([{ name: "bomb", content: zeros }]);
  for (const packed of [await gzip(archive), await zstd(archive)]) {
    assert.ok(packed.length < archive.length / 500);
    await using trap = await makeTrap(packed);
    await assert.rejects(trap.spring({ maxSize: 1024 * 1024 }), /more than 1048576 bytes/);
    assert.equal(await trap.image.work.has("target/out"), false);
    await trap.requireUntouched();
  }
});

Deno.test("an announced size takes no memory", async () => {
  const huge = 2 ** 50;
  await using torn = await makeTrap([{ name: "huge", size: huge, content: "x" }]);
  await assert.rejects(torn.spring(), /truncated/);
});

Deno.test("holes take no room", onPosix("sparse files"), async () => {
  const sparse = paxOf({ "GNU.sparse.size": `${2 ** 42}`, "GNU.sparse.map": `${2 ** 42 - 1},1` });
  await using holes = await makeTrap([sparse, { name: "holes", content: "x" }]);
  const out = holes.image.work.path("target/out");
  await extract(await holes.image.files(), ["holes"], { directory: out });
  const { size, blocks } = await Deno.stat(`${out}/holes`);
  assert.equal(size, 2 ** 42);
  assert.ok(blocks! < 1000, "the hole takes no room");
});

Deno.test("directories nested beyond all measure are refused, and do not exhaust the stack", async () => {
  const deep = Array.from({ length: 5 }, (_, index) => ({
    name: "x",
    files: [
      paxOf({ path: `${index === 0 ? "" : `link${index - 1}/`}${"d/".repeat(1500)}` }),
      { name: "x", flag: "5" },
      paxOf({ linkpath: `${index === 0 ? "" : `link${index - 1}/`}${"d/".repeat(1500)}` }),
      { name: `link${index}`, flag: "2" },
    ],
  })).flatMap(({ files }) => files);
  await using trap = await makeTrap(deep);
  await assert.rejects((await trap.image.files()).merged(), /too deeply/);
});

Deno.test("a file that is swallowed by one larger does not hide it", async () => {
  // The content of the first looks like a header; a reader that mistakes its size would see the second.
  const inner = tarOf([{ name: `${OUTSIDE}/file`, content: "evil" }]);
  await using trap = await makeTrap([{ name: "outer", content: inner }, {
    name: "real",
    content: someBytes(10),
  }]);
  assert.deepEqual(await trap.spring(), ["./outer", "./real"]);
});
