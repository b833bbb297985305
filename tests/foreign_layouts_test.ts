/** Layouts that other tools have written: what they list stays listed and whole, and can be named. @module */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { makeWorkplace, type Workplace } from "./rigs/command_line.ts";
import { ensureTool } from "./rigs/debian.ts";
import { type ForeignImage, ForeignLayout, type NamedBlob, saveTwo } from "./rigs/foreign_layout.ts";
import { startFakeRegistry } from "./rigs/fake_registry.ts";
import { startRegistry } from "./rigs/real_registry.ts";
import { runProgram, tarOf } from "./rigs/tar.ts";

const hasSkopeo = await ensureTool("skopeo", "skopeo");
const withRegistry = { ignore: !await ensureTool("docker-registry", "docker-registry") };
const [ALPHA, BETA] = ["example.org/alpha:latest", "example.org/beta:latest"];

/** A layout `z` with an image of the same tag. */
function another(place: Workplace): ForeignImage {
  const layout = new ForeignLayout(place.path("z"));
  return layout.image("z", [layout.layer("another layer")]);
}

async function copied(place: Workplace, to: string): Promise<void> {
  const { code, stderr } = await place.run(["copy", "oci:z:z", to, "--overwrite"]);
  assert.equal(code, 0, stderr);
}

Deno.test("a tag that several saved images have is neither replaced nor removed: both are named", async () => {
  await using place = await makeWorkplace();
  another(place);
  const { layout, alpha, beta } = saveTwo(place.path("saved"));
  const archive = await place.write("empty.tar", new Uint8Array(1024));
  for (
    const args of [
      ["copy", "oci:z:z", "oci:saved:latest"],
      ["append", "--from", "oci:z:z", "--to", "oci:saved:latest", "-i", archive],
      ["append", "--from", "oci:saved:latest", "--to", "oci:saved:latest", "-i", archive],
      ["alias", "remove", "--registry", "oci:.", "-r", "saved", "latest"],
    ]
  ) {
    const { code, stderr } = await place.run(args);
    assert.equal(code, 2, `${args.join(" ")}: ${stderr}`);
    assert.ok(stderr.includes(`${ALPHA}, ${BETA}`), stderr);
  }
  assert.deepEqual(layout.listed(), layout.entries);
  assert.deepEqual(layout.missing(alpha, beta, ...alpha.layers, ...beta.layers), []);
});

Deno.test("of several images with one tag none is read silently, and each is found by its full name", async () => {
  await using place = await makeWorkplace();
  const { alpha, beta } = saveTwo(place.path("saved"));
  for (const command of ["inspect", "layers"]) {
    const { code, stdout, stderr } = await place.run([command, "oci:saved:latest"]);
    assert.deepEqual([code, stdout], [2, ""]);
    assert.ok(stderr.includes(`latest means several images in oci:saved: ${ALPHA}, ${BETA}`), stderr);
    assert.ok(stderr.includes(`oci:saved:${ALPHA}`), stderr);
  }
  assert.match(
    (await place.run(["inspect", "oci:saved"])).stderr,
    new RegExp(`name one of them: ${ALPHA}, ${BETA}`),
  );
  for (const [name, { digest }] of [[ALPHA, alpha], [BETA, beta]] as const) {
    const { stdout, stderr } = await place.run(["inspect", `oci:saved:${name}`, "--json"]);
    assert.equal(JSON.parse(stdout).digest, digest, stderr);
  }
});

Deno.test("a full name replaces the one saved image that has it, and its entry keeps its names", async () => {
  await using place = await makeWorkplace();
  const { digest } = another(place);
  const { layout, alpha, beta } = saveTwo(place.path("saved"));
  await copied(place, `oci:saved:${ALPHA}`);
  const names = layout.entries[0]!["annotations"];
  const [first, second] = layout.listed();
  assert.deepEqual(first, layout.entries[1]);
  assert.deepEqual([second!["digest"], second!["annotations"]], [digest, names]);
  assert.deepEqual(layout.missing(beta, ...beta.layers, beta.config), []);
  assert.deepEqual(layout.missing(alpha, ...alpha.layers), [alpha.digest, alpha.layers[0]!.digest]);
});

