/** What lies under a tag is recognized by its manifest, and its files are named. @module */
import assert from "node:assert/strict";
import { findArtifact } from "../lib/exports/artifacts.ts";
import { pushBlob, setAlias } from "../lib/exports/blobs.ts";
import { digestOf } from "../lib/exports/store.ts";
import { openStore, type Store, upload } from "../main.ts";
import { plantArtifact, putArtifact } from "./rigs/artifact_fixtures.ts";
import { makeWorkspace, streamOf, type Workspace } from "./rigs/content.ts";
import { putImage, putIndex } from "./rigs/images.ts";

const text = (content: string) => new TextEncoder().encode(content);

async function inStore(body: (store: Store, work: Workspace) => Promise<void>): Promise<void> {
  await using work = await makeWorkspace();
  using store = openStore({ registry: `oci:${work.path("box")}`, repository: "me/tiny" });
  await body(store, work);
}

/** The recorded artifacts, with what they are, and for what their names are chosen by a platform. */
const RECORDED = [
  ["oras", "oras artifact"],
  ["helm", "Helm chart"],
  ["modelpack", "ModelPack model"],
  ["docker_model", "docker model"],
  ["docker_safetensors", "docker model"],
  ["docker_files", "docker model"],
  ["ollama", "ollama model"],
] as const;

for (const [name, kind] of RECORDED) {
  Deno.test(`${name} is recognized as ${kind}, and every file has its name`, () =>
    inStore(async (store) => {
      const expected = await plantArtifact(store, name, "v1");
      const found = await findArtifact(store, "v1");
      assert.equal(found.kind, kind);
      assert.equal(found.size, found.files.reduce((sum, { blob }) => sum + blob.size, 0));
      const plain = found.files.filter(({ packed }) => !packed);
      for (const { path, blob } of plain) {
        assert.equal(blob.digest, digestOf(expected.get(path) ?? assert.fail(`${path} is no file of it`)));
      }
      const packed = found.files.filter((file) => file.packed);
      const inArchives = [...expected.keys()].filter((path) => !plain.some((file) => file.path === path));
      assert.equal(packed.length > 0, inArchives.length > 0);
      for (const { packed: { within } = { within: "" } } of packed) {
        assert.ok(inArchives.some((path) => path.startsWith(within)));
      }
    }));
}

Deno.test("a directory of oras is packed, with the digest of its archive", () =>
  inStore(async (store) => {
    await plantArtifact(store, "oras", "v1");
    const { files } = await findArtifact(store, "v1");
    const { packed, path } = files[2]!;
    assert.equal(path, "conf");
    assert.equal(packed?.within, "conf");
    assert.match(packed?.digest ?? "", /^sha256:[0-9a-f]{64}$/);
  }));

Deno.test("of a Homebrew index the bottle for a platform is taken, and versions of a system are told apart", () =>
  inStore(async (store) => {
    await plantArtifact(store, "homebrew", "1.7.1");
    const named = async (platform: string) =>
      (await findArtifact(store, "1.7.1", { platform })).files.map(({ path }) => path);
    assert.deepEqual(await named("linux/amd64"), ["jq--1.7.1.x86_64_linux.bottle.tar.gz"]);
    assert.deepEqual(await named("darwin/arm64:macOS 14"), ["jq--1.7.1.arm64_sonoma.bottle.tar.gz"]);
    await assert.rejects(named("darwin/arm64"), {
      name: "InvalidInputError",
      hint: /:macOS 14, .*:macOS 13\.6/,
    });
    await assert.rejects(named("windows/amd64"), { name: "NotFoundError", hint: /linux\/amd64/ });
    const { kind } = await findArtifact(store, "1.7.1", { platform: "linux/arm64" });
    assert.equal(kind, "Homebrew bottle");
  }));

Deno.test("one bottle that is named by its digest is a bottle, too", () =>
  inStore(async (store) => {
    await plantArtifact(store, "homebrew", "1.7.1");
    const { digest } = await findArtifact(store, "1.7.1", { platform: "linux/amd64" });
    assert.equal((await findArtifact(store, digest)).kind, "Homebrew bottle");
  }));

