/** The files of images: layer by layer as tar lists them, and merged as umoci unpacks them. @module */
import assert from "node:assert/strict";
import fc from "fast-check";
import { entryDocument, ListingLines } from "../lib/cli/text/file_listing.ts";
import { renderReadReport } from "../lib/cli/text/read_report.ts";
import { MismatchError } from "../lib/errors.ts";
import { bytesSource } from "../lib/exports/store.ts";
import {
  extract,
  FileTree,
  findImage,
  ImageFiles,
  openImage,
  pathPattern,
  readImageFile,
  survey,
} from "../lib/exports/images.ts";
import { concatenate, makeWorkspace, someBytes } from "./rigs/content.ts";
import { ensureTool } from "./rigs/debian.ts";
import { blobFile, gzip, makeImage, makeUmociLayout, putImage, zstd } from "./rigs/images.ts";
import { linesOf, paxOf, runProgram, type TarFile, tarListing, tarOf } from "./rigs/tar.ts";

const hasUmoci = await ensureTool("umoci", "umoci") && await ensureTool("tar", "tar");
const hasSkopeo = await ensureTool("skopeo", "skopeo") && await ensureTool("zstd", "zstd");

/** Four layers: files, links, a replaced directory, removals, a directory that is emptied and filled anew. */
const STEPS: ((rootfs: string) => Promise<void>)[] = [
  async (root) => {
    for (const path of ["usr/bin", "etc/conf.d", "var/cache/deep/deeper", "gone/sub"]) {
      await Deno.mkdir(`${root}/${path}`, { recursive: true });
    }
    await Deno.symlink("usr/bin", `${root}/bin`);
    await Deno.writeFile(`${root}/usr/bin/tool`, someBytes(70_000), { mode: 0o755 });
    await Deno.link(`${root}/usr/bin/tool`, `${root}/usr/bin/alias`);
    await Deno.symlink("../usr/bin/tool", `${root}/etc/tool`);
    for (
      const path of ["etc/hosts", "etc/conf.d/a", "etc/conf.d/b", "var/cache/deep/deeper/x", "gone/sub/y"]
    ) {
      await Deno.writeTextFile(`${root}/${path}`, `${path}\n`);
    }
    await Deno.mkdir(`${root}/${"long-name-".repeat(20)}`);
  },
  async (root) => {
    await Deno.remove(`${root}/gone`, { recursive: true });
    await Deno.remove(`${root}/etc/conf.d/a`);
    await Deno.writeTextFile(`${root}/etc/hosts`, "changed\n");
    await Deno.writeTextFile(`${root}/etc/conf.d/c`, "new\n");
  },
  async (root) => {
    await Deno.remove(`${root}/var/cache`, { recursive: true });
    await Deno.writeTextFile(`${root}/var/cache`, "a file now\n");
    await Deno.remove(`${root}/etc/hosts`);
    await Deno.mkdir(`${root}/etc/hosts`);
    await Deno.writeTextFile(`${root}/etc/hosts/inside`, "x\n");
  },
  async (root) => {
    await Deno.chmod(`${root}/usr/bin`, 0o711);
    await Deno.utime(`${root}/etc`, 1_500_000_000, 1_500_000_000);
  },
];

Deno.test("the listing of each layer is that of tar, packed in every way", {
  ignore: !hasUmoci || !hasSkopeo,
}, async () => {
  await using work = await makeWorkspace();
  const { layout } = await makeUmociLayout(work, STEPS);
  const variants = { gzip: layout, zstd: "", "zstd:chunked": "" };
  for (const format of ["zstd", "zstd:chunked"] as const) {
    variants[format] = work.path(format.replace(":", "-"));
    const to = [
      "--dest-compress",
      "--dest-compress-format",
      format,
      `oci:${layout}:t`,
      `oci:${variants[format]}:t`,
    ];
    await runProgram("skopeo", ["--insecure-policy", "copy", ...to]);
  }
  for (const [format, directory] of Object.entries(variants)) {
    using opened = openImage(`oci:${directory}`);
    const { layers } = await findImage(opened.store, opened.reference);
    assert.equal(layers.length, STEPS.length);
    const files = new ImageFiles(opened.store, layers);
    for (const layer of layers) {
      const packed = blobFile(directory, layer);
      const unpacked = work.path("layer.tar");
      const unpack = format === "gzip" ? "gzip" : "zstd";
      await Deno.writeFile(unpacked, await runProgram("sh", ["-c", `${unpack} -dcq < ${packed}`]));
      const lines = new ListingLines({ naming: "archive", layers: false });
      const listed: string[] = [];
      for await (const entry of files.entries(layer, { want: "names" })) {
        listed.push(...linesOf(lines.render(entry)));
      }
      assert.deepEqual(listed, await tarListing(unpacked), `${format}, layer ${layer.number}`);
    }
    assert.deepEqual({ ...files.report, size: 0 }, {
      fetched: files.report.size,
      size: 0,
      verified: true,
      byTable: false,
    });
  }
});

