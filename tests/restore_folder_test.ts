/** Folders come back through the program after a kill, a full disk and other mishaps, and onto what is there. @module */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { uploadFolder } from "../lib/exports/folders.ts";
import { openStore } from "../main.ts";
import { makeWorkplace, type Workplace } from "./rigs/command_line.ts";
import { startCountingProxy } from "./rigs/counting_proxy.ts";
import { someBytes } from "./rigs/content.ts";
import { ensureTool } from "./rigs/debian.ts";
import { startFakeRegistry } from "./rigs/fake_registry.ts";
import { gzip, putImage } from "./rigs/images.ts";
import { mountSmallDisk, withSmallDisk } from "./rigs/small_disk.ts";
import { onLinux, onPosix } from "./rigs/system.ts";
import { tarOf } from "./rigs/tar.ts";

const UNIX = onPosix("processes that are killed");
const LINUX = onLinux("links and modes as Linux has them");
const MiB = 1024 * 1024;
/** What a connection may fetch again, in bytes: a segment, and what the buffers of sockets hold, which grow on a busy machine. */
const UNDER_WAY = 12 * MiB;
const CONNECTIONS = 2;

/** Bytes that nothing compresses, other ones for each seed. */
function randomBytes(size: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size; at += 65536) crypto.getRandomValues(bytes.subarray(at, at + 65536));
  return bytes;
}

/** Fills a directory with a large file and many small ones; returns how many bytes they have. */
async function makeMixedFolder(directory: string, { large, small }: { large: number; small: number }) {
  await Deno.mkdir(`${directory}/many`, { recursive: true });
  await Deno.writeFile(`${directory}/large`, randomBytes(large));
  for (let index = 0; index < small; index++) {
    await Deno.writeFile(`${directory}/many/${index}`, randomBytes(20_000));
  }
  return large + small * 20_000;
}

async function requireSame(place: Workplace, one: string, other: string): Promise<void> {
  const { success, stdout } = await new Deno.Command("diff", {
    args: ["-r", "--no-dereference", place.path(one), place.path(other)],
  }).output();
  assert.ok(success, new TextDecoder().decode(stdout).slice(0, 1000));
}

for (const target of ["a new directory", "a directory that exists"]) {
  Deno.test(`a download of a folder into ${target} that is killed fetches only the rest`, UNIX, async () => {
    await using place = await makeWorkplace();
    await using fake = await startFakeRegistry();
    await using proxy = startCountingProxy(fake);
    const size = await makeMixedFolder(place.path("in"), { large: 60 * MiB, small: 1000 });
    {
      using store = openStore({ registry: fake.url, repository: "me/files" });
      await uploadFolder(store, "t", { directory: place.path("in"), stateDirectory: place.path("state") });
    }
    const isNew = target === "a new directory";
    if (!isNew) {
      await Deno.mkdir(place.path("out/many"), { recursive: true });
      await Deno.writeTextFile(place.path("out/large"), "old");
      await Deno.writeTextFile(place.path("out/many/7"), "old");
    }
    const args = ["download", `${proxy.host}/me/files:t`, "out", "--overwrite", "--jobs", `${CONNECTIONS}`];
    const child = place.start(args);
    proxy.when(0.7 * size, () => child.kill("SIGKILL"));
    assert.notEqual((await child.output()).code, 0, "it had ended before it was to be killed");
    if (isNew) await assert.rejects(Deno.lstat(place.path("out")), Deno.errors.NotFound);
    else assert.equal(await Deno.readTextFile(place.path("out/large")), "old");
    const again = await place.run(args);
    assert.equal(again.code, 0, again.stderr);
    assert.match(again.stderr, /; \d[\d.]* MB did not have to be fetched\n$/);
    const more = proxy.passed.down - size;
    assert.ok(more < Math.max(0.05 * size, CONNECTIONS * UNDER_WAY), `${more} of ${size} bytes more`);
    await requireSame(place, "in", "out");
    assert.deepEqual(Array.from(Deno.readDirSync(place.path(".")), ({ name }) => name).sort(), [
      "in",
      "out",
      "state",
    ]);
  });
}

