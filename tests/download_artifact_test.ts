/** Artifacts come back as files, under their names, and never in the place of other files. @module */
import assert from "node:assert/strict";
import { downloadArtifact, type DownloadArtifactOptions, findArtifact } from "../lib/exports/artifacts.ts";
import { openStore, type Store, type TransferEvent } from "../main.ts";
import { filesIn, plantArtifact, putArtifact } from "./rigs/artifact_fixtures.ts";
import { hasEntry } from "../lib/artifacts/entry_on_disk.ts";
import { openDisk } from "../lib/folders/open_disk.ts";
import { makeWorkspace, type Workspace } from "./rigs/content.ts";
import { gzip, putImage } from "./rigs/images.ts";
import { oddDisk } from "./rigs/odd_disk.ts";
import { onPosix } from "./rigs/system.ts";
import { tarOf } from "./rigs/tar.ts";

const UNPACKED = { "io.deis.oras.content.unpack": "true" };
const LINKS = onPosix("symbolic links");

async function inStore(body: (store: Store, work: Workspace) => Promise<void>): Promise<void> {
  await using work = await makeWorkspace();
  using store = openStore({ registry: `oci:${work.path("box")}`, repository: "me/tiny" });
  await body(store, work);
}

async function fetch(
  store: Store,
  tag: string,
  { platform, ...options }: DownloadArtifactOptions & { platform?: string },
): Promise<string[]> {
  const artifact = await findArtifact(store, tag, { platform });
  return (await downloadArtifact(store, artifact, options)).map(({ path }) => path);
}

for (
  const name of ["oras", "helm", "modelpack", "docker_model", "docker_safetensors", "docker_files", "ollama"]
) {
  Deno.test(`every file of ${name} comes back, twice`, () =>
    inStore(async (store, work) => {
      const expected = await plantArtifact(store, name, "v1");
      const output = work.path("out/here");
      await fetch(store, "v1", { output });
      assert.deepEqual(await filesIn(output), new Map([...expected].sort()));
      await fetch(store, "v1", { output }); // everything is there
      assert.deepEqual(await filesIn(output), new Map([...expected].sort()));
    }));
}

Deno.test("a bottle comes back under the name of its file, or under the name that the user gives", () =>
  inStore(async (store, work) => {
    const expected = await plantArtifact(store, "homebrew", "1.7.1");
    const [name, platform] = ["jq--1.7.1.x86_64_linux.bottle.tar.gz", "linux/amd64"];
    await Deno.mkdir(work.path("there"));
    assert.deepEqual(await fetch(store, "1.7.1", { output: work.path("there"), platform }), [
      work.path(`there/${name}`),
    ]);
    await fetch(store, "1.7.1", { output: work.path("jq.tgz"), platform });
    await fetch(store, "1.7.1", { output: work.path("new") + "/", platform });
    for (const path of [`there/${name}`, "jq.tgz", `new/${name}`]) {
      assert.deepEqual(await Deno.readFile(work.path(path)), expected.get(name), path);
    }
  }));

Deno.test("only what is wanted is fetched, and the names of the rest do not matter", () =>
  inStore(async (store, work) => {
    await putArtifact(store, "v1", [
      { content: "a", title: "a.txt" },
      { content: "b", title: "deep/b.log" },
      { content: "c", title: "../c.txt" },
    ]);
    await assert.rejects(fetch(store, "v1", { output: work.path("out") }), { name: "MismatchError" });
    await fetch(store, "v1", { output: work.path("out"), only: ["a.*", "deep"] });
    assert.deepEqual([...(await filesIn(work.path("out"))).keys()], ["a.txt", "deep/b.log"]);
    await assert.rejects(fetch(store, "v1", { output: work.path("out"), only: ["*.zip"] }), {
      name: "NotFoundError",
      message: "v1 has no file *.zip",
      hint: "it has: ../c.txt, a.txt, deep/b.log",
    });
  }));

