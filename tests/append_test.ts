/** Layers put on images without pulling: the image is valid, the digest is the same twice, and the base stays where it is. @module */
import assert from "node:assert/strict";
import { digestOf } from "../lib/oci/digest.ts";
import { encodeManifest, type Manifest, manifestOf } from "../lib/oci/manifest.ts";
import { IMAGE_CONFIG, IMAGE_INDEX, IMAGE_LAYER, IMAGE_MANIFEST } from "../lib/oci/media_types.ts";
import { append, copyImage, type ImageTarget } from "../lib/exports/copy.ts";
import { uploadFolder } from "../lib/exports/folders.ts";
import { bytesSource } from "../lib/exports/store.ts";
import { describeImage, findImage, openImage } from "../lib/exports/images.ts";
import type { Store, TransferEvent } from "../main.ts";
import { makeWorkplace } from "./rigs/command_line.ts";
import { makeWorkspace, someBytes, streamOf } from "./rigs/content.ts";
import { ensureTool } from "./rigs/debian.ts";
import { startFakeRegistry } from "./rigs/fake_registry.ts";
import { gzip, makeUmociLayout, putImage, putIndex, zstd } from "./rigs/images.ts";
import { failure } from "./rigs/opened.ts";
import { startRegistry } from "./rigs/real_registry.ts";
import { runProgram, tarOf } from "./rigs/tar.ts";

const ignore = !await ensureTool("docker-registry", "docker-registry");
const noPrograms = ignore || !await ensureTool("skopeo", "skopeo") || !await ensureTool("umoci", "umoci");

const ADDED = tarOf([{ name: "added.txt", content: "here I am\n" }, {
  name: "big",
  content: someBytes(2_000_000),
}]);

/** An image whose config is valid. */
async function putBase(store: Store, tag: string, seed = 1): Promise<Manifest> {
  const bytes = tarOf([{ name: `base${seed}`, content: someBytes(3000, seed) }]);
  return await putImage(store, tag, [{ bytes: await gzip(bytes) }], {
    os: "linux",
    architecture: "amd64",
    created: "2024-01-02T03:04:05Z",
    config: { Env: ["A=b"] },
    rootfs: { type: "layers", diff_ids: [digestOf(bytes)] },
    history: [{ created_by: "COPY base /" }],
    "x-unknown": { kept: true },
  });
}

const stepsOf = async (place: ImageTarget) =>
  (await describeImage(place.store, await findImage(place.store, place.reference))).steps
    .map(({ layer, createdBy }) => [layer, createdBy]);

Deno.test(
  "what is appended in a registry is there for skopeo and umoci; the base does not move, and twice is the same",
  { ignore: noPrograms },
  async () => {
    await using work = await makeWorkspace();
    await using registry = await startRegistry();
    const { layout } = await makeUmociLayout(work, [
      (rootfs) => Deno.writeTextFile(`${rootfs}/base.txt`, "base\n"),
    ]);
    const base = `docker://${registry.host}/me/base:1`;
    await runProgram("skopeo", ["copy", "--dest-tls-verify=false", `oci:${layout}:t`, base]);
    const file = await work.write("layer.tar", ADDED);
    using from = openImage(`${registry.url}/me/base:1`);
    const baseLayers = (await findImage(from.store, "1")).layers;
    const before = (await registry.requests()).length;

    // The same repository, another one, and that once more: from a file, and from a stream.
    using near = openImage(`${registry.url}/me/base:2`);
    using far = openImage(`${registry.url}/you/app:1`);
    const made = await append(from, near, { input: file });
    const again = [
      await append(from, far, { input: file }),
      await append(from, far, { input: streamOf(ADDED, 100_000) }),
    ];
    assert.deepEqual(again.map(({ digest }) => digest), [made.digest, made.digest]);
    assert.equal(again[0]!.base.mounted, baseLayers.length);

    const requests = (await registry.requests()).slice(before);
    for (const { digest } of baseLayers) {
      const about = requests.filter(({ path }) =>
        path.includes(digest) || path.includes(encodeURIComponent(digest))
      );
      assert.ok(about.length > 0);
      // One byte of a blob proves that the registry has it. No more of the base is read, and nothing of it is sent.
      const read = about.filter(({ method, status, bytes }) =>
        method === "GET" && (status === 404 || bytes === 1)
      );
      const others = about.filter((request) => request.method !== "HEAD" && !read.includes(request));
      assert.deepEqual(others.filter(({ path }) => !path.includes("mount=")), []);
    }
    for (const image of ["me/base:2", "you/app:1"]) {
      const box = work.path(`box-${image.replaceAll(/\W/g, "-")}`);
      await runProgram("skopeo", [
        "copy",
        "--src-tls-verify=false",
        `docker://${registry.host}/${image}`,
        `oci:${box}:t`,
      ]);
      await runProgram("umoci", ["unpack", "--rootless", "--image", `${box}:t`, `${box}-bundle`]);
      assert.equal(await Deno.readTextFile(`${box}-bundle/rootfs/added.txt`), "here I am\n");
      assert.equal(await Deno.readTextFile(`${box}-bundle/rootfs/base.txt`), "base\n");
      assert.deepEqual(await Deno.readFile(`${box}-bundle/rootfs/big`), someBytes(2_000_000));
    }
  },
);