Deno.test("a full disk is named, and when there is room the download goes on", withSmallDisk, async () => {
  await using place = await makeWorkplace();
  await Deno.mkdir(place.path("in"));
  for (const name of ["one", "two"]) { // they take less room packed, so that the lack is not seen before
    await Deno.writeTextFile(place.path(`in/${name}`), `${name} is a line of many\n`.repeat(700_000));
  }
  const box = `oci:${place.path("box")}/me/files:t`;
  const stored = await place.run(["upload", "in", box, "--state-dir", place.path("state")]);
  assert.equal(stored.code, 0, stored.stderr);
  await using disk = await mountSmallDisk(place.path("disk"), "18m");
  const args = ["download", box, "disk/out"];
  const { code, stderr } = await place.run(args);
  assert.equal(code, 1, stderr);
  assert.match(
    stderr,
    /no space is left on the disk for disk\/.*\nhint: make room(; .* go on with: .*| and run the same command again)\n$/,
  );
  await assert.rejects(Deno.lstat(place.path("disk/out")), Deno.errors.NotFound);
  await disk.remount("size=60m");
  const again = await place.run(args);
  assert.equal(again.code, 0, again.stderr);
  await requireSame(place, "in", "disk/out");
});

Deno.test("a disk that is full in the middle of a large file is named", withSmallDisk, async () => {
  await using place = await makeWorkplace();
  await Deno.mkdir(place.path("in"));
  await Deno.writeFile(place.path("in/large"), someBytes(12_000_000));
  await Deno.writeTextFile(place.path("in/lines"), "a line of many\n".repeat(600_000));
  const box = `oci:${place.path("box")}/me/files:t`;
  assert.equal((await place.run(["upload", "in", box])).code, 0);
  await using _disk = await mountSmallDisk(place.path("disk"), "14m");
  const { code, stderr } = await place.run(["download", box, "disk/out"]);
  assert.equal(code, 1, stderr);
  assert.match(
    stderr,
    /no space is left on the disk for disk\/\S*\nhint: make room(; .* go on with: .*| and run the same command again)\n$/,
  );
});

/** Takes from root what it may do beyond other users: to use what modes forbid, and what others own. */
const PLAIN = ["setpriv", "--bounding-set=-dac_override,-dac_read_search,-fowner,-chown", "--inh-caps=-all"];
const AS_ROOT = { ignore: LINUX.ignore || Deno.uid() !== 0 || !await ensureTool("python3", "python3") };

async function run(program: string, ...args: string[]): Promise<void> {
  const { success } = await new Deno.Command(program, { args }).output();
  assert.ok(success, `${program} ${args.join(" ")}`);
}

Deno.test(
  "whoever may not write what a folder forbids gets it back, also after a kill",
  AS_ROOT,
  async () => {
    await using place = await makeWorkplace();
    await Deno.mkdir(place.path("in/locked"), { recursive: true });
    await Deno.writeFile(place.path("in/locked/large"), randomBytes(9 * MiB), { mode: 0o444 });
    await Deno.writeFile(place.path("in/locked/middle"), randomBytes(100_000), { mode: 0o400 });
    await Deno.writeTextFile(place.path("in/small"), "small");
    await Deno.symlink("small", place.path("in/link"));
    await run("python3", "-c", `import os; os.setxattr("${place.path("in/small")}", "user.kind", b"small")`);
    await Deno.chmod(place.path("in/small"), 0o444);
    await Deno.chmod(place.path("in/locked"), 0o555);
    await Deno.chmod(place.path("in"), 0o555);
    assert.equal((await place.run(["upload", "in", "oci:box:t"])).code, 0);
    const download = ["download", "oci:box:t", "out"];
    const first = await place.run(download, { under: PLAIN });
    assert.equal(first.code, 0, first.stderr);
    await requireSame(place, "in", "out");
    assert.equal(Deno.statSync(place.path("out")).mode! & 0o777, 0o555);

    const uploaded = await Deno.readTextFile(place.path("box/index.json"));
    const state = JSON.stringify([JSON.parse(uploaded).manifests[0].digest, []]);
    for (const what of [state, "of another state"]) {
      const hidden = place.path(".again.layerstash-part"); // what a run leaves that is killed at its end
      await Deno.mkdir(hidden, { mode: 0o700 });
      await run("cp", "-a", place.path("in"), `${hidden}/tree`);
      await Deno.writeTextFile(`${hidden}/state`, what);
      const again = await place.run([...download.slice(0, 2), "again"], { under: PLAIN });
      assert.equal(again.code, 0, again.stderr);
      await requireSame(place, "in", "again");
      await Deno.remove(place.path("again"), { recursive: true });
    }
  },
);

