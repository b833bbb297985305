/** Runs the real command line in a process and a directory of its own. @module */
import { join } from "node:path";
import { announce, notesDirectory, onceInRun } from "./run_notes.ts";
import { bareEnvironment } from "./system.ts";

const CHECKOUT = ["--frozen", join(import.meta.dirname!, "../../main.ts")];
/** What `deno run -A` runs: in a run of all tests it is the program in one file, which takes half the time to start. */
const PROGRAM = await bundleOfRun() ?? CHECKOUT;

async function bundleOfRun(): Promise<string[] | undefined> {
  const directory = notesDirectory();
  if (directory === undefined) return undefined;
  const bundle = join(directory, "layerstash.js");
  const refusal = await onceInRun("the bundle", async () => {
    const { makeBundle } = await import("../../lib/ship/bundle.ts");
    return await makeBundle(bundle).then(() => undefined, (error: Error) => error.message);
  });
  if (refusal === undefined) return ["--no-config", bundle];
  announce(`cannot test the program in one file here: ${refusal}`);
  return undefined;
}

/** How a command ended. */
export interface Ended {
  code: number;
  stdout: string;
  stderr: string;
}

/** What a run may differ in. */
export interface RunOptions {
  /** Variables beside the few that every run has. */
  env?: Record<string, string>;
  /** What comes on standard input; nothing where absent. */
  stdin?: Uint8Array<ArrayBuffer> | undefined;
  /** A command to run it under, such as `setpriv`. */
  under?: string[];
}

/** A directory in which commands are run, with a docker configuration of its own. */
export interface Workplace extends AsyncDisposable {
  readonly directory: string;
  /** The path of a file in it. */
  path(name: string): string;
  /** Writes a file in it. */
  write(name: string, content: string | Uint8Array): Promise<string>;
  /** Runs `layerstash` with these arguments to its end. */
  run(args: string[], options?: RunOptions): Promise<Ended>;
  /** Runs it, and gives its standard output as bytes. */
  runForBytes(args: string[]): Promise<{ code: number; stdout: Uint8Array<ArrayBuffer> }>;
  /** Starts it. */
  start(args: string[], options?: RunOptions): Deno.ChildProcess;
}

/** Makes a workplace. */
export async function makeWorkplace(): Promise<Workplace> {
  const directory = await Deno.makeTempDir({ prefix: "layerstash-cli-" });
  const path = (name: string) => join(directory, name);
  const start = (args: string[], options: RunOptions = {}) => command(directory, args, options).spawn();
  return {
    directory,
    path,
    start,
    async write(name, content) {
      if (typeof content === "string") await Deno.writeTextFile(path(name), content);
      else await Deno.writeFile(path(name), content);
      return path(name);
    },
    async run(args, options) {
      const { code, stdout, stderr } = await finish(start(args, options), options?.stdin);
      return { code, stdout: new TextDecoder().decode(stdout), stderr: new TextDecoder().decode(stderr) };
    },
    async runForBytes(args) {
      return await finish(start(args), undefined);
    },
    async [Symbol.asyncDispose]() {
      await Deno.remove(directory, { recursive: true });
    },
  };
}

/** Kills a program, unless it has ended by itself. */
export function killIfRunning(child: Deno.ChildProcess): void {
  try {
    child.kill("SIGKILL");
  } catch { /* it has ended */ }
}

/** What a command said, without how long it took and how fast it was. */
export function timeless(text: string): string {
  return text.replaceAll(/\b(\d+\.\ds|\d+s|\d+m \d+s)(, [\d.]+ [KMG]?i?B\/s)?/g, "TIME");
}

/** A text without the digests in it. */
export function digestless(text: string): string {
  return text.replaceAll(/sha256:[0-9a-f]{64}/g, "DIGEST");
}

/** The command that `layerstash ARGS` is, as words: `deno run -A main.ts ARGS`, or the same with the program in one file. */
export function commandWords(args: string[]): string[] {
  return [Deno.execPath(), "run", "-A", ...PROGRAM, ...args];
}

function command(directory: string, args: string[], { env, under = [], stdin }: RunOptions): Deno.Command {
  const [program, ...rest] = [...under, ...commandWords(args)];
  return new Deno.Command(program!, {
    args: rest,
    cwd: directory,
    clearEnv: true,
    env: {
      ...bareEnvironment(directory),
      DOCKER_CONFIG: join(directory, "docker"),
      ...env,
    },
    stdin: stdin ? "piped" : "null",
    stdout: "piped",
    stderr: "piped",
  });
}

async function finish(child: Deno.ChildProcess, stdin: Uint8Array<ArrayBuffer> | undefined) {
  const feeding = stdin ? new Blob([stdin]).stream().pipeTo(child.stdin).catch(() => {}) : undefined;
  const [output] = await Promise.all([child.output(), feeding]);
  return output;
}