Deno.test("images of one tag for several platforms are named by their digests", async () => {
  await using place = await makeWorkplace();
  another(place);
  const layout = new ForeignLayout(place.path("both"));
  const images = ["amd64", "arm64"].map((architecture) =>
    layout.image("v1", [layout.layer(architecture)], { entry: { platform: { os: "linux", architecture } } })
  );
  const { code, stderr } = await place.run(["copy", "oci:z:z", "oci:both:v1", "--overwrite"]);
  assert.equal(code, 2);
  const [amd, arm] = images.map(({ digest }) => digest);
  assert.ok(stderr.includes(`${amd} (linux/amd64), ${arm} (linux/arm64)`), stderr);
  assert.deepEqual(layout.listed(), layout.entries);
  for (const { digest } of images) {
    assert.equal((await place.run(["inspect", `oci:both@${digest}`])).code, 0);
  }
});

Deno.test("a blob that a listed manifest of any kind names is never freed", async () => {
  const unknown = "application/vnd.example.manifest.v1+json";
  const schema1 = "application/vnd.docker.distribution.manifest.v1+json";
  const artifact = "application/vnd.oci.artifact.manifest.v1+json";
  const kinds: Record<string, (blob: { digest: string; size: number }) => Record<string, unknown>> = {
    "an artifact": (blob) => ({ mediaType: artifact, blobs: [{ mediaType: "x/y", ...blob }] }),
    "docker's schema 1": ({ digest }) => ({ mediaType: schema1, fsLayers: [{ blobSum: digest }] }),
    "an unknown kind": () => ({ mediaType: unknown, things: ["nobody knows"] }),
    "an image with urls": (blob) => ({
      mediaType: "application/vnd.oci.image.manifest.v1+json",
      layers: [{ mediaType: "x/y", ...blob, urls: ["https://gone.example.com/x"] }],
    }),
  };
  await using place = await makeWorkplace();
  another(place);
  for (const [kind, make] of Object.entries(kinds)) {
    const layout = new ForeignLayout(place.path(kind.replaceAll(" ", "-").replace("'", "")));
    const shared = layout.layer("weights");
    layout.list("model", make(shared));
    const app = layout.image("app", [shared]);
    await copied(place, `oci:${layout.directory}:app`);
    assert.deepEqual(layout.missing(shared), [], kind);
    assert.equal(layout.has(app), kind === "an unknown kind", `${kind}: what nothing needs is freed`);
  }
});

Deno.test("blobs that only the manifest.json of docker save names are never freed", async () => {
  await using place = await makeWorkplace();
  another(place);
  const layout = new ForeignLayout(place.path("saved"));
  const [base, own] = [layout.layer("base"), layout.layer("own")];
  layout.image("app", [base, own]);
  const Layers = [`blobs/sha256/${base.digest.slice(7)}`];
  await Deno.writeTextFile(
    join(layout.directory, "manifest.json"),
    JSON.stringify([{ Config: "x", Layers }]),
  );
  await copied(place, "oci:saved:app");
  assert.deepEqual([layout.has(base), layout.has(own)], [true, false]);
});

Deno.test("an entry that is not understood stays to the byte, and makes nothing else unreadable", async () => {
  await using place = await makeWorkplace();
  another(place);
  const odd: Record<string, unknown>[] = [
    { mediaType: "application/vnd.oci.image.manifest.v1+json", digest: `sha384:${"0".repeat(96)}`, size: 2 },
    { digest: "sha256:../../x", size: 1 },
    { digest: null, size: "many" },
    null as never,
  ];
  const layout = new ForeignLayout(place.path("box/me/f"));
  const good = layout.image("good", [layout.layer("good")]);
  const nulls = layout.image("nulls", [layout.layer("nulls")], { annotations: { odd: null, number: 5 } });
  layout.image(undefined, [layout.layer("none")], { entry: { annotations: null, mediaType: null } });
  layout.entries.unshift(...odd);
  layout.write();
  const before = layout.listed();
  for (const [name, { digest }] of [["good", good], ["nulls", nulls]] as const) {
    const { stdout, stderr } = await place.run(["inspect", `oci:box/me/f:${name}`, "--json"]);
    assert.equal(JSON.parse(stdout || "{}").digest, digest, stderr);
  }
  const file = await place.write("big", "a file to be stored");
  const box = ["--registry", "oci:box", "-r", "me/f"];
  for (
    const args of [
      ["upload", ...box, "-t", "x", "-i", file],
      ["verify", ...box, "-t", "x"],
      ["list", ...box],
      ["alias", "list", ...box],
      ["remove", ...box, "-t", "x"],
    ]
  ) {
    const { code, stderr } = await place.run(args);
    assert.equal(code, 0, `${args.join(" ")}: ${stderr}`);
  }
  assert.deepEqual(layout.listed(), before);
  const replaced = await place.run(["copy", "oci:z:z", "oci:box/me/f:good", "--overwrite"]);
  assert.match(
    replaced.stderr,
    /nothing is deleted from oci:box\/me\/f: an entry of its index.json is not understood/,
  );
  assert.deepEqual(layout.missing(good, ...good.layers), [], "the sha512 manifest may need any blob");
  assert.deepEqual(layout.listed().slice(0, 4), odd);
});

