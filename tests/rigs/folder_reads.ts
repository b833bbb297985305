/**
 * How many bytes it reads to store a folder, or to bring it back. That is counted in a process of its own, because other tests
 * in this one read files, too.
 *
 * @module
 */
import assert from "node:assert/strict";
import { Recipients } from "../../lib/encryption/recipients.ts";
import { downloadFolder } from "../../lib/folders/download_folder.ts";
import { uploadFolder } from "../../lib/folders/upload_folder.ts";
import { openStore } from "../../main.ts";
import { makeWorkspace } from "./content.ts";

/** What is done, as JSON can say it. */
export interface FolderStep {
  registry: string;
  verb: "upload" | "download";
  options: Record<string, unknown> & { directory: string };
  recipient?: string;
}

/** What came of it. */
export type CountedStep<T extends "upload" | "download"> =
  & (T extends "upload" ? Awaited<ReturnType<typeof uploadFolder>>
    : Awaited<ReturnType<typeof downloadFolder>>)
  & {
    /** The bytes that were read meanwhile. */
    read: number;
    /** The bytes that were read for a folder of one small file, just before: the modules of threads, most of all. */
    least: number;
  };

/** Does it with the folder `me/files:t`, and counts what all threads read. */
export async function countReads<T extends "upload" | "download">(
  step: FolderStep & { verb: T },
): Promise<CountedStep<T>> {
  // Deno reads the code that it has compiled from a file that all programs share: as often as others write to it.
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", "--no-code-cache", import.meta.filename!, JSON.stringify(step)],
    env: { NO_COLOR: "1" },
  }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout));
}

async function run(step: FolderStep): Promise<unknown> {
  const [, least] = await counted(() => warmUp(step));
  const [result, read] = await counted(() => perform(step));
  return { ...result, read, least };
}

/** Does the same with a folder of one small file, so that all modules are loaded. */
async function warmUp(step: FolderStep): Promise<void> {
  await using work = await makeWorkspace();
  await Deno.mkdir(work.path("in"));
  await work.write("in/small", "small");
  const box = { ...step, registry: `oci:${work.path("box")}` };
  await perform({ ...box, verb: "upload", options: { directory: work.path("in") } });
  if (step.verb === "download") await perform({ ...box, options: { directory: work.path("out") } });
}

async function perform({ registry, verb, options, recipient }: FolderStep) {
  using store = openStore({ registry, repository: "me/files" });
  if (verb === "download") return await downloadFolder(store, "t", options);
  const encryptTo = recipient === undefined ? undefined : await Recipients.of([recipient]);
  return await uploadFolder(store, "t", { ...options, encryptTo });
}

async function counted<T>(work: () => Promise<T>): Promise<[T, number]> {
  const before = bytesRead();
  return [await work(), bytesRead() - before];
}

function bytesRead(): number {
  return Number(/^rchar: (\d+)/m.exec(Deno.readTextFileSync("/proc/self/io"))![1]);
}

if (import.meta.main) {
  const result = await run(JSON.parse(Deno.args[0]!));
  Deno.stdout.writeSync(new TextEncoder().encode(JSON.stringify(result)));
}
