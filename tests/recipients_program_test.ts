/** Tests of the command `recipients`, with the program age as the judge. @module */
import assert from "node:assert/strict";
import { keygen, run, withAge } from "./rigs/age_program.ts";
import { makeWorkplace } from "./rigs/command_line.ts";
import { concatenate, someBytes } from "./rigs/content.ts";

const FILE = someBytes(1_500_000);
const WITH_AGE = await withAge();
const MINE = ["--identity", "key.txt"];

Deno.test(
  "age opens each chunk with the keys that were added and set, and with no other",
  WITH_AGE,
  async () => {
    await using place = await makeWorkplace();
    const [mine, yours] = [await keygen(place), await keygen(place, "yours.txt")];
    await place.write("secret.img", FILE);
    await place.write("public.txt", `# of us both\n${mine}\n`);
    const address = "oci:box:disk";
    await place.run(["upload", "secret.img", address, "--chunk-size", "600kB", "--encrypt-to", mine]);
    const opens = async (key: string) => {
      const info = JSON.parse((await place.run(["info", address, "--json"])).stdout);
      const pieces: Uint8Array[] = [];
      for (const { digest } of info.chunks) {
        const { code, stdout } = await run(place, [
          "age",
          "-d",
          "-i",
          key,
          `box/blobs/sha256/${digest.slice(7)}`,
        ]);
        if (code !== 0) return undefined;
        pieces.push(stdout);
      }
      return concatenate(pieces);
    };
    assert.equal(await opens("yours.txt"), undefined);
    const planned = await place.run(["recipients", "add", address, yours, ...MINE, "--dry-run"]);
    assert.equal(planned.code, 0, planned.stderr);
    assert.match(planned.stderr, /1\.5 MB in 3 chunks would be fetched and sent again, with new headers/);
    const added = await place.run(["recipients", "add", address, yours, ...MINE]);
    assert.equal(added.code, 0, added.stderr);
    assert.match(
      added.stderr,
      /fetching and sending 1\.5 MB in 3 chunks .*[^]*may have kept the key or the file/,
    );
    for (const key of ["key.txt", "yours.txt"]) assert.deepEqual(await opens(key), FILE);
    const listed = await place.run(["recipients", "list", address]);
    assert.equal(listed.stdout, "X25519\nX25519\n");
    const blobs = [...Deno.readDirSync(place.path("box/blobs/sha256"))];
    assert.equal(blobs.length, 9, "the old chunks are gone");
    const again = await place.run(["recipients", "add", address, yours, ...MINE]);
    assert.match(again.stderr, /has these recipients already/);
    const set = await place.run(["recipients", "set", address, "public.txt", "--identity", "yours.txt"]);
    assert.equal(set.code, 0, set.stderr);
    assert.match(set.stderr, /the key that was used does not open it any more/);
    assert.deepEqual([await opens("key.txt"), await opens("yours.txt")], [FILE, undefined]);
    const back = await place.run(["download", address, "back.img", ...MINE]);
    assert.equal(back.code, 0, back.stderr);
    assert.deepEqual(await Deno.readFile(place.path("back.img")), FILE);
  },
);

Deno.test("another passphrase takes the place of the one before", WITH_AGE, async () => {
  await using place = await makeWorkplace();
  await place.write("secret.img", FILE);
  await place.write("old.txt", "correct horse\n");
  await place.write("new.txt", "battery staple\n");
  const env = { LAYERSTASH_PASSPHRASE_FILE: "old.txt", LAYERSTASH_NEW_PASSPHRASE_FILE: "new.txt" };
  const stored = await place.run(["upload", "secret.img", "oci:box:disk", "--passphrase"], { env });
  assert.equal(stored.code, 0, stored.stderr);
  const set = ["recipients", "set", "oci:box:disk", "--new-passphrase", "--passphrase"];
  const changed = await place.run(set, { env });
  assert.equal(changed.code, 0, changed.stderr);
  for (const [file, code] of [["old.txt", 4], ["new.txt", 0]] as const) {
    const env = { LAYERSTASH_PASSPHRASE_FILE: file };
    const back = await place.run(["download", "oci:box:disk", "back.img", "--passphrase"], { env });
    assert.equal(back.code, code, back.stderr);
  }
  assert.deepEqual(await Deno.readFile(place.path("back.img")), FILE);
  const both = await place.run([...set, await keygen(place)], { env });
  assert.equal(both.code, 2, both.stderr);
});