const FULL_NAMES = [
  "example.org/alpine:3.19",
  "localhost/local/img:1",
  "docker.io/library/nginx:1.27",
  "v1.0+build.5",
  `example.org/app@sha256:${"1".repeat(64)}`,
  "any text: of somebody",
];

Deno.test("any name in a layout can be named, and needs no name where it is the only image", async () => {
  await using place = await makeWorkplace();
  for (const [index, name] of FULL_NAMES.entries()) {
    const layout = new ForeignLayout(place.path(`d:${index}`));
    const { digest } = layout.image(name, [layout.layer("x")]);
    for (const image of [`oci:d:${index}:${name}`, `oci:d:${index}`]) {
      const { stdout, stderr } = await place.run(["inspect", image, "--json"]);
      assert.equal(JSON.parse(stdout || "{}").digest, digest, `${image}: ${stderr}`);
    }
    layout.image("other", [layout.layer("y")]);
    const { stderr } = await place.run(["inspect", `oci:d:${index}`]);
    assert.ok(stderr.includes(name), stderr);
  }
});

Deno.test("a full name is given to a new image, in a new layout too, and skopeo reads it", async () => {
  await using place = await makeWorkplace();
  const { digest } = another(place);
  for (const name of ["docker.io/library/nginx:1.27", "docker.io/library/nginx:1.28"]) {
    await copied(place, `oci:new:${name}`);
    const { stdout } = await place.run(["inspect", `oci:new:${name}`, "--json"]);
    assert.equal(JSON.parse(stdout).digest, digest);
    if (hasSkopeo) await runProgram("skopeo", ["inspect", "--raw", `oci:${place.path("new")}:${name}`]);
  }
  const { stderr, code } = await place.run(["copy", "oci:z:z", "oci:new:not a name"]);
  assert.deepEqual([code, stderr.includes('"not a name" is not a tag')], [2, true], stderr);
});

Deno.test("null, where Go writes it, and images without layers are read, copied and appended to", async () => {
  await using place = await makeWorkplace();
  const archive = await place.write("empty.tar", new Uint8Array(1024));
  const layout = new ForeignLayout(place.path("odd"));
  const scratch = { rootfs: { type: "layers" }, history: null, config: { Labels: { a: null, b: "c" } } };
  layout.image("nolayers", [], { manifest: { layers: undefined }, config: scratch });
  layout.image("null", [], {
    config: scratch,
    manifest: { layers: null, annotations: null, subject: null, artifactType: null, urls: null },
  });
  const fields = { annotations: null, urls: null, platform: null };
  layout.image("fields", [layout.layer("x", fields)]);
  const image = layout.image("platform", [layout.layer(new Uint8Array(1024))]);
  const platform = { os: "linux", architecture: "amd64", variant: null, "os.version": null };
  const mediaType = "application/vnd.oci.image.index.v1+json";
  const entry = { mediaType: null, digest: image.digest, size: image.size, platform, annotations: null };
  layout.list("index", { schemaVersion: 2, mediaType, manifests: [entry], annotations: null });
  layout.list("no-images", { schemaVersion: 2, mediaType, manifests: null });
  for (const tag of ["nolayers", "null", "fields", "platform", "index"]) {
    for (const args of [["inspect", `oci:odd:${tag}`], ["copy", `oci:odd:${tag}`, `oci:copied:${tag}`]]) {
      const { code, stderr } = await place.run(args);
      assert.equal(code, 0, `${args.join(" ")}: ${stderr}`);
    }
    if (tag === "fields") continue; // its layer is not an archive
    const args = ["append", "--from", `oci:odd:${tag}`, "--to", `oci:odd:${tag}-2`, "-i", archive];
    const { code, stderr } = await place.run(args);
    assert.equal(code, 0, `${args.join(" ")}: ${stderr}`);
  }
  const { stdout } = await place.run(["layers", "oci:odd:nolayers-2", "--json"]);
  assert.equal(JSON.parse(stdout).length ?? JSON.parse(stdout).layers.length, 1);
  const copied = await place.run(["copy", "oci:odd:no-images", "oci:copied:no-images"]);
  assert.equal(copied.code, 0, copied.stderr);
});

