/** Makes `dist/layerstash.js`: the whole program in one file, for plain `deno run`. @module */
import { basename, dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { writeAtomically } from "../content/atomic_file.ts";

/** Where the program begins. It loads the library for the commands that need it; `main.ts` would load it for all. */
const PROGRAM = fileURLToPath(new URL("../cli/program.ts", import.meta.url));
/** The files that run in threads. The program names each once, by {@linkcode urlOf}. */
const WORKERS = [
  "../content/hash_worker.ts",
  "../encryption/cipher_worker.ts",
  "../layers/decoding_worker.ts",
  "../folders/pack_worker.ts",
  "../folders/unpack_worker.ts",
  "../images/writing_worker.ts",
  "../serve/password_worker.ts",
];

/** How the source names the file of a thread. The bundle is one file, so it contains that file as text. */
function urlOf(worker: string): string {
  return `new URL("./${basename(worker)}", import.meta.url)`;
}

/**
 * Keeps the program small. V8 would let garbage grow to several times what is in use: with 100,000 chunks or entries that is
 * a third of all memory, and collecting it earlier takes no time that shows. Threads that pack ask for it where they can.
 */
export const V8_FLAGS = "--v8-flags=--heap-growing-percent=30,--max-semi-space-size=4,--expose-gc";

/** The path of the bundle. */
export const BUNDLE = fileURLToPath(new URL("../../dist/layerstash.js", import.meta.url));

/**
 * Makes the bundle, and returns its path.
 *
 * @throws {Error} if `deno bundle` fails, or the program names a thread in another way
 */
export async function makeBundle(path: string = BUNDLE): Promise<string> {
  let program = importingLate(await bundled(PROGRAM));
  for (const worker of WORKERS) program = await withWorker(program, worker);
  await Deno.mkdir(dirname(path), { recursive: true });
  const text = `#!/usr/bin/env -S deno run --no-config -A ${V8_FLAGS}\n${inAscii(program)}`;
  await writeAtomically(path, new TextEncoder().encode(text), { mode: 0o755 });
  return path;
}

/** An import of a module of Deno itself, as in `import { join as join2 } from "node:path";`. */
const BUILTIN = /^import (.+) from "(node:.+)";\n/gm;
/** The begin of the function that runs a file when it is needed. */
const FILE_RUNS = /__esm\(\{\n +"[^"]+"\(\) \{\n/;

/**
 * Makes each file load modules of Deno when the file itself is needed. In one file their imports would all stand at the top,
 * and loading them takes longer than most commands.
 */
function importingLate(program: string): string {
  return program.split(/^(?=\/\/ .+\.[cm]?[jt]s\n)/m).map((file) => {
    const runs = FILE_RUNS.exec(file);
    if (!runs) return file;
    const loads: string[] = [];
    const imports = file.slice(0, runs.index).replace(BUILTIN, (_line, names: string, module: string) => {
      const target = names.replace("* as ", "").replaceAll(" as ", ": ");
      loads.push(`    (${target} = globalThis.process.getBuiltinModule("${module}"));\n`);
      return `var ${names.replace("* as ", "").replaceAll(/[\w$]+ as |[{}]/g, "")};\n`;
    });
    return imports + runs[0] + loads.join("") + file.slice(runs.index + runs[0].length);
  }).join("");
}

/** Puts the file of a thread into the program. */
async function withWorker(program: string, worker: string): Promise<string> {
  const pieces = program.split(urlOf(worker));
  if (pieces.length !== 2) {
    throw new Error(`the bundle contains ${urlOf(worker)} ${pieces.length - 1} times, not once`);
  }
  const text = await bundled(fileURLToPath(new URL(worker, import.meta.url)));
  return pieces.join(JSON.stringify(`data:text/javascript,${encodeURIComponent(text)}`));
}

/**
 * Writes all characters that are not ASCII as escapes, which is the same to a program. One of them is enough for V8 to keep
 * the whole text with two bytes each, and the program starts later.
 */
function inAscii(program: string): string {
  return program.replaceAll(
    /[^\0-\x7f]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

async function bundled(entry: string): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["bundle", "--quiet", "--frozen", "--platform", "deno", entry],
    cwd: dirname(entry), // deno bundle looks for the import map from there on
    env: { NO_COLOR: "1" },
  }).output();
  if (!success) throw new Error(`deno bundle: ${new TextDecoder().decode(stderr).trim()}`);
  return new TextDecoder().decode(stdout);
}

// deno-lint-ignore no-console -- the task prints what it made
if (import.meta.main) console.log(await makeBundle());
