/** What is loaded before a command runs, counted in modules: loading takes most of the time of a short command. @module */
import assert from "node:assert/strict";
import { join, relative, sep } from "node:path";

const ROOT = join(import.meta.dirname!, "..");

interface Loaded {
  roots: string[];
  modules: { specifier: string; dependencies?: { isDynamic?: boolean; code?: { specifier?: string } }[] }[];
}

/** What a file loads before its first line runs: its imports and theirs, but not those of `import()`. */
async function loadedWith(file: string): Promise<Set<string>> {
  const { stdout } = await new Deno.Command(Deno.execPath(), { args: ["info", "--json", join(ROOT, file)] })
    .output();
  const { roots, modules } = JSON.parse(new TextDecoder().decode(stdout)) as Loaded;
  const found = new Map(modules.map((module) => [module.specifier, module]));
  const loaded = new Set(roots);
  for (const specifier of loaded) {
    for (const { isDynamic, code } of found.get(specifier)?.dependencies ?? []) {
      if (!isDynamic && code?.specifier) loaded.add(code.specifier);
    }
  }
  return new Set(Array.from(loaded, inProject));
}

function inProject(specifier: string): string {
  if (!specifier.startsWith("file:")) return specifier;
  return relative(ROOT, new URL(specifier).pathname).replaceAll(sep, "/");
}

/** Modules of Deno itself that take long to load, and packages: only what uses them may wait for them. */
const HEAVY =
  /^node:(crypto|zlib|fs|fs\/promises|stream|stream\/.*|process|http|https|tls|net|child_process|module)$|commander|clack|minimatch|xmldom/;

const heavyOf = (loaded: Set<string>) => [...loaded].filter((each) => HEAVY.test(each));
const commandsOf = (loaded: Set<string>) => [...loaded].filter((each) => /^lib\/cli\/commands\//.test(each));

Deno.test("the library, the version and the help of the program load nothing heavy", async () => {
  const library = await loadedWith("main.ts");
  assert.ok(library.has("lib/layout/layout_store.ts"), "the imports were not found");
  assert.deepEqual(heavyOf(library), []);
  const program = await loadedWith("lib/cli/program.ts");
  assert.deepEqual(heavyOf(program), []);
  assert.deepEqual(commandsOf(program), []);
  assert.ok(
    program.has("lib/cli/help/topics.ts") && !program.has("lib/cli/help/topic_texts.ts"),
    "texts are loaded",
  );
  const more = [...program].filter((each) => !library.has(each));
  assert.ok(more.length <= 8, `the first answer loads ${more.join(", ")}`);
});

Deno.test("a command loads itself, and no other command", async () => {
  const reader = await loadedWith("lib/cli/run_command.ts");
  assert.deepEqual(commandsOf(reader), []);
  const list = await loadedWith("lib/cli/commands/list.ts");
  assert.deepEqual(commandsOf(list), ["lib/cli/commands/list.ts"]);
  assert.deepEqual([...list, ...reader].filter((each) => /^lib\/(copy|append|blobs)\//.test(each)), []);
  assert.ok(
    ![...list, ...reader].includes("lib/exports/images.ts"),
    "what reads images is loaded for a list",
  );
});

Deno.test("after an answer the process ends by itself, so that Deno stores what it has compiled", async () => {
  for (const words of [["--version"], ["help"], ["completions", "bash"], ["complete", "--", "up"]]) {
    const script = `import { runCommandLine } from "./lib/cli/program.ts";
      await runCommandLine(${JSON.stringify(words)});
      console.error("goes on with", Deno.exitCode);`;
    const { stderr } = await new Deno.Command(Deno.execPath(), { args: ["eval", script], cwd: ROOT })
      .output();
    assert.equal(new TextDecoder().decode(stderr), "goes on with 0\n", words.join(" "));
  }
});

Deno.test("Deno reads what import() names only when it runs", async () => {
  const { unstable } = JSON.parse(await Deno.readTextFile(join(ROOT, "deno.json")));
  assert.ok(unstable.includes("lazy-dynamic-imports"));
});
