/** `verify` checks folders: that their layers are there, that every byte is right, and that a directory is the same. @module */
import assert from "node:assert/strict";
import { diff, verifyFolder } from "../lib/exports/folders.ts";
import { openImage } from "../lib/exports/images.ts";
import { openDisk } from "../lib/folders/open_disk.ts";
import { PackWriter } from "../lib/folders/pack_writer.ts";
import { encodedPart } from "../lib/oci/digest.ts";
import type { Store, TransferEvent } from "../main.ts";
import { makeWorkplace, timeless, type Workplace } from "./rigs/command_line.ts";
import { concatenate, someBytes } from "./rigs/content.ts";
import { putImage, putIndex } from "./rigs/images.ts";
import { estargzOf, type TableOptions } from "./rigs/toc_layers.ts";
import { onLinux, onPosix } from "./rigs/system.ts";

const posix = onPosix("file modes");

/** Stores a folder of two packs; returns the digests of its layers. */
async function storeFolder(work: Workplace): Promise<string[]> {
  await Deno.mkdir(work.path("in/sub"), { recursive: true });
  await work.write("in/large", someBytes(5_000_000));
  await work.write("in/sub/small", "small");
  await work.write("in/empty", "");
  await Deno.symlink("large", work.path("in/link"));
  const { code, stderr } = await work.run(["upload", "in", "oci:box:in"]);
  assert.equal(code, 0, stderr);
  using image = openImage(`oci:${work.path("box")}:in`);
  const { bytes } = (await image.store.manifest("in"))!;
  return JSON.parse(new TextDecoder().decode(bytes)).layers.map(({ digest }: { digest: string }) => digest);
}

const blobPath = (work: Workplace, digest: string) =>
  work.path(`box/blobs/sha256/${encodedPart(digest as "sha256:")}`);

Deno.test("verify of a folder looks for its layers, and with --deep reads every byte", posix, async () => {
  await using work = await makeWorkplace();
  const layers = await storeFolder(work);
  const quick = await work.run(["verify", "oci:box:in"]);
  assert.deepEqual([quick.code, quick.stdout, quick.stderr], [
    0,
    `in is OK: 4 files, 5 MB in ${layers.length} layers, all layers are present; their bytes were not read (--deep reads them)\n`,
    "",
  ]);
  const deep = await work.run(["verify", "oci:box:in", "--deep", "--json"]);
  const { event, files, faults, differences } = JSON.parse(deep.stdout.trim().split("\n").at(-1)!);
  assert.deepEqual([deep.code, event, files, faults, differences], [0, "done", 4, [], 0], deep.stderr);

  const first = blobPath(work, layers[0]!);
  const whole = await Deno.readFile(first);
  await Deno.chmod(first, 0o644);
  await Deno.writeFile(first, whole.with(3000, whole[3000]! ^ 1));
  assert.equal((await work.run(["verify", "oci:box:in"])).code, 0);
  const damaged = await work.run(["verify", "oci:box:in", "--deep"]);
  assert.equal(damaged.code, 5);
  assert.match(damaged.stdout, /^in is NOT OK: 1 fault\nlayer 1: [^\n]+\n$/);
  assert.match(
    damaged.stderr,
    /\nhint: store the folder again under another name, from where it is whole\n$/,
  );
  await Deno.writeFile(first, whole.subarray(0, -1));
  const short = await work.run(["verify", "oci:box:in"]);
  assert.deepEqual([short.code, short.stdout], [
    5,
    `in is NOT OK: 1 fault\nlayer 1: it has ${whole.length - 1} bytes, not ${whole.length}\n`,
  ]);
  await Deno.remove(first);
  for (const options of [[], ["--deep"]]) {
    const missing = await work.run(["verify", "oci:box:in", ...options]);
    assert.deepEqual([missing.code, missing.stdout], [5, "in is NOT OK: 1 fault\nlayer 1: it is missing\n"]);
    assert.match(
      missing.stderr,
      /hint: store the folder again with --overwrite: only what is missing is sent\n$/,
    );
  }
  const again = await work.run(["upload", "in", "oci:box:in", "--overwrite", "--json"]);
  assert.equal(JSON.parse(again.stdout.trim().split("\n").at(-1)!).sent, 1, again.stdout);
  assert.equal((await work.run(["verify", "oci:box:in", "--deep"])).code, 0);
});

