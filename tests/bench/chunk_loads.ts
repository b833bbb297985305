/** Loads that show what chunks cost beside their bytes. @module */
import { join } from "node:path";
import { bareEnvironment } from "../rigs/system.ts";
import { writeSparseFile } from "../rigs/sparse_file.ts";
import { describeSize } from "./figures.ts";
import { runWords } from "./content.ts";
import type { Load, ReadyRace } from "./load.ts";
import { layerstash } from "./ours.ts";
import type { Race } from "./race.ts";
import { type Server, startServer } from "./servers.ts";
import type { Words } from "./work.ts";

/** In bytes: so small that only their number counts. */
const CHUNK = 64;

/** Stores files of many chunks in a directory, and lists one. */
export const manyChunks: Load = {
  name: "chunks",
  title: ({ chunks }) => `Upload of ${chunks.join(", ")} tiny chunks to a directory`,
  proves: "The cost of a chunk does not grow with their number, and memory stays bounded.",
  async prepare(bench) {
    const directory = await Deno.makeTempDir({ dir: bench.directory, prefix: "chunks-" });
    const upload = (chunks: number): Words => [
      ...["upload", "--registry", `oci:${join(directory, "box")}`, "-r", `bench/chunks${chunks}`],
      ...["-t", "many", "-i", join(directory, `${chunks}`), "--chunk-size", `${CHUNK}`],
    ];
    for (const chunks of bench.chunks) await writeSparseFile(join(directory, `${chunks}`), chunks * CHUNK);
    const tasks = bench.chunks.map((chunks) => ({
      name: `${chunks} chunks`,
      units: chunks,
      words: upload(chunks),
    }));
    return ownRace(directory, tasks, { runs: 1, isWarm: true, box: "box" });
  },
};

/** Once more, with nothing to do: ten times the large file, so that it has chunks. */
export const again: Load = {
  name: "again",
  title: ({ large }) => `Upload of ${describeSize(10 * large)} once more, to the tests' registry`,
  proves: "What is stored already is not read again.",
  async prepare(bench) {
    const directory = await Deno.makeTempDir({ dir: bench.directory, prefix: "again-" });
    const registry = await startServer("fake.ts");
    const file = join(directory, "file");
    await writeSparseFile(file, 10 * bench.large);
    const words = ["upload", "--registry", registry.host, "-r", "bench/again", "-t", "file", "-i", file];
    const race = ownRace(directory, [{ name: "layerstash", words }], { runs: bench.runs, registry });
    await runWords(layerstash(words), race.env);
    return race;
  },
};

interface OwnRace extends Pick<Race, "runs" | "isWarm"> {
  /** What goes after each run, with the journals. */
  box?: string;
  registry?: Server;
}

/** A race of layerstash alone, in a directory. */
function ownRace(
  directory: string,
  tasks: readonly { name: string; units?: number; words: Words }[],
  { box, registry, ...rest }: OwnRace,
): ReadyRace {
  const state = join(directory, "state");
  return {
    ...rest,
    contenders: tasks.map(({ words, ...task }) => ({
      ...task,
      ours: true,
      verifies: true,
      command: () => layerstash(words),
    })),
    bytes: 0,
    env: { ...bareEnvironment(directory), LAYERSTASH_STATE_DIR: state, LAYERSTASH_PROGRESS: "none" },
    servers: registry ? [registry.pid] : [],
    async after() {
      if (box === undefined) return;
      for (const path of [join(directory, box), state]) await Deno.remove(path, { recursive: true });
    },
    async [Symbol.asyncDispose]() {
      await registry?.[Symbol.asyncDispose]();
      await Deno.remove(directory, { recursive: true });
    },
  };
}