Deno.test("several files do not go into one, and an image is no files", () =>
  inStore(async (store, work) => {
    await plantArtifact(store, "helm", "v1");
    await work.write("file", "mine");
    await assert.rejects(fetch(store, "v1", { output: work.path("file") }), { name: "InvalidInputError" });
    await putImage(store, "image", []);
    await assert.rejects(fetch(store, "image", { output: work.path("out") }), {
      name: "NotFoundError",
      message: "image is a container image, not files",
      hint: /layerstash extract .* save .* copy/,
    });
    await putArtifact(store, "empty", []);
    await assert.rejects(fetch(store, "empty", { output: work.path("out") }), { name: "NotFoundError" });
    assert.equal(await work.has("out"), false);
  }));

Deno.test("a file with other bytes is replaced only if asked, and before that nothing is written", () =>
  inStore(async (store, work) => {
    const contents = [{ content: "first", title: "1.txt" }, { content: "second", title: "2.txt" }];
    await putArtifact(store, "v1", contents);
    await Deno.mkdir(work.path("out"));
    for (const mine of ["mine, and longer", "minemy"]) { // of another size, and of the same
      await work.write("out/2.txt", mine);
      await assert.rejects(fetch(store, "v1", { output: work.path("out") }), {
        name: "ConflictError",
        message: /2\.txt already exists/,
      });
      assert.equal(await Deno.readTextFile(work.path("out/2.txt")), mine);
      if (mine.length > 6) assert.equal(await work.has("out/1.txt"), false);
    }
    await fetch(store, "v1", { output: work.path("out"), overwrite: true });
    assert.equal(await Deno.readTextFile(work.path("out/2.txt")), "second");
  }));

Deno.test("a packed directory takes no other file's place, and one that was placed in part is completed", () =>
  inStore(async (store, work) => {
    const content = await gzip(tarOf([{ name: "d/a", content: "aa" }, { name: "d/b", content: "bb" }]));
    await putArtifact(store, "v1", [{ content, title: "d", annotations: UNPACKED }]);
    const output = work.path("out");
    await Deno.mkdir(work.path("out/d"), { recursive: true });
    await work.write("out/d/a", "mine");
    await work.write("out/d/mine", "mine");
    await assert.rejects(fetch(store, "v1", { output }), {
      name: "ConflictError",
      message: /d\/a already exists/,
    });
    assert.equal(await work.has("out/d/b"), false);
    await work.write("out/d/a", "aa");
    await fetch(store, "v1", { output });
    await work.write("out/d/b", "other");
    await fetch(store, "v1", { output, overwrite: true });
    const found = await filesIn(output);
    assert.deepEqual([...found.keys()], ["d/a", "d/b", "d/mine"]);
    assert.equal(new TextDecoder().decode(found.get("d/b")), "bb");
  }));

Deno.test("an archive that is not the one which the artifact names is not unpacked, nor is what leaves its directory", () =>
  inStore(async (store, work) => {
    const archive = tarOf([{ name: "d/a", content: "aa" }]);
    const wrong = { ...UNPACKED, "io.deis.oras.content.digest": `sha256:${"0".repeat(64)}` };
    await putArtifact(store, "digest", [{ content: archive, title: "d", annotations: wrong }]);
    for (const [index, name] of ["e/a", "../a", "/a", "d/../a", "da"].entries()) {
      const content = tarOf([{ name: "d/a", content: "aa" }, { name, content: "out" }]);
      await putArtifact(store, `out-${index}`, [{ content, title: "d", annotations: UNPACKED }]);
    }
    for await (const tag of store.tags()) {
      await assert.rejects(fetch(store, tag, { output: work.path("out") }), { name: "MismatchError" }, tag);
      assert.deepEqual(await filesIn(work.path("out")), new Map(), tag);
    }
  }));

Deno.test(
  "a link in an archive leads nobody out of the directory",
  LINKS,
  () =>
    inStore(async (store, work) => {
      await Deno.mkdir(work.path("outside"));
      const link = { name: "d/link", flag: "2", target: work.path("outside") };
      const content = tarOf([link, { name: "d/link/a", content: "out" }]);
      await putArtifact(store, "v1", [{ content, title: "d", annotations: UNPACKED }]);
      await fetch(store, "v1", { output: work.path("out") }).catch(() => {});
      await putArtifact(store, "v2", [{ content: "out", title: "d/link/b" }]);
      await fetch(store, "v2", { output: work.path("out") }).catch(() => {});
      assert.deepEqual(await filesIn(work.path("outside")), new Map());
    }),
);

