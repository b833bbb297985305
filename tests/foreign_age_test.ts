/** Tests of stored files that the program age has encrypted: one file in chunks, and chunks of their own. @module */
import assert from "node:assert/strict";
import { keygen, run, withAge } from "./rigs/age_program.ts";
import { makeWorkplace, type Workplace } from "./rigs/command_line.ts";
import { concatenate, someBytes } from "./rigs/content.ts";
import { Identities } from "../lib/exports/encryption.ts";
import { openServed, serveHandler } from "../lib/exports/serve.ts";
import { openStore, readStash } from "../main.ts";

const FILE = someBytes(1_500_000);
const WITH_AGE = await withAge();
/** The plain bytes of two chunks that are age files of their own. */
const PARTS = [FILE.slice(0, 700_000), FILE.slice(700_000, 1_400_000)];

/** Stores the file as `cut`, one age file in three chunks, and the parts as `parts`, an age file in each chunk. */
async function storeBoth(place: Workplace): Promise<void> {
  const recipient = await keygen(place);
  await place.write("secret.img", FILE);
  await run(place, ["age", "-r", recipient, "-o", "secret.age", "secret.img"]);
  await place.run(["upload", "secret.age", "oci:box:cut", "--chunk-size", "600kB"]);
  for (const [index, part] of PARTS.entries()) {
    await place.write(`part${index}`, part);
    await run(place, ["age", "-r", recipient, "-o", `part${index}.age`, `part${index}`]);
  }
  const pieces = await Promise.all([0, 1].map((index) => Deno.readFile(place.path(`part${index}.age`))));
  await place.write("parts.age", concatenate(pieces)); // of the same size: so a script stores what it encrypts in parts
  await place.write("parts.img", concatenate(PARTS));
  await place.run(["upload", "parts.age", "oci:box:parts", "--chunk-size", `${pieces[0]!.length}`]);
}

Deno.test("what age has encrypted comes back decrypted", WITH_AGE, async () => {
  await using place = await makeWorkplace();
  await storeBoth(place);
  const cut = await place.run(["download", "oci:box:cut", "cut.img", "--identity", "key.txt"]);
  assert.equal(cut.code, 0, cut.stderr);
  assert.deepEqual(await Deno.readFile(place.path("cut.img")), FILE);
  const asStored = await place.run(["download", "oci:box:cut", "cut.age"]);
  assert.equal(asStored.code, 0, asStored.stderr);
  assert.deepEqual(
    await Deno.readFile(place.path("cut.age")),
    await Deno.readFile(place.path("secret.age")),
  );
  const each = await place.run(["download", "oci:box:parts", "back.img", "--identity", "key.txt"]);
  assert.equal(each.code, 0, each.stderr);
  assert.match(each.stderr, /nothing shows that all are in their places/);
  assert.deepEqual(await Deno.readFile(place.path("back.img")), concatenate(PARTS));
  await place.write("empty", "");
  await place.run(["upload", "empty", "oci:box:empty"]);
  const empty = await place.run(["download", "oci:box:empty", "empty2", "--identity", "key.txt"]);
  assert.equal(empty.code, 0, empty.stderr);
  await place.run(["keygen", "other.txt"]);
  const refused = await place.run(["download", "oci:box:cut", "none.img", "--identity", "other.txt"]);
  assert.equal(refused.code, 4, refused.stderr);
  await assert.rejects(Deno.stat(place.path("none.img")), Deno.errors.NotFound);
});

Deno.test("verify reads what age has encrypted, and compares it with a file", WITH_AGE, async () => {
  await using place = await makeWorkplace();
  await storeBoth(place);
  const key = ["--identity", "key.txt"];
  for (const [name, file] of [["cut", "secret.img"], ["parts", "parts.img"]]) {
    const deep = await place.run(["verify", `oci:box:${name}`, "--deep", ...key]);
    assert.equal(deep.code, 0, deep.stderr);
    assert.match(deep.stdout, /is OK: .* every byte was read/);
    const same = await place.run(["verify", `oci:box:${name}`, file!, ...key]);
    assert.equal(same.code, 0, same.stderr + same.stdout);
    assert.match(same.stdout, /img is the same\n$/, "its bytes were read");
    const other = await place.run(["verify", `oci:box:${name}`, "part1", ...key]);
    assert.equal(other.code, 5, other.stderr + other.stdout);
  }
  const blob = (await Array.fromAsync(Deno.readDir(place.path("box/blobs/sha256")))).map(({ name }) =>
    place.path(`box/blobs/sha256/${name}`)
  ).find((path) => Deno.statSync(path).size > 600_000)!;
  using damaged = await Deno.open(blob, { write: true });
  await damaged.seek(400_000, Deno.SeekMode.Start);
  await damaged.write(new Uint8Array(10));
  const found = await place.run(["verify", "oci:box:parts", "--deep", ...key]);
  assert.equal(found.code, 5, found.stderr + found.stdout);
});

Deno.test("what age has encrypted is read in ranges, and served, decrypted", WITH_AGE, async () => {
  await using place = await makeWorkplace();
  await storeBoth(place);
  const identities = await Identities.inFiles([place.path("key.txt")]);
  const address = `oci:${place.path("box")}`;
  using store = openStore(address);
  using repositories = openServed([address]);
  const handler = serveHandler(repositories, { identities });
  for (const [name, plain] of [["cut", FILE], ["parts", concatenate(PARTS)]] as const) {
    for (
      const [start, end] of [[0, plain.length], [650_000, 750_000], [plain.length - 1, plain.length]] as const
    ) {
      const read = await readStash(store, { baseTag: name, identities, start, end });
      assert.deepEqual(await new Response(read).bytes(), plain.slice(start, end));
      const headers = { range: `bytes=${start}-${end - 1}` };
      const answer = await handler(new Request(`http://localhost/files/box/${name}`, { headers }));
      assert.equal(answer.status, 206, await answer.clone().text().catch(() => ""));
      assert.deepEqual(await answer.bytes(), plain.slice(start, end));
    }
  }
});
