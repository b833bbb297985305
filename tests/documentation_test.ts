/** Every command that the README and the help texts show is run, and does what they show. @module */
import assert from "node:assert/strict";
import { buildProgram, withSubcommands, wordsOf } from "../lib/cli/program.ts";
import { type } from "./rigs/bash.ts";
import { ensureTool } from "./rigs/debian.ts";
import { type Block, blocksOf, type Example, examplesOf, helpExamples, isShown } from "./rigs/examples.ts";
import { makeReader, type Reader } from "./rigs/reader.ts";
import { onLinux } from "./rigs/system.ts";

const README = await Deno.readTextFile(new URL("../README.md", import.meta.url));

/** Commands that are not run here, and why. */
const ELSEWHERE: Record<string, string> = {
  "deno task demo": "tests/command_line_test.ts runs it",
  "deno task test": "it runs this test",
  "deno task ok": "it runs this test",
  "git clone https://github.com/layerstash/layerstash && cd layerstash": "it wants the real GitHub",
};

const TOOLS = [["bash", "bash"], ["tmux", "tmux"], ["curl", "curl"], ["jq", "jq"], ["age", "age"], [
  "openssl",
  "openssl",
]];
const hasTools = !onLinux("the commands of the documentation").ignore &&
  (await Promise.all(TOOLS.map(([name, from]) => ensureTool(name!, from!)))).every(Boolean);

Deno.test({
  name: "the README's commands do what it shows, one after another",
  ignore: !hasTools,
  async fn(context) {
    await using reader = await makeReader();
    const session: string[] = [];
    const left = new Set(Object.keys(ELSEWHERE));
    for (const block of blocksOf(README)) {
      if (block.language.startsWith("ts")) {
        await context.step(`line ${block.line}: the program`, () => runProgram(reader, block));
      }
      for (const example of examplesOf(block)) {
        const plain = example.command.replace(/\s+#.*$/, "");
        if (left.delete(plain) || plain in ELSEWHERE) continue;
        await context.step(`line ${block.line}: ${plain}`, () => check(reader, example, session));
      }
    }
    assert.deepEqual([...left], [], "not in the README any more");
  },
});

Deno.test({
  name: "every --help fits a terminal, and its examples run",
  ignore: !hasTools,
  async fn(context) {
    await using reader = await makeReader();
    for (const command of withSubcommands(buildProgram({ out() {}, err() {} }))) {
      const words = wordsOf(command).join(" ");
      if (command.name() !== "complete") await context.step(words, () => checkHelp(reader, words));
    }
  },
});

async function checkHelp(reader: Reader, words: string): Promise<void> {
  await reader.tidyUp();
  await reader.getReady();
  const { output } = await type(`${words} --help`, reader);
  const tooLong = output.split("\n").filter((line) => line.length > 80);
  assert.equal(/^(\w.*):\n {2}-/m.exec(output)?.[1] ?? "Options", "Options", "its own options come first");
  assert.deepEqual(tooLong, [], "lines that a terminal of 80 columns breaks");
  const examples = helpExamples(output);
  assert.notEqual(examples.length, 0, "the help has no example");
  const session: string[] = [];
  for (const example of examples) {
    await reader.getReady();
    await check(reader, example, session);
  }
}

Deno.test("the README's links lead to its own headings, and to files that there are", async () => {
  const headings = Array.from(README.matchAll(/^#+ (.*)$/gm), ([, title]) => anchorOf(title!));
  for (const [, target] of README.matchAll(/\]\((?!https:)([^)]+)\)/g)) {
    if (target!.startsWith("#")) assert.ok(headings.includes(target!), `no heading for ${target}`);
    else await Deno.stat(new URL(`../${target}`, import.meta.url));
  }
});

Deno.test("the README's contents name its sections, in order", () => {
  const [, contents = ""] = /^\*\*Contents:\*\*(.*?)\n\n/ms.exec(README) ?? [];
  const named = Array.from(contents.matchAll(/\[([^\]]+)\]/g), ([, title]) => title!.replace(/\s+/g, " "));
  const sections = Array.from(README.matchAll(/^## (.*)$/gm), ([, title]) => title!);
  assert.deepEqual([...named, "License"], sections);
});

Deno.test("each part of the README that folds has a summary and an end, and holds no section", () => {
  const parts = README.split(/^<details>\n/m).slice(1);
  assert.notEqual(parts.length, 0);
  for (const part of parts) {
    // Without the blank line, what follows is not read as Markdown.
    assert.match(part, /^<summary>.+<\/summary>\n\n/);
    const [folded, ...rest] = part.split(/^<\/details>\n/m);
    assert.equal(rest.length, 1, part.slice(0, 80));
    assert.doesNotMatch(folded!, /^#+ /m);
  }
});

/** The name that GitHub gives to a heading. */
function anchorOf(title: string): string {
  return `#${title.toLowerCase().replaceAll(/[^\w\- ]/g, "").replaceAll(" ", "-")}`;
}

/** Types a command; what it sets, a function or a variable, holds for the rest of the session. */
async function check(reader: Reader, { command, shown }: Example, session: string[]): Promise<void> {
  const { code, output } = await type(reader.replace(command), reader, session);
  if (/^(\w+\(\) \{|(export )?[A-Z]+=\$\()/.test(command)) session.push(reader.replace(command));
  const isError = shown.some((line) => line.startsWith("layerstash: cannot"));
  assert.equal(code === 0, !isError, `${command}\nended with ${code}\n${output}`);
  if (shown.length === 0) return;
  assert.ok(
    isShown(shown.map((line) => reader.replace(line)), output),
    `${command}\nshows something else:\n${output}`,
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