Deno.test("a hidden place that somebody else has made is not used", AS_ROOT, async () => {
  await using place = await makeWorkplace();
  await Deno.mkdir(place.path("in"));
  await Deno.writeTextFile(place.path("in/a"), "a");
  await Deno.mkdir(place.path("elsewhere"));
  assert.equal((await place.run(["upload", "in", "oci:box:t"])).code, 0);
  const hidden = place.path(".out.layerstash-part");
  const ways = [
    () => Deno.mkdir(`${hidden}/tree`, { recursive: true }).then(() => Deno.chown(hidden, 65534, 65534)),
    () => Deno.mkdir(`${hidden}/tree`, { recursive: true }).then(() => Deno.chmod(hidden, 0o777)),
    () => Deno.symlink(place.path("elsewhere"), hidden),
  ];
  for (const make of ways) {
    await make();
    const { code, stderr } = await place.run(["download", "oci:box:t", "out"]);
    assert.match(stderr, /out\.layerstash-part is not a directory of yours alone\nhint: /);
    assert.equal(code, 6);
    await run("rm", "-r", hidden);
  }
  assert.deepEqual([...Deno.readDirSync(place.path("elsewhere"))], []);
});

Deno.test("with --checksum contents count, and times that are the same hide nothing", LINUX, async () => {
  await using place = await makeWorkplace();
  await Deno.mkdir(place.path("in/a"), { recursive: true });
  await Deno.writeTextFile(place.path("in/a/changed"), "as stored");
  await Deno.writeTextFile(place.path("in/touched"), "the same");
  await Deno.writeFile(place.path("in/large"), randomBytes(5 * MiB)); // its layer has a table of contents
  for (const name of ["a/changed", "touched", "large"]) {
    await Deno.utime(place.path(`in/${name}`), 1_600_000_000, 1_600_000_000);
  }
  const box = `oci:${place.path("box")}/me/files:t`;
  const store = await place.run(["upload", "in", box, "--state-dir", place.path("state")]);
  assert.equal(store.code, 0, store.stderr);
  await new Deno.Command("cp", { args: ["-a", place.path("in"), place.path("out")] }).output();
  await Deno.writeTextFile(place.path("out/a/changed"), "AS STORED");
  await Deno.utime(place.path("out/a/changed"), 1_600_000_000, 1_600_000_000);
  await Deno.utime(place.path("out/touched"), 1_500_000_000, 1_500_000_000);
  using large = await Deno.open(place.path("out/large"), { write: true });
  await large.seek(4 * MiB + 7, Deno.SeekMode.Start);
  await large.write(new TextEncoder().encode("other"));
  await Deno.utime(place.path("out/large"), 1_600_000_000, 1_600_000_000);
  const refused = await place.run(["download", box, "out", "--checksum"]);
  assert.equal(refused.code, 6, refused.stderr);
  assert.match(refused.stderr, /is not what was stored/);
  const { code, stderr } = await place.run(["download", box, "out", "--checksum", "--overwrite"]);
  assert.equal(code, 0, stderr);
  assert.match(stderr, /2 files written/);
  await requireSame(place, "in", "out");
  assert.equal(Deno.statSync(place.path("out/touched")).mtime?.getTime(), 1_600_000_000_000);
});

