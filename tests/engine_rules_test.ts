/** Archives that container engines do not unpack, as `append` tells of them; umoci is the witness. @module */
import assert from "node:assert/strict";
import { openImage } from "../lib/exports/images.ts";
import { digestOf } from "../lib/oci/digest.ts";
import { makeWorkplace } from "./rigs/command_line.ts";
import { ensureTool } from "./rigs/debian.ts";
import { putImage } from "./rigs/images.ts";
import { paxOf, runProgram, type TarFile, tarOf } from "./rigs/tar.ts";

const hasUmoci = await ensureTool("umoci", "umoci");

const FILE: TarFile = { name: "file", content: "x" };
const REFUSED: [string, TarFile[], RegExp][] = [
  ["a volume label", [{ name: "label", flag: "V" }, FILE], /an entry of the kind "V"/],
  ["a directory of an incremental backup", [{ name: "d/", flag: "D", content: "Yf\0\0" }], /of the kind "D"/],
  ["a contiguous file", [{ name: "c", flag: "7", content: "x" }], /of the kind "7"/],
  ["a long name of old GNU tar", [{ name: "n", flag: "N", content: "x" }, FILE], /of the kind "N"/],
  ["an unknown kind", [{ name: "z", flag: "Z" }, FILE], /of the kind "Z"/],
  ["a file for a root", [{ name: ".", content: "x" }], /its entry "\." would replace the root/],
  ["a file without a name", [{ name: "", content: "x" }], /its entry "" would replace the root/],
  [
    "a link for a root",
    [{ name: "./", flag: "2", target: "tmp" }],
    /its entry "\.\/" would replace the root/,
  ],
  ["a whiteout of nothing", [{ name: ".wh." }], /its entry "\.wh\." would replace the root/],
  ["a zero byte in a key", [paxOf({ "a\0b": "v" }), FILE], /its attribute "a\S+b" is malformed/],
  ["an empty key", [paxOf({ "": "v" }), FILE], /its attribute "" is malformed/],
  ["a zero byte in an owner", [paxOf({ uname: "a\0b" }), FILE], /its attribute "uname" is malformed/],
  ["an owner that is not a number", [paxOf({ uid: "abc" }), FILE], /its attribute "uid" is malformed/],
  ["a time that is not a number", [paxOf({ mtime: "abc" }), FILE], /its attribute "mtime" is malformed/],
];
const TAKEN: [string, TarFile[]][] = [
  ["a directory for a root", [{ name: "./", flag: "5" }, FILE]],
  ["a zero byte in an extended attribute", [paxOf({ "SCHILY.xattr.user.x": "a\0b" }), FILE]],
  ["an attribute that is taken back", [paxOf({ uid: "", mtime: "" }), FILE]],
  ["times and owners", [paxOf({ uid: "+7", mtime: "-1.5", comment: "a" }), FILE]],
  ["an archive from before POSIX", [{ name: "old", flag: "\0", content: "x" }]],
];

/** Whether umoci unpacks an image with this layer. */
async function doesUmociUnpack(directory: string, layer: Uint8Array<ArrayBuffer>): Promise<boolean> {
  using image = openImage(`oci:${directory}/judged:t`);
  await putImage(image.store, "t", [{ bytes: layer }], {
    os: "linux",
    architecture: "amd64",
    rootfs: { type: "layers", diff_ids: [digestOf(layer)] },
  });
  const args = ["unpack", "--rootless", "--image", `${directory}/judged:t`, `${directory}/bundle`];
  return await runProgram("umoci", args).then(() => true, () => false);
}

for (const [what, files, message] of [...REFUSED, ...TAKEN] as [string, TarFile[], RegExp?][]) {
  Deno.test(`a layer with ${what} is ${message ? "refused" : "taken"}, as by umoci`, async () => {
    await using place = await makeWorkplace();
    const layer = tarOf(files);
    using image = openImage(`oci:${place.path("box")}:base`);
    await putImage(image.store, "base", []);
    const args = ["append", "--from", "oci:box:base", "--to", "oci:box:new"];
    const { code, stderr } = await place.run(args, { stdin: layer });
    assert.equal(code, message ? 2 : 0, stderr);
    if (message) {
      assert.match(stderr, /container engines cannot unpack the layer: .*\nhint: /);
      assert.match(stderr, message);
    }
    assert.equal(await image.store.resolve("new") !== undefined, !message);
    if (hasUmoci) assert.equal(await doesUmociUnpack(place.directory, layer), !message);
  });
}

Deno.test("a path that a layer has twice is told of, as podman and docker refuse it", async () => {
  await using place = await makeWorkplace();
  using image = openImage(`oci:${place.path("box")}:base`);
  await putImage(image.store, "base", []);
  const run = async (files: TarFile[]) =>
    await place.run(["append", "--from", "oci:box:base", "--to", "oci:box:new", "--overwrite"], {
      stdin: tarOf(files),
    });
  const once = await run([FILE, { name: ".wh.file" }]);
  assert.doesNotMatch(once.stderr, /more than once/);
  const twice = await run([FILE, { name: "./file" }]);
  assert.match(twice.stderr, /the layer has "file" more than once: podman and docker refuse it/);
  const several = await run([FILE, { name: "d/", flag: "5" }, { name: "d/", flag: "5" }, FILE]);
  assert.match(several.stderr, /the layer has 2 paths, such as "d", more than once/);
  assert.deepEqual([once.code, twice.code, several.code], [0, 0, 0]);
});
