/** Runs every operation of the command line against every server, and prints a table. @module */
import { writeFile } from "node:fs/promises";
import { randomBytes } from "node:crypto";
import { BLOB_OPERATIONS } from "./blob_operations.ts";
import { SERVER_EXPECTATIONS } from "./expectations.ts";
import { IMAGE_OPERATIONS } from "./image_operations.ts";
import { KILLED_OPERATIONS } from "./killed_operations.ts";
import { describeFailures, type Failures, markdownTable, print, surprises } from "./report.ts";
import type { RunningServer } from "./server.ts";
import { SERVERS } from "./server_list.ts";
import { COPY_AND_REMOVE_OPERATIONS, FILE_OPERATIONS } from "./stash_operations.ts";
import { type Operation, Trial } from "./trial.ts";

const OPERATIONS: Record<string, Operation> = {
  ...FILE_OPERATIONS,
  ...KILLED_OPERATIONS,
  ...BLOB_OPERATIONS,
  ...IMAGE_OPERATIONS,
  ...COPY_AND_REMOVE_OPERATIONS,
};

/** The files that are stored, and their sizes in bytes. */
const FILES = { big: 1e8, killed1: 1e8, killed3: 1e8, small: 2e6, small2: 1e6, nothing: 0 };

/**
 * Tries all servers, or those with these names. Prints one table and every failure with its words.
 *
 * @returns how many results were not as expected
 */
export async function tryServers(names: readonly string[]): Promise<number> {
  const rows: string[][] = [];
  const details: string[] = [];
  let surprising = 0;
  for (const name of names.length > 0 ? names : Object.keys(SERVERS)) {
    const kind = SERVERS[name];
    if (!kind) throw new Error(`there is no server ${name}: there are ${Object.keys(SERVERS).join(", ")}`);
    await using server = await kind.start();
    if (!server) continue;
    const title = await kind.title();
    const { failures, movedAgain } = await tryServer(server, title);
    const expected = SERVER_EXPECTATIONS[name] ?? {};
    const odd = surprises(failures, expected, Object.keys(OPERATIONS));
    surprising += odd.length;
    const moved = ["killed1", "killed3", "down"].map((each) => movedAgain.get(each) ?? "never").join(" / ");
    rows.push([title, `${Object.keys(OPERATIONS).length - failures.size}`, `${failures.size}`, moved]);
    if (failures.size > 0) details.push(`${title}\n\n${describeFailures(failures, expected)}`);
    for (const line of odd) details.push(`${title}: ${line}`);
  }
  print(`\n${markdownTable(["server", "passed", "failed", "MB moved again: up 1 / up 3 / down"], rows)}\n`);
  for (const each of details) print(`\n${each}`);
  return surprising;
}

async function tryServer(
  server: RunningServer,
  title: string,
): Promise<{ failures: Failures; movedAgain: ReadonlyMap<string, string> }> {
  await using trial = await Trial.begin(server);
  for (const [name, size] of Object.entries(FILES)) {
    await writeFile(trial.place.path(name), randomBytes(size));
  }
  const failures: Failures = new Map();
  for (const [name, operation] of Object.entries(OPERATIONS)) {
    try {
      await operation(trial);
      print(`${title}: ${name}: ok`);
    } catch (error) {
      failures.set(name, (error as Error).message);
      print(`${title}: ${name}: FAILED: ${(error as Error).message}`);
    }
  }
  return { failures, movedAgain: trial.movedAgain };
}
