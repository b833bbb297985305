/** Folders and stored files do not get in each other's way, and what goes wrong with a folder is said as it is of a file. @module */
import assert from "node:assert/strict";
import { makeWorkplace, type Workplace } from "./rigs/command_line.ts";
import { someBytes } from "./rigs/content.ts";
import { startFakeRegistry } from "./rigs/fake_registry.ts";
import { mountSmallDisk, withSmallDisk } from "./rigs/small_disk.ts";
import { onLinux, onPosix } from "./rigs/system.ts";

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
      /^layerstash: cannot download big to copy: interrupted\nhint: fetched so far: /m,
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

Deno.test(
  "a part of a folder that is larger than the room on the disk is refused, too",
  withSmallDisk,
  async () => {
    await using work = await makeWorkplace();
    await Deno.mkdir(work.path("big"));
    await work.write("big/large", someBytes(3_000_000));
    await work.write("big/small", someBytes(1000));
    assert.equal((await work.run(["upload", "big", "oci:./box:big"])).code, 0);
    await using _disk = await mountSmallDisk(work.path("small"), "1m");
    const { code, stderr } = await work.run(["download", "oci:./box:big", "small/copy", "--only", "large"]);
    assert.equal(code, 1, stderr);
    assert.match(stderr, /: small has [\d.]+ [KM]B free, and [\d.]+ MB are needed\nhint: make room for /);
    assert.deepEqual(await Array.fromAsync(Deno.readDir(work.path("small"))), []);
    assert.equal((await work.run(["download", "oci:./box:big", "small/copy", "--only", "small"])).code, 0);
  },
);

Deno.test("of a file with another time alone, the hint says what settles whether it differs", async () => {
  await using work = await makeWorkplace();
  await makeBoth(work);
  assert.equal((await work.run(["upload", "photos", "oci:./box:p"])).code, 0);
  const [name] = Array.from(Deno.readDirSync(work.path("photos")), (entry) => entry.name);
  await Deno.utime(work.path(`photos/${name}`), 1e9, 1e9);
  const { code, stderr } = await work.run(["download", "oci:./box:p", "photos"]);
  assert.deepEqual([code, stderr], [
    6,
    `layerstash: cannot download p to photos: photos/${name} has another time than what was stored\n` +
    "hint: compare contents with --checksum, or replace what differs with --overwrite\n",
  ]);
  assert.equal((await work.run(["download", "oci:./box:p", "photos", "--checksum"])).code, 0);
  assert.equal(
    (await work.run(["download", "oci:./box:p", "photos"])).code,
    0,
    "the times are as stored again",
  );
});

Deno.test(
  "what the system says of a path is told in plain words, with the path",
  onPosix("links"),
  async () => {
    await using work = await makeWorkplace();
    await makeBoth(work);
    await work.run(["upload", "photos", "oci:./box:p"]);
    await Deno.symlink("loop", work.path("loop"));
    const long = "l".repeat(300);
    const circle = "a symbolic link is in the way, or links lead in a circle";
    const tooLong = "the name or the path is too long for the system";
    for (
      const [args, why] of [
        [["verify", "oci:./box:p", "loop/x"], `loop/x cannot be read: ${circle}`],
        [
          ["verify", "oci:./box:p", "plain/x"],
          "plain/x cannot be read: a part of this path is a file, not a directory",
        ],
        [["download", "oci:./box:p", "loop"], `loop cannot be read: ${circle}`],
        [["download", "oci:./box:p", long], `${long} cannot be read: ${tooLong}`],
        [["extract", "oci:./box:p", "/", "-o", "loop/x"], `loop/x cannot be written: ${circle}`],
        [["extract", "oci:./box:p", "/", "-o", long], `${long} cannot be written: ${tooLong}`],
        [["list", "oci:./loop"], `loop/index.json cannot be read: ${circle}`],
      ] as const
    ) {
      const { code, stderr } = await work.run([...args]);
      assert.equal(code, 1, stderr);
      assert.equal(stderr.split(": ").slice(2).join(": ").replace(/\nhint: [^]*/, "").trimEnd(), why);
    }
  },
);

Deno.test("a link to a directory is followed where it is named, and stays", onPosix("links"), async () => {
  await using work = await makeWorkplace();
  await makeBoth(work);
  assert.equal((await work.run(["upload", "photos", "oci:./box:p"])).code, 0);
  await Deno.mkdir(work.path("far/photos"), { recursive: true });
  await Deno.symlink("far/photos", work.path("link"));
  for (const written of [1, 0]) {
    const { code, stderr } = await work.run(["download", "oci:./box:p", "link"]);
    assert.equal(code, 0, stderr);
    assert.match(stderr, new RegExp(`^layerstash: link: ${written} files? written, `));
  }
  assert.ok((await Deno.lstat(work.path("link"))).isSymlink);
  for (const command of ["verify", "diff"]) {
    assert.equal((await work.run([command, "oci:./box:p", "link"])).code, 0, command);
  }
  assert.equal(await Deno.readTextFile(work.path("far/photos/one.txt")), "one");
  await Deno.remove(work.path("far"), { recursive: true });
  const { code, stderr } = await work.run(["download", "oci:./box:p", "link"]);
  assert.deepEqual([code, stderr], [
    3,
    "layerstash: cannot download p to link: link is a link to far/photos, which does not exist\n",
  ]);
});

Deno.test("a directory in which nothing can be made is named", onLinux("/proc"), async () => {
  await using work = await makeWorkplace();
  await makeBoth(work);
  await work.run(["upload", "photos", "oci:./box:p"]);
  for (
    const [args, where] of [
      [["upload", "photos", "oci:/proc/x:p"], "/proc"],
      [["upload", "plain", "oci:/proc/x:p"], "/proc"],
      [["save", "oci:./box:p", "-o", "/proc/x"], "/proc"],
      [["extract", "oci:./box:p", "/", "-o", "/proc"], "/proc"],
    ] as const
  ) {
    const { code, stderr } = await work.run([...args]);
    assert.equal(code, 4, stderr);
    assert.match(stderr, new RegExp(`: nothing can be made in ${where}\n`), args.join(" "));
  }
});

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
