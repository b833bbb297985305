/** Tests of encrypted folders through the assembled program, with `age` and GNU tar as the judges. @module */
import assert from "node:assert/strict";
import { commandWords, makeWorkplace, type Workplace } from "./rigs/command_line.ts";
import { someBytes } from "./rigs/content.ts";
import { ensureGnuTar, ensureTool } from "./rigs/debian.ts";
import { startRegistry } from "./rigs/real_registry.ts";
import { openScreen } from "./rigs/screen.ts";
import { startServer } from "./rigs/served.ts";
import { bareEnvironment, onPosix } from "./rigs/system.ts";
import { Identities } from "../lib/exports/encryption.ts";

const UNIX = onPosix("scripts of sh");
const WITH_AGE = {
  ignore: UNIX.ignore || !await ensureGnuTar() || !await ensureTool("age", "age") ||
    !await ensureTool("curl", "curl") || !await ensureTool("docker-registry", "docker-registry"),
};

const WITH_TMUX = { ignore: UNIX.ignore || !await ensureTool("tmux", "tmux") };

const [SECRET_NAME, SECRET_TEXT] = ["payroll-of-2026.txt", "nobody is to read this line"];
const BOX = "oci:box:plans";
const KEY = ["--identity", "key.txt"];

/** Makes a folder with names of its own, and a key. Returns the recipient. */
async function makeSecrets(place: Workplace, key = "key.txt"): Promise<string> {
  await Deno.mkdir(place.path("plans/deep"), { recursive: true });
  await place.write(`plans/${SECRET_NAME}`, SECRET_TEXT);
  await place.write("plans/deep/film", someBytes(1_200_000));
  await Deno.symlink(`../${SECRET_NAME}`, place.path("plans/deep/link"));
  const { stdout } = await place.run(["keygen", key]);
  return stdout.trim();
}

/** Runs the program, and makes sure of its exit code. */
async function run(place: Workplace, args: string[], code = 0): Promise<{ stdout: string; stderr: string }> {
  const result = await place.run(args);
  assert.equal(result.code, code, `${args.join(" ")}: ${result.stderr}`);
  return result;
}

/** Runs a program, and gives what it prints. */
async function output(place: Workplace, [program, ...args]: string[], env = {}): Promise<Uint8Array> {
  const { code, stdout, stderr } = await new Deno.Command(program!, { args, cwd: place.directory, env })
    .output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  return stdout;
}

/** What the manifest of an encrypted folder lists. */
async function storedLayers(place: Workplace, address = BOX): Promise<{ digest: string; size: number }[]> {
  const { stdout } = await run(place, ["inspect", "--raw", address]);
  const { layers, artifactType } = JSON.parse(stdout);
  assert.equal(artifactType, "application/vnd.layerstash.encrypted.v1");
  return layers;
}

Deno.test(
  "an encrypted folder is age files of archives in a registry, and comes back",
  WITH_AGE,
  async () => {
    await using place = await makeWorkplace();
    await using registry = await startRegistry();
    const address = `${registry.host}/me/files:plans`;
    const recipient = await makeSecrets(place);
    const stored = await run(place, ["upload", "plans", address, "--encrypt-to", recipient]);
    assert.match(stored.stderr, /stored plans .*: 3 files, 1.2 MB, encrypted; 2 of 2 layers sent/);
    assert.match(stored.stderr, /get it back: layerstash download \S+:plans --identity KEYFILE/);
    const digest = /digest: (\S+)/.exec(stored.stderr)![1]!;
    const [, ...layers] = await storedLayers(place, address);
    const names: string[] = [];
    for (const layer of layers) {
      await output(place, ["curl", "-sfo", "layer.age", `${registry.url}/v2/me/files/blobs/${layer.digest}`]);
      await output(place, ["age", "-d", "-i", "key.txt", "-o", "layer.tar.gz", "layer.age"]);
      names.push(new TextDecoder().decode(await output(place, ["tar", "-tzf", "layer.tar.gz"])));
    }
    for (const name of [SECRET_NAME, "deep/film", "deep/link"]) {
      assert.ok(
        names.join("").includes(name),
        name,
      );
    }
    await run(place, ["download", digest, "back", ...KEY]);
    await output(place, ["diff", "-r", "plans", "back"]);
    await run(place, ["copy", address, BOX]);
    await run(place, ["download", BOX, "copied", ...KEY]);
    await output(place, ["diff", "-r", "plans", "copied"]);
  },
);

