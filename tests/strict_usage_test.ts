/** Mistakes on the command line that would have been passed over, or told as another mistake. @module */
import assert from "node:assert/strict";
import { TOPICS } from "../lib/cli/help/topics.ts";
import { makeWorkplace } from "./rigs/command_line.ts";
import { startFakeRegistry } from "./rigs/fake_registry.ts";
import { runProgram } from "../lib/cli/program.ts";

const BOX = ["--registry", "oci:box", "-r", "me/files"];

/** Runs a command line in this process, up to the point where it would begin to work; gives the first lines that it says. */
async function refusalOf(args: string[], lines = 1): Promise<string> {
  const texts: string[] = [];
  const write = (text: string) => void texts.push(text);
  assert.equal(await runProgram(args, { out: write, err: write }), 2, texts.join(""));
  return texts.join("").split("\n").slice(0, lines).join("\n");
}

Deno.test("an option that is given twice is refused, with both values", async () => {
  const twice: [string[], string][] = [
    [["upload", "-t", "x", "-i", "a", "-i", "b"], '--infile is given twice: "a" and "b"'],
    [["upload", "-t", "x", "-i", "a", "--base-tag", "y"], '--base-tag is given twice: "x" and "y"'],
    [["download", "-t", "x", "-o", "a", "-oa"], '--outfile is given twice: "a" and "a"'],
    [["list", "-r", "a/b", "-r", "c/d"], '--repository is given twice: "a/b" and "c/d"'],
    [
      ["peek", "nginx", "--platform", "linux/amd64", "--platform", "linux/arm64"],
      '--platform is given twice: "linux/amd64" and "linux/arm64"',
    ],
  ];
  for (const [args, said] of twice) assert.equal(await refusalOf(args), `layerstash: ${said}`);
  const secrets = await refusalOf(["list", "a/b", "-p", "hush", "--token", "silence"]);
  assert.equal(secrets, "layerstash: --token is given twice");
});

Deno.test("no secret is printed, wherever it is typed", async () => {
  const lines = [
    "list -p HUSH oci:box extra",
    "list -pHUSH oci:box extra",
    "list -qp HUSH oci:box extra",
    "list -qpHUSH oci:box extra",
    "list --token=HUSH oci:box extra",
    "list --tokn=HUSH oci:box",
    "list --password=HUSH oci:box",
    "-p HUSH list oci:box",
    "-pHUSH list oci:box",
    "-qp HUSH list oci:box",
    "--token=HUSH list oci:box",
    "--password HUSH list oci:box",
    "--password=HUSH list oci:box",
    "-p HUSH blob push a oci:box",
  ];
  for (const line of lines) assert.doesNotMatch(await refusalOf(line.split(" "), 5), /HUSH/, line);
  const kept = await refusalOf(["list", "-qp", "HUSH", "oci:box", "extra"], 2);
  assert.match(kept, /^hint: layerstash list -q -p \.\.\. oci:box$/m);
});

Deno.test("options that add up may be repeated, and variables are no repetition", async () => {
  await using work = await makeWorkplace();
  await work.write("disk.img", "bytes!");
  await work.run(["upload", ...BOX, "-t", "disk", "-i", "disk.img"], {
    env: { LAYERSTASH_REPOSITORY: "me/other" },
  });
  const saved = await work.run([
    "save",
    "oci:box/me/files:disk-1",
    "--layer",
    "1",
    "--layer",
    "1",
    "-o",
    "layers",
  ]);
  assert.equal(saved.code, 0, saved.stderr);
  const platforms = ["--platform", "linux/amd64", "--platform", "linux/arm64"];
  const copied = await work.run(["copy", "oci:box/me/files:disk-1", "oci:copy", ...platforms]);
  assert.doesNotMatch(copied.stderr, /twice/);
});

Deno.test("a mistyped option and a word too many are named before an option that is missing", async () => {
  const mistakes: [string[], RegExp][] = [
    [["download", "--regstry", "oci:./box"], /^layerstash: unknown option '--regstry'$/],
    [["download", ...BOX, "-t", "disk", "--output", "x"], /^layerstash: unknown option '--output'$/],
    [
      ["upload", ...BOX, "-t", "disk", "-i", "disk.img", "disk.img"],
      /^layerstash: a file is named twice: "disk\.img" and "disk\.img"$/,
    ],
    [
      ["upload", "-t", "disk", "-i", "disk.img"],
      /^layerstash: the repository is missing: use an address such as ghcr\.io\/me\/files, or -r$/,
    ],
  ];
  for (const [args, said] of mistakes) assert.match(await refusalOf(args), said);
});

