/** Commands as a person reads them in a document, with what is shown of their output. @module */

/** A command, and what is shown below it. */
export interface Example {
  /** As it would be typed; may have several lines. */
  command: string;
  /** The lines below it. `…` stands for anything, in a line or as a line. */
  shown: string[];
}

/** A block of a Markdown document. */
export interface Block {
  /** Its line in the document. */
  line: number;
  /** Such as `console`. */
  language: string;
  text: string;
}

/** The blocks of code in a Markdown document, in order. */
export function blocksOf(markdown: string): Block[] {
  return Array.from(markdown.matchAll(/^```([^\n]*)\n(.*?)^```$/gms), ({ 1: language, 2: text, index }) => ({
    line: markdown.slice(0, index).split("\n").length,
    language: language!,
    text: text!,
  }));
}

/** The commands of a block: in `console` those behind a `$`, in `sh` every line. */
export function examplesOf({ language, text }: Block): Example[] {
  if (language === "console") return promptedExamples(text);
  const lines = text.trimEnd().split("\n").filter((line) => line !== "");
  return language === "sh" ? lines.map((command) => ({ command, shown: [] })) : [];
}

/** The commands behind a `$` in a help text, which is indented. */
export function helpExamples(help: string): Example[] {
  const prompted = Array.from(help.matchAll(/^ {2}\$ (?:.*[\\|]\n)*.*$/gm), ([lines]) => lines);
  return prompted.flatMap((lines) => promptedExamples(lines.replace(/^ {2}/gm, "")));
}

/** A line that ends with a backslash or a pipe goes on in the next. */
function promptedExamples(text: string): Example[] {
  const examples: Example[] = [];
  for (const line of text.trimEnd().split("\n")) {
    const last = examples.at(-1);
    if (line.startsWith("$ ")) examples.push({ command: line.slice(2), shown: [] });
    else if (last && last.shown.length === 0 && /[\\|]$/.test(last.command)) last.command += `\n${line}`;
    else last?.shown.push(line);
  }
  return examples;
}

/** Whether an output is what is shown: to the letter, but for `…`, dates, and blanks at the ends of lines. */
export function isShown(shown: readonly string[], output: string): boolean {
  const pattern = shown.map((line) => line === "…" ? "(?:.*\n)*" : `${linePattern(line)}\n`).join("");
  return new RegExp(`^${pattern}$`).test(output.replace(/[ \t]+$/gm, ""));
}

function linePattern(line: string): string {
  return line.trimEnd().split("…").map((text) =>
    text.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&").replaceAll(
      /\d{4}-\d\d-\d\d \d\d:\d\d/g,
      "\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d",
    )
  ).join(".*");
}
