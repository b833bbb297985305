/** The commands that look into images, as a user runs them. @module */
import assert from "node:assert/strict";
import { encodeManifest } from "../lib/oci/manifest.ts";
import { IMAGE_MANIFEST } from "../lib/oci/media_types.ts";
import { bytesSource } from "../lib/exports/store.ts";
import { openImage } from "../lib/exports/images.ts";
import { layerRow, layerStyle } from "../lib/cli/commands/layers.ts";
import { shortBuildCommand } from "../lib/cli/text/build_command.ts";
import { renderTable } from "../lib/cli/text/columns.ts";
import type { ReportedLayer } from "../lib/images/describe_image.ts";
import { makeWorkplace, type Workplace } from "./rigs/command_line.ts";
import { someBytes } from "./rigs/content.ts";
import { gzip, putImage } from "./rigs/images.ts";
import { tarOf } from "./rigs/tar.ts";

/** A layout `box` with the image `t` of two layers. */
async function makePlace(): Promise<Workplace> {
  const place = await makeWorkplace();
  using image = openImage(`oci:${place.path("box")}:t`);
  const base = tarOf([
    { name: "etc/", flag: "5" },
    { name: "etc/motd", content: "old\n" },
    { name: "etc/gone", content: "x" },
    { name: "big", content: someBytes(300_000) },
    { name: "\x1b[2Jevil", content: "x" },
  ]);
  const top = tarOf([{ name: "etc/", flag: "5" }, { name: "etc/motd", content: "new\n" }, {
    name: "etc/.wh.gone",
  }]);
  await putImage(image.store, "t", [{ bytes: await gzip(base) }, { bytes: await gzip(top) }], {
    os: "linux",
    architecture: "amd64",
    config: { Labels: { "a\x1b[2J": "b" } },
    history: [{ created_by: "COPY base /" }, { created_by: "COPY top /" }],
  });
  return place;
}

Deno.test("inspect and layers tell what is known, for people and programs", async () => {
  await using place = await makePlace();
  const { stdout, code } = await place.run(["inspect", "oci:box:t"]);
  assert.equal(code, 0);
  assert.match(stdout, /^platform: +linux\/amd64$/m);
  assert.match(stdout, /^size: +\d+ KB in 2 layers$/m);
  assert.match(stdout, /^layers:\n {2}1 {2}sha256:[0-9a-f]{64} {2}\d+ KB +COPY base \/\n {2}2 {2}sha256/m);
  assert.match(stdout, /^build steps:\n {2}1 {2}COPY base \/\n {2}2 {2}COPY top \/\n/m);
  assert.ok(!stdout.includes("\x1b"));
  const report = JSON.parse((await place.run(["inspect", "--json", "oci:box:t"])).stdout);
  assert.equal(report.layers.length, 2);
  const raw = JSON.parse((await place.run(["inspect", "--raw", "oci:box"])).stdout);
  assert.deepEqual(
    raw.layers.map(({ digest }: { digest: string }) => digest),
    report.layers.map(({ digest }: { digest: string }) => digest),
  );
  const layers = await place.run(["layers", "oci:box:t"]);
  assert.equal(layers.stdout.trimEnd().split("\n").length, 2);
  assert.match(layers.stdout, /^2 {2}sha256:[0-9a-f]{64} .* application\/vnd\S+ {2}COPY top \/$/m);
  const listed = JSON.parse((await place.run(["layers", "--json", "oci:box:t"])).stdout);
  assert.deepEqual(listed.map(({ createdBy }: { createdBy: string }) => createdBy), [
    "COPY base /",
    "COPY top /",
  ]);
});

Deno.test("of a build command what its author wrote is shown", () => {
  for (
    const [recorded, shown] of [
      ['/bin/sh -c #(nop)  CMD ["nginx"]', 'CMD ["nginx"]'],
      ["/bin/sh -c apt-get  update \t&& rm -rf /var", "RUN apt-get update && rm -rf /var"],
      ["RUN /bin/sh -c set -x # buildkit", "RUN set -x"],
      ["RUN |2 A=b c C=d /bin/sh -c make # buildkit", "RUN make"],
      ["COPY app / # buildkit", "COPY app /"],
      ["bazel build ...", "bazel build ..."],
    ]
  ) assert.equal(shortBuildCommand(recorded!), shown);
});