Deno.test("an alias has the name of the tag, and several blobs are numbered, in either format", async () => {
  for (const manifestFormat of ["docker", "oci"] as const) {
    await using work = await makeWorkspace();
    using store = openStore({ registry: `oci:${work.path("box")}`, repository: "me/tiny", manifestFormat });
    const blobs = [];
    for (const content of ["one", "two"]) blobs.push(await pushBlob(store, streamOf(text(content))));
    const digests = blobs.map(({ digest }) => digest);
    await setAlias(store, "readings", { digests });
    await setAlias(store, "single", { digests: digests.slice(0, 1) });
    const both = await findArtifact(store, "readings");
    assert.equal(both.kind, "dxf alias");
    assert.deepEqual(both.files.map(({ path }) => path), ["readings-1", "readings-2"]);
    assert.deepEqual(both.files.map(({ blob }) => blob.digest), digests);
    assert.deepEqual((await findArtifact(store, "single")).files.map(({ path }) => path), ["single"]);
  }
});

Deno.test("a single blob without a title gets the name of the repository, and that is said", () =>
  inStore(async (store) => {
    await putArtifact(store, "v1", [{ content: "\0asm", mediaType: "application/wasm" }]);
    const { kind, files, note } = await findArtifact(store, "v1");
    assert.equal(kind, "single blob");
    assert.deepEqual(files.map(({ path }) => path), ["tiny"]);
    assert.match(note ?? "", /that of the repository/);
  }));

Deno.test("layers without a title beside titled ones are left out, and that is said", () =>
  inStore(async (store) => {
    await putArtifact(store, "v1", [{ content: "a", title: "a.txt" }, { content: "b" }]);
    const { kind, files, note } = await findArtifact(store, "v1");
    assert.equal(kind, "oras artifact");
    assert.deepEqual(files.map(({ path }) => path), ["a.txt"]);
    assert.match(note ?? "", /^1 of its 2 blobs have no title/);
  }));

Deno.test("an image is no files, for whatever platforms it is", () =>
  inStore(async (store) => {
    const image = await putImage(store, "app", [{ bytes: text("layer") }]);
    await putIndex(store, "windows", [
      { manifest: image, platform: { os: "windows", architecture: "amd64", "os.version": "10.0.1" } },
      { manifest: image, platform: { os: "windows", architecture: "amd64", "os.version": "10.0.2" } },
    ]);
    for (const tag of ["app", "windows"]) {
      const { kind, files } = await findArtifact(store, tag);
      assert.equal(kind, "container image");
      assert.deepEqual(files, []);
    }
  }));

Deno.test("an index of artifacts needs a platform where none is for this machine", () =>
  inStore(async (store) => {
    const manifest = await putArtifact(store, "v1", [{ content: "a", title: "a.txt" }]);
    await putIndex(
      store,
      "all",
      ["plan9", "haiku"].map((os) => (
        { manifest, platform: { os, architecture: "amd64" } }
      )),
    );
    await assert.rejects(findArtifact(store, "all"), { name: "NotFoundError", hint: /haiku\/amd64/ });
    assert.equal((await findArtifact(store, "all", { platform: "plan9/amd64" })).files.length, 1);
  }));

Deno.test("a chunk of a stored file is told from a single blob", () =>
  inStore(async (store) => {
    await upload(store, "disk", { input: streamOf(text("hello")) });
    const { kind, files } = await findArtifact(store, "disk-1");
    assert.equal(kind, "chunk of a stored file");
    assert.deepEqual(files, []);
  }));

Deno.test("a chart whose config names no version is malformed", () =>
  inStore(async (store) => {
    await putArtifact(store, "v1", [{ content: "chart" }], {
      artifactType: "application/vnd.cncf.helm.config.v1+json",
    });
    await assert.rejects(findArtifact(store, "v1"), {
      name: "MismatchError",
      message: /config of the chart is malformed/,
    });
  }));
