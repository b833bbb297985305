/**
 * The command line: runs the program. What can be answered without a command is answered at once; for the rest, commander
 * and the command are loaded first, which takes longer than all of Deno's own start.
 *
 * @module
 */
import { withOwnName } from "./commands.ts";
import { CommandEnded, EXIT_CODES, exitCodeOf, isSaid } from "./exit_codes.ts";
import { OutputClosedError, outputError, print, type Write } from "./terminal/standard_streams.ts";
import { programHelp } from "./text/program_help.ts";
import { VERSION } from "./version.ts";

/** Runs one command line and returns its exit code. */
export async function runProgram(
  typed: readonly string[],
  { out, err, width = 80 }: { out: Write; err: Write; width?: number },
): Promise<number> {
  const args = withOwnName(typed);
  const answer = await answerAtOnce(args, width);
  if (answer === undefined) {
    const { runCommand } = await import("./run_command.ts");
    return await runCommand(args, { out, err, width });
  }
  try {
    out(answer);
    return EXIT_CODES.done;
  } catch (error) {
    if (isSaid(error)) return exitCodeOf(error);
    throw error;
  }
}

/** The version, the help of the program or a script of completions, if just that is asked for. */
async function answerAtOnce(args: readonly string[], width: number): Promise<string | undefined> {
  const line = args.join(" ");
  if (line === "--version") return `layerstash v${VERSION}\n`;
  if (line === "--help" || line === "-h" || line === "help") return programHelp(width);
  if (!/^completions \w+$/.test(line)) return undefined;
  const { COMPLETION_SCRIPTS } = await import("./completions/scripts.ts");
  return new Map(Object.entries(COMPLETION_SCRIPTS)).get(args[1]!);
}

/** Runs the command line of this process, and ends the process with its exit code. */
export async function runCommandLine(args: readonly string[]): Promise<never> {
  const err = (text: string) => print(Deno.stderr, text);
  const width = Deno.stdout.isTerminal() ? Deno.consoleSize().columns : 80;
  Deno.exit(await runProgram(args, { out: (text) => writeHelp(text, err), err, width }));
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
