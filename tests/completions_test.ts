/** What shells offer while a command line is typed, asked of the shells themselves. @module */
import assert from "node:assert/strict";
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { commandWords, makeWorkplace, type Workplace } from "./rigs/command_line.ts";
import { ensureTool } from "./rigs/debian.ts";
import { bareEnvironment, onLinux, onPosix } from "./rigs/system.ts";
import { openImage } from "../lib/exports/images.ts";
import { upload } from "../main.ts";
import { buildProgram } from "../lib/cli/build_program.ts";
import { type Candidate, complete } from "../lib/cli/completions/complete.ts";
import { knownPlaces } from "../lib/cli/completions/known_places.ts";
import { TOPICS } from "../lib/cli/help/topics.ts";
import { runProgram } from "../lib/cli/program.ts";

const program = await buildProgram({ out() {}, err() {}, width: 80 });
const withScript = {
  ignore: onLinux("shells in a terminal").ignore || !await ensureTool("script", "bsdutils"),
};
const withZsh = { ignore: withScript.ignore || !await ensureTool("zsh", "zsh") };
const withFish = { ignore: onPosix("fish").ignore || !await ensureTool("fish", "fish") };
const words = async (...typed: string[]) => wordsOf((await complete(program, typed)).candidates);
const wordsOf = (candidates: readonly Candidate[]) => candidates.map(({ word }) => word);

Deno.test("every command, every option and every choice is offered", async () => {
  const walk = async (command: CommandUnknownOpts, path: string[]): Promise<number> => {
    let count = 0;
    for (const each of command.commands) count += 1 + await walk(each, [...path, each.name()]);
    for (const { long, argChoices } of command.options.filter(({ hidden }) => !hidden)) {
      assert.ok((await words(...path, long!)).includes(long!), `${path} ${long}`);
      if (argChoices) assert.deepEqual(await words(...path, long!, ""), argChoices);
      count++;
    }
    return count;
  };
  assert.ok(await walk(program, []) > 100);
  const offered = await words("");
  for (const command of program.commands) {
    if (command.name() !== "complete") assert.ok(offered.includes(command.name()), command.name());
  }
});

Deno.test("the name of a command is completed without the commands, as with them", async () => {
  for (const beginning of ["", "u", "help", "nothing", "complete"]) {
    const lines: string[] = [];
    await runProgram(["complete", "--", beginning], { out: (text) => lines.push(text), err() {} });
    const { candidates } = await complete(program, [beginning]);
    assert.equal(lines.join(""), candidates.map((each) => `${each.word}\t${each.description}\n`).join(""));
  }
});

Deno.test("what is offered fits to the place", async () => {
  assert.deepEqual(await words("blob", "pu"), ["push", "pull"]);
  assert.deepEqual(await words("upload", "--progress=p"), ["--progress=plain"]);
  assert.deepEqual(await words("completions", "f"), ["fish"]);
  assert.deepEqual(await words("help", "uplo"), ["upload"]);
  assert.deepEqual(await words("upload", "upl"), []);
  assert.deepEqual(await words("upload", "--", "--reg"), []);
  assert.deepEqual(await words("complet"), ["completions"]);
  assert.equal((await complete(program, ["upload", "-i", ""])).files, true);
  assert.equal((await complete(program, ["upload", "-t", ""])).files, false);
});

Deno.test("topics are offered after help, and nowhere else", async () => {
  const names = TOPICS.map(({ name }) => name);
  assert.deepEqual((await words("help", "")).filter((word) => names.includes(word)), names);
  assert.deepEqual(await words("help", "recipe"), ["recipes"]);
  for (const before of [[], ["help", "blob"], ["blob", "help"]]) {
    assert.deepEqual(await words(...before, "recipe"), []);
  }
});

Deno.test("a registry is a short name, a host with a login, or a directory", async () => {
  await using work = await shellPlace();
  const env = { HOME: work.directory, USERPROFILE: work.directory };
  const known = async (typed: string) => wordsOf(await knownPlaces([typed], env).registries());
  assert.deepEqual(await known(""), ["docker", "ghcr", "oci:", "localhost:5000", "registry.example.com"]);
  for (const name of ["a_box/inner", "a_box/.hidden", "a_box/$(reboot)", "a_box/with blank"]) {
    await Deno.mkdir(work.path(name));
  }
  const box = `oci:${work.directory}/a_box/`;
  assert.deepEqual(await known(box), [`${box}inner/`, `${box}me/`]);
  assert.deepEqual(await known(`--registry=${box}.`), [`${box}.hidden/`]);
  assert.deepEqual(await known("oci:./there/is/none/"), []);
  await work.write(".docker/config.json", "{");
  assert.deepEqual(await known("lo"), ["docker", "ghcr", "oci:"]);
});