Deno.test("the merged view is the tree that umoci unpacks", { ignore: !hasUmoci }, async () => {
  await using work = await makeWorkspace();
  const { layout, rootfs } = await makeUmociLayout(work, STEPS);
  using opened = openImage(`oci:${layout}:t`);
  const { layers } = await findImage(opened.store, opened.reference);
  const tree = await new ImageFiles(opened.store, layers).merged();
  const merged = Array.from(tree.entries(), (entry) => {
    const { path, type, mode, size, modified, target = "", source } = {
      ...entry,
      ...entry.type === "hardlink" && { ...entry.source!, path: entry.path },
    };
    const kind = { file: "f", directory: "d", symlink: "l" }[type as "file"];
    const link = type === "symlink";
    return [
      `./${path}`.replace(/\/$/, ""),
      kind,
      link ? "777" : mode.toString(8),
      kind === "f" ? size : "",
      modified,
      source?.type === "symlink" ? target : "",
    ].join("|");
  });
  const format = "%p|%y|%m|%s|%T@|%l\\n";
  const found = new TextDecoder().decode(await runProgram("find", [".", "-printf", format], { cwd: rootfs }));
  const real = linesOf(found).map((line) => {
    const [path, kind, mode, size, time, link] = line.split("|");
    return [path === "." ? "." : path, kind, mode, kind === "f" ? size : "", Number(time), link].join("|");
  });
  assert.deepEqual(merged.sort(), real.sort());
  const from = (path: string) => tree.find(path)?.layer;
  assert.deepEqual(
    ["etc/conf.d/b", "etc/conf.d/c", "var/cache", "usr/bin", "bin/tool", "gone", "etc/conf.d/a"].map(from),
    [1, 2, 3, 4, 1, undefined, undefined],
  );
});

/** A tree made of layers of names; `/` at the end makes a directory, `->` a link. */
function treeOf(...layers: string[][]): FileTree {
  return filledTree(new FileTree(), layers);
}

function filledTree(tree: FileTree, layers: string[][]): FileTree {
  for (const [index, names] of layers.entries()) {
    for (const text of names) {
      const [name = "", target] = text.split(" -> ");
      const type = target !== undefined ? "symlink" : name.endsWith("/") ? "directory" : "file";
      const common = { mode: 0, uid: 0, gid: 0, owner: "", group: "", size: 0, modified: 0, position: 0 };
      tree.add({
        layer: index + 1,
        ...common,
        path: name.replace(/\/$/, ""),
        name,
        type,
        ...(target && { target }),
      });
    }
  }
  return tree;
}

function mergedPaths(...layers: string[][]): string[] {
  return Array.from(treeOf(...layers).entries(), ({ path, layer }) => `${path} ${layer}`);
}

Deno.test("whiteouts take away what is below them, and nothing of their own layer", () => {
  assert.deepEqual(mergedPaths(["a/", "a/x", "a/y"], ["a/.wh.x"]), ["a 1", "a/y 1"]);
  assert.deepEqual(mergedPaths(["a/", "a/x"], [".wh.a", "a/", "a/new"]), ["a 2", "a/new 2"]);
  assert.deepEqual(mergedPaths(["a/", "a/x"], ["a/", "a/new", ".wh.a"]), ["a 2", "a/new 2"]);
  assert.deepEqual(mergedPaths(["a/", "a/x", "a/b/", "a/b/y"], ["a/", "a/z", "a/.wh..wh..opq"]), [
    "a 2",
    "a/z 2",
  ]);
  assert.deepEqual(mergedPaths(["a/", "a/x"], ["a/.wh..wh..opq"]), ["a 1"]);
  assert.deepEqual(mergedPaths(["x"], [".wh..wh.plnk", ".wh..wh.aufs", ".wh.", ".wh..."]), ["x 1"]);
  assert.deepEqual(mergedPaths(["x"], [".wh.x"], ["x"]), ["x 3"]);
});

