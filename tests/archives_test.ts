/** Archives of images, as docker, podman, skopeo and crane make them, are read in place. @module */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { findImage, openImage } from "../lib/exports/images.ts";
import { makeWorkplace, type Workplace } from "./rigs/command_line.ts";
import { ensureTool } from "./rigs/debian.ts";
import { ForeignLayout } from "./rigs/foreign_layout.ts";
import { gzip } from "./rigs/images.ts";
import { paxOf, runProgram, type TarFile, tarOf } from "./rigs/tar.ts";

const withSkopeo = { ignore: !await ensureTool("skopeo", "skopeo") };
const withPodman = { ignore: withSkopeo.ignore || !await ensureTool("podman", "podman") };

const [BASE, TOP] = ["base", "top"].map((name) => tarOf([{ name: `etc/${name}`, content: `of ${name}` }]));

/** A layout `two` with an image `t` of two layers, and an image `base` of one. */
function layoutOfTwo(place: Workplace): void {
  const layout = new ForeignLayout(place.path("two"));
  layout.image("t", [layout.layer(BASE), layout.layer(TOP)]);
  layout.image("base", [layout.layer(BASE)]);
}

/** Runs a command that is to succeed, and gives its standard output. */
async function output(place: Workplace, args: string[]): Promise<string> {
  const { code, stdout, stderr } = await place.run(args);
  assert.equal(code, 0, `${args.join(" ")}: ${stderr}`);
  return stdout;
}

async function refused(place: Workplace, args: string[], code: number, message: RegExp): Promise<void> {
  const ended = await place.run(args);
  assert.deepEqual([ended.code, ended.stdout], [code, ""], `${args.join(" ")}: ${ended.stderr}`);
  assert.match(ended.stderr, message);
}

function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

/** What skopeo says of an image. */
interface Inspected {
  Digest: string;
  Layers: string[];
}

async function inspected<T = Inspected>(image: string, ...options: string[]): Promise<T> {
  return JSON.parse(new TextDecoder().decode(await runProgram("skopeo", ["inspect", ...options, image])));
}

/** An archive as `docker save` writes it. */
function savedTar(
  layers: readonly { name: string; bytes: Uint8Array; diffId?: string }[],
  { tags = ["example.org/app:1"], more = [] as readonly TarFile[] } = {},
): TarFile[] {
  const diffIds = layers.map(({ bytes, diffId }) => diffId ?? digestOf(bytes));
  const config = JSON.stringify({ os: "linux", architecture: "amd64", rootfs: { diff_ids: diffIds } });
  const manifest = [{ Config: "config.json", RepoTags: tags, Layers: layers.map(({ name }) => name) }];
  return [
    { name: "config.json", content: config },
    ...layers.map(({ name, bytes }) => ({ name, content: bytes })),
    ...more,
    { name: "manifest.json", content: JSON.stringify(manifest) },
  ];
}

Deno.test(
  "archives of skopeo are read by every command, with the digests that skopeo gives",
  withSkopeo,
  async () => {
    await using place = await makeWorkplace();
    layoutOfTwo(place);
    const layout = `oci:${place.path("two")}:t`;
    const [oci, docker] = [place.path("oci.tar"), place.path("docker.tar")];
    await runProgram("skopeo", ["copy", "-q", layout, `oci-archive:${oci}:t`]);
    await runProgram("skopeo", ["copy", "-q", layout, `docker-archive:${docker}:example.org/app:1`]);
    for (const image of ["oci-archive:oci.tar", "oci-archive:oci.tar:t", "oci:oci.tar", "./oci.tar:t"]) {
      assert.match(await output(place, ["peek", image]), /\[1\] etc\/base\n.*\[2\] etc\/top\n$/);
      const { digest, layers } = JSON.parse(await output(place, ["inspect", "--json", image]));
      const said = await inspected(`oci-archive:${oci}`);
      assert.deepEqual([digest, layers.map((layer: { digest: string }) => layer.digest)], [
        said.Digest,
        said.Layers,
      ]);
    }
    for (const image of ["docker-archive:docker.tar", "docker-archive:docker.tar:1", "./docker.tar"]) {
      assert.equal(await output(place, ["extract", image, "etc/top", "-o", "-"]), "of top");
      const { config, layers } = JSON.parse(await output(place, ["inspect", "--json", image]));
      const said = await inspected<
        { config: { digest: string }; layers: { digest: string; size: number }[] }
      >(
        `docker-archive:${docker}`,
        "--raw",
      );
      assert.equal(config.digest, said.config.digest);
      assert.deepEqual(
        layers.map(({ digest, size }: { digest: string; size: number }) => [digest, size]),
        said.layers.map(({ digest, size }) => [digest, size]),
      );
    }
  },
);