Deno.test("a build command that somebody made to be hard to read is read once", () => {
  const hard = `|1 ${"=".repeat(500_000)}${"a ".repeat(500_000)}`; // tried at each "=", it would take hours
  assert.equal(shortBuildCommand(hard), hard.trim());
});

Deno.test("on a terminal layers fit into its columns, unless they are wanted whole", () => {
  const digest = `sha256:${"a".repeat(64)}` as const;
  const layer = {
    number: 1,
    digest,
    size: 5,
    mediaType: "m",
    createdBy: `RUN /bin/sh -c ${"x".repeat(900)}`,
  };
  const shown = (columns: number | undefined, trunc: boolean) => {
    const style = layerStyle({ dataColumns: columns }, { trunc });
    return renderTable([layerRow(layer as ReportedLayer, style, { hasTypes: false })], style);
  };
  assert.equal(shown(50, true), `1  sha256:${"a".repeat(12)}  5 B  RUN ${"x".repeat(13)}...\n`);
  const whole = `1  ${digest}  5 B  ${layer.createdBy}\n`;
  assert.deepEqual([shown(50, false), shown(undefined, true)], [whole, whole]);
});

Deno.test("of an artifact its type is told, and no platform", async () => {
  await using place = await makePlace();
  using image = openImage(`oci:${place.path("box")}:artifact`);
  const { digest, size } = await image.store.write(bytesSource(new TextEncoder().encode("{}")));
  const empty = { mediaType: "application/vnd.oci.empty.v1+json", digest, size };
  const artifact = encodeManifest({
    schemaVersion: 2,
    mediaType: IMAGE_MANIFEST.oci,
    artifactType: "application/vnd.example",
    config: empty,
    layers: [empty],
  });
  await image.store.putManifest("artifact", artifact);
  const { stdout } = await place.run(["inspect", "oci:box:artifact"]);
  assert.match(stdout, /^artifact type: +application\/vnd\.example$/m);
  assert.ok(!stdout.includes("platform:"));
  const report = JSON.parse((await place.run(["inspect", "--json", "oci:box:artifact"])).stdout);
  assert.deepEqual([report.artifactType, report.about.platform], ["application/vnd.example", undefined]);
  const { code, stderr } = await place.run(["peek", "oci:box:artifact"]);
  assert.equal(code, 1);
  assert.match(
    stderr,
    /the layer is not a tar archive; its media type is "application\/vnd\.oci\.empty\.v1\+json".*\nhint: .* layerstash save --layer 1\n$/,
  );
});

Deno.test("an archive is read as the layout in it, and a registry is not an archive", async () => {
  await using place = await makePlace();
  await place.write("box.tar", tarOf([{ name: "index.json", content: `{"manifests":[]}` }]));
  const archive = await place.run(["inspect", "oci:box.tar:t"]);
  assert.equal(archive.code, 3);
  assert.match(archive.stderr, /: there is no t in oci:box\.tar\nhint: it has none at all\n$/);
  const registry = await place.run(["list", "--registry", "oci:.", "-r", "box.tar"]);
  assert.equal(registry.code, 2);
  assert.match(
    registry.stderr,
    /: box\.tar is a file, and a layout is a directory\nhint: unpack an archive first/,
  );
});

Deno.test("peek lists the merged files, and says what it fetched", async () => {
  await using place = await makePlace();
  const { stdout, stderr } = await place.run(["peek", "oci:box:t"]);
  assert.deepEqual(
    stdout.trimEnd().split("\n").map((line) => line.replace(/^(\S+ ).*?(\[\d\].*)$/, "$1$2")),
    [
      "-rw-r--r-- [1] ?[2Jevil",
      "-rw-r--r-- [1] big",
      "drwxr-xr-x [2] etc/",
      "-rw-r--r-- [2] etc/motd",
    ],
  );
  assert.match(stderr, /^layerstash: fetched (\S+ KB) of \1 \(100 %\); verified\n$/);
  const part = await place.run(["peek", "oci:box:t", "etc/motd"]);
  assert.match(
    part.stderr,
    /fetched \d+ B of \d+ KB \(0\.\d+ %\); verified; lower layers were not read\n$/,
  );
  assert.equal((await place.run(["peek", "oci:box:t", "etc/gone"])).code, 3);
  assert.match(
    (await place.run(["peek", "oci:box:t", "--tree"])).stdout,
    /└── etc\/ \[2\]\n {4}└── motd \(4 B\) \[2\]\n$/,
  );
});