Deno.test("what differs in kind is replaced with --overwrite, and no link is followed", LINUX, async () => {
  await using place = await makeWorkplace();
  await Deno.mkdir(place.path("in/was-link"), { recursive: true });
  await Deno.mkdir(place.path("in/was-file"));
  await Deno.writeTextFile(place.path("in/was-link/x"), "x");
  await Deno.writeTextFile(place.path("in/was-file/y"), "y");
  await Deno.writeTextFile(place.path("in/was-directory"), "z");
  await Deno.symlink("was-directory", place.path("in/link"));
  await Deno.mkdir(place.path("outside"));
  await Deno.writeTextFile(place.path("outside/x"), "x");
  await Deno.mkdir(place.path("out/was-directory/deep"), { recursive: true });
  await Deno.writeTextFile(place.path("out/was-file"), "file");
  await Deno.writeTextFile(place.path("out/link"), "file");
  await Deno.symlink(place.path("outside"), place.path("out/was-link"));
  await Deno.symlink(place.path("outside"), place.path("out/more"));
  for (const name of ["in/was-link/x", "outside/x"]) {
    await Deno.utime(place.path(name), 1_600_000_000, 1_600_000_000);
  }
  const box = `oci:${place.path("box")}/me/files:t`;
  const stored = await place.run(["upload", "in", box, "--state-dir", place.path("state")]);
  assert.equal(stored.code, 0, stored.stderr);
  const kept = await place.run(["download", box, "out", "--overwrite"]);
  assert.equal(kept.code, 6, kept.stderr);
  assert.match(kept.stderr, /was-directory is a directory with files in it.*\nhint: --delete removes/);
  const { code, stderr } = await place.run(["download", box, "out", "--overwrite", "--delete"]);
  assert.equal(code, 0, stderr);
  await requireSame(place, "in", "out");
  assert.equal(await Deno.readTextFile(place.path("outside/x")), "x");
  assert.deepEqual(Array.from(Deno.readDirSync(place.path("outside")), ({ name }) => name), ["x"]);
});

Deno.test(
  "--delete removes a directory with pipes in it, and what cannot be removed is named",
  AS_ROOT,
  async () => {
    await using place = await makeWorkplace();
    await Deno.mkdir(place.path("in"));
    await Deno.writeTextFile(place.path("in/a"), "a");
    await Deno.writeTextFile(place.path("in/was-directory"), "b");
    assert.equal((await place.run(["upload", "in", "oci:box:t"])).code, 0);
    await Deno.mkdir(place.path("out/was-directory/deep"), { recursive: true });
    await Deno.mkdir(place.path("out/more"));
    for (const pipe of ["out/more/pipe", "out/was-directory/deep/pipe"]) {
      await run("mkfifo", place.path(pipe));
    }
    const download = ["download", "oci:box:t", "out", "--overwrite", "--delete"];
    const { code, stderr } = await place.run(download);
    assert.equal(code, 0, stderr);
    await requireSame(place, "in", "out");

    await Deno.mkdir(place.path("out/locked"));
    await Deno.writeTextFile(place.path("out/locked/file"), "");
    await Deno.chmod(place.path("out/locked"), 0o555);
    const locked = await place.run(download, { under: PLAIN });
    assert.match(locked.stderr, /out\/locked\/file cannot be removed: permission denied/);
  },
);

Deno.test("a thread that cannot be started ends a download of more than its threads", LINUX, async () => {
  await using place = await makeWorkplace();
  await Deno.mkdir(place.path("in"));
  for (let index = 0; index < 10; index++) await place.write(`in/${index}`, randomBytes(5 * MiB));
  const at = { registry: `oci:${place.path("box")}`, repository: "me/files" };
  {
    using store = openStore(at);
    await uploadFolder(store, "t", { directory: place.path("in") });
  }
  const lib = new URL("../", import.meta.url);
  await place.write(
    "program.ts",
    `import { openStore } from "${lib}main.ts";
    import { downloadFolder } from "${lib}lib/exports/folders.ts";
    using store = openStore(${JSON.stringify(at)});
    await downloadFolder(store, "t", { directory: "${place.path("out")}", jobs: 8 });`,
  );
  const allowed = ["--no-prompt", `--allow-read=${place.directory}`, "--allow-write", "--allow-env"];
  const config = `--config=${fileURLToPath(new URL("deno.json", lib))}`;
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-check", config, ...allowed, "--allow-sys", "--allow-net", place.path("program.ts")],
  }).output();
  assert.ok(!success);
  assert.match(new TextDecoder().decode(stderr), /NotAllowedError: the unpacking thread may not be started/);
});

Deno.test("an image that is not a folder is no folder, and that is said plainly", async () => {
  await using place = await makeWorkplace();
  using store = openStore({ registry: `oci:${place.path("box")}`, repository: "me/files" });
  await putImage(store, "plain", [{ bytes: await gzip(tarOf([{ name: "etc/passwd", content: "root" }])) }]);
  const { code, stderr } = await place.run(["download", `oci:${place.path("box")}/me/files:plain`, "out"]);
  assert.notEqual(code, 0);
  assert.match(stderr, /plain/);
  assert.match(stderr, /extract/);
  await assert.rejects(Deno.lstat(place.path("out")), Deno.errors.NotFound);
});