Deno.test("a copy brings the blobs of artifacts and of docker's schema 1, and those that an index lists", async () => {
  await using place = await makeWorkplace();
  const layout = new ForeignLayout(place.path("art"));
  const blobs = ["weights", "more", "a layer", "a cache"].map((content) => layout.blob(content));
  const [weights, more, layer, cache] = blobs as [NamedBlob, NamedBlob, NamedBlob, NamedBlob];
  const artifact = "application/vnd.oci.artifact.manifest.v1+json";
  layout.list("model", {
    mediaType: artifact,
    blobs: [weights, more].map((blob) => ({ mediaType: "x/y", ...blob })),
  });
  const schema1 = "application/vnd.docker.distribution.manifest.v1+json";
  layout.list("old", { schemaVersion: 1, fsLayers: [{ blobSum: layer.digest }] }, {
    entry: { mediaType: schema1 },
  });
  const index = { schemaVersion: 2, mediaType: "application/vnd.oci.image.index.v1+json" };
  const listed = [
    { mediaType: "application/vnd.oci.image.layer.v1.tar+gzip", ...cache },
    { mediaType: "application/vnd.buildkit.cacheconfig.v0", ...layout.blob({ layers: [] }) },
    { mediaType: "application/xml", ...layout.blob("<peer/>") },
  ];
  layout.list("cache", { ...index, manifests: listed });
  const target = new ForeignLayout(place.path("copied"));
  for (const tag of ["model", "old", "cache"]) {
    const { code, stderr } = await place.run(["copy", `oci:art:${tag}`, `oci:copied:${tag}`]);
    assert.equal(code, 0, stderr);
  }
  assert.deepEqual(target.missing(...blobs, ...listed), []);
  assert.match(
    (await place.run(["inspect", "oci:art:model"])).stderr,
    /not an image: it is an artifact manifest/,
  );
  assert.match((await place.run(["inspect", "oci:art:old"])).stderr, /schema 1, which is not supported/);
  assert.match((await place.run(["inspect", "oci:art:cache"])).stderr, /the index lists no images/);
});

Deno.test("a build cache is copied through a registry", withRegistry, async () => {
  await using place = await makeWorkplace();
  await using registry = await startRegistry();
  const layout = new ForeignLayout(place.path("odd"));
  const layer = { mediaType: "application/vnd.oci.image.layer.v1.tar+gzip", ...layout.blob("a cache") };
  const mediaType = "application/vnd.oci.image.index.v1+json";
  layout.list("cache", { schemaVersion: 2, mediaType, manifests: [layer] });
  for (
    const [from, to] of [["oci:odd:cache", `${registry.url}/me/c:x`], [
      `${registry.url}/me/c:x`,
      "oci:back:x",
    ]] as const
  ) {
    const { code, stderr } = await place.run(["copy", from, to]);
    assert.equal(code, 0, stderr);
  }
  assert.deepEqual(new ForeignLayout(place.path("back")).missing(layer), []);
});

