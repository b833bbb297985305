/** `diff` tells what differs between images, folders and directories, and fetches no more than it takes. @module */
import assert from "node:assert/strict";
import { diff, type DiffSide, uploadFolder } from "../lib/exports/folders.ts";
import { openImage } from "../lib/exports/images.ts";
import { openStore, type Store } from "../main.ts";
import { makeWorkplace, type Workplace } from "./rigs/command_line.ts";
import { makeWorkspace, someBytes, type Workspace } from "./rigs/content.ts";
import { startFakeRegistry } from "./rigs/fake_registry.ts";
import { makeOddFolder } from "./rigs/folders.ts";
import { gzip, putImage } from "./rigs/images.ts";
import { onLinux, onPosix, WITHOUT_RIGHTS } from "./rigs/system.ts";
import { type TarFile, tarOf } from "./rigs/tar.ts";
import { estargzOf, zstdChunkedOf } from "./rigs/toc_layers.ts";
import { ensureTool } from "./rigs/debian.ts";

const OLD = new Date("2026-01-02T03:04:05Z");
const NEW = new Date("2026-01-02T03:04:06Z");
const linux = onLinux("names and times as Linux has them");
const withPython = { ignore: linux.ignore || !await ensureTool("python3", "python3") };

/** What is told of each path, in one word each: `changed a content`. */
async function differences(before: DiffSide, after: DiffSide, options = {}): Promise<string[]> {
  using comparison = await diff(before, after, options);
  return await Array.fromAsync(
    comparison.differences(),
    ({ change, path, aspects }) => [change, path, ...aspects].join(" "),
  );
}

async function putFile(path: string, content: string | Uint8Array, { time = OLD, mode = 0o644 } = {}) {
  await (typeof content === "string" ? Deno.writeTextFile(path, content) : Deno.writeFile(path, content));
  await Deno.chmod(path, mode);
  await Deno.utime(path, time, time);
}

/** Two directories that differ in everything that `diff` tells. */
async function makeTwo(work: Workplace | Workspace): Promise<void> {
  for (const name of ["one", "two"]) {
    await Deno.mkdir(work.path(`${name}/sub`), { recursive: true });
    await putFile(work.path(`${name}/same`), "same");
  }
  await putFile(work.path("one/gone"), "gone");
  await putFile(work.path("two/sub/new\u001b"), "new");
  await putFile(work.path("one/text"), "12345");
  await putFile(work.path("two/text"), "54321");
  await putFile(work.path("one/tool"), "longer");
  await putFile(work.path("two/tool"), "short", { mode: 0o755, time: NEW });
  await putFile(work.path("one/kind"), "file");
  await Deno.mkdir(work.path("two/kind"));
  await Deno.symlink("same", work.path("one/way"));
  await Deno.symlink("text", work.path("two/way"));
  for (const path of ["one/sub", "two/sub", "two/kind", "one", "two"]) {
    await Deno.utime(work.path(path), OLD, OLD);
  }
}

Deno.test(
  "diff of two folders has a line for each difference, and ends with 1",
  onPosix("file modes"),
  async () => {
    await using work = await makeWorkplace();
    await makeTwo(work);
    for (const name of ["one", "two"]) await work.run(["upload", name, `oci:box:${name}`]);
    const { code, stdout, stderr } = await work.run([
      "diff",
      "oci:box:one",
      "oci:box:two",
      "--ignore",
      "owner",
    ]);
    const lines = stdout.replace(/(?<=way -> text \(target same to text), time .*(?=\))/, "");
    assert.equal(
      lines,
      "removed -rw-r--r--         4 gone\n" +
        "changed drwxr-xr-x         0 kind/ (type file to directory, mode 0644 to 0755)\n" +
        "added   -rw-r--r--         3 sub/new?\n" +
        "changed -rw-r--r--         5 text (content)\n" +
        "changed -rwxr-xr-x         5 tool (size 6 to 5, mode 0644 to 0755, " +
        "time 2026-01-02 03:04:05 to 2026-01-02 03:04:06)\n" +
        "changed lrwxrwxrwx         0 way -> text (target same to text)\n",
    );
    assert.match(stderr, /^layerstash: 1 added, 1 removed, 4 changed; fetched .*; verified\n$/);
    assert.equal(code, 1);
    const json = await work.run(["diff", "oci:box:one", "oci:box:two", "--json", "--ignore", "time,mode"]);
    const events = json.stdout.trim().split("\n").map((line) => JSON.parse(line));
    assert.equal(json.code, 1);
    const [gone] = events;
    assert.deepEqual([gone.event, gone.change, gone.path, gone.before.size, gone.after], [
      ...["difference", "removed", "gone"],
      ...[4, undefined],
    ]);
    const tool = events.find(({ path }) => path === "tool");
    assert.deepEqual([tool.change, tool.aspects, tool.before.mode, tool.after.mode], [
      ...["changed", ["size"]],
      ...["0644", "0755"],
    ]);
    const { event, added, removed, changed, verified } = events.at(-1);
    assert.deepEqual([event, added, removed, changed, verified], ["done", 1, 1, 4, true]);
  },
);

