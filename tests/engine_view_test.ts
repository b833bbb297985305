/** What a container engine unpacks is what `peek` and `extract` see: engines read layers with Go's archive/tar. @module */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { LayerstashError } from "../lib/errors.ts";
import { openImage } from "../lib/exports/images.ts";
import type { OpenEntry } from "../lib/layers/entry.ts";
import { readTar } from "../lib/layers/read_tar.ts";
import { StreamInput } from "../lib/layers/tar_input.ts";
import { makeWorkplace, type Workplace } from "./rigs/command_line.ts";
import { concatenate, streamOf } from "./rigs/content.ts";
import { type GoEntry, type GoListing, HAS_GO, listWithGo } from "./rigs/go_tar.ts";
import { gzip, putImage } from "./rigs/images.ts";
import { paxOf, type TarFile, tarOf } from "./rigs/tar.ts";

const text = (value: string) => new TextEncoder().encode(value);

/** Makes the header one of GNU, with bytes where POSIX has the prefix of the name. */
const gnuHeader = (prefix: string) => (header: Uint8Array) => {
  header.set(text("ustar  \0"), 257);
  header.fill(0, 345, 500).set(text(prefix), 345);
};

const INNER = concatenate([
  tarOf([{ name: "evil", content: "x" }]).slice(0, 1024),
  tarOf([{ name: "real", content: "r" }]).slice(0, 1024),
]);
const SPARSE_1_0 = concatenate([text("1\n0\n600\n"), new Uint8Array(504), text("E".repeat(600))]);

/** Archives in which a file can be hidden from another reader, with the paths and sizes that an engine unpacks. */
const ODD: [what: string, files: TarFile[], unpacked: string[]][] = [
  ["an empty long name", [{ name: "././@LongLink", flag: "L", content: "\0" }, {
    name: "evil",
    content: "x",
  }], ["evil 1"]],
  ["a file whose name ends with a slash", [{ name: "doc/", content: INNER }, { name: "innocent" }], [
    "doc 2048",
    "innocent 0",
  ]],
  ["a slash at the end of a name from before POSIX", [
    { name: "doc/", size: INNER.length, change: (header) => header.fill(0, 156, 157) },
    { name: "evil", content: "x" },
  ], ["doc 0", "evil 1"]],
  ["the name of a sparse file without a map", [paxOf({ "GNU.sparse.name": "innocent", path: "evil" }), {
    name: "x",
    content: "x",
  }], ["evil 1"]],
  ["a prefix in a header of GNU", [{ name: "evil", content: "x", change: gnuHeader("usr/bin") }], [
    "usr 0",
    "usr/bin 0",
    "usr/bin/evil 1",
  ]],
  ["times in a header of GNU", [{ name: "evil", content: "x", change: gnuHeader("14000000000\0") }], [
    "evil 1",
  ]],
  ["a sparse file of an unknown version", [
    paxOf({ "GNU.sparse.major": "1", "GNU.sparse.minor": "5", "GNU.sparse.realsize": "600", path: "f" }),
    { name: "x", content: SPARSE_1_0 },
  ], [`f ${SPARSE_1_0.length}`]],
  ["a path for all entries", [paxOf({ path: "innocent" }, "g"), { name: "evil", content: "x" }], ["evil 1"]],
  ["a size for all entries", [paxOf({ size: "512" }, "g"), { name: "a" }, { name: "evil" }], [
    "a 0",
    "evil 0",
  ]],
  ["attributes of an entry before those of all", [paxOf({ path: "innocent" }), paxOf({ comment: "x" }, "g"), {
    name: "evil",
  }], ["evil 0"]],
  ["the size of a sparse file without a map", [paxOf({ "GNU.sparse.realsize": "3", path: "f" }), {
    name: "x",
    content: "abc",
  }], ["f 3"]],
  ["an owner below zero", [
    { name: "a", change: (header) => header.fill(0xff, 108, 124) },
    paxOf({ uid: "-2", gid: "-3" }),
    { name: "b" },
  ], ["a 0", "b 0"]],
  ["a time beyond all measure", [{
    name: "a",
    change: (header) => header.set([0x80, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], 136),
  }, { name: "b" }], ["a 0", "b 0"]],
  ["a name longer than any path", [paxOf({ path: "n".repeat(5000) }), { name: "x" }, { name: "b" }], [
    "b 0",
    `${"n".repeat(5000)} 0`,
  ]],
];

async function makePlace(bytes: Uint8Array<ArrayBuffer>): Promise<Workplace> {
  const place = await makeWorkplace();
  using image = openImage(`oci:${place.path("box")}:t`);
  await putImage(image.store, "t", [{ bytes }]);
  return place;
}

interface Seen {
  code: number;
  listed: string[];
  stderr: string;
}