Deno.test("umoci reads the history of an image whose base had none", { ignore: noPrograms }, async () => {
  await using work = await makeWorkspace();
  using from = openImage(`oci:${work.path("box")}:base`);
  const bytes = tarOf([{ name: "base", content: "base" }]);
  const about = {
    os: "linux",
    architecture: "amd64",
    rootfs: { type: "layers", diff_ids: [digestOf(bytes)] },
  };
  const created = "2024-01-02T03:04:05Z";
  await putImage(from.store, "base", [{ bytes }], { ...about, created });
  await putImage(from.store, "undated", [{ bytes }], about);
  const added = "2025-01-02T03:04:05Z";
  for (const [reference, padded] of [["base", created], ["undated", added]] as const) {
    const to = { store: from.store, reference: `${reference}-new` };
    await append({ store: from.store, reference }, to, { input: streamOf(ADDED), created: added });
    const image = `${work.path("box")}:${to.reference}`;
    const { history } = JSON.parse(
      new TextDecoder().decode(await runProgram("umoci", ["stat", "--json", "--image", image])),
    );
    const steps = history.map((step: Record<string, string>) => [step["created"], step["created_by"]]);
    assert.deepEqual(steps, [[padded, "unknown"], [added, "layerstash append"]]);
  }
});

Deno.test("a layer is told apart by its first bytes, and the config has the digest of what it unpacks to", async () => {
  await using work = await makeWorkspace();
  using from = openImage(`oci:${work.path("box")}:base`);
  await putBase(from.store, "base");
  const packed = { none: ADDED, gzip: await gzip(ADDED), zstd: await zstd(ADDED, 500_000) };
  for (const [compression, bytes] of Object.entries(packed)) {
    const file = await work.write(compression, bytes);
    for (const input of [file, streamOf(bytes, 997), streamOf(bytes)]) {
      const to = { store: from.store, reference: compression };
      const { layer } = await append(from, to, { input, createdBy: "tar c" });
      assert.deepEqual(layer, { digest: digestOf(bytes), size: bytes.length, diffId: digestOf(ADDED) });
      const image = await findImage(from.store, compression);
      assert.equal(image.layers[1]!.mediaType, IMAGE_LAYER.oci[compression as "none"]);
      assert.deepEqual(await stepsOf(to), [[1, "COPY base /"], [2, "tar c"]]);
      const config = await new Response(await from.store.read(image.config.digest)).json();
      assert.equal(config.rootfs.diff_ids.at(-1), digestOf(ADDED));
      assert.deepEqual([config.created, config["x-unknown"]], ["2024-01-02T03:04:05Z", { kept: true }]);
    }
  }
});

