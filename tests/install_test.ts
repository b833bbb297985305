/** The installer, against made-up releases on a web server of this machine. @module */
import assert from "node:assert/strict";
import { join } from "node:path";
import { ensureTool } from "./rigs/debian.ts";
import { brokenOff, releasedProgram, type ReleaseRigOptions, startReleases } from "./rigs/releases.ts";
import { onLinux, onPosix } from "./rigs/system.ts";

const SCRIPT = join(import.meta.dirname!, "../install.sh");
const NOBODY = 65534;
const POSIX_ONLY = onPosix("the installer for sh");
const WGET = { ignore: onLinux("the installer with wget").ignore || !await ensureTool("wget", "wget") };
const SHELLCHECK = { ignore: POSIX_ONLY.ignore || !await ensureTool("shellcheck", "shellcheck") };

const TARGETS = [
  ["Linux", "x86_64", "x86_64-unknown-linux-gnu"],
  ["Linux", "amd64", "x86_64-unknown-linux-gnu"],
  ["Linux", "aarch64", "aarch64-unknown-linux-gnu"],
  ["Linux", "arm64", "aarch64-unknown-linux-gnu"],
  ["Darwin", "x86_64", "x86_64-apple-darwin"],
  ["Darwin", "arm64", "aarch64-apple-darwin"],
] as const;

for (const [system, processor, target] of TARGETS) {
  Deno.test(`${system} on ${processor} gets the program for ${target}`, POSIX_ONLY, async () => {
    await using place = await makePlace({ system, processor });
    const { code, stdout, stderr } = await place.install();
    assert.deepEqual([code, stderr], [0, ""]);
    assert.match(stdout, /^layerstash 1\.2\.3 is installed: .*\/bin\/layerstash\n/);
    assert.equal(await Deno.readTextFile(place.program), releasedProgram("1.2.3", target));
    assert.equal((await Deno.stat(place.program)).mode! & 0o777, 0o755);
    assert.deepEqual(await place.left(), ["layerstash"]);
  });
}

const REFUSED = [
  ["Linux", "riscv64", /no program for the processor riscv64/],
  ["FreeBSD", "x86_64", /no program for FreeBSD/],
  ["MINGW64_NT-10.0", "x86_64", /this is Windows: use install\.ps1/],
  ["MSYS_NT-10.0", "x86_64", /use install\.ps1/],
  ["CYGWIN_NT-10.0", "x86_64", /use install\.ps1/],
] as const;

for (const [system, processor, reason] of REFUSED) {
  Deno.test(`${system} on ${processor} is refused`, POSIX_ONLY, async () => {
    await using place = await makePlace({ system, processor });
    await assertRefused(place, reason);
    assert.deepEqual(place.asked, []);
  });
}

