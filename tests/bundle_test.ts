/** The program in one file, and the task that compiles it. @module */
import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { topicText } from "../lib/cli/help/topics.ts";
import { makeBundle } from "../lib/ship/bundle.ts";
import { doMainJob } from "../lib/ship/main_job.ts";
import { someBytes } from "./rigs/content.ts";
import { gzip, makeImage } from "./rigs/images.ts";
import { POSIX } from "./rigs/system.ts";
import { tarOf } from "./rigs/tar.ts";

const ROOT = join(import.meta.dirname!, "..");

/** Nothing but the file: no configuration, no network for modules, no cache of other runs. */
const ALONE = ["--no-config", "--no-remote", "--no-npm", "--cached-only", "--no-prompt"];

Deno.test("the bundle does the main job alone, with its hashing thread", async () => {
  await using place = await bundled();
  await doMainJob([...place.program, "--allow-all", place.path], place.env);
});

Deno.test("the bundle needs no permission to read itself", async () => {
  await using place = await bundled();
  const allowed = ["--allow-env", "--allow-sys", "--allow-read=.,/proc", "--allow-write=."];
  await doMainJob([...place.program, ...allowed, place.path], place.env);
});

Deno.test("the bundle unpacks a large layer in its decompressing thread", async () => {
  await using place = await bundled();
  await using image = await makeImage([
    await gzip(tarOf([{ name: "large", content: someBytes(3_000_000) }])),
  ]);
  const [name, ...args] = [...place.program, "-A", place.path, "peek", image.name];
  const { code, stdout, stderr } = await new Deno.Command(name!, { args, env: place.env }).output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  assert.match(new TextDecoder().decode(stdout), /3000000 .* large\n$/);
});

Deno.test("the bundle knows its version", async () => {
  await using place = await bundled();
  const [name, ...args] = [...place.program, "-A", place.path, "--version"];
  const { stdout } = await new Deno.Command(name!, { args, env: place.env }).output();
  const { version } = JSON.parse(await Deno.readTextFile(join(ROOT, "deno.json")));
  assert.equal(new TextDecoder().decode(stdout), `layerstash v${version}\n`);
});

Deno.test("the bundle contains the topics of the help", async () => {
  await using place = await bundled();
  const [name, ...args] = [...place.program, "-A", place.path, "help", "recipes"];
  const { stdout } = await new Deno.Command(name!, { args, env: place.env }).output();
  assert.equal(new TextDecoder().decode(stdout), await topicText("recipes"));
});

Deno.test(
  "the bundle is a program by its first line, whose flags Deno knows",
  { ignore: !POSIX },
  async () => {
    await using place = await bundled();
    const PATH = `${dirname(Deno.execPath())}:/usr/bin:/bin`;
    const run = new Deno.Command(place.path, { args: ["--version"], env: { ...place.env, PATH } });
    const { code, stderr } = await run.output();
    assert.deepEqual([code, new TextDecoder().decode(stderr)], [0, ""]);
  },
);

Deno.test("the bundle loads no module of Deno before a command needs it", async () => {
  await using place = await bundled();
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--no-config", "--json", place.path],
    env: place.env,
  }).output();
  const [{ dependencies }] = JSON.parse(new TextDecoder().decode(stdout)).modules;
  const named = dependencies as { specifier: string; isDynamic?: boolean }[];
  assert.ok(named.some(({ specifier }) => specifier === "node:http"), "the imports were not found");
  assert.deepEqual(named.filter(({ isDynamic }) => !isDynamic), []);
});

Deno.test("the bundle is ASCII, which starts faster than a text with other characters", async () => {
  await using place = await bundled();
  const program = await Deno.readTextFile(place.path);
  assert.deepEqual(program.match(/\P{ASCII}/gu), null);
});

Deno.test("a job that fails is told with the program's own words", async () => {
  const path = await Deno.makeTempFile({ suffix: ".ts" });
  await Deno.writeTextFile(path, 'console.error("no room"); Deno.exit(1);');
  await assert.rejects(doMainJob([Deno.execPath(), "run", path]), /^Error: upload failed: no room$/);
  await Deno.remove(path);
});

Deno.test("the build ends with one line where it cannot be done", async () => {
  const unknown = await build(["--target", "sparc-sun-solaris"], {});
  assert.equal(unknown.code, 1);
  assert.match(
    unknown.stderr,
    /^layerstash: there is no target sparc-sun-solaris; the targets are x86_64-unknown-linux-gnu/,
  );
  await using place = await bundled();
  const missing = await build(["--out", place.directory], { DENORT_BIN: join(place.directory, "nothing") });
  assert.equal(missing.code, 1);
  assert.match(missing.stderr, /^layerstash: cannot build [^\n]+\n$/);
});

Deno.test("a program that does not do the main job does not count as made", async () => {
  await using place = await bundled();
  // Compiled with the whole of Deno as its base, a program is plain Deno.
  const plainDeno = await Deno.realPath(Deno.execPath());
  const { code, stderr } = await build(["--out", place.directory], { DENORT_BIN: plainDeno });
  assert.equal(code, 1);
  assert.match(stderr, /^layerstash: layerstash-[^ ]+ does not work: upload failed: [^\n]+\n$/);
  const left = Array.from(Deno.readDirSync(place.directory), ({ name }) => name);
  assert.deepEqual(left.filter((name) => name.startsWith("layerstash-") || name === "SHA256SUMS"), []);
});

async function build(args: string[], env: Record<string, string>): Promise<{ code: number; stderr: string }> {
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--frozen", join(ROOT, "lib/ship/build.ts"), ...args],
    env,
  }).output();
  return { code, stderr: new TextDecoder().decode(stderr) };
}

interface Place extends AsyncDisposable {
  directory: string;
  /** The bundle. */
  path: string;
  /** What runs it. */
  program: string[];
  env: Record<string, string>;
}

let made: Promise<{ bytes: Uint8Array; mode: number }> | undefined;

/** Makes the bundle once. */
async function makeOnce(): Promise<{ bytes: Uint8Array; mode: number }> {
  const directory = await Deno.makeTempDir({ prefix: "layerstash-bundle-" });
  const path = await makeBundle(join(directory, "layerstash.js"));
  const [bytes, { mode }] = [await Deno.readFile(path), await Deno.stat(path)];
  await Deno.remove(directory, { recursive: true });
  return { bytes, mode: mode ?? 0 };
}

/** The bundle in a directory of its own, far from the sources. */
async function bundled(): Promise<Place> {
  const directory = await Deno.makeTempDir({ prefix: "layerstash-bundle-" });
  const path = join(directory, "layerstash.js");
  const { bytes, mode } = await (made ??= makeOnce());
  await Deno.writeFile(path, bytes, { mode });
  return {
    directory,
    path,
    program: [Deno.execPath(), "run", ...ALONE],
    env: { DENO_DIR: join(directory, "cache") },
    async [Symbol.asyncDispose]() {
      // Deno puts a link to itself into its cache, which Windows does not remove while Deno runs.
      const removed = Deno.remove(directory, { recursive: true });
      await (POSIX ? removed : removed.catch(() => {}));
    },
  };
}