Deno.test("a manifest of an unknown kind is not copied in part without a word", async () => {
  await using place = await makeWorkplace();
  const layout = new ForeignLayout(place.path("unknown"));
  const mediaType = "application/vnd.example.manifest.v1+json";
  const layer = layout.layer("x");
  layout.list("nothing", { mediaType, things: [layer.digest] });
  layout.list("some", { mediaType, layers: [layer] });
  const nothing = await place.run(["copy", "oci:unknown:nothing", "oci:copied:x"]);
  assert.deepEqual(
    [nothing.code, nothing.stderr.includes("is of an unknown kind")],
    [2, true],
    nothing.stderr,
  );
  const some = await place.run(["copy", "oci:unknown:some", "oci:copied:some"]);
  assert.deepEqual(
    [some.code, some.stderr.includes("only the blobs that it lists are copied")],
    [0, true],
    some.stderr,
  );
});

Deno.test("a layer with urls is copied where the source has it, and otherwise named", async () => {
  await using place = await makeWorkplace();
  const layout = new ForeignLayout(place.path("urls"));
  const urls = ["https://gone.example.com/x"];
  const [there, gone] = [layout.layer("there", { urls }), layout.layer("gone", { urls })];
  layout.image("old", [there, gone]);
  await Deno.remove(join(layout.directory, "blobs/sha256", gone.digest.slice(7)));
  const { code, stderr } = await place.run(["copy", "oci:urls:old", "oci:copied:old"]);
  assert.equal(code, 0, stderr);
  assert.ok(
    stderr.includes(`the layer ${gone.digest} is left out: it is stored elsewhere, at ${urls[0]}`),
    stderr,
  );
  assert.deepEqual(new ForeignLayout(place.path("copied")).missing(there, gone), [gone.digest]);
});

Deno.test("of a layer that is stored elsewhere it is said where, and the others are read and saved", async () => {
  await using place = await makeWorkplace();
  const layout = new ForeignLayout(place.path("urls"));
  const [url] = ["https://gone.example.com/base"];
  const [base, top] = ["base", "top"].map((name) => tarOf([{ name: `Files/${name}`, content: name }]));
  const gone = layout.layer(base, { urls: [url] });
  layout.image("old", [gone, layout.layer(top)]);
  await Deno.remove(join(layout.directory, "blobs/sha256", gone.digest.slice(7)));
  for (const command of ["inspect", "layers"]) {
    const { stdout } = await place.run([command, "oci:urls:old"]);
    assert.match(stdout, /^ *1 .* {2}stored at https:\/\/gone\.example\.com\/base$/m);
  }
  const where =
    /: layer 1 is not stored with the image, but elsewhere: "https:\/\/gone\.example\.com\/base"\nhint: fetch it from there; --layer chooses/;
  for (const args of [["peek"], ["extract", "/", "-o", "out"], ["save", "--layer", "all", "-o", "saved"]]) {
    const { code, stderr } = await place.run([args[0]!, "oci:urls:old", ...args.slice(1)]);
    assert.equal(code, 3, stderr);
    assert.match(stderr, where);
  }
  assert.match((await place.run(["peek", "oci:urls:old", "--layer", "2"])).stdout, /Files\/top\n$/);
  assert.equal((await place.run(["save", "oci:urls:old", "--layer", "2", "-o", "saved"])).code, 0);
});

Deno.test("a registry that refuses an image without all of its layers is not said to be broken", async () => {
  await using place = await makeWorkplace();
  await using registry = await startFakeRegistry();
  registry.faults.refuseType = "application/vnd.oci.image.manifest.v1+json";
  const layout = new ForeignLayout(place.path("urls"));
  const gone = layout.layer("gone", { urls: ["https://gone.example.com/x"] });
  layout.image("old", [gone]);
  await Deno.remove(join(layout.directory, "blobs/sha256", gone.digest.slice(7)));
  const { code, stderr } = await place.run(["copy", "oci:urls:old", `${registry.url}/me/app:t`]);
  assert.equal(code, 1, stderr);
  assert.match(
    stderr,
    /hint: the registry may refuse images without all of their layers, and sha256:\w+ is left out/,
  );
});