Deno.test("an address is a host with a login, a layout, or what has a name in it", async () => {
  await using work = await shellPlace();
  const env = { HOME: work.directory, USERPROFILE: work.directory };
  const known = async (typed: string) => wordsOf(await knownPlaces([typed], env).addresses());
  assert.deepEqual(await known(""), ["ghcr.io/", "localhost:5000/", "registry.example.com/", "oci:"]);
  const box = `oci:${work.directory}/a_box/`;
  assert.deepEqual(await known(box), [`${box}me/`]);
  assert.deepEqual(await known(`${box}me/`), [`${box}me/files`, `${box}me/files:`]);
  assert.deepEqual(await known(`${box}me/files:`), [`${box}me/files:build-7`, `${box}me/files:disk`]);
  await Deno.writeTextFile(work.path("a_box/me/files/index.json"), "{");
  assert.deepEqual(await known(`${box}me/files:`), []);
});

Deno.test("repositories and stored files of a directory are offered to the options that name them", async () => {
  await using work = await shellPlace();
  const box = `oci:${work.directory}/a_box`;
  const at = async (typed: string[], env = {}) =>
    wordsOf((await complete(program, typed, knownPlaces(typed, env))).candidates);
  assert.deepEqual(await at(["list", "--registry", box, "-r", ""]), ["me/files"]);
  assert.deepEqual(await at(["list", `--registry=${box}/`, "-r", "me"]), ["me/files"]);
  assert.deepEqual(await at(["info", "--registry", box, "-r", "me/files", "-t", "d"]), ["disk"]);
  assert.deepEqual(
    await at(["info", "-t", "d"], { LAYERSTASH_REGISTRY: box, LAYERSTASH_REPOSITORY: "me/files" }),
    [
      "disk",
    ],
  );
  assert.deepEqual(await at(["list", "--registry", "ghcr", "-r", ""]), []);
  assert.deepEqual(await at(["list", "--registry", `${box}/none`, "-r", ""]), []);
});

Deno.test("places are offered where one may stand", async () => {
  const known = Object.fromEntries(
    (["registries", "addresses", "repositories", "names"] as const).map((
      kind,
    ) => [kind, () => Promise.resolve([kind, `oci:${kind}`].map((word) => ({ word, description: "" })))]),
  ) as unknown as ReturnType<typeof knownPlaces>;
  const at = async (...typed: string[]) => wordsOf((await complete(program, typed, known)).candidates);
  assert.deepEqual(await at("list", "--registry", ""), ["registries", "oci:registries"]);
  assert.deepEqual(await at("list", "--registry=o"), ["--registry=oci:registries"]);
  assert.deepEqual(await at("login", ""), ["registries"]);
  assert.deepEqual(await at("list", "-r", "r"), ["repositories"]);
  assert.deepEqual(await at("info", "-t", "n"), ["names"]);
  for (const command of ["list", "download", "peek", "copy", "diff", "upload", "verify", "url"]) {
    assert.deepEqual(await at(command, "a"), ["addresses"], command);
  }
  assert.deepEqual(await at("upload", "disk.img", "a"), ["addresses"]);
  assert.deepEqual(await at("diff", "one", "a"), ["addresses"]);
  assert.deepEqual(await at("download", "ghcr.io/me/files:disk", "a"), []);
  assert.deepEqual(await at("append", "--from", "a"), ["addresses"]);
});

Deno.test("bash completes what is typed", withScript, async (t) => {
  await inTerminal(t, "bash", ["bash", "--norc", "--noprofile", "-i"]);
});

Deno.test("zsh completes what is typed", withZsh, async (t) => {
  await inTerminal(t, "zsh", ["zsh", "-f", "-i"], "autoload -Uz compinit; compinit -u -D");
});

