/** Completes the first word, which names a command: from the table of commands, without loading any of them. @module */
import { COMMAND_GROUPS } from "../commands.ts";
import { PROGRAM_USAGE } from "../text/program_help.ts";

/** The commands whose names begin so, with what they are for, as lines of `layerstash complete`. */
export function completeCommandName(beginning: string): string {
  const [usage, summary] = PROGRAM_USAGE.helpCommand;
  const help = { name: usage.split(" ", 1)[0]!, summary };
  return [...COMMAND_GROUPS.flatMap(({ entries }) => entries), help]
    .filter(({ name }) => name.startsWith(beginning))
    .map(({ name, summary }) => `${name}\t${summary}\n`)
    .join("");
}