Deno.test("peek prints one entry a line as JSON, and whether that was all", async () => {
  await using place = await makePlace();
  const lines = (text: string) => text.trimEnd().split("\n").map((line) => JSON.parse(line));
  const all = lines((await place.run(["peek", "--json", "--layer", "all", "oci:box:t"])).stdout);
  assert.equal(all.length, 9);
  assert.deepEqual([all.at(-1).event, all.at(-1).complete, all.at(-1).verified], ["done", true, true]);
  const part = lines((await place.run(["peek", "--json", "oci:box:t", "etc/motd"])).stdout);
  assert.deepEqual(part.map(({ event, path, complete }) => [event, path, complete]), [
    ["entry", "etc/motd", undefined],
    ["done", undefined, false],
  ]);
});

Deno.test("peek --hidden lists what later layers remove and replace, and which layer does", async () => {
  await using place = await makePlace();
  const { stdout } = await place.run(["peek", "oci:box:t", "--hidden", "etc"]);
  assert.deepEqual(
    stdout.trimEnd().split("\n").map((line) => line.replace(/^(\S+ ).*?(\[\d\].*)$/, "$1$2")),
    [
      "drwxr-xr-x [2] etc/",
      "-rw-r--r-- [1] etc/gone (hidden by layer 2)",
      "-rw-r--r-- [1] etc/motd (hidden by layer 2)",
      "-rw-r--r-- [2] etc/motd",
    ],
  );
  assert.match(
    (await place.run(["peek", "oci:box:t", "--tree", "--hidden"])).stdout,
    /└── etc\/ \[2\]\n {4}├── gone \(1 B\) \[1\] \(hidden by layer 2\)\n {4}├── motd \(4 B\) \[1\] \(hidden by layer 2\)\n {4}└── motd \(4 B\) \[2\]\n$/,
  );
  const gone = await place.run(["peek", "--json", "--hidden", "oci:box:t", "etc/gone"]);
  const { path, layer, hiddenBy } = JSON.parse(gone.stdout.split("\n")[0]!);
  assert.deepEqual([path, layer, hiddenBy, gone.code], ["etc/gone", 1, 2, 0]);
  assert.deepEqual(await place.run(["peek", "oci:box:t", "--hidden", "--layer", "1"]), {
    code: 2,
    stdout: "",
    stderr: "layerstash: cannot list the files of oci:box:t: " +
      "--hidden needs all layers: it cannot be combined with --layer\n",
  });
});

Deno.test("extract and peek say of what they used whether it is verified, and not of layers that they skipped", async () => {
  await using place = await makeWorkplace();
  const wanted = tarOf([{ name: "srv/index.html", content: "hello\n" }]);
  const large = tarOf([{ name: "big", content: someBytes(3_000_000) }, { name: "last", content: "x" }]);
  {
    using image = openImage(`oci:${place.path("box")}:t`);
    await putImage(image.store, "above", [{ bytes: large }, { bytes: wanted }], {});
    await putImage(image.store, "below", [{ bytes: wanted }, { bytes: large }], {});
  }
  const extract = async (tag: string, ...more: string[]) =>
    await place.run(["extract", `oci:box:${tag}`, "srv/index.html", ...more]);
  assert.match((await extract("above", "-o", "-")).stderr, / %\); verified; /);
  const lower = await extract("below", "-o", "-");
  assert.match(lower.stderr, /; the contents are verified, the other layers are not: not all was read; /);
  const proofs = [];
  for (const tag of ["above", "below"]) {
    const { stdout } = await extract(tag, "-o", tag, "--json");
    const { verified, contentsVerified } = JSON.parse(stdout.trimEnd().split("\n").at(-1)!);
    proofs.push([verified, contentsVerified]);
  }
  assert.deepEqual(proofs, [[true, true], [false, true]]);
  assert.match((await extract("below", "-o", "whole", "--verify")).stderr, /; verified; /);
  const peek = async (tag: string) => (await place.run(["peek", `oci:box:${tag}`, "srv/index.html"])).stderr;
  assert.match(await peek("above"), /; verified; lower layers were not read\n$/);
  assert.match(await peek("below"), /; not verified: not all was read\n$/);
});

