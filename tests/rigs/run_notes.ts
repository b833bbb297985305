/** What files of tests that are run side by side tell each other, and what a whole run says at its end. @module */
import { existsSync } from "node:fs";
import { join } from "node:path";

/** The variable that names the directory of these notes. Without it, a file of tests is run alone. */
const VARIABLE = "LAYERSTASH_TESTS_NOTES";

const ANNOUNCED = "announced";

const told = new Set<string>();

/** Makes the directory for one run, and the variable that names it for `deno test`. */
export async function startNotes(): Promise<{ directory: string; env: Record<string, string> }> {
  const directory = await Deno.makeTempDir({ prefix: "layerstash-notes-" });
  return { directory, env: { [VARIABLE]: directory } };
}

/** The directory of the notes of this run; `undefined` where a file of tests is run alone. */
export function notesDirectory(): string | undefined {
  return Deno.env.get(VARIABLE);
}

/** Says what the tests cannot do on this machine, once in each file of tests. */
export function announce(line: string): void {
  if (told.has(line)) return;
  told.add(line);
  // deno-lint-ignore no-console -- a test that is skipped must say so
  console.log(line);
  const directory = notesDirectory();
  if (directory) Deno.writeTextFileSync(join(directory, ANNOUNCED), `${line}\n`, { append: true });
}

/** Everything that was announced in a run, each line once. */
export function announcedIn(directory: string): string[] {
  const path = join(directory, ANNOUNCED);
  return existsSync(path) ? [...new Set(Deno.readTextFileSync(path).trimEnd().split("\n"))].toSorted() : [];
}

/**
 * What came of work that one file of tests does for all others of its run, which wait for it: why it could not be done,
 * or `undefined`.
 */
export async function onceInRun(
  name: string,
  work: () => Promise<string | undefined>,
): Promise<string | undefined> {
  const directory = notesDirectory();
  if (!directory) return await work();
  const path = join(directory, `outcome of ${name.replaceAll("/", " ")}`);
  using file = await Deno.open(path, { create: true, write: true });
  await file.lock(true);
  const noted = await Deno.readTextFile(path);
  if (noted !== "") return JSON.parse(noted) ?? undefined;
  const refusal = await work();
  await Deno.writeTextFile(path, JSON.stringify(refusal ?? null));
  return refusal;
}