Deno.test(
  "what is copied, saved or built on from an archive is whole, and skopeo reads it",
  withSkopeo,
  async () => {
    await using place = await makeWorkplace();
    layoutOfTwo(place);
    const archive = `docker-archive:${place.path("docker.tar")}:example.org/app:1`;
    await runProgram("skopeo", ["copy", "-q", `oci:${place.path("two")}:t`, archive]);
    const digest = (await output(place, ["copy", "docker-archive:docker.tar", "oci:copied:t"])).trim();
    await output(place, ["save", "./docker.tar", "-o", "saved"]);
    await output(place, ["save", "./docker.tar", "--layer", "all", "-o", "layers"]);
    const layer = await place.write("more.tar", tarOf([{ name: "more", content: "more" }]));
    await output(place, ["append", "--from", archive, "--to", "oci:appended:t", "-i", layer]);
    for (const image of ["copied:t", "saved:1"]) {
      const said = await inspected(`oci:${place.path(image)}`);
      assert.deepEqual([said.Digest, said.Layers], [digest, [digestOf(BASE!), digestOf(TOP!)]]);
    }
    const appended = await inspected(`oci:${place.path("appended")}:t`);
    assert.deepEqual(appended.Layers.slice(0, 2), [digestOf(BASE!), digestOf(TOP!)]);
    const saved = Array.from(Deno.readDirSync(place.path("layers")), ({ name }) => name).sort();
    assert.deepEqual(Deno.readFileSync(place.path(`layers/${saved[0]}`)), BASE);
  },
);

Deno.test("of several images that podman saves each is found by its name", withPodman, async () => {
  await using place = await makeWorkplace();
  layoutOfTwo(place);
  const podman = async (...args: string[]) =>
    new TextDecoder().decode(
      await runProgram("podman", [
        "--storage-driver=vfs",
        `--root=${place.path("root")}`,
        `--runroot=${place.path("run")}`,
        ...args,
      ]),
    ).trim();
  const [app, base] = ["example.org/app:1", "example.org/base:1"];
  await podman("tag", await podman("pull", "-q", `oci:${place.path("two")}:t`), app);
  await podman("tag", await podman("pull", "-q", `oci:${place.path("two")}:base`), base);
  await podman("save", "-q", "-m", "-o", place.path("both.tar"), app, base);
  await podman("save", "-q", "--format=oci-archive", "-o", place.path("oci.tar"), app);
  const names = new RegExp(`both\\.tar has 2 images\nhint: name one of them: ${app}, ${base}`);
  await refused(place, ["inspect", "docker-archive:both.tar"], 2, names);
  await refused(
    place,
    ["inspect", "./both.tar:1"],
    2,
    /1 means several images in \.\/both\.tar: example\.org\/app:1/,
  );
  const layers = async (image: string) =>
    JSON.parse(await output(place, ["layers", "--json", image])).map((each: { digest: string }) =>
      each.digest
    );
  assert.deepEqual(await layers(`docker-archive:both.tar:${app}`), [digestOf(BASE!), digestOf(TOP!)]);
  assert.deepEqual(await layers(`./both.tar:${base}`), [digestOf(BASE!)]);
  const report = JSON.parse(await output(place, ["inspect", "--json", `oci-archive:oci.tar:${app}`]));
  assert.equal(report.digest, (await inspected(`oci-archive:${place.path("oci.tar")}`)).Digest);
});

