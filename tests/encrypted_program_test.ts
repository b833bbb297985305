/** Tests of encrypted files through the assembled program, with the program `age` as the judge. @module */
import assert from "node:assert/strict";
import { makeWorkplace } from "./rigs/command_line.ts";
import { concatenate, someBytes } from "./rigs/content.ts";
import { startCountingProxy } from "./rigs/counting_proxy.ts";
import { keygen, run, withAge } from "./rigs/age_program.ts";
import { startFakeRegistry } from "./rigs/fake_registry.ts";
import { mountSmallDisk, withSmallDisk } from "./rigs/small_disk.ts";
import { onPosix } from "./rigs/system.ts";

const MiB = 1024 ** 2;
const UNIX = onPosix("scripts of sh, and processes that are killed");
const WITH_AGE = await withAge();

const FILE = someBytes(1_500_000);

Deno.test("age opens each stored chunk, and together they are the file", WITH_AGE, async () => {
  await using place = await makeWorkplace();
  const recipient = await keygen(place);
  await place.write("secret.img", FILE);
  const args = ["upload", "secret.img", "oci:box:disk", "--chunk-size", "600kB", "--encrypt-to", recipient];
  const stored = await place.run(args);
  assert.equal(stored.code, 0, stored.stderr);
  assert.match(stored.stderr, /stored disk .* in 3 chunks, encrypted/);
  assert.match(stored.stderr, /get it back: layerstash download oci:box:disk --identity/);
  const info = JSON.parse((await place.run(["info", "oci:box:disk", "--json"])).stdout);
  assert.deepEqual([info.name, info.encryption], [undefined, { format: "age" }]);
  const pieces: Uint8Array[] = [];
  for (const { digest } of info.chunks) {
    const blob = `box/blobs/sha256/${digest.slice(7)}`;
    const { code, stdout, stderr } = await run(place, ["age", "-d", "-i", "key.txt", blob]);
    assert.equal(code, 0, stderr);
    pieces.push(stdout);
  }
  assert.deepEqual(concatenate(pieces), FILE);
});

Deno.test(
  "the script of url restores an encrypted file with sh, curl, sha256sum and age",
  WITH_AGE,
  async () => {
    await using place = await makeWorkplace();
    const recipient = await keygen(place);
    await place.write("secret.img", FILE);
    await place.run([
      "upload",
      "secret.img",
      "oci:box:disk",
      "--chunk-size",
      "600kB",
      "--encrypt-to",
      recipient,
    ]);
    const { stdout: script } = await place.run(["url", "oci:box:disk"]);
    await place.write("restore.sh", script);
    const keyless = await run(place, ["sh", "restore.sh", "back.img"]);
    assert.match(keyless.stderr, /IDENTITY: .*must be set/);
    const names = Array.from(Deno.readDirSync(place.directory), ({ name }) => name);
    assert.deepEqual(names.filter((name) => name.startsWith("back.img")), [], "nothing was fetched");
    const blind = await run(place, ["sh", "restore.sh", "back.img"], { IDENTITY: "/dev/null" });
    assert.notEqual(blind.code, 0);
    await assert.rejects(Deno.stat(place.path("back.img")), Deno.errors.NotFound);
    const { code, stderr } = await run(place, ["sh", "restore.sh", "back.img"], { IDENTITY: "key.txt" });
    assert.equal(code, 0, stderr);
    assert.deepEqual(await Deno.readFile(place.path("back.img")), FILE);
  },
);

Deno.test("what copy and url say of an encrypted file names the key, or the passphrase, that it needs", async () => {
  await using place = await makeWorkplace();
  const recipient = await keygen(place);
  await place.write("secret.img", FILE);
  await place.write("word.txt", "correct horse battery staple\n");
  const env = { LAYERSTASH_PASSPHRASE_FILE: place.path("word.txt") };
  await place.run(["upload", "secret.img", "oci:box:keys", "--encrypt-to", recipient]);
  await place.run(["upload", "secret.img", "oci:box:word", "--passphrase"], { env });
  const words = { keys: "--identity KEYFILE", word: "--passphrase" };
  for (const [name, key] of Object.entries(words)) {
    const { stderr } = await place.run(["copy", `oci:box:${name}`, "oci:other"]);
    assert.match(stderr, new RegExp(`get it back: layerstash download oci:other:${name} ${key}\n$`));
    const { stdout } = await place.run(["url", `oci:box:${name}`]);
    assert.equal(stdout.includes("IDENTITY"), name === "keys");
    assert.equal(stdout.includes("passphrase"), name === "word");
  }
});