Deno.test("diff of what is the same ends with 0, and its errors with neither 0 nor 1", async () => {
  await using work = await makeWorkplace();
  await makeTwo(work);
  await work.run(["upload", "one", "oci:box:one"]);
  const same = await work.run(["diff", "oci:box:one", "oci:box:one"]);
  assert.deepEqual([same.code, same.stdout, same.stderr], [0, "", "layerstash: no difference\n"]);
  const onDisk = await work.run(["diff", "oci:box:one", "one"]);
  assert.deepEqual([onDisk.code, onDisk.stdout], [0, ""], onDisk.stderr);
  assert.match(onDisk.stderr, /^layerstash: no difference; fetched/);
  assert.equal((await work.run(["diff", "one", "one/"])).code, 0);
  using image = openImage(`oci:${work.path("box")}`);
  await putImage(image.store, "artifact", [{
    bytes: new TextEncoder().encode("no archive"),
    annotations: {},
  }]);
  for (
    const [code, ...words] of [
      [3, "oci:box:one", "oci:box:three"],
      [3, "oci:box:one", "./nothing/"],
      [2, "oci:box:one"],
      [2, "oci:box:one", "one", "--ignore", "colour"],
      [5, "oci:box:one", "oci:box:artifact"],
    ] as const
  ) {
    const ended = await work.run(["diff", ...words]);
    assert.deepEqual([ended.code, ended.stdout], [code, ""], ended.stderr);
    assert.match(
      ended.stderr,
      /^layerstash: (cannot compare|the new tree is missing|--ignore does not take)/,
      ended.stderr,
    );
  }
});

Deno.test("a failure that is 1 for other commands is 2 for diff", onPosix("file modes"), async () => {
  await using work = await makeWorkplace();
  await using registry = await startFakeRegistry({ faults: { ranges: "ignored" } });
  await makeTwo(work);
  const address = `${registry.url.replace("http://", "")}/me/files:one`;
  await work.run(["upload", "one", address]);
  await registry[Symbol.asyncDispose]();
  const failed = await work.run(["diff", address, "one", "--log-level", "critical"]);
  assert.equal(failed.code, 2, failed.stderr);
  await Deno.chmod(work.path("two/sub"), 0);
  const refused = await work.run(["diff", "one", "two"], { under: WITHOUT_RIGHTS });
  assert.deepEqual([refused.code, refused.stdout], [4, ""]);
  assert.match(refused.stderr, /1 path may not be read: sub\n/);
});

Deno.test(
  "a folder with every odd name is the same as its directory, until one byte changes",
  withPython,
  async () => {
    await using work = await makeWorkspace();
    await makeOddFolder(work.path("in"));
    using store = openStore({ registry: `oci:${work.path("box")}`, repository: "me/files" });
    await uploadFolder(store, "t", { directory: work.path("in") });
    const [stored, disk] = [{ store, reference: "t" }, { directory: work.path("in") }];
    assert.deepEqual(await differences(stored, disk), []);
    assert.deepEqual(await differences(stored, disk, { whole: true }), []);
    const { mtime } = await Deno.stat(work.path("in/film"));
    using film = await Deno.open(work.path("in/film"), { write: true });
    await film.seek(9_000_000, Deno.SeekMode.Start);
    await film.write(new Uint8Array([1]));
    await Deno.utime(work.path("in/film"), mtime!, mtime!);
    await Deno.remove(work.path("in/b-first"));
    await Deno.rename(work.path("in/tool"), work.path("in/tool2"));
    assert.deepEqual((await differences(stored, disk)).filter((line) => !line.startsWith("changed  ")), [
      "removed b-first",
      "changed film content",
      "removed tool",
      "added tool2",
      "changed zz-second link",
    ]);
  },
);