Deno.test("nothing that is stored or reported tells a name, a text or a digest of the folder", async () => {
  await using place = await makeWorkplace();
  const recipient = await makeSecrets(place);
  await run(place, ["upload", "plans", "oci:open:plans"]);
  const plain = JSON.parse((await run(place, ["inspect", "--json", "oci:open:plans"])).stdout);
  const digests = plain.layers.flatMap((
    each: { digest: string; diffId: string },
  ) => [each.digest, each.diffId]);
  const canaries = [
    ...[
      SECRET_NAME,
      SECRET_TEXT,
      "payroll",
      "film",
      "stargz",
      "diff_ids",
      '"kind":"folder"',
      "\x1f\x8b\x08\x04",
    ],
    ...[plain.digest, plain.config.digest, ...digests].map((each: string) => each.slice(7)),
  ];
  const found = async (box: string) => {
    const all: string[] = [];
    for (const directory of [box, `${box}/blobs/sha256`]) {
      for await (const { name, isFile } of Deno.readDir(place.path(directory))) {
        all.push(name);
        if (isFile) {
          all.push(new TextDecoder("latin1").decode(await Deno.readFile(place.path(`${directory}/${name}`))));
        }
      }
    }
    return canaries.filter((canary) => all.some((text) => text.includes(canary)));
  };
  assert.ok((await found("open")).length > 6, "the canaries are not in a plain folder");
  for (const states of [/"sent"/, /"present"/]) {
    const { stdout } = await run(place, ["upload", "plans", BOX, "--encrypt-to", recipient, "--json"]);
    assert.match(stdout, states);
    assert.deepEqual(canaries.filter((canary) => stdout.includes(canary)), []);
  }
  assert.deepEqual(await found("box"), []);
});

Deno.test("what reads images reads an encrypted folder with its key, and nothing without it", async () => {
  await using place = await makeWorkplace();
  const recipient = await makeSecrets(place);
  await run(place, ["upload", "plans", BOX, "--encrypt-to", recipient]);
  await run(place, ["keygen", "other.txt"]);
  const reading = [
    ["peek", BOX],
    ["extract", BOX, SECRET_NAME, "-o", "-"],
    ["diff", BOX, "plans"],
    ["verify", BOX, "plans"],
    ["extract", BOX, "/", "-o", "none"],
    ["download", BOX, "none"],
    ["download", BOX, "none", "--only", SECRET_NAME],
  ];
  for (const args of reading) {
    for (const keys of [[], ["--identity", "other.txt"]]) {
      const { stdout, stderr } = await run(place, [...args, ...keys], 4);
      assert.equal(stdout, "", args.join(" "));
      assert.match(
        stderr,
        keys.length > 0 ? /not encrypted for any of the keys/ : /is encrypted\nhint: .*--identity/,
      );
      await assert.rejects(Deno.lstat(place.path("none")), Deno.errors.NotFound, args.join(" "));
    }
  }
  assert.match((await run(place, ["peek", BOX, ...KEY])).stdout, new RegExp(SECRET_NAME));
  assert.equal((await run(place, ["extract", BOX, SECRET_NAME, "-o", "-", ...KEY])).stdout, SECRET_TEXT);
  assert.match((await run(place, ["diff", BOX, "plans", ...KEY])).stderr, /no difference/);
  assert.match(
    (await run(place, ["verify", BOX, "plans", ...KEY])).stdout,
    /plans is OK: 3 files.* is the same/,
  );
  await run(place, ["download", BOX, "part", "--only", SECRET_NAME, ...KEY]);
  assert.deepEqual(Array.from(Deno.readDirSync(place.path("part")), ({ name }) => name), [SECRET_NAME]);
  await place.write(`plans/${SECRET_NAME}`, "changed");
  assert.match((await run(place, ["diff", BOX, "plans", ...KEY], 1)).stdout, /payroll/);
  await run(place, ["save", BOX, "-o", "saved", ...KEY]);
  assert.match((await run(place, ["peek", "oci:saved"])).stdout, new RegExp(SECRET_NAME));
});

