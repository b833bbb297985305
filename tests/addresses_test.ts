/** Commands that take an address, one word, in place of `--registry`, `-r` and `-t`. @module */
import assert from "node:assert/strict";
import { startFakeRegistry } from "./rigs/fake_registry.ts";
import { type Ended, makeWorkplace, type RunOptions, type Workplace } from "./rigs/command_line.ts";

const BOX = "oci:box/me/files";
const FLAGS = ["--registry", "oci:box", "-r", "me/files"];

Deno.test("a file is stored, listed, shown, verified, brought back and removed by its address", async () => {
  await using work = await makeWorkplace();
  await work.write("disk.img", "bytes!");
  await succeed(work, ["upload", "disk.img", `${BOX}:disk`]);
  assert.match((await succeed(work, ["list", BOX])).stdout, /^disk +1$/m);
  assert.match((await succeed(work, ["info", `${BOX}:disk`])).stdout, /^file: +disk\.img$/m);
  assert.equal(
    (await succeed(work, ["verify", `${BOX}:disk`, "disk.img"])).stdout,
    "disk is OK: 6 B in 1 chunk, disk.img is the same; the stored bytes were not read (--deep reads them)\n",
  );
  await succeed(work, ["download", `${BOX}:disk`, "copy.img"]);
  assert.equal(await textOf(work, "copy.img"), "bytes!");
  await succeed(work, ["download", `${BOX}:disk`, "new/directory/"]);
  assert.equal(await textOf(work, "new/directory/disk.img"), "bytes!");
  assert.equal((await succeed(work, ["download", `${BOX}:disk`, "-"])).stdout, "bytes!");
  assert.match((await succeed(work, ["url", `${BOX}:disk`])).stdout, /^#!\/bin\/sh\n/);
  assert.equal((await succeed(work, ["remove", `${BOX}:disk`])).stdout, "disk-1\n");
});

Deno.test("an address and the options of before name the same place", async () => {
  await using work = await makeWorkplace();
  await work.write("disk.img", "bytes!");
  await succeed(work, ["upload", ...FLAGS, "-t", "disk", "-i", "disk.img"]);
  const again = await succeed(work, ["upload", "disk.img", `${BOX}:disk`]);
  assert.match(again.stderr, /nothing had to be sent/);
  await succeed(work, ["download", ...FLAGS, "-t", "disk", "copy.img"]);
  assert.equal(await textOf(work, "copy.img"), "bytes!");
});

Deno.test("several files are stored under their own names", async () => {
  await using work = await makeWorkplace();
  await work.write("disk.img", "disk");
  await work.write("my photos.zip", "photos");
  await succeed(work, ["upload", "disk.img", "my photos.zip", BOX]);
  assert.match((await succeed(work, ["list", BOX])).stdout, /^disk\.img +1$\n^my_photos\.zip +1$/m);
  await succeed(work, ["download", `${BOX}:my_photos.zip`, "back.zip"]);
  assert.equal(await textOf(work, "back.zip"), "photos");
});

Deno.test("of several files, one that does not exist fails before another one is stored", async () => {
  await using work = await makeWorkplace();
  await work.write("disk.img", "disk");
  const { code, stderr } = await work.run(["upload", "disk.img", "gone.img", BOX]);
  assert.match(stderr, /there is no file gone\.img/);
  assert.equal(code, 3);
  assert.equal((await work.run(["list", BOX])).code, 3);
});

Deno.test("standard input is stored under the name in the address", async () => {
  await using work = await makeWorkplace();
  await succeed(work, ["upload", "-", `${BOX}:note`], { stdin: new TextEncoder().encode("hello") });
  assert.equal((await succeed(work, ["download", `${BOX}:note`, "-"])).stdout, "hello");
});

Deno.test("copy finds out by itself that a stored file has the name", async () => {
  await using work = await makeWorkplace();
  await work.write("disk.img", "bytes!");
  await succeed(work, ["upload", "disk.img", `${BOX}:disk`]);
  await succeed(work, ["copy", `${BOX}:disk`, "oci:other:backup"]);
  assert.equal((await succeed(work, ["cat", "oci:other:backup"])).stdout, "bytes!");
  const { code, stderr } = await work.run(["copy", `${BOX}:dusk`, "oci:other:dusk"]);
  assert.match(stderr, /there is no dusk in oci:box\/me\/files/);
  assert.equal(code, 3);
});

Deno.test("what is wrong with the words of a command is said before anything is done", async () => {
  await using work = await makeWorkplace();
  await work.write("disk.img", "bytes!");
  await Deno.mkdir(work.path("a"));
  await work.write("a/disk.img", "others");
  const mistakes: [string[], RegExp][] = [
    [["upload", "disk.img"], /"disk\.img" is a file: add the address to store it at/],
    [["upload", "a.iso"], /there is no file "a\.iso", and no address after it/],
    [["upload", "disk.img", "ghcr.io"], /"ghcr\.io" is not an address\nhint: a registry alone is not enough/],
    [
      ["list", "localhost:5000"],
      /"localhost:5000" is not an address\nhint: .* as in localhost:5000\/me\/files/,
    ],
    [["upload", BOX], /the file is missing: name it before the address, or with -i/],
    [["upload", "-", BOX], /standard input needs a name: add it to the address/],
    [
      ["upload", "disk.img", "a/disk.img", BOX],
      /"disk\.img" and "a\/disk\.img" would both be stored as "disk\.img": store them one by one/,
    ],
    [["upload", "disk.img", "a/disk.img", `${BOX}:disk`], /several files cannot all be stored as "disk"/],
    [["upload", "disk.img", `${BOX}:disk`, "-i", "disk.img"], /a file is named twice: "disk\.img"/],
    [["upload", "disk.img", `${BOX}:disk`, "-t", "disk"], /and -t both give a name: leave out one/],
    [["list", BOX, "-r", "me/files"], /"oci:box\/me\/files" is an address, .*: leave out -r/],
    [
      ["list", "me/files", "--registry", "ghcr"],
      /which names the registry and the repository: leave out --registry/,
    ],
    [["list", `${BOX}:disk`], /names something in a repository: leave out "disk"/],
    [["download", BOX], /names a repository: add the name of a stored file, as in oci:box\/me\/files:disk/],
    [["verify", "a", "b", ...FLAGS, "-t", "disk"], /"b" is not expected: with -r, no word is an address/],
    [["upload", "-r", "me/files", "disk.img", `${BOX}:disk`], /:disk" is an address, .*: leave out -r/],
    [["blob", "push", "disk.img"], /"disk\.img" is a file: add the address to store it at/],
    [["blob", "push", "disk.img", `${BOX}:a`, "--alias", "b"], /the address and --alias both give a name/],
    [["blob", "pull", `${BOX}:a`, "oci:box/me/logs:b"], /:a" and ".*:b" are in different repositories/],
    [["blob", "pull", "@a"], /the repository is missing: use an address such as ghcr\.io\/me\/files, or -r/],
    [["blob", "size", "-r", "me/files", "ghcr.io/me/files:a"], /:a" is an address, .*: leave out -r/],
    [["blob", "size", BOX, "a"], /"a" is neither a digest nor an alias: did you mean @a\?/],
    [["blob", "mount", BOX, "oci:box/me/logs"], /names a repository: add the digest of the blob/],
    [
      ["blob", "mount", "me/a@sha256:1", "me/b"],
      /"me\/a@sha256:1" is not an address: its digest is malformed/,
    ],
    [["alias", "set", BOX, "disk.img"], /names a repository: add the alias, as in oci:box\/me\/files:may15/],
    [["alias", "list", `${BOX}:a`], /names something in a repository: leave out "a"/],
    [["token", "me/files", "pul"], /"pul" is not an action: use pull, push, delete or \*/],
    [["repos", "oci:box", "--registry", "ghcr"], /both name a registry: leave out one/],
    [
      ["download", "./disk.img"],
      /"\.\/disk\.img" is a file here, where an address is expected\nhint: .*files:disk/,
    ],
    [["info", "disk.img"], /"disk\.img" is a file here, where an address is expected/],
    [["verify", "disk.img", `${BOX}:disk`], /the address comes first, and "disk\.img" is not one/],
    [["info"], /the repository is missing: use an address such as ghcr\.io\/me\/files, or -r/],
    [
      ["info", "Me/Files:x"],
      /"Me\/Files" is not a repository name: it has capital letters\nhint: layerstash info me\/files:x\n/,
    ],
  ];
  for (const [args, said] of mistakes) {
    const { code, stderr, stdout } = await work.run(args);
    assert.match(stderr, said);
    assert.deepEqual([code, stdout], [2, ""], args.join(" "));
  }
  const left = await Array.fromAsync(Deno.readDir(work.path("")), ({ name }) => name);
  assert.ok(!left.includes("box"), "nothing was stored");
});

Deno.test("a file that differs is named by what compares it", async () => {
  await using work = await makeWorkplace();
  await work.write("disk.img", "bytes!");
  await work.write("other.img", "other!");
  await succeed(work, ["upload", "disk.img", `${BOX}:disk`]);
  const { code, stdout } = await work.run(["verify", `${BOX}:disk`, "other.img"]);
  assert.equal(stdout, "disk compared with other.img is NOT OK: 1 fault\ndisk-1: the file has other bytes\n");
  assert.equal(code, 5);
});

Deno.test("to store, fetch, list and remove a file takes few characters", async () => {
  await using work = await makeWorkplace();
  await using registry = await startFakeRegistry();
  await work.write("disk.img", "bytes!");
  const lines: [string, number][] = [
    ["layerstash upload disk.img ghcr.io/me/files:disk", 48],
    ["layerstash download ghcr.io/me/files:disk", 41],
    ["layerstash list ghcr.io/me/files", 32],
    ["layerstash remove ghcr.io/me/files:disk", 39],
  ];
  for (const [line, most] of lines) {
    assert.ok(line.length <= most, `${line}: ${line.length} characters`);
    const [, ...words] = line.replace("ghcr.io", registry.host).split(" ");
    if (words[0] === "download") await Deno.remove(work.path("disk.img"));
    await succeed(work, words);
    assert.equal(await textOf(work, "disk.img"), "bytes!");
  }
  assert.deepEqual([...registry.storage.repository("me/files").tags.keys()], []);
});

Deno.test("blobs are stored, named, fetched and removed by addresses", async () => {
  await using work = await makeWorkplace();
  await work.write("a.dat", "one");
  await work.write("b.dat", "two");
  const digests = (await succeed(work, ["blob", "push", "a.dat", "b.dat", `${BOX}:both`])).stdout.split("\n");
  const [one, two] = digests as [string, string];
  const pushed = await succeed(work, ["blob", "push", BOX], { stdin: new TextEncoder().encode("one") });
  assert.equal(pushed.stdout, `${one}\n`);
  const prints: [string[], string][] = [
    [["blob", "pull", `${BOX}:both`], "onetwo"],
    [["blob", "pull", `${BOX}@${two}`, `${BOX}@${one}`], "twoone"],
    [["blob", "pull", BOX, two, "@both"], "twoonetwo"],
    [["blob", "size", `${BOX}:both`], "6\n"],
    [["alias", "get", `${BOX}:both`], `${one}\n${two}\n`],
    [["alias", "list", BOX], "both\n"],
    [["url", BOX, two, "--json"], ""],
    [["repos", "oci:box"], "me/files\n"],
    [["token", BOX, "pull"], ""],
  ];
  for (const [args, printed] of prints) {
    const { stdout } = await succeed(work, args);
    if (printed !== "" || args[0] === "token") assert.equal(stdout, printed, args.join(" "));
  }
  await succeed(work, ["alias", "set", `${BOX}:two`, "./b.dat"]);
  const manifest = JSON.parse((await succeed(work, ["manifest", `${BOX}:two`])).stdout);
  assert.equal(manifest.layers[0].digest, two);
  const config = (await succeed(work, ["digest", `${BOX}:two`])).stdout;
  assert.equal(config, `${manifest.config.digest}\n`);
  assert.equal(
    (await succeed(work, ["alias", "remove", `${BOX}:two`, `${BOX}:both`])).stdout,
    `${two}\n${one}\n${two}\n`,
  );
  assert.equal((await succeed(work, ["blob", "remove", `${BOX}@${two}`])).stdout, `${two}\n`);
});

Deno.test("a blob is mounted from one address to another of the registry", async () => {
  await using work = await makeWorkplace();
  await using registry = await startFakeRegistry();
  const pushed = await succeed(work, ["blob", "push", `${registry.host}/me/logs`], {
    stdin: new TextEncoder().encode("one"),
  });
  const digest = pushed.stdout.trim();
  await succeed(work, [
    "blob",
    "mount",
    `${registry.host}/me/logs@${digest}`,
    `${registry.host}/me/copies:one`,
  ]);
  assert.equal((await succeed(work, ["blob", "pull", `${registry.host}/me/copies:one`])).stdout, "one");
  const elsewhere = await work.run([
    "blob",
    "mount",
    `${registry.host}/me/logs@${digest}`,
    "ghcr.io/me/copies",
  ]);
  assert.match(
    elsewhere.stderr,
    /a blob is mounted within one registry, not from 127\.0\.0\.1:\d+ to ghcr\.io/,
  );
  assert.equal(elsewhere.code, 2);
});

async function succeed(work: Workplace, args: string[], options?: RunOptions): Promise<Ended> {
  const ended = await work.run(args, options);
  assert.equal(ended.code, 0, ended.stderr);
  return ended;
}

async function textOf(work: Workplace, name: string): Promise<string> {
  return await Deno.readTextFile(work.path(name));
}