Deno.test("compressed layers, as crane pulls them, are listed with their own digests", async () => {
  await using place = await makeWorkplace();
  const packed = await gzip(BASE!);
  const name = `${digestOf(packed).slice(7)}.tar.gz`;
  const files = savedTar([{ name, bytes: packed, diffId: digestOf(BASE!) }, {
    name: "top.tar",
    bytes: TOP!,
  }]);
  await place.write("crane.tar", tarOf(files));
  const layers = JSON.parse(await output(place, ["layers", "--json", "./crane.tar"]));
  assert.deepEqual(
    layers.map(({ digest, mediaType }: { digest: string; mediaType: string }) => [digest, mediaType]),
    [
      [digestOf(packed), "application/vnd.oci.image.layer.v1.tar+gzip"],
      [digestOf(TOP!), "application/vnd.oci.image.layer.v1.tar"],
    ],
  );
  assert.equal(await output(place, ["extract", "./crane.tar", "etc/base", "-o", "-"]), "of base");
});

Deno.test("where an archive has both lists, docker-archive: takes docker's and oci: takes OCI's", async () => {
  await using place = await makeWorkplace();
  const layout = new ForeignLayout(place.path("box"));
  layout.image("t", [layout.layer(BASE)]);
  for (const { name, content } of savedTar([{ name: "top.tar", bytes: TOP! }])) {
    await place.write(`box/${name}`, content!);
  }
  await runProgram("tar", ["-C", place.path("box"), "-cf", place.path("both.tar"), "."]);
  assert.match(await output(place, ["peek", "oci:both.tar"]), /etc\/base\n$/);
  assert.match(await output(place, ["peek", "docker-archive:both.tar"]), /etc\/top\n$/);
});

Deno.test("a docker-archive is read by short names, where they mean one image", async () => {
  await using place = await makeWorkplace();
  const tags = ["docker.io/library/mine:2", "docker.io/me/app:3", "localhost/own:4", "quay.io/o/app:5"];
  await place.write("ps.tar", tarOf(savedTar([{ name: "top.tar", bytes: TOP! }], { tags })));
  for (const name of ["mine:2", "2", "docker.io/library/mine:2", "me/app:3", "own:4", "quay.io/o/app:5"]) {
    for (const archive of ["docker-archive:ps.tar", "./ps.tar"]) {
      assert.match(await output(place, ["peek", `${archive}:${name}`]), /etc\/top\n$/, name);
    }
  }
  const absent = new RegExp(
    `there is no o/app:5 in docker-archive:ps\\.tar\nhint: it has: ${tags.join(", ")}\n`,
  );
  await refused(place, ["layers", "docker-archive:ps.tar:o/app:5"], 3, absent);
  const both = ["docker.io/library/mine:2", "localhost/mine:2"];
  const [first, second] = [TOP!, BASE!].map((bytes, index) =>
    savedTar([{ name: `layer${index}.tar`, bytes }], { tags: [both[index]!] })
  );
  const config = { ...second![0]!, name: "other.json" };
  const lists = [first!, second!].map((files) => JSON.parse(files.at(-1)!.content as string)[0]);
  const content = JSON.stringify([lists[0], { ...lists[1], Config: config.name }]);
  await place.write(
    "two.tar",
    tarOf([...first!.slice(0, -1), config, second![1]!, { name: "manifest.json", content }]),
  );
  const several = /mine:2 means several images in \S+: docker\.io\/library\/mine:2, localhost\/mine:2\n/;
  await refused(place, ["layers", "docker-archive:two.tar:mine:2"], 2, several);
});

Deno.test("layers may be links within the archive, as older dockers write them", async () => {
  await using place = await makeWorkplace();
  const link = (name: string, target: string) => ({ name, flag: "2", target });
  const { name, bytes } = { name: "a/layer.tar", bytes: BASE! };
  const files = savedTar([{ name, bytes }], { more: [link("b/layer.tar", "../a/layer.tar")] });
  const manifest = files.at(-1)!;
  files[files.length - 1] = {
    ...manifest,
    content: (manifest.content as string).replace("a/layer", "b/layer"),
  };
  await place.write("linked.tar", tarOf(files));
  assert.match(await output(place, ["peek", "./linked.tar"]), /etc\/base\n$/);
});