/** The path of every entry, the layer that it is from, and the one that hides it. */
function pathsWithHidden(...layers: string[][]): string[] {
  const tree = filledTree(new FileTree({ keepHidden: true }), layers);
  return Array.from(tree.entries(), ({ path, layer, hiddenBy }) => {
    return hiddenBy === undefined ? `${path} ${layer}` : `${path} ${layer} by ${hiddenBy}`;
  });
}

Deno.test("what later layers hide is listed where it was, with the layer that hides it", () => {
  assert.deepEqual(pathsWithHidden(["a/", "a/x", "a/y"], ["a/.wh.x"], ["a/y"]), [
    "a 1",
    "a/x 1 by 2",
    "a/y 1 by 3",
    "a/y 3",
  ]);
  assert.deepEqual(pathsWithHidden(["a/", "a/b/", "a/b/x", "a.z"], [".wh.a"], ["a/", "a/b"]), [
    "a 1 by 2",
    "a 3",
    "a/b 1 by 2",
    "a/b 3",
    "a/b/x 1 by 2",
    "a.z 1",
  ]);
  assert.deepEqual(pathsWithHidden(["a/", "a/x", "a/b/", "a/b/y"], ["a/.wh..wh..opq", "a/x", "a/b/"]), [
    "a 1",
    "a/b 1 by 2",
    "a/b 2",
    "a/b/y 1 by 2",
    "a/x 1 by 2",
    "a/x 2",
  ]);
  assert.deepEqual(pathsWithHidden(["a/", "a/b/", "a/b/y"], ["a"], ["a/"]), [
    "a 1 by 2",
    "a 2 by 3",
    "a 3",
    "a/b 1 by 2",
    "a/b/y 1 by 2",
  ]);
  assert.deepEqual(pathsWithHidden(["usr/bin/x", "bin -> usr/bin"], ["bin/.wh.x"]), [
    "bin 1",
    "usr 1",
    "usr/bin 1",
    "usr/bin/x 1 by 2",
  ]);
  assert.deepEqual(pathsWithHidden(["x", "x"], ["y", ".wh.y"]), ["x 1", "y 2"], "not by their own layer");
});

Deno.test("every file of random layers is either seen or hidden, and what is seen stays the same", () => {
  const names = ["a", "a/", "a/b", "a/b/", "a/b/c", "a/.wh.b", ".wh.a", "a/.wh..wh..opq", "d", ".wh.d"];
  const layers = fc.array(fc.uniqueArray(fc.constantFrom(...names)), { maxLength: 4 });
  fc.assert(fc.property(layers, (layers) => {
    const all = pathsWithHidden(...layers);
    assert.deepEqual(all.filter((line) => !line.includes("by")), mergedPaths(...layers));
    for (const [index, own] of layers.entries()) {
      for (const name of own) {
        const path = `${name} ${index + 1}`;
        const isWithin = (one: string, other: string) => `${one}/`.startsWith(`${other.replace(/\/$/, "")}/`);
        const replaced = own.some((other) =>
          other !== name && (isWithin(name, other) || isWithin(other, name))
        );
        const isFile = !name.endsWith("/") && !name.includes(".wh.");
        if (isFile && !replaced) assert.ok(all.some((line) => line.startsWith(path)), `${path} of ${all}`);
      }
    }
  }));
});

Deno.test("only a directory keeps what is in it, and links on the way are followed", () => {
  assert.deepEqual(mergedPaths(["a/", "a/x"], ["a"]), ["a 2"]);
  assert.deepEqual(mergedPaths(["a"], ["a/", "a/x"]), ["a 2", "a/x 2"]);
  assert.deepEqual(mergedPaths(["a/", "a/x"], ["a/"]), ["a 2", "a/x 1"]);
  assert.deepEqual(mergedPaths(["usr/bin/", "bin -> usr/bin"], ["bin/x"]), [
    "bin 1",
    "usr 1",
    "usr/bin 1",
    "usr/bin/x 2",
  ]);
  assert.deepEqual(mergedPaths(["usr/bin/", "bin -> usr/bin"], ["bin/", "bin/x"]), [
    "bin 2",
    "bin/x 2",
    "usr 1",
    "usr/bin 1",
  ]);
  assert.deepEqual(mergedPaths(["usr/bin/x", "bin -> /usr/bin"], ["bin/.wh.x"]), [
    "bin 1",
    "usr 1",
    "usr/bin 1",
  ]);
  assert.deepEqual(mergedPaths(["out -> ../../../etc"], ["out/x"]), ["etc 2", "etc/x 2", "out 1"]);
  assert.equal(
    mergedPaths(["a -> b", "b -> a"], ["a/x"]).length > 0,
    true,
    "links in a circle come to an end",
  );
});

