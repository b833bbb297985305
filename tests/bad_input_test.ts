/** Bad input: each gets a clear message and its exit code, and nothing is lost or half-written. @module */
import assert from "node:assert/strict";
import { bytesSource } from "../lib/exports/store.ts";
import { openStore, upload } from "../main.ts";
import { errorOfNoAnswer } from "../lib/http/answers.ts";
import { encodeManifest } from "../lib/oci/manifest.ts";
import { IMAGE_CONFIG, IMAGE_MANIFEST, OCTET_STREAM } from "../lib/oci/media_types.ts";
import { makeWorkplace, type Workplace } from "./rigs/command_line.ts";
import { ensureTool } from "./rigs/debian.ts";
import { startFakeRegistry } from "./rigs/fake_registry.ts";
import { startRegistry } from "./rigs/real_registry.ts";
import { mountSmallDisk, withSmallDisk } from "./rigs/small_disk.ts";
import { onPosix, WITHOUT_RIGHTS } from "./rigs/system.ts";
import { USER } from "./rigs/user.ts";

const withRegistry = { ignore: !await ensureTool("docker-registry", "docker-registry") };
const BOX = ["--registry", "oci:./box", "-r", "me/files"];
const encode = (text: string) => new TextEncoder().encode(text);

/** Runs a command that has to fail, and checks all that it says. */
async function fails(work: Workplace, args: string[], code: number, message: RegExp): Promise<void> {
  const ended = await work.run(args);
  assert.equal(ended.code, code, ended.stderr);
  assert.match(ended.stderr, message);
  assert.equal(ended.stdout, "");
  assert.doesNotMatch(ended.stderr, /^\s+at /m, "no stack trace");
}

/** Stores a chunk as the Python layerstash does: without a word about the stash. */
async function storeLegacyChunk(directory: string, tag: string, content: string): Promise<void> {
  using store = openStore({ registry: `oci:${directory}`, repository: "me/files" });
  const layer = await store.write(bytesSource(encode(content)));
  const config = await store.write(bytesSource(encode('{"architecture":"x86_64","os":"linux"}')));
  await store.putManifest(
    tag,
    encodeManifest({
      schemaVersion: 2,
      mediaType: IMAGE_MANIFEST.oci,
      config: { ...config, mediaType: IMAGE_CONFIG.oci },
      layers: [{ ...layer, mediaType: OCTET_STREAM }],
    }),
  );
}

Deno.test("an unknown tag makes no file and leaves one that is there alone", async () => {
  await using work = await makeWorkplace();
  await work.write("disk.img", "disk");
  await work.run(["upload", ...BOX, "-t", "disk", "-i", "disk.img"]);
  const message =
    /^layerstash: cannot download dusk to \S+: there is no stash dusk in oci:box\/me\/files\nhint: it has: disk\n$/;
  await fails(work, ["download", ...BOX, "-t", "dusk", "-o", "new"], 3, message);
  await assert.rejects(Deno.stat(work.path("new")), Deno.errors.NotFound);
  await work.write("old", "precious");
  await fails(work, ["download", ...BOX, "-t", "dusk", "-o", "old"], 3, message);
  assert.equal(await Deno.readTextFile(work.path("old")), "precious");
  const unremoved = /: there is no stash dusk in oci:box\/me\/files\nhint: it has: disk\n$/;
  await fails(work, ["remove", ...BOX, "-t", "dusk"], 3, unremoved);
});

Deno.test("who names a tag that is not there learns which are", async () => {
  await using work = await makeWorkplace();
  const inspect = ["inspect", "oci:box/me/files:dusk"];
  await work.write("disk.img", "bytes!");
  await work.run(["blob", "push", ...BOX, "-i", "disk.img"]);
  await fails(work, inspect, 3, /: there is no dusk in oci:box\/me\/files\nhint: it has none at all\n$/);
  await work.run(["upload", ...BOX, "-t", "disk", "-i", "disk.img", "--chunk-size", "3"]);
  await fails(work, inspect, 3, /: there is no dusk in \S+\nhint: it has: disk-1, disk-2\n$/);
  await work.run(["upload", ...BOX, "-t", "more", "-i", "disk.img", "--chunk-size", "1"]);
  await fails(work, inspect, 3, /\nhint: it has: disk-1, disk-2, more-1, more-2, more-3, \.\.\.\n$/);
});

