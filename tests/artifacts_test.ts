/** Artifacts, as oras and helm store them: their files go by their titles, and what is not an archive hides nothing. @module */
import assert from "node:assert/strict";
import { makeWorkplace, type Workplace } from "./rigs/command_line.ts";
import { ForeignLayout, type NamedBlob } from "./rigs/foreign_layout.ts";
import { gzip } from "./rigs/images.ts";
import { tarOf } from "./rigs/tar.ts";

const [TAR_TYPE, MANIFEST_TYPE] = ["layer.v1.tar", "manifest.v1+json"].map((type) =>
  `application/vnd.oci.image.${type}`
);
const DISK = new Uint8Array(2048).fill(7, 1024); // it begins with zeros, as the end of an archive does

/** Stores an artifact. */
function putArtifact(
  layout: ForeignLayout,
  name: string,
  configType: string,
  layers: NamedBlob[],
): void {
  const config = { mediaType: configType, ...layout.blob("{}") };
  layout.list(name, { schemaVersion: 2, mediaType: MANIFEST_TYPE, config, layers });
}

function titled(layout: ForeignLayout, title: string, content: unknown, mediaType = TAR_TYPE): NamedBlob {
  return layout.layer(content, { mediaType, annotations: { "org.opencontainers.image.title": title } });
}

/** A place with the layout `box`: a push of files and a directory with oras, and a signed chart of helm. */
async function makePlace(): Promise<{ place: Workplace; layout: ForeignLayout }> {
  const place = await makeWorkplace();
  const layout = new ForeignLayout(place.path("box"));
  const directory = await gzip(tarOf([{ name: "conf/app.ini", content: "of a directory" }]));
  putArtifact(layout, "files", "application/vnd.oci.empty.v1+json", [
    titled(layout, "a.txt", "some text\n"),
    titled(layout, "deep/disk.img", DISK, "application/octet-stream"),
    titled(layout, "empty", ""),
    titled(layout, "conf", directory, `${TAR_TYPE}+gzip`),
  ]);
  const chart = await gzip(tarOf([{ name: "chart/values.yaml", content: "port: 80\n" }]));
  putArtifact(layout, "chart", "application/vnd.cncf.helm.config.v1+json", [
    layout.layer(chart, { mediaType: "application/vnd.cncf.helm.chart.content.v1.tar+gzip" }),
    layout.layer("-----BEGIN PGP SIGNED MESSAGE-----\n".repeat(40), {
      mediaType: "application/vnd.cncf.helm.chart.provenance.v1.prov",
    }),
  ]);
  return { place, layout };
}

async function succeeded(place: Workplace, args: string[]): Promise<{ stdout: string; stderr: string }> {
  const { code, ...said } = await place.run(args);
  assert.equal(code, 0, `${args.join(" ")}: ${said.stderr}`);
  return said;
}

Deno.test("files of an artifact are listed and extracted by their titles, beside its archives", async () => {
  const { place } = await makePlace();
  await using _place = place;
  const { stdout } = await succeeded(place, ["peek", "oci:box:files"]);
  assert.deepEqual(
    Array.from(stdout.matchAll(/\[(\d)\] (\S+)$/gm), ([, layer, path]) => `${layer} ${path}`),
    [
      "1 a.txt",
      "4 conf/",
      "4 conf/app.ini",
      "2 deep/",
      "2 deep/disk.img",
      "3 empty",
    ],
  );
  assert.match(stdout, / 2048 .* deep\/disk\.img$/m);
  const one = await succeeded(place, ["extract", "oci:box:files", "a.txt", "-o", "-"]);
  assert.equal(one.stdout, "some text\n");
  assert.match(one.stderr, /; verified; [\d.]+s\n$/);
  await succeeded(place, ["extract", "oci:box:files", "/", "-o", "out"]);
  assert.deepEqual(await Deno.readFile(place.path("out/deep/disk.img")), DISK);
  assert.equal(await Deno.readTextFile(place.path("out/conf/app.ini")), "of a directory");
  assert.equal(await Deno.readTextFile(place.path("out/empty")), "");
});

Deno.test("an archive that was pushed as a file is read as an archive, and its title leads to it as it is", async () => {
  const { place, layout } = await makePlace();
  await using _place = place;
  putArtifact(layout, "packed", "application/vnd.oci.empty.v1+json", [
    titled(layout, "backup.tar", tarOf([{ name: "inside", content: "content" }])),
  ]);
  assert.match((await succeeded(place, ["peek", "oci:box:packed"])).stdout, / inside\n$/);
  const { code, stderr } = await place.run(["extract", "oci:box:packed", "backup.tar", "-o", "-"]);
  assert.equal(code, 3);
  assert.match(stderr, /hint: layer 1 has this title, and is an archive: .* layerstash save --layer 1\n$/);
});

