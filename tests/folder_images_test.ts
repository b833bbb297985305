/** Which images are folders is one rule for every command: the config says so. @module */
import assert from "node:assert/strict";
import { gunzipSync } from "node:zlib";
import { openStore, type Store } from "../main.ts";
import type { Digest } from "../lib/oci/digest.ts";
import { readImageManifest } from "../lib/oci/manifest.ts";
import { listArtifacts } from "../lib/exports/artifacts.ts";
import { makeWorkplace, type Workplace } from "./rigs/command_line.ts";
import { someBytes } from "./rigs/content.ts";
import { startFakeRegistry } from "./rigs/fake_registry.ts";
import { blobFile, putImage } from "./rigs/images.ts";
import { tarOf } from "./rigs/tar.ts";
import { estargzOf } from "./rigs/toc_layers.ts";
import { openFake } from "./rigs/uploads.ts";

/** Stores a folder `site`, and under `there` the same folder with layers that another program has packed anew. */
async function storeRepacked(work: Workplace): Promise<void> {
  await Deno.mkdir(work.path("site/img"), { recursive: true });
  await work.write("site/index.html", "<h1>Hello</h1>");
  await work.write("site/img/photo", someBytes(400_000));
  assert.equal((await work.run(["upload", "site", "oci:./box/me/files:site"])).code, 0);
  using store = openStore({ registry: `oci:${work.path("box")}`, repository: "me/files" });
  const { config, layers } = readImageManifest((await store.manifest("site"))!);
  const read = async ({ digest }: { digest: Digest }) => await new Response(await store.read(digest)).bytes();
  const unpacked = await Promise.all(
    layers.map(async (layer) => ({ bytes: new Uint8Array(gunzipSync(await read(layer))) })),
  );
  await putImage(store, "there", unpacked, JSON.parse(new TextDecoder().decode(await read(config))));
}

/** Stores an image under `there` whose layer has a table of contents, as other programs write it. */
async function storeForeign(work: Workplace): Promise<void> {
  using store: Store = openStore({ registry: `oci:${work.path("box")}`, repository: "me/files" });
  await Deno.mkdir(work.path("site"));
  await Deno.writeFile(work.path("site/photo"), someBytes(400_000), { mode: 0o644 });
  await putImage(store, "there", [await estargzOf([{ name: "photo", content: someBytes(400_000) }])]);
  assert.equal((await work.run(["upload", "site", "oci:./box/me/files:site"])).code, 0);
}

const THERE = "oci:./box/me/files:there";

Deno.test("an image whose config says that it is a folder is one to every command, however it is packed", async () => {
  await using work = await makeWorkplace();
  await storeRepacked(work);
  const done = async (...words: string[]) => {
    const { code, stdout, stderr } = await work.run(words);
    assert.equal(code, 0, `${words.join(" ")}: ${stdout}${stderr}`);
    return `${stdout}${stderr}`;
  };
  const refused = async (...words: string[]) => {
    const { code, stderr } = await work.run(words);
    assert.deepEqual([code, /holds a folder/.test(stderr)], [6, true], `${words.join(" ")}: ${stderr}`);
  };
  assert.match(await done("list", "oci:./box/me/files"), /^there +folder +2 /m);
  assert.match(await done("info", THERE), /^kind: +folder$[^]*^files: +2$/m);
  assert.match(await done("verify", THERE, "--deep"), /^there is OK: 2 files, /);
  assert.match(await done("verify", THERE, "site"), /site is the same/);
  await done("diff", THERE, "site");
  await done("diff", THERE, "oci:./box/me/files:site");
  assert.match(await done("url", THERE, "--script"), /tar -x/);
  assert.match(await done("download", THERE, "back"), /back: 2 files written, verified/);
  assert.deepEqual(await Deno.readFile(work.path("back/img/photo")), someBytes(400_000));
  assert.equal(
    Array.from(Deno.readDirSync(work.path("back"))).length,
    2,
    "nothing of the format is left in it",
  );
  assert.match(
    await done("copy", THERE, "oci:./other"),
    /get it back: layerstash download oci:\.\/other:there$/m,
  );
  await done("save", THERE, "-o", "saved");
  await work.write("file", "1");
  await done("blob", "push", "file", "oci:./box/me/files", "--alias", "alias");
  await refused("copy", "oci:./box/me/files:alias", THERE);
  await work.write("layer.tar", tarOf([{ name: ".wh.index.html" }]));
  await done("append", "--from", THERE, "--to", "oci:./box/me/files:more", "-i", "layer.tar");
  assert.match(
    await done("info", "oci:./box/me/files:more"),
    /^kind: +container image$/m,
    "a layer hides what is below",
  );
  assert.match(await done("remove", THERE), /^there$/m);
});