Deno.test("who names a stored file where an image or an alias is meant learns how it is fetched", async () => {
  await using work = await makeWorkplace();
  await work.write("disk.img", "bytes!");
  await work.run(["upload", ...BOX, "-t", "disk", "-i", "disk.img", "--chunk-size", "3"]);
  const address = "oci:box/me/files:disk";
  const lines = [
    ["blob", "pull", address, "-o", "copy"],
    ["extract", address, "etc", "-o", "out"],
    ["save", address, "-o", "out"],
    ["append", "--from", address, "--to", "oci:box/me/files:new", "-i", "disk.img"],
    ...["layers", "inspect", "peek"].map((command) => [command, address]),
    ["diff", address, "."],
    ["diff", ".", address],
  ];
  const message =
    /: disk is a stored file, not an image or an alias\nhint: layerstash download oci:box\/me\/files:disk\n$/;
  for (const line of lines) await fails(work, line, 3, message);
  await fails(work, ["inspect", `${address}-3`], 3, /: there is no disk-3 in \S+\nhint: it has: disk-/);
});

Deno.test("a copy of a stored file that is torn or incomplete says so", async () => {
  await using work = await makeWorkplace();
  for (const [name, content] of [["one", "bytes!"], ["two", "others"], ["cut", "short."]] as const) {
    await work.write(name, content);
    await work.run(["upload", name, `oci:box:${name}`, "--chunk-size", "3"]);
  }
  using store = openStore(`oci:${work.path("box")}`);
  await store.putManifest("one-2", (await store.manifest("two-2"))!);
  await store.removeManifest("cut-2");
  await fails(work, ["copy", "oci:box:one", "oci:box:new"], 5, /: the stash one is torn: /);
  await fails(work, ["copy", "oci:box:cut", "oci:box:new"], 3, /: the stash cut is incomplete: /);
});

Deno.test("every command says of a stored file without its first chunk that it is incomplete", async () => {
  await using work = await makeWorkplace();
  await work.write("disk", "a stored file");
  await work.run(["upload", "disk", "oci:box:disk", "--chunk-size", "3"]);
  using store = openStore(`oci:${work.path("box")}`);
  await store.removeManifest("disk-1");
  const address = "oci:box:disk";
  const lines = [
    ["copy", address, "oci:box:new"],
    ["copy", "--stash", address, "oci:box:new"],
    ["download", address, "copy"],
    ["info", address],
    ["verify", address],
    ["verify", address, "disk"],
    ["url", address],
    ["recipients", "list", address],
  ];
  const message = /: the stash disk is incomplete: disk-1 is missing\nhint: its upload or copy may not be /;
  for (const line of lines) await fails(work, line, 3, message);
  await fails(work, ["inspect", address], 3, /: disk is a stored file, not an image or an alias\n/);
  await work.run(["copy", "oci:box:disk-2", "oci:box:image"]);
  assert.equal(
    await store.resolve("image"),
    await store.resolve("disk-2"),
    "a chunk is copied by its own tag",
  );
});

Deno.test("of many layouts in a directory the first are named, and the others are counted", async () => {
  await using work = await makeWorkplace();
  await work.write("disk.img", "bytes!");
  for (const name of "abcdefg") await work.run(["upload", "disk.img", `oci:box/${name}:disk`]);
  await fails(work, ["list", "oci:./box"], 3, /layouts: oci:box\/a, oci:box\/b, oci:box\/c, and 4 more\n$/);
});