Deno.test("of images that differ in the version of the system each can be had, and none is taken silently", async () => {
  await using place = await makeWorkplace();
  const layout = new ForeignLayout(place.path("win"));
  const versions = ["10.0.17763.1", "10.0.20348.2"];
  const manifests = versions.map((version) => {
    const config = { os: "windows", "os.version": version };
    const { digest, size } = layout.image(`v${version}`, [layout.layer(version)], { config });
    const platform = { os: "windows", architecture: "amd64", "os.version": version };
    return { mediaType: "application/vnd.oci.image.manifest.v1+json", digest, size, platform };
  });
  const mediaType = "application/vnd.oci.image.index.v1+json";
  layout.list("all", { schemaVersion: 2, mediaType, manifests });
  const inspect = (...args: string[]) => place.run(["inspect", "oci:win:all", ...args]);
  for (const [index, version] of versions.entries()) {
    const { stdout, stderr } = await inspect("--json", "--platform", `windows/amd64:${version}`);
    assert.equal(JSON.parse(stdout || "{}").digest, manifests[index]!.digest, stderr);
    assert.match((await inspect("--platform", `windows/amd64:${versions[0]}`)).stdout, new RegExp(version));
  }
  for (const args of [["inspect", "oci:win:all"], ["copy", "oci:win:all", "oci:copied:x"]]) {
    const { code, stderr } = await place.run([...args, "--platform", "windows/amd64"]);
    assert.equal(code, 2, stderr);
    assert.ok(stderr.includes(versions.map((version) => `windows/amd64:${version}`).join(", ")), stderr);
  }
  assert.equal((await inspect("--platform", "windows/amd64:1")).code, 3);
  const single = await place.run([
    "inspect",
    `oci:win:v${versions[0]}`,
    "--platform",
    `windows/amd64:${versions[1]}`,
  ]);
  assert.equal(single.code, 3, single.stderr);
});

