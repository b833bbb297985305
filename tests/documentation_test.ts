/** Every command that the README and the topics of the help show is run, and does what they show. @module */
import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { parse } from "yaml";
import { TOPICS } from "../lib/cli/help/topics.ts";
import { makeTextModule, TEXT_MODULES } from "../lib/ship/text_modules.ts";
import { canType, type } from "./rigs/bash.ts";
import { type Block, blocksOf, examplesOf, isShown } from "./rigs/examples.ts";
import { makeReader, type Reader, typeExample, withReader } from "./rigs/reader.ts";
import { USER } from "./rigs/user.ts";

const ROOT = new URL("../", import.meta.url);
const README = "README.md";
const pageOf = (topic: string) => `lib/cli/help/${topic}.md`;
const PAGES = [README, ...TOPICS.map(({ name }) => pageOf(name)), ".github/CONTRIBUTING.md"];
const texts = new Map(
  await Promise.all(
    PAGES.map(async (path) => [path, await Deno.readTextFile(new URL(path, ROOT))] as const),
  ),
);

/** Commands that are not run here, and why. */
const ELSEWHERE: Record<string, string> = {
  "deno task demo": "tests/command_line_test.ts runs it",
  "deno run -A main.ts": "it wants a clone, and each test of the rigs runs it",
  "deno task test": "it runs this test",
  "deno task test:long": "CI runs it",
  "deno task ok": "it runs this test",
  "docker compose up -d": "the registry of the rigs takes its place",
  "git clone https://github.com/layerstash/layerstash && cd layerstash": "it wants the real GitHub",
};

Deno.test({
  name: "the README's commands do what it shows, one after another",
  ...await withReader("the README"),
  async fn(context) {
    await using reader = await makeReader();
    await checkPage(context, reader, README);
  },
});

for (const { name } of TOPICS) {
  Deno.test({
    name: `the commands of layerstash help ${name} do what it shows, one after another`,
    ...await withReader("the topics of the help"),
    async fn(context) {
      await using reader = await makeReader();
      await reader.getReady();
      await checkPage(context, reader, pageOf(name));
    },
  });
}

Deno.test({
  name: "the steps of the workflow that stores from GitHub Actions run, and need no more than it allows",
  ...await withReader("a workflow"),
  async fn() {
    const workflow = parse(blockOf("recipes", ".github/workflows/store.yml"));
    const { permissions, env, steps } = workflow.jobs.store;
    assert.deepEqual(permissions, { contents: "read", packages: "write" });
    await using reader = await makeReader();
    await reader.getReady();
    await Deno.remove(join(reader.env["HOME"]!, ".docker/config.json"));
    const place = {
      directory: reader.directory,
      env: {
        ...reader.env,
        FILES: env.FILES.replace("${{ github.repository }}", `${USER.username}/Project`),
        GITHUB_PATH: join(reader.directory, "path"),
        GITHUB_ACTOR: USER.username,
        GITHUB_TOKEN: USER.password,
        GITHUB_RUN_NUMBER: "7",
      },
    };
    for (const { run } of steps.filter((step: { run?: string }) => step.run !== undefined)) {
      const { code, output } = await type(run, place);
      assert.equal(code, 0, `${run}\n${output}`);
    }
    const { output } = await type(`layerstash list ghcr.io/${USER.username}/project/files`, place);
    assert.match(output, /^build-7 /m);
  },
});

Deno.test("the registry of the recipes has a password, a certificate and volumes that its commands make", () => {
  const { services: { registry } } = parse(blockOf("recipes", "compose.yml"));
  const made = registry.volumes.map((volume: string) => volume.split(":")[0]!.slice(2)).sort();
  assert.deepEqual(made, ["auth", "certs", "data"]);
  const commands = texts.get(pageOf("recipes"))!;
  for (
    const [variable, file] of [["AUTH_HTPASSWD_PATH", "auth/htpasswd"], [
      "HTTP_TLS_KEY",
      "certs/registry.key",
    ]]
  ) {
    assert.equal(registry.environment[`REGISTRY_${variable}`], `/${file}`);
    assert.ok(commands.includes(` ${file}`), file);
  }
});