Deno.test("who names a place that is none learns so, and which layouts are near", async () => {
  await using work = await makeWorkplace();
  await work.write("disk.img", "bytes!");
  await work.run(["upload", ...BOX, "-t", "disk", "-i", "disk.img"]);
  const near =
    /: the directory \.\/box is not an OCI layout\nhint: it contains these layouts: oci:box\/me\/files\n$/;
  await fails(work, ["inspect", "oci:./box:disk-1"], 3, near);
  await fails(work, ["inspect", "oci:./box"], 3, near);
  const none =
    /: the directory box\/me\/files\/blobs is not an OCI layout\nhint: name the directory that has the files oci-layout and/;
  await fails(work, ["peek", "oci:box/me/files/blobs:a"], 3, none);
  await fails(work, ["inspect", "oci:bix:disk-1"], 3, /: there is no directory bix\n$/);
  const file = /: disk\.img is neither a tar archive of images nor a layout\nhint: use a file of docker save/;
  await fails(work, ["inspect", "oci:disk.img:a"], 2, file);
  await using fake = await startFakeRegistry();
  const unknown =
    /: there is no repository \S+\/me\/files, or it is not shown to you\nhint: check its name, or sign in: layerstash login \S+\n$/;
  await fails(work, ["inspect", `${fake.url}/me/files:disk-1`], 3, unknown);
});

Deno.test("names that exist are hinted at in the order in which people count", async () => {
  await using work = await makeWorkplace();
  await work.write("disk.img", "0123456789ab");
  await work.run(["upload", ...BOX, "-t", "disk", "-i", "disk.img", "--chunk-size", "1"]);
  const said = /hint: it has: disk-1, disk-2, disk-3, disk-4, disk-5, \.\.\.\n$/;
  await fails(work, ["inspect", "oci:box/me/files:none"], 3, said);
  await fails(work, ["alias", "get", ...BOX, "none"], 3, said);
});

Deno.test("a list of nothing says whether there is a repository at all", async () => {
  await using work = await makeWorkplace();
  await using fake = await startFakeRegistry();
  const list = async (registry: string) => await work.run(["list", "--registry", registry, "-r", "me/files"]);
  assert.deepEqual(await list("oci:box"), {
    code: 3,
    stdout: "",
    stderr: "layerstash: cannot list me/files: there is no directory box/me/files\n",
  });
  const absent = await list(fake.url);
  assert.equal(absent.code, 3);
  assert.match(
    absent.stderr,
    /^layerstash: cannot list me\/files: there is no repository \S+, or it is not shown to you\nhint: check its name/,
  );
  await work.write("disk.img", "bytes!");
  await work.run(["upload", ...BOX, "-t", "disk", "-i", "disk.img"]);
  await work.run(["remove", ...BOX, "-t", "disk"]);
  assert.match(
    (await list("oci:box")).stderr,
    /^layerstash: oci:box\/me\/files has no stored files\n$/,
  );
});

Deno.test("who names an image as a file, or leaves its tag out, is told how it is written", async () => {
  await using work = await makeWorkplace();
  const directory = /: "\.\/outdir" is not an address\nhint: for a directory, use oci:\.\/outdir\n$/;
  await fails(work, ["copy", "oci:box:t", "./outdir"], 2, directory);
  await fails(
    work,
    ["inspect", "oci:box:"],
    2,
    /: the tag is missing after the last colon of "oci:box:"\nhint: /,
  );
});

Deno.test("who names an archive without its path is told to, and of a missing one that it is missing", async () => {
  await using work = await makeWorkplace();
  const missing = /: there is no file \.\/nothere\.tar\nhint: for a directory, use oci:\.\/nothere\.tar\n$/;
  await fails(work, ["inspect", "./nothere.tar"], 2, missing);
  for (const name of ["p.tar", "Large.tar.gz"]) {
    await work.write(name, "a file");
    const named = new RegExp(`\nhint: .*for the file ${name} in this directory, use \\./${name}\n$`);
    const isolated = { env: { HTTPS_PROXY: "http://127.0.0.1:9" } };
    for (const args of [["inspect", name], ["copy", "oci:box:t", name], ["copy", name, "oci:box:t"]]) {
      const { stderr } = await work.run(args, isolated);
      assert.match(stderr, named, args.join(" "));
    }
  }
});