Deno.test("a link leads where the system would go, also with .. behind other links, and never out", () => {
  const links = {
    bin: "usr/bin",
    up: "bin/..",
    tool: "bin/../lib/tool",
    "usr/bin/top": "../../bin/tool",
    slash: "bin/",
    out: "../../../usr",
    through: "usr/bin/tool/..",
    file: "usr/bin/tool/",
    one: "other",
    other: "one",
    round: "one/x",
  };
  const tree = treeOf([
    "usr/",
    "usr/bin/",
    "usr/bin/tool",
    "usr/lib/",
    "usr/lib/tool",
    ...Object.entries(links).map(([name, target]) => `${name} -> ${target}`),
  ]);
  const led = Object.keys(links).map((name) => [name, tree.follow(tree.find(name)!)?.path]);
  assert.deepEqual(Object.fromEntries(led), {
    bin: "usr/bin",
    up: "usr",
    tool: "usr/lib/tool",
    "usr/bin/top": "usr/bin/tool",
    slash: "usr/bin",
    out: "usr",
    through: undefined,
    file: undefined,
    one: undefined,
    other: undefined,
    round: undefined,
  });
});

const NAMES = ["a", "b", "a/b", "b/a", "a/a", "a/b/a", "b/a/b"];

function randomFile(random: (below: number) => number): TarFile {
  const name = NAMES[random(NAMES.length)]!;
  const parent = name.slice(0, name.lastIndexOf("/") + 1);
  const kind = random(8);
  if (kind === 0) return { name: `${parent}.wh.${name.slice(parent.length)}` };
  if (kind === 1) return { name: `${parent}.wh..wh..opq` };
  // Where they lead nobody writes by another name: in one layer no two entries end at the same place.
  if (kind === 2 && name === "b") {
    return { name, flag: "2", target: ["/c", "c", "/c/a", "../c/b"][random(4)]! };
  }
  if (kind < 5) return { name: `${name}/`, flag: "5" };
  return { name, content: `${random(1000)}` };
}

/** In one layer no name comes twice, and nothing is in what is no directory. */
function agree({ name, flag }: TarFile, other: TarFile): boolean {
  const place = name.replace(/\/$/, "");
  return place !== other.name.replace(/\/$/, "") && (flag === "5" || !other.name.startsWith(`${place}/`));
}

Deno.test("what is found early is what the whole tree has, over random layers", async () => {
  let state = 7;
  const random = (below: number) => (state = state * 48271 % 2147483647) % below;
  let early = 0;
  for (let round = 0; round < 150; round++) {
    const layers = Array.from({ length: 3 }, () => {
      const files: TarFile[] = [];
      for (let left = 1 + random(5); left > 0; left--) {
        const file = randomFile(random);
        if (files.every((other) => agree(file, other) && agree(other, file))) files.push(file);
      }
      // Whiteouts first: what they take away is of the layers below, and engines go by the order.
      return tarOf(files.sort((a, b) => Number(b.name.includes(".wh.")) - Number(a.name.includes(".wh."))));
    });
    await using image = await makeImage(layers);
    const tree = await (await image.files()).merged();
    for (const name of [...NAMES, "c", "c/a", "c/b", "c/a/a", "c/b/a"]) {
      const { entries, tree: all } = await survey(await image.files(), [await pathPattern(name)]);
      if (all) continue;
      early++;
      const expected = tree.find(name);
      const [found] = entries;
      assert.deepEqual(
        [found?.layer, found?.type, found?.position],
        [expected?.layer, expected?.type, expected?.position],
        `${name} in round ${round}`,
      );
    }
  }
  assert.ok(early > 60, `only ${early} searches ended early`);
});

