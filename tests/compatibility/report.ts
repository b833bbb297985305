/** Compares what failed with what was expected to, and prints it. @module */
import type { Expectations } from "./expectations.ts";

/** Failures by name, with the words that were printed. */
export type Failures = Map<string, string>;

/** A Markdown table. */
export function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => "---"), ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n");
}

/** A list of failures, each with the reason where it was expected, and its words. */
export function describeFailures(failures: Failures, expected: Expectations): string {
  return [...failures].map(([name, words]) => {
    const reason = expected[name] ?? "NOT EXPECTED";
    return `- ${name}: ${reason}\n${quoted(words)}`;
  }).join("\n");
}

function quoted(words: string): string {
  return words.trim().split("\n").slice(0, 6).map((line) => `  > ${line}`).join("\n");
}

/** What differs from the expectations: failures that are not explained, and expectations that did not come true. */
export function surprises(failures: Failures, expected: Expectations, tried: Iterable<string>): string[] {
  const unexplained = [...failures.keys()].filter((name) => !(name in expected));
  const outdated = [...tried].filter((name) => name in expected && !failures.has(name));
  return [
    ...unexplained.map((name) => `${name} failed, and no reason is written down`),
    ...outdated.map((name) => `${name} did not fail: take it out of the expectations`),
  ];
}

/** Prints a line, or several. */
export function print(text: string): void {
  // deno-lint-ignore no-console -- this program prints a report
  console.log(text);
}
