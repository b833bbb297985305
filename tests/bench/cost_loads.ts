/** Loads that show what layerstash costs beside the bytes. @module */
import { join } from "node:path";
import { commandWords } from "../rigs/command_line.ts";
import { writeSparseFile } from "../rigs/sparse_file.ts";
import { type Bench, layerstash, type Setup } from "./contenders.ts";
import { startServer } from "./servers.ts";

/** Once more, with nothing to do: ten times the file, so that it has chunks. */
export const rerun: Setup = async (bench, run) => {
  await using registry = await startServer("fake.ts");
  const file = join(bench.directory, "rerun");
  await writeSparseFile(file, 10 * bench.size);
  const words = ["upload", "--registry", registry.host, "-r", "bench/rerun", "-t", "big", "-i", file];
  const state = ["--state-dir", join(bench.directory, "rerun-state"), "--progress", "none"];
  const contenders = [{ name: "layerstash", command: () => commandWords([...words, ...state]) }];
  await run({ name: `upload of ${10 * bench.size / 1024 ** 2} MiB once more`, bytes: 0, contenders });
  await Deno.remove(file);
};

/** What is paid before anything is done. */
export const startup: Setup = async (_, run) => {
  const contenders = ["--version", "--help"].map((flag) => ({
    name: `layerstash ${flag}`,
    command: () => commandWords([flag]),
  }));
  await run({ name: "start", bytes: 0, contenders });
};

/** Chunks so small that only their number counts; and a list of many. */
export const growth: Setup = async (bench, run) => {
  await using registry = await startServer("fake.ts");
  const contenders = [];
  for (const chunks of [10, 1000, 10_000, 100_000]) {
    contenders.push({ ...await uploadOf(bench, registry.host, chunks), units: chunks });
  }
  await run({ name: "upload of many small chunks", bytes: 0, runs: 1, contenders, warmUp: false });
  const words = ["list", "--registry", registry.host, "-r", "bench/growth10000"];
  const contender = layerstash(bench, () => words, { name: "10000 tags", units: 10_000 });
  await run({ name: "list", bytes: 0, contenders: [contender] });
};

async function uploadOf(bench: Bench, host: string, chunks: number) {
  const file = join(bench.directory, `chunks${chunks}`);
  await writeSparseFile(file, chunks * CHUNK);
  return layerstash(bench, () => [
    ...["upload", "--registry", host, "-r", `bench/growth${chunks}`, "-t", "many", "-i", file],
    ...["--chunk-size", String(CHUNK)],
  ], { name: `${chunks} chunks` });
}

/** In bytes. */
const CHUNK = 64;