async function peek(place: Workplace, ...args: string[]): Promise<Seen> {
  const { code, stdout, stderr } = await place.run(["peek", "--json", "oci:box:t", ...args]);
  const events = stdout.trimEnd().split("\n").filter((line) => line !== "").map((line) => JSON.parse(line));
  const entries = events.filter(({ event }) => event === "entry");
  return { code, stderr, listed: entries.map(({ path, size }) => `${path} ${size}`) };
}

for (const [what, files, unpacked] of ODD) {
  Deno.test(`peek sees what an engine unpacks: ${what}`, async () => {
    await using place = await makePlace(await gzip(tarOf(files)));
    const { code, listed, stderr } = await peek(place);
    assert.deepEqual([code, listed], [0, unpacked], stderr);
  });
}

Deno.test("an attribute that is not a number is passed over, and the size never", async () => {
  await using place = await makePlace(
    tarOf([paxOf({ mtime: "1e9", uid: "me" }), { name: "a" }, { name: "b" }]),
  );
  assert.deepEqual((await peek(place)).listed, ["a 0", "b 0"]);
  await using other = await makePlace(tarOf([paxOf({ size: "-1" }), { name: "a" }]));
  assert.equal((await peek(other)).code, 5);
});

Deno.test("the padding of the last file may be missing, and a notice says so", async () => {
  const whole = tarOf([{ name: "a", content: "first" }, { name: "h", content: "hello" }]);
  const torn = whole.slice(0, 1024 + 512 + 5);
  for (const bytes of [torn, await gzip(torn)]) {
    await using place = await makePlace(bytes);
    const { code, listed, stderr } = await peek(place);
    assert.deepEqual([code, listed], [0, ["a 5", "h 5"]]);
    assert.match(
      stderr,
      /a layer ends without the padding of its last file, which is whole: nothing is missing\n/,
    );
    assert.equal((await place.run(["extract", "oci:box:t", "h", "-o", "-"])).stdout, "hello");
  }
});

Deno.test("that padding is missing is said once, however many layers have none", async () => {
  await using place = await makeWorkplace();
  using image = openImage(`oci:${place.path("box")}:t`);
  const torn = (name: string) => ({ bytes: tarOf([{ name, content: "hello" }]).slice(0, 512 + 5) });
  await putImage(image.store, "t", ["a", "b", "c"].map(torn));
  for (const command of [["peek", "oci:box:t"], ["extract", "oci:box:t", "/", "-o", "out"]]) {
    const { code, stderr } = await place.run(command);
    assert.deepEqual([code, stderr.match(/without the padding/g)?.length], [0, 1], stderr);
  }
});

Deno.test("of a layer that is torn off what was read is listed, and the command fails", async () => {
  const whole = tarOf([{ name: "a", content: "first" }, { name: "b", content: "second" }]);
  for (const bytes of [whole.slice(0, 1024 + 512 + 3), await gzip(whole.slice(0, 1024 + 100))]) {
    await using place = await makePlace(bytes);
    const { code, listed, stderr } = await peek(place);
    assert.equal(code, 5);
    assert.equal(listed[0], "a 5");
    assert.match(stderr, /is truncated at byte \d+/);
    const extracted = await place.run(["extract", "oci:box:t", "/", "-o", "out"]);
    assert.equal(extracted.code, 5);
    assert.ok(!Array.from(Deno.readDirSync(place.directory), ({ name }) => name).includes("out"));
  }
});

Deno.test("what cannot be a name on any disk is left out of an extraction, and named", async () => {
  const files = [paxOf({ path: `d/${"n".repeat(300)}` }), { name: "x" }, { name: "b", content: "b" }];
  await using place = await makePlace(tarOf(files));
  const { code, stderr } = await place.run(["extract", "oci:box:t", "/", "-o", "out"]);
  assert.equal(code, 1);
  assert.match(stderr, /1 entry skipped, because the name is too long.*: d\/nnn/);
  assert.equal(await Deno.readTextFile(place.path("out/b")), "b");
});

/** Entries as this program reads them, in Go's terms, up to an error. */
async function listHere(archive: Uint8Array<ArrayBuffer>): Promise<GoListing> {
  const listing: GoListing = { entries: [], error: "" };
  try {
    for await (const entry of readTar(new StreamInput(streamOf(archive, 700)))) {
      const { name, target = "", size, mode, uid, gid } = entry;
      const listed = {
        name: hexOf(name),
        target: hexOf(target),
        flag: FLAGS[entry.type]!,
        size,
        mode,
        uid,
        gid,
        content: "",
      };
      listing.entries.push(listed);
      if (size < 1 << 24) listed.content = await digestOfContent(entry);
    }
  } catch (error) {
    assert.ok(error instanceof LayerstashError, `${error}`);
    listing.error = error.message;
  }
  return listing;
}

const FLAGS: Record<string, string> = {
  file: "0",
  hardlink: "1",
  symlink: "2",
  directory: "5",
  fifo: "6",
  "character-device": "3",
  "block-device": "4",
};