Deno.test("verify needs a file to compare with", async () => {
  await using work = await makeWorkplace();
  const message = /: verify compares a file, not standard input\nhint: name the file with -i FILE\n$/;
  await fails(work, ["verify", ...BOX, "-t", "disk", "-i", "-"], 2, message);
});

Deno.test("where a registry does not list its tags, the error is still that the tag is not there", async () => {
  await using work = await makeWorkplace();
  await using fake = await startFakeRegistry();
  fake.faults.failNext = [{ path: /tags\/list/, status: 403, times: 1 }];
  await fails(work, ["inspect", `${fake.url}/me/files:dusk`], 3, /: there is no dusk in \S+me\/files\n$/);
});

Deno.test("a wrong password is refused by a real registry with exit code 4", withRegistry, async () => {
  await using registry = await startRegistry({ auth: "htpasswd" });
  await using work = await makeWorkplace();
  await work.write("disk.img", "disk");
  const to = ["--registry", registry.host, "-r", "me/files", "-t", "disk"];
  const message =
    /layerstash: cannot store disk\.img as disk: \S+ answered 401 to .*\nhint: the user name or the token is wrong/;
  await fails(work, ["upload", ...to, "-i", "disk.img", "-u", USER.username, "-p", "wrong"], 4, message);
  await fails(work, ["upload", ...to, "-i", "disk.img"], 4, /hint: sign in with: layerstash login/);
});

Deno.test("a tag that holds something else is a conflict, and nothing is changed", async () => {
  await using work = await makeWorkplace();
  await work.write("one", "one");
  await work.write("two", "two");
  await work.run(["upload", ...BOX, "-t", "disk", "-i", "one"]);
  const index = await Deno.readTextFile(work.path("box/me/files/index.json"));
  const message =
    /: the tag disk-1 already exists and holds something else\nhint: use another name, or --overwrite/;
  await fails(work, ["upload", ...BOX, "-t", "disk", "-i", "two"], 6, message);
  assert.equal(await Deno.readTextFile(work.path("box/me/files/index.json")), index);
});

Deno.test("a corrupted blob never gets the target's name", async () => {
  await using work = await makeWorkplace();
  await work.write("disk.img", "a disk image");
  await work.run(["upload", ...BOX, "-t", "disk", "-i", "disk.img"]);
  const { chunks: [chunk] } = JSON.parse((await work.run(["info", "--json", ...BOX, "-t", "disk"])).stdout);
  await work.write(`box/me/files/blobs/sha256/${chunk.digest.slice(7)}`, "a DISK image");
  await fails(
    work,
    ["download", ...BOX, "-t", "disk", "-o", "copy"],
    5,
    /: the blob sha256:\w+ is corrupted/,
  );
  await assert.rejects(Deno.stat(work.path("copy")), Deno.errors.NotFound);
  const piped = await work.run(["download", ...BOX, "-t", "disk", "-o", "-"]);
  assert.equal(piped.code, 5);
  assert.match(piped.stderr, /bytes that were already written are bad/);
  const deep = await work.run(["verify", ...BOX, "-t", "disk", "--deep"]);
  assert.deepEqual([deep.code, deep.stdout], [
    5,
    "disk is NOT OK: 1 fault\ndisk-1: its blob is corrupted\n",
  ]);
  assert.match(deep.stderr, /^hint: store the file again with --overwrite; /m);
  assert.equal((await work.run(["verify", ...BOX, "-t", "disk"])).code, 0, "sizes alone do not show it");
});

Deno.test("a gap in a stash of the Python tool is told, and no file is made", async () => {
  await using work = await makeWorkplace();
  for (const number of [1, 2, 4]) await storeLegacyChunk(work.path("box"), `old-${number}`, `part ${number}`);
  await fails(
    work,
    ["download", ...BOX, "-t", "old", "-o", "copy"],
    3,
    /: the stash old is incomplete: old-3 is missing\n/,
  );
  await assert.rejects(Deno.stat(work.path("copy")), Deno.errors.NotFound);
  const { stdout } = await work.run(["list", ...BOX]);
  assert.equal(stdout, "STASH  CHUNKS\nold    4       incomplete: old-3 is missing\n");
});