Deno.test("without a key nothing is written, and the exit code is 4", async () => {
  await using place = await makeWorkplace();
  const recipient = await keygen(place);
  await place.run(["keygen", "other.txt"]);
  await place.write("secret.img", FILE);
  await place.run(["upload", "secret.img", "oci:box:disk", "--encrypt-to", recipient]);
  for (const key of [[], ["--identity", "other.txt"]]) {
    const { code, stderr } = await place.run(["download", "oci:box:disk", "back.img", ...key]);
    assert.equal(code, 4, stderr);
    assert.match(stderr, /hint: .*--identity/);
  }
  const names = Array.from(Deno.readDirSync(place.directory), ({ name }) => name);
  assert.equal(names.some((name) => name.startsWith("back.img")), false);
  const back = await place.run(["download", "oci:box:disk", "out/", "--identity", "key.txt"]);
  assert.equal(back.code, 0, back.stderr);
  assert.deepEqual(await Deno.readFile(place.path("out/secret.img")), FILE);
});

Deno.test("a passphrase of a file stores, reads and compares", async () => {
  await using place = await makeWorkplace();
  await place.write("secret.img", FILE);
  await place.write("word.txt", "correct horse battery staple\n");
  const env = { LAYERSTASH_PASSPHRASE_FILE: place.path("word.txt") };
  const args = ["upload", "secret.img", "oci:box:disk", "--passphrase"];
  for (const outcome of [/MB in 1 chunk, encrypted/, /nothing had to be sent/]) {
    const { code, stderr } = await place.run(args, { env });
    assert.equal(code, 0, stderr);
    assert.match(stderr, outcome);
  }
  const back = await place.run(["download", "oci:box:disk", "back.img", "--passphrase"], { env });
  assert.equal(back.code, 0, back.stderr);
  assert.deepEqual(await Deno.readFile(place.path("back.img")), FILE);
});

Deno.test("a directory is stored encrypted where an option says so, and where a variable does", async () => {
  await using place = await makeWorkplace();
  const recipient = await keygen(place);
  await Deno.mkdir(place.path("photos"));
  const ways: { args: string[]; env: Record<string, string> }[] = [{
    args: ["--encrypt-to", recipient],
    env: {},
  }, {
    args: [],
    env: { LAYERSTASH_ENCRYPT_TO: recipient },
  }];
  for (const [index, { args, env }] of ways.entries()) {
    const { code, stderr } = await place.run(["upload", "photos", `oci:box:photos${index}`, ...args], {
      env,
    });
    assert.equal(code, 0, stderr);
  }
  const { stdout } = await place.run(["list", "oci:box", "--json"]);
  const kinds = JSON.parse(stdout).map(({ kind }: { kind: string }) => kind);
  assert.deepEqual(kinds, ["encrypted folder", "encrypted folder"]);
});

Deno.test("no key shows: not in the log, the events, the process, nor in what is left", UNIX, async () => {
  await using place = await makeWorkplace();
  await using fake = await startFakeRegistry({ faults: { locations: "relative" } });
  await using proxy = startCountingProxy(fake);
  const recipient = await keygen(place);
  await place.write("word.txt", "canary-passphrase\n");
  await place.write("secret.img", someBytes(24 * MiB));
  const env = { LAYERSTASH_PASSPHRASE_FILE: place.path("word.txt") };
  const state = place.path("state");
  const secret = /AGE-SECRET-KEY-1\w+/.exec(await Deno.readTextFile(place.path("key.txt")))![0];
  const secrets = [secret, "canary-passphrase"];
  for (const how of [["--encrypt-to", recipient], ["--passphrase"]]) {
    const name = how[0]!.slice(2);
    const args = [
      "upload",
      "secret.img",
      `${proxy.host}/me/files:${name}`,
      ...how,
      "--json",
      "--log-level",
      "trace",
    ];
    const child = place.start([...args, "--state-dir", state], { env });
    const lines: string[] = [];
    proxy.when(proxy.passed.up + proxy.passed.down + 12 * MiB, () => {
      lines.push(
        Deno.readTextFileSync(`/proc/${child.pid}/cmdline`),
        Deno.readTextFileSync(`/proc/${child.pid}/comm`),
      );
      child.kill("SIGKILL");
    });
    const killed = await child.output();
    assert.notEqual(killed.code, 0);
    const keys = textsIn(state).flatMap((text) => /"fileKey":"([^"]+)"/.exec(text)?.[1] ?? []);
    assert.equal(keys.length, 1, "the key is kept while the upload is not complete");
    const again = await place.run([...args, "--state-dir", state], { env });
    assert.equal(again.code, 0, again.stderr);
    const refused = await place.run([...args, "--state-dir", place.path("none"), "--chunk-size", "10MB"], {
      env,
    });
    assert.equal(refused.code, 6);
    const read = [
      "download",
      `${proxy.host}/me/files:${name}`,
      `${name}.img`,
      "--json",
      "--log-level",
      "trace",
    ];
    const key = how[0] === "--passphrase" ? how : ["--identity", "key.txt"];
    const back = await place.run([...read, ...key, "--state-dir", state], { env });
    assert.equal(back.code, 0, back.stderr);
    const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    const shown = [decode(killed.stdout), decode(killed.stderr), ...lines, ...textsIn(state)].join("\n") +
      [again, refused, back].map(({ stdout, stderr }) => stdout + stderr).join("\n");
    for (const each of [...secrets, ...keys, ...keys.map(toHex)]) {
      assert.equal(shown.includes(each), false, `${how[0]} shows ${each}`);
    }
  }
});