/** Runs lines of Python in a place, and gives what they print. */
async function python(place: Workplace, lines: string): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command("python3", {
    args: ["-c", `import os\n${lines}`],
    cwd: place.directory,
  }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout).trim();
}

Deno.test("attributes of users come back, capabilities only with the owners", AS_ROOT, async () => {
  await using place = await makeWorkplace();
  await Deno.mkdir(place.path("in"));
  await Deno.writeTextFile(place.path("in/tool"), "tool");
  const capability = "bytes.fromhex('0100000200200000000000000000000000000000')";
  await python(
    place,
    `os.setxattr("in/tool", "user.title", b"a day\\0")\nos.setxattr("in", "user.of", b"x")\n` +
      `os.setxattr("in/tool", "security.capability", ${capability})`,
  );
  const box = `oci:${place.path("box")}/me/files:t`;
  const stored = await place.run(["upload", "in", box, "--state-dir", place.path("state")]);
  assert.equal(stored.code, 0, stored.stderr);
  const list = (name: string) =>
    python(place, `print(sorted(os.listxattr("${name}/tool")), os.getxattr("${name}", "user.of"))`);
  const plain = await place.run(["download", box, "plain"]);
  assert.match(plain.stderr, /not restored: 1 extended attribute that only root may set/);
  assert.equal(await list("plain"), "['user.title'] b'x'");
  const owned = await place.run(["download", box, "owned", "--same-owner"]);
  assert.equal(owned.code, 0, owned.stderr);
  assert.equal(await list("owned"), "['security.capability', 'user.title'] b'x'");
});

Deno.test("owners come back where they were kept, and count in no other folder", AS_ROOT, async () => {
  await using place = await makeWorkplace();
  await Deno.mkdir(place.path("in/sub"), { recursive: true });
  await Deno.writeTextFile(place.path("in/sub/file"), "content");
  await Deno.writeTextFile(place.path("in/large-number"), "content");
  await Deno.symlink("nowhere", place.path("in/link"));
  const store = async (...options: string[]) => {
    const args = ["upload", "in", "oci:box:t", "--overwrite", "--json", ...options];
    const { code, stdout, stderr } = await place.run(args);
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout.trim().split("\n").at(-1)!);
  };
  const without = await store();
  await run("chown", "1234:5678", place.path("in/sub"), place.path("in/sub/file"));
  await run("chown", "-h", "12:34", place.path("in/link"));
  await run("chown", "3000000:2", place.path("in/large-number")); // more than a field of tar holds
  assert.equal((await store()).digest, without.digest, "owners do not count");
  const kept = await store("--keep-owner");
  assert.notEqual(kept.digest, without.digest);
  assert.equal((await store("--keep-owner")).sent, 0);
  const owners = (name: string) =>
    ["", "/sub", "/sub/file", "/link", "/large-number"].map((path) => {
      const { uid, gid } = Deno.lstatSync(place.path(name + path));
      return `${uid}:${gid}`;
    });
  const wanted = ["0:0", "1234:5678", "1234:5678", "12:34", "3000000:2"];
  for (const [options, expected] of [[["--same-owner"], wanted], [[], wanted.map(() => "0:0")]] as const) {
    const name = `out${options.length}`;
    const { code, stderr } = await place.run(["download", "oci:box:t", name, ...options]);
    assert.equal(code, 0, stderr);
    assert.deepEqual(owners(name), expected);
  }
  const refused = await place.run(["download", "oci:box:t", "not", "--same-owner"], { under: PLAIN });
  assert.equal(refused.code, 4);
  assert.match(
    refused.stderr,
    /: --same-owner needs the rights of root: \S+ cannot be given to [1-9]\d*:\d+\nhint: run it as root, or omit /,
  );
  const later = await place.run(["download", "oci:box:t", "out0", "--same-owner"]);
  assert.match(later.stderr, /^layerstash: out0: 1 file written, /m, "a link is made anew");
  assert.deepEqual(owners("out0"), wanted);
  const again = await place.run(["download", "oci:box:t", "out0", "--same-owner"]);
  assert.match(again.stderr, /^layerstash: out0: 0 files written, 3 were there, /m);
  assert.equal((await place.run(["verify", "oci:box:t", "--deep"])).code, 0);
});
