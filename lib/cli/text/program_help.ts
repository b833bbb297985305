/** The help of the program. It is written from the table of commands, so no command has to be loaded for it. @module */
import { COMMAND_GROUPS } from "../commands.ts";
import { TOPICS } from "../help/topics.ts";

/** What the program is for. */
const DESCRIPTION = "Stores files of any size in container registries, and gets them back verified.";

/** The options of the program itself, and its command `help`. */
export const PROGRAM_USAGE = {
  version: ["--version", "print the version"],
  help: ["-h, --help", "print this help"],
  helpCommand: ["help [command]", "print the help of a command, or a topic"],
} as const;

const EPILOGUE = `Options for connections, sign-in, output and sizes have an environment variable,
which the help of a command names: LAYERSTASH_REGISTRY for --registry.

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 not found, 4 not allowed,
5 bytes do not match, 6 conflict, 130 interrupted, 141 output was closed

Try it without a registry, in a directory:
  $ layerstash upload disk.img oci:./box/me/files:disk
  $ layerstash download oci:./box/me/files:disk copy.img
`;

type Row = readonly [usage: string, summary: string];

/** The help, in lines of at most `width` columns. */
export function programHelp(width: number): string {
  const { version, help, helpCommand } = PROGRAM_USAGE;
  const sections: [heading: string, rows: Row[]][] = [
    ["Options:", [version, help]],
    ...COMMAND_GROUPS.map(({ heading, entries }): [string, Row[]] => [
      heading,
      entries.map(({ usage, summary }) => [usage, summary]),
    ]),
    ["Commands:", [helpCommand]],
    ["Topics, for layerstash help TOPIC:", TOPICS.map(({ name, summary }): Row => [name, summary])],
  ];
  const column = 2 + Math.max(...sections.flatMap(([, rows]) => rows.map(([usage]) => usage.length)));
  const shown = sections.map(([heading, rows]) =>
    `${heading}\n${rows.map(([usage, summary]) => rowOf(usage.padEnd(column), summary, width)).join("")}`
  );
  const usage = "Usage: layerstash [options] [command]\n";
  return [usage, `${DESCRIPTION}\n`, ...shown, `${EPILOGUE}\n`].join("\n");
}

/** A usage and its summary, whose lines begin in one column. */
function rowOf(usage: string, summary: string, width: number): string {
  const indent = " ".repeat(2 + usage.length);
  const room = Math.max(MIN_WIDTH, width) - indent.length;
  const lines: string[] = [];
  for (const word of summary.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && `${last} ${word}`.length <= room) lines.push(`${lines.pop()} ${word}`);
    else lines.push(word);
  }
  return `  ${usage}${lines.join(`\n${indent}`)}\n`;
}

/** In a narrower window the lines are not made shorter. */
const MIN_WIDTH = 60;