Deno.test("verify of a folder names what differs in a directory, by contents", posix, async () => {
  await using work = await makeWorkplace();
  await storeFolder(work);
  const same = await work.run(["verify", "oci:box:in", "in"]);
  assert.equal(timeless(same.stdout), "in is OK: 4 files, 5 MB in 2 layers, in is the same\n");
  const { mtime } = await Deno.stat(work.path("in/large"));
  using large = await Deno.open(work.path("in/large"), { write: true });
  await large.write(new Uint8Array([1, 2, 3]));
  await large.utime(mtime!, mtime!);
  await Deno.remove(work.path("in/sub/small"));
  const differs = await work.run(["verify", "oci:box:in", "in"]);
  assert.equal(differs.code, 5);
  const [head, ...lines] = differs.stdout.trimEnd().split("\n");
  assert.equal(head, "in compared with in is NOT OK: 2 differences, and 1 time (layerstash diff shows them)");
  assert.match(lines.join("\n"), /^changed -rw-r--r-- {3}5000000 large \(content/m);
  assert.match(lines.join("\n"), /^removed -rw-r--r-- {9}5 sub\/small$/m);
  const json = (await work.run(["verify", "oci:box:in", "in", "--json"])).stdout.trim().split("\n");
  const documents = json.map((line) => JSON.parse(line)).filter(({ event }) => event === "difference");
  assert.deepEqual(documents.map(({ path }) => path), ["large", "sub/small"]); // sub has another time alone
  assert.equal(JSON.parse(json.at(-1)!).times, 1);
  const nowhere = await work.run(["verify", "oci:box:in", "nowhere"]);
  assert.equal(nowhere.code, 3, nowhere.stderr);
});

Deno.test(
  "the bytes of local files that are read to compare them are told, and make the rate",
  posix,
  async () => {
    await using work = await makeWorkplace();
    await storeFolder(work);
    using image = openImage(`oci:${work.path("box")}:in`);
    const events: TransferEvent[] = [];
    const onEvent = (event: TransferEvent) => void events.push(event);
    const sides = [{ store: image.store, reference: "in" }, { directory: work.path("in") }] as const;
    using comparison = await diff(...sides, { onEvent });
    for await (const { path } of comparison.differences()) assert.fail(path);
    const hashed = events.flatMap((event) =>
      event.type === "progress" && event.phase === "hash" ? event.bytes : []
    );
    assert.equal(hashed.reduce((sum, bytes) => sum + bytes, 0), 5_000_005);

    const { stderr } = await work.run(["verify", "oci:box:in", "in"]);
    const [, seconds, rate, unit] =
      /^layerstash: verified in: ([\d.]+)s, ([\d.]+) ([KM])B\/s$/m.exec(stderr) ?? [];
    const read = Number(seconds) * Number(rate) * (unit === "M" ? 1e6 : 1e3);
    assert.ok(read > 1_000_000, stderr); // the tables that are fetched have a thousandth of that
  },
);

Deno.test("what a download leaves out on purpose is no fault to verify: set-ID bits", posix, async () => {
  await using work = await makeWorkplace();
  await Deno.mkdir(work.path("in"));
  await work.write("in/tool", "#!/bin/sh");
  await Deno.chmod(work.path("in/tool"), 0o4755);
  assert.equal((await work.run(["upload", "in", "oci:box:in"])).code, 0);
  const back = await work.run(["download", "oci:box:in", "out"]);
  assert.match(back.stderr, /^layerstash: set-user-ID and set-group-ID bits of 1 entry were not set\n/);
  const { code, stdout } = await work.run(["verify", "oci:box:in", "out"]);
  assert.equal(code, 0, stdout);
  assert.match(
    stdout,
    /, out is the same, except for the set-ID bits of 1 entry \(layerstash diff shows them\)\n$/,
  );
  assert.match((await work.run(["diff", "oci:box:in", "out"])).stdout, /^changed .* tool \(mode/);
  await Deno.chmod(work.path("out/tool"), 0o700);
  assert.equal((await work.run(["verify", "oci:box:in", "out"])).code, 5, "other bits count");
});

Deno.test(
  "a copy of a directory with other times is the same to verify, and its modes count",
  posix,
  async () => {
    await using work = await makeWorkplace();
    await storeFolder(work);
    const { ino } = await Deno.stat(work.path("in/large"));
    await Deno.copyFile(work.path("in/large"), work.path("in/copy"));
    await Deno.rename(work.path("in/copy"), work.path("in/large"));
    assert.notEqual((await Deno.stat(work.path("in/large"))).ino, ino);
    const same = await work.run(["verify", "oci:box:in", "in"]);
    assert.deepEqual([same.code, same.stdout], [
      0,
      "in is OK: 4 files, 5 MB in 2 layers, in is the same, except for 2 times (layerstash diff shows them)\n",
    ]);
    await Deno.chmod(work.path("in/large"), 0o600);
    const closed = await work.run(["verify", "oci:box:in", "in"]);
    assert.equal(closed.code, 5);
    assert.match(
      closed.stdout,
      /^in compared with in is NOT OK: 1 difference, and 1 time \(layerstash diff shows them\)\nchanged -rw------- .*mode 0644 to 0600/,
    );
  },
);

const FILES = [
  { name: "large", content: someBytes(3_000_000) },
  { name: "sub/", flag: "5" },
  { name: "sub/small", content: "small" },
];

/** Stores an image that says that it is a folder, as anybody may. */
async function putFolder(store: Store, tag: string, options: TableOptions, files = FILES) {
  const layerstash = { version: 1, kind: "folder", files: 2, size: 3_000_005 };
  const config = { os: "linux", architecture: "amd64", layerstash };
  return await putImage(store, tag, [await estargzOf(files, options)], config);
}

Deno.test("--deep finds tables of contents that lie, whatever they lie about", async () => {
  await using work = await makeWorkplace();
  using image = openImage(`oci:${work.path("box")}:t`);
  const { store } = image;
  const lies: Record<string, [TableOptions, RegExp | undefined]> = {
    none: [{}, undefined],
    mode: [{ change: (rows) => void (rows[0]!.mode = 0o777) }, /it says something else of large/],
    type: [
      { change: (rows) => void (rows[0]!.type = "constructor") },
      /the table of contents is malformed: an entry has an unknown type/,
    ],
    attributes: [
      { change: (rows) => void (rows[0]!.xattrs = { "user.kind": "AQ==" }) },
      /it says something else of large/,
    ],
    "other-digest": [
      {
        change: (rows) => void (rows.at(-1)!.digest = rows.at(-1)!.chunkDigest = `sha256:${"0".repeat(64)}`),
      },
      /it has other digests for sub\/small/,
    ],
    hidden: [{ change: (rows) => void rows.pop() }, /in the place of sub\/small/],
    more: [{ packed: FILES.slice(0, 2) }, /its rows are not in the order of the pack/],
    digests: [{ digests: false }, /large is not in pieces that have digests/],
  };
  for (const [tag, [options, problem]] of Object.entries(lies)) {
    await putFolder(store, tag, options);
    assert.deepEqual((await verifyFolder(store, tag)).faults, []);
    const { faults } = await verifyFolder(store, tag, { deep: true });
    assert.deepEqual(faults.map(({ layer, kind }) => [layer, kind]), problem ? [[1, "table"]] : [], tag);
    if (problem) assert.match(faults[0]!.problem, problem);
  }
});

Deno.test("--deep compares a table of more rows than are read at once elsewhere", async () => {
  await using work = await makeWorkplace();
  using image = openImage(`oci:${work.path("box")}:t`);
  const writer = new PackWriter();
  const pieces: Uint8Array[] = [];
  const directories = 300_001;
  const take = (bytes: Iterable<Uint8Array>) => {
    for (const each of bytes) pieces.push(each.slice());
  };
  take(writer.begin());
  for (let index = 0; index < directories; index++) {
    const path = index === 0 ? "" : `${index}`;
    take(writer.add({ path, type: "directory", mode: 0o755, size: 0, seconds: 1, nanoseconds: 0 }));
  }
  const rest = writer.end();
  let next = await rest.next();
  for (; !next.done; next = await rest.next()) pieces.push(next.value.slice());
  const annotations = { "containerd.io/snapshot/stargz/toc.digest": next.value.table };
  const layerstash = { version: 1, kind: "folder", files: 0, size: 0 };
  const config = { os: "linux", architecture: "amd64", layerstash };
  await putImage(image.store, "t", [{ bytes: concatenate(pieces), annotations }], config);
  assert.deepEqual((await verifyFolder(image.store, "t", { deep: true })).faults, []);
});

Deno.test("a folder in an index is verified, compared and brought back", async () => {
  await using work = await makeWorkplace();
  using image = openImage(`oci:${work.path("box")}:t`);
  const manifest = await putFolder(image.store, "one", {});
  await putIndex(image.store, "all", [{ manifest, platform: { os: "linux", architecture: "amd64" } }]);
  await putIndex(image.store, "nested", [{ manifest: (await image.store.manifest("all"))! }]);
  for (const tag of ["all", "nested"]) {
    const address = `oci:box:${tag}`;
    for (
      const words of [
        ["verify", address, "--deep"],
        ["info", address],
        ["download", address, `${tag}-out`],
        ["diff", address, "oci:box:one"],
        ["verify", address, `${tag}-out`],
      ]
    ) {
      const { code, stdout, stderr } = await work.run(words);
      assert.equal(code, 0, `${words.join(" ")}\n${stdout}${stderr}`);
    }
  }
});

const LOST = "a folder whose table has lost names that are not UTF-8 is read without it";
Deno.test(LOST, onLinux("such names"), async () => {
  await using work = await makeWorkplace();
  using image = openImage(`oci:${work.path("box")}:t`);
  const content = someBytes(400_000);
  const packed = ["caf\xe8", "caf\xe9", "large"].map((name) => ({ name, content, isLatin: true }));
  const table = packed.map((file) => ({ ...file, name: file.name.replace(/[^a-z]/, "\ufffd") }));
  using disk = openDisk();
  for (const [place, lost] of ["\ufffd", "\\ufffd", "\\uFFFD"].entries()) {
    await putFolder(image.store, "t", { packed, spell: (json) => json.replaceAll("\ufffd", lost) }, table);
    const { code, stderr } = await work.run(["download", "oci:box:t", `out${place}`]);
    assert.equal(code, 0, stderr);
    assert.deepEqual(disk.list(work.path(`out${place}`)).sort(), ["caf\udce8", "caf\udce9", "large"], lost);
  }
});
