/** Holds the import lines to the one direction in which they may run. @module */
import assert from "node:assert/strict";
import { dirname, join, posix, relative, sep } from "node:path";

const ROOT = join(import.meta.dirname!, "..");

/**
 * The floors, lowest first. A file imports from its own floor and from those below.
 * Events carry digests, and so they are above lib/oci.
 */
const FLOORS: readonly string[] = [
  "lib/errors.ts",
  "lib/messages.ts",
  "lib/arguments.ts",
  "lib/oci/",
  "lib/events.ts",
  "lib/async/",
  "lib/content/",
  "lib/encryption/",
  "lib/store/",
  "lib/http/",
  "lib/sign_in/",
  "lib/registry/",
  "lib/layout/",
  "lib/transfer/",
  "lib/files/",
  "lib/layers/",
  "lib/images/",
  "lib/stash/",
  "lib/blobs/",
  "lib/folders/",
  "lib/compare/",
  "lib/artifacts/",
  "lib/copy/",
  "lib/append/",
  "lib/archive/",
  "lib/serve/",
  "lib/open/",
  "lib/releases/",
  "lib/exports/",
  "main.ts",
  "lib/cli/",
  "lib/ship/",
];

/** The wing that is a store over HTTP. */
const REGISTRY_WING: readonly string[] = ["lib/http/", "lib/sign_in/", "lib/registry/"];
/** The wing that is a store on disk: a directory, or an archive that has one. */
const LAYOUT_WING: readonly string[] = ["lib/layout/", "lib/archive/"];
/** What uses a store: it knows the contract in lib/store, and no store. */
const USERS: readonly string[] = [
  "lib/transfer/",
  "lib/files/",
  "lib/layers/",
  "lib/images/",
  "lib/stash/",
  "lib/blobs/",
  "lib/folders/",
  "lib/compare/",
  "lib/artifacts/",
  "lib/copy/",
  "lib/append/",
  "lib/serve/",
];

/** The walls: what stands on one side imports nothing from the other, whatever the floors allow. */
const WALLS: readonly { between: readonly string[]; and: readonly string[] }[] = [
  { between: USERS, and: [...REGISTRY_WING, ...LAYOUT_WING, "lib/open/"] },
  { between: LAYOUT_WING, and: REGISTRY_WING },
  { between: ["lib/releases/"], and: [...LAYOUT_WING, "lib/registry/", "lib/open/"] },
];