/** The bytes of blobs that were fetched since the last call. */
function fetchedFrom(registry: Awaited<ReturnType<typeof startFakeRegistry>>) {
  const asked = registry.requests.filter(({ method, path }) => method === "GET" && path.includes("/blobs/"));
  registry.requests.length = 0;
  return asked.map(({ path }) => path.replace(/.*sha256:/, "").slice(0, 64));
}

Deno.test("of two folders only the packs that differ are read, and of these only the tables", async () => {
  await using work = await makeWorkspace();
  await using registry = await startFakeRegistry();
  using store = openStore({ registry: registry.url, repository: "me/files" });
  await Deno.mkdir(work.path("in"));
  for (let index = 0; index < 100; index++) {
    await putFile(work.path(`in/${index}`), someBytes(150_000, index + 1));
  }
  await Deno.utime(work.path("in"), OLD, OLD);
  await uploadFolder(store, "before", { directory: work.path("in"), packSize: 4 * 1024 * 1024 });
  await putFile(work.path("in/7"), someBytes(150_000, 200));
  await Deno.utime(work.path("in"), OLD, OLD);
  await uploadFolder(store, "after", { directory: work.path("in"), packSize: 4 * 1024 * 1024 });
  const layersOf = async (name: string) =>
    JSON.parse(new TextDecoder().decode((await store.manifest(name))!.bytes)).layers as { digest: string }[];
  const [before, after] = [await layersOf("before"), await layersOf("after")];
  assert.ok(before.length > 4, `${before.length} layers`);
  const shared = before.filter(({ digest }) => after.some((each) => each.digest === digest));
  assert.equal(shared.length, before.length - 1);
  registry.requests.length = 0;
  using comparison = await diff({ store, reference: "before" }, { store, reference: "after" });
  const found = await Array.fromAsync(comparison.differences(), ({ path, aspects }) => [path, ...aspects]);
  assert.deepEqual(found, [["7", "content"]]);
  const read = fetchedFrom(registry);
  for (const { digest } of shared) {
    assert.ok(!read.includes(digest.slice(7)), "a layer that both have was fetched");
  }
  assert.ok(comparison.report!.fetched < 150_000, `${comparison.report!.fetched} bytes`);
  assert.equal(comparison.report!.byTable, true);
});

const BASE = [{ name: "etc/", flag: "5" }, { name: "etc/motd", content: "old" }, {
  name: "etc/keep",
  content: "k",
}];

async function putLayers(store: Store, tag: string, ...layers: readonly TarFile[][]): Promise<void> {
  await putImage(
    store,
    tag,
    await Promise.all(layers.map(async (each) => ({ bytes: await gzip(tarOf(each)) }))),
  );
}

Deno.test("a directory that both folders have is not new because of a new file in it", async () => {
  await using work = await makeWorkspace();
  await Deno.mkdir(work.path("in/sub"), { recursive: true });
  await putFile(work.path("in/text"), "text");
  using store = openStore({ registry: `oci:${work.path("box")}`, repository: "me/files" });
  const storeAs = async (tag: string) => {
    for (const path of ["in/sub", "in"]) await Deno.utime(work.path(path), OLD, OLD);
    await uploadFolder(store, tag, { directory: work.path("in") });
  };
  await storeAs("one");
  await putFile(work.path("in/sub/new"), "new");
  await storeAs("two"); // the layer of the directories is the same
  const [one, two] = ["one", "two"].map((reference) => ({ store, reference }));
  assert.deepEqual(await differences(one!, two!), ["added sub/new"]);
  assert.deepEqual(await differences(two!, one!), ["removed sub/new"]);
  await Deno.mkdir(work.path("in/sub/empty"));
  await storeAs("three");
  const three = { store, reference: "three" };
  assert.deepEqual(await differences(one!, three), ["added sub/empty", "added sub/new"]);
});