Deno.test("browse shows the files of an encrypted folder with its key", WITH_TMUX, async () => {
  await using place = await makeWorkplace();
  const recipient = await makeSecrets(place);
  await run(place, ["upload", "plans", BOX, "--encrypt-to", recipient]);
  const browse = async (keys: string[]) => {
    const words = [
      "sh",
      "-c",
      'cd "$0" && exec "$@"',
      place.directory,
      ...commandWords(["browse", BOX, ...keys]),
    ];
    const screen = await openScreen(words, bareEnvironment(place.directory));
    await screen.until(/> files of all layers together/);
    await screen.type("Enter");
    return screen;
  };
  await using screen = await browse(KEY);
  await screen.until(new RegExp(`\n> deep/[^]*\n {2}${SECRET_NAME}`));
  await screen.type("Down", "Enter");
  await screen.until(new RegExp(SECRET_TEXT));
  await using keyless = await browse([]);
  await keyless.until(/is encrypted/);
});

Deno.test("without a key an encrypted folder is listed, shown, verified, copied and removed", async () => {
  await using place = await makeWorkplace();
  const recipient = await makeSecrets(place);
  await run(place, ["upload", "plans", BOX, "--encrypt-to", recipient]);
  assert.match((await run(place, ["list", "oci:box"])).stdout, /plans +encrypted folder +1.2\d? MB/);
  const info = await run(place, ["info", BOX]);
  assert.match(info.stdout, /kind: +encrypted folder/);
  assert.doesNotMatch(info.stdout, /files:/);
  const known = await run(place, ["info", BOX, ...KEY]);
  assert.match(known.stdout, /kind: +folder\n[^]*encrypted: +for age[^]*files: +3\n/);
  assert.match(known.stderr, /download oci:box:plans --identity KEYFILE/);
  assert.match(
    (await run(place, ["verify", BOX])).stdout,
    /OK: encrypted, .* in 2 layers, all layers are present/,
  );
  assert.match((await run(place, ["verify", BOX, "--deep"])).stdout, /every byte was read/);
  assert.match(
    (await run(place, ["verify", BOX, "--deep", ...KEY])).stdout,
    /OK: 3 files.*every byte was read/,
  );
  const copied = await run(place, ["copy", BOX, "oci:other:plans"]);
  assert.match(copied.stderr, /get it back: layerstash download oci:other:plans --identity KEYFILE/);
  const taken = await run(place, ["upload", "key.txt", BOX], 6);
  assert.match(taken.stderr, /a folder has the name plans already/);
  const whom = await run(place, ["recipients", "list", BOX], 2);
  assert.match(whom.stderr, /plans is a folder, .*\nhint: store it again for others: /);
  const [, layer] = await storedLayers(place);
  await Deno.truncate(place.path(`box/blobs/sha256/${layer!.digest.slice(7)}`), 1000);
  for (const more of [[], ["--deep"], KEY, ["--deep", ...KEY]]) {
    const { stdout, stderr } = await run(place, ["verify", BOX, ...more], 5);
    assert.match(stdout, /NOT OK: 1 fault\nlayer 1: /);
    assert.doesNotMatch(stderr, /verified/);
  }
  await run(place, ["remove", BOX]);
  assert.match((await run(place, ["list", "oci:box"])).stderr, /no stored files/);
});

