/** No more of a layer is fetched than is needed: the figures, with what really passed over the wire. @module */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { fileSource } from "../lib/content/file_source.ts";
import { extract, findImage, ImageFiles, pathPattern, readImageFile, survey } from "../lib/exports/images.ts";
import { Hasher } from "../lib/content/hasher.ts";
import { type OnEvent, openStore } from "../main.ts";
import { blobReader } from "./rigs/readers.ts";
import { concatenate, makeWorkspace, someBytes, type Workspace } from "./rigs/content.ts";
import { startCountingProxy } from "./rigs/counting_proxy.ts";
import { ensureTool } from "./rigs/debian.ts";
import { startFakeRegistry } from "./rigs/fake_registry.ts";
import { gzip, type MadeLayer, makeImage, putImage } from "./rigs/images.ts";
import { startRegistry } from "./rigs/real_registry.ts";
import { estargzOf, type TableOptions, zstdChunkedOf } from "./rigs/toc_layers.ts";
import { headerOf, type TarFile, tarOf } from "./rigs/tar.ts";

const ignore = !await ensureTool("docker-registry", "docker-registry");
const MiB = 1024 ** 2;

/** Stores a layer of a file in Debian's registry, others above it, and reads the image through a counting proxy. */
async function overTheWire(
  path: string,
  work: (files: ImageFiles) => Promise<void>,
  above: MadeLayer[] = [],
): Promise<{ passed: number; fetched: number; size: number }> {
  await using registry = await startRegistry();
  await using proxy = startCountingProxy(registry);
  using hasher = new Hasher();
  using direct = openStore({ registry: registry.url, repository: "me/image" });
  const { size } = await Deno.stat(path);
  const layer = await direct.write(fileSource(path, { start: 0, end: size }, hasher));
  await putImage(direct, "t", [layer, ...above]);
  using store = openStore({ registry: `http://${proxy.host}`, repository: "me/image" });
  const files = new ImageFiles(store, (await findImage(store, "t")).layers);
  await work(files);
  store.close();
  return { passed: proxy.passed.down, fetched: files.report.fetched, size };
}

function tell(
  what: string,
  { passed, fetched, size }: { passed: number; fetched: number; size: number },
): void {
  const share = (bytes: number) => `${bytes} bytes (${(100 * bytes / size).toFixed(4)} %)`;
  // deno-lint-ignore no-console -- the figures are what the test is about
  console.log(`${what}: fetched ${share(fetched)} of ${size}; ${share(passed)} came over the wire`);
}

/** A valid layer of 500 MiB that does not shrink: one file that stands early in it, and a large one behind. */
async function writeLargeGzip(work: Workspace): Promise<string> {
  const path = work.path("large.tar.gz");
  const block = someBytes(MiB);
  const member = await gzip(block);
  const early = tarOf([{ name: "etc/", flag: "5" }, { name: "etc/early", content: "found" }]).slice(0, -1024);
  using file = await Deno.open(path, { write: true, create: true });
  const write = async (bytes: Uint8Array) => {
    for (let at = 0; at < bytes.length;) at += await file.write(bytes.subarray(at));
  };
  await write(await gzip(concatenate([early, headerOf({ name: "large", size: 500 * MiB })])));
  for (let count = 0; count < 500; count++) await write(member);
  await write(await gzip(new Uint8Array(1024)));
  return path;
}

Deno.test(
  "a small file in a layer above a 500 MB gzip layer costs less than 0.1 % of it",
  { ignore },
  async () => {
    await using work = await makeWorkspace();
    const path = await writeLargeGzip(work);
    const top = await gzip(tarOf([{ name: "etc/", flag: "5" }, { name: "etc/early", content: "newer" }]));
    const read = async (files: ImageFiles) => {
      const found: Uint8Array[] = [];
      await readImageFile(files, "/etc/early", { write: (bytes) => void found.push(bytes.slice()) });
      return new TextDecoder().decode(concatenate(found));
    };
    const cost = await overTheWire(path, async (files) => {
      assert.equal(await read(files), "newer");
      assert.equal(files.report.verified, true, "the layer below was not needed");
    }, [{ bytes: top }]);
    tell("a small file above a gzip layer", cost);
    assert.ok(cost.size > 500e6);
    assert.ok(cost.passed < cost.size / 1000);
    const alone = await overTheWire(path, async (files) => {
      assert.equal(await read(files), "found");
      assert.equal(files.report.verified, true);
    });
    tell("a small file in a gzip layer", alone);
    assert.ok(
      alone.fetched < alone.size * 1.001,
      "the layer is read once, because a later entry would count",
    );
  },
);

