/** What is stored is fetched without layerstash: by curl, and by a script that needs no more than sh. @module */
import assert from "node:assert/strict";
import { join } from "node:path";
import { STARGZ_PATHS } from "../lib/layers/stargz.ts";
import type { Digest } from "../lib/oci/digest.ts";
import { encodeManifest } from "../lib/oci/manifest.ts";
import { IMAGE_CONFIG, IMAGE_MANIFEST } from "../lib/oci/media_types.ts";
import { profileOf } from "../lib/registry/profiles.ts";
import {
  blobUrls,
  curlCommand,
  type DirectAccess,
  directAccess,
  type DirectFile,
  layerUrls,
  pushBlob,
  restoreRecipe,
  stashUrls,
} from "../lib/exports/blobs.ts";
import { findArtifact } from "../lib/exports/artifacts.ts";
import { uploadFolder } from "../lib/exports/folders.ts";
import { bytesSource } from "../lib/exports/store.ts";
import { openStore, type Store, upload } from "../main.ts";
import { makeWorkplace } from "./rigs/command_line.ts";
import { makeWorkspace, someBytes, streamOf, type Workspace } from "./rigs/content.ts";
import { ensureTool } from "./rigs/debian.ts";
import { startFakeRegistry } from "./rigs/fake_registry.ts";
import { folderState, makeOddFolder } from "./rigs/folders.ts";
import { gzip } from "./rigs/images.ts";
import { tarOf } from "./rigs/tar.ts";
import { startRegistry } from "./rigs/real_registry.ts";
import { onPosix } from "./rigs/system.ts";
import { testOnEachStore } from "./rigs/stores.ts";
import { USER } from "./rigs/user.ts";

const ignore = onPosix("scripts of sh").ignore || !await ensureTool("curl", "curl");
const withRegistry = { ignore: ignore || !await ensureTool("docker-registry", "docker-registry") };
/** On macOS it is another program that computes the digests. */
const SHA256 = ignore || await findTool("sha256sum") !== "" ? "sha256sum" : "shasum";
const OPEN: DirectAccess = { kind: "open" };

/** Where a program is; empty = nowhere. */
async function findTool(name: string): Promise<string> {
  const { stdout } = await new Deno.Command("sh", { args: ["-c", `command -v ${name}`] }).output();
  return new TextDecoder().decode(stdout).trim();
}

/** Runs a script where there is nothing but sh with what POSIX has of files, curl and sha256sum. */
async function runScript(
  work: Workspace,
  script: string,
  { args = [], env = {}, shell = ["sh"], tools = [] }: {
    args?: string[];
    shell?: readonly string[];
    env?: Record<string, string>;
    /** What else there is. */
    tools?: readonly string[];
  } = {},
): Promise<{ code: number; stderr: string }> {
  const bin = work.path("bin");
  await Deno.mkdir(bin, { recursive: true });
  for (const tool of [shell[0]!, "sh", "curl", SHA256, "cat", "mv", "rm", "wc", ...tools]) {
    await Deno.symlink(await findTool(tool), join(bin, tool)).catch(() => {});
  }
  const path = await work.write("restore.sh", script);
  const { code, stderr } = await new Deno.Command(join(bin, shell[0]!), {
    args: [...shell.slice(1), path, ...args],
    cwd: work.path("."),
    clearEnv: true,
    env: { PATH: bin, ...env },
    stdin: "null",
  }).output();
  return { code, stderr: new TextDecoder().decode(stderr) };
}

/** What the script of a folder needs beside. */
const TOOLS = ["tar", "gzip", "find", "chmod", "mkdir", "grep"];
const tar = (await new Deno.Command("sh", { args: ["-c", "tar --version"] }).output()).stdout;
const withTar = {
  ignore: ignore || !new TextDecoder().decode(tar).includes("GNU") || !await ensureTool("python3", "python3"),
};

