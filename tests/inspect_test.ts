/** What is told of images: references, platforms, configs, build steps. @module */
import assert from "node:assert/strict";
import { manifestOf } from "../lib/oci/manifest.ts";
import { chooseImage } from "../lib/images/platforms.ts";
import { parsePlatform } from "../lib/oci/platform.ts";
import { IMAGE_MANIFEST } from "../lib/oci/media_types.ts";
import { bytesSource } from "../lib/exports/store.ts";
import { chooseLayer, describeImage, findImage, openImage, parseImage } from "../lib/exports/images.ts";
import type { LayerstashError, Store } from "../main.ts";
import { makeWorkspace, someBytes, type Workspace } from "./rigs/content.ts";
import { putImage, putIndex } from "./rigs/images.ts";
import { tarOf } from "./rigs/tar.ts";

Deno.test("references are read as docker and skopeo read them", () => {
  const read = (text: string) => {
    const { registry, repository, reference } = parseImage(text);
    const place = registry.kind === "remote"
      ? registry.origin
      : registry.kind === "layout"
      ? registry.directory
      : registry.file;
    return [place, repository, reference];
  };
  const digest = `sha256:${"ab".repeat(32)}`;
  const hub = "https://registry-1.docker.io";
  assert.deepEqual(read("nginx"), [hub, "nginx", "latest"]);
  assert.deepEqual(read("nginx:alpine"), [hub, "nginx", "alpine"]);
  assert.deepEqual(read("docker://nginx:alpine"), [hub, "nginx", "alpine"]);
  assert.deepEqual(read("me/app"), [hub, "me/app", "latest"]);
  assert.deepEqual(read("docker.io/library/nginx"), [hub, "library/nginx", "latest"]);
  assert.deepEqual(read("ghcr.io/o/r:tag"), ["https://ghcr.io", "o/r", "tag"]);
  assert.deepEqual(read(`localhost:5000/r@${digest}`), ["http://localhost:5000", "r", digest]);
  assert.deepEqual(read(`example.com/r:tag@${digest}`), ["https://example.com", "r", digest]);
  assert.deepEqual(read("localhost/r"), ["http://localhost", "r", "latest"]);
  assert.deepEqual(read("http://registry/r:t"), ["http://registry", "r", "t"]);
  assert.deepEqual(read("oci:dir"), ["dir", "", undefined]);
  assert.deepEqual(read("oci:./some dir:1.0"), ["./some dir", "", "1.0"]);
  assert.deepEqual(read("oci:a:b/c"), ["a:b/c", "", undefined]);
  assert.deepEqual(read("oci:C:\\my box:1.0"), ["C:\\my box", "", "1.0"]);
  assert.deepEqual(read("oci:C:\\box"), ["C:\\box", "", undefined]);
  assert.deepEqual(read("oci:C:/box"), ["C:/box", "", undefined]);
  assert.deepEqual(read(`oci:dir@${digest}`), ["dir", "", digest]);
  for (
    const bad of [
      "",
      "UPPER",
      "a b",
      "r@sha256:12",
      "r:-tag",
      "oci:",
      "oci:dir:",
      "./dir",
      "/dir",
      "~/dir",
      "http://host",
      "ftp://h/r",
    ]
  ) {
    assert.throws(() => parseImage(bad), { name: "InvalidInputError" }, bad);
  }
});