/** A layer of 1 GiB that takes no room on the disk. */
async function writeLargeTar(work: Workspace): Promise<string> {
  const path = work.path("large.tar");
  using file = await Deno.open(path, { write: true, create: true });
  for (let count = 0; count < 64; count++) {
    await file.seek(count * (16 * MiB + 512), Deno.SeekMode.Start);
    await file.write(headerOf({ name: `models/part-${count}`, size: 16 * MiB }));
  }
  await file.truncate(64 * (16 * MiB + 512) + 1024);
  return path;
}

Deno.test(
  "listing an uncompressed 1 GiB layer of large files costs less than 1 % of it",
  { ignore },
  async () => {
    await using work = await makeWorkspace();
    const cost = await overTheWire(await writeLargeTar(work), async (files) => {
      const names: string[] = [];
      for await (const { path, size } of files.entries(files.layers[0]!, { want: "names" })) {
        names.push(`${path} ${size}`);
      }
      assert.deepEqual(names, Array.from({ length: 64 }, (_, count) => `models/part-${count} ${16 * MiB}`));
      assert.equal(files.report.verified, false);
    });
    tell("a listing of an uncompressed layer", cost);
    assert.ok(cost.size > 1024 ** 3);
    assert.ok(cost.passed < cost.size / 100);
  },
);

Deno.test("a file of 9 GiB is leaped over", async () => {
  const size = 9 * 1024 ** 3;
  const reads: [number, number][] = [];
  const header = concatenate([headerOf({ name: "huge", size }), new Uint8Array(512)]);
  const end = concatenate([headerOf({ name: "last" }), new Uint8Array(1024)]);
  const byteAt = (start: number, length: number) => {
    const bytes = new Uint8Array(length);
    for (const [offset, part] of [[0, header.subarray(0, 512)], [512 + size, end]] as const) {
      const from = Math.max(start, offset);
      const to = Math.min(start + length, offset + part.length);
      if (from < to) bytes.set(part.subarray(from - offset, to - offset), from - start);
    }
    return bytes;
  };
  const store = blobReader({
    readUnverified(_digest, { range } = {}) {
      const { start, end } = range!;
      reads.push([start, end]);
      return Promise.resolve(ReadableStream.from([byteAt(start, end - start)]));
    },
  });
  const layer = {
    number: 1,
    mediaType: "x",
    digest: `sha256:${"0".repeat(64)}` as const,
    size: 512 + size + end.length,
  };
  const files = new ImageFiles(store, [layer]);
  const found: string[] = [];
  for await (const { path, size } of files.entries(layer, { want: "names" })) found.push(`${path} ${size}`);
  assert.deepEqual(found, [`huge ${size}`, "last 0"]);
  assert.ok(files.report.fetched < 100_000, `${reads}`);
});

const FILES: TarFile[] = [
  { name: "etc/", flag: "5" },
  { name: "etc/early", content: "found" },
  { name: "large", content: someBytes(3 * MiB) },
  { name: "link", flag: "2", target: "large" },
  { name: "same", flag: "1", target: "large" },
  { name: "null", flag: "3", device: [1, 3] },
  { name: "late", content: "at the end" },
];

for (const [format, make] of [["eStargz", estargzOf], ["zstd:chunked", zstdChunkedOf]] as const) {
  Deno.test(`the table of contents of ${format} spares the rest`, async () => {
    const made = await make(FILES);
    const expected = await listed([{ bytes: tarOf(FILES) }]);
    for (const annotated of [true, false]) {
      const layer = annotated ? made : { bytes: made.bytes };
      await using image = await makeImage([layer]);
      const files = await image.files();
      assert.deepEqual(await listed([layer]), expected, "the list is that of the archive");
      const text: Uint8Array[] = [];
      const { entries } = await survey(files, [await pathPattern("late")]);
      assert.equal(entries.length, 1);
      await readImageFile(files, "late", { write: (bytes) => void text.push(bytes.slice()) });
      assert.equal(new TextDecoder().decode(concatenate(text)), "at the end");
      const { fetched, size, verified, byTable } = files.report;
      assert.ok(fetched < size / 10, `${fetched} of ${size}`);
      assert.equal(verified, false, "a table may list other files than the layer has");
      assert.equal(byTable, annotated, "only what the manifest names by digest proves anything");
      const large = createHash("sha256");
      await readImageFile(files, "same", { write: (bytes) => void large.update(bytes) });
      assert.equal(large.digest("hex"), createHash("sha256").update(someBytes(3 * MiB)).digest("hex"));
      assert.deepEqual(image.notices, []);
    }
  });

  Deno.test(`a table of contents of ${format} that is not what the manifest says is not used`, async () => {
    const { bytes, annotations } = await make(FILES);
    const other = Object.fromEntries(
      Object.entries(annotations!).map((
        [key, value],
      ) => [key, value.replace(/^sha256:.*/, `sha256:${"0".repeat(64)}`)]),
    );
    await using image = await makeImage([{ bytes, annotations: other }]);
    const files = await image.files();
    await survey(files, [await pathPattern("**/late")]);
    assert.match(image.notices.join(), /is not used: its digest is not the one/);
    assert.equal(files.report.verified, true, "all was read instead");
  });
}