testOnEachStore("the script of a folder restores it, to the last name, time and link", async (place) => {
  await using work = await makeWorkspace();
  await makeOddFolder(work.path("in"));
  using store = place.open();
  await uploadFolder(store, "site", { directory: work.path("in"), packSize: 1024 * 1024 });
  const { folder } = await findArtifact(store, "site");
  assert.ok(folder!.layers.length > 3);
  const file = layerUrls(store, { name: "site", ...folder! });
  const script = restoreRecipe(file, { access: OPEN, isFolder: true });
  const { code, stderr } = await runScript(work, script, { args: ["out/"], tools: TOOLS });
  assert.equal(code, 0, stderr);
  assert.doesNotMatch(stderr, /tar:|find:/);
  await Deno.chmod(work.path("in/setuid"), 0o755);
  assert.deepEqual(await folderState(work.path("out")), await folderState(work.path("in")));
  for (const path of STARGZ_PATHS) await assert.rejects(Deno.lstat(work.path(`out/${path}`)), path);
  const left = (await Array.fromAsync(Deno.readDir(work.path(".")))).map(({ name }) => name).sort();
  assert.ok(!left.some((name) => name.startsWith("out.")), `${left}`);
  const again = await runScript(work, script, { args: ["out"], tools: TOOLS });
  assert.deepEqual([again.code, again.stderr], [6, "out already exists\n"]);
}, withTar);

Deno.test(
  "the script of a hostile folder writes nothing through links to another place",
  withTar,
  async () => {
    await using work = await makeWorkspace();
    using store = openStore({ registry: `oci:${work.path("box")}`, repository: "me/files" });
    await Deno.mkdir(work.path("other"));
    for (const target of [work.path("other"), "../other"]) {
      const layers = [[{ name: "way", flag: "2", target }], [{ name: "way/evil", content: "evil" }]];
      const stored = await Promise.all(layers.map(async (files) => {
        const { digest, size } = await store.write(bytesSource(await gzip(tarOf(files))));
        return { digest, size };
      }));
      const script = restoreRecipe(layerUrls(store, { name: "site", layers: stored }), {
        access: OPEN,
        isFolder: true,
      });
      const { code } = await runScript(work, script, { tools: TOOLS });
      assert.notEqual(code, 0);
      assert.deepEqual(await Array.fromAsync(Deno.readDir(work.path("other"))), []);
    }
  },
);

/** Stores three chunks and tells where they are. */
async function storeThree(store: Store, work: Workspace, name = "disk.img"): Promise<DirectFile> {
  await upload(store, "disk", { input: await work.write(name, someBytes(2500)), chunkSize: 1000 });
  await Deno.remove(work.path(name));
  return await stashUrls(store, "disk");
}

testOnEachStore("the script restores a file of three chunks", async (place) => {
  await using work = await makeWorkspace();
  using store = place.open();
  const file = await storeThree(store, work);
  assert.deepEqual([file.name, file.blobs.length], ["disk.img", 3]);
  const { code, stderr } = await runScript(work, restoreRecipe(file, { access: OPEN }));
  assert.equal(code, 0, stderr);
  assert.deepEqual(await Deno.readFile(work.path("disk.img")), someBytes(2500));
  const left = (await Array.fromAsync(Deno.readDir(work.path(".")))).map(({ name }) => name).sort();
  assert.deepEqual(left, ["bin", "disk.img", "restore.sh"]);
}, { ignore });

testOnEachStore("the script goes on, and takes nothing that is bad", async (place) => {
  await using work = await makeWorkspace();
  using store = place.open();
  const file = await storeThree(store, work);
  const script = restoreRecipe(file, { access: OPEN });
  const second = file.blobs[1]!.digest;
  let whole = new Uint8Array();
  await place.damage(second, (bytes) => (whole = bytes.slice(), bytes.with(7, bytes[7]! ^ 1)));
  const bad = await runScript(work, script, { args: ["copy"] });
  assert.equal(bad.code, 5, bad.stderr);
  assert.match(bad.stderr, /the blob [0-9a-f]{64} is corrupted/);
  assert.equal(await work.has("copy"), false);
  const pieces = await Array.fromAsync(Deno.readDir(work.path(".")));
  assert.equal(pieces.filter(({ name }) => name.startsWith("copy.")).length, 1, "the good piece is gone");
  await place.damage(second, () => whole);
  const good = await runScript(work, script, { args: ["copy"] });
  assert.equal(good.code, 0, good.stderr);
  assert.deepEqual(await Deno.readFile(work.path("copy")), someBytes(2500));
  const again = await runScript(work, script, { args: ["copy"] });
  assert.deepEqual([again.code, again.stderr], [6, "copy already exists\n"]);
}, { ignore });

