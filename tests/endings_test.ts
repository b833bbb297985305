/** How transfers end: the last lines, the command that gets a file back, and the document `done` of `--json`. @module */
import assert from "node:assert/strict";
import { makeWorkplace, timeless, type Workplace } from "./rigs/command_line.ts";
import { startFakeRegistry } from "./rigs/fake_registry.ts";
import { someBytes } from "./rigs/content.ts";

const BOX = "oci:box/me/files";

/** Runs a command that has to succeed, and gives what it said, without times. */
async function said(work: Workplace, ...args: string[]): Promise<string> {
  const { code, stderr } = await work.run(args);
  assert.equal(code, 0, stderr);
  return timeless(stderr);
}

/** Runs a command with `--json`, and gives the last document. */
async function done(work: Workplace, ...args: string[]) {
  const { code, stdout, stderr } = await work.run([...args, "--json"]);
  assert.equal(code, 0, stderr);
  const { event, seconds, ...rest } = JSON.parse(stdout.trimEnd().split("\n").at(-1)!);
  assert.equal(event, "done");
  assert.ok(seconds >= 0 && seconds < 600, `${seconds}`);
  return rest;
}

Deno.test("what is printed after an upload gets the file back, also where the path has blanks", async () => {
  await using work = await makeWorkplace();
  const bytes = someBytes(3_000_000);
  await work.write("disk.img", bytes);
  for (const box of ["box", "my box"]) {
    const { stderr } = await work.run(["upload", "disk.img", `oci:./${box}:disk`, "--chunk-size", "1MB"]);
    assert.match(timeless(stderr), /^layerstash: stored disk in \S+.*: 3 MB in 3 chunks, TIME\n/);
    const command = /get it back: (layerstash download .*)\n$/.exec(stderr)?.[1] ?? "";
    const words = Array.from(command.matchAll(/'([^']*)'|(\S+)/g), ([, quoted, plain]) => quoted ?? plain!);
    const into = `${box}.img`;
    const wrote = await said(work, ...words.slice(1), into);
    assert.equal(wrote, `layerstash: wrote ${into}: 3 MB, verified, TIME\n`);
    assert.deepEqual(await Deno.readFile(work.path(into)), bytes);
  }
});

Deno.test("of several files each is told, and at the end their sum", async () => {
  await using work = await makeWorkplace();
  for (const name of ["a", "b"]) await work.write(name, someBytes(600_000));
  assert.equal(
    await said(work, "upload", "a", "b", BOX),
    "layerstash: stored a in oci:box/me/files: 600 KB in 1 chunk, TIME\n" +
      "layerstash: stored b in oci:box/me/files: 600 KB in 1 chunk, TIME\n" +
      "layerstash: stored 2 files in oci:box/me/files: 1.2 MB, TIME\n" +
      "layerstash: get one back: layerstash download oci:box/me/files:NAME\n",
  );
  assert.match(
    await said(work, "upload", "a", "b", BOX),
    / 2 files in \S+ 1\.2 MB, TIME; nothing had to be sent\n/,
  );
});

Deno.test("sizes are shown in the units in which one was typed", async () => {
  await using work = await makeWorkplace();
  await work.write("disk.img", someBytes(3 * 2 ** 20));
  const stored = await said(work, "upload", "disk.img", `${BOX}:disk`, "--chunk-size", "1MiB");
  assert.match(stored, /: 3 MiB in 3 chunks, TIME\n/);
  assert.match(await said(work, "download", `${BOX}:disk`, "copy"), /: 3\.15 MB, verified, TIME\n/);
});

Deno.test("the document done says where, how much moved, and what was there already", async () => {
  await using work = await makeWorkplace();
  await using registry = await startFakeRegistry();
  await work.write("disk.img", someBytes(3000));
  const at = `${registry.host}/me/files`;
  const place = { registry: registry.host, repository: "me/files" };
  const up = ["upload", "disk.img", `${at}:disk`, "--chunk-size", "1KB"];
  const moved = ({ registry, repository, bytesSent, bytesFetched, bytesSaved }: Record<string, unknown>) => (
    { place: { registry, repository }, moved: [bytesSent, bytesFetched, bytesSaved] }
  );
  assert.deepEqual(moved(await done(work, ...up)), { place, moved: [3000, 0, 0] });
  assert.deepEqual(moved(await done(work, ...up)), { place, moved: [0, 0, 3000] });
  const down = ["download", `${at}:disk`, "copy"];
  assert.deepEqual(moved(await done(work, ...down)), { place, moved: [0, 3000, 0] });
  assert.deepEqual(moved(await done(work, ...down)), { place, moved: [0, 0, 3000] });
  assert.deepEqual(moved(await done(work, "verify", `${at}:disk`, "--deep")), { place, moved: [0, 3000, 0] });
  const layout = { registry: BOX, repository: "" };
  const copied = moved(await done(work, "copy", `${at}:disk`, `${BOX}:disk`));
  assert.deepEqual(copied.place, layout);
  assert.ok(Number(copied.moved[0]) > 3000, `${copied.moved}`); // configs, too
  const image = `${at}:disk-1`;
  const saved = moved(await done(work, "save", image, "--layer", "1", "-o", "layers"));
  assert.deepEqual(saved, { place, moved: [0, 1000, 0] });
});

