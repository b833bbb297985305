/**
 * Measures layerstash beside other programs, on the same work, in turn, in one run. `deno task bench --help` tells
 * the loads and the options. It prints tables, and writes the figures as JSON and as a page.
 *
 * @module
 */
import { makeBundle } from "../../lib/ship/bundle.ts";
import { ensureTool } from "../rigs/debian.ts";
import { CORE, LOADS } from "./loads.ts";
import { describeMachine, workplaceInMemory } from "./machine.ts";
import { type Options, parseOptions, usage } from "./options.ts";
import { renderPage } from "./page.ts";
import { Programs } from "./programs.ts";
import { merge, type Report } from "./results.ts";
import { benchOf, runLoad } from "./run_load.ts";
import { describeLoad } from "./text_table.ts";

const interruption = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.addSignalListener(signal, () => interruption.abort(new Error(`interrupted by ${signal}`)));
}
const choice = { all: LOADS, core: CORE };
try {
  const options = parseOptions(Deno.args, choice);
  Deno.exitCode = options ? await main(options) : (print(usage(choice)), 0);
} catch (error) {
  print(`bench: ${(error as Error).message}`);
  Deno.exitCode = 1;
}
Deno.exit();

/** Runs the loads; gives the exit code. A load that cannot be run does not keep the others from it. */
async function main(options: Options): Promise<number> {
  if (!await ensureTool("python3", "python3")) throw new Error("python3 is missing: it measures");
  await makeBundle();
  await using place = await workplaceInMemory();
  const programs = await Programs.find(options.programs);
  const bench = benchOf(options, { directory: place.directory, programs });
  let report = await beginReport(options, programs);
  const failed: string[] = [];
  for (const load of options.loads) {
    try {
      const result = await runLoad(load, bench, interruption.signal);
      print(`\n${describeLoad(result)}`);
      report = merge(report, { ...report, loads: [result] });
      await write(options.out, report);
      if (result.failures.some(({ ours }) => ours)) failed.push(load.name);
    } catch (error) {
      interruption.signal.throwIfAborted();
      failed.push(load.name);
      print(`\n${load.name} could not be run: ${(error as Error).message}`);
    }
  }
  print(`\nthe figures are in ${options.out} and ${pageOf(options.out)}`);
  if (programs.missing.length > 0) {
    print(`missing: ${programs.missing.join(", ")} (${programs.missing.length})`);
  }
  if (failed.length > 0) print(`failed: ${failed.join(", ")} (${failed.length})`);
  return failed.length > 0 ? 1 : 0;
}

/** A report without results, or with those of the file that is to be added to. */
async function beginReport({ out, add }: Options, programs: Programs): Promise<Report> {
  const machine = await describeMachine();
  const { missing } = programs;
  const report = { machine, programs: await programs.versions(), missing, loads: [] };
  const isThere = await Deno.stat(out).then(() => true, () => false);
  return add && isThere ? merge(JSON.parse(await Deno.readTextFile(out)), report) : report;
}

async function write(path: string, report: Report): Promise<void> {
  await Deno.writeTextFile(path, `${JSON.stringify(report, null, 1)}\n`);
  await Deno.writeTextFile(pageOf(path), renderPage(report));
}

function pageOf(path: string): string {
  return `${path.replace(/\.json$/, "")}.html`;
}

function print(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
}