Deno.test("no layer is appended to an image for Windows", async () => {
  await using place = await makeWorkplace();
  const layout = new ForeignLayout(place.path("odd"));
  layout.image("win", [layout.layer("Files")], { config: { os: "windows" } });
  const archive = await place.write("empty.tar", new Uint8Array(1024));
  const { code, stderr } = await place.run([
    "append",
    "--from",
    "oci:odd:win",
    "--to",
    "oci:odd:w2",
    "-i",
    archive,
  ]);
  assert.deepEqual(
    [code, /which is for Windows: .* below Files\/ and Hives\//.test(stderr)],
    [2, true],
    stderr,
  );
  assert.deepEqual(layout.listed(), layout.entries);
});

Deno.test("a layout of two tags of one image holds one image", async () => {
  await using place = await makeWorkplace();
  const layout = new ForeignLayout(place.path("two"));
  const tags = ["one", "other"].map((tag) => layout.image(tag, [layout.layer("x")]));
  const { stdout, stderr } = await place.run(["inspect", "oci:two", "--json"]);
  assert.equal(JSON.parse(stdout || "{}").digest, tags[0]!.digest, stderr);
});

Deno.test("an image without a platform is chosen by the name that the hint gives it", async () => {
  await using place = await makeWorkplace();
  const layout = new ForeignLayout(place.path("odd"));
  const manifests = ["a", "b"].map((name) => {
    const { digest, size } = layout.image(name, [layout.layer(name)]);
    return { mediaType: "application/vnd.oci.image.manifest.v1+json", digest, size };
  });
  layout.list("index", { schemaVersion: 2, mediaType: "application/vnd.oci.image.index.v1+json", manifests });
  assert.match(
    (await place.run(["inspect", "oci:odd:index"])).stderr,
    /there are images for: unknown\/unknown/,
  );
  const chosen = await place.run(["inspect", "oci:odd:index", "--json", "--platform", "unknown/unknown"]);
  assert.equal(JSON.parse(chosen.stdout || "{}").digest, manifests[0]!.digest, chosen.stderr);
});

Deno.test("an index with an entry that is not understood is read without it, and is not copied in part", async () => {
  await using place = await makeWorkplace();
  const layout = new ForeignLayout(place.path("odd"));
  const { digest, size } = layout.image("app", [layout.layer("x")]);
  const mediaType = "application/vnd.oci.image.manifest.v1+json";
  const platform = { os: "linux", architecture: "arm64" };
  const manifests = [
    {
      mediaType,
      digest: `sha384:${"0".repeat(96)}`,
      size: 2,
      platform: { os: "linux", architecture: "amd64" },
    },
    { mediaType, digest, size, platform },
  ];
  layout.list("all", { schemaVersion: 2, mediaType: "application/vnd.oci.image.index.v1+json", manifests });
  const { stdout, stderr } = await place.run([
    "inspect",
    "oci:odd:all",
    "--json",
    "--platform",
    "linux/arm64",
  ]);
  assert.equal(JSON.parse(stdout || "{}").digest, digest, stderr);
  const copied = await place.run(["copy", "oci:odd:all", "oci:copied:all"]);
  assert.deepEqual(
    [copied.code, /is not a sha256 or sha512 digest/.test(copied.stderr)],
    [5, true],
    copied.stderr,
  );
  assert.equal(
    (await place.run(["copy", "oci:odd:all", "oci:copied:all", "--platform", "linux/arm64"])).code,
    0,
  );
});

/** Two images for two platforms, listed with these annotations. */
function layoutForTwo(place: Workplace, name: string, tag: string | undefined): ForeignLayout {
  const layout = new ForeignLayout(place.path(name));
  for (const architecture of ["amd64", "arm64"]) {
    const files = tarOf([{ name: `for-${architecture}`, content: architecture }]);
    const entry = { platform: { os: "linux", architecture } };
    layout.image(tag, [layout.layer(files)], { config: { architecture }, entry });
  }
  return layout;
}

Deno.test("an index.json that is the index of one image is read and copied as that index", async () => {
  await using place = await makeWorkplace();
  const layout = layoutForTwo(place, "whole", undefined);
  layout.image(undefined, [layout.layer("an attestation")], {
    annotations: { "vnd.docker.reference.type": "attestation-manifest" },
    entry: { platform: { os: "unknown", architecture: "unknown" } },
  });
  const index = await Deno.readFile(place.path("whole/index.json"));
  const digest = `sha256:${createHash("sha256").update(index).digest("hex")}`;
  await requirePlatforms(place, "oci:whole");
  const copied = await place.run(["copy", "oci:whole", "oci:to:t"]);
  assert.deepEqual([copied.code, copied.stdout], [0, `${digest}\n`], copied.stderr);
  assert.equal((await place.run(["inspect", "--raw", "oci:to:t"])).stdout, new TextDecoder().decode(index));
  await requirePlatforms(place, "oci:to:t");
  await runProgram("tar", ["-C", place.path("whole"), "-cf", place.path("whole.tar"), "."]);
  await requirePlatforms(place, "oci-archive:whole.tar");
  assert.equal((await place.run(["copy", `oci:whole@${digest}`, "oci:by-digest:t"])).code, 0);
});

Deno.test("one tag on images for several platforms is one image, and is not replaced", async () => {
  await using place = await makeWorkplace();
  another(place);
  const layout = layoutForTwo(place, "tagged", "t");
  for (const name of ["oci:tagged:t", "oci:tagged"]) await requirePlatforms(place, name);
  assert.equal((await place.run(["copy", "oci:tagged:t", "oci:to:t"])).code, 0);
  await requirePlatforms(place, "oci:to:t");
  const { code, stderr } = await place.run(["copy", "oci:z:z", "oci:tagged:t", "--overwrite"]);
  assert.equal(code, 2);
  assert.match(stderr, /t means several images in oci:tagged: .*\(linux\/amd64\), .*\(linux\/arm64\)\n/);
  assert.deepEqual(layout.listed(), layout.entries);
});

Deno.test("one tag on two images for the same platform is not one image", async () => {
  await using place = await makeWorkplace();
  const layout = layoutForTwo(place, "tagged", "t");
  layout.image("t", [layout.layer("another")], {
    config: { architecture: "amd64" },
    entry: { platform: { os: "linux", architecture: "amd64" } },
  });
  const { code, stderr } = await place.run(["inspect", "oci:tagged:t"]);
  assert.equal(code, 2, stderr);
  assert.match(stderr, /t means several images in oci:tagged: /);
});

/** Makes sure that each of two platforms can be chosen. */
async function requirePlatforms(place: Workplace, image: string): Promise<void> {
  for (const architecture of ["amd64", "arm64"]) {
    const { stdout, stderr } = await place.run(["peek", "--platform", `linux/${architecture}`, image]);
    assert.match(stdout, new RegExp(`\\[1\\] for-${architecture}\\n$`), stderr);
  }
}
