/** Builds the program for commander, with those commands that a command line needs. @module */
import { Command, type CommandUnknownOpts } from "@commander-js/extra-typings";
import { COMMAND_GROUPS, type CommandEntry, HIDDEN_COMMAND } from "./commands.ts";
import { wordsOf } from "./corrected_line.ts";
import { beStrict } from "./strict_usage.ts";
import type { Write } from "./terminal/standard_streams.ts";
import { commandHelp } from "./text/command_help.ts";
import { PROGRAM_USAGE, programHelp } from "./text/program_help.ts";
import { usageError } from "./text/usage_error.ts";
import { VERSION } from "./version.ts";

/** Where commander prints help and its own errors, and how wide help may be. */
export interface ProgramOutput {
  out: Write;
  err: Write;
  width: number;
}

/**
 * Builds the program. Commands that `isNeeded` does not name have a name and a summary only: that is enough to list them,
 * and to say which one a mistyped name may mean.
 */
export async function buildProgram(
  output: ProgramOutput,
  isNeeded: (name: string) => boolean = () => true,
): Promise<CommandUnknownOpts> {
  const { version, help, helpCommand } = PROGRAM_USAGE;
  const program = new Command("layerstash").version(`layerstash v${VERSION}`, ...version)
    .helpCommand(...helpCommand);
  const make = (entry: CommandEntry) =>
    isNeeded(entry.name) ? entry.load(output.out) : new Command(entry.name);
  for (const entry of COMMAND_GROUPS.flatMap(({ entries }) => entries)) {
    program.addCommand((await make(entry)).description(entry.summary));
  }
  program.addCommand((await make(HIDDEN_COMMAND)).description(HIDDEN_COMMAND.summary), { hidden: true });
  for (const command of withSubcommands(program)) {
    command.exitOverride().showHelpAfterError(`(see ${wordsOf(command).join(" ")} --help)`).configureOutput({
      writeOut: output.out,
      writeErr: output.err,
      outputError: (text, write) => write(`layerstash: ${usageError(text)}`),
    });
    command.helpOption(...help).configureHelp({ formatHelp: commandHelp });
    beStrict(command);
  }
  return program.configureHelp({ formatHelp: () => programHelp(output.width) });
}

/** A command and all commands below it. */
export function withSubcommands(command: CommandUnknownOpts): CommandUnknownOpts[] {
  return [command, ...command.commands.flatMap(withSubcommands)];
}