Deno.test("a base tag that is a part of another gets its own chunks only", async () => {
  await using work = await makeWorkplace();
  await storeLegacyChunk(work.path("box"), "ftp-1", "mine");
  await storeLegacyChunk(work.path("box"), "python-ftp-1", "not mine");
  await storeLegacyChunk(work.path("box"), "ftp-server-1", "not mine either");
  const { code, stdout } = await work.run(["download", ...BOX, "-t", "ftp", "-o", "-"]);
  assert.deepEqual([code, stdout], [0, "mine"]);
});

Deno.test("a tag that is too long with its largest number is refused before anything is sent", async () => {
  await using work = await makeWorkplace();
  await using registry = await startFakeRegistry();
  await work.write("disk.img", "0123456789");
  const to = ["--registry", registry.url, "-r", "me/files"];
  const args = ["upload", ...to, "-t", "x".repeat(126), "-i", "disk.img", "--chunk-size", "1"];
  await fails(
    work,
    args,
    2,
    /has 129 characters; at most 128 are allowed\nhint: use a name of at most 125 characters/,
  );
  assert.equal(registry.requests.length, 0);
});

Deno.test("1,500 tags over pages are listed and found without a manifest request for each", async () => {
  await using work = await makeWorkplace();
  await using registry = await startFakeRegistry({ faults: { tagPageSize: 100, opaqueLinks: true } });
  using store = openStore({ registry: registry.url, repository: "me/files" });
  await upload(store, "zebra", { input: new Response("stripes").body! });
  const { bytes, mediaType } = (await store.manifest("zebra-1"))!;
  const config = await store.write(bytesSource(encode('{"architecture":"x86_64","os":"linux"}')));
  const { layers } = JSON.parse(new TextDecoder().decode(bytes));
  const described = { ...config, mediaType: IMAGE_CONFIG.docker };
  const manifest = encodeManifest({ schemaVersion: 2, mediaType, config: described, layers });
  for (let number = 1; number < 1500; number++) await store.putManifest(`many-${number}`, manifest);
  registry.requests.length = 0;
  const to = ["--registry", registry.url, "-r", "me/files"];
  const { stdout } = await work.run(["list", ...to]);
  assert.equal(stdout, "STASH  CHUNKS\nmany   1499\nzebra  1\n");
  const manifests = registry.requests.filter(({ path }) => path.includes("/manifests/"));
  assert.deepEqual(manifests.map(({ method, path }) => `${method} ${path.split("/").at(-1)}`).sort(), [
    "GET many-1",
    "GET zebra-1",
    "HEAD many-1500",
  ], "the first tag of each name, and the tag after the last of a file that does not say how many it has");
  assert.equal((await work.run(["download", ...to, "-t", "zebra", "-o", "-"])).stdout, "stripes");
});

Deno.test("an input that is missing, or holds what it would be stored in, is told", async () => {
  await using work = await makeWorkplace();
  await fails(work, ["upload", ...BOX, "-t", "x", "-i", "nowhere"], 3, /: there is no file nowhere\n/);
  await fails(
    work,
    ["upload", ...BOX, "-t", "x", "-i", "."],
    2,
    /: the directory holds oci:(?:\.\/)?box\/me\/files itself, where it would be stored\nhint: .*--exclude \/box\n/,
  );
});

Deno.test("an input that may not be read is told", onPosix("file modes"), async () => {
  await using work = await makeWorkplace();
  await work.write("secret", "secret");
  await Deno.chmod(work.path("secret"), 0o000);
  const ended = await work.run(["upload", ...BOX, "-t", "x", "-i", "secret"], { under: WITHOUT_RIGHTS });
  assert.equal(ended.code, 4, ended.stderr);
  assert.match(ended.stderr, /: secret may not be read: permission denied\n/);
  await assert.rejects(Deno.stat(work.path("box/me/files/index.json")), Deno.errors.NotFound);
});