Deno.test("a platform is chosen by name, and variants as containerd has them", () => {
  const digest = `sha256:${"0".repeat(64)}` as const;
  const image = (text: string) => ({ mediaType: "m", digest, size: 1, platform: parsePlatform(text) });
  const images = ["linux/amd64", "linux/arm/v6", "linux/arm/v7", "linux/arm64/v8", "unknown/unknown"].map(
    image,
  );
  const chosen = (text: string) => images.indexOf(chooseImage(images, text) as typeof images[0]);
  assert.deepEqual(
    ["linux/amd64", "linux/arm", "linux/arm/v6", "linux/arm64", "linux/arm64/v8"].map(chosen),
    [0, 2, 1, 3, 3],
  );
  const variants = ["linux/amd64/v2", "linux/amd64/v4", "linux/amd64/v3"].map(image);
  assert.equal(chooseImage(variants, "linux/amd64"), variants[1], "the highest variant");
  assert.throws(() => chosen("windows/amd64"), (error: Error & { hint?: string }) => {
    return error.name === "NotFoundError" &&
      error.hint!.endsWith("linux/amd64, linux/arm/v6, linux/arm/v7, linux/arm64/v8");
  });
  for (const bad of ["", "linux", "linux/", "a/b/c/d", "linux/arm/"]) {
    assert.throws(() => parsePlatform(bad), { name: "InvalidInputError" });
  }
});

function open(work: Workspace): Store {
  return openImage(`oci:${work.path("layout")}:t`).store;
}

const LAYERS = [1, 2].map((seed) => ({ bytes: tarOf([{ name: "f", content: someBytes(1000, seed) }]) }));
const CONFIG = {
  os: "linux",
  architecture: "amd64",
  created: "2024-01-02T03:04:05Z",
  config: { Env: ["A=b"], Labels: null, Cmd: ["sh"], ExposedPorts: { "80/tcp": {} } },
  rootfs: { type: "layers", diff_ids: ["one", "two"] },
  history: [
    { created_by: "FROM scratch", empty_layer: true },
    { created_by: "COPY a /" },
    { created_by: "ENV A=b", empty_layer: true },
    { created_by: "COPY b /", comment: "buildkit" },
  ],
};

Deno.test("build steps are matched to the layers that they made", async () => {
  await using work = await makeWorkspace();
  using store = open(work);
  await putImage(store, "t", LAYERS, CONFIG);
  const { steps, layers, about, size } = await describeImage(store, await findImage(store, undefined));
  assert.deepEqual(steps.map(({ layer }) => layer), [undefined, 1, undefined, 2]);
  assert.deepEqual(layers.map(({ createdBy, diffId }) => [createdBy, diffId]), [["COPY a /", "one"], [
    "COPY b /",
    "two",
  ]]);
  assert.deepEqual([about!.env, about!.cmd, about!.labels, about!.exposedPorts], [["A=b"], ["sh"], {}, [
    "80/tcp",
  ]]);
  assert.equal(size, layers[0]!.size + layers[1]!.size);
});

Deno.test("a history that tells of other layers than there are, and a config that is none, are told of", async () => {
  await using work = await makeWorkspace();
  using store = open(work);
  const notices: string[] = [];
  const options = {
    onEvent: (event: { type: string; message?: string }) => void notices.push(event.message!),
  };
  await putImage(store, "t", LAYERS, { ...CONFIG, history: [{ created_by: "COPY a /" }] });
  await describeImage(store, await findImage(store, "t"), options);
  assert.match(notices.pop()!, /history lists 1 layer, but the image has 2/);
  const blob = await store.write(bytesSource(someBytes(100)));
  const manifest = JSON.stringify({ schemaVersion: 2, config: blob, layers: [blob] });
  await store.putManifest("dxf", manifestOf(new TextEncoder().encode(manifest), IMAGE_MANIFEST.oci));
  const { about, layers } = await describeImage(store, await findImage(store, "dxf"), options);
  assert.equal(about, undefined);
  assert.equal(layers.length, 1);
  assert.match(notices.pop()!, /no readable config/);
});