Deno.test("a shell that Rosetta translates gets the program for the real processor", POSIX_ONLY, async () => {
  await using place = await makePlace({ system: "Darwin", processor: "x86_64" });
  await place.fake("sysctl", "echo 1");
  assert.equal((await place.install()).code, 0);
  assert.match(await Deno.readTextFile(place.program), /^# aarch64-apple-darwin$/m);
});

Deno.test("a system with musl is refused", POSIX_ONLY, async () => {
  await using place = await makePlace();
  await place.fake("ldd", "echo 'musl libc (x86_64)' >&2; exit 1");
  await assertRefused(place, /needs glibc, and this system has musl/);
});

Deno.test("a version is chosen with and without its v", POSIX_ONLY, async () => {
  for (const version of ["1.0.0", "v1.0.0"]) {
    await using place = await makePlace();
    const { code, stdout } = await place.install({ LAYERSTASH_VERSION: version });
    assert.equal(code, 0);
    assert.match(stdout, /^layerstash 1\.0\.0 is installed/);
  }
});

Deno.test("a version that does not exist is refused", POSIX_ONLY, async () => {
  await using place = await makePlace();
  await assertRefused(place, /could not download .*\/download\/v9\.9\.9\/SHA256SUMS .*404/, {
    LAYERSTASH_VERSION: "9.9.9",
  });
});

Deno.test("a wrong checksum installs nothing, and the old program stays", POSIX_ONLY, async () => {
  await using place = await makePlace({ fault: "other bytes" });
  await Deno.mkdir(place.bin);
  await Deno.writeTextFile(place.program, "the old one");
  const { code, stderr } = await place.install();
  assert.equal(code, 1);
  assert.match(
    stderr,
    /the checksum of \S+ is [0-9a-f]{64}, but should be [0-9a-f]{64}: nothing was installed\n$/,
  );
  assert.equal(await Deno.readTextFile(place.program), "the old one");
  assert.deepEqual(await place.left(), ["layerstash"]);
});

Deno.test("a missing asset, a missing line and a broken download install nothing", POSIX_ONLY, async () => {
  const faults = [
    ["no asset", /could not download .*x86_64-unknown-linux-gnu .*404/],
    ["no line", /the release has no program for x86_64-unknown-linux-gnu/],
    ["broken", /could not download .*x86_64-unknown-linux-gnu /],
    ["page", /the release has no program for/],
  ] as const;
  for (const [fault, reason] of faults) {
    await using place = await makePlace({ fault });
    await assertRefused(place, reason);
  }
});

Deno.test("wget serves where there is no curl", WGET, async () => {
  for (const fault of [undefined, "other bytes", "no asset", "broken"] as const) {
    await using place = await makePlace({ fault, without: "curl" });
    const { code, stderr } = await place.install();
    assert.equal(code, fault ? 1 : 0, stderr);
    assert.deepEqual(await place.left(), fault ? [] : ["layerstash"]);
  }
});

Deno.test("an existing program is replaced, while it runs", POSIX_ONLY, async () => {
  await using place = await makePlace();
  await place.install({ LAYERSTASH_VERSION: "1.0.0" });
  using held = await Deno.open(place.program);
  const before = await Deno.stat(place.program);
  assert.equal((await place.install()).code, 0);
  assert.notEqual((await Deno.stat(place.program)).ino, before.ino);
  assert.equal((await held.stat()).ino, before.ino);
});

Deno.test("a directory that cannot be written is told, and nothing stays behind", POSIX_ONLY, async () => {
  await using place = await makePlace();
  await Deno.writeTextFile(place.bin, "a file");
  const { code, stderr } = await place.install();
  assert.equal(code, 1);
  assert.match(stderr, /cannot create \S+\/bin: set LAYERSTASH_INSTALL_DIR to another directory\n$/);
});

Deno.test({
  name: "a read-only target is told, and nothing stays behind",
  ignore: onLinux("installing without rights").ignore || Deno.uid() !== 0,
  async fn() {
    await using place = await makePlace();
    await Deno.mkdir(place.bin);
    await Deno.chmod(place.bin, 0o555);
    const under = ["setpriv", `--reuid=${NOBODY}`, `--regid=${NOBODY}`, "--clear-groups"];
    const { code, stderr } = await place.install({}, { under });
    assert.equal(code, 1);
    assert.match(stderr, /cannot write to \S+\/bin: set LAYERSTASH_INSTALL_DIR to another directory\n$/);
    assert.deepEqual(await place.left(), []);
  },
});

Deno.test("the line for PATH is told where it is missing, and only there", POSIX_ONLY, async () => {
  await using place = await makePlace();
  assert.match((await place.install()).stdout, /not on your PATH yet.*\n {2}export PATH=".*\/bin:\$PATH"\n$/);
  const { stdout } = await place.install({ PATH: `${place.bin}:${place.path}` });
  assert.equal(stdout, `layerstash 1.2.3 is installed: ${place.program}\n`);
});

Deno.test("--uninstall removes the program, once", POSIX_ONLY, async () => {
  await using place = await makePlace();
  await place.install();
  const first = await place.install({}, { args: ["--uninstall"] });
  assert.deepEqual([first.code, first.stdout], [0, `layerstash was removed: ${place.program}\n`]);
  assert.deepEqual(await place.left(), []);
  const second = await place.install({}, { args: ["--uninstall"] });
  assert.equal(second.code, 1);
  assert.match(second.stderr, /there is no .* to remove/);
});

Deno.test("addresses that are not https are refused", POSIX_ONLY, async () => {
  await using place = await makePlace();
  for (
    const url of [
      "http://example.com/releases",
      "http://127.0.0.1.example.com/",
      "http://127.0.0.1:80@example.com/",
      "ftp://example.com",
    ]
  ) {
    await assertRefused(place, /is not an https address/, { LAYERSTASH_RELEASES: url });
  }
});

Deno.test("half of the script does nothing", POSIX_ONLY, async () => {
  await using place = await makePlace();
  const text = await Deno.readTextFile(SCRIPT);
  for (const cut of [0.25, 0.5, 0.75, 0.98]) {
    const half = `${place.home}/half.sh`;
    await Deno.writeTextFile(half, text.slice(0, Math.floor(text.length * cut)));
    await place.install({}, { script: half });
    assert.deepEqual(await place.left(), []);
  }
  assert.deepEqual(place.asked, []);
});

Deno.test(
  "a script that is cut off in its last line neither installs nor uninstalls",
  POSIX_ONLY,
  async () => {
    await using place = await makePlace();
    const text = await Deno.readTextFile(SCRIPT);
    const end = text.lastIndexOf("\n", text.length - 2);
    for (let cut = end; cut < text.length - 2; cut++) {
      const script = `${place.home}/cut.sh`;
      await Deno.writeTextFile(script, text.slice(0, cut));
      await place.install({}, { script, args: ["--uninstall"] });
    }
    assert.deepEqual([await place.left(), place.asked], [[], []]);
  },
);

Deno.test("shellcheck has nothing to say", SHELLCHECK, async () => {
  const { code, stdout } = await new Deno.Command("shellcheck", { args: ["--shell=sh", SCRIPT] }).output();
  assert.equal(code, 0, new TextDecoder().decode(stdout));
});

interface Place extends AsyncDisposable {
  home: string;
  bin: string;
  program: string;
  path: string;
  asked: string[];
  install(env?: Record<string, string>, options?: InstallOptions): Promise<Ended>;
  /** Puts a program of this name before the real one. */
  fake(name: string, script: string): Promise<void>;
  /** What is in the install directory, after it was checked that the temporary directory is empty. */
  left(): Promise<string[]>;
}

interface InstallOptions {
  args?: string[];
  under?: string[];
  script?: string;
}

type Ended = { code: number; stdout: string; stderr: string };
type Fault = keyof typeof FAULTS;

/** What may be wrong with a release. */
const FAULTS = {
  "other bytes": ({ isProgram }, usual) => isProgram ? new Response("something else") : usual(),
  "no asset": ({ isProgram }, usual) => isProgram ? new Response("not found", { status: 404 }) : usual(),
  "no line": ({ isProgram }, usual) => isProgram ? usual() : new Response(""),
  "broken": ({ isProgram }, usual) => isProgram ? brokenOff(usual(), 5) : usual(),
  "page": ({ isProgram }, usual) => isProgram ? usual() : new Response("<html>sign in</html>"),
} satisfies Record<string, ReleaseRigOptions["answer"]>;

async function assertRefused(place: Place, reason: RegExp, env: Record<string, string> = {}): Promise<void> {
  const { code, stderr } = await place.install(env);
  assert.equal(code, 1);
  assert.match(stderr, /^layerstash: cannot install: [^\n]*\n$/);
  assert.match(stderr, reason);
  assert.deepEqual(await place.left(), []);
}

/** A home of its own, and a server with the releases 1.0.0 and 1.2.3. */
async function makePlace(
  { system = "Linux", processor = "x86_64", fault, without }: {
    system?: string;
    processor?: string;
    fault?: Fault | undefined;
    without?: string;
  } = {},
): Promise<Place> {
  const home = await Deno.makeTempDir({ prefix: "layerstash-install-" });
  await Deno.chmod(home, 0o755);
  for (const name of ["tools", "tmp"]) await Deno.mkdir(`${home}/${name}`);
  await Deno.chmod(`${home}/tmp`, 0o777);
  await Deno.chmod(`${home}/tools`, 0o755);
  const ours = `${home}/install.sh`; // the checkout may be where nobody else can read
  await Deno.copyFile(SCRIPT, ours);
  await Deno.chmod(ours, 0o644);
  const releases = startReleases(fault && { answer: FAULTS[fault] });
  const bin = `${home}/bin`;
  const tools = `${home}/tools`;
  const path = without ? tools : `${tools}:/usr/bin:/bin`;
  const fake = async (name: string, script: string) => {
    await Deno.writeTextFile(`${tools}/${name}`, `#!/bin/sh\n${script}\n`);
    await Deno.chmod(`${tools}/${name}`, 0o755);
  };
  if (without) await linkTools(tools, without);
  await fake("uname", `[ "$1" = -s ] && echo ${system} || echo ${processor}`);
  return {
    home,
    bin,
    program: `${bin}/layerstash`,
    path,
    asked: releases.asked,
    fake,
    async install(env = {}, { args = [], under = [], script = ours } = {}) {
      const words = [...under, "/bin/sh", script, ...args];
      const { code, stdout, stderr } = await new Deno.Command(words[0]!, {
        args: words.slice(1),
        clearEnv: true,
        env: {
          PATH: path,
          HOME: home,
          TMPDIR: `${home}/tmp`,
          LAYERSTASH_INSTALL_DIR: bin,
          LAYERSTASH_RELEASES: releases.url,
          ...env,
        },
      }).output();
      const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
      return { code, stdout: text(stdout), stderr: text(stderr) };
    },
    async left() {
      assert.deepEqual(await names(`${home}/tmp`), []);
      return names(bin);
    },
    async [Symbol.asyncDispose]() {
      await releases[Symbol.asyncDispose]();
      await Deno.remove(home, { recursive: true });
    },
  };
}

/** Makes a directory of programs in which one is missing. */
async function linkTools(directory: string, without: string): Promise<void> {
  const needed = "sed head cut grep cp mv rm mkdir chmod mktemp sha256sum tail wget curl ldd cat".split(" ");
  for (const name of needed.filter((each) => each !== without)) {
    await Deno.symlink(`/usr/bin/${name}`, `${directory}/${name}`);
  }
}

async function names(directory: string): Promise<string[]> {
  const found = [];
  try {
    for await (const { name } of Deno.readDir(directory)) found.push(name);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return found;
}

Deno.test("curl may follow redirects to https alone, but on this machine", POSIX_ONLY, async () => {
  for (const [url, allowed] of [["https://example.test/r", "=https"], ["http://127.0.0.1:9/r", "=http"]]) {
    await using place = await makePlace();
    await place.fake("curl", `echo "$@" > "${place.home}/words"; echo no network >&2; exit 6`);
    await assertRefused(place, /could not download .* no network/, { LAYERSTASH_RELEASES: url! });
    const words = (await Deno.readTextFile(`${place.home}/words`)).split(" ");
    assert.equal(words[words.indexOf("--proto") + 1], allowed);
    assert.ok(!words.includes("--proto-redir"));
  }
});

Deno.test("when the program cannot be put in its place, nothing stays behind", POSIX_ONLY, async () => {
  await using place = await makePlace();
  await place.install({ LAYERSTASH_VERSION: "1.0.0" });
  const before = await Deno.readTextFile(place.program);
  await place.fake("mv", "exit 1");
  const { code, stderr } = await place.install();
  assert.equal(code, 1);
  assert.match(stderr, /cannot replace \S+\/bin\/layerstash\n$/);
  assert.deepEqual(await place.left(), ["layerstash"]);
  assert.equal(await Deno.readTextFile(place.program), before);
});

Deno.test("a directory in the place of the program is not moved into", POSIX_ONLY, async () => {
  await using place = await makePlace();
  await Deno.mkdir(place.program, { recursive: true });
  const { code, stderr } = await place.install();
  assert.equal(code, 1);
  assert.match(stderr, /bin\/layerstash is a directory\n$/);
  assert.deepEqual(await names(place.program), []);
  assert.deepEqual(await place.left(), ["layerstash"]);
});
