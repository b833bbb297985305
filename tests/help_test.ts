/** Every command that the help texts show is run, and does what they show. @module */
import assert from "node:assert/strict";
import { buildProgram, withSubcommands } from "../lib/cli/build_program.ts";
import { wordsOf } from "../lib/cli/corrected_line.ts";
import { TOPICS, topicText } from "../lib/cli/help/topics.ts";
import { SHARED } from "../lib/cli/options.ts";
import { programHelp } from "../lib/cli/text/program_help.ts";
import { canType, type } from "./rigs/bash.ts";
import { helpExamples } from "./rigs/examples.ts";
import { makeReader, type Reader, typeExample, withReader } from "./rigs/reader.ts";

Deno.test({
  name: "every --help fits a terminal, and its examples run",
  ...await withReader("the help texts"),
  async fn(context) {
    await using reader = await makeReader();
    for (const command of withSubcommands(await buildProgram({ out() {}, err() {}, width: 80 }))) {
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
  assert.ok(examples.some(({ command }) => command.includes(words)), "the help has no example");
  const session: string[] = [];
  for (const example of examples) {
    if (!await canType(example.command)) continue;
    await reader.getReady();
    await typeExample(reader, example, session);
  }
}

Deno.test("the help of the program shows each command and each topic", async () => {
  const program = await buildProgram({ out() {}, err() {}, width: 80 });
  const help = programHelp(80);
  assert.deepEqual(help.split("\n").filter((line) => line.length > 80), []);
  const listed = Array.from(help.matchAll(/^ {2}(\w+) {2,}\w/gm), ([, name]) => name);
  assert.deepEqual(listed, program.commands.map((each) => each.name()).filter((name) => name !== "complete"));
  const [, topics = ""] = /^Topics: ([^]*?)\n\n/m.exec(help) ?? [];
  assert.deepEqual(topics.split(/,\s+/), TOPICS.map(({ name }) => name));
});

Deno.test("the help of each command is at most 30 lines long", async () => {
  const printed: string[] = [];
  const program = await buildProgram({ out: (text) => printed.push(text), err() {}, width: 80 });
  for (const command of withSubcommands(program).slice(1)) {
    command.outputHelp();
    const lines = printed.splice(0).join("").trimEnd().split("\n");
    assert.ok(lines.length > 3 && lines.length <= 30, `${wordsOf(command).join(" ")}: ${lines.length} lines`);
  }
});

Deno.test("the usage of each command names the arguments as the list of them does", async () => {
  const program = await buildProgram({ out() {}, err() {}, width: 80 });
  for (const command of withSubcommands(program).slice(1)) {
    for (const argument of command.registeredArguments) {
      assert.match(command.usage(), new RegExp(`[<[]${argument.name()}\\b`), wordsOf(command).join(" "));
    }
  }
});

Deno.test("the topic options describes each option that the help of a command omits, with its variable", async () => {
  const page = await topicText("options") ?? "";
  const program = await buildProgram({ out() {}, err() {}, width: 80 });
  const omitted = withSubcommands(program).flatMap(({ options }) => options)
    .filter(({ helpGroupHeading }) => helpGroupHeading === SHARED);
  assert.ok(omitted.length > 50);
  const heads = Array.from(page.matchAll(/^- (`[^]*?): /gm), ([, head]) => head!);
  for (const { short, long, envVar } of omitted) {
    const head = heads.find((each) => each.includes(`\`${long}`));
    assert.ok(head, `${long} is missing`);
    for (const word of [short, envVar]) assert.ok(head.includes(word ?? ""), `${word}: ${head}`);
  }
});
