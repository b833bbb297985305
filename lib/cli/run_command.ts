/** Runs a command line that names a command, or that is wrong: commander reads it. @module */
import { CommanderError, type CommandUnknownOpts } from "@commander-js/extra-typings";
import type { NotAllowedError } from "../errors.ts";
import { buildProgram, type ProgramOutput } from "./build_program.ts";
import { permissionError } from "./connection.ts";
import { EXIT_CODES, exitCodeOf, isSaid } from "./exit_codes.ts";
import { refuseTopic } from "./strict_usage.ts";

/** Runs the command that the arguments name, and returns the exit code. */
export async function runCommand(args: readonly string[], output: ProgramOutput): Promise<number> {
  try {
    forgetEmptyVariables();
    const program = await buildProgram(output, (name) => args.includes(name));
    await program.parseAsync(helpAsOption(program, args), { from: "user" });
    return EXIT_CODES.done;
  } catch (error) {
    if (isSaid(error)) return exitCodeOf(error);
    if (error instanceof Deno.errors.NotCapable) return refuse(permissionError(error), output);
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 ? EXIT_CODES.done : EXIT_CODES.usage;
  }
}

/**
 * Turns `help blob push` into `blob push --help`. Of `help`, commander looks at one word only, and prints the help of the
 * whole program for a command that does not exist. Here that word is refused.
 */
function helpAsOption(program: CommandUnknownOpts, args: readonly string[]): string[] {
  const [first = "", ...rest] = args;
  if (first === "help") return helpOf(program, rest);
  const command = subcommandOf(program, first);
  return command?.commands.length ? [first, ...helpAsOption(command, rest)] : [...args];
}

function helpOf(command: CommandUnknownOpts, words: readonly string[]): string[] {
  const [word, ...rest] = words;
  if (word === undefined || command.commands.length === 0) return ["--help"];
  const next = subcommandOf(command, word);
  if (!next && !command.parent && !/^-|^help$/.test(word)) refuseTopic(command, word);
  return next ? [word, ...helpOf(next, rest)] : [word];
}

function subcommandOf(command: CommandUnknownOpts, name: string): CommandUnknownOpts | undefined {
  return command.commands.find((each) => each.name() === name);
}

/** CI systems often set a variable to nothing instead of leaving it unset. Commander would take that for a value. */
function forgetEmptyVariables(): void {
  for (const [name, value] of Object.entries(Deno.env.toObject())) {
    if (name.startsWith("LAYERSTASH_") && value === "") Deno.env.delete(name);
  }
}

/** Prints that the program cannot start: without access to the environment it cannot read its options. */
function refuse({ message, hint }: NotAllowedError, { err }: ProgramOutput): number {
  err(`layerstash: cannot start: ${message}\nhint: ${hint}\n`);
  return EXIT_CODES["not-allowed"];
}
