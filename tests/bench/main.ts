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
import { digestOfFile } from "../rigs/sparse_file.ts";
import type { Bench } from "./contenders.ts";
import { LOADS } from "./loads.ts";
import { workplaceInMemory } from "./measured_run.ts";
import { presentPrograms } from "./peers.ts";
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
const results: Result[] = [];
await using place = await workplaceInMemory();
const file = join(place.directory, "file");
const size = Number(values.size) * 1024 ** 2;
await writeRandomFile(file, size);
const bench: Bench = {
  directory: place.directory,
  size,
  file,
  digest: await digestOfFile(file),
  present: await presentPrograms(),
};
for (const [name, setUp] of Object.entries(LOADS)) {
  if (positionals.length > 0 && !positionals.includes(name)) continue;
  await setUp(bench, async (load) => {
    const runs = load.runs ?? Number(values.runs);
    const found = await race(load, runs);
    results.push(...found);
    const bytes = load.bytes ? ` (${values.size} MiB)` : "";
    print(`\n${load.name}${bytes}, medians of ${runs} runs in turn\n${table(found)}`);
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
