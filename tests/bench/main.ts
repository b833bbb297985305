/**
 * Measures layerstash beside other programs, on the same work, in turn, in one run: layerstash hashes and verifies,
 * curl does neither. `deno task bench [--size MiB] [--runs N] [--out FILE] [LOAD...]` prints tables, and writes the
 * figures as JSON.
 *
 * @module
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { ensureTool } from "../rigs/debian.ts";
import { type Bench, LOADS } from "./loads.ts";
import { workplaceInMemory } from "./measured_run.ts";
import { race, type Result, table } from "./race.ts";

const { values, positionals } = parseArgs({
  options: {
    size: { type: "string", default: "1024" },
    runs: { type: "string", default: "5" },
    out: { type: "string", default: "bench.json" },
  },
  allowPositionals: true,
});
const unknown = positionals.filter((name) => !(name in LOADS));
if (unknown.length > 0) {
  throw new Error(`there is no load ${unknown}: there are ${Object.keys(LOADS).join(", ")}`);
}

for (
  const [program, debianPackage] of [["python3", "python3"], ["curl", "curl"], [
    "docker-registry",
    "docker-registry",
  ], ["nginx", "nginx-light"]] as const
) {
  if (!await ensureTool(program, debianPackage)) Deno.exit(1);
}
const present = new Set<string>();
for (const program of ["curl", "skopeo", "oras", "crane", "regctl"]) {
  const found = await new Deno.Command("which", { args: [program], stdout: "null" }).output();
  if (found.success) present.add(program);
}

const results: Result[] = [];
await using place = await workplaceInMemory();
const bench: Bench = {
  directory: place.directory,
  size: Number(values.size) * 1024 ** 2,
  has: (it) => present.has(it),
};
await writeRandomFile(join(place.directory, "file"), bench.size);
for (const [name, setUp] of Object.entries(LOADS)) {
  if (positionals.length > 0 && !positionals.includes(name)) continue;
  await setUp(bench, async (load) => {
    const runs = load.name.includes("long link") ? 1 : Number(values.runs);
    const found = await race(load, runs);
    results.push(...found);
    print(
      `\n${load.name}${load.bytes ? ` (${values.size} MiB)` : ""}, medians of ${runs} runs in turn\n${
        table(found)
      }`,
    );
  });
}
await Deno.writeTextFile(values.out, `${JSON.stringify(results, null, 2)}\n`);
print(`\nthe figures are in ${values.out}`);
Deno.exit(0);

async function writeRandomFile(path: string, size: number): Promise<void> {
  using file = await Deno.open(path, { write: true, create: true });
  const piece = new Uint8Array(65536);
  for (let position = 0; position < size; position += piece.length) {
    crypto.getRandomValues(piece);
    await file.write(piece.subarray(0, size - position));
  }
}

function print(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
}
