/** Tells what machine this is. @module */
import { cpus, release, totalmem } from "node:os";
import { join } from "node:path";
import { makeWorkplace, type Workplace } from "../rigs/command_line.ts";
import { describeSize } from "./figures.ts";

/** What figures depend on. */
export async function describeMachine(): Promise<Record<string, string>> {
  const processors = cpus();
  return {
    processor: `${processors.length} × ${processors[0]?.model.trim() ?? "unknown"}`,
    memory: describeSize(totalmem()),
    kernel: `${Deno.build.os} ${release()}, ${Deno.build.arch}`,
    Deno: Deno.version.deno,
    layerstash: await commit(),
  };
}

/** The commit that is measured; a checkout without git has none. */
async function commit(): Promise<string> {
  const args = ["-C", join(import.meta.dirname!, "../.."), "describe", "--always", "--dirty"];
  const output = await new Deno.Command("git", { args, stderr: "null" }).output().catch(() => undefined);
  return output?.success ? new TextDecoder().decode(output.stdout).trim() : "unknown";
}

/** Where files of a benchmark are: in memory where the system has such a place. */
export async function workplaceInMemory(): Promise<Workplace> {
  const inMemory = await Deno.stat("/dev/shm").then(({ isDirectory }) => isDirectory, () => false);
  if (inMemory) Deno.env.set("TMPDIR", "/dev/shm");
  return await makeWorkplace();
}