Deno.test("fish offers what fits, with its meaning", withFish, async () => {
  await using work = await shellPlace();
  const offer = async (line: string) => {
    const script = "layerstash completions fish | source; complete -C $argv[1]";
    return (await runShell(work, ["fish", "--no-config", "-c", script, line])).trimEnd().split("\n");
  };
  assert.deepEqual(await offer("layerstash uplo"), ["upload\tstore files and folders"]);
  assert.deepEqual(await offer("layerstash upload --log-level cri"), ["critical"]);
  assert.deepEqual(await offer("layerstash upload --progress=pl"), ["--progress=plain"]);
  assert.deepEqual(await offer("layerstash upload -i a_f"), ["a_file.img"]);
  assert.deepEqual(await offer("layerstash upload -t a_f"), [""]);
  assert.deepEqual(await offer("layerstash list --registry g"), ["ghcr\tGitHub Container Registry"]);
  assert.deepEqual(await offer("layerstash list --registry localhost:"), ["localhost:5000\tsigned in"]);
  assert.deepEqual(await offer("layerstash list --registry oci:./a_b"), ["oci:./a_box/"]);
  assert.deepEqual(await offer("layerstash help tro"), [
    "troubleshooting\twhat an error means, resuming, damage, questions and answers",
  ]);
  assert.deepEqual(await offer("layerstash info oci:./a_box/me/f"), [
    "oci:./a_box/me/files",
    "oci:./a_box/me/files:",
  ]);
  assert.deepEqual(await offer("layerstash info oci:./a_box/me/files:d"), ["oci:./a_box/me/files:disk"]);
  assert.deepEqual(await offer("layerstash list --registry oci:./a_box -r m"), ["me/files"]);
});

/** Types lines with tabs into an interactive shell; what `layerstash` is then called with tells what they became. */
async function inTerminal(t: Deno.TestContext, shell: string, words: string[], setUp = ":"): Promise<void> {
  await using work = await shellPlace();
  const typed = [
    ["layerstash uplo\t--reposito\tx", "upload --repository x"],
    ["layerstash blob pus\t", "blob push"],
    ["layerstash upload --log-level cri\t", "upload --log-level critical"],
    ["layerstash upload --progress=pla\t", "upload --progress=plain"],
    ["layerstash upload -i a_f\t", "upload -i a_file.img"],
    ["layerstash upload -t a_f\t", "upload -t a_f"],
    ["layerstash list --registry gh\t", "list --registry ghcr"],
    ["layerstash list --registry oc\t./a_b\t-r x", "list --registry oci:./a_box/-r x"],
    ["layerstash list --registry localhost:50\t", "list --registry localhost:5000"],
    ["layerstash list --registry=regis\t", "list --registry=registry.example.com"],
    ["layerstash logout loc\t", "logout localhost:5000"],
    ["layerstash help recipe\t", "help recipes"],
    ["layerstash list ghc\tme/files", "list ghcr.io/me/files"],
    ["layerstash info oci:./a_b\tm\tf\t:di\t", "info oci:./a_box/me/files:disk"],
    [
      "layerstash info --registry oci:./a_box -r me\t-t di\t",
      "info --registry oci:./a_box -r me/files -t disk",
    ],
  ] as const;
  const lines = [setUp, `source <(layerstash completions ${shell})`, ...typed.map(([line]) => line), "exit"];
  await runShell(work, ["script", "-qec", words.join(" "), "/dev/null"], `${lines.join("\n")}\n`);
  const called = (await Deno.readTextFile(work.path("called"))).trimEnd().split("\n");
  for (const [index, [line, expected]] of typed.entries()) {
    await t.step(
      JSON.stringify(line),
      () => assert.equal(called[index]?.trim(), expected, called.join("\n")),
    );
  }
}

/** A directory with a file, and a `layerstash` that writes down what it is called with. */
async function shellPlace(): Promise<Workplace> {
  const work = await makeWorkplace();
  await work.write("a_file.img", "");
  const files = openImage(`oci:${work.path("a_box/me/files")}`).store;
  await upload(files, "disk", { input: new Blob(["a disk"]).stream(), chunkSize: 4 });
  await files.putManifest("build-7", await files.manifest("disk-1") ?? assert.fail());
  files.close();
  await Deno.mkdir(work.path(".docker"));
  const auths = {
    "https://index.docker.io/v1/": {},
    "localhost:5000": {},
    "registry.example.com": {},
    "a\nb": {},
  };
  await work.write(".docker/config.json", JSON.stringify({ auths }));
  const real = commandWords([]).map((word) => `'${word}'`).join(" ");
  const note = `echo "$@" >> '${work.path("called")}'`;
  await work.write("layerstash", `#!/bin/sh\ncase $1 in complet*) exec ${real} "$@" ;; esac\n${note}\n`);
  await Deno.chmod(work.path("layerstash"), 0o755);
  return work;
}

async function runShell(work: Workplace, [program, ...args]: string[], input = ""): Promise<string> {
  const child = new Deno.Command(program!, {
    args,
    cwd: work.directory,
    clearEnv: true,
    env: {
      ...bareEnvironment(work.directory),
      PATH: `${work.directory}:${Deno.env.get("PATH")}`,
      TERM: "dumb",
    },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const [{ stdout }] = await Promise.all([
    child.output(),
    new Blob([input]).stream().pipeTo(child.stdin).catch(() => {}),
  ]);
  return new TextDecoder().decode(stdout);
}