testOnEachStore("the script writes to nothing that it has not made itself", async (place) => {
  await using work = await makeWorkspace();
  using store = place.open();
  const file = await storeThree(store, work);
  const script = restoreRecipe(file, { access: OPEN });
  const whole = /^whole=\$out\.(\w+)$/m.exec(script)?.[1];
  const pieces = file.blobs.map(({ digest }) => digest.slice(7, 19));
  await work.write("copy.part", "precious");
  await work.write("precious", "precious");
  for (const name of [whole, ...pieces]) await Deno.symlink("precious", work.path(`copy.${name}`));
  const { code, stderr } = await runScript(work, script, { args: ["copy"] });
  assert.equal(code, 0, stderr);
  assert.deepEqual(await Deno.readFile(work.path("copy")), someBytes(2500));
  for (const name of ["copy.part", "precious"]) {
    assert.equal(await Deno.readTextFile(work.path(name)), "precious", name);
  }
  const left = (await Array.fromAsync(Deno.readDir(work.path(".")))).map(({ name }) => name).sort();
  assert.deepEqual(left.filter((name) => name.startsWith("copy")), ["copy", "copy.part"]);
}, { ignore });

Deno.test("the script takes a link without a target for a file that exists", { ignore }, async () => {
  await using work = await makeWorkspace();
  using store = openStore({ registry: `oci:${work.path("box")}`, repository: "me/files" });
  const script = restoreRecipe(await storeThree(store, work), { access: OPEN });
  await Deno.symlink("nowhere", work.path("copy"));
  const { code, stderr } = await runScript(work, script, { args: ["copy"] });
  assert.deepEqual([code, stderr], [6, "copy already exists\n"]);
  assert.ok((await Deno.lstat(work.path("copy"))).isSymlink);
});

/** The shells that systems call sh. */
const SHELLS: readonly (readonly string[])[] = [["sh"], ["dash"], ["busybox", "sh"]];

for (const shell of SHELLS) {
  const absent = { ignore: ignore || !await ensureTool(shell[0]!, shell[0]!) };
  const name = shell.join(" ");

  Deno.test(`a piece that a power cut has damaged is fetched again, with ${name}`, absent, async () => {
    await using work = await makeWorkspace();
    await using registry = await startFakeRegistry();
    using store = openStore({ registry: registry.url, repository: "me/files" });
    const file = await storeThree(store, work);
    const script = restoreRecipe(file, { access: OPEN });
    const damaged = [new Uint8Array(1000), new Uint8Array(300), new Uint8Array(900)];
    for (const [index, bytes] of damaged.entries()) {
      await work.write(`disk.img.${file.blobs[index]!.digest.slice(7, 19)}`, bytes);
    }
    const { code, stderr } = await runScript(work, script, { shell });
    assert.equal(code, 0, stderr);
    assert.deepEqual(await Deno.readFile(work.path("disk.img")), someBytes(2500));
  });

  Deno.test(`a piece is begun again where no ranges are given, with ${name}`, absent, async () => {
    await using work = await makeWorkspace();
    await using registry = await startFakeRegistry({ faults: { ranges: "ignored" } });
    using store = openStore({ registry: registry.url, repository: "me/files" });
    const file = await storeThree(store, work);
    await work.write(`copy.${file.blobs[1]!.digest.slice(7, 19)}`, someBytes(2000).slice(1000, 1500));
    const script = restoreRecipe(file, { access: OPEN });
    const { code, stderr } = await runScript(work, script, { shell, args: ["copy"] });
    assert.equal(code, 0, stderr);
    assert.deepEqual(await Deno.readFile(work.path("copy")), someBytes(2500));
  });

  Deno.test(`the script writes to a file whose name looks like an option, with ${name}`, absent, async () => {
    await using work = await makeWorkspace();
    using store = openStore({ registry: `oci:${work.path("box")}`, repository: "me/files" });
    const script = restoreRecipe(await storeThree(store, work), { access: OPEN });
    const { code, stderr } = await runScript(work, script, { shell, args: ["-x"] });
    assert.equal(code, 0, stderr);
    assert.deepEqual(await Deno.readFile(work.path("-x")), someBytes(2500));
  });
}

Deno.test("the script restores a file with a name of 200 characters", { ignore }, async () => {
  await using work = await makeWorkspace();
  using store = openStore({ registry: `oci:${work.path("box")}`, repository: "me/files" });
  const name = "x".repeat(200);
  const file = await storeThree(store, work, name);
  const { code, stderr } = await runScript(work, restoreRecipe(file, { access: OPEN }));
  assert.equal(code, 0, stderr);
  assert.deepEqual(await Deno.readFile(work.path(name)), someBytes(2500));
});

