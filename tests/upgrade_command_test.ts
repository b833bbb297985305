/** `layerstash upgrade` as people use it: what it says, and what it ends with. @module */
import assert from "node:assert/strict";
import { join } from "node:path";
import { installedProgram } from "../lib/cli/commands/installed_program.ts";
import type { LayerstashError } from "../lib/errors.ts";
import { PERMISSIONS } from "../lib/ship/build.ts";
import { makeBundle } from "../lib/ship/bundle.ts";
import { makeServerCertificate } from "./rigs/certificates.ts";
import { makeWorkplace } from "./rigs/command_line.ts";
import { LINUX, makePlace, type Place } from "./rigs/installed_program.ts";
import { startProxy } from "./rigs/proxy.ts";
import { releasedProgram, startReleases } from "./rigs/releases.ts";
import { onPosix } from "./rigs/system.ts";

const RIG = join(import.meta.dirname!, "rigs/upgrade_process.ts");
const CONFIG = join(import.meta.dirname!, "../deno.json");
const NOBODY = 65534;
const SHELL = onPosix("upgrades to programs that are shell scripts");

Deno.test({
  name: "a newer program is put in place, and told",
  ...SHELL,
  async fn() {
    await using place = await makePlace();
    assert.deepEqual(await run(place, []), {
      code: 0,
      stdout: "",
      stderr: "layerstash: version 1.1.0 is running, and 1.2.3 is the latest release\n" +
        `layerstash: version 1.2.3 is installed: ${place.program}\n`,
    });
    const { stdout } = await new Deno.Command(place.program, { args: ["--version"] }).output();
    assert.equal(new TextDecoder().decode(stdout), "layerstash v1.2.3\n");
  },
});

Deno.test("what is not older than the latest release stays", async () => {
  const said = {
    "1.2.3": "version 1.2.3 is running: it is the latest release",
    "1.3.0-rc.1": "version 1.3.0-rc.1 is running: it is newer than the latest release, 1.2.3",
  };
  for (const [version, text] of Object.entries(said)) {
    await using place = await makePlace();
    assert.deepEqual(await run(place, [], { version }), {
      code: 0,
      stdout: "",
      stderr: `layerstash: ${text}\n`,
    });
    await place.assertUnchanged();
  }
});

Deno.test("a pre-release is older than its release", async () => {
  await using place = await makePlace();
  const { stdout } = await run(place, ["--check", "--json"], { version: "1.2.3-rc.1" });
  assert.equal(JSON.parse(stdout).newer, true);
});

Deno.test("--check tells on standard output whether there is a newer one, and changes nothing", async () => {
  await using place = await makePlace();
  const newer = await run(place, ["--check"]);
  assert.deepEqual([newer.code, newer.stderr], [0, ""]);
  assert.equal(newer.stdout, "version 1.1.0 is running, and 1.2.3 is the latest release\n");
  const none = await run(place, ["--check"], { version: "1.2.3" });
  assert.deepEqual([none.code, none.stdout], [
    0,
    "version 1.2.3 is running: it is the latest release\n",
  ]);
  await place.assertUnchanged();
  assert.deepEqual(place.asked, Array(2).fill("GET /latest/download/SHA256SUMS"));
});

Deno.test({
  name: "--json tells what runs, what there is, and what is installed",
  ...SHELL,
  async fn() {
    await using place = await makePlace();
    const json = async (args: string[]) => JSON.parse((await run(place, ["--json", ...args])).stdout);
    const found = { current: "1.1.0", latest: "1.2.3", newer: true };
    assert.deepEqual(await json(["--check"]), found);
    assert.deepEqual(await json([]), { ...found, installed: "1.2.3" });
    assert.deepEqual(await json(["1.0.0"]), { current: "1.1.0", newer: false, installed: "1.0.0" });
  },
});

Deno.test({
  name: "a version that is named is put in place, an older one too",
  ...SHELL,
  async fn() {
    for (const version of ["1.0.0", "v1.0.0"]) {
      await using place = await makePlace();
      const { code, stderr } = await run(place, [version]);
      assert.equal(code, 0, stderr);
      assert.match(
        stderr,
        /^layerstash: version 1\.1\.0 is running\nlayerstash: version 1\.0\.0 is installed: /,
      );
      assert.equal(await place.content(), releasedProgram("1.0.0", LINUX));
    }
  },
});

Deno.test("the version that runs is not fetched again", async () => {
  await using place = await makePlace();
  const { code, stderr } = await run(place, ["1.2.3"], { version: "1.2.3" });
  assert.deepEqual([code, stderr], [0, "layerstash: version 1.2.3 is running\n"]);
  await place.assertUnchanged();
});

