/** Folders and stored files do not get in each other's way, and what goes wrong with a folder is said as it is of a file. @module */
import assert from "node:assert/strict";
import { makeWorkplace, type Workplace } from "./rigs/command_line.ts";
import { someBytes } from "./rigs/content.ts";
import { startFakeRegistry } from "./rigs/fake_registry.ts";
import { mountSmallDisk, withSmallDisk } from "./rigs/small_disk.ts";
import { onPosix } from "./rigs/system.ts";

async function makeBoth(work: Workplace): Promise<void> {
  await Deno.mkdir(work.path("photos"));
  await work.write("photos/one.txt", "one");
  await work.write("plain", "plain");
}

Deno.test("a folder does not get the name of a stored file, nor a file that of a folder", async () => {
  await using work = await makeWorkplace();
  await makeBoth(work);
  for (
    const [first, second, kind, box] of [
      ["plain", "photos", "a stored file", "oci:./one"],
      ["photos", "plain", "a folder", "oci:./two"],
    ] as const
  ) {
    assert.equal((await work.run(["upload", first, `${box}:p`])).code, 0);
    for (const options of [[], ["--overwrite"]]) {
      const { code, stderr } = await work.run(["upload", second, `${box}:p`, ...options]);
      assert.deepEqual([code, stderr], [
        6,
        `layerstash: cannot store ${second} as p: ${kind} has the name p already\n` +
        `hint: use another name, or remove that first: layerstash remove ${box}:p\n`,
      ]);
    }
    assert.equal((await work.run(["upload", first, `${box}:p`])).code, 0, "the first is stored again");
    assert.equal((await work.run(["upload", second, `${box}:other`])).code, 0);
    assert.equal((await work.run(["remove", `${box}:p`])).code, 0);
    assert.equal((await work.run(["upload", second, `${box}:p`])).code, 0, "the hint was right");
  }
});

Deno.test("the hint about a name that is taken is a command that a shell understands", async () => {
  await using work = await makeWorkplace();
  await makeBoth(work);
  const box = "oci:./a box";
  assert.equal((await work.run(["upload", "photos", `${box}:p`])).code, 0);
  const { stderr } = await work.run(["upload", "plain", `${box}:p`]);
  assert.match(stderr, /remove that first: layerstash remove 'oci:\.\/a box:p'\n$/);
});

Deno.test(
  "Ctrl-C in the middle of a folder's file is told as an interruption",
  onPosix("signals"),
  async () => {
    await using work = await makeWorkplace();
    await using registry = await startFakeRegistry();
    await Deno.mkdir(work.path("big"));
    await work.write("big/file", someBytes(8_000_000));
    const address = `${registry.url}/me/files:big`;
    assert.equal((await work.run(["upload", "big", address])).code, 0);
    registry.faults.breakDownload = { after: 4_000_000, inBlob: true, times: Infinity, how: "stall" };
    const child = work.start(["download", address, "copy"]);
    const isWriting = () =>
      Deno.lstat(work.path(".copy.layerstash-part/tree/file")).then(() => true, () => false);
    let hasEnded = false;
    child.status.then(() => hasEnded = true);
    while (!hasEnded && !await isWriting()) await new Promise((resolve) => setTimeout(resolve, 0));
    child.kill("SIGINT");
    const { code, stderr } = await child.output();
    assert.equal(code, 130);
    assert.match(
      new TextDecoder().decode(stderr),
      /^layerstash: cannot download big to copy: interrupted\nhint: fetched so far: /,
    );
  },
);

Deno.test(
  "a folder that is larger than the room on the disk is refused before anything is written",
  withSmallDisk,
  async () => {
    await using work = await makeWorkplace();
    await Deno.mkdir(work.path("big"));
    await work.write("big/file", someBytes(3_000_000));
    assert.equal((await work.run(["upload", "big", "oci:./box:big"])).code, 0);
    await using _disk = await mountSmallDisk(work.path("small"), "1m");
    const { code, stderr } = await work.run(["download", "oci:./box:big", "small/copy"]);
    assert.equal(code, 1);
    assert.match(
      stderr,
      /: small has [\d.]+ [KM]B free, and [\d.]+ MB are needed\nhint: make room for [\d.]+ MB more, or write to another disk\n$/,
    );
    assert.deepEqual(await Array.fromAsync(Deno.readDir(work.path("small"))), []);
    await work.write("small/other", "");
    const onto = await work.run(["download", "oci:./box:big", "small"]);
    assert.equal(onto.code, 1);
    assert.match(
      onto.stderr,
      /: small has [\d.]+ [KM]B free, and [\d.]+ MB are needed\nhint: make room for /,
    );
    assert.deepEqual(Array.from(Deno.readDirSync(work.path("small")), ({ name }) => name), ["other"]);
  },
);

Deno.test("a folder needs the directory around it, as a file does", async () => {
  await using work = await makeWorkplace();
  await makeBoth(work);
  for (const each of ["plain", "photos"]) {
    await work.run(["upload", each, `oci:./box:${each}`]);
    const { code, stderr } = await work.run(["download", `oci:./box:${each}`, "none/copy"]);
    assert.deepEqual([code, stderr], [
      3,
      `layerstash: cannot download ${each} to none/copy: none/copy cannot be written: there is no directory none\n` +
      "hint: make it first: mkdir -p none\n",
    ]);
  }
  await assert.rejects(Deno.lstat(work.path("none")), Deno.errors.NotFound);
});

Deno.test("a file without a name is told as that", async () => {
  await using work = await makeWorkplace();
  for (const words of [["", "oci:./box"], ["", "oci:./box:p"], ["-i", "", "-r", "me/files", "-t", "p"]]) {
    const { code, stderr } = await work.run(["upload", ...words]);
    assert.deepEqual([code, stderr.split("\n")[0]], [2, "layerstash: the name of a file is empty"]);
  }
});