Deno.test("the script of url restores an encrypted folder with sh, curl, age and tar", WITH_AGE, async () => {
  await using place = await makeWorkplace();
  const recipient = await makeSecrets(place);
  await run(place, ["upload", "plans", BOX, "--encrypt-to", recipient]);
  const { stdout } = await run(place, ["url", BOX]);
  await place.write("restore.sh", stdout);
  assert.match(stdout, /with sh, curl, sha256sum, GNU tar and age/);
  await run(place, ["keygen", "other.txt"]);
  const wrong = new Deno.Command("sh", {
    args: ["restore.sh", "back"],
    cwd: place.directory,
    env: { IDENTITY: "other.txt" },
    stderr: "null",
  });
  assert.notEqual((await wrong.output()).code, 0);
  await assert.rejects(Deno.lstat(place.path("back")), Deno.errors.NotFound);
  const age = '#!/bin/sh\n[ ! -e once ] || exit 1\n: > once\nPATH=${PATH#*:} exec age "$@"\n'; // fails at its second file
  await Deno.mkdir(place.path("bin"));
  await Deno.chmod(await place.write("bin/age", age), 0o755);
  const failing = new Deno.Command("sh", {
    args: ["restore.sh", "back"],
    cwd: place.directory,
    env: { IDENTITY: "key.txt", PATH: `${place.path("bin")}:${Deno.env.get("PATH")}` },
    stderr: "null",
  });
  assert.notEqual((await failing.output()).code, 0);
  await assert.rejects(Deno.lstat(place.path("back")), Deno.errors.NotFound);
  await output(place, ["sh", "restore.sh", "back"], { IDENTITY: "key.txt" });
  await output(place, ["diff", "-r", "plans", "back"]);
});

Deno.test("serve gives the files of an encrypted folder to readers where it has the key", async () => {
  await using place = await makeWorkplace();
  const recipient = await makeSecrets(place);
  await run(place, ["upload", "plans", "oci:shelf/me/files:plans", "--encrypt-to", recipient]);
  const identities = await Identities.inFiles([place.path("key.txt")]);
  await using server = await startServer([`oci:${place.path("shelf")}`], { identities });
  const film = `${server.url}/files/me/files/plans/deep/film`;
  const part = await fetch(film, { headers: { range: "bytes=1000000-1000009" } });
  assert.deepEqual([part.status, await part.bytes()], [
    206,
    someBytes(1_200_000).slice(1_000_000, 1_000_010),
  ]);
  const page = await (await fetch(`${server.url}/files/me/files/plans/`)).text();
  assert.match(page, /layerstash download \S+:plans plans --identity KEYFILE/);
  await using keyless = await startServer([`oci:${place.path("shelf")}`]);
  const refused = await fetch(film.replace(server.url, keyless.url));
  assert.equal(refused.status, 403);
  assert.doesNotMatch(await refused.text(), /payroll/);
});

Deno.test("a passphrase encrypts a folder, and another one does not open it", async () => {
  await using place = await makeWorkplace();
  await makeSecrets(place);
  await place.write("passphrase.txt", "correct horse battery staple\n");
  await place.write("other.txt", "wrong horse\n");
  const withFile = async (args: string[], file = "passphrase.txt") =>
    await place.run(args, { env: { LAYERSTASH_PASSPHRASE_FILE: file } });
  const stored = await withFile(["upload", "plans", BOX, "--passphrase"]);
  assert.match(stored.stderr, /get it back: .* --passphrase/);
  const again = await withFile(["upload", "plans", BOX, "--passphrase"]);
  assert.match(again.stderr, /0 of 2 layers sent/);
  const wrong = await withFile(["download", BOX, "back", "--passphrase"], "other.txt");
  assert.deepEqual([wrong.code, wrong.stderr.includes("not the right one")], [4, true]);
  await assert.rejects(Deno.lstat(place.path("back")), Deno.errors.NotFound);
  const back = await withFile(["download", BOX, "back", "--passphrase"]);
  assert.equal(back.code, 0, back.stderr);
  assert.equal(await Deno.readTextFile(place.path(`back/${SECRET_NAME}`)), SECRET_TEXT);
  const other = await withFile(["upload", "plans", BOX, "--passphrase"], "other.txt");
  assert.equal(other.code, 6, other.stderr);
});
