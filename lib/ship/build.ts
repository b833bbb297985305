/** Compiles layerstash into programs that need nothing else: `deno task build [--target T | --all] [--out DIR]`. @module */
import { createHash } from "node:crypto";
import { basename, dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { VERSION } from "../cli/version.ts";
import { programName, TARGETS } from "../releases/released_program.ts";
import { BUNDLE, makeBundle, V8_FLAGS } from "./bundle.ts";
import { doMainJob } from "./main_job.ts";

/** The permissions of the programs: network, files, environment, other programs, memory, and the C library for folders. */
export const PERMISSIONS = ["net", "read", "write", "env", "run", "sys", "ffi"].map((name) =>
  `--allow-${name}`
);

async function main(): Promise<void> {
  const { values: { target, all, out } } = parseArgs({
    options: { target: { type: "string" }, all: { type: "boolean" }, out: { type: "string" } },
  });
  if (target !== undefined && !(TARGETS as readonly string[]).includes(target)) {
    throw new Error(`there is no target ${target}; the targets are ${TARGETS.join(", ")}`);
  }
  const directory = out === undefined ? dirname(BUNDLE) : resolve(out);
  const bundle = await makeBundle(join(directory, basename(BUNDLE)));
  const made = [bundle];
  for (const each of all ? TARGETS : [target ?? Deno.build.target]) {
    const program = join(directory, programName(VERSION, each));
    await compile(bundle, program, each);
    if (each === Deno.build.target) await checkProgram(program);
    made.push(program);
  }
  await Deno.writeTextFile(join(directory, "SHA256SUMS"), (await Promise.all(made.map(sumLine))).join(""));
  report(`made in ${directory}: ${[...made.map((path) => basename(path)), "SHA256SUMS"].join(", ")}`);
}

/** Compiles the bundle. It contains its worker, so nothing else needs to be included. */
async function compile(bundle: string, program: string, target: string): Promise<void> {
  const options = [
    "--quiet",
    "--no-config",
    "--no-lock",
    "--no-check",
    "--no-prompt",
    V8_FLAGS,
    ...PERMISSIONS,
  ];
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["compile", ...options, "--target", target, "--output", program, bundle],
    env: { NO_COLOR: "1" },
  }).output();
  if (success) return;
  const said = new TextDecoder().decode(stderr);
  if (/dl\.deno\.land|denort/i.test(said)) {
    throw new Error(
      `cannot build ${target}: the base binary could not be fetched from dl.deno.land; set DENORT_BIN to the path of a denort`,
    );
  }
  throw new Error(
    `cannot build ${target}: ${(/^error: (.*)/m.exec(said)?.[1] ?? said.trim()).split("\n")[0]}`,
  );
}

async function checkProgram(program: string): Promise<void> {
  try {
    await doMainJob([program]);
  } catch (error) {
    await Deno.remove(program);
    throw new Error(`${basename(program)} does not work: ${(error as Error).message}`, { cause: error });
  }
}

async function sumLine(path: string): Promise<string> {
  return `${createHash("sha256").update(await Deno.readFile(path)).digest("hex")}  ${basename(path)}\n`;
}

function report(line: string): void {
  // deno-lint-ignore no-console -- the task prints what it made
  console.error(line);
}

if (import.meta.main) {
  await main().catch((error: Error) => {
    report(`layerstash: ${error.message}`);
    Deno.exit(1);
  });
}
