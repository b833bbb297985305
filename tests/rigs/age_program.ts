/** The program age, as the judge of what is encrypted, and whoever uses it beside layerstash. @module */
import assert from "node:assert/strict";
import type { Workplace } from "./command_line.ts";
import { ensureTool } from "./debian.ts";
import { onPosix } from "./system.ts";

/** For tests with the programs age and curl. */
export async function withAge(): Promise<{ ignore: boolean }> {
  const { ignore } = onPosix("scripts of sh, and processes that are killed");
  return { ignore: ignore || !await ensureTool("age", "age") || !await ensureTool("curl", "curl") };
}

/** Makes a key by the program. Returns its recipient. */
export async function keygen(place: Workplace, file = "key.txt"): Promise<string> {
  const { code, stdout, stderr } = await place.run(["keygen", file]);
  assert.equal(code, 0, stderr);
  return stdout.trim();
}

/** Runs another program. */
export async function run(place: Workplace, command: string[], env: Record<string, string> = {}) {
  const [program, ...args] = command;
  const { code, stdout, stderr } = await new Deno.Command(program!, { args, cwd: place.directory, env })
    .output();
  return { code, stdout, stderr: new TextDecoder().decode(stderr) };
}
