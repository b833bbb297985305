/**
 * Runs the tests for `deno task test`: its files side by side, each test with a deadline; at the end it says how many
 * tests were skipped, and why. Arguments go to `deno test`. With `--no-skips`, a test that is skipped is a failure.
 *
 * @module
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { announcedIn, startNotes } from "./rigs/run_notes.ts";
import { denoDirectory } from "./rigs/system.ts";

const PRELOAD = join(import.meta.dirname!, "rigs/preload.ts");
/** With the examples of the documentation; `deno task static` checks types. */
const HOW = ["-A", "--frozen", "--no-check", "--doc", "--parallel", "--preload", PRELOAD];
const NO_SKIPS = "--no-skips";
/** One file more than there are processors: many tests wait for a program that they have started, or for a disk. */
const DENO_JOBS = Deno.env.get("DENO_JOBS") ?? `${navigator.hardwareConcurrency + 1}`;

/** How a run ended. */
interface Run {
  code: number;
  skipped: number;
  /** What could not be tested here, and why. */
  reasons: string[];
}

async function run(args: string[]): Promise<Run> {
  const { directory, env } = await startNotes();
  try {
    const report = join(directory, "report.xml");
    const all = ["test", ...HOW, "--junit-path", report, ...args];
    const more = { ...env, DENO_DIR: denoDirectory(), DENO_JOBS };
    const { code } = await new Deno.Command(Deno.execPath(), { args: all, env: more }).spawn().status;
    // There is no report where no test was run, as with --help.
    const text = existsSync(report) ? await Deno.readTextFile(report) : "";
    return { code, skipped: text.match(/<skipped/g)?.length ?? 0, reasons: announcedIn(directory) };
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

function print(line: string): void {
  // deno-lint-ignore no-console -- it is for whoever runs the tests
  console.log(line);
}

const args = Deno.args.filter((each) => each !== NO_SKIPS);
const { code, skipped, reasons } = await run(args);
reasons.forEach(print);
print(`${skipped} tests were skipped`);
const demanded = args.length < Deno.args.length;
Deno.exit(code === 0 && demanded && (skipped > 0 || reasons.length > 0) ? 1 : code);