Deno.test("digests that begin alike make pieces of different names", () => {
  const digests = ["0", "1"].map((end) => `sha256:${"a".repeat(20)}${end.repeat(44)}` as Digest);
  const blobs = digests.map((digest) => ({ digest, size: 1, url: "http://127.0.0.1/x" }));
  const script = restoreRecipe({ name: "x", blobs }, { access: OPEN });
  assert.match(script, /printf %\.21s /);
  assert.match(script, /^# Restores x: 2 bytes in 2 blobs,$/m);
  const one = restoreRecipe({ name: "x", blobs: blobs.slice(1) }, { access: OPEN });
  assert.match(one, /^# Restores x: 1 byte in 1 blob,$/m);
});

Deno.test("a script holds whatever names, empty blobs and the same blob twice", { ignore }, async () => {
  await using work = await makeWorkspace();
  using store = openStore({ registry: `oci:${work.path("box $(touch harm) 'x'")}`, repository: "me/files" });
  const digests: Digest[] = [];
  for (const size of [5, 0, 5]) {
    digests.push((await pushBlob(store, streamOf(someBytes(size)))).digest);
  }
  const file = await blobUrls(store, digests);
  const name = 'it\'s $(touch harm) `touch harm` "x" & y';
  const { code, stderr } = await runScript(work, restoreRecipe({ ...file, name }, { access: OPEN }));
  assert.equal(code, 0, stderr);
  const twice = new Uint8Array([...someBytes(5), ...someBytes(5)]);
  assert.deepEqual(await Deno.readFile(work.path(name)), twice);
  assert.equal(await work.has("harm"), false);
});

/** Stores a file that says of itself that it has this name. */
async function storeAs(store: Store, name: string): Promise<void> {
  const write = async (text: string) => await store.write(bytesSource(new TextEncoder().encode(text)));
  const layer = await write("bytes");
  const note = { version: 1, name, size: 5, chunkSize: 5, chunk: 1, chunks: 1, digests: [layer.digest] };
  const rootfs = { type: "layers", "diff_ids": [layer.digest] };
  const config = await write(
    JSON.stringify({ architecture: "amd64", os: "linux", rootfs, layerstash: note }),
  );
  const mediaType = IMAGE_MANIFEST.oci;
  const described = { ...config, mediaType: IMAGE_CONFIG.oci };
  await store.putManifest(
    "disk-1",
    encodeManifest({ schemaVersion: 2, mediaType, config: described, layers: [layer] }),
  );
}

Deno.test("a stored file keeps the name that it says", async () => {
  await using work = await makeWorkspace();
  using store = openStore({ registry: `oci:${work.path("box")}`, repository: "me/files" });
  await storeAs(store, "my holidays (1).tar.gz");
  assert.equal((await stashUrls(store, "disk")).name, "my holidays (1).tar.gz");
});

for (const name of ["../up.img", "-o", ".profile", "a/b", "line\nbreak", "\x1b[2J", ""]) {
  Deno.test(`a stored file that calls itself ${JSON.stringify(name)} gets another name`, async () => {
    await using work = await makeWorkspace();
    using store = openStore({ registry: `oci:${work.path("box")}`, repository: "me/files" });
    await storeAs(store, name);
    assert.equal((await stashUrls(store, "disk")).name, "disk");
  });
}

Deno.test(
  "the command prints a script for a stored file, and URLs with commands for blobs",
  { ignore },
  async () => {
    await using plain = await makeWorkplace();
    await using work = await makeWorkspace();
    const to = ["--registry", "oci:./box", "-r", "me/files"];
    await plain.write("disk.img", someBytes(2500));
    await plain.run(["upload", ...to, "-t", "disk", "-i", "disk.img", "--chunk-size", "1000"]);
    const script = await plain.run(["url", ...to, "-t", "disk"]);
    assert.deepEqual([script.code, script.stderr], [0, ""]);
    const restored = await runScript(work, script.stdout);
    assert.equal(restored.code, 0, restored.stderr);
    assert.deepEqual(await Deno.readFile(work.path("disk.img")), someBytes(2500));

    await plain.write("a.txt", "a\n");
    await plain.run(["blob", "push", ...to, "-i", "a.txt", "--alias", "letter"]);
    const urls = await plain.run(["url", ...to, "@letter"]);
    const [url = "", command = ""] = urls.stdout.split("\n");
    assert.equal(await (await fetch(url)).text(), "a\n");
    assert.equal((await runScript(work, command)).code, 0);
    assert.equal(await Deno.readTextFile(work.path("letter")), "a\n");
    const json = JSON.parse((await plain.run(["url", ...to, "@letter", "--json"])).stdout);
    assert.deepEqual([json.name, json.blobs[0].url, json.blobs[0].size], ["letter", url, 2]);
    assert.ok(json.blobs[0].curl === command && json.script.startsWith("#!/bin/sh\n"));
    const both = await plain.run(["url", ...to, "@letter", "-t", "disk"]);
    assert.equal(both.code, 2);
  },
);

/** GHCR in small: whoever shows any bearer may read, and storage is elsewhere and takes no `Authorization`. */
function startGhcr(upstream: string): Deno.HttpServer<Deno.NetAddr> {
  return Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, async (request) => {
    const { pathname } = new URL(request.url);
    if (request.headers.get("authorization") !== "Bearer QQ==") {
      const realm = `http://${new URL(request.url).host}/token`;
      const headers = {
        "www-authenticate": `Bearer realm="${realm}",service="ghcr",scope="repository:x:pull"`,
      };
      return pathname === "/token"
        ? Response.json({ token: "own" })
        : new Response(null, { status: 401, headers });
    }
    return await fetch(upstream + pathname, { method: request.method, redirect: "manual" });
  });
}

Deno.test("what is public at GHCR is fetched with the bearer that is anybody's", { ignore }, async () => {
  await using work = await makeWorkspace();
  await using registry = await startFakeRegistry({ faults: { redirectBlobs: 307 } });
  await using ghcr = startGhcr(registry.url);
  using store = openStore({ registry: registry.url, repository: "me/files" });
  const file = await storeThree(store, work);
  const host = `127.0.0.1:${ghcr.addr.port}`;
  const blobs = file.blobs.map((blob) => ({ ...blob, url: blob.url.replace(registry.host, host) }));
  const { digest } = blobs[0]!;
  const profile = { anonymousBearer: profileOf("ghcr.io").anonymousBearer! };
  const access = await directAccess(digest, { registry: host, repository: "me/files", profile });
  assert.deepEqual(access, { kind: "anybody", token: "QQ==" });
  const { code, stderr } = await runScript(work, restoreRecipe({ ...file, blobs }, { access }));
  assert.equal(code, 0, stderr);
  assert.deepEqual(await Deno.readFile(work.path("disk.img")), someBytes(2500));
  const elsewhere = await directAccess(digest, { registry: host, repository: "me/files" });
  assert.deepEqual(elsewhere, { kind: "token" });
});

Deno.test(
  "where tokens are wanted, layerstash token gives the one for the script",
  withRegistry,
  async () => {
    await using plain = await makeWorkplace();
    await using work = await makeWorkspace();
    await using registry = await startRegistry({ auth: "token", tokens: { anonymousPull: false } });
    const credentials = { kind: "password", ...USER } as const;
    using store = openStore({ registry: registry.url, repository: "me/files", credentials });
    await storeThree(store, work);
    const env = {
      LAYERSTASH_REGISTRY: registry.url,
      LAYERSTASH_REPOSITORY: "me/files",
      LAYERSTASH_USERNAME: USER.username,
      LAYERSTASH_TOKEN: USER.password,
    };
    const script = (await plain.run(["url", "-t", "disk"], { env })).stdout;
    assert.match(script, /TOKEN=\$\(layerstash token --registry http:\S+ -r me\/files pull\)/);
    assert.ok(!script.includes(USER.password));
    const without = await runScript(work, script);
    assert.notEqual(without.code, 0);
    assert.match(without.stderr, /TOKEN: must be set/);
    const TOKEN = (await plain.run(["token", "pull"], { env })).stdout.trim();
    const { code, stderr } = await runScript(work, script, { env: { TOKEN } });
    assert.equal(code, 0, stderr);
    assert.deepEqual(await Deno.readFile(work.path("disk.img")), someBytes(2500));
  },
);

Deno.test("where a password is wanted, the script takes it from a variable", withRegistry, async () => {
  await using work = await makeWorkspace();
  await using registry = await startRegistry({ auth: "htpasswd" });
  const credentials = { kind: "password", ...USER } as const;
  const how = { registry: registry.url, repository: "me/files", credentials };
  using store = openStore(how);
  const file = await storeThree(store, work);
  const access = await directAccess(file.blobs[0]!.digest, how);
  assert.deepEqual(access, { kind: "password" });
  assert.match(curlCommand(file.blobs[0]!, { file: "x", access }), /^curl -fL -u "\$LOGIN" -o 'x' 'http:/);
  const env = { LOGIN: `${USER.username}:${USER.password}` };
  const { code, stderr } = await runScript(work, restoreRecipe(file, { access }), { env });
  assert.equal(code, 0, stderr);
  assert.deepEqual(await Deno.readFile(work.path("disk.img")), someBytes(2500));
});
