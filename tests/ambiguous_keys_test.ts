/** JSON that readers disagree on is refused: Go's take keys of any case for a field, most others do not. @module */
import assert from "node:assert/strict";
import { makeWorkplace } from "./rigs/command_line.ts";
import { ForeignLayout } from "./rigs/foreign_layout.ts";
import { tarOf } from "./rigs/tar.ts";

Deno.test("a manifest with keys that differ in case is refused by every command that reads it", async () => {
  await using place = await makeWorkplace();
  const layout = new ForeignLayout(place.path("box"));
  const [good, evil] = ["good", "evil"].map((name) => layout.layer(tarOf([{ name, content: name }])));
  const config = { mediaType: "application/vnd.oci.image.config.v1+json", ...layout.blob("{}") };
  layout.image("layers", [good!], { manifest: { Layers: [evil] } });
  layout.image("long-s", [good!], { manifest: { "layer\u017f": [evil] } });
  layout.image("only", [], { manifest: { layers: undefined, LAYERS: [evil] } });
  layout.image("config", [good!], { manifest: { Config: config } });
  layout.image("kind", [good!], { manifest: { MediaType: "application/vnd.oci.image.index.v1+json" } });
  layout.image("digest", [{ ...good!, Digest: evil!.digest } as typeof good & object]);
  layout.image("index", [], {
    manifest: { layers: undefined, config: undefined, manifests: [], Manifests: [good] },
  });
  for (const name of ["layers", "long-s", "only", "config", "kind", "digest", "index"]) {
    for (const args of [["peek"], ["copy", `oci:to:${name}`]]) {
      const { code, stdout, stderr } = await place.run([args[0]!, `oci:box:${name}`, ...args.slice(1)]);
      assert.deepEqual([code, stdout], [5, ""], `${args[0]} ${name}: ${stderr}`);
      assert.match(stderr, /the manifest .*is ambiguous: it has the key ".*", whose case is wrong/);
    }
  }
});

Deno.test("an entry of an index with such keys is passed over, and its config is not shown", async () => {
  await using place = await makeWorkplace();
  const layout = new ForeignLayout(place.path("box"));
  const other = layout.image("other", [layout.layer("other")]);
  layout.image("sly", [layout.layer("sly")], { entry: { Digest: other.digest } });
  layout.image("shown", [layout.layer(tarOf([]))], { config: { Config: { Labels: { a: "b" } } } });
  const mediaType = "application/vnd.oci.image.index.v1+json";
  const [, sly] = layout.entries;
  const platform = { os: "linux", architecture: "amd64" };
  layout.list("all", { schemaVersion: 2, mediaType, manifests: [{ ...sly, platform }] });
  for (const name of ["sly", "all"]) assert.equal((await place.run(["inspect", `oci:box:${name}`])).code, 3);
  const { code, stdout, stderr } = await place.run(["inspect", "oci:box:shown"]);
  assert.equal(code, 0, stderr);
  assert.match(stderr, /no readable config: the config is ambiguous: it has the key "Config"/);
  assert.ok(!stdout.includes("linux/amd64"));
});

Deno.test("labels and annotations may have any keys, also those that objects have themselves", async () => {
  await using place = await makeWorkplace();
  const layout = new ForeignLayout(place.path("box"));
  const Labels = JSON.parse(
    `{"constructor":"1","prototype":"2","__proto__":"3","Name":"4","name":"5","layers":"6"}`,
  );
  layout.image("t", [layout.layer(tarOf([]), { annotations: Labels })], { config: { config: { Labels } } });
  const { stdout } = await place.run(["inspect", "oci:box:t"]);
  for (const [key, value] of Object.entries(Labels)) {
    assert.match(stdout, new RegExp(`^ +${key} +${value}$`, "m"));
  }
  const report = JSON.parse((await place.run(["inspect", "--json", "oci:box:t"])).stdout);
  assert.deepEqual(Object.entries(report.about.labels), Object.entries(Labels));
  assert.deepEqual(Object.entries(report.layers[0].annotations), Object.entries(Labels));
});
