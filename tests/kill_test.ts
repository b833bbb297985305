/** A process that is killed late in a large transfer has lost nearly nothing. @module */
import assert from "node:assert/strict";
import { openImage } from "../lib/exports/images.ts";
import { openStore, upload } from "../main.ts";
import { goProgram } from "./compatibility/go_programs.ts";
import { makeWorkplace, type Workplace } from "./rigs/command_line.ts";
import { someBytes } from "./rigs/content.ts";
import { type CountingProxy, startCountingProxy } from "./rigs/counting_proxy.ts";
import { ensureTool } from "./rigs/debian.ts";
import { startFakeRegistry } from "./rigs/fake_registry.ts";
import { putImage } from "./rigs/images.ts";
import { chooseSize } from "./rigs/long_run.ts";
import { startRegistry } from "./rigs/real_registry.ts";
import { digestOfFile, writeSparseFile } from "./rigs/sparse_file.ts";
import { onPosix } from "./rigs/system.ts";
import { tarOf } from "./rigs/tar.ts";

const MiB = 1024 ** 2;
const GiB = 1024 ** 3;
const UNIX = onPosix("processes that are killed");

/** One chunk; the registry's copy and the part file need room on the disk. */
const SIZES = { short: 300 * MiB, long: 2 * GiB, room: 8 * GiB };

const CONNECTIONS = 4;
/**
 * What a connection may fetch again, in bytes: what is not in the journal yet, and what the buffers of sockets hold, which
 * grow on a busy machine. Without a journal it would be nine tenths of everything.
 */
const UNDER_WAY = 12 * MiB;

const oras = UNIX.ignore ? undefined : await goProgram("oras");

/** What the test found out, in one line. */
function print(line: string): void {
  // deno-lint-ignore no-console -- figures that belong in the test's output
  console.log(line);
}

const commonArgs = (proxy: CountingProxy, place: Workplace) =>
  ["--registry", proxy.host, "-r", "me/files", "-t", "big", "--state-dir", place.path("state")] as const;

/** Runs a command and kills it when so many bytes have passed; then runs it once more, to its end. */
async function killAndRerun(
  place: Workplace,
  { proxy, args, at, signal = "SIGKILL" }: {
    proxy: CountingProxy;
    args: string[];
    at: number;
    signal?: Deno.Signal;
  },
): Promise<{ first: { code: number; stderr: string }; again: { stderr: string }; passed: number }> {
  const before = proxy.passed.up + proxy.passed.down;
  const child = place.start(args);
  proxy.when(before + at, () => child.kill(signal));
  const { code, stderr } = await child.output();
  assert.notEqual(code, 0, "it had ended before it was to be killed");
  const again = await place.run(args);
  assert.equal(again.code, 0, again.stderr);
  const passed = proxy.passed.up + proxy.passed.down - before;
  return { first: { code, stderr: new TextDecoder().decode(stderr) }, again, passed };
}

function tell(
  what: string,
  { passed, size, of = "one chunk" }: { passed: number; size: number; of?: string },
): void {
  const over = ((passed / size - 1) * 100).toFixed(2);
  print(
    `${what} of ${size / MiB} MiB in ${of}, killed at 90 %: ${passed} bytes in both runs, ${over} % over`,
  );
}

/** A download on so many connections: what is under way on each is fetched again, which must not depend on the machine. */
function downloadArgs(proxy: CountingProxy, place: Workplace, output: string): string[] {
  return ["download", ...commonArgs(proxy, place), "-o", output, "--jobs", `${CONNECTIONS}`];
}

/** Kills a download at 90 %, runs it again, and makes sure that it fetches little more than the rest. */
async function requireLittleAgain(
  place: Workplace,
  { what, of, underWay = UNDER_WAY, ...run }: {
    proxy: CountingProxy;
    args: string[];
    size: number;
    what: string;
    of?: string;
    underWay?: number;
  },
): Promise<void> {
  const { size } = run;
  const { passed } = await killAndRerun(place, { ...run, at: 0.9 * size });
  tell(what, { passed, size, ...(of && { of }) });
  const more = passed - size;
  assert.ok(more <= Math.max(0.05 * size, CONNECTIONS * underWay), `${more} bytes more`);
}

Deno.test("an upload that is killed at 90 % sends only the rest, where sessions are kept", UNIX, async () => {
  await using place = await makeWorkplace();
  await using fake = await startFakeRegistry({ discard: true, faults: { locations: "relative" } });
  await using proxy = startCountingProxy(fake);
  const size = await chooseSize(place.directory, SIZES);
  await writeSparseFile(place.path("big.img"), size);
  const args = ["upload", ...commonArgs(proxy, place), "-i", "big.img", "--chunk-size", "3GiB"];
  const { passed } = await killAndRerun(place, { proxy, args, at: 0.9 * size });
  tell("upload", { passed, size });
  assert.ok(passed <= 1.05 * size);
  const digest = await digestOfFile(place.path("big.img"));
  assert.equal(fake.storage.blob("me/files", digest)?.size, size);
});