/** What is wrong with a layer, though its table of contents has the digest that the manifest names. */
const WRONG_TABLES: [what: string, table: TableOptions, reason: RegExp][] = [
  ["other bytes", {
    packed: FILES.map((file) =>
      file.name === "large" ? { ...file, content: someBytes(3 * MiB).with(5, 0) } : file
    ),
  }, /^large is corrupted: its digest is not the one in the table of contents$/],
  ["a gap", {
    change: (rows) => rows.filter(({ type }) => type === "chunk").forEach((row) => row.chunkOffset = 5),
  }, /^the table of contents is malformed: large has gaps$/],
  ["too few chunks", {
    change: (rows) => void rows.splice(rows.findLastIndex(({ type }) => type === "chunk"), 1),
  }, /^the table of contents is malformed: large is not whole$/],
];

for (const [what, table, reason] of WRONG_TABLES) {
  Deno.test(`a file of which a table of contents has ${what} is refused, and gets no name`, async () => {
    await using image = await makeImage([await estargzOf(FILES, table)]);
    for (const path of ["large", "same"]) {
      await assert.rejects(readImageFile(await image.files(), path, { write: () => {} }), {
        name: "MismatchError",
        message: reason,
      });
    }
    const directory = image.work.path("out");
    await assert.rejects(extract(await image.files(), ["large", "late"], { directory }), { message: reason });
    assert.equal(await image.work.has("out"), false);
    await extract(await image.files(), ["late"], { directory });
    assert.equal(await Deno.readTextFile(`${directory}/late`), "at the end", "other files are sound");
  });
}

Deno.test("what a link leads to is read with one look at all names", async () => {
  const large = { name: "large", content: someBytes(3 * MiB) };
  const layer = tarOf([{ name: "file", content: "found" }, large, {
    name: "link",
    flag: "2",
    target: "file",
  }]);
  await using image = await makeImage([{ bytes: await gzip(layer) }]);
  const files = await image.files();
  const text: Uint8Array[] = [];
  await readImageFile(files, "link", { write: (bytes) => void text.push(bytes.slice()) });
  assert.equal(new TextDecoder().decode(concatenate(text)), "found");
  const { fetched, size } = files.report;
  assert.ok(fetched < 1.1 * size, `${fetched} of ${size}`);
});

async function listed(layers: Parameters<typeof makeImage>[0]): Promise<string[]> {
  await using image = await makeImage(layers);
  const files = await image.files();
  const lines: string[] = [];
  for await (const entry of files.entries(files.layers[0]!, { want: "names" })) {
    const { extents: _, position: __, lasting: ___, ...rest } = entry;
    if (rest.path !== "stargz.index.json") lines.push(JSON.stringify(rest));
  }
  return lines;
}

Deno.test("a registry that gives whole blobs only is read all the same, and asked for a part once", async () => {
  await using registry = await startFakeRegistry({ faults: { ranges: "ignored" } });
  const notices: string[] = [];
  using store = openStore({ registry: registry.url, repository: "me/image" });
  const archive = tarOf([{ name: "a", content: someBytes(2 * MiB) }, { name: "b", content: "end" }]);
  for (const bytes of [archive, await gzip(archive)]) {
    await putImage(store, "t", [{ bytes }]);
    registry.requests.length = 0;
    const onEvent: OnEvent = (event) => void (event.type === "notice" && notices.push(event.message));
    const files = new ImageFiles(store, (await findImage(store, "t")).layers, { onEvent });
    const tree = await files.merged();
    assert.deepEqual(Array.from(tree.entries(), ({ path }) => path), ["a", "b"]);
    const text: Uint8Array[] = [];
    await readImageFile(files, "b", { write: (bytes) => void text.push(bytes.slice()) });
    assert.equal(new TextDecoder().decode(concatenate(text)), "end");
    assert.equal(notices.splice(0).length, 1);
    const asked = registry.requests.filter(({ path }) => path.includes("/blobs/"));
    assert.ok(asked.length <= 4, JSON.stringify(asked));
  }
});
