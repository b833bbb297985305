/** A file that is one chunk has its name in OCI's manifest, so that oras restores it under that name. @module */
import assert from "node:assert/strict";
import { copyStash } from "../lib/exports/copy.ts";
import { encodeManifest, type Manifest } from "../lib/exports/store.ts";
import { openStore, type Store, type TransferEvent, upload } from "../main.ts";
import { goProgram } from "./compatibility/go_programs.ts";
import { makeWorkspace, type Workspace } from "./rigs/content.ts";
import { ensureTool } from "./rigs/debian.ts";
import { startRegistry } from "./rigs/real_registry.ts";
import { onPosix } from "./rigs/system.ts";

const TITLE = "org.opencontainers.image.title";
const hasRegistry = !onPosix("docker-registry").ignore &&
  await ensureTool("docker-registry", "docker-registry");
const oras = hasRegistry ? await goProgram("oras") : undefined;

const open = (work: Workspace, repository: string, manifestFormat: "docker" | "oci") =>
  openStore({ registry: `oci:${work.path("box")}`, repository, manifestFormat });

function contentOf({ bytes }: Manifest) {
  return JSON.parse(new TextDecoder().decode(bytes));
}

/** Puts the manifest of a chunk as versions did that wrote no title. */
async function putUntitled(store: Store, tag: string): Promise<Manifest> {
  const { layers: [layer], ...rest } = contentOf((await store.manifest(tag))!);
  const { annotations, ...plain } = layer;
  assert.equal(annotations[TITLE], "disk.img");
  const untitled = encodeManifest({ ...rest, layers: [plain] });
  await store.putManifest(tag, untitled);
  return untitled;
}

Deno.test("oras restores a file of one chunk under its name", { ignore: !oras }, async () => {
  await using work = await makeWorkspace();
  await using registry = await startRegistry();
  using store = openStore({ registry: registry.url, repository: "me/files", manifestFormat: "oci" });
  await upload(store, "disk", { input: await work.write("disk.img", "the disk") });
  const args = ["pull", "--plain-http", `${registry.host}/me/files:disk-1`, "-o", work.path("back")];
  const { success, stderr } = await new Deno.Command(oras!, { args }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
  assert.equal(await Deno.readTextFile(work.path("back/disk.img")), "the disk");
});

Deno.test("docker's manifest stays as it was, and so do those of several chunks and of a stream", async () => {
  await using work = await makeWorkspace();
  const input = await work.write("disk.img", "the disk");
  using docker = open(work, "me/docker", "docker");
  await upload(docker, "disk", { input });
  const manifest = (await docker.manifest("disk-1"))!;
  const { config, layers: [layer] } = contentOf(manifest);
  assert.equal(
    new TextDecoder().decode(manifest.bytes),
    `{"schemaVersion":2,"mediaType":"application/vnd.docker.distribution.manifest.v2+json",` +
      `"config":{"mediaType":"application/vnd.docker.container.image.v1+json","size":${config.size},"digest":"${config.digest}"},` +
      `"layers":[{"mediaType":"application/octet-stream","size":8,"digest":"${layer.digest}"}]}`,
  );
  using oci = open(work, "me/oci", "oci");
  await upload(oci, "parts", { input, chunkSize: 4 });
  await upload(oci, "piped", { input: new Response("piped").body! });
  for (const tag of ["parts-1", "parts-2", "piped-1"]) {
    assert.equal(contentOf((await oci.manifest(tag))!).layers[0].annotations, undefined, tag);
  }
});

Deno.test("a stored file without a title is the same one: nothing is sent, and nothing is in conflict", async () => {
  await using work = await makeWorkspace();
  const input = await work.write("disk.img", "the disk");
  using store = open(work, "me/files", "oci");
  await upload(store, "disk", { input });
  const { digest } = await putUntitled(store, "disk-1");
  const events: TransferEvent[] = [];
  await upload(store, "disk", { input, onEvent: (event) => void events.push(event) });
  assert.equal(await store.resolve("disk-1"), digest);
  assert.deepEqual(
    events.filter(({ type }) => type === "blob").map((event) => "state" in event && event.state),
    [
      "present",
    ],
  );
  using titled = open(work, "me/titled", "oci");
  await upload(titled, "disk", { input });
  await copyStash({ store, baseTag: "disk" }, { store: titled, baseTag: "disk" });
  await upload(titled, "disk", { input, overwrite: true });
  await copyStash({ store: titled, baseTag: "disk" }, { store, baseTag: "disk" });
  assert.equal(await store.resolve("disk-1"), await titled.resolve("disk-1"));
});

Deno.test("a copy into docker's format has the manifest that an upload would have", async () => {
  await using work = await makeWorkspace();
  const input = await work.write("disk.img", "the disk");
  using oci = open(work, "me/oci", "oci");
  using docker = open(work, "me/docker", "docker");
  using copied = open(work, "me/copied", "docker");
  await upload(oci, "disk", { input });
  await upload(docker, "disk", { input });
  await copyStash({ store: oci, baseTag: "disk" }, { store: copied, baseTag: "disk" });
  assert.equal(await copied.resolve("disk-1"), await docker.resolve("disk-1"));
});
