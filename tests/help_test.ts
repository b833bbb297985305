/** Every command that the help texts show is run, and does what they show. @module */
import assert from "node:assert/strict";
import { buildProgram, withSubcommands, wordsOf } from "../lib/cli/build_program.ts";
import { COMMAND_GROUPS } from "../lib/cli/commands.ts";
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
  assert.notEqual(examples.length, 0, "the help has no example");
  const session: string[] = [];
  for (const example of examples) {
    if (!await canType(example.command)) continue;
    await reader.getReady();
    await typeExample(reader, example, session);
  }
}

Deno.test("the help of the program shows each command as the command's own help does", async () => {
  const program = await buildProgram({ out() {}, err() {}, width: 80 });
  const short = (usage: string) => usage.replace(" [options]", "").replace(" [command]", "");
  const listed = COMMAND_GROUPS.flatMap(({ entries }) => entries.map(({ usage }) => short(usage)));
  const own = program.commands.map((command) => short(`${command.name()} ${command.usage()}`));
  assert.deepEqual(listed, own.filter((usage) => !usage.startsWith("complete ")));
});