function hexOf(name: string): string {
  const bytes = Array.from(
    name,
    (each) => /[\udc80-\udcff]/u.test(each) ? new Uint8Array([each.charCodeAt(0) - 0xdc00]) : text(each),
  );
  return concatenate(bytes).toHex();
}

async function digestOfContent(
  { size, extents }: Pick<OpenEntry, "size" | "extents">,
) {
  const content = new Uint8Array(size);
  for await (const { offset, bytes } of extents()) content.set(bytes, offset);
  return createHash("sha256").update(content).digest("hex");
}

/** An archive of random parts, whose odds are chosen so that most are read to their ends. */
function randomArchive(random: (below: number) => number): Uint8Array<ArrayBuffer> {
  const pick = <T>(values: readonly T[]): T => values[random(values.length)]!;
  const file = (): TarFile => ({
    name: pick(["a", "dir/", "dir/b", "x".repeat(100), "caf\xe9", "./c", "../d", "/e", ""]),
    isLatin: true,
    flag: pick(["0", "0", "0", "1", "2", "3", "5", "6", "S", "7"]),
    target: pick(["", "a", "dir"]),
    content: "c".repeat(pick([0, 0, 1, 511, 512, 513])),
    change: pick([
      () => {},
      () => {},
      gnuHeader(""),
      gnuHeader("usr/bin"),
      gnuHeader("12345670123\0"),
      (header: Uint8Array) => header.set(text("usr/pre"), 345),
      (header: Uint8Array) => header.fill(0, 156, 157),
      (header: Uint8Array) => header.fill(0, 257, 265),
      (header: Uint8Array) => header.fill(0xff, 108, 116),
      (header: Uint8Array) => header.set(text("\0 755 \0\0"), 100),
      (header: Uint8Array) => header.set(text("tar\0"), 508),
    ]),
  });
  const attributes = (): Record<string, string> =>
    pick<Record<string, string>>([
      { path: pick(["pax", "pax/", "", "n".repeat(300)]) },
      { linkpath: "pax-target", uid: "-5" },
      { size: pick(["0", "1", "512", "+3"]) },
      { mtime: "1.5", uname: "me" },
      { "GNU.sparse.name": "sparse", path: "x" },
      {
        "GNU.sparse.major": pick(["0", "1", "2", ""]),
        "GNU.sparse.minor": pick(["0", "1", "5", ""]),
        "GNU.sparse.name": "sparse",
        "GNU.sparse.realsize": "513",
      },
      {
        "GNU.sparse.map": "0,1,3,512",
        "GNU.sparse.numblocks": "2",
        "GNU.sparse.size": "900",
        "GNU.sparse.realsize": "800",
      },
      { "GNU.sparse.map": "1,1", "GNU.sparse.numblocks": "1", "GNU.sparse.name": "sparse/" },
      { "GNU.sparse.realsize": "3" },
    ]);
  const files: TarFile[] = [];
  for (let left = 1 + random(4); left > 0; left--) {
    const extension = random(8);
    if (extension < 3) files.push(paxOf(attributes(), pick(["x", "x", "x", "g"])));
    if (extension === 3) {
      files.push({
        name: "L",
        flag: pick(["L", "K"]),
        content: pick(["\0", "long\0", "long/", "l".repeat(600)]),
      });
    }
    if (extension === 4) files.push(paxOf(attributes()), { name: "L", flag: "L", content: "long-name\0" });
    files.push(file());
  }
  const archive = tarOf(files);
  return random(10) === 0 ? archive.slice(0, archive.length - random(2000)) : archive;
}

Deno.test("random archives are read as Go's archive/tar reads them", { ignore: !HAS_GO }, async () => {
  let state = 11;
  const random = (below: number) => (state = state * 48271 % 2147483647) % below;
  const archives = [
    ...ODD.map(([, files]) => tarOf(files)),
    ...Array.from({ length: 3000 }, () => randomArchive(random)),
  ];
  const judged = await listWithGo(archives);
  let sound = 0;
  for (const [index, go] of judged.entries()) {
    const here = await listHere(archives[index]!);
    // Go refuses more: what an engine does not unpack at all, nobody is misled about.
    if (
      go.error !== "" || go.entries.some(({ content }) => content !== "" && !/^[0-9a-f]{64}$/.test(content))
    ) continue;
    sound++;
    assert.equal(here.error, "", `archive ${index}: ${JSON.stringify(go)}`);
    assert.deepEqual(
      here.entries.map(comparable),
      go.entries.filter(({ flag }) => flag !== "g").map(comparable),
      `archive ${index}`,
    );
  }
  assert.ok(sound > 700, `only ${sound} archives are sound`);
});

/** What both say in the same way. */
function comparable({ name, target, flag, size, mode, uid, gid, content }: GoEntry) {
  const type = flag === "S" || flag === "7" ? "0" : flag;
  const isLink = type === "1" || type === "2";
  return {
    name,
    type,
    mode: mode & 0o7777,
    uid,
    gid,
    target: isLink ? target : "",
    ...(type === "0" && { size, content }),
  };
}