Deno.test("the commands that are not run are in the documentation", () => {
  const examples = [...texts.values()].flatMap(blocksOf).flatMap(examplesOf).map(({ command }) =>
    plain(command)
  );
  assert.deepEqual(Object.keys(ELSEWHERE).filter((command) => !examples.includes(command)), []);
});

Deno.test("the links of each page lead to headings and to files that there are", async () => {
  for (const [path, text] of texts) {
    for (const [, target = ""] of text.matchAll(/\]\((?!https:)([^)]+)\)/g)) {
      const [file = "", heading] = target.split("#", 2);
      const url = new URL(file, new URL(path, ROOT));
      const there = await Deno.readTextFile(url);
      if (heading !== undefined) assert.ok(headingsOf(there).includes(heading), `${path}: ${target}`);
    }
  }
});

Deno.test("the README is at most 230 lines long, and names each topic", () => {
  const readme = texts.get(README)!;
  assert.ok(readme.trimEnd().split("\n").length <= 230);
  const named = Array.from(
    readme.matchAll(/^- \[(\w+)\]\(lib\/cli\/help\/(\w+)\.md\)/gm),
    ([, name, file]) => [name, file],
  );
  assert.deepEqual(named, TOPICS.map(({ name }) => [name, name]));
});

Deno.test("the texts of topics and pages in the program are those of the files", async () => {
  assert.deepEqual(Object.keys(TEXT_MODULES), ["topics", "page"]);
  for (const [task, module] of Object.entries(TEXT_MODULES)) {
    assert.equal(
      await Deno.readTextFile(module.url),
      await makeTextModule(module),
      `run deno task ${task}`,
    );
  }
});

/** Types all commands of a page, one after another. */
async function checkPage(context: Deno.TestContext, reader: Reader, path: string): Promise<void> {
  const session: string[] = [];
  for (const block of blocksOf(texts.get(path)!)) {
    await saveFile(reader, block);
    if (block.language.startsWith("ts")) {
      await context.step(`line ${block.line}: the program`, () => runProgram(reader, block));
    }
    for (const example of examplesOf(block)) {
      const command = plain(example.command);
      if (command in ELSEWHERE) continue;
      await context.step({
        name: `line ${block.line}: ${command}`,
        ignore: !await canType(example.command),
        fn: () => typeExample(reader, example, session),
      });
    }
  }
}

/** Saves a block that begins with the name of a file, as in `# nightly.sh`. */
async function saveFile(reader: Reader, { text }: Block): Promise<void> {
  const [, name] = /^# (\S+\.(?:sh|yml))\n/.exec(text) ?? [];
  if (name === undefined) return;
  await Deno.mkdir(dirname(join(reader.directory, name)), { recursive: true });
  await Deno.writeTextFile(join(reader.directory, name), reader.replace(text));
}

/** A command without its comment. */
function plain(command: string): string {
  return command.replace(/\s+#.*$/, "");
}

/** The block of a topic that is saved as this file. */
function blockOf(topic: string, name: string): string {
  const block = blocksOf(texts.get(pageOf(topic))!).find(({ text }) => text.startsWith(`# ${name}\n`));
  assert.ok(block, `${name} is not in ${topic}`);
  return block.text;
}

/** The names that GitHub gives to the headings of a page. */
function headingsOf(page: string): string[] {
  return Array.from(
    page.matchAll(/^#+ (.*)$/gm),
    ([, title]) => title!.toLowerCase().replaceAll(/[^\w\- ]/g, "").replaceAll(" ", "-"),
  );
}

/** Runs a program that imports the library; it prints what the comments after `console.log` say. */
async function runProgram(reader: Reader, { line, text }: Block): Promise<void> {
  await Deno.writeTextFile(`${reader.directory}/program-${line}.ts`, text);
  const { code, output } = await type(`deno run -q --check -A program-${line}.ts`, reader);
  const shown = Array.from(text.matchAll(/console\.log\(.*\); \/\/ (.*)$/gm), ([, comment]) => comment!);
  assert.equal(code, 0, output);
  assert.notEqual(shown.length, 0, "the program shows nothing");
  assert.ok(isShown(shown, output), output);
}