Deno.test("the digest of the document done names what was stored, and gets it back", async () => {
  await using work = await makeWorkplace();
  const bytes = someBytes(3000);
  await work.write("disk.img", bytes);
  const stored = await done(work, "upload", "disk.img", `${BOX}:disk`, "--chunk-size", "1KB");
  const fetched = await done(work, "download", `${BOX}@${stored.digest}`, "copy");
  assert.deepEqual(await Deno.readFile(work.path("copy")), bytes);
  const verified = await done(work, "verify", `${BOX}:disk`);
  const copied = await done(work, "copy", `${BOX}:disk`, "oci:other:disk");
  const digests = [stored, fetched, verified, copied].map(({ digest }) => digest);
  assert.deepEqual(digests, Array(4).fill(stored.digest));
  const layers = await done(work, "save", `${BOX}@${stored.digest}`, "--layer", "1", "-o", "layers");
  assert.equal(layers.digest, stored.digest);
});

Deno.test("a copy of a stored file ends with the command that gets it back, and a deep look with its time", async () => {
  await using work = await makeWorkplace();
  await work.write("disk.img", someBytes(3000));
  await said(work, "upload", "disk.img", `${BOX}:disk`);
  const copied = await said(work, "copy", `${BOX}:disk`, "oci:other:disk");
  assert.match(
    copied,
    /: 3 KB in 1 chunk, 2 blobs sent \([\d.]+ KB\), TIME\n.* get it back: layerstash download oci:other:disk\n$/,
  );
  assert.equal(await said(work, "verify", `${BOX}:disk`, "--deep"), "layerstash: verified disk: TIME\n");
});

Deno.test("a failure in the middle says what is kept and how to go on, without the secrets that were typed", async () => {
  await using work = await makeWorkplace();
  await using registry = await startFakeRegistry({
    faults: { failNext: [{ method: "PUT", path: /manifests\/disk-2$/, status: 400, times: 99 }] },
  });
  await work.write("disk.img", someBytes(3000));
  const typed = ["upload", "disk.img", `${registry.host}/me/files:disk`, "--chunk-size", "1KB"];
  const { code, stderr } = await work.run([...typed, "-u", "me", "-p", "open-sesame"]);
  assert.equal(code, 1, stderr);
  const line = `layerstash ${typed.join(" ")} -u me -p ...`;
  assert.ok(
    stderr.endsWith(`hint: stored so far: 3 of 3 chunks; nothing is sent again; go on with: ${line}\n`),
    stderr,
  );
  assert.ok(!stderr.includes("open-sesame"));
});

Deno.test("a conflict in the middle is no transfer that goes on", async () => {
  await using work = await makeWorkplace();
  const bytes = someBytes(3000);
  await work.write("disk.img", bytes);
  const up = ["upload", "disk.img", `${BOX}:disk`, "--chunk-size", "1KB"];
  await said(work, ...up);
  await work.write("disk.img", bytes.map((byte, at) => at === 2999 ? byte + 1 : byte));
  const { code, stderr } = await work.run(up);
  assert.equal(code, 6);
  assert.doesNotMatch(stderr, /go on with/);
});

Deno.test("a stored file that is copied to a repository without a name keeps its own", async () => {
  await using work = await makeWorkplace();
  await using registry = await startFakeRegistry();
  await work.write("disk.img", someBytes(3000));
  const repository = new URL(registry.url).host + "/me/files";
  await said(work, "upload", "disk.img", `${repository}:disk`);
  const copied = await said(work, "copy", `${repository}:disk`, `${repository}-2`);
  assert.ok(copied.endsWith(`get it back: layerstash download ${repository}-2:disk\n`), copied);
});