for (
  const [what, files, at] of [
    ["of one huge file", [300], 0.9],
    ["of several layers", [60, 60, 60, 60, 60, 60], 0.9],
  ] as const
) {
  Deno.test(`an upload of a folder ${what} that is killed sends only the rest`, UNIX, async () => {
    await using place = await makeWorkplace();
    await using fake = await startFakeRegistry({ discard: true, faults: { locations: "relative" } });
    await using proxy = startCountingProxy(fake);
    await Deno.mkdir(place.path("in"));
    for (const [index, size] of files.entries()) await writeNoise(place.path(`in/${index}`), size);
    const size = files.reduce((sum, each) => sum + each, 0) * MiB;
    const args = ["upload", "in", ...commonArgs(proxy, place), "--jobs", "1"];
    const { again, passed } = await killAndRerun(place, { proxy, args, at: at * size });
    tell(`upload of a folder ${what}`, { passed, size, of: "packs" });
    assert.ok(passed <= 1.05 * size);
    const [, sent, layers] = /(\d+) of (\d+) layers sent/.exec(again.stderr)!;
    assert.deepEqual([Number(sent), Number(layers) > 2], [2, files.length > 1]); // the last pack, and the directories
  });
}

/** Writes bytes that no compression makes fewer, so many MiB of them. */
async function writeNoise(path: string, size: number): Promise<void> {
  const bytes = someBytes(MiB);
  await Deno.writeFile(path, ReadableStream.from(Array.from({ length: size }, () => bytes)));
}

Deno.test({
  name: "a download that is killed at 90 % fetches only the rest",
  ignore: UNIX.ignore || !await ensureTool("docker-registry", "docker-registry"),
  async fn() {
    await using place = await makeWorkplace();
    await using registry = await startRegistry();
    await using proxy = startCountingProxy(registry);
    const size = await chooseSize(place.directory, SIZES);
    await writeSparseFile(place.path("big.img"), size);
    {
      using store = openStore({ registry: registry.url, repository: "me/files" });
      await upload(store, "big", { input: place.path("big.img") });
    }
    const digest = await digestOfFile(place.path("big.img"));
    await Deno.remove(place.path("big.img"));
    const args = downloadArgs(proxy, place, "back.img");
    await requireLittleAgain(place, { proxy, args, size, what: "download" });
    assert.equal(await digestOfFile(place.path("back.img")), digest);
  },
});

Deno.test({
  name: "a download of what oras has stored that is killed at 90 % fetches only the rest",
  ignore: UNIX.ignore || !oras || !await ensureTool("docker-registry", "docker-registry"),
  async fn() {
    await using place = await makeWorkplace();
    await using registry = await startRegistry();
    await using proxy = startCountingProxy(registry);
    const size = await chooseSize(place.directory, SIZES);
    const files = { "one.bin": 0.6 * size, "two.bin": 0.4 * size };
    for (const [name, bytes] of Object.entries(files)) await writeSparseFile(place.path(name), bytes, bytes);
    const push = ["push", "--plain-http", `${registry.host}/me/files:big`, ...Object.keys(files)];
    const { success, stderr } = await new Deno.Command(oras!, { args: push, cwd: place.directory }).output();
    assert.ok(success, new TextDecoder().decode(stderr));
    const args = downloadArgs(proxy, place, "back");
    await requireLittleAgain(place, { proxy, args, size, what: "download of an artifact", of: "two files" });
    for (const name of Object.keys(files)) {
      assert.equal(await digestOfFile(place.path(`back/${name}`)), await digestOfFile(place.path(name)));
    }
  },
});

/** Makes a key for the program. Returns the words that encrypt, and those that decrypt. */
async function makeKey(place: Workplace): Promise<{ encrypt: string[]; decrypt: string[] }> {
  const { code, stdout, stderr } = await place.run(["keygen", "key.txt"]);
  assert.equal(code, 0, stderr);
  return { encrypt: ["--encrypt-to", stdout.trim()], decrypt: ["--identity", "key.txt"] };
}

Deno.test(
  "an upload that is killed within an encrypted chunk sends only the rest, and then nothing",
  UNIX,
  async () => {
    await using place = await makeWorkplace();
    await using fake = await startFakeRegistry({ discard: true, faults: { locations: "relative" } });
    await using proxy = startCountingProxy(fake);
    const size = await chooseSize(place.directory, SIZES);
    await writeSparseFile(place.path("big.img"), size);
    const { encrypt } = await makeKey(place);
    const args = ["upload", ...commonArgs(proxy, place), "-i", "big.img", "--chunk-size", "9GiB", ...encrypt];
    const { passed } = await killAndRerun(place, { proxy, args, at: 0.9 * size });
    tell("encrypted upload", { passed, size });
    assert.ok(passed <= 1.05 * size);
    const before = proxy.passed.up;
    const { stderr } = await place.run(args);
    assert.match(stderr, /nothing had to be sent/);
    assert.ok(proxy.passed.up - before < MiB);
  },
);