Deno.test("a word too many, an option before the command and a name of other programs are named, with the cure", async () => {
  const cured: [string, string, string][] = [
    [
      "list me/files x",
      '"x" is not expected: list takes 1 argument beside options',
      "layerstash list me/files",
    ],
    [
      "list list me/files",
      '"list" is not expected: list takes 1 argument beside options',
      "layerstash list me/files",
    ],
    ["inspect", "the image is missing", "usage is layerstash inspect [options] <image>"],
    [
      "--registry host:5000 list -r me/files -p hush",
      "--registry stands before the command",
      "layerstash list --registry host:5000 -r me/files -p ...",
    ],
    ["--json blob push a", "--json stands before the command", "layerstash blob push --json a"],
    ["blob --json push a", "--json stands before the command", "layerstash blob push --json a"],
    ["list me/files x --nope=1", "unknown option '--nope'", "(see layerstash list --help)"],
    [
      "recipients add me/files:x --encrypt-to a.txt --identity k.txt",
      "recipients add takes recipients as words, without --encrypt-to",
      "layerstash recipients add me/files:x a.txt --identity k.txt",
    ],
    [
      "recipients set me/files:x --encrypt-to=a.txt --encrypt-to b.txt",
      "recipients set takes recipients as words, without --encrypt-to",
      "layerstash recipients set me/files:x a.txt b.txt",
    ],
    ["download --output x", "unknown option '--output'", "did you mean --outfile?"],
    ["download --repo me/files", "unknown option '--repo'", "did you mean --repository?"],
    ["download --regstry x", "unknown option '--regstry'", "did you mean --registry?"],
    ["fetch x", "unknown command 'fetch'", "did you mean download?"],
    ["alias ls", "unknown command 'ls'", "did you mean list?"],
    ["help uplod", "unknown command 'uplod'", "did you mean upload?"],
    ["help recipe", "unknown command 'recipe'", "did you mean recipes?"],
    [
      "help topics",
      "unknown command 'topics'",
      `the topics are ${TOPICS.map(({ name }) => name).join(", ")}`,
    ],
  ];
  for (const [line, problem, hint] of cured) {
    const [first, second] = (await refusalOf(line.split(" "), 2)).split("\n");
    assert.deepEqual([first, second?.replace(/^hint: /, "")], [`layerstash: ${problem}`, hint], line);
  }
});

Deno.test("the names that other programs give to commands work, too", async () => {
  await using work = await makeWorkplace();
  await work.write("disk.img", "bytes!");
  const done: [string[], string][] = [
    [["push", "disk.img", "oci:box/me/files:disk"], ""],
    [["put", "disk.img", "oci:box/me/files:more"], ""],
    [["pull", "oci:box/me/files:disk", "copy.img"], ""],
    [["get", "oci:box/me/files:disk", "again.img"], ""],
    [["cat", "oci:box/me/files:disk"], "bytes!"],
    [["ls", "oci:box/me/files"], "STASH  CHUNKS\ndisk   1\nmore   1\n"],
    [["rm", "oci:box/me/files:disk"], "disk-1\n"],
    [["delete", "oci:box/me/files:more"], "more-1\n"],
  ];
  for (const [args, printed] of done) {
    const { code, stdout, stderr } = await work.run(args);
    assert.deepEqual([code, stdout], [0, printed], `${args}: ${stderr}`);
  }
  const { stdout: version } = await work.run(["--version"]);
  for (const name of ["version", "-V"]) assert.equal((await work.run([name])).stdout, version);
  assert.equal((await work.run(["help", "rm"])).stdout, (await work.run(["remove", "--help"])).stdout);
  assert.match(await refusalOf(["uplod"]), /^layerstash: unknown command 'uplod'$/);
  assert.match(await refusalOf(["blob", "fetch"]), /^layerstash: unknown command 'fetch'$/);
});

Deno.test("-q prints errors only, and -v every request, before the command and after it", async () => {
  await using work = await makeWorkplace();
  await using registry = await startFakeRegistry();
  await work.write("disk.img", "bytes!");
  const upload = ["upload", "disk.img", `${registry.host}/me/files:disk`];
  const env = { LAYERSTASH_LOG_LEVEL: "info" };
  for (const args of [["-q", ...upload], [...upload, "--quiet"], ["put", "-q", ...upload.slice(1)]]) {
    assert.deepEqual(await work.run(args, { env }), { code: 0, stdout: "", stderr: "" }, args.join(" "));
  }
  for (const args of [["-v", ...upload], [...upload, "--verbose"]]) {
    assert.match((await work.run(args, { env })).stderr, /^layerstash: GET /m, args.join(" "));
  }
  const failed = await work.run(["-q", "info", `${registry.host}/me/files:none`]);
  assert.match(failed.stderr, /^layerstash: cannot show none: there is no stash none in .*\nhint: .*\n$/);
  const both = "--quiet and --verbose both say what is printed: leave out one";
  assert.equal(await refusalOf([...upload, "-q", "-v"]), `layerstash: ${both}`);
  const level = "--log-level and --quiet both say what is printed: leave out one";
  assert.equal(await refusalOf(["-q", ...upload, "--log-level", "debug"]), `layerstash: ${level}`);
});

Deno.test("a chunk size may come from a variable, and a rate of 0 is no limit", async () => {
  await using work = await makeWorkplace();
  await work.write("disk.img", "x".repeat(2500));
  const upload = [
    "upload",
    ...BOX,
    "-t",
    "disk",
    "-i",
    "disk.img",
    "--limit-rate",
    "0",
    "--log-level",
    "warn",
  ];
  const ended = await work.run([...upload, "--json"], { env: { LAYERSTASH_CHUNK_SIZE: "1K" } });
  assert.equal(ended.code, 0, ended.stderr);
  assert.match(ended.stdout.trimEnd().split("\n").at(-1)!, /"event":"done".*"chunkSize":1000,/);
  assert.equal(
    (await work.run([...upload.slice(0, -1), "error"], { env: { LAYERSTASH_CHUNK_SIZE: "1K" } })).stderr,
    "",
  );
});

Deno.test("a file of too many chunks is refused before anything is stored", async () => {
  await using work = await makeWorkplace();
  using file = await Deno.open(work.path("big"), { write: true, create: true });
  await file.truncate(100_001);
  const ended = await work.run(["upload", ...BOX, "-t", "big", "-i", "big", "--chunk-size", "1"]);
  assert.equal(ended.code, 2);
  assert.match(ended.stderr, /: big would have more than 100000 chunks\nhint: use a larger --chunk-size\n$/);
  await assert.rejects(Deno.stat(work.path("box")), Deno.errors.NotFound);
});