Deno.test("a layer of the base is not read where the top has the file", async () => {
  const top = await gzip(tarOf([{ name: "etc/", flag: "5" }, { name: "etc/motd", content: "top" }]));
  const base = await gzip(
    tarOf([{ name: "etc/motd", content: "base" }, { name: "big", content: someBytes(500_000) }]),
  );
  await using image = await makeImage([base, top]);
  const files = await image.files();
  const { entries } = await survey(files, [await pathPattern("/etc/motd")]);
  assert.deepEqual(entries.map(({ layer }) => layer), [2]);
  assert.equal(files.report.fetched, top.length);
  assert.equal(files.report.verified, true, "what was not needed does not count");
});

Deno.test("what was read whole is verified, also where the search ended, and what was read once more is not", async () => {
  const link = { name: "b", flag: "2", target: "a" };
  const archive = tarOf([{ name: "a", content: someBytes(20_000) }, link]);
  const large = [link, { name: "a", content: someBytes(50_000) }];
  const padded = concatenate([tarOf(large), new Uint8Array(50_000)]);
  for (const bytes of [archive, await gzip(archive)]) {
    await using image = await makeImage([bytes]);
    const files = await image.files();
    await survey(files, [await pathPattern("a")]);
    assert.deepEqual(files.report, {
      fetched: bytes.length,
      size: bytes.length,
      verified: true,
      byTable: false,
    });
  }
  await using image = await makeImage([padded]);
  const files = await image.files();
  await files.merged();
  assert.deepEqual(files.report, {
    fetched: padded.length,
    size: padded.length,
    verified: true,
    byTable: false,
  });
  await readImageFile(files, "b", { write: () => {} });
  assert.equal(files.report.verified, false);
});

Deno.test("a layer of no bytes is verified without any being fetched, if it has the digest of nothing", async () => {
  for (const [bytes, verified] of [[new Uint8Array(), true], [someBytes(1), false]] as const) {
    await using work = await makeWorkspace();
    using image = openImage(`oci:${work.path("layout")}:t`);
    const { digest } = await image.store.write(bytesSource(bytes));
    const mediaType = "application/vnd.oci.image.layer.v1.tar";
    await putImage(image.store, "t", [{ mediaType, digest, size: 0 }]);
    const files = new ImageFiles(image.store, (await findImage(image.store, "t")).layers);
    await survey(files, [await pathPattern("")]);
    assert.deepEqual(files.report, { fetched: 0, size: 0, verified, byTable: false });
  }
});

Deno.test("how much was fetched is said in figures that agree with each other", () => {
  const said = (fetched: number, size: number, verified: boolean) =>
    renderReadReport({ fetched, size, verified, byTable: false });
  assert.equal(said(100, 100, true), "fetched 100 B of 100 B (100 %); verified");
  assert.equal(said(0, 0, true), "fetched 0 B of 0 B (100 %); verified");
  assert.equal(said(0, 0, false), "fetched 0 B of 0 B (100 %); not verified: not all was read");
  assert.equal(said(0, 100, false), "fetched 0 B of 100 B (0 %); not verified: not all was read");
  assert.equal(said(999, 1000, false), "fetched 999 B of 1 KB (99 %); not verified: not all was read");
  assert.equal(
    said(1000, 1000, false),
    "fetched 1 KB of 1 KB, some of it twice; not verified: the last time not all was read",
  );
  assert.equal(said(169, 100, true), "fetched 169 B of 100 B, some of it twice; verified");
  assert.equal(said(300_051, 300_000, true), "fetched 300 KB of 300 KB (100 %); verified");
  assert.match(said(123, 1e5, false), / \(0\.12 %\);/);
  assert.match(said(1, 1e6, false), / \(less than 0\.01 %\);/);
});

Deno.test("the layers may be packed in many members or frames", async () => {
  const archive = tarOf([{ name: "a", content: someBytes(300_000) }, { name: "b", content: "end" }]);
  const members = concatenate([await gzip(archive.slice(0, 1000)), await gzip(archive.slice(1000))]);
  for (const bytes of [members, await zstd(archive, 10_000), archive]) {
    await using image = await makeImage([bytes]);
    const files = await image.files();
    const tree = await files.merged({ whole: true });
    assert.deepEqual(Array.from(tree.entries(), ({ path, size }) => [path, size]), [["a", 300_000], [
      "b",
      3,
    ]]);
    assert.equal(files.report.verified, true);
  }
});