Deno.test("what upper layers of two images do is told by what is below them, and the base is read only for that", async () => {
  await using registry = await startFakeRegistry();
  using store = openStore({ registry: registry.url, repository: "me/app" });
  const put = (tag: string, ...top: TarFile[]) => putLayers(store, tag, BASE, top);
  await put("1", { name: "etc/motd", content: "one" });
  await put("2", { name: "etc/motd", content: "two" });
  await put("gone", { name: "etc/.wh.keep" });
  await put("opaque", { name: "etc/.wh..wh..opq" }, { name: "etc/motd", content: "old" });
  await put("linked", { name: "hard", flag: "1", target: "etc/keep" });
  await put("old", { name: "etc/motd", content: "old" });
  await putLayers(store, "base", BASE);
  const compare = async (before: string, after: string) => {
    registry.requests.length = 0;
    const found = await differences({ store, reference: before }, { store, reference: after });
    const configs = 2; // they tell that the images are no folders
    return { found, read: fetchedFrom(registry).length - configs };
  };
  assert.deepEqual(await compare("1", "2"), { found: ["changed etc/motd content"], read: 2 });
  assert.deepEqual(await compare("2", "2"), { found: [], read: 0 });
  assert.deepEqual(await compare("base", "1"), { found: ["changed etc/motd content"], read: 2 });
  assert.deepEqual(await compare("base", "gone"), { found: ["removed etc/keep"], read: 2 });
  assert.deepEqual((await compare("gone", "opaque")).found, []);
  assert.deepEqual((await compare("base", "old")).found, []);
  assert.deepEqual((await compare("base", "linked")).found, ["added hard"]);
});

Deno.test("contents are the same however their layers are packed, and whichever name of a file comes first", async () => {
  await using work = await makeWorkspace();
  using store = openStore({ registry: `oci:${work.path("box")}`, repository: "me/app" });
  const large = someBytes(5_000_000);
  const files = (content: Uint8Array): TarFile[] => [
    { name: "large", content },
    { name: "b", content: "linked" },
    { name: "a", flag: "1", target: "b" },
  ];
  const turned = [{ name: "a", content: "linked" }, { name: "b", flag: "1", target: "a" }, {
    name: "large",
    content: large,
  }];
  const changed = large.with(4_999_999, large[4_999_999]! ^ 1);
  const layers = async (content: Uint8Array) => ({
    tar: { bytes: tarOf(files(content)) },
    gzip: { bytes: await gzip(tarOf(files(content))) },
    stargz: await estargzOf(files(content)),
    bare: await estargzOf(files(content), { digests: false }),
    pieces: await estargzOf(files(content), {
      change: (rows) => rows.forEach((row) => row.name === "large" && row.chunkSize && delete row.digest),
    }),
    chunked: await zstdChunkedOf(files(content)),
  });
  const [same, other] = [await layers(large), await layers(changed)];
  for (const [tag, layer] of Object.entries(same)) await putImage(store, tag, [layer]);
  for (const [tag, layer] of Object.entries(other)) await putImage(store, `${tag}-changed`, [layer]);
  await putImage(store, "turned", [{ bytes: tarOf(turned) }]);
  await Deno.mkdir(work.path("disk"));
  await putFile(work.path("disk/large"), large, { time: new Date(1_600_000_000_000) });
  await putFile(work.path("disk/a"), "linked", { time: new Date(1_600_000_000_000) });
  await Deno.link(work.path("disk/a"), work.path("disk/b"));
  const names = Object.keys(same);
  for (const [index, tag] of names.entries()) {
    const [one, next] = [{ store, reference: tag }, names[(index + 1) % names.length]!];
    assert.deepEqual(await differences(one, { store, reference: next }), [], `${tag} ${next}`);
    assert.deepEqual(await differences(one, { store, reference: "turned" }), [], `${tag} turned`);
    assert.deepEqual(await differences(one, { directory: work.path("disk") }), [], `${tag} on the disk`);
    for (const options of [{}, { whole: true }]) {
      const found = await differences(one, { store, reference: `${next}-changed` }, options);
      assert.deepEqual(found, ["changed large content"], `${tag} ${next}-changed`);
    }
  }
});