/** The one line outside the command line that knows how the program was started. */
const START = /^if \(import\.meta\.main\) import\("\.\/lib\/cli\/.*\n?$/m;

/** Source texts by path from the project's top, such as `lib/errors.ts`. */
type Sources = ReadonlyMap<string, string>;

const sources = await readSources();

Deno.test("imports run one way", () => {
  assert.ok(sources.size > 30, "the files were not found");
  assert.deepEqual(upwardImports(sources), []);
});

Deno.test("users of a store know the contract, and the two kinds of store do not know each other", () => {
  assert.deepEqual(importsThroughWalls(sources), []);
});

Deno.test("below main.ts only lib/open knows both kinds of store", () => {
  const knows = (file: string, wing: readonly string[]) =>
    importsOf(file, sources).some((target) => isIn(target, wing));
  const both = [...sources.keys()].filter((file) =>
    FLOORS.indexOf("main.ts") > floorOf(file) && !isIn(file, [...REGISTRY_WING, ...LAYOUT_WING]) &&
    (knows(file, ["lib/registry/"]) || knows(file, LAYOUT_WING))
  );
  assert.deepEqual(both.filter((file) => !file.startsWith("lib/open/")), []);
  assert.ok(both.some((file) => knows(file, ["lib/registry/"]) && knows(file, LAYOUT_WING)));
});

Deno.test("every file belongs to a floor, and every floor has files", () => {
  const files = [...sources.keys()];
  assert.deepEqual(files.filter((file) => floorOf(file) < 0), []);
  assert.deepEqual(FLOORS.filter((layer) => !files.some((file) => file.startsWith(layer))), []);
});

Deno.test("CONTRIBUTING describes every floor, lowest first", async () => {
  const page = await Deno.readTextFile(join(ROOT, ".github/CONTRIBUTING.md"));
  const cells = Array.from(page.matchAll(/^\|([^|]*)/gm), ([, cell]) => cell).join();
  const named = Array.from(cells.matchAll(/`(main\.ts|lib\/[\w.]+)`/g), ([, name]) => name!);
  assert.deepEqual(named.map((name) => name.endsWith(".ts") ? name : `${name}/`), FLOORS);
});

Deno.test("files do not import each other in circles", () => {
  assert.equal(circleIn(sources), undefined);
});

Deno.test("importing the library does not load the command line", () => {
  const loaded = new Set(["main.ts"]);
  for (const file of loaded) importsOf(file, sources).forEach((each) => loaded.add(each));
  assert.ok(loaded.has("lib/layout/layout_store.ts"), "the imports were not found");
  assert.deepEqual([...loaded].filter((file) => file.startsWith("lib/cli/")), []);
});

Deno.test("only main.ts and the command line load the command line, even later", () => {
  assert.deepEqual(loadersOfCommandLine(sources), ["main.ts"]);
});

Deno.test("nothing below the command line prints, exits or reads the environment", () => {
  assert.deepEqual(usesOfTheProcess(sources), []);
});

Deno.test("main.ts reads the arguments in its last line only", () => {
  const text = sources.get("main.ts") ?? "";
  assert.equal(START.exec(text)?.[0].trimEnd(), text.trimEnd().split("\n").at(-1));
  assert.deepEqual(usesOfTheProcess(new Map([["main.ts", `Deno.args;\n${text}`]])), [
    "main.ts uses Deno.args",
  ]);
});

Deno.test("no two files export the same name", () => {
  assert.deepEqual(namesExportedTwice(sources), []);
});

Deno.test("the command line calls the library through its entries, and takes all else from where it is declared", () => {
  assert.ok(offeredFunctions(sources).size > 40, "the entries were not read");
  assert.deepEqual(detours(sources), []);
});

Deno.test("a break of these rules is noticed", () => {
  const upward = new Map([
    ["lib/oci/a.ts", 'import type {\n  B,\n} from "../content/b.ts";'],
    ["lib/content/b.ts", 'export * from "../oci/a.ts";\nnew Worker(new URL("./c.ts", import.meta.url));'],
    ["lib/content/c.ts", 'import "../stash/d.ts";'],
    ["lib/stash/d.ts", 'const program = await import("../cli/e.ts"); // Deno.exit is not used'],
    ["lib/cli/e.ts", "Deno.exit(1);"],
  ]);
  assert.deepEqual(upwardImports(upward), [
    "lib/oci/a.ts imports lib/content/b.ts",
    "lib/content/c.ts imports lib/stash/d.ts",
  ]);
  assert.equal(circleIn(upward), "lib/oci/a.ts -> lib/content/b.ts -> lib/oci/a.ts");
  assert.deepEqual(loadersOfCommandLine(upward), ["lib/stash/d.ts"]);
  const loud = 'for (const each of Deno.args) console.log("https://example.com"); // Deno.exit';
  const sidewards = new Map([
    ["lib/http/a.ts", 'import "../sign_in/b.ts";'],
    ["lib/sign_in/b.ts", 'import "../registry/c.ts";'],
    ["lib/registry/c.ts", 'import "../http/a.ts";\nimport "../errors.ts";'],
  ]);
  assert.deepEqual(upwardImports(sidewards), [
    "lib/http/a.ts imports lib/sign_in/b.ts",
    "lib/sign_in/b.ts imports lib/registry/c.ts",
  ]);
  const throughWalls = new Map([
    [
      "lib/stash/a.ts",
      'import { b } from "../registry/b.ts";\nimport type { Store } from "../store/store.ts";',
    ],
    ["lib/transfer/c.ts", 'import type { D } from "../http/d.ts";\nexport * from "../async/e.ts";'],
    ["lib/layout/f.ts", 'import "../sign_in/g.ts";\nimport "../content/h.ts";'],
    ["lib/open/i.ts", 'import "../registry/b.ts";\nimport "../layout/f.ts";'],
  ]);
  assert.deepEqual(importsThroughWalls(throughWalls), [
    "lib/stash/a.ts imports lib/registry/b.ts",
    "lib/transfer/c.ts imports lib/http/d.ts",
    "lib/layout/f.ts imports lib/sign_in/g.ts",
  ]);
  const around = new Map([
    ["main.ts", 'export { b } from "./lib/open/b.ts";\nexport interface C {}\nexport async function d() {}'],
    ["lib/open/b.ts", "export function b() {}\nexport interface E {}"],
    ["lib/exports/e.ts", 'export { b, type E } from "../open/b.ts";'],
    ["lib/cli/f.ts", 'import { b } from "../open/b.ts";\nimport type { E } from "../exports/e.ts";'],
    ["lib/cli/g.ts", 'import { b, type C, d } from "../../main.ts";\nimport type { E } from "../open/b.ts";'],
    ["lib/stash/h.ts", "export const b = 1;"],
  ]);
  assert.deepEqual(detours(around), [
    "lib/cli/f.ts takes b from lib/open/b.ts, not from an entry",
    "lib/cli/f.ts takes E from lib/exports/e.ts, which does not declare it",
  ]);
  assert.deepEqual(namesExportedTwice(around), ["b: lib/open/b.ts, lib/stash/h.ts"]);
  assert.deepEqual(usesOfTheProcess(new Map([["lib/oci/a.ts", loud]])), [
    "lib/oci/a.ts uses Deno.args",
    "lib/oci/a.ts uses console",
  ]);
});

async function readSources(): Promise<Sources> {
  const found = new Map<string, string>();
  const look = async (path: string): Promise<void> => {
    for await (const { name, isDirectory } of Deno.readDir(path)) {
      if (isDirectory) await look(join(path, name));
      else if (name.endsWith(".ts")) found.set(inProject(join(path, name)), "");
    }
  };
  await look(join(ROOT, "lib"));
  for (const file of [...found.keys(), "main.ts"]) found.set(file, await Deno.readTextFile(join(ROOT, file)));
  return found;
}

/** As imports name it, on Windows too. */
function inProject(path: string): string {
  return relative(ROOT, path).replaceAll(sep, "/");
}

function floorOf(file: string): number {
  return FLOORS.findIndex((layer) => file.startsWith(layer));
}

/** What is loaded together with a file: its imports and exports, also of types, and its workers. */
function importsOf(file: string, all: Sources): string[] {
  const text = all.get(file) ?? "";
  const patterns = [
    /^(?:import|export)\b[^"';]*\bfrom "(\.[^"]+)"/gm,
    /^import "(\.[^"]+)"/gm,
    /\bnew URL\("(\.[^"]+\.ts)"/g,
  ];
  return patterns.flatMap((pattern) => targets(file, text, pattern));
}

function laterImportsOf(file: string, all: Sources): string[] {
  return targets(file, all.get(file) ?? "", /\bimport\("(\.[^"]+)"\)/g);
}

function targets(file: string, text: string, pattern: RegExp): string[] {
  return [...text.matchAll(pattern)].map(([, target = ""]) => posix.join(dirname(file), target));
}

function upwardImports(all: Sources): string[] {
  return [...all.keys()].flatMap((file) =>
    importsOf(file, all).filter((target) => floorOf(target) > floorOf(file)).map((target) =>
      `${file} imports ${target}`
    )
  );
}

function isIn(file: string, folders: readonly string[]): boolean {
  return folders.some((folder) => file.startsWith(folder));
}

function importsThroughWalls(all: Sources): string[] {
  return [...all.keys()].flatMap((file) => {
    const forbidden = WALLS.filter(({ between }) => isIn(file, between)).flatMap(({ and }) => and);
    return importsOf(file, all).filter((target) => isIn(target, forbidden))
      .map((target) => `${file} imports ${target}`);
  });
}

/** What a file declares and exports: the kind of each name, such as `function`. */
function declarationsOf(text: string): Map<string, string> {
  const pattern =
    /^export (?:abstract )?(?:async )?(function|class|interface|type|const|let|enum)\b\*? (\w+)/gm;
  return new Map(Array.from(text.matchAll(pattern), ([, kind, name]) => [name!, kind!]));
}

function namesExportedTwice(all: Sources): string[] {
  const files = new Map<string, string[]>();
  for (const [file, text] of all) {
    for (const name of declarationsOf(text).keys()) files.set(name, [...files.get(name) ?? [], file]);
  }
  return Array.from(files, ([name, in_]) => in_.length > 1 ? `${name}: ${in_.join(", ")}` : []).flat();
}

/** The names that one file takes from another, to use them or to pass them on. */
function takenNames(file: string, text: string, verb: "import" | "export"): [name: string, from: string][] {
  const lines = text.matchAll(new RegExp(`^${verb} (?:type )?\\{([^}]*)\\} from "(\\.[^"]+)"`, "gm"));
  return Array.from(lines).flatMap(([, names = "", target = ""]) =>
    names.split(",").map((each) => each.trim().replace(/^type /, "").replace(/ as .*/, "")).filter(Boolean)
      .map((name): [string, string] => [name, posix.join(dirname(file), target)])
  );
}

function isEntry(file: string): boolean {
  return file === "main.ts" || file.startsWith("lib/exports/");
}

/** The functions that the library offers, as `file#name` of their declarations. */
function offeredFunctions(all: Sources): Set<string> {
  const offered = [...all].filter(([file]) => isEntry(file)).flatMap(([file, text]) => [
    ...[...declarationsOf(text).keys()].map((name) => [name, file] as const),
    ...takenNames(file, text, "export"),
  ]);
  return new Set(
    offered.filter(([name, file]) => declarationsOf(all.get(file) ?? "").get(name) === "function")
      .map(([name, file]) => `${file}#${name}`),
  );
}

/** Where the command line takes a function past the entries, or anything else from an entry that only passes it on. */
function detours(all: Sources): string[] {
  const offered = offeredFunctions(all);
  const isDeclared = (name: string, file: string) => declarationsOf(all.get(file) ?? "").has(name);
  const offeredNames = new Set(Array.from(offered, (each) => each.split("#")[1]!));
  return [...all].filter(([file]) => file.startsWith("lib/cli/")).flatMap(([file, text]) =>
    takenNames(file, text, "import").flatMap(([name, from]) => {
      if (isEntry(from)) {
        const fits = offeredNames.has(name) || isDeclared(name, from);
        return fits ? [] : [`${file} takes ${name} from ${from}, which does not declare it`];
      }
      return offered.has(`${from}#${name}`) ? [`${file} takes ${name} from ${from}, not from an entry`] : [];
    })
  );
}

function circleIn(all: Sources): string | undefined {
  const finished = new Set<string>();
  const walk = (file: string, path: string[]): string | undefined => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file].join(" -> ");
    if (finished.has(file)) return undefined;
    for (const target of importsOf(file, all)) {
      const circle = walk(target, [...path, file]);
      if (circle) return circle;
    }
    finished.add(file);
    return undefined;
  };
  return [...all.keys()].map((file) => walk(file, [])).find((circle) => circle !== undefined);
}

/** What people start: the command line, and what builds it. */
function isOnTop(file: string): boolean {
  return file.startsWith("lib/cli/") || file.startsWith("lib/ship/");
}

function loadersOfCommandLine(all: Sources): string[] {
  const others = [...all.keys()].filter((file) => !isOnTop(file));
  const loads = (file: string) =>
    [...importsOf(file, all), ...laterImportsOf(file, all)].some((target) => target.startsWith("lib/cli/"));
  return others.filter(loads);
}

function usesOfTheProcess(all: Sources): string[] {
  const below = [...all].filter(([file]) => !isOnTop(file))
    .map(([file, text]) => [file, file === "main.ts" ? text.replace(START, "") : text] as const);
  return below.flatMap(([file, text]) => {
    const uses = withoutComments(text).matchAll(
      /\b(?:(?:console|process)(?=[.[])(?!\.getBuiltinModule\()|Deno\.(?:exit|env|args|stdin|stdout|stderr)\b)/g,
    );
    return [...new Set(Array.from(uses, ([use]) => `${file} uses ${use}`))];
  });
}

function withoutComments(text: string): string {
  return text.replaceAll(/\/\*.*?\*\//gs, "").replaceAll(/(^|\s)\/\/.*$/gm, "");
}