function toHex(base64: string): string {
  return Uint8Array.fromBase64(base64).toHex();
}

function textsIn(directory: string): string[] {
  return Array.from(Deno.readDirSync(directory), ({ name }) => Deno.readTextFileSync(`${directory}/${name}`));
}

Deno.test("download of an encrypted blob with a key does not write what is still encrypted", async () => {
  await using place = await makeWorkplace();
  await place.write("secret.img", "a secret");
  const recipient = await keygen(place);
  const pushed = await place.run(["blob", "push", "secret.img", "oci:box:image", "--encrypt-to", recipient]);
  assert.equal(pushed.code, 0, pushed.stderr);
  const { code, stderr } = await place.run([
    "download",
    "oci:box:image",
    "back.img",
    "--identity",
    "key.txt",
  ]);
  assert.deepEqual([code, stderr], [
    2,
    "layerstash: cannot download image to back.img: image is a dxf alias, and download decrypts stored files and folders alone\n" +
    "hint: decrypt a blob with: layerstash blob pull oci:box:image --identity KEYFILE -o FILE\n",
  ]);
  await assert.rejects(Deno.stat(place.path("back.img")), Deno.errors.NotFound);
});

Deno.test("events of what is decrypted name the blobs that are stored, by which a keeper can look them up", async () => {
  await using place = await makeWorkplace();
  const recipient = await keygen(place);
  await place.write("secret.img", FILE);
  await Deno.mkdir(place.path("photos"));
  await place.write("photos/lake.img", FILE);
  const key = ["--identity", "key.txt"];
  const cut = ["--chunk-size", "600kB"];
  await place.run(["upload", "secret.img", "oci:box:disk", "--encrypt-to", recipient, ...cut]);
  await place.run(["upload", "photos", "oci:box:photos", "--encrypt-to", recipient]);
  const stored = new Set(Array.from(Deno.readDirSync(place.path("box/blobs/sha256")), ({ name }) => name));
  for (
    const [words, count] of [
      [["download", "oci:box:disk", "back.img"], 3],
      [["download", "oci:box:disk", "back.img"], 3], // it is there
      [["verify", "oci:box:disk", "back.img"], 3],
      [["verify", "oci:box:disk", "--deep"], 3],
      [["download", "oci:box:photos", "back"], 2],
      [["verify", "oci:box:photos", "--deep"], 2],
    ] as const
  ) {
    const { code, stdout, stderr } = await place.run([...words, "--json", ...key]);
    assert.equal(code, 0, stderr);
    const events = stdout.trim().split("\n").map((line) => JSON.parse(line));
    const digests: string[] = events.flatMap(({ event, digest }) => event === "blob" ? digest.slice(7) : []);
    assert.equal(digests.length, count, stdout);
    assert.ok(digests.every((digest) => stored.has(digest)), `${words}: ${digests}`);
  }
});

Deno.test(
  "keygen leaves nothing on a full disk, and makes the key when there is room",
  withSmallDisk,
  async () => {
    await using place = await makeWorkplace();
    await using disk = await mountSmallDisk(place.path("disk"), "64k");
    await Deno.writeFile(place.path("disk/other"), new Uint8Array(64 * 1024));
    const full = await place.run(["keygen", "disk/key.txt"]);
    assert.equal(full.code, 1, full.stderr);
    assert.match(full.stderr, /no space is left on the disk for disk\/key\.txt/);
    assert.deepEqual(Array.from(Deno.readDirSync(place.path("disk")), ({ name }) => name), ["other"]);
    await disk.remount("size=128k");
    const made = await place.run(["keygen", "disk/key.txt"]);
    assert.equal(made.code, 0, made.stderr);
    assert.equal((await Deno.stat(place.path("disk/key.txt"))).mode! & 0o777, 0o600);
  },
);
