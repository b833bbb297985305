/** What files of tests that are run side by side tell each other, and what a whole run says at its end. @module */
import { existsSync } from "node:fs";
import { join } from "node:path";

/** The variable that names the directory of these notes. Without it, a file of tests is run alone. */
const VARIABLE = "LAYERSTASH_TESTS_NOTES";

const told = new Set<string>();

/** Makes the directory for one run, and the variable that names it for `deno test`. */
export async function startNotes(): Promise<{ directory: string; env: Record<string, string> }> {
  const directory = await Deno.makeTempDir({ prefix: "layerstash-notes-" });
  return { directory, env: { [VARIABLE]: directory } };
}

/** Says what the tests cannot do on this machine, once in each file of tests. */
export function announce(line: string): void {
  if (told.has(line)) return;
  told.add(line);
  // deno-lint-ignore no-console -- a test that is skipped must say so
  console.log(line);
  note("announced", `${line}\n`);
}

/** Everything that was announced in a run, each line once. */
export function announcedIn(directory: string): string[] {
  const lines = read(directory, "announced")?.trimEnd().split("\n") ?? [];
  return [...new Set(lines)].toSorted();
}

/** Notes why something cannot be installed, so that nobody else of this run tries. */
export function noteRefusal(name: string, refusal: string): void {
  note(`refused-${name}`, refusal);
}

/** Why it could not be installed, if somebody has tried. */
export function notedRefusal(name: string): string | undefined {
  const directory = Deno.env.get(VARIABLE);
  return directory ? read(directory, `refused-${name}`) : undefined;
}

function note(name: string, text: string): void {
  const directory = Deno.env.get(VARIABLE);
  if (directory) Deno.writeTextFileSync(join(directory, name), text, { append: true });
}

function read(directory: string, name: string): string | undefined {
  const path = join(directory, name);
  return existsSync(path) ? Deno.readTextFileSync(path) : undefined;
}