Deno.test("invalid names and numbers are usage errors", async () => {
  await using work = await makeWorkplace();
  await work.write("disk.img", "disk");
  const to = ["-t", "disk", "-i", "disk.img"];
  await fails(
    work,
    ["upload", "--registry", "oci:box", "-r", "Me/Files", ...to],
    2,
    /"Me\/Files" is not a repository name/,
  );
  await fails(
    work,
    ["upload", "--registry", "oci:box", "-r", "me/../up", ...to],
    2,
    /is not a repository name/,
  );
  await fails(work, ["upload", "--registry", "oci:", "-r", "me/files", ...to], 2, /"oci:" needs a directory/);
  await fails(
    work,
    ["upload", "--registry", "host/path", "-r", "me/files", ...to],
    2,
    /"host\/path" is not a registry.*\nhint: layerstash upload --registry host -r path\/me\/files -t disk -i disk\.img\n/,
  );
  for (const path of ["./box", "../box", "/srv/box"]) {
    await fails(
      work,
      ["list", "--registry", path, "-r", "me/files"],
      2,
      new RegExp(`\nhint: .* oci:${path}\n`),
    );
  }
  await fails(work, ["upload", ...BOX, "-t", "a b", "-i", "disk.img"], 2, /"a b" is not a tag/);
  await fails(work, ["upload", "disk.img", "oci:./new/box:a b"], 2, /"a b" is not a tag/);
  await fails(
    work,
    ["upload", ...BOX, ...to, "--chunk-size", "many"],
    2,
    /--chunk-size.*use bytes, or a number with a unit/,
  );
  await fails(work, ["upload", ...BOX, ...to, "--chunk-size", "0"], 2, /--chunk-size/);
  await fails(work, ["upload", ...BOX, ...to, "--jobs", "0"], 2, /--jobs.*use a number from 1 to 64/);
  await fails(work, ["upload", ...BOX, ...to, "-u", "me"], 2, /the token for the user name is missing/);
  await fails(
    work,
    ["upload", ...BOX, "-t", "disk"],
    2,
    /the file is missing: name it before the address, or with -i/,
  );
  await fails(work, ["completions", "tcsh"], 2, /^layerstash: "tcsh" is not a shell: use bash, .* or \w+\n/);
  await fails(
    work,
    ["upload", "--jobs", "0"],
    2,
    /^layerstash: --jobs does not take "0": use a number from 1 to/,
  );
  await fails(
    work,
    ["list", "--log-level", "loud"],
    2,
    /^layerstash: --log-level does not take "loud": use trace, /,
  );
  await fails(work, ["help", "nothing"], 2, /^layerstash: unknown command 'nothing'\n/);
  await fails(work, ["help", "uplaod"], 2, /unknown command 'uplaod'\nhint: did you mean upload\?\n/);
  await fails(work, ["help", "blob", "nothing"], 2, /unknown command 'nothing'\n/);
  await fails(work, ["uplaod"], 2, /unknown command 'uplaod'\nhint: did you mean upload\?\n/);
  await fails(
    work,
    ["download", ...BOX, "-t", "disk", "-o", "-", "--json"],
    2,
    /--json and -o - both need standard output/,
  );
});

Deno.test("a variable that is empty counts as not set", async () => {
  await using work = await makeWorkplace();
  await work.write("disk.img", "disk");
  const names = [
    "JOBS",
    "CHUNK_SIZE",
    "LIMIT_RATE",
    "STATE_DIR",
    "CA_FILE",
    "LOG_LEVEL",
    "PROGRESS",
    "TOKEN",
  ];
  const env = Object.fromEntries(names.map((name) => [`LAYERSTASH_${name}`, ""]));
  const ended = await work.run(["upload", ...BOX, "-t", "disk", "-i", "disk.img"], { env });
  assert.equal(ended.code, 0, ended.stderr);
  const unset = await work.run(["list", "-r", "Me/Files"], { env: { LAYERSTASH_REGISTRY: "" } });
  assert.match(unset.stderr, /"Me\/Files" is not a repository name/, "the registry is docker");
  const missing = await work.run(["list"], { env: { LAYERSTASH_REPOSITORY: "" } });
  assert.match(missing.stderr, /the repository is missing: use an address/);
});

