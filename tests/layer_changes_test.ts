/** What a layer adds, changes and hides of the layers below it. @module */
import assert from "node:assert/strict";
import { findImage, ImageFiles, openImage } from "../lib/exports/images.ts";
import { compareTopLayer } from "../lib/images/layer_changes.ts";
import { makeWorkspace } from "./rigs/content.ts";
import { putImage } from "./rigs/images.ts";
import { type TarFile, tarOf } from "./rigs/tar.ts";

/** The paths of the top layer and what it hides, each with the layer that it is from and what happened to it. */
async function changesOf(...layers: TarFile[][]): Promise<string[]> {
  await using work = await makeWorkspace();
  using image = openImage(`oci:${work.path("box")}:t`);
  await putImage(image.store, "t", layers.map((files) => ({ bytes: tarOf(files) })));
  const found = await findImage(image.store, image.reference);
  const { tree, changes } = await compareTopLayer(new ImageFiles(image.store, found.layers));
  return Array.from(tree.entries(), ({ path, layer }) => `${path} ${layer} ${changes.get(path) ?? "same"}`);
}

Deno.test("a layer adds, changes and hides; what it merely lists again is the same", async () => {
  const base = [
    { name: "etc/", flag: "5" },
    { name: "etc/a", content: "a" },
    { name: "etc/b", content: "b" },
    { name: "opt/", flag: "5" },
    { name: "opt/x/", flag: "5" },
    { name: "opt/x/y", content: "y" },
    { name: "var/", flag: "5" },
    { name: "bin", flag: "2", target: "opt" },
  ];
  const middle = [{ name: "etc/c", content: "c" }, { name: "etc/.wh.b" }];
  const top = [
    { name: "etc/", flag: "5" },
    { name: "etc/.wh.a" },
    { name: "etc/b", content: "again" },
    { name: "etc/c", content: "new" },
    { name: "var/", flag: "5", mode: 0o700 },
    { name: "bin/x/new", content: "1" },
    { name: "opt/x/.wh..wh..opq" },
  ];
  assert.deepEqual(await changesOf(base, middle, top), [
    "bin 3 same",
    "bin/x 3 same",
    "bin/x/new 3 added",
    "etc 3 same",
    "etc/a 1 hidden",
    "etc/b 3 added",
    "etc/c 3 changed",
    "opt 1 same",
    "opt/x 1 same",
    "opt/x/y 1 hidden",
    "var 3 changed",
  ]);
});

Deno.test("what a layer hides and makes anew is changed, and the base adds all that it has", async () => {
  const file = (content: string) => [{ name: ".wh.a" }, { name: "a", content }];
  assert.deepEqual(await changesOf(file("1"), file("2")), ["a 2 changed"]);
  assert.deepEqual(await changesOf(file("1")), ["a 1 added"]);
});
