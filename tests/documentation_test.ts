/** Every command that the README shows is run, and does what it shows. @module */
import assert from "node:assert/strict";
import { canType, type } from "./rigs/bash.ts";
import { type Block, blocksOf, examplesOf, isShown } from "./rigs/examples.ts";
import { makeReader, type Reader, typeExample, withReader } from "./rigs/reader.ts";

const README = await Deno.readTextFile(new URL("../README.md", import.meta.url));

/** Commands that are not run here, and why. */
const ELSEWHERE: Record<string, string> = {
  "deno task demo": "tests/command_line_test.ts runs it",
  "deno task test": "it runs this test",
  "deno task test:long": "CI runs it",
  "deno task ok": "it runs this test",
  "git clone https://github.com/layerstash/layerstash && cd layerstash": "it wants the real GitHub",
};

Deno.test({
  name: "the README's commands do what it shows, one after another",
  ...await withReader("the README"),
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
        await context.step({
          name: `line ${block.line}: ${plain}`,
          ignore: !await canType(example.command),
          fn: () => typeExample(reader, example, session),
        });
      }
    }
    assert.deepEqual([...left], [], "not in the README any more");
  },
});

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

/** Runs a program that imports the library; it prints what the comments after `console.log` say. */
async function runProgram(reader: Reader, { line, text }: Block): Promise<void> {
  await Deno.writeTextFile(`${reader.directory}/program-${line}.ts`, text);
  const { code, output } = await type(`deno run -q --check -A program-${line}.ts`, reader);
  const shown = Array.from(text.matchAll(/console\.log\(.*\); \/\/ (.*)$/gm), ([, comment]) => comment!);
  assert.equal(code, 0, output);
  assert.notEqual(shown.length, 0, "the program shows nothing");
  assert.ok(isShown(shown, output), output);
}