Deno.test("of an index the platform's image is found, and a wrong size is told of", async () => {
  await using work = await makeWorkspace();
  using store = open(work);
  const amd = await putImage(store, "a", [LAYERS[0]!], CONFIG);
  const arm = await putImage(store, "b", [LAYERS[1]!], { ...CONFIG, architecture: "arm64" });
  const note = await putImage(store, "c", [], {});
  const long = { ...amd, bytes: new Uint8Array(amd.bytes.length + 44) };
  await putIndex(store, "t", [
    { manifest: long, platform: { os: "linux", architecture: "amd64" } },
    { manifest: arm, platform: { os: "linux", architecture: "arm64" } },
    {
      manifest: note,
      platform: { os: "unknown", architecture: "unknown" },
      annotations: { "vnd.docker.reference.type": "attestation-manifest" },
    },
  ]);
  const notices: string[] = [];
  const find = (platform: string) =>
    findImage(store, "t", {
      platform,
      onEvent: (event) => void (event.type === "notice" && notices.push(event.message)),
    });
  assert.equal((await find("linux/arm64")).manifest.digest, arm.digest);
  assert.deepEqual(notices, []);
  assert.equal((await find("linux/amd64")).manifest.digest, amd.digest);
  assert.match(notices[0]!, /index gives .* a size of \d+ bytes, but it has \d+/);
  await assert.rejects(find("windows/amd64"), { name: "NotFoundError" });
});

Deno.test("a layer is named by number, digest or the beginning of one", async () => {
  await using work = await makeWorkspace();
  using store = open(work);
  await putImage(store, "t", LAYERS, CONFIG);
  const image = await findImage(store, "t");
  const [first, second] = image.layers;
  assert.equal(chooseLayer(image, "1"), first);
  assert.equal(chooseLayer(image, second!.digest), second);
  assert.equal(chooseLayer(image, second!.digest.slice(7, 19)), second);
  for (const bad of ["0", "3", "-1", "sha256:", "abc", "ffffff"]) {
    assert.throws(() => chooseLayer(image, bad), { name: "NotFoundError" });
  }
});

Deno.test("an image that is not there, and a layout of several, are told of", async () => {
  await using work = await makeWorkspace();
  using store = open(work);
  await assert.rejects(findImage(store, undefined), /there is no directory/);
  await putImage(store, "a", LAYERS);
  await putImage(store, "b", LAYERS.slice(1));
  await assert.rejects(findImage(store, "c"), /there is no c in/);
  await assert.rejects(
    findImage(store, undefined),
    (error: Error & { hint?: string }) => error.hint === "name one of them: a, b",
  );
});

Deno.test("of a layout without tags its only image is taken, and of several their digests are named", async () => {
  await using work = await makeWorkspace();
  using store = open(work);
  const one = await putImage(store, "a", LAYERS);
  const other = await putImage(store, "b", LAYERS.slice(1));
  await putUntagged(work.path("layout"), [other.digest]);
  assert.equal((await findImage(store, undefined)).manifest.digest, other.digest);
  const hint = async (reference: string | undefined) => (await failure(findImage(store, reference))).hint;
  assert.equal(await hint("latest"), `it has: ${store.name}@${other.digest}`);
  await putUntagged(work.path("layout"), [one.digest, other.digest, one.digest]);
  const names = [one, other].map(({ digest }) => `${store.name}@${digest}`);
  assert.equal(await hint(undefined), `name one of them: ${names.join(", ")}`); // in the order of the index
  assert.equal(await hint("latest"), `it has: ${names.toSorted().join(", ")}`);
  await putUntagged(work.path("layout"), []);
  assert.match((await failure(findImage(store, undefined))).message, /layout has no image$/);
});

/** As skopeo and crane leave a layout. */
async function putUntagged(layout: string, digests: readonly string[]): Promise<void> {
  const manifests = digests.map((digest) => ({
    mediaType: IMAGE_MANIFEST.oci,
    digest,
    size: Deno.statSync(`${layout}/blobs/sha256/${digest.slice(7)}`).size,
  }));
  await Deno.writeTextFile(`${layout}/index.json`, JSON.stringify({ schemaVersion: 2, manifests }));
}

async function failure(work: Promise<unknown>): Promise<LayerstashError> {
  return await work.then(() => assert.fail("it was done"), (error) => error);
}
