/** The tar reader, against what GNU tar makes and says. @module */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { ListingLines } from "../lib/cli/text/file_listing.ts";
import { MismatchError } from "../lib/errors.ts";
import { readTar } from "../lib/layers/read_tar.ts";
import { StreamInput } from "../lib/layers/tar_input.ts";
import { concatenate, makeWorkspace, someBytes, streamOf, type Workspace } from "./rigs/content.ts";
import { ensureGnuTar } from "./rigs/debian.ts";
import { headerOf, linesOf, paxOf, runProgram, sealed, tarListing, tarOf } from "./rigs/tar.ts";

const ignore = !await ensureGnuTar();

interface Read {
  lines: string[];
  contents: Record<string, Uint8Array>;
}

/** Reads an archive from pieces of a size, with all contents, holes filled. */
async function read(bytes: Uint8Array<ArrayBuffer>, pieceSize = bytes.length || 1): Promise<Read> {
  const lines = new ListingLines({ naming: "archive", layers: false });
  const result: Read = { lines: [], contents: {} };
  for await (const entry of readTar(new StreamInput(streamOf(bytes, pieceSize)))) {
    result.lines.push(...linesOf(lines.render({ ...entry, layer: 1 })));
    if (entry.type !== "file" || entry.size > 1e8) continue;
    const content = result.contents[entry.path] = new Uint8Array(entry.size);
    for await (const { offset, bytes } of entry.extents()) content.set(bytes, offset);
  }
  return result;
}

/** A tree with everything that an ordinary user can make. */
async function makeTree(work: Workspace): Promise<string> {
  const tree = work.path("tree");
  const deep = `${tree}/${"deep-directory/".repeat(12)}`;
  await Deno.mkdir(deep, { recursive: true });
  await Deno.writeFile(`${deep}/${"n".repeat(200)}`, someBytes(1000));
  await Deno.writeFile(`${tree}/empty`, new Uint8Array());
  await Deno.writeFile(`${tree}/block`, someBytes(512));
  await Deno.writeFile(`${tree}/ümlaut – 日本`, someBytes(513));
  await Deno.link(`${tree}/block`, `${tree}/hard`);
  await Deno.symlink("t".repeat(150), `${tree}/long-link`);
  await runProgram("mkfifo", [`${tree}/fifo`]);
  await Deno.chmod(`${tree}/block`, 0o4751);
  await Deno.mkdir(`${tree}/sticky`);
  await Deno.chmod(`${tree}/sticky`, 0o1777);
  await Deno.utime(`${tree}/empty`, -86400, -86400);
  {
    using holes = await Deno.open(`${tree}/holes`, { write: true, create: true });
    for (let at = 0; at < 40; at++) {
      await holes.seek(at * 1024 * 1024 + 4096, Deno.SeekMode.Start);
      await holes.write(someBytes(100, at + 1));
    }
    await holes.truncate(45 * 1024 * 1024);
  }
  return tree;
}

for (
  const format of [
    "gnu",
    "oldgnu",
    "pax",
    "pax --sparse-version=0.0",
    "pax --sparse-version=0.1",
    "pax --sparse-version=1.0",
  ]
) {
  Deno.test(`archives of GNU tar in the format ${format} are read as it reads them`, { ignore }, async () => {
    await using work = await makeWorkspace();
    const tree = await makeTree(work);
    const archive = work.path("a.tar");
    await runProgram("tar", [
      "-c",
      "--sparse",
      ...`--format=${format}`.split(" "),
      "-f",
      archive,
      "-C",
      tree,
      ".",
    ]);
    const { lines, contents } = await read(await Deno.readFile(archive), 100_000);
    assert.deepEqual(lines, await tarListing(archive));
    assert.equal(Object.keys(contents).length, 5, "each file once, a hard link has no bytes");
    for (const [path, bytes] of Object.entries(contents)) {
      // Hard links: whichever name came first has the bytes.
      assert.deepEqual(Buffer.compare(bytes, await Deno.readFile(`${tree}/${path}`)), 0, path);
    }
  });
}

Deno.test("archives of the oldest formats are read as GNU tar reads them", { ignore }, async () => {
  await using work = await makeWorkspace();
  await Deno.mkdir(work.path("tree/sub"), { recursive: true });
  await work.write("tree/sub/file", someBytes(700));
  for (const format of ["v7", "ustar"]) {
    const archive = work.path(`${format}.tar`);
    await runProgram("tar", ["-c", `--format=${format}`, "-f", archive, "-C", work.path("tree"), "."]);
    const { lines, contents } = await read(await Deno.readFile(archive));
    assert.deepEqual(lines, await tarListing(archive));
    assert.deepEqual(contents["sub/file"], someBytes(700));
  }
});