Deno.test("a layer that holds no files hides no others: it is named, with what to do", async () => {
  const { place } = await makePlace();
  await using _place = place;
  const passed =
    /layer 2 is not a tar archive; its media type is "application\/vnd\.cncf\.helm\.chart\.provenance\.v1\.prov", .*; to get it as it is, use layerstash save --layer 2\n/;
  const listed = await succeeded(place, ["peek", "oci:box:chart"]);
  assert.match(listed.stdout, /chart\/values\.yaml\n$/);
  assert.match(listed.stderr, passed);
  const one = await succeeded(place, ["extract", "oci:box:chart", "chart/values.yaml", "-o", "-"]);
  assert.equal(one.stdout, "port: 80\n");
  assert.match(one.stderr, passed);
  await succeeded(place, ["extract", "oci:box:chart", "/", "-o", "out"]);
  await succeeded(place, ["peek", "oci:box:chart", "--layer", "all"]);
  const { code, stderr } = await place.run(["peek", "oci:box:chart", "--layer", "2"]);
  assert.equal(code, 1);
  assert.match(
    stderr,
    /is not a tar archive; .*\nhint: to get it as it is, use layerstash save --layer 2\n$/,
  );
});

Deno.test("inspect and layers tell what an artifact is, and the titles of its files", async () => {
  const { place } = await makePlace();
  await using _place = place;
  const files = await succeeded(place, ["inspect", "oci:box:files"]);
  assert.match(files.stdout, /^config type: +application\/vnd\.oci\.empty\.v1\+json$/m);
  assert.match(
    files.stdout,
    /^ {2}1 {2}sha256:\w+ {2}10 B +application\/vnd\.oci\.image\.layer\.v1\.tar +a\.txt$/m,
  );
  const chart = await succeeded(place, ["inspect", "oci:box:chart"]);
  assert.match(chart.stdout, /^config type: +application\/vnd\.cncf\.helm\.config\.v1\+json$/m);
  assert.match(chart.stdout, / application\/vnd\.cncf\.helm\.chart\.provenance\.v1\.prov$/m);
  const layers = await succeeded(place, ["layers", "oci:box:files"]);
  assert.match(layers.stdout, /^2 .* application\/octet-stream +deep\/disk\.img$/m);
});

Deno.test("saved layers get their titles as names, if these are safe and differ", async () => {
  const { place, layout } = await makePlace();
  await using _place = place;
  await succeeded(place, ["save", "oci:box:files", "--layer", "all", "-o", "saved"]);
  assert.equal(await Deno.readTextFile(place.path("saved/a.txt")), "some text\n");
  assert.deepEqual(await Deno.readFile(place.path("saved/disk.img")), DISK);
  const hostile = [
    "../up",
    "/etc/passwd",
    ".profile",
    "-rf",
    "C:\\x",
    "a\u202eb",
    "nul",
    "Same",
    "same",
    "x".repeat(250),
    "1-0123456789ab.bin", // as layerstash names layers without titles
    "disk.part", // the name of disk until it is complete
    "disk",
  ];
  putArtifact(
    layout,
    "hostile",
    "application/x",
    hostile.map((title, at) => titled(layout, title, `file ${at}`)),
  );
  const { stdout } = await succeeded(place, ["save", "oci:box:hostile", "--layer", "all", "-o", "hostile"]);
  const names = stdout.trimEnd().split("\n").map((path) => path.replace(/-[0-9a-f]{12}\.bin$/, ""));
  assert.deepEqual(
    names,
    ["up", "passwd", 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, "disk"].map((name) => `hostile/${name}`),
  );
  assert.equal(Array.from(Deno.readDirSync(place.path("hostile"))).length, hostile.length);
  const around = Array.from(Deno.readDirSync(place.directory), ({ name }) => name);
  assert.deepEqual(around.filter((name) => name !== ".local").sort(), ["box", "hostile", "saved"]);
  await succeeded(place, ["extract", "oci:box:hostile", "/", "-o", "out"]);
  assert.equal(await Deno.readTextFile(place.path("out/etc/passwd")), "file 1");
  assert.equal(await Deno.readTextFile(place.path("out/up")), "file 0");
});

Deno.test("bytes that a manifest carries itself are used where their blob is missing", async () => {
  const { place, layout } = await makePlace();
  await using _place = place;
  const embed = (text: string, title: string) => ({ ...titled(layout, title, text), data: btoa(text) });
  const config = { mediaType: "application/vnd.oci.empty.v1+json", ...layout.blob("{}"), data: btoa("{}") };
  const [note, wrong] = [embed("a note", "note"), { ...embed("wrong", "wrong"), data: btoa("wrung") }];
  const manifest = { schemaVersion: 2, mediaType: MANIFEST_TYPE, config };
  layout.list("carried", { ...manifest, layers: [note] });
  layout.list("wrong", { ...manifest, layers: [wrong] });
  for (const { digest } of [config, note, wrong]) {
    await Deno.remove(place.path(`box/blobs/sha256/${digest.slice("sha256:".length)}`));
  }
  assert.match((await succeeded(place, ["inspect", "oci:box:carried"])).stdout, / note$/m);
  assert.equal((await succeeded(place, ["extract", "oci:box:carried", "note", "-o", "-"])).stdout, "a note");
  await succeeded(place, ["copy", "oci:box:carried", "oci:to:t"]);
  assert.equal(await Deno.readTextFile(place.path(`to/blobs/sha256/${note.digest.slice(7)}`)), "a note");
  const { code, stderr } = await place.run(["copy", "oci:box:wrong", "oci:to:wrong"]);
  assert.equal(code, 3, stderr);
});
