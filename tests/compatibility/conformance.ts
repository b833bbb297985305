/** Runs the conformance suite of the OCI distribution spec against the fake registry of the tests. @module */
import { join } from "node:path";
import { startFakeRegistry } from "../rigs/fake_registry.ts";
import { CONFORMANCE_EXPECTATIONS } from "./expectations.ts";
import { GO_PROGRAMS, goProgram } from "./go_programs.ts";
import { markdownTable, print } from "./report.ts";
import { ownDirectory } from "./server.ts";

const CASE =
  /<testcase name="OCI Conformance Test\/([^"]*)"[^>]* status="(\w+)">(?:\s*<system-out>([^<]*)<\/system-out>)?/g;

/** How a test of the suite ended. */
export interface ConformanceResult {
  name: string;
  /** `passed`, `skipped`, `disabled` or `failure`. */
  status: string;
  /** What the suite says of it. */
  words: string;
}

/**
 * Runs the suite, with everything that a version of the spec knows; `undefined` where it cannot be built.
 *
 * @param version absent = 1.1; `1.1+dev` is what the next one is to have
 */
export async function conformanceOf(
  host: string,
  version: "1.1" | "1.1+dev" = "1.1",
): Promise<ConformanceResult[] | undefined> {
  const program = await goProgram("conformance");
  if (!program) return undefined;
  await using directory = await ownDirectory();
  const { stderr } = await new Deno.Command(program, {
    cwd: directory.path,
    stdout: "null",
    env: {
      OCI_REGISTRY: host,
      OCI_TLS: "disabled",
      OCI_REPO1: "conformance/one",
      OCI_REPO2: "conformance/two",
      OCI_VERSION: version,
      OCI_RESULTS_DIR: directory.path,
      OCI_LOG: "error",
    },
  }).output();
  const report = await Deno.readTextFile(join(directory.path, "junit.xml")).catch(() => "");
  if (report === "") throw new Error(`the suite did not run: ${new TextDecoder().decode(stderr)}`);
  return Array.from(
    report.matchAll(CASE),
    ([, name = "", status = "", words = ""]) => ({ name, status, words }),
  );
}

/** The tests of a run that failed. */
export function failuresOf(results: readonly ConformanceResult[]): ConformanceResult[] {
  return results.filter(({ status }) => !["passed", "skipped", "disabled"].includes(status));
}

/**
 * Runs the suite against the fake registry. Prints the failures by reason.
 *
 * @returns how many results were not as expected
 */
export async function tryConformance(): Promise<number> {
  await using fake = await startFakeRegistry({ faults: { referrersApi: true, singlePost: true } });
  const results = await conformanceOf(fake.host);
  return results ? printResults(results) : 0;
}

function printResults(tests: readonly ConformanceResult[]): number {
  // The totals of the suite also count some groups of tests: so the tests themselves are counted.
  const failures = failuresOf(tests);
  if (tests.length === 0) throw new Error("no test is named in the report of the suite");
  const reasons = Object.entries(CONFORMANCE_EXPECTATIONS);
  const rows = reasons.map(([begin, reason]) => [
    `${begin}...`,
    `${failures.filter(({ name }) => name.startsWith(begin)).length}`,
    reason,
  ]);
  const unexplained = failures.filter(({ name }) => !reasons.some(([begin]) => name.startsWith(begin)));
  const outdated = rows.filter(([, count]) => count === "0");
  print(`\nOCI conformance suite ${GO_PROGRAMS.conformance.version}, spec 1.1, against the fake registry:`);
  print(`${tests.length} tests, ${failures.length} failures\n`);
  print(markdownTable(["tests", "failures", "why"], rows));
  for (const { name, words } of unexplained) {
    print(`${name} failed, and no reason is written down: ${words}`);
  }
  for (const [begin] of outdated) print(`${begin} did not fail: take it out of the expectations`);
  return unexplained.length + outdated.length;
}
