/** Loads that show what it takes to pack and to restore a folder, beside `tar` and `gzip`. @module */
import { join } from "node:path";
import { BUNDLE } from "../../lib/ship/bundle.ts";
import { someBytes } from "../rigs/content.ts";
import { bareEnvironment } from "../rigs/system.ts";
import { runWords } from "./content.ts";
import { describeSize } from "./figures.ts";
import type { Bench, Load, ReadyRace } from "./load.ts";
import { layerstash } from "./ours.ts";
import type { Words } from "./work.ts";

/** What is in a folder: many small texts, two large texts, or two large files in which nothing can be packed. */
type Kind = "small" | "text" | "random";

/** The loads. */
export const FOLDER_LOADS: readonly Load[] = (["small", "text", "random"] as const).flatMap((kind) => [
  {
    name: `pack-${kind}`,
    title: (bench) => `Storing a folder of ${described(kind, bench)} in a directory`,
    proves: "Packing a folder keeps up with tar and gzip, and each file can be read by itself.",
    prepare: (bench) => prepare("pack", { kind, bench }),
  },
  {
    name: `restore-${kind}`,
    title: (bench) => `Restoring a folder of ${described(kind, bench)} from a directory`,
    proves: "Restoring a folder keeps up with tar, and every file is verified.",
    prepare: (bench) => prepare("restore", { kind, bench }),
  },
]);

function described(kind: Kind, { entries, large }: Bench): string {
  return kind === "small" ? `${entries} files of 1.6 KB` : `two ${kind} files, ${describeSize(large)}`;
}

async function prepare(
  what: "pack" | "restore",
  { kind, bench }: { kind: Kind; bench: Bench },
): Promise<ReadyRace> {
  const directory = await Deno.makeTempDir({ dir: bench.directory, prefix: "folder-" });
  const at = (name: string) => join(directory, name);
  const state = at("state");
  const env = { ...bareEnvironment(directory), LAYERSTASH_STATE_DIR: state, LAYERSTASH_PROGRESS: "none" };
  await writeFolder(at("folder"), kind, bench);
  const store = (name: string) => layerstash(["upload", at("folder"), `oci:${at(name)}/bench/folder:f`]);
  const archive = (name: string) => bash('tar c -C "$0" . | gzip -1 > "$1"', at("folder"), at(name));
  if (what === "restore") {
    for (const words of [store("box"), archive("archive")]) {
      await runWords(words, env);
    }
  }
  const [ours, theirs] = what === "pack" ? [store("output"), archive("output")] : [
    layerstash(["download", `oci:${at("box")}/bench/folder:f`, at("output")]),
    bash('mkdir "$1" && tar xzf "$0" -C "$1"', at("archive"), at("output")),
  ];
  return {
    contenders: [
      { name: "layerstash", ours: true, verifies: true, command: () => ours },
      {
        name: what === "pack" ? "tar, gzip -1" : "tar xz",
        ours: false,
        verifies: false,
        command: () => theirs,
      },
    ],
    ...{ runs: bench.runs, bytes: kind === "small" ? 0 : bench.large, env, servers: [] },
    async after() {
      for (const path of [at("output"), state]) await Deno.remove(path, { recursive: true }).catch(() => {});
    },
    [Symbol.asyncDispose]: () => Deno.remove(directory, { recursive: true }),
  };
}

function bash(script: string, ...words: string[]): Words {
  return ["bash", "-o", "pipefail", "-c", script, ...words];
}

async function writeFolder(folder: string, kind: Kind, { entries, large }: Bench): Promise<void> {
  const text = await Deno.readFile(BUNDLE);
  if (kind === "small") return await writeSmallFiles(folder, entries, text);
  await Deno.mkdir(folder);
  for (const name of ["one", "two"]) {
    using file = await Deno.open(join(folder, name), { write: true, create: true });
    for (let size = 0, piece = 0; size < large / 2; size += 4096, piece++) {
      const start = Math.imul(piece, 2654435761) >>> 11; // anywhere in its first two million bytes
      file.writeSync(kind === "text" ? text.subarray(start, start + 4096) : someBytes(4096, piece + 1));
    }
  }
}

/** Writes so many files of 400 to 2800 bytes, a hundred in a directory. */
async function writeSmallFiles(folder: string, count: number, text: Uint8Array): Promise<void> {
  for (let index = 0; index < count; index++) {
    const directory = join(folder, `part${Math.floor(index / 100)}`);
    if (index % 100 === 0) await Deno.mkdir(directory, { recursive: true });
    const start = Math.imul(index, 2654435761) >>> 11;
    const content = text.subarray(start, start + 400 + index * 7919 % 2400);
    Deno.writeFileSync(join(directory, `module${index}.js`), content);
  }
}
