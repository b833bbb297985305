/** The command line: builds the program of all commands, and runs it. @module */
import {
  Command,
  CommanderError,
  type CommandUnknownOpts,
  Help,
  type Option,
} from "@commander-js/extra-typings";
import type { NotAllowedError } from "../errors.ts";
import { CommandEnded } from "./action.ts";
import { aliasCommand } from "./commands/alias.ts";
import { appendCommand } from "./commands/append.ts";
import { blobCommand } from "./commands/blob.ts";
import { browseCommand } from "./commands/browse.ts";
import { completeCommand, completionsCommand } from "./commands/completions.ts";
import { copyCommand } from "./commands/copy.ts";
import { digestCommand, manifestCommand } from "./commands/digest.ts";
import { downloadCommand } from "./commands/download.ts";
import { extractCommand } from "./commands/extract.ts";
import { infoCommand } from "./commands/info.ts";
import { inspectCommand } from "./commands/inspect.ts";
import { layersCommand } from "./commands/layers.ts";
import { listCommand } from "./commands/list.ts";
import { loginCommand, logoutCommand } from "./commands/login.ts";
import { peekCommand } from "./commands/peek.ts";
import { removeCommand } from "./commands/remove.ts";
import { reposCommand } from "./commands/repos.ts";
import { saveCommand } from "./commands/save.ts";
import { tokenCommand } from "./commands/token.ts";
import { upgradeCommand } from "./commands/upgrade.ts";
import { uploadCommand } from "./commands/upload.ts";
import { urlCommand } from "./commands/url.ts";
import { verifyCommand } from "./commands/verify.ts";
import { permissionError } from "./connection.ts";
import { EXIT_CODES, exitCodeOf } from "./exit_codes.ts";
import { OutputClosedError, outputError, print, type Write } from "./terminal/standard_streams.ts";
import { beStrict } from "./strict_usage.ts";
import { usageError } from "./text/usage_error.ts";
import { VERSION } from "./version.ts";

const EPILOGUE = `
Options for connections, sign-in, output and sizes have an environment variable,
which the help of a command names: LAYERSTASH_REGISTRY for --registry.

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 not found, 4 not allowed,
5 bytes do not match, 6 conflict, 130 interrupted, 141 output was closed

Try it without a registry, in a directory:
  $ layerstash upload --registry oci:./box -r me/files -t disk -i disk.img
  $ layerstash download --registry oci:./box -r me/files -t disk -o copy.img
`;

/** The commands, in the order of the help. */
const GROUPS: readonly [heading: string, makers: readonly (() => CommandUnknownOpts)[]][] = [
  ["Stored files:", [uploadCommand, downloadCommand, listCommand, infoCommand, verifyCommand, removeCommand]],
  ["Blobs:", [blobCommand, aliasCommand, digestCommand, manifestCommand, reposCommand, urlCommand]],
  ["Images:", [
    inspectCommand,
    layersCommand,
    peekCommand,
    extractCommand,
    browseCommand,
    saveCommand,
    appendCommand,
    copyCommand,
  ]],
  ["Sign-in:", [loginCommand, logoutCommand, tokenCommand]],
];

/** Builds the program. Commander prints help and its own errors with the two functions. */
export function buildProgram(output: { out: Write; err: Write }): CommandUnknownOpts {
  const program = new Command("layerstash")
    .description("Stores files of any size in container registries, and gets them back verified.")
    .version(`layerstash v${VERSION}`, "--version", "print the version")
    .helpOption("-h, --help", "print this help")
    .helpCommand("help [command]", "print the help of a command")
    .addHelpText("after", EPILOGUE);
  for (const [heading, makers] of GROUPS) {
    program.commandsGroup(heading);
    for (const make of makers) program.addCommand(make());
  }
  program.commandsGroup("This program:");
  program.addCommand(upgradeCommand()).addCommand(completionsCommand(output.out));
  program.addCommand(completeCommand(output.out), { hidden: true });
  for (const command of withSubcommands(program)) {
    command.exitOverride().showHelpAfterError(`(see ${wordsOf(command).join(" ")} --help)`).configureOutput({
      writeOut: output.out,
      writeErr: output.err,
      outputError: (text, write) => write(`layerstash: ${usageError(text)}`),
    });
    command.helpOption("-h, --help", "print this help").configureHelp({ groupItems: ownFirst });
    beStrict(command);
  }
  return program;
}

/** Puts a command's own options before those that many commands share. */
function ownFirst<T extends Command | Option>(all: T[], visible: T[], groupOf: (item: T) => string) {
  const groups = new Help().groupItems(
    all as Option[],
    visible as Option[],
    groupOf as (item: Option) => string,
  );
  const own = ([title]: [string, unknown]) => Number(title === "Options:");
  return new Map([...groups].sort((a, b) => own(b) - own(a))) as unknown as Map<string, T[]>;
}

/** The words that call a command, as in `layerstash blob push`. */
export function wordsOf(command: CommandUnknownOpts): string[] {
  return command.parent ? [...wordsOf(command.parent), command.name()] : [command.name()];
}

/** A command and all commands below it. */
export function withSubcommands(command: CommandUnknownOpts): CommandUnknownOpts[] {
  return [command, ...command.commands.flatMap(withSubcommands)];
}

/** Runs one command line and returns its exit code. */
export async function runProgram(
  args: readonly string[],
  output: { out: Write; err: Write },
): Promise<number> {
  try {
    forgetEmptyVariables();
    const program = buildProgram(output);
    await program.parseAsync(helpAsOption(program, args), { from: "user" });
    return EXIT_CODES.done;
  } catch (error) {
    if (error instanceof CommandEnded) return error.exitCode;
    if (error instanceof Deno.errors.NotCapable) return refuse(permissionError(error), output);
    if (error instanceof OutputClosedError) return exitCodeOf(error);
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 ? EXIT_CODES.done : EXIT_CODES.usage;
  }
}

/**
 * Turns `help blob push` into `blob push --help`. Of `help`, commander looks at one word only, and prints the help of the
 * whole program for a command that does not exist. Here that word is left for commander to refuse.
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
function refuse({ message, hint }: NotAllowedError, { err }: { err: Write }): number {
  err(`layerstash: cannot start: ${message}\nhint: ${hint}\n`);
  return EXIT_CODES["not-allowed"];
}

/** Runs the command line of this process, and ends the process with its exit code. */
export async function runCommandLine(args: readonly string[]): Promise<never> {
  const err = (text: string) => print(Deno.stderr, text);
  Deno.exit(await runProgram(args, { out: (text) => writeHelp(text, err), err }));
}

/** Writes help and completions. No command runs then that could report why a write failed. */
function writeHelp(text: string, err: Write): void {
  try {
    print(Deno.stdout, text);
  } catch (error) {
    const reason = outputError(error);
    if (reason instanceof OutputClosedError) throw reason;
    err(`layerstash: cannot write to standard output: ${(error as Error).message}\n`);
    throw new CommandEnded(EXIT_CODES.failed);
  }
}
