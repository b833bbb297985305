/**
 * The command line: runs the program. What can be answered without a command is answered at once; for the rest, commander
 * and the command are loaded first, which takes longer than all of Deno's own start.
 *
 * @module
 */
import { saidBy } from "../content/system_words.ts";
import { withOwnName } from "./commands.ts";
import { CommandEnded, EXIT_CODES, exitCodeOf, isSaid } from "./exit_codes.ts";
import { topicText } from "./help/topics.ts";
import { OutputClosedError, outputError, print, type Write } from "./terminal/standard_streams.ts";
import { programHelp } from "./text/program_help.ts";
import { VERSION } from "./version.ts";

/** Where a command line prints. */
interface Output {
  out: Write;
  err: Write;
  /** How wide help may be. */
  width?: number;
  /** Whether help goes to a terminal, for which pages are laid out; `false` by default. */
  terminal?: boolean;
}

/** Runs one command line and returns its exit code. */
export async function runProgram(typed: readonly string[], output: Output): Promise<number> {
  const args = withOwnName(typed);
  return await answered(args, output) ?? await commandRun(args, output);
}

/** Answers at once, if the version, the help of the program, a topic, completions or the name of a command are asked for. */
async function answered(args: readonly string[], output: Output): Promise<number | undefined> {
  const answer = await answerAtOnce(args, output);
  if (answer === undefined) return undefined;
  try {
    output.out(answer);
    return EXIT_CODES.done;
  } catch (error) {
    if (isSaid(error)) return exitCodeOf(error);
    throw error;
  }
}

async function answerAtOnce(
  args: readonly string[],
  { width = 80, terminal = false }: Output,
): Promise<string | undefined> {
  const line = args.join(" ");
  if (line === "--version") return `layerstash v${VERSION}\n`;
  if (line === "--help" || line === "-h" || line === "help") return programHelp(width);
  if (/^help \w+$/.test(line)) return await topicPage(args[1]!, terminal ? width : undefined);
  if (/^complete -- [a-z]*$/.test(line)) return await commandNames(args[2]!);
  if (!/^completions \w+$/.test(line)) return undefined;
  const { COMPLETION_SCRIPTS } = await import("./completions/scripts.ts");
  return new Map(Object.entries(COMPLETION_SCRIPTS)).get(args[1]!);
}

async function commandNames(beginning: string): Promise<string> {
  const { completeCommandName } = await import("./completions/first_word.ts");
  return completeCommandName(beginning);
}

/** The page of a topic: laid out in `width` columns, or as it was written. */
async function topicPage(name: string, width?: number): Promise<string | undefined> {
  const page = await topicText(name);
  if (page === undefined || width === undefined) return page;
  const { renderPage } = await import("./help/render_page.ts");
  return renderPage(page, { width, colour: !Deno.noColor && Deno.env.get("TERM") !== "dumb" });
}

/** Loads and runs a command. */
async function commandRun(args: readonly string[], { out, err, width = 80 }: Output): Promise<number> {
  if (!args.some((arg) => WITHOUT_TLS.test(arg))) drawRandomNumbers();
  const { runCommand } = await import("./run_command.ts");
  return await runCommand(args, { out, err, width });
}

/** Words with which no connection over TLS is to be expected: other addresses, and those of help and completions. */
const WITHOUT_TLS = /^((oci|http|oci-archive|docker-archive):|(-h|--help|help|complete)$)/;

/**
 * Draws random numbers by making a key, which Deno does in another thread. The first ones take forty milliseconds, in which
 * entropy is collected: here the command is loaded meanwhile. Deno's TLS would draw them when the first connection is made, and
 * everything else would wait.
 */
function drawRandomNumbers(): void {
  crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, false, ["sign"]).catch(() => {});
}

/**
 * Runs the command line of this process, and sets its exit code. After a command the process ends at once, whatever is
 * still open. After an answer nothing is, and it ends by itself: ended so early, Deno would not store what it has compiled, and
 * would compile the whole program again in every run.
 */
export async function runCommandLine(typed: readonly string[]): Promise<void> {
  const args = withOwnName(typed);
  const err = (text: string) => print(Deno.stderr, text);
  const terminal = Deno.stdout.isTerminal();
  const width = (terminal && Deno.consoleSize().columns) || 80;
  const output = { out: (text: string) => writeHelp(text, err), err, width, terminal };
  const code = await answered(args, output);
  if (code === undefined) Deno.exit(await commandRun(args, output));
  Deno.exitCode = code;
}

/** Writes help and completions. No command runs then that could report why a write failed. */
function writeHelp(text: string, err: Write): void {
  try {
    print(Deno.stdout, text);
  } catch (error) {
    const reason = outputError(error);
    if (reason instanceof OutputClosedError) throw reason;
    err(`layerstash: cannot write to standard output: ${saidBy(error)}\n`);
    throw new CommandEnded(EXIT_CODES.failed);
  }
}

// Run by itself, this file answers before the library is loaded. The program in one file begins here.
if (import.meta.main) runCommandLine(Deno.args);