Deno.test("an image with tables of contents whose config does not say so is no folder to any command", async () => {
  await using work = await makeWorkplace();
  await storeForeign(work);
  const run = async (...words: string[]) => {
    const { code, stdout, stderr } = await work.run(words);
    return { code, said: `${stdout}${stderr}` };
  };
  assert.doesNotMatch((await run("list", "oci:./box/me/files")).said, /^there/m);
  assert.match((await run("list", "oci:./box/me/files", "--all")).said, /^there +container image /m);
  assert.match((await run("info", THERE)).said, /^kind: +container image$/m);
  for (const words of [["download", THERE, "back"], ["verify", THERE], ["url", THERE], ["remove", THERE]]) {
    const { code, said } = await run(...words);
    assert.equal(code, 3, said);
  }
  const copied = await run("copy", THERE, "oci:./other:there");
  assert.doesNotMatch(copied.said, /get it back/);
  assert.equal((await run("copy", "oci:./box/me/files:site", "oci:./other:there", "--json")).code, 6);
});

Deno.test("a folder that is malformed or has lost its config is replaced and removed where that is asked for", async () => {
  await using work = await makeWorkplace();
  await Deno.mkdir(work.path("site"));
  await work.write("site/index.html", "<h1>Hello</h1>");
  const run = async (...words: string[]) => {
    const { code, stdout, stderr } = await work.run(words);
    return { code, said: `${stdout}${stderr}` };
  };
  const putBroken = async (how: "lost" | "malformed") => {
    using store = openStore({ registry: `oci:${work.path("box")}`, repository: "me/files" });
    const config = { layerstash: { kind: "folder", version: 9 }, comment: how };
    await putImage(store, "there", [{ bytes: tarOf([{ name: "old" }]) }], config);
    const { config: blob } = readImageManifest((await store.manifest("there"))!);
    if (how === "lost") await Deno.remove(blobFile(work.path("box/me/files"), blob));
  };
  for (const how of ["lost", "malformed"] as const) {
    await putBroken(how);
    const refused = await run("upload", "site", THERE);
    assert.equal(refused.code, 6, refused.said);
    assert.match(refused.said, /there holds something else\nhint: use another tag, or --overwrite/);
    const stored = await run("upload", "site", THERE, "--overwrite");
    assert.equal(stored.code, 0, stored.said);
    assert.match((await run("verify", THERE, "site", "--deep")).said, /site is the same/);
  }
  await putBroken("malformed");
  assert.equal((await run("remove", THERE)).code, 0);
  await putBroken("lost");
  const kept = await run("remove", THERE);
  assert.equal(kept.code, 3, kept.said);
  assert.match(
    kept.said,
    /hint: to remove this tag alone: layerstash alias remove oci:.\/box\/me\/files:there/,
  );
});

Deno.test("a list fetches no config that is larger than that of a folder with as many layers", async () => {
  await using registry = await startFakeRegistry();
  using store = openFake(registry);
  const layers = [1, 2].map((which) => ({ bytes: someBytes(100, which) }));
  const history = Array.from({ length: 9 }, (_, step) => ({ created_by: `RUN ${step} ${"x".repeat(150)}` }));
  for (const tag of ["one", "two"]) await putImage(store, tag, layers, { os: "linux", history });
  const note = { version: 1, kind: "folder", files: 2, size: 200 };
  const diffIds = Array.from({ length: 2 }, () => `sha256:${"0".repeat(64)}`);
  const config = { os: "linux", rootfs: { type: "layers", diff_ids: diffIds }, layerstash: note };
  await putImage(store, "folder", layers, config);
  registry.requests.length = 0;
  const kinds = (await listArtifacts(store, [])).map(({ artifact }) => artifact?.kind);
  assert.deepEqual(kinds, ["folder", "container image", "container image"]);
  assert.equal(registry.requests.filter(({ path }) => path.includes("/blobs/")).length, 1);
});