Deno.test({
  name: "a download that is killed within an encrypted chunk fetches only the rest",
  ignore: UNIX.ignore || !await ensureTool("docker-registry", "docker-registry"),
  async fn() {
    await using place = await makeWorkplace();
    await using registry = await startRegistry();
    await using proxy = startCountingProxy(registry);
    const size = await chooseSize(place.directory, SIZES);
    await writeSparseFile(place.path("big.img"), size);
    const { encrypt, decrypt } = await makeKey(place);
    const there = ["--registry", registry.url, "-r", "me/files", "-t", "big"];
    const stored = await place.run(["upload", ...there, "-i", "big.img", "--chunk-size", "9GiB", ...encrypt]);
    assert.equal(stored.code, 0, stored.stderr);
    const digest = await digestOfFile(place.path("big.img"));
    await Deno.remove(place.path("big.img"));
    const args = [...downloadArgs(proxy, place, "back.img"), ...decrypt];
    const underWay = UNDER_WAY + MiB; // with what is on its way between two records
    await requireLittleAgain(place, { proxy, args, size, what: "encrypted download", underWay });
    assert.equal(await digestOfFile(place.path("back.img")), digest);
  },
});

Deno.test("after Ctrl-C both ways go on, and the message says how", UNIX, async () => {
  await using place = await makeWorkplace();
  await using fake = await startFakeRegistry({ faults: { locations: "relative" } });
  await using proxy = startCountingProxy(fake);
  const size = 200 * MiB;
  await writeSparseFile(place.path("big.img"), size);
  for (
    const args of [
      ["upload", ...commonArgs(proxy, place), "-i", "big.img"],
      ["download", ...commonArgs(proxy, place), "-o", "back.img"],
    ]
  ) {
    const { first, again, passed } = await killAndRerun(place, {
      proxy,
      args,
      at: size / 2,
      signal: "SIGINT",
    });
    assert.equal(first.code, 130);
    assert.match(first.stderr, /interrupted.*\nhint: (stored|fetched) so far: .*; go on with: layerstash /);
    assert.match(again.stderr, /: 210 MB.*; [\d.]+ MB did not have to be (sent|fetched)\n/);
    assert.ok(passed <= 1.25 * size, `${args[0]}: ${passed / size}`);
  }
  assert.equal(await digestOfFile(place.path("back.img")), await digestOfFile(place.path("big.img")));
});

Deno.test("a file that changed between two runs is stored as it is now", UNIX, async () => {
  await using place = await makeWorkplace();
  await using fake = await startFakeRegistry({ discard: true, faults: { locations: "relative" } });
  await using proxy = startCountingProxy(fake);
  await writeSparseFile(place.path("big.img"), 100 * MiB);
  const args = ["upload", ...commonArgs(proxy, place), "-i", "big.img"];
  const child = place.start(args);
  proxy.when(50 * MiB, () => child.kill("SIGKILL"));
  await child.output();
  await writeSparseFile(place.path("big.img"), 100 * MiB, 2);
  const { code, stderr } = await place.run(args);
  assert.equal(code, 0, stderr);
  const digest = await digestOfFile(place.path("big.img"));
  assert.equal(fake.storage.blob("me/files", digest)?.size, 100 * MiB);
});

Deno.test(
  "a second upload of the same stash is told that one is under way, and the first ends well",
  UNIX,
  async () => {
    await using place = await makeWorkplace();
    await using fake = await startFakeRegistry({ discard: true, faults: { locations: "relative" } });
    await using proxy = startCountingProxy(fake);
    await writeSparseFile(place.path("big.img"), 20 * MiB);
    const args = ["upload", ...commonArgs(proxy, place), "-i", "big.img"];
    const second = Promise.withResolvers<{ code: number; stderr: string }>();
    fake.faults.onRequest = async ({ method }) => {
      if (method !== "PATCH") return;
      fake.faults.onRequest = () => {};
      second.resolve(await place.run(args));
    };
    const first = await place.run(args);
    const { code, stderr } = await second.promise;
    assert.equal(first.code, 0, first.stderr);
    assert.equal(code, 6, stderr);
    assert.match(stderr, /another upload of big to 127\.0\.0\.1:\d+\/me\/files is under way on this machine/);
  },
);

Deno.test("an extraction that is killed leaves nothing behind once it is run again", UNIX, async () => {
  await using place = await makeWorkplace();
  await using fake = await startFakeRegistry();
  await using proxy = startCountingProxy(fake);
  const content = someBytes(20 * MiB);
  using opened = openImage(`${fake.url}/me/image:t`);
  await putImage(opened.store, "t", [{ bytes: tarOf([{ name: "big", content }]) }]);
  const args = ["extract", `${proxy.host}/me/image:t`, "/", "-o", "out"];
  await killAndRerun(place, { proxy, args, at: 10 * MiB });
  const names = await Array.fromAsync(Deno.readDir(place.path("out")), ({ name }) => name);
  assert.deepEqual(names, ["big"]);
  assert.deepEqual(await Deno.readFile(place.path("out/big")), content);
});