Deno.test("an output without a name is refused, and no file is made", async () => {
  await using work = await makeWorkplace();
  await work.write("disk.img", "disk");
  await work.run(["upload", ...BOX, "-t", "disk", "-i", "disk.img"]);
  const nameless = /: the file to write has no name\n/;
  await fails(work, ["download", ...BOX, "-t", "disk", "-o", ""], 2, nameless);
  await fails(work, ["blob", "pull", ...BOX, "@disk-1", "-o", ""], 2, nameless);
  await assert.rejects(Deno.stat(work.path(".part")), Deno.errors.NotFound);
});

Deno.test("a web server that is no registry is told", async () => {
  await using work = await makeWorkplace();
  await using registry = await startFakeRegistry({ faults: { notARegistry: true } });
  const to = ["--registry", registry.url, "-r", "me/files"];
  await fails(
    work,
    ["list", ...to],
    1,
    /answered with a web page: it is not a registry\nhint: check the name/,
  );
  await fails(
    work,
    ["download", ...to, "-t", "disk", "-o", "copy"],
    1,
    /answered with a web page: it is not a registry/,
  );
});

Deno.test("a registry that does not answer is given up soon", async () => {
  await using work = await makeWorkplace();
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  await fails(
    work,
    ["list", "--registry", `localhost:${port}`, "-r", "me/files"],
    1,
    /does not answer: .*\nhint: check the name of the registry and the network\n$/,
  );
  const short = /does not answer: .*\nhint: .* \(short names are docker and ghcr\)/;
  await fails(work, ["list", "--registry", "ghrc", "-r", "me/files"], 1, short);
});

Deno.test(
  "a full disk fails before the download begins, and says how much room is missing",
  withSmallDisk,
  async () => {
    await using work = await makeWorkplace();
    await work.write("disk.img", new Uint8Array(3_000_000));
    await work.run(["upload", ...BOX, "-t", "disk", "-i", "disk.img"]);
    await using _disk = await mountSmallDisk(work.path("small"), "1m");
    const message = /has [\d.]+ MB free, and 3 MB are needed\nhint: make room for [\d.]+ MB more/;
    await fails(work, ["download", ...BOX, "-t", "disk", "-o", "small/copy"], 1, message);
    assert.deepEqual(await Array.fromAsync(Deno.readDir(work.path("small"))), []);
    const up = ["upload", "--registry", "oci:./small", "-r", "me/files", "-t", "disk", "-i", "disk.img"];
    await fails(work, up, 1, /no space is left on the disk for small\/me\/files\nhint: make room/);
    assert.equal((await work.run(["list", "--registry", "oci:./small", "-r", "me/files"])).stdout, "");
    const late = await work.run([...up, "--chunk-size", "400KB"]);
    assert.match(
      late.stderr,
      /\nhint: make room; stored so far: \d of 8 chunks; [^\n]*go on with: [^\n]*\n$/,
    );
  },
);

Deno.test("of Docker Hub, which does not answer, neither the name nor a proxy of its own is doubted", async () => {
  for (const host of ["registry-1.docker.io", "auth.docker.io"]) {
    assert.equal(errorOfNoAnswer(new Error("connection refused"), host).hint, "check the network");
  }
  const proxyEnv = { HTTPS_PROXY: "http://127.0.0.1:9" };
  using store = openStore({ registry: "docker", repository: "nginx", proxyEnv, retry: { attempts: 1 } });
  await assert.rejects(store.resolve("alpine"), {
    message: /^registry-1\.docker\.io does not answer: /,
    hint: "check the network",
  });
});