Deno.test("extract writes files, or one to standard output", async () => {
  await using place = await makePlace();
  const { stdout, stderr } = await place.run(["extract", "oci:box:t", "/etc/motd", "-o", "-"]);
  assert.equal(stdout, "new\n");
  assert.match(stderr, / %\); verified; /, "layers below that are not needed change nothing");
  const done = await place.run(["extract", "oci:box:t", "etc", "big", "-o", "out"]);
  assert.match(done.stderr, /wrote 2 files, 1 directory to out/);
  assert.deepEqual(await Deno.readFile(place.path("out/big")), someBytes(300_000));
  const again = await place.run(["extract", "oci:box:t", "big", "-o", "out"]);
  assert.equal(again.code, 6);
  assert.match(again.stderr, /out[\\/]big already exists\nhint: replace it with --overwrite/);
  assert.equal((await place.run(["extract", "oci:box:t", "nothing", "-o", "out"])).code, 3);
  assert.equal((await place.run(["extract", "oci:box:t", "etc", "big", "-o", "-"])).code, 2);
  assert.equal(
    (await place.run(["extract", "oci:box:t", "--layer", "1", "etc/motd", "-o", "-"])).stdout,
    "old\n",
  );
  assert.equal((await place.run(["extract", "oci:box:t", "big", "-o", "-", "--max-size", "x"])).code, 2);
  for (const to of ["-", "other"]) {
    const limited = await place.run(["extract", "oci:box:t", "big", "-o", to, "--max-size", "1KB"]);
    assert.deepEqual([limited.code, limited.stdout], [1, ""]);
    assert.match(limited.stderr, /more than 1000 bytes|has 300000 bytes, more than 1000/);
    assert.match(limited.stderr, /hint: .*--max-size/);
  }
});

Deno.test("extract without -o makes a new directory, named after the image", async () => {
  await using place = await makePlace();
  const args = ["extract", "oci:./box:t", "etc", "big"];
  const done = await place.run(args);
  assert.match(done.stderr, /wrote 2 files, 1 directory to box-t\n/);
  assert.deepEqual(await Deno.readFile(place.path("box-t/big")), someBytes(300_000));
  const again = await place.run(args);
  assert.equal(again.code, 6);
  assert.match(
    again.stderr,
    /: box-t already exists\nhint: name a directory with -o, or replace existing files with --overwrite\n$/,
  );
  assert.equal((await place.run([...args, "--overwrite"])).code, 0);
  assert.equal((await place.run([...args, "-o", "."])).code, 0);
  assert.equal(await Deno.readTextFile(place.path("etc/motd")), "new\n");
  const only = await place.run(["extract", "oci:box", "etc"]);
  assert.match(only.stderr, /wrote 1 file, 1 directory to box-image\n/);
});

Deno.test("what is not in a layer that was named is said to be not there", async () => {
  await using place = await makePlace();
  for (const command of ["peek", "extract"]) {
    const missing = await place.run([command, "oci:box:t", "big", "--layer", "2"]);
    assert.equal(missing.code, 3);
    assert.match(missing.stderr, /: there is no big in layer 2\n/);
    assert.match(
      (await place.run([command, "oci:box:t", "huge"])).stderr,
      /: there is no huge in oci:box:t\n/,
    );
  }
  const whiteout = await place.run(["extract", "oci:box:t", "etc/.wh.gone", "--layer", "2", "-o", "-"]);
  assert.match(whiteout.stderr, /there is no etc\/\.wh\.gone in layer 2\nhint: whiteouts mark what a layer/);
});
