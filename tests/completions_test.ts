/** What shells offer while a command line is typed, asked of the shells themselves. @module */
import assert from "node:assert/strict";
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { commandWords, makeWorkplace, type Workplace } from "./rigs/command_line.ts";
import { ensureTool } from "./rigs/debian.ts";
import { bareEnvironment, onLinux, onPosix } from "./rigs/system.ts";
import { buildProgram } from "../lib/cli/build_program.ts";
import { complete } from "../lib/cli/completions/complete.ts";
import { knownRegistries } from "../lib/cli/completions/known_registries.ts";

const program = await buildProgram({ out() {}, err() {}, width: 80 });
const withScript = {
  ignore: onLinux("shells in a terminal").ignore || !await ensureTool("script", "bsdutils"),
};
const withZsh = { ignore: withScript.ignore || !await ensureTool("zsh", "zsh") };
const withFish = { ignore: onPosix("fish").ignore || !await ensureTool("fish", "fish") };
const words = (...typed: string[]) => complete(program, typed).candidates.map(({ word }) => word);

Deno.test("every command, every option and every choice is offered", () => {
  const walk = (command: CommandUnknownOpts, path: string[]): number =>
    command.commands.reduce(
      (sum, each) => sum + 1 + walk(each, [...path, each.name()]),
      0,
    ) +
    command.options.filter(({ hidden }) => !hidden).map((option) => {
      assert.ok(words(...path, option.long!).includes(option.long!), `${path} ${option.long}`);
      if (option.argChoices) assert.deepEqual(words(...path, option.long!, ""), option.argChoices);
    }).length;
  assert.ok(walk(program, []) > 100);
  for (const command of program.commands) {
    if (command.name() !== "complete") assert.ok(words("").includes(command.name()), command.name());
  }
});

Deno.test("what is offered fits to the place", () => {
  assert.deepEqual(words("blob", "pu"), ["push", "pull"]);
  assert.deepEqual(words("upload", "--progress=p"), ["--progress=plain"]);
  assert.deepEqual(words("completions", "f"), ["fish"]);
  assert.deepEqual(words("help", "uplo"), ["upload"]);
  assert.deepEqual(words("upload", "upl"), []);
  assert.deepEqual(words("upload", "--", "--reg"), []);
  assert.deepEqual(words("complet"), ["completions"]);
  assert.equal(complete(program, ["upload", "-i", ""]).files, true);
  assert.equal(complete(program, ["upload", "-t", ""]).files, false);
});

Deno.test("a registry is a short name, a host with a login, or a directory", async () => {
  await using work = await shellPlace();
  const env = { HOME: work.directory, USERPROFILE: work.directory };
  const known = async (typed: string) => (await knownRegistries(typed, env)).map(({ word }) => word);
  assert.deepEqual(await known(""), ["docker", "ghcr", "oci:", "localhost:5000", "registry.example.com"]);
  for (const name of ["a_box/inner", "a_box/.hidden", "a_box/$(reboot)", "a_box/with blank"]) {
    await Deno.mkdir(work.path(name));
  }
  const box = `oci:${work.directory}/a_box/`;
  assert.deepEqual(await known(box), [`${box}inner/`]);
  assert.deepEqual(await known(`--registry=${box}.`), [`${box}.hidden/`]);
  assert.deepEqual(await known("oci:./there/is/none/"), []);
  await work.write(".docker/config.json", "{");
  assert.deepEqual(await known("lo"), ["docker", "ghcr", "oci:"]);
});

Deno.test("registries are offered where one may stand", () => {
  const registries = [{ word: "ghcr", description: "" }, { word: "oci:", description: "" }];
  const at = (...typed: string[]) => complete(program, typed, registries).candidates.map(({ word }) => word);
  assert.deepEqual(at("list", "--registry", ""), ["ghcr", "oci:"]);
  assert.deepEqual(at("list", "--registry=o"), ["--registry=oci:"]);
  assert.deepEqual(at("login", ""), ["ghcr"]);
  assert.deepEqual(at("list", "-r", ""), []);
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
  assert.deepEqual(await offer("layerstash uplo"), ["upload\tstore a file"]);
  assert.deepEqual(await offer("layerstash upload --log-level cri"), ["critical"]);
  assert.deepEqual(await offer("layerstash upload --progress=pl"), ["--progress=plain"]);
  assert.deepEqual(await offer("layerstash upload -i a_f"), ["a_file.img"]);
  assert.deepEqual(await offer("layerstash upload -t a_f"), [""]);
  assert.deepEqual(await offer("layerstash list --registry g"), ["ghcr\tGitHub Container Registry"]);
  assert.deepEqual(await offer("layerstash list --registry localhost:"), ["localhost:5000\tsigned in"]);
  assert.deepEqual(await offer("layerstash list --registry oci:./a_b"), ["oci:./a_box/"]);
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
  await Deno.mkdir(work.path("a_box"));
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