const REFUSED: readonly [args: string[], code: number, stderr: RegExp][] = [
  [
    ["9.9.9"],
    3,
    /^layerstash: cannot change to version 9\.9\.9: .* does not have the checksums of the release 9\.9\.9\nhint: see the list of releases: https:.*\n$/,
  ],
  [
    ["latest"],
    2,
    /^layerstash: cannot change to version latest: "latest" is not a version\nhint: versions are such as 1\.2\.3\n$/,
  ],
  [
    ["../1.2.3"],
    2,
    /^layerstash: cannot change to version \.\.\/1\.2\.3: "\.\.\/1\.2\.3" is not a version\n/,
  ],
  [["--check", "1.2.3"], 2, /: --check asks for the latest release\nhint: omit the version\n$/],
];

for (const [args, code, stderr] of REFUSED) {
  Deno.test(`upgrade ${args.join(" ")} ends with exit code ${code}`, async () => {
    await using place = await makePlace();
    const ended = await run(place, args);
    assert.deepEqual([ended.code, ended.stdout], [code, ""], ended.stderr);
    assert.match(ended.stderr, stderr);
    await place.assertUnchanged();
  });
}

Deno.test("bytes that do not match end with exit code 5", async () => {
  await using place = await makePlace({
    answer: async ({ request, isProgram }, usual) => {
      const answer = usual();
      if (!isProgram || request.method === "HEAD") return answer;
      return new Response((await answer.text()).replace("exit 0", "exit 9"), answer);
    },
  });
  const { code, stderr } = await run(place, []);
  assert.equal(code, 5);
  assert.match(
    stderr,
    /\nlayerstash: cannot upgrade: layerstash-1\.2\.3-\S+ has the checksum sha256:\S+, but should have \S+\n$/,
  );
  await place.assertUnchanged();
});

Deno.test("an address that is not of https ends with exit code 2", async () => {
  await using place = await makePlace();
  const { code, stderr } = await run(place, [], {
    env: { LAYERSTASH_RELEASES: "http://example.com/releases" },
  });
  assert.equal(code, 2);
  assert.match(
    stderr,
    /^layerstash: cannot upgrade: the address of the releases .*\nhint: set LAYERSTASH_RELEASES to an https:/,
  );
});

Deno.test({
  name: "a directory that may not be written ends with exit code 4 before anything is fetched",
  ...SHELL,
  async fn() {
    await using place = await makePlace();
    await Deno.chmod(`${place.directory}/bin`, 0o555);
    await Deno.chmod(place.directory, 0o755);
    const { code, stderr } = await runAsNobody(place);
    assert.equal(code, 4, stderr);
    assert.match(
      stderr,
      /\nlayerstash: cannot upgrade: \S+\/bin cannot be written: permission denied\nhint: run it as the user who installed it, or with sudo/,
    );
    assert.deepEqual(place.asked, ["GET /latest/download/SHA256SUMS"]);
    await place.assertUnchanged();
    await Deno.chmod(`${place.directory}/bin`, 0o755);
  },
});

Deno.test({
  name: "Ctrl-C ends it with exit code 130, and nothing is left",
  ...SHELL,
  async fn() {
    const underWay = Promise.withResolvers<void>();
    await using place = await makePlace({
      answer({ request, isProgram }, usual) {
        if (!isProgram || request.method === "HEAD") return usual();
        const body = new ReadableStream({
          start(controller) {
            controller.enqueue(new Uint8Array(1000));
            underWay.resolve();
          },
        });
        return new Response(body);
      },
    });
    const child = start(place, []);
    await underWay.promise;
    assert.ok(place.names().some((name) => name.startsWith(".layerstash-")));
    child.kill("SIGINT");
    const { code, stderr } = await ended(child);
    assert.equal(code, 130, stderr);
    assert.match(stderr, /\nlayerstash: cannot upgrade: interrupted\n$/);
    await place.assertUnchanged();
  },
});

Deno.test({
  name: "--log-level debug tells each request, without its query",
  ...SHELL,
  async fn() {
    await using releases = startReleases();
    await using place = await makePlace({
      answer: ({ path }) => Response.redirect(`${releases.url}${path}?signature=secret`, 302),
    });
    const { code, stderr } = await run(place, ["--log-level", "debug"]);
    assert.equal(code, 0, stderr);
    assert.equal(
      stderr.match(/^layerstash: (GET|HEAD) http:\/\/127\.0\.0\.1:\d+\/\S+: (302|200), \d+ ms$/gm)?.length,
      6,
    );
    assert.ok(!stderr.includes("secret"));
  },
});