Deno.test("damaged and torn layers are reported, never listed as whole", async () => {
  const archive = tarOf([{ name: "a", content: someBytes(100_000) }, { name: "b" }]);
  for (const packed of [await gzip(archive), await zstd(archive), archive]) {
    for (const bytes of [packed.slice(0, packed.length - 2000), someBytes(3000)]) {
      await using image = await makeImage([bytes]);
      await assert.rejects((await image.files()).merged(), MismatchError);
    }
    await using image = await makeImage([packed]);
    const file = (await image.work.path("layout")) + "/blobs/sha256";
    for await (const { name } of Deno.readDir(file)) {
      const path = `${file}/${name}`;
      const bytes = await Deno.readFile(path);
      if (bytes.length !== packed.length) continue;
      bytes[bytes.length - 1]! ^= 1; // behind the archive's end, or in a checksum
      await Deno.writeFile(path, bytes);
    }
    await assert.rejects((await image.files()).merged({ whole: true }), MismatchError);
  }
});

Deno.test("a layer that is no archive is said to be none, with its media type", async () => {
  for (const bytes of [new TextEncoder().encode("{}"), someBytes(300_000), await gzip(someBytes(3000))]) {
    await using image = await makeImage([bytes]);
    await assert.rejects((await image.files()).merged(), {
      name: "MismatchError",
      message:
        /^the layer is not a tar archive; its media type is "application\/vnd\.oci\.image\.layer\.v1\.tar", its/,
    });
  }
});

Deno.test("the position of a truncation counts from the beginning, also after skipped contents", async () => {
  const archive = tarOf([{ name: "big", content: someBytes(1_000_000) }, { name: "b", content: "x" }]);
  await using image = await makeImage([archive.slice(0, 1_000_960 + 100)]);
  await assert.rejects((await image.files()).merged(), /is truncated at byte 1001060/);
});

Deno.test("a layer that is packed in a way that is not read is named as such, and dates of all years are shown", async () => {
  const xz = new Uint8Array([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0, ...someBytes(600)]);
  const bzip2 = new TextEncoder().encode("BZh91AY&SY" + "x".repeat(600));
  for (const [packed, what] of [[xz, "xz"], [bzip2, "bzip2"]] as const) {
    await using image = await makeImage([packed]);
    const message = new RegExp(`^the layer is compressed with ${what}, which is not read; its media type is`);
    await assert.rejects((await image.files()).merged(), { name: "MismatchError", message });
  }
  const lines = new ListingLines({ naming: "path", layers: false });
  await using image = await makeImage([
    tarOf([paxOf({ mtime: "1099511627775" }), { name: "late" }, { name: "now" }]),
  ]);
  const listed = [...(await (await image.files()).merged()).entries()].map((entry) => lines.render(entry));
  assert.match(listed[0]!, / \+036812-02-20 00:36 late/);
  assert.match(listed[1]!, / 2020-09-13 12:26 now/);
});

Deno.test("what AUFS kept for itself is not in the merged view, and hard links to it are whole", async () => {
  const kept = [
    { name: ".wh..wh.plnk/", flag: "5" },
    { name: ".wh..wh.plnk/99.1", content: "linked" },
    { name: ".wh..wh.aufs" },
  ];
  await using image = await makeImage([
    tarOf([...kept, { name: "h", flag: "1", target: ".wh..wh.plnk/99.1" }]),
  ]);
  const tree = await (await image.files()).merged();
  assert.deepEqual(Array.from(tree.entries(), ({ path, size }) => [path, size]), [["h", 6]]);
  for (const path of ["/", "h"]) {
    const directory = image.work.path(`out-${path.length}${path === "h"}`);
    await extract(await image.files(), [path], { directory });
    assert.equal(await Deno.readTextFile(`${directory}/h`), "linked");
    assert.deepEqual(Array.from(Deno.readDirSync(directory), ({ name }) => name), ["h"]);
  }
});

Deno.test("entries as documents have modes in octal, times in RFC 3339, attributes in base64", async () => {
  await using image = await makeImage([
    tarOf([
      paxOf({ "SCHILY.xattr.security.capability": "\u0001\u0002" }),
      { name: "f", content: "x", mode: 0o4755 },
    ]),
  ]);
  const [entry] = [...(await (await image.files()).merged()).entries()];
  const { mode, modified, attributes } = entryDocument(entry!);
  assert.deepEqual({ mode, modified, attributes }, {
    mode: "4755",
    modified: "2020-09-13T12:26:40.000Z",
    attributes: { "security.capability": "AQI=" },
  });
});