Deno.test("events count the blobs of all files, and say what is there already", () =>
  inStore(async (store, work) => {
    await putArtifact(store, "v1", [{ content: "first", title: "1.txt" }, {
      content: "second",
      title: "2.txt",
    }]);
    await Deno.mkdir(work.path("out"));
    await work.write("out/1.txt", "first");
    const events: TransferEvent[] = [];
    const onEvent = (event: TransferEvent) => void events.push(event);
    await fetch(store, "v1", { output: work.path("out"), onEvent });
    assert.deepEqual(events[0], { type: "plan", size: 11, blobs: 2 });
    const states = events.flatMap((event) => event.type === "blob" ? [[event.index, event.state]] : []);
    assert.deepEqual(states.sort(), [[1, "present"], [2, "fetched"]]);
  }));

Deno.test("small files need no journal, and what a killed run has left of them is gone on with", () =>
  inStore(async (store, work) => {
    const titles = Array.from({ length: 20 }, (_, index) => `${index}.txt`);
    const layers = titles.map((title) => ({ content: `the content of ${title}`, title }));
    await putArtifact(store, "v1", layers);
    const options = { output: work.path("out"), stateDirectory: work.path("state") };
    await Deno.mkdir(options.output);
    await work.write("out/0.txt.part", "the con"); // some bytes were written
    await work.write("out/1.txt.part", `the con${"\0".repeat("tent of 1.txt".length)}`); // and the file had its size
    const begun: number[] = [];
    const stop = new AbortController();
    const onEvent = (event: TransferEvent) => {
      if (event.type === "blob") begun.push(event.index);
      if (begun.length === 10) stop.abort();
    };
    await assert.rejects(fetch(store, "v1", { ...options, onEvent, signal: stop.signal }));
    await assert.rejects(Deno.stat(options.stateDirectory), Deno.errors.NotFound);
    await fetch(store, "v1", options);
    const found = await filesIn(options.output);
    assert.deepEqual([...found.keys()].sort(), titles.toSorted());
    for (const { title, content } of layers) {
      assert.equal(new TextDecoder().decode(found.get(title)), content);
    }
    await work.write("out/2.txt.part", "somebody else's");
    await Deno.remove(work.path("out/2.txt"));
    await assert.rejects(fetch(store, "v1", options), { name: "ConflictError" });
  }));

Deno.test("what may not be looked at where an archive is to be unpacked is named", async () => {
  await using work = await makeWorkspace();
  await Deno.writeTextFile(work.path("a"), "a");
  using real = openDisk();
  const disk = oddDisk(real, () => {
    throw new Deno.errors.PermissionDenied("stat: permission denied");
  });
  const entry = {
    type: "file" as const,
    mode: 0o644,
    uid: 0,
    gid: 0,
    owner: "",
    group: "",
    size: 1,
    modified: 0,
  };
  await assert.rejects(
    hasEntry({ ...entry, path: "a", name: "a", position: 0, extents: () => [] }, {
      directory: work.path(""),
      disk,
    }),
    { name: "NotAllowedError", message: /a may not be read: permission denied$/ },
  );
});

Deno.test("another file is not taken for the one that a hard link of an archive names, also where Deno rounds their numbers", async () => {
  await using work = await makeWorkspace();
  for (const name of ["first", "another"]) await Deno.writeTextFile(work.path(name), name);
  await Deno.link(work.path("first"), work.path("second"));
  using real = openDisk();
  const disk = oddDisk(real, (entry) => ({ ...entry, inode: Number(2n ** 62n + 1n) }));
  const at = { directory: work.path(""), disk };
  const owner = { uid: 0, gid: 0, owner: "", group: "" };
  const link = { type: "hardlink" as const, target: "first", mode: 0o644, ...owner, size: 0, modified: 0 };
  const verdict = (path: string) =>
    hasEntry({ ...link, path, name: path, position: 0, extents: () => [] }, at);
  assert.deepEqual(await Promise.all(["second", "another", "third"].map(verdict)), [
    "same",
    "other",
    "absent",
  ]);
});