Deno.test({
  name: "a proxy is gone through, and --ca-file trusts an authority",
  ...SHELL,
  async fn() {
    await using work = await makeWorkplace();
    const { certificatePem: cert, keyPem: key, caPath } = await makeServerCertificate(work.directory);
    await using proxy = await startProxy();
    await using place = await makePlace({ tls: { cert, key } });
    const url = place.releases.url.replace("127.0.0.1", "registry.test");
    const env = { LAYERSTASH_RELEASES: url, HTTPS_PROXY: proxy.url };
    const { code, stderr } = await run(place, ["--ca-file", caPath], { env });
    assert.equal(code, 0, stderr);
    assert.deepEqual([...new Set(proxy.asked)], [`CONNECT ${new URL(url).host}`]);
  },
});

Deno.test("what Deno runs is not upgraded: it is told how to, and nothing is asked", async () => {
  await using releases = startReleases();
  const main = join(import.meta.dirname!, "../main.ts");
  for (const args of [["upgrade"], ["upgrade", "--check"]]) {
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--frozen", main, ...args],
      env: { LAYERSTASH_RELEASES: releases.url, NO_COLOR: "1" },
    });
    const { code, stdout, stderr } = await child.output();
    assert.deepEqual([code, stdout.length], [2, 0]);
    assert.match(
      new TextDecoder().decode(stderr),
      /^layerstash: cannot upgrade: this is not an installed program, but a checkout in (\S+), run by Deno\nhint: fetch the newest with: git -C \1 pull\n$/,
    );
  }
  assert.deepEqual(releases.asked, []);
});

Deno.test("the bundle tells where the newest one is", async () => {
  await using work = await makeWorkplace();
  const bundle = await makeBundle(work.path("layerstash.js"));
  const child = new Deno.Command(Deno.execPath(), { args: ["run", "-A", "--no-config", bundle, "upgrade"] });
  const { code, stderr } = await child.output();
  assert.equal(code, 2);
  assert.equal(
    new TextDecoder().decode(stderr),
    `layerstash: cannot upgrade: this is not an installed program, but the bundle ${bundle}, run by Deno\n` +
      "hint: download the newest: https://github.com/layerstash/layerstash/releases/latest/download/layerstash.js\n",
  );
});

Deno.test("the package tells how Deno fetches the newest", () => {
  const source = "https://jsr.io/@layerstash/cli/0.1.0/lib/cli/commands/installed_program.ts";
  assert.throws(() => installedProgram({ standalone: false, source }), (error: LayerstashError) => {
    assert.match(
      error.message,
      /^this is not an installed program, but the package of jsr\.io, run by Deno$/,
    );
    assert.match(
      error.hint!,
      /deno run --no-config -A -r jsr:@layerstash\/cli .* deno install -g -A -f -r jsr:@layerstash\/cli$/,
    );
    return true;
  });
});

Deno.test("an installed program is the one that runs", async () => {
  const { version } = JSON.parse(await Deno.readTextFile(CONFIG));
  assert.deepEqual(installedProgram({ standalone: true, source: import.meta.url }), {
    program: Deno.execPath(),
    version,
    target: Deno.build.target,
  });
});

interface RunOptions {
  /** The version of the program that runs. */
  version?: string;
  env?: Record<string, string>;
}

type Ended = { code: number; stdout: string; stderr: string };

async function run(place: Place, args: string[], options: RunOptions = {}): Promise<Ended> {
  return await ended(start(place, args, options));
}

function start(place: Place, args: string[], { version = "1.1.0", env }: RunOptions = {}): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", ...PERMISSIONS, "--no-prompt", "--frozen", RIG, place.program, version, LINUX, ...args],
    env: { LAYERSTASH_RELEASES: place.releases.url, DENO_NO_UPDATE_CHECK: "1", ...env },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

/** The same by another user, where this one may write everywhere: with all in one file, which anybody can read. */
async function runAsNobody(place: Place): Promise<Ended> {
  const bundle = `${place.directory}/upgrade.js`;
  const bundling = new Deno.Command(Deno.execPath(), {
    args: ["bundle", "--quiet", "--frozen", "--platform", "deno", RIG, "--output", bundle],
  });
  assert.ok((await bundling.output()).success);
  const under = Deno.uid() === 0
    ? ["setpriv", `--reuid=${NOBODY}`, `--regid=${NOBODY}`, "--clear-groups"]
    : [];
  const deno = [await Deno.realPath(Deno.execPath()), "run", "-A", "--no-config", "--no-remote", bundle];
  const [command, ...args] = [...under, ...deno, place.program, "1.1.0", LINUX];
  return await ended(
    new Deno.Command(command!, {
      args,
      clearEnv: true,
      env: { PATH: "/usr/bin:/bin", HOME: "/nonexistent", LAYERSTASH_RELEASES: place.releases.url },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn(),
  );
}

async function ended(child: Deno.ChildProcess): Promise<Ended> {
  const { code, stdout, stderr } = await child.output();
  return { code, stdout: new TextDecoder().decode(stdout), stderr: new TextDecoder().decode(stderr) };
}