Deno.test("a hostile archive is refused, or its bytes are found out", async () => {
  await using place = await makeWorkplace();
  await place.write("secret", "a secret of this machine");
  const layer = { name: "layer.tar", bytes: BASE! };
  const outside = { name: "layer.tar", flag: "2", target: place.path("secret") };
  const sparse = paxOf({ "GNU.sparse.map": "0,512", "GNU.sparse.size": `${BASE!.length}` });
  const whole = savedTar([layer]);
  const without = whole.filter(({ name }) => name !== "layer.tar");
  const cases: [string, TarFile[], RegExp][] = [
    [
      "twice",
      [...whole, { name: "layer.tar", content: TOP! }],
      /"layer\.tar" is in twice\.tar several times/,
    ],
    [
      "other",
      savedTar([{ ...layer, diffId: digestOf(TOP!) }]),
      /sha256:\w+ is corrupted: its bytes have another/,
    ],
    ["link", [...without, outside], /names "layer\.tar", and has no such file/],
    ["upward", [...without, { ...outside, target: "../secret" }], /names "layer\.tar", and has no such file/],
    ["loop", [...without, { ...outside, target: "layer.tar" }], /names "layer\.tar", and has no such file/],
    [
      "absolute",
      [...without, { name: "/layer.tar", content: BASE! }],
      /names "layer\.tar", and has no such file/,
    ],
    [
      "sparse",
      [...without, sparse, { name: "layer.tar", content: BASE!.subarray(0, 512) }],
      /is a sparse file/,
    ],
    ["huge", [{ name: "layer.tar", size: 2 ** 50, content: "" }], /the archive huge\.tar is truncated/],
    [
      "few",
      savedTar([layer]).map((each) =>
        each.name === "config.json" ? { ...each, content: `{"rootfs":{"diff_ids":[]}}` } : each
      ),
      /its image has 1 layers, and its config 0/,
    ],
  ];
  for (const [name, files, message] of cases) {
    await place.write(`${name}.tar`, tarOf(files));
    const { code, stderr } = await place.run(["peek", "--verify", `docker-archive:${name}.tar`]);
    assert.equal(code, 5, `${name}: ${stderr}`);
    assert.match(stderr, message, name);
    assert.ok(!stderr.includes("a secret"));
  }
});

Deno.test("a blob or manifest of a packed layout that has other bytes than its digest is found out", async () => {
  await using place = await makeWorkplace();
  const layout = new ForeignLayout(place.path("box"));
  const { digest } = layout.image("t", [layout.layer(BASE)]).layers[0]!;
  const blobPath = (digest: string) => place.path(`box/blobs/sha256/${digest.slice(7)}`);
  const requireFound = async () => {
    await runProgram("tar", ["-C", place.path("box"), "-cf", place.path("box.tar"), "."]);
    const { code, stderr } = await place.run(["copy", "oci-archive:box.tar", "oci:to:t"]);
    assert.equal(code, 5, stderr);
  };
  Deno.writeFileSync(blobPath(digest), TOP!);
  await requireFound();
  Deno.writeFileSync(blobPath(digest), BASE!);
  const { manifests: [manifest] } = JSON.parse(Deno.readTextFileSync(place.path("box/index.json")));
  Deno.writeTextFileSync(blobPath(manifest.digest), " ", { append: true });
  await requireFound();
});

