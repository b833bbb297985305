/** A tag that holds something else gets an image or an alias only where that was asked for. @module */
import assert from "node:assert/strict";
import { mountBlob, pushBlob, setAlias } from "../lib/exports/blobs.ts";
import { append, copyImage } from "../lib/exports/copy.ts";
import { ConflictError, openStore, type Store } from "../main.ts";
import { makeWorkplace, type Workplace } from "./rigs/command_line.ts";
import { makeWorkspace, someBytes, streamOf } from "./rigs/content.ts";
import { gzip, putImage } from "./rigs/images.ts";
import { testOnEachStore } from "./rigs/stores.ts";
import { digestOf } from "../lib/oci/digest.ts";
import { tarOf } from "./rigs/tar.ts";

const LAYER = tarOf([{ name: "motd", content: "hello" }]);

async function putBase(store: Store, tag: string, text = "base"): Promise<void> {
  const bytes = tarOf([{ name: text, content: text }]);
  await putImage(store, tag, [{ bytes: await gzip(bytes) }], {
    os: "linux",
    architecture: "amd64",
    rootfs: { type: "layers", diff_ids: [digestOf(bytes)] },
  });
}

testOnEachStore(
  "a tag that holds something else is a conflict, unless it is to be replaced",
  async (place) => {
    await using work = await makeWorkspace();
    using store = place.open();
    const file = await work.write("file", someBytes(300));
    const layer = await work.write("layer.tar", LAYER);
    const { digest } = await pushBlob(store, streamOf(someBytes(7)));
    await putBase(store, "app");
    const [app, taken] = [{ store, reference: "app" }, { store, reference: "taken" }];
    type Work = (options: { overwrite?: boolean }) => Promise<unknown>;
    const works: Record<string, Work> = {
      "a file, of another size": (options) => pushBlob(store, file, { alias: "taken", ...options }),
      "a stream": (options) => pushBlob(store, streamOf(someBytes(8)), { alias: "taken", ...options }),
      "several blobs": (options) => setAlias(store, "taken", { digests: [digest, digest], ...options }),
      "a mount": (options) => mountBlob(store, digest, { from: "me/files", alias: "taken", ...options }),
      "a copy": (options) => copyImage(app, taken, options),
      "a layer": (options) => append(app, taken, { input: layer, ...options }),
      "a layer from a stream": (options) => append(app, taken, { input: streamOf(LAYER), ...options }),
    };
    for (const [name, work] of Object.entries(works)) {
      await pushBlob(store, streamOf(someBytes(7))); // a directory frees what an image has replaced
      await setAlias(store, "taken", { digests: [digest, digest, digest], overwrite: true });
      const held = await store.resolve("taken");
      const before = await place.contents();
      await assert.rejects(work({}), (error) => {
        assert.ok(error instanceof ConflictError, `${name}: ${error}`);
        assert.equal(error.message, "the tag taken holds something else");
        assert.match(error.hint!, /--overwrite to replace it$/);
        return error.isReplaceable;
      });
      assert.equal(await store.resolve("taken"), held, name);
      assert.deepEqual(await place.contents(), before, `${name}: something was stored`);
      await work({ overwrite: true });
      assert.notEqual(await store.resolve("taken"), held, name);
      await work({}); // it holds just that now
    }
  },
);

testOnEachStore("what is told apart only by its bytes is compared before a file is sent", async (place) => {
  await using work = await makeWorkspace();
  using store = place.open();
  await putBase(store, "app");
  const other = tarOf([{ name: "motd", content: "HELLO" }]);
  const to = { store, reference: "new" };
  await append({ store, reference: "app" }, to, { input: streamOf(LAYER) });
  await pushBlob(store, streamOf(someBytes(50, 1)), { alias: "note" });
  const before = await place.contents();
  const [layer, file] = [await work.write("layer", other), await work.write("file", someBytes(50, 2))];
  await assert.rejects(append({ store, reference: "app" }, to, { input: layer }), ConflictError);
  await assert.rejects(pushBlob(store, file, { alias: "note" }), ConflictError);
  assert.deepEqual(await place.contents(), before);
  await assert.rejects(append({ store, reference: "app" }, to, { input: streamOf(other) }), ConflictError);
  await assert.rejects(pushBlob(store, streamOf(someBytes(50, 2)), { alias: "note" }), ConflictError);
  assert.deepEqual(await fetchBlob(store, "note"), someBytes(50, 1));
});

async function fetchBlob(store: Store, alias: string): Promise<Uint8Array> {
  const manifest = JSON.parse(new TextDecoder().decode((await store.manifest(alias))!.bytes));
  return new Uint8Array(await new Response(await store.read(manifest.layers[0].digest)).arrayBuffer());
}

testOnEachStore("an alias in the other format is the same alias", async (place) => {
  for (const manifestFormat of ["docker", "oci", "docker"] as const) {
    using store = place.open({ manifestFormat });
    await pushBlob(store, streamOf(someBytes(50)), { alias: "note" });
  }
});

testOnEachStore("the tag of the base moves to the image with the layer, as it is asked to", async (place) => {
  using store = place.open();
  await putBase(store, "app");
  const app = { store, reference: "app" };
  const first = await append(app, app, { input: streamOf(LAYER) });
  const second = await append(app, { store }, { input: streamOf(LAYER) });
  assert.notEqual(first.digest, second.digest);
  assert.equal(await store.resolve("app"), second.digest);
});

const IMAGES: readonly string[][] = [
  ["blob", "push", "file", "oci:box/me/files:taken"],
  ["blob", "push", "file", "file", "--", "oci:box/me/files:taken"],
  ["alias", "set", "oci:box/me/files:taken", "file", "file"],
  ["append", "--from", "oci:box/me/files:app", "--to", "oci:box/me/files:taken", "-i", "layer.tar"],
  ["save", "oci:box/me/files:app", "-o", "saved"],
];

/** Two images, one of them in a directory where the other is saved, and files. */
async function makeScene(work: Workplace): Promise<void> {
  await work.write("layer.tar", LAYER);
  await work.write("file", "content");
  using store = openStore({ registry: `oci:${work.path("box")}`, repository: "me/files" });
  await putBase(store, "app");
  await putBase(store, "taken", "other");
  await pushBlob(store, work.path("file"));
  using saved = openStore(`oci:${work.path("saved")}`);
  await copyImage({ store, reference: "taken" }, { store: saved, reference: "app" });
}

Deno.test("each command names the line that replaces what the tag holds, and that line works", async () => {
  for (const words of IMAGES) {
    await using work = await makeWorkplace();
    await makeScene(work);
    const refused = await work.run(words);
    assert.equal(refused.code, 6, `${words.join(" ")}: ${refused.stderr}`);
    const [, tag, line] =
      /: the tag (\w+) holds something else\nhint: use another tag, or --overwrite to replace it: layerstash (.*)\n$/
        .exec(refused.stderr) ?? assert.fail(refused.stderr);
    assert.equal(tag, words[0] === "save" ? "app" : "taken");
    if (words[0] === "append") {
      assert.match(refused.stderr, /cannot append to oci:\S+:app as oci:\S+:taken: /);
    }
    const replaced = await work.run(line!.split(" "));
    assert.equal(replaced.code, 0, `${line}: ${replaced.stderr}`);
  }
});
