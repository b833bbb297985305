/** `upload` and `download` take directories. @module */
import assert from "node:assert/strict";
import { makeWorkplace, timeless, type Workplace } from "./rigs/command_line.ts";
import { onPosix, WITHOUT_RIGHTS } from "./rigs/system.ts";

const BOX = "oci:./box:site";

async function makeSite(work: Workplace): Promise<void> {
  await Deno.mkdir(work.path("site/img"), { recursive: true });
  await work.write("site/index.html", "<h1>Hello</h1>");
  await work.write("site/img/logo.svg", "<svg/>");
  await work.write("site/notes.tmp", "later");
}

Deno.test("a directory is stored, and comes back under its name or another", async () => {
  await using work = await makeWorkplace();
  await makeSite(work);
  const stored = await work.run(["upload", "site", BOX, "--exclude", "*.tmp"]);
  assert.equal(stored.code, 0, stored.stderr);
  assert.match(
    timeless(stored.stderr),
    /^layerstash: stored site in oci:.\/box: 2 files, 20 B, 2 of 2 layers sent, TIME\nlayerstash: digest: oci:.\/box@sha256:[0-9a-f]{64}\nlayerstash: get it back: layerstash download oci:.\/box:site\n$/,
  );
  const again = await work.run(["upload", "site", BOX, "--exclude", "*.tmp"]);
  assert.match(again.stderr, /0 of 2 layers sent/);
  await Deno.rename(work.path("site"), work.path("old"));
  for (const [words, place] of [[[], "site"], [["copy"], "copy"]] as const) {
    const back = await work.run(["download", BOX, ...words]);
    assert.equal(timeless(back.stderr), `layerstash: ${place}: 2 files written, verified, TIME\n`);
    assert.equal(await Deno.readTextFile(work.path(`${place}/index.html`)), "<h1>Hello</h1>");
    assert.equal(await Deno.readTextFile(work.path(`${place}/img/logo.svg`)), "<svg/>");
  }
});

Deno.test("options of directories fit no file, and those of chunks no directory", async () => {
  await using work = await makeWorkplace();
  await makeSite(work);
  for (
    const [words, problem] of [
      [["site", BOX, "--chunk-size", "5MB"], "--chunk-size does not fit: what is stored is a directory"],
      [["site/notes.tmp", BOX, "--dry-run"], "--dry-run does not fit: what is stored is no directory"],
      [["site/notes.tmp", BOX, "--exclude", "x"], "--exclude does not fit: what is stored is no directory"],
    ] as const
  ) {
    const { code, stderr } = await work.run(["upload", ...words]);
    assert.deepEqual([code, stderr.split("\n")[0]], [2, `layerstash: ${problem}`]);
  }
  assert.equal((await work.run(["list", "oci:./box"])).code, 3);
});

Deno.test("onto a directory that differs, download asks for --overwrite, and --delete removes the rest", async () => {
  await using work = await makeWorkplace();
  await makeSite(work);
  await work.run(["upload", "site", BOX]);
  await work.write("site/index.html", "changed");
  await work.write("site/more", "more");
  const refused = await work.run(["download", BOX, "site"]);
  assert.deepEqual([refused.code, refused.stderr], [
    6,
    "layerstash: cannot download site to site: site/index.html is not what was stored\n" +
    "hint: replace what differs with --overwrite, or download to another directory\n",
  ]);
  const done = await work.run(["download", BOX, "site", "--overwrite", "--delete", "--json"]);
  const { written, kept, removed } = JSON.parse(done.stdout.trimEnd().split("\n").at(-1)!);
  assert.deepEqual([written, kept, removed], [1, 2, 1]);
  const part = await work.run(["download", BOX, "part", "--only", "img"]);
  assert.equal(part.code, 0, part.stderr);
  assert.deepEqual(await Array.fromAsync(Deno.readDir(work.path("part")), ({ name }) => name), ["img"]);
});

Deno.test(
  "what may not be read is named, and the rest is stored if that is wanted",
  onPosix("file modes"),
  async () => {
    await using work = await makeWorkplace();
    await makeSite(work);
    await Deno.chmod(work.path("site/notes.tmp"), 0o000);
    const upload = (...options: string[]) =>
      work.run(["upload", "site", BOX, ...options], { under: WITHOUT_RIGHTS });
    const refused = await upload();
    assert.equal(refused.code, 4);
    assert.match(
      refused.stderr,
      /^layerstash: cannot store site as site: 1 path may not be read: notes\.tmp; the folder was not completed\nhint: --skip-unreadable stores the rest\n/,
    );
    assert.equal((await work.run(["download", BOX, "none"])).code, 3);
    const rest = await upload("--skip-unreadable");
    assert.equal(rest.code, 1, rest.stderr);
    assert.match(rest.stderr, /stored site in oci:.\/box: 2 files, 20 B/);
    assert.match(
      rest.stderr,
      /cannot store site as site: 1 path may not be read, and is not stored: notes\.tmp\n/,
    );
    assert.equal((await work.run(["download", BOX, "copy"])).code, 0);
    assert.deepEqual(
      (await Array.fromAsync(Deno.readDir(work.path("copy")), ({ name }) => name)).toSorted(),
      ["img", "index.html"],
    );
  },
);