Deno.test("an archive is the same read byte by byte", async () => {
  const archive = tarOf([
    paxOf({ path: `${"long/".repeat(60)}name`, mtime: "1600000000.25" }),
    { name: "short", content: someBytes(1500) },
    { name: "device", flag: "3", device: [8, 300] },
    { name: "dir", flag: "5" },
  ]);
  const whole = await read(archive);
  assert.deepEqual(await read(archive, 1), whole);
  assert.equal(whole.lines.length, 3);
  assert.match(whole.lines[1]!, /^crw-r--r-- 0\/0 8,300 /);
});

Deno.test("sizes over 8 GiB are read from binary numbers and from attributes", async () => {
  const size = 2 ** 33 + 5;
  const header = headerOf({ name: "huge", size });
  const attributes = tarOf([paxOf({ size: `${size}` })]).subarray(0, 1024);
  for (const bytes of [header, concatenate([attributes, headerOf({ name: "huge", size: 0 })])]) {
    for await (const entry of readTar(new StreamInput(streamOf(bytes)))) {
      assert.equal(entry.size, size);
      break;
    }
  }
});

Deno.test("a truncated archive is reported as such, wherever it ends", async () => {
  const archive = tarOf([paxOf({ path: "x" }), { name: "a", content: someBytes(600) }, { name: "b" }]);
  for (const end of [513, 1100, 1600, 2047, 2135, 2600]) {
    await assert.rejects(read(archive.slice(0, end)), MismatchError, `at ${end}`);
  }
  assert.equal((await read(archive.slice(0, -1024))).lines.length, 2, "the end itself is often missing");
  assert.equal(
    (await read(archive.slice(0, 2300))).lines.length,
    1,
    "and so may be the padding of the last file",
  );
});

Deno.test("what begins with anything but a header is no archive, and not a damaged one", async () => {
  const archive = tarOf([{ name: "a", content: someBytes(600) }]);
  for (const bytes of [archive.slice(0, 1), archive.slice(0, 511), someBytes(512), someBytes(5000)]) {
    await assert.rejects(read(bytes), { name: "NotAnArchiveError", message: "this is not a tar archive" });
  }
  assert.deepEqual((await read(new Uint8Array())).lines, []);
  assert.deepEqual((await read(new Uint8Array(1024))).lines, []);
});

Deno.test("damaged headers are refused with the reason", async () => {
  const broken = (change: (header: Uint8Array<ArrayBuffer>) => void, seal = true) => {
    const header = headerOf({ name: "a" });
    change(header);
    return concatenate([seal ? sealed(header) : header, new Uint8Array(1024)]);
  };
  const size = (text: string) => (header: Uint8Array) => header.set(new TextEncoder().encode(text), 124);
  const cases: [RegExp, Uint8Array<ArrayBuffer>][] = [
    [/checksum/, broken((header) => header[0] = 99, false)],
    [/size of an entry/, broken(size("99999999999\0"))],
    [/size of an entry/, broken((header) => header.fill(0xff, 124, 136))],
    [/volume/, broken((header) => header[156] = "M".charCodeAt(0))],
    [
      /continues after its end/,
      concatenate([new Uint8Array(512), headerOf({ name: "hidden" }), new Uint8Array(1024)]),
    ],
    [/malformed/, tarOf([{ name: "p", flag: "x", content: "99 path=x\n" }, { name: "a" }])],
    [/is not a number/, tarOf([paxOf({ size: "1e3" }), { name: "a" }])],
    [
      /attributes of 2147483648 bytes/,
      broken((header) => (header[156] = 120, size("20000000000\0")(header))),
    ],
    [/zero byte/, tarOf([paxOf({ path: "a\0b" }), { name: "a" }])],
    [/sparse file is malformed/, tarOf([sparse("2,1,1,1"), { name: "a", content: "xx" }])],
    [/sparse file is malformed/, tarOf([sparse("0,90071992547409910"), { name: "a", content: "xx" }])],
    [/sparse file is malformed/, tarOf([sparse("0,99999"), { name: "a", content: "xx" }])],
  ];
  for (const [reason, archive] of cases) await assert.rejects(read(archive), reason);
});

function sparse(map: string) {
  return paxOf({ "GNU.sparse.size": "10", "GNU.sparse.map": map });
}
