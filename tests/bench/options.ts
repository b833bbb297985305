/** The options of the benchmark, and their help. @module */
import { parseArgs } from "node:util";
import type { Load } from "./load.ts";
import { PROGRAM_NAMES, type ProgramName } from "./programs.ts";

/** What is wanted. */
export interface Options {
  /** The size of a large file, in MiB. */
  size: number;
  entries: number;
  chunks: number[];
  runs: number;
  /** The programs that may take part. */
  programs: ProgramName[];
  /** The file of the results; the page stands beside it. */
  out: string;
  /** Whether the results that the file has already stay there. */
  add: boolean;
  loads: readonly Load[];
}

const USAGE = `Usage: deno task bench [options] [LOAD...]

Measures layerstash beside other programs: the same work, in turn, in one run.
Prints tables, and writes the figures as JSON and as a page with plots.

Options:
  --quick         a few minutes: 64 MiB, 8000 entries, and the loads that are marked with *
  --full          also 100,000 chunks
  --size MiB      the size of a large file (1024)
  --entries N     how many entries an image has (77000)
  --runs N        how often each program runs, beside a first run that does not count (3)
  --programs A,B  only these programs take part: ${PROGRAM_NAMES.join(", ")}
  --out FILE      the figures (bench.json); the page has the same name, with .html
  --add           keep the results of other loads that FILE has already
  --help          print this help

Loads:
`;

/** What can be chosen. */
export interface Choice {
  all: readonly Load[];
  /** The names of the loads of a quick benchmark. */
  core: readonly string[];
}

/** The help, with all loads. */
export function usage({ all, core }: Choice): string {
  const width = Math.max(...all.map(({ name }) => name.length));
  const lines = all.map(({ name, proves }) =>
    `${core.includes(name) ? "*" : " "} ${name.padEnd(width)}  ${proves}`
  );
  return `${USAGE}${lines.join("\n")}\n`;
}

/**
 * Reads the arguments; `undefined` = help is wanted.
 *
 * @throws {Error} that says what is wrong with them
 */
export function parseOptions(args: string[], { all, core }: Choice): Options | undefined {
  const { values, positionals } = parseArgs({
    args,
    options: {
      quick: { type: "boolean" },
      full: { type: "boolean" },
      add: { type: "boolean", default: false },
      help: { type: "boolean", short: "h" },
      size: { type: "string" },
      entries: { type: "string" },
      runs: { type: "string" },
      programs: { type: "string", default: PROGRAM_NAMES.join() },
      out: { type: "string", default: "bench.json" },
    },
    allowPositionals: true,
  });
  if (values.help) return undefined;
  const { quick, full } = values;
  const number = (name: "size" | "entries" | "runs", usual: number) => positive(name, values[name] ?? usual);
  return {
    size: number("size", quick ? 64 : 1024),
    entries: number("entries", quick ? 8000 : 77_000),
    runs: number("runs", 3),
    chunks: [1000, ...(quick ? [] : [10_000]), ...(full ? [100_000] : [])],
    programs: values.programs.split(",").map((name) => known(name, PROGRAM_NAMES, "program")),
    out: values.out,
    add: values.add,
    loads: chosen(positionals, quick ? all.filter(({ name }) => core.includes(name)) : all, all),
  };
}

function chosen(names: string[], usual: readonly Load[], all: readonly Load[]): readonly Load[] {
  if (names.length === 0) return usual;
  const wanted = names.map((name) => known(name, all.map((load) => load.name), "load"));
  return all.filter(({ name }) => wanted.includes(name));
}

function positive(name: string, value: string | number): number {
  const number = Number(value);
  if (Number.isInteger(number) && number > 0) return number;
  throw new Error(`--${name} has to be a whole number above 0, and ${value} is none`);
}

function known<T extends string>(name: string, names: readonly T[], kind: string): T {
  const found = names.find((each) => each === name);
  if (found !== undefined) return found;
  const nearest = names.toSorted((a, b) => distance(name, a) - distance(name, b))[0];
  throw new Error(`there is no ${kind} ${name}: did you mean ${nearest}? There are ${names.join(", ")}`);
}

/** How many letters have to be put in, taken out or replaced to make one word of the other. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + Number(a[i - 1] !== b[j - 1])));
    }
    row = next;
  }
  return row[b.length]!;
}
