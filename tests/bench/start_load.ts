/** The load that shows what is paid before anything is done. @module */
import { join } from "node:path";
import { commandWords } from "../rigs/command_line.ts";
import { bareEnvironment } from "../rigs/system.ts";
import type { Bench, Load } from "./load.ts";
import { layerstash } from "./ours.ts";
import type { Contender } from "./race.ts";
import { runWords } from "./content.ts";
import type { Words } from "./work.ts";

const FLOOR = "bare Deno";
/** It takes so little that many runs cost nothing. */
const RUNS_OF_ONE = 4;

/** Starts in all forms of the program. */
export const start: Load = {
  name: "start",
  title: () => "Start of the program",
  proves: "What is not needed is not loaded.",
  floor: FLOOR,
  async prepare(bench) {
    const directory = await Deno.makeTempDir({ dir: bench.directory, prefix: "start-" });
    const env = { ...bareEnvironment(directory), DOCKER_CONFIG: directory };
    const { forms, lacks } = await makeForms(directory);
    const box = `oci:${join(directory, "box")}`;
    const file = join(directory, "file");
    await Deno.writeTextFile(file, "a small file");
    await runWords(layerstash(["upload", "--registry", box, "-r", "me/files", "-t", "a", "-i", file]), env);
    const tasks: Record<string, Words> = {
      "--version": ["--version"],
      "--help": ["--help"],
      "completion": ["complete", "--", "up"],
      "list of a directory": ["list", "--registry", box, "-r", "me/files"],
    };
    const ours = Object.entries(tasks).flatMap(([task, words]) =>
      forms.map(({ form, command }) => contender(`${form} ${task}`, true, [...command, ...words]))
    );
    return {
      contenders: [...ours, ...await others(directory, bench)],
      runs: RUNS_OF_ONE * bench.runs,
      bytes: 0,
      env,
      servers: [],
      lacks,
      after: () => Promise.resolve(),
      [Symbol.asyncDispose]: () => Deno.remove(directory, { recursive: true }),
    };
  },
};

interface Form {
  form: string;
  command: Words;
}

/** The checkout, the bundle, and the compiled program where it can be made. */
async function makeForms(directory: string): Promise<{ forms: Form[]; lacks?: string }> {
  const forms = [
    { form: "checkout", command: commandWords([]) },
    { form: "single file", command: layerstash([]) },
  ];
  const build = join(import.meta.dirname!, "../../lib/ship/build.ts");
  try {
    await runWords([Deno.execPath(), "run", "-A", "--frozen", build, "--out", directory], {});
  } catch (error) {
    const said = (error as Error).message;
    return { forms, lacks: `there is no compiled program: ${/cannot build.*/.exec(said)?.[0] ?? said}` };
  }
  const program = Array.from(Deno.readDirSync(directory), ({ name }) => name)
    .find((name) => name.startsWith("layerstash-"));
  return { forms: [...forms, { form: "compiled", command: [join(directory, program!)] }] };
}

async function others(directory: string, { programs }: Bench): Promise<Contender[]> {
  const empty = join(directory, "empty.js");
  await Deno.writeTextFile(empty, "");
  const bare = contender(FLOOR, false, [Deno.execPath(), "run", "--no-config", "-A", empty]);
  const peers = (["crane", "regctl", "oras"] as const).flatMap((name) => {
    const path = programs.path(name);
    return path === undefined ? [] : [contender(`${name} version`, false, [path, "version"])];
  });
  return [bare, ...peers];
}

function contender(name: string, ours: boolean, words: Words): Contender {
  return { name, ours, verifies: false, command: () => words };
}