Deno.test("an archive is never written to, and one that is compressed or none says what to do", async () => {
  await using place = await makeWorkplace();
  layoutOfTwo(place);
  await place.write("saved.tar", tarOf(savedTar([{ name: "layer.tar", bytes: BASE! }])));
  const before = Deno.readFileSync(place.path("saved.tar"));
  const written = /is an archive, and archives are only read\nhint: copy to oci:DIR, and pack that/;
  await refused(place, ["copy", "oci:two:t", "oci-archive:saved.tar:t"], 2, written);
  await refused(place, ["copy", "oci:two:t", "oci:saved.tar:t"], 2, written);
  assert.deepEqual(Deno.readFileSync(place.path("saved.tar")), before);
  const missing =
    /there is no file new\.tar\nhint: archives are only read; to make one, copy the image to oci:DIR/;
  await refused(place, ["copy", "oci:two:t", "docker-archive:new.tar:t"], 3, missing);
  await place.write("saved.tar.gz", await gzip(before));
  const packed =
    /saved\.tar\.gz is compressed with gzip, .*\nhint: decompress it first: gzip -d < saved\.tar\.gz > saved\.tar\n$/;
  await refused(place, ["peek", "oci:saved.tar.gz"], 2, packed);
  await place.write("text", "no archive, but a text that is rather long ".repeat(20));
  await refused(
    place,
    ["peek", "./text"],
    2,
    /text is neither a tar archive of images nor a layout\nhint: use a file/,
  );
  await place.write("other.tar", tarOf([{ name: "file", content: "" }]));
  await refused(
    place,
    ["peek", "./other.tar"],
    2,
    /it has no index\.json or manifest\.json\nhint: use a file/,
  );
});

Deno.test("other tools' transports are refused by name, and never asked for as hosts", async () => {
  await using place = await makeWorkplace();
  for (
    const [image, hint] of [
      ["dir:images", /hint: convert it, as in: skopeo copy dir:PATH oci:DIR:TAG\n$/],
      ["docker-daemon:nginx:1", /hint: save it first: docker save -o FILE\.tar IMAGE/],
      ["containers-storage:localhost/me/app", /hint: save it first: podman save --format oci-archive/],
      ["ocidir://box:t", /hint: name the directory as in oci:DIR:TAG\n$/],
    ] as const
  ) {
    await refused(place, ["inspect", image], 2, /the transport [a-z-]+: of ".*" is not supported\n/);
    await refused(place, ["copy", image, "oci:box:t"], 2, hint);
  }
});

Deno.test("an archive that takes much memory or time to describe is refused, however small it is", async () => {
  await using place = await makeWorkplace();
  const layer = new Uint8Array(1024);
  const config = (layers: number, more = "") =>
    JSON.stringify({ rootfs: { diff_ids: Array(layers).fill(digestOf(layer)) }, more });
  const image = (layers: number) => ({ Config: "c", Layers: Array(layers).fill("l") });
  const cases: [string, string, unknown[]][] = [
    ["many layers, often", config(30_000), Array(20).fill(image(30_000))],
    ["a large config, often", config(0, "x".repeat(4_000_000)), Array(5_000).fill(image(0))],
  ];
  for (const [name, config, images] of cases) {
    const tar = tarOf([
      { name: "c", content: config },
      { name: "l", content: layer },
      { name: "manifest.json", content: JSON.stringify(images) },
    ]);
    await place.write("hostile.tar", tar);
    const message = /the images of hostile\.tar take more than \d+ bytes to describe/;
    await refused(place, ["inspect", "docker-archive:hostile.tar"], 5, message).catch((error) => {
      throw new Error(name, { cause: error });
    });
  }
});

Deno.test("reading an archive can be interrupted, and begun again", async () => {
  await using place = await makeWorkplace();
  const packed = await gzip(BASE!);
  const layers = [{ name: "layer.tar.gz", bytes: packed, diffId: digestOf(BASE!) }];
  const path = await place.write("crane.tar", tarOf(savedTar(layers)));
  using image = openImage(`docker-archive:${path}`);
  const stop = new AbortController();
  const reading = findImage(image.store, undefined, { signal: stop.signal });
  const enough = new Error("enough");
  stop.abort(enough);
  await assert.rejects(reading, (error) => error === enough);
  assert.equal((await findImage(image.store, undefined)).layers[0]?.digest, digestOf(packed));
});
