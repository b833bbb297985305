/** Names of files that come from outside lead nowhere else, and none stands for another. @module */
import assert from "node:assert/strict";
import fc from "fast-check";
import { whyUnsafe } from "../lib/artifacts/safe_paths.ts";
import { downloadArtifact, findArtifact } from "../lib/exports/artifacts.ts";
import { openStore, type Store } from "../main.ts";
import { filesIn, type MadeBlob, plantArtifact, putArtifact } from "./rigs/artifact_fixtures.ts";
import { makeWorkspace, type Workspace } from "./rigs/content.ts";
import { foldNames } from "./rigs/folding_disk.ts";
import { onPosix } from "./rigs/system.ts";

/** Downloads an artifact with these titles, which has to fail and to write nothing. */
async function refuses(titles: (string | MadeBlob)[], name: string): Promise<void> {
  await using work = await makeWorkspace();
  using store = openStore({ registry: `oci:${work.path("box")}`, repository: "me/tiny" });
  await putTitled(store, titles);
  await Deno.mkdir(work.path("out/here"), { recursive: true });
  const before = await filesIn(work.path("."));
  await assert.rejects(fetch(store, work), { name }, JSON.stringify(titles));
  assert.deepEqual(await filesIn(work.path(".")), before, JSON.stringify(titles));
}

async function putTitled(store: Store, titles: (string | MadeBlob)[]): Promise<void> {
  const layers = titles.map((title, index) =>
    typeof title === "string" ? { content: `content ${index}`, title } : title
  );
  await putArtifact(store, "v1", layers);
}

async function fetch(store: Store, work: Workspace): Promise<void> {
  await downloadArtifact(store, await findArtifact(store, "v1"), { output: work.path("out/here") });
}

const UNSAFE = [
  ...["", ".", "/", "./", "..", "../x", "a/../../x", "a/../b", "/etc/x", "//x", "\\x", "a\\..\\x"],
  ...[
    "C:x",
    "c:/x",
    "a\0b",
    "a\nb",
    "\x1b[2Ja",
    "a\u2028b",
    "a\u202eb",
    `${"x".repeat(256)}`,
    ".layerstash-x",
  ],
];

for (const title of UNSAFE) {
  Deno.test(`a file ${JSON.stringify(title.slice(0, 20))} is refused, and nothing is written`, async () => {
    await refuses(["good.txt", title], "MismatchError");
  });
}

const CLASHES: [string, string][] = [
  ["a", "a"],
  ["a", "./a"],
  ["a", "a/b"],
  ["a/b/c", "a"],
  ["a", "a.part"],
  [
    "a",
    "a.part/b",
  ],
];

for (const [one, other] of CLASHES) {
  Deno.test(`files ${one} and ${other} of one artifact are refused, and nothing is written`, async () => {
    await refuses([one, other], "ConflictError");
  });
}

Deno.test("a file below a packed directory is refused, too", async () => {
  const directory = { content: "x", title: "d", annotations: { "io.deis.oras.content.unpack": "true" } };
  await refuses([directory, "d/x"], "ConflictError");
});

Deno.test("names are refused that are one name on the disk", async () => {
  for (const [one, other] of [["A.txt", "a.TXT"], ["caf\u00e9", "cafe\u0301"], ["D/x", "d/y"]] as const) {
    await using work = await makeWorkspace();
    using store = openStore({ registry: `oci:${work.path("box")}`, repository: "me/tiny" });
    await putTitled(store, [one, other]);
    await Deno.mkdir(work.path("out"));
    {
      using _folding = foldNames(work.path("out"));
      await assert.rejects(fetch(store, work), {
        name: "ConflictError",
        message: /are the same name on this disk/,
      });
    }
    assert.deepEqual([...(await filesIn(work.path("out"))).keys()], []);
  }
});

Deno.test("nothing is written through a link, or in its place", onPosix("symbolic links"), async () => {
  for (const [link, title] of [["d", "d/x"], ["x", "x"], ["d", "d/e/x"]] as const) {
    await using work = await makeWorkspace();
    using store = openStore({ registry: `oci:${work.path("box")}`, repository: "me/tiny" });
    await putTitled(store, ["good.txt", title]);
    for (const name of ["out/here", "outside/e"]) await Deno.mkdir(work.path(name), { recursive: true });
    await Deno.symlink(work.path("outside"), work.path(`out/here/${link}`));
    await assert.rejects(fetch(store, work), { name: "ConflictError", message: /link/ });
    assert.deepEqual(await filesIn(work.path("outside")), new Map());
    assert.equal((await Deno.lstat(work.path(`out/here/${link}`))).isSymlink, true);
    assert.equal(await work.has("out/here/good.txt"), false);
  }
});

Deno.test("the names of Windows' devices are refused there alone", () => {
  for (const path of ["con", "a/NUL.txt", "COM1", "aa:b", "end.", "what?"]) {
    assert.equal(whyUnsafe(path, { windows: true }), "Windows does not allow it", path);
    assert.equal(whyUnsafe(path, { windows: false }), undefined, path);
  }
});

Deno.test("a path that is found safe stays in its directory", () => {
  const part = fc.oneof(fc.constantFrom("..", ".", "", "\\", "C:", "a", "\0"), fc.string({ maxLength: 4 }));
  fc.assert(fc.property(fc.array(part, { maxLength: 5 }), (parts) => {
    const path = parts.join("/");
    if (whyUnsafe(path) !== undefined) return;
    const url = new URL(path.split("/").map(encodeURIComponent).join("/"), "file:///base/dir/");
    assert.ok(url.pathname.startsWith("/base/dir/") && url.pathname.length > "/base/dir/".length, path);
  }));
});

Deno.test("a model whose names are hostile is refused like any other artifact", async () => {
  await using work = await makeWorkspace();
  using store = openStore({ registry: `oci:${work.path("box")}`, repository: "me/tiny" });
  await plantArtifact(store, "modelpack", "good");
  await putArtifact(store, "v1", [
    {
      content: "x",
      mediaType: "application/vnd.cncf.model.weight.v1.raw",
      annotations: { "org.cncf.model.filepath": "../x" },
    },
  ], { artifactType: "application/vnd.cncf.model.manifest.v1+json" });
  await assert.rejects(fetch(store, work), { name: "MismatchError", message: /leads out of its directory/ });
  await putArtifact(store, "v1", [
    { content: "x", mediaType: "application/vnd.ollama.image.tensor; name=/etc/passwd" },
  ]);
  await assert.rejects(fetch(store, work), { name: "MismatchError", message: /absolute/ });
  assert.equal(await work.has("out"), false);
});