Deno.test("a key that decrypts a file already is not added again, and one that is named twice counts once", async () => {
  await using place = await makeWorkplace();
  const [mine, yours] = [await keygen(place), await keygen(place, "yours.txt")];
  await place.write("secret.img", FILE);
  await place.write("both.txt", `${mine}\n${yours}\n`);
  const address = "oci:box:disk";
  const types = async () =>
    (await place.run(["recipients", "list", address])).stdout.trim().split("\n").length;
  await place.run(["upload", "secret.img", address, "--encrypt-to", mine, "--encrypt-to", mine]);
  assert.equal(await types(), 1);
  const elsewhere = ["--state-dir", "elsewhere"]; // no journal of before is there
  for (
    const [words, count, said] of [
      [["add", address, mine, ...MINE], 1, /has these recipients already: nothing was sent/],
      [["add", address, yours, yours, ...MINE], 2, /fetching and sending 1\.5 MB in 1 chunk again/],
      [["add", address, yours, ...MINE, ...elsewhere], 2, /has these recipients already/],
      [
        ["add", address, "both.txt", "--identity", "yours.txt", ...elsewhere],
        2,
        /has these recipients already/,
      ],
      [["set", address, mine, ...MINE], 1, /fetching and sending/],
      [["add", address, "both.txt", ...MINE, ...elsewhere], 2, /fetching and sending/],
    ] as const
  ) {
    const { code, stderr } = await place.run(["recipients", ...words]);
    assert.equal(code, 0, stderr);
    assert.match(stderr, said);
    assert.equal(await types(), count, words.join(" "));
  }
  for (const key of ["key.txt", "yours.txt"]) {
    const back = await place.run(["download", address, "back.img", "--identity", key, "--overwrite"]);
    assert.equal(back.code, 0, back.stderr);
  }
});

Deno.test("the file of a secret key is not taken for that of a public one, which is named", async () => {
  await using place = await makeWorkplace();
  const mine = await keygen(place);
  await place.run(["keygen", "--post-quantum", "long.txt"]);
  await place.write("secret.img", FILE);
  for (
    const [file, hint] of [["key.txt", `its public key is ${mine}`], ["long.txt", "its public key is what"]]
  ) {
    const { code, stderr } = await place.run(["upload", "secret.img", "oci:box:disk", "--encrypt-to", file!]);
    assert.equal(code, 2, stderr);
    assert.match(stderr, new RegExp(`entry 1 of ${file} is a secret key: .*\nhint: ${hint}`));
    assert.doesNotMatch(stderr, /AGE-SECRET-KEY/);
  }
});

Deno.test("who needs the passphrase is told so, and not to name a key", async () => {
  await using place = await makeWorkplace();
  const mine = await keygen(place);
  await place.write("secret.img", FILE);
  await place.write("pass.txt", "correct horse\n");
  await Deno.mkdir(place.path("photos"));
  const env = { LAYERSTASH_PASSPHRASE_FILE: "pass.txt" };
  for (const each of ["secret.img", "photos"]) {
    const { code, stderr } = await place.run(["upload", each, `oci:box:${each}`, "--passphrase"], { env });
    assert.equal(code, 0, stderr);
  }
  const encrypted = /is encrypted with a passphrase\nhint: use --passphrase\n$/;
  const download = await place.run(["download", "oci:box:secret.img", "back.img"]);
  assert.match(download.stderr, encrypted);
  const add = await place.run(["recipients", "add", "oci:box:secret.img", mine]);
  assert.match(add.stderr, encrypted);
  const upload = await place.run(["upload", "secret.img", "oci:box:secret.img", "--encrypt-to", mine]);
  assert.match(
    upload.stderr,
    /without its passphrase it cannot be compared .*\nhint: use another name, or --over/,
  );
  const copied = await place.run(["copy", "oci:box:photos", "oci:other:photos"]);
  assert.match(
    copied.stderr,
    /get it back: .* --identity KEYFILE \(or --passphrase, if it was stored with one\)/,
  );
});

Deno.test("what cannot be changed is named, with what to type", async () => {
  await using place = await makeWorkplace();
  const mine = await keygen(place);
  const yours = await keygen(place, "yours.txt");
  await place.write("secret.img", FILE);
  await Deno.mkdir(place.path("photos"));
  await place.run(["upload", "secret.img", "oci:box:disk", "--encrypt-to", mine]);
  await place.run(["upload", "secret.img", "oci:box:plain"]);
  await place.run(["upload", "photos", "oci:box:photos"]);
  const cases: [string[], number, RegExp][] = [
    [["add", "oci:box:disk", yours], 4, /disk is encrypted\n.*hint: .*--identity FILE/],
    [["add", "oci:box:disk", yours, "--identity", "yours.txt"], 4, /not encrypted for any of the keys/],
    [
      ["add", "oci:box:plain", yours, ...MINE],
      2,
      /layerstash has not encrypted plain\n.*hint: .*--encrypt-to/,
    ],
    [["add", "oci:box:photos", yours, ...MINE], 2, /photos is a folder.*\nhint: .*upload/],
    [["add", "oci:box:nothing", yours, ...MINE], 3, /nothing/],
    [["add", "oci:box:disk", ...MINE], 2, /the recipients are missing/],
    [["add", "oci:box:disk", "age1nonsense", ...MINE], 2, /is not a recipient/],
    [["remove", "oci:box:disk", yours, ...MINE], 2, /unknown command 'remove'\nhint: did you mean set/],
  ];
  for (const [words, code, message] of cases) {
    const result = await place.run(["recipients", ...words]);
    assert.equal(result.code, code, `${words}: ${result.stderr}`);
    assert.match(result.stderr, message);
  }
  const plain = await place.run(["recipients", "list", "oci:box:plain", "--json"]);
  assert.deepEqual(JSON.parse(plain.stdout), { types: [] });
  const { stdout: listed } = await place.run(["list", "oci:box"]);
  assert.match(listed, /^disk +1 +encrypted$/m);
  assert.match(listed, /^plain +1$/m);
});