Deno.test("a base in docker's format stays one, and a date is set where it is wanted", async () => {
  await using work = await makeWorkspace();
  await using registry = await startFakeRegistry();
  using from = openImage(`${registry.url}/me/app:1`);
  const oci = await putBase(from.store, "oci");
  const { config, layers } = JSON.parse(new TextDecoder().decode(oci.bytes));
  // As appendlayer leaves images behind: docker's format with a config of the other.
  const mixed = {
    schemaVersion: 2,
    mediaType: IMAGE_MANIFEST.docker,
    config,
    layers: [{ ...layers[0], mediaType: IMAGE_LAYER.docker.gzip }],
  };
  const bytes = new TextEncoder().encode(JSON.stringify(mixed));
  await from.store.putManifest("1", manifestOf(bytes, IMAGE_MANIFEST.docker));
  const created = "2025-01-01T00:00:00.000Z";
  const input = await work.write("layer", await gzip(ADDED));
  await append(from, { store: from.store, reference: "2" }, { input, created });
  const manifest = JSON.parse(new TextDecoder().decode((await from.store.manifest("2"))!.bytes));
  assert.equal(manifest.mediaType, IMAGE_MANIFEST.docker);
  assert.equal(manifest.config.mediaType, IMAGE_CONFIG.docker);
  assert.deepEqual(
    manifest.layers.map(({ mediaType }: { mediaType: string }) => mediaType),
    [IMAGE_LAYER.docker.gzip, IMAGE_LAYER.docker.gzip],
  );
  const about = await new Response(await from.store.read(manifest.config.digest)).json();
  assert.deepEqual([about.created, about.history.at(-1).created], [created, created]);

  const notices: string[] = [];
  const onEvent = (event: TransferEvent) => void (event.type === "notice" && notices.push(event.message));
  using box = openImage(`oci:${work.path("box")}:1`);
  for (const store of [from.store, box.store]) {
    await append(from, { store, reference: "3" }, { input, onEvent });
    await copyImage(from, { store, reference: "4" }, { onEvent });
  }
  assert.deepEqual(notices.length, 2, "in a registry it is nothing special");
  for (const notice of notices) {
    assert.match(notice, /docker's own format, which skopeo and umoci do not see in a directory/);
  }
});

Deno.test("an index gets the layer on each image, or one image of it is taken", async () => {
  await using work = await makeWorkspace();
  await using registry = await startFakeRegistry();
  using from = openImage(`oci:${work.path("box")}:t`);
  const amd = await putBase(from.store, "amd", 1);
  const arm = await putBase(from.store, "arm", 2);
  await putIndex(from.store, "t", [
    { manifest: amd, platform: { os: "linux", architecture: "amd64" }, annotations: { a: "b" } },
    { manifest: arm, platform: { os: "linux", architecture: "arm64" } },
    { manifest: amd, platform: { os: "unknown", architecture: "unknown" } },
  ]);
  using to = openImage(`${registry.url}/me/app:1`);
  const notices: string[] = [];
  const onEvent = (event: TransferEvent) => void (event.type === "notice" && notices.push(event.message));
  const made = await append(from, to, { input: streamOf(ADDED), onEvent });
  assert.deepEqual([made.images, made.base.sent], [2, 2]);
  assert.match(notices.join(), /attestations/);
  const index = JSON.parse(new TextDecoder().decode((await to.store.manifest("1"))!.bytes));
  assert.equal(index.manifests.length, 2);
  assert.deepEqual(index.manifests[0].annotations, { a: "b" });
  for (const platform of ["linux/amd64", "linux/arm64"]) {
    const { layers } = await findImage(to.store, "1", { platform });
    assert.equal(layers[1]!.digest, digestOf(ADDED));
  }
  const one = { store: to.store, reference: "arm" };
  await append(from, one, { input: streamOf(ADDED), platform: "linux/arm64" });
  assert.equal((await findImage(to.store, "arm")).platforms.length, 0);
  await assert.rejects(append(from, from, { input: streamOf(ADDED), platform: "linux/arm64" }), {
    name: "ConflictError",
  });
});

Deno.test("what is no whole archive is refused before anything is made of it", async () => {
  await using work = await makeWorkspace();
  await using registry = await startFakeRegistry();
  for (const image of [`oci:${work.path("box")}:t`, `${registry.url}/me/app:t`]) {
    using from = openImage(image);
    const base = await putBase(from.store, "t");
    const packed = await gzip(ADDED);
    const bad = [new Uint8Array(), someBytes(5000), ADDED.slice(0, 900_000), packed.slice(0, -2000)];
    for (const bytes of bad) {
      for (const input of [await work.write("bad", bytes), streamOf(bytes, 1000)]) {
        await assert.rejects(append(from, from, { input }), { name: "InvalidInputError" });
      }
      assert.equal(await from.store.stat(digestOf(bytes)), undefined);
    }
    assert.equal(await from.store.resolve("t"), base.digest);
    const none = await putImage(from.store, "odd", [{ bytes: ADDED }]); // its config lists no layer
    await assert.rejects(append({ store: from.store, reference: "odd" }, from, { input: streamOf(ADDED) }), {
      name: "MismatchError",
      message: /lists 0 layers, but the manifest lists 1/,
    });
    await assert.rejects(
      append(from, { store: from.store, reference: none.digest }, { input: streamOf(ADDED) }),
      { name: "InvalidInputError" },
    );
  }
});

Deno.test("what is no plain, gzip or zstd archive is told apart", async () => {
  await using work = await makeWorkspace();
  using from = openImage(`oci:${work.path("box")}:t`);
  await putBase(from.store, "t");
  const xz = new Uint8Array([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0, ...someBytes(600)]);
  const cases: [Uint8Array<ArrayBuffer>, string, RegExp][] = [
    [
      new TextEncoder().encode("BZh91AY&SY"),
      "the layer is compressed with bzip2",
      /^decompress it.*: bzip2 -dc FILE/,
    ],
    [xz, "the layer is compressed with xz", /^decompress it first, as in: xz -dc FILE/],
    [new TextEncoder().encode("hello"), "the layer is not a tar archive", /^pack it first, as in: tar c DIR/],
    [await gzip(someBytes(600)), "the layer is not a tar archive", /^pack it first/],
    [ADDED.slice(0, 3000), "the layer is not a complete tar archive", /^make it again, as in: tar c DIR/],
  ];
  for (const [bytes, message, hint] of cases) {
    for (const input of [streamOf(bytes), await work.write("layer", bytes)]) {
      const error = await failure(append(from, { store: from.store, reference: "n" }, { input }));
      assert.equal(error.message.split(":")[0], message);
      assert.match(error.hint!, hint);
    }
  }
});

Deno.test("numbers of the base stay as they are, also those beyond 2^53", async () => {
  await using work = await makeWorkspace();
  using from = openImage(`oci:${work.path("box")}:t`);
  const kept = `"limit":9223372036854775807,"share":1.0,"large":1e3,"small":7`;
  const text = `{"os":"linux","config":{${kept}},"x":-9223372036854775808,"rootfs":{"diff_ids":[]}}`;
  const config = await from.store.write(bytesSource(new TextEncoder().encode(text)));
  const blob = { mediaType: IMAGE_CONFIG.oci, digest: config.digest, size: config.size };
  const bytes = `{"schemaVersion":2,"mediaType":"${IMAGE_MANIFEST.oci}","config":${JSON.stringify(blob)},` +
    `"layers":[],"annotated":{${kept}}}`;
  const manifest = manifestOf(new TextEncoder().encode(bytes), IMAGE_MANIFEST.oci);
  await from.store.putManifest("t", manifest);
  const index = `{"schemaVersion":2,"mediaType":"${IMAGE_INDEX.oci}","annotated":{${kept}},"manifests":[` +
    `{"mediaType":"${IMAGE_MANIFEST.oci}","digest":"${manifest.digest}","size":${bytes.length},${kept}}]}`;
  await from.store.putManifest("i", manifestOf(new TextEncoder().encode(index), IMAGE_INDEX.oci));
  await append({ store: from.store, reference: "i" }, { store: from.store, reference: "new" }, {
    input: streamOf(ADDED),
  });
  const made = new TextDecoder().decode((await from.store.manifest("new"))!.bytes);
  const image = await findImage(from.store, "new");
  const [entry] = JSON.parse(made).manifests;
  const child = new TextDecoder().decode((await from.store.manifest(entry.digest))!.bytes);
  const about = await new Response(await from.store.read(image.config.digest)).text();
  assert.equal(made.split(kept).length, 3);
  assert.ok(child.includes(kept));
  assert.ok(about.includes(kept) && about.includes(`"x":-9223372036854775808`), about);
});

Deno.test(
  "a zstd layer on a base in docker's format is said to be what skopeo refuses",
  { ignore: noPrograms },
  async () => {
    await using work = await makeWorkspace();
    await using registry = await startRegistry();
    using from = openImage(`${registry.url}/me/app:1`);
    const { bytes } = await putBase(from.store, "oci");
    const { config, layers } = JSON.parse(new TextDecoder().decode(bytes));
    const manifest = {
      schemaVersion: 2,
      mediaType: IMAGE_MANIFEST.docker,
      config: { ...config, mediaType: IMAGE_CONFIG.docker },
      layers: [{ ...layers[0], mediaType: IMAGE_LAYER.docker.gzip }],
    };
    const docker = new TextEncoder().encode(JSON.stringify(manifest));
    await from.store.putManifest("1", manifestOf(docker, IMAGE_MANIFEST.docker));
    for (const [compression, layer] of [["zstd", await zstd(ADDED)], ["gzip", await gzip(ADDED)]] as const) {
      const notices: string[] = [];
      const onEvent = (event: TransferEvent) => void (event.type === "notice" && notices.push(event.message));
      await append(from, { store: from.store, reference: compression }, { input: streamOf(layer), onEvent });
      const source = `docker://${registry.host}/me/app:${compression}`;
      const args = ["copy", "--src-tls-verify=false", source, `dir:${work.path(compression)}`];
      const isRead = await runProgram("skopeo", args).then(() => true, () => false);
      assert.deepEqual([isRead, notices.join()], [
        compression === "gzip",
        compression === "gzip"
          ? ""
          : "the image keeps docker's own format, in which skopeo, podman and buildah refuse zstd layers: " +
            "they cannot read it at all; compress the layer with gzip for them",
      ]);
    }
  },
);

Deno.test("an artifact is said to be no image that can have another layer", async () => {
  await using work = await makeWorkspace();
  using from = openImage(`oci:${work.path("box")}:t`);
  for (const config of ["{}", "null", "[]", "no JSON"]) {
    const { digest, size } = await from.store.write(bytesSource(new TextEncoder().encode(config)));
    const blob = { mediaType: "application/vnd.example", digest, size };
    const { oci: mediaType } = IMAGE_MANIFEST;
    const artifact = encodeManifest({ schemaVersion: 2, mediaType, config: blob, layers: [blob] });
    await from.store.putManifest("t", artifact);
    await assert.rejects(append(from, from, { input: streamOf(ADDED) }), {
      name: "InvalidInputError",
      message:
        /no layer can be appended to .*, which is not an image: its config is "application\/vnd\.example", and lists/,
    });
  }
});

Deno.test("a base that is replaced meanwhile is not built on", async () => {
  await using work = await makeWorkspace();
  using from = openImage(`oci:${work.path("box")}:t`);
  await putBase(from.store, "t");
  const other = await putBase(from.store, "other", 2);
  const input = new ReadableStream<Uint8Array>({
    async pull(controller) {
      await from.store.putManifest("t", other); // somebody else, while the layer is on its way
      controller.enqueue(ADDED);
      controller.close();
    },
  }, { highWaterMark: 0 });
  await assert.rejects(append(from, from, { input }), {
    name: "ConflictError",
    message: /changed meanwhile/,
  });
  assert.equal(await from.store.resolve("t"), other.digest);
});

Deno.test("a folder that gets the tag of the new image meanwhile is not replaced", async () => {
  await using work = await makeWorkspace();
  using from = openImage(`oci:${work.path("box")}:t`);
  await putBase(from.store, "t");
  await Deno.mkdir(work.path("in"));
  let folder: string | undefined;
  const input = new ReadableStream<Uint8Array>({
    async pull(controller) {
      ({ digest: folder } = await uploadFolder(from.store, "new", { directory: work.path("in") }));
      controller.enqueue(ADDED);
      controller.close();
    },
  }, { highWaterMark: 0 });
  await assert.rejects(append(from, { store: from.store, reference: "new" }, { input }), {
    name: "ConflictError",
    message: "the tag new holds a folder",
  });
  assert.ok(folder);
  assert.equal(await from.store.resolve("new"), folder);
});

Deno.test("the layer and those of the base are told of as one transfer", async () => {
  await using work = await makeWorkspace();
  using from = openImage(`oci:${work.path("box")}:base`);
  const { bytes } = await putBase(from.store, "base");
  const [base] = JSON.parse(new TextDecoder().decode(bytes)).layers;
  const file = await work.write("layer.tar", ADDED);
  for (const [number, input] of [file, streamOf(ADDED)].entries()) {
    using to = openImage(`oci:${work.path(`other${number}`)}:new`);
    const events: TransferEvent[] = [];
    await append(from, to, { input, onEvent: (event) => void events.push(event) });
    const size = input === file ? { size: ADDED.length + base.size } : {};
    assert.deepEqual(events.filter(({ type }) => type === "plan"), [{ type: "plan", ...size, blobs: 2 }]);
    const chunks = events.filter((event) => event.type === "blob").map(({ index, size }) => [index, size]);
    assert.deepEqual(chunks, [[1, ADDED.length], [2, base.size]]);
  }
});

Deno.test("--created takes a day that there is, in a zone that is named", async () => {
  await using place = await makeWorkplace();
  using base = openImage(`oci:${place.path("box")}:base`);
  await putBase(base.store, "base");
  const appended = (created: string) =>
    place.run(["append", "--from", "oci:box:base", "--to", "oci:box:new", "--created", created], {
      stdin: ADDED,
    });
  for (const text of ["2024-02-30T00:00:00Z", "2024-05-01T12:00:00", "2024-05-01 12:00:00", "2024-05-01"]) {
    const { code, stderr } = await appended(text);
    assert.deepEqual([code, stderr.includes("use a time such as 2024-05-01T12:00:00Z")], [2, true], text);
  }
  const { code, stderr } = await appended("2024-05-01T14:00:00+02:00");
  assert.equal(code, 0, stderr);
  const about = await describeImage(base.store, await findImage(base.store, "new"));
  assert.equal(about.steps.at(-1)?.created, "2024-05-01T12:00:00.000Z");
});

Deno.test("the command takes layers as options and as appendlayer has it, with its tokens", async () => {
  await using place = await makeWorkplace();
  await using registry = await startFakeRegistry({ auth: "bearer" });
  const { refreshToken, requests } = registry.tokens!;
  const credentials = { kind: "identity", token: refreshToken } as const;
  using base = openImage(`${registry.url}/me/app:1`, { credentials });
  await putBase(base.store, "1");
  const tokens = { REFRESH_TOKEN: refreshToken };
  const forms = [
    [registry.host, "me/app", "1", "2"],
    [registry.host, "me/app:1", "you/app:2"],
    [`${registry.host}/me/app:1`, `${registry.host}/you/app:3`],
  ];
  const digests = new Set<string>();
  for (const form of forms) {
    const { stdout, stderr, code } = await place.run(["append", ...form], { stdin: ADDED, env: tokens });
    assert.equal(code, 0, stderr);
    assert.match(stderr, /layerstash: stored \S+:[23]: a layer of 2 MB on 1 image[,\n]/);
    digests.add(stdout.trim());
  }
  assert.equal(digests.size, 1);
  assert.equal(await base.store.resolve("2"), [...digests][0]);

  // An access token is exchanged at the registry itself.
  registry.faults.failNext = [{
    times: 1,
    method: "POST",
    path: /^\/oauth2\/exchange$/,
    status: 200,
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ refresh_token: refreshToken }),
  }];
  const asked = requests.length;
  const form = [registry.host, "me/app", "1", "4"];
  const azure = await place.run(["append", ...form], { stdin: ADDED, env: { ACCESS_TOKEN: "of-azure" } });
  assert.equal(azure.code, 0, azure.stderr);
  assert.ok(requests.slice(asked).every(({ form }) => form.get("refresh_token") === refreshToken));
  const named = ["append", "--from", `${registry.host}/me/app:1`, "--to", `${registry.host}/me/app:5`];
  const unasked = await place.run(named, { stdin: ADDED, env: { ACCESS_TOKEN: "of-another" } });
  assert.equal(unasked.code, 4); // the variable may be of another program
  for (const [form, named] of [[["me/app", "1"], "me/app"], [["me/app:1", "1"], "1"]] as const) {
    const forgotten = await place.run(["append", registry.host, ...form], { stdin: ADDED, env: tokens });
    assert.equal(forgotten.code, 2);
    assert.ok(
      forgotten.stderr.includes(`: "${named}" has no tag\nhint: use HOST REPO OLD-TAG NEW-TAG, or HOST `),
    );
  }
  const one = await place.run(["append", "one"], { stdin: ADDED });
  assert.equal(one.code, 2);
  assert.match(one.stderr, /takes 2, 3 or 4 words, not 1\nhint: name the base with --from IMAGE, or as/);
  const none = await place.run(["append"], { stdin: ADDED });
  assert.equal(
    none.stderr,
    "layerstash: cannot append: the base is missing\nhint: name it with --from IMAGE\n",
  );
});
