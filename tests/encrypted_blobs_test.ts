/** Encrypted blobs through the command line: both ways with the program age, in ranges, and without a key. @module */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { encodedPart } from "../lib/oci/digest.ts";
import { makeWorkplace, type RunOptions, timeless, type Workplace } from "./rigs/command_line.ts";
import { someBytes } from "./rigs/content.ts";
import { ensureTool } from "./rigs/debian.ts";
import { onPosix } from "./rigs/system.ts";

const BOX = "oci:./box/me/files";
const withAge = { ignore: !await ensureTool("age", "age") };
/** More than one record, and not a whole number of them. */
const BYTES = someBytes(200_000);

async function ok(work: Workplace, args: string[], options?: RunOptions): Promise<string> {
  const ended = await work.run(args, options);
  assert.equal(ended.code, 0, ended.stderr);
  return ended.stdout.trim();
}

Deno.test("- prints a new key, and writes no file of that name", async () => {
  await using work = await makeWorkplace();
  assert.match(await ok(work, ["keygen", "-"]), /^# created: .*\n# public key: age1.*\nAGE-SECRET-KEY-1/);
  assert.deepEqual(Array.from(Deno.readDirSync(work.directory)).filter(({ name }) => name === "-"), []);
});

/** A workplace with a file, a key, and the file stored for it; the public key. */
async function withKey(): Promise<Workplace & { recipient: string }> {
  const work = await makeWorkplace();
  await work.write("file", BYTES);
  const recipient = await ok(work, ["keygen", "key.txt"]);
  return { ...work, recipient };
}

async function push(work: Workplace & { recipient: string }, name = "secret"): Promise<string> {
  return await ok(work, ["blob", "push", "file", `${BOX}:${name}`, "--encrypt-to", work.recipient]);
}

function blobFile(work: Workplace, digest: string): string {
  return work.path(`box/me/files/blobs/sha256/${encodedPart(digest as `sha256:${string}`)}`);
}

async function age(work: Workplace, args: string[], input?: string): Promise<Uint8Array> {
  const { code, stdout, stderr } = await new Deno.Command("age", { args, cwd: work.directory }).output();
  assert.equal(code, 0, new TextDecoder().decode(stderr) + (input ?? ""));
  return stdout;
}

Deno.test("what is encrypted for a key comes back with the key, and stands in no blob", async () => {
  await using work = await withKey();
  const digest = await push(work);
  const stored = await Deno.readFile(blobFile(work, digest));
  assert.equal(Buffer.from(stored).indexOf(BYTES.subarray(1000, 1064)), -1);
  const down = await work.run(["blob", "pull", `${BOX}:secret`, "--identity", "key.txt", "-o", "copy"]);
  assert.equal(timeless(down.stderr), "layerstash: wrote copy: 200 KB, decrypted and verified, TIME\n");
  assert.deepEqual(await Deno.readFile(work.path("copy")), BYTES);
  const elsewhere = ["--encrypt-to", work.recipient, "--state-dir", "elsewhere"];
  assert.notEqual(await ok(work, ["blob", "push", "file", BOX, ...elsewhere]), digest, "another file key");
});

Deno.test("age decrypts a blob, and blobs that age made are read", withAge, async () => {
  await using work = await withKey();
  const stored = blobFile(work, await push(work));
  assert.deepEqual(await age(work, ["-d", "-i", "key.txt", stored]), BYTES);
  for (
    const [name, size] of [["empty", 0], ["record", 65536], ["records", 131072], ["more", 131073]] as const
  ) {
    const bytes = someBytes(size);
    await work.write(name, bytes);
    await age(work, ["-r", work.recipient, "-o", `${name}.age`, name]);
    await ok(work, ["blob", "push", `${name}.age`, `${BOX}:${name}`]);
    await ok(work, ["blob", "pull", `${BOX}:${name}`, "--identity", "key.txt", "-o", `${name}.copy`]);
    assert.deepEqual(await Deno.readFile(work.path(`${name}.copy`)), bytes);
    const own = await ok(work, ["blob", "push", name, BOX, "--encrypt-to", work.recipient]);
    assert.deepEqual(await age(work, ["-d", "-i", "key.txt", blobFile(work, own)]), bytes);
  }
});

Deno.test("keys of age-keygen and files of recipients are taken", withAge, async () => {
  await using work = await withKey();
  await new Deno.Command("age-keygen", { args: ["-o", work.path("other.txt")], stderr: "null" }).output();
  const { stdout } = await new Deno.Command("age-keygen", { args: ["-y", work.path("other.txt")] }).output();
  await work.write(
    "recipients.txt",
    `# both of us\n${work.recipient}\n\n${new TextDecoder().decode(stdout)}`,
  );
  await ok(work, ["blob", "push", "file", `${BOX}:both`, "--encrypt-to", "recipients.txt"]);
  for (const key of ["key.txt", "other.txt"]) {
    await ok(work, ["blob", "pull", `${BOX}:both`, "--identity", key, "-o", `${key}.copy`]);
    assert.deepEqual(await Deno.readFile(work.path(`${key}.copy`)), BYTES);
  }
});

Deno.test("ranges are those of the plain bytes, over the borders of records and up to the end", async () => {
  await using work = await withKey();
  await push(work);
  const pull = ["blob", "pull", `${BOX}:secret`, "--identity", "key.txt", "--range"];
  for (const range of ["0-0", "65535-65536", "70000-140000", "199999-", "131072-131072", "5-"]) {
    const [first, last] = range.split("-");
    const down = await work.runForBytes([...pull, range]);
    const expected = BYTES.subarray(Number(first), last === "" ? undefined : Number(last) + 1);
    assert.deepEqual(new Uint8Array(down.stdout), expected, range);
  }
  const beyond = await work.run([...pull, "200000-"]);
  assert.equal(beyond.code, 2);
  assert.match(beyond.stderr, /there is no byte 200000: the size is 200000 bytes/);
});

Deno.test("standard input is encrypted while it is read", async () => {
  await using work = await withKey();
  await ok(work, ["blob", "push", `${BOX}:piped`, "--encrypt-to", work.recipient], { stdin: BYTES });
  const down = await work.runForBytes(["blob", "pull", `${BOX}:piped`, "--identity", "key.txt"]);
  assert.deepEqual(new Uint8Array(down.stdout), BYTES);
});

Deno.test("a passphrase from a file encrypts and decrypts, and a wrong one is exit 4 with nothing written", async () => {
  await using work = await makeWorkplace();
  await work.write("file", BYTES);
  await work.write("pass", "open-sesame-17\nand more\n");
  await work.write("wrong", "close-sesame\n");
  const env = { LAYERSTASH_PASSPHRASE_FILE: "pass" };
  await ok(work, ["blob", "push", "file", `${BOX}:secret`, "--passphrase"], { env });
  const pull = ["blob", "pull", `${BOX}:secret`, "--passphrase", "-o", "copy"];
  const wrong = await work.run(pull, { env: { LAYERSTASH_PASSPHRASE_FILE: "wrong" } });
  assert.equal(wrong.code, 4);
  assert.match(wrong.stderr, /^layerstash: cannot fetch to copy: .*the passphrase is not the right one\n/);
  assert.deepEqual(await names(work, "copy"), []);
  await ok(work, pull, { env });
  assert.deepEqual(await Deno.readFile(work.path("copy")), BYTES);
  const unread = await work.run(pull, { under: Deno.build.os === "linux" ? ["setsid", "--wait"] : [] }); // no terminal
  assert.equal(unread.code, 2);
  assert.match(
    unread.stderr,
    /there is no terminal to ask for the passphrase\nhint: LAYERSTASH_PASSPHRASE_FILE=/,
  );
});

Deno.test("without the right key nothing is written, and the exit code is 4", async () => {
  await using work = await withKey();
  await push(work);
  await ok(work, ["keygen", "other.txt"]);
  const other = await work.run(["blob", "pull", `${BOX}:secret`, "--identity", "other.txt", "-o", "copy"]);
  assert.equal(other.code, 4, other.stderr);
  assert.match(
    other.stderr,
    /it is not encrypted for any of the keys given\nhint: name the file of another key/,
  );
  assert.deepEqual(await names(work, "copy"), []);
  await ok(work, ["blob", "push", "file", `${BOX}:plain`]);
  const plain = await work.run(["blob", "pull", `${BOX}:plain`, "--identity", "key.txt", "-o", "copy"]);
  assert.equal(plain.code, 5, plain.stderr);
  assert.match(plain.stderr, /the bytes are not encrypted: .*\nhint: leave out --identity/);
});

Deno.test("a passphrase where a key is needed, and the converse, say which of the two it is", async () => {
  await using work = await withKey();
  await work.write("pass", "open-sesame-17\n");
  const env = { LAYERSTASH_PASSPHRASE_FILE: "pass" };
  await push(work, "for-key");
  await ok(work, ["blob", "push", "file", `${BOX}:for-pass`, "--passphrase"], { env });
  const wrongKind = async (name: string, ...key: string[]) => {
    const { code, stderr } = await work.run(["blob", "pull", `${BOX}:${name}`, ...key, "-o", "copy"], {
      env,
    });
    assert.equal(code, 4, stderr);
    return stderr;
  };
  assert.match(
    await wrongKind("for-key", "--passphrase"),
    /: it is encrypted for keys, not with a passphrase\nhint: name the file of a key: --identity FILE\n$/,
  );
  assert.match(
    await wrongKind("for-pass", "--identity", "key.txt"),
    /: it is encrypted with a passphrase, not for keys\nhint: use --passphrase in the place of --identity\n$/,
  );
  assert.deepEqual(await names(work, "copy"), []);
});

Deno.test("a blob that another one has replaced is not taken for it, although it is for the same key", async () => {
  await using work = await withKey();
  const digest = await push(work);
  await work.write("file", someBytes(200_000, 2));
  const other = await push(work, "other");
  await Deno.copyFile(blobFile(work, other), blobFile(work, digest));
  const down = await work.run(["blob", "pull", `${BOX}@${digest}`, "--identity", "key.txt", "-o", "copy"]);
  assert.equal(down.code, 5, down.stderr);
  assert.match(down.stderr, /is corrupted/);
  assert.deepEqual(await names(work, "copy"), ["copy.part"]);
});

Deno.test("keygen makes a file for its owner alone, and never replaces one", onPosix("modes"), async () => {
  await using work = await withKey();
  const text = await Deno.readTextFile(work.path("key.txt"));
  assert.match(
    text,
    /^# created: [\d-]+T[\d:]+Z\n# public key: age1[a-z0-9]{58}\nAGE-SECRET-KEY-1[A-Z0-9]{58}\n$/,
  );
  assert.ok(text.includes(`# public key: ${work.recipient}\n`));
  assert.equal((await Deno.stat(work.path("key.txt"))).mode! & 0o777, 0o600);
  const again = await work.run(["keygen", "key.txt"]);
  assert.equal(again.code, 6);
  assert.match(again.stderr, /key\.txt exists, and a key is never replaced/);
  assert.equal(await Deno.readTextFile(work.path("key.txt")), text);
});

Deno.test("a key that withstands a quantum computer encrypts, and is not mixed with others", async () => {
  await using work = await withKey();
  const recipient = await ok(work, ["keygen", "pq.txt", "--post-quantum"]);
  assert.match(recipient, /^age1pq1/);
  await ok(work, ["blob", "push", "file", `${BOX}:pq`, "--encrypt-to", recipient]);
  await ok(work, ["blob", "pull", `${BOX}:pq`, "--identity", "pq.txt", "-o", "copy"]);
  assert.deepEqual(await Deno.readFile(work.path("copy")), BYTES);
  const mixed = ["--encrypt-to", recipient, "--encrypt-to", work.recipient];
  const refused = await work.run(["blob", "push", "file", BOX, ...mixed]);
  assert.equal(refused.code, 2);
  assert.match(refused.stderr, /cannot be mixed with others/);
});

Deno.test("what is not a key is refused before anything is stored, and no secret is repeated", async () => {
  await using work = await withKey();
  const secret = (await Deno.readTextFile(work.path("key.txt"))).split("\n")[2]!;
  await work.write("damaged.txt", secret.slice(0, -1));
  const push = ["blob", "push", "file", BOX];
  const pull = ["blob", "pull", `${BOX}:secret`];
  const mistakes: [string[], number, RegExp][] = [
    [[...push, "--encrypt-to", "age1qqqq"], 2, /"age1qqqq" is not a recipient/],
    [[...push, "--encrypt-to", secret], 2, /a secret key was given/],
    [[...push, "--encrypt-to", "none.txt"], 3, /there is no file none\.txt/],
    [
      [...push, "--encrypt-to", "key.txt"],
      2,
      /entry 1 of key\.txt is a secret key: others encrypt for the public one/,
    ],
    [[...pull, "--identity", secret], 2, /a secret key was given/],
    [[...pull, "--identity", "damaged.txt"], 2, /entry 1 of damaged\.txt is not a secret key/],
    [[...pull, "--identity", "file"], 2, /entry 1 of file is not a secret key/],
    [[...push, "--passphrase", "--encrypt-to", work.recipient], 2, /exclude each other/],
  ];
  for (const [args, code, message] of mistakes) {
    const ended = await work.run([...args, "--log-level", "debug"]);
    assert.equal(ended.code, code, `${args.join(" ")}: ${ended.stderr}`);
    assert.match(ended.stderr, message);
    assert.ok(!ended.stderr.includes(secret.slice(20, 40)), "the secret key shows");
  }
  const inVariable = await work.run(push, { env: { LAYERSTASH_PASSPHRASE: "open-sesame" } });
  assert.equal(inVariable.code, 2);
  assert.match(
    inVariable.stderr,
    /LAYERSTASH_PASSPHRASE is neither yes nor no\nhint: .*LAYERSTASH_PASSPHRASE_FILE/,
  );
  assert.deepEqual(await names(work, "box"), []);
});

async function names(work: Workplace, start: string): Promise<string[]> {
  return (await Array.fromAsync(Deno.readDir(work.directory), ({ name }) => name)).filter((name) =>
    name.startsWith(start)
  );
}
