/** Answers of the blob commands as text: values one a line, and what differs by platform as JSON. @module */
import { type ByPlatform, isByPlatform } from "../../images/platforms.ts";
import { printable } from "../../messages.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { jsonLine } from "./json_lines.ts";

/** An answer in the form in which dxf prints it: the value's text, or one JSON object of values by platform. */
export function renderAnswer<T>(answer: ByPlatform<T>, render: (value: T) => string): string {
  return isByPlatform(answer) ? jsonLine(answerDocument(answer)) : render(answer);
}

/** An answer as a value for JSON: the value itself, or an object of values by platform. */
export function answerDocument<T>(answer: ByPlatform<T>): T | Record<string, T> {
  return isByPlatform(answer) ? Object.fromEntries(answer) : answer;
}

/** Prints one answer for each name that was asked about: as text, or all of them as one JSON array. */
export function printAnswers<T>(
  terminal: Terminal,
  answers: readonly ByPlatform<T>[],
  render: (value: T) => string,
  { json }: { json?: boolean | string | undefined },
): void {
  if (json) terminal.data(jsonLine(answers.map(answerDocument)));
  else for (const answer of answers) terminal.data(renderAnswer(answer, render));
}

/** Values, one a line. */
export function textLines(values: readonly (string | number)[]): string {
  return values.map((value) => `${printable(String(value))}\n`).join("");
}

/**
 * Prints names as they arrive: one a line, or as one JSON array, which is closed also if the list breaks off.
 *
 * @returns how many there are
 */
export async function printNames(
  terminal: Terminal,
  names: AsyncIterable<string>,
  { json }: { json?: boolean | string | undefined },
): Promise<number> {
  let count = 0;
  try {
    for await (const name of names) {
      terminal.data(json ? `${count === 0 ? "[" : ",\n"}${jsonLine(name).trimEnd()}` : textLines([name]));
      count++;
    }
  } finally {
    if (json) terminal.data(count === 0 ? "[]\n" : "]\n");
  }
  return count;
}
