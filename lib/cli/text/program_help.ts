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

const EXAMPLES = `Try it without a registry, in a directory:
  $ layerstash upload disk.img oci:./box/me/files:disk
  $ layerstash download oci:./box/me/files:disk copy.img
`;

/** In a narrower window the lines are not made shorter. */
const MIN_WIDTH = 60;

/** The help, in lines of at most `width` columns. */
export function programHelp(width: number): string {
  const room = Math.max(MIN_WIDTH, width);
  const names = COMMAND_GROUPS.flatMap(({ entries }) => entries.map(({ name }) => name));
  const column = 4 + Math.max(...names.map((name) => name.length));
  const groups = COMMAND_GROUPS.map(({ heading, entries }) => {
    const rows = entries.map(({ name, summary }) => hang(`  ${name}`.padEnd(column), summary, room));
    return `${heading}\n${rows.join("")}`;
  });
  const topics = TOPICS.map(({ name }) => name).join(", ");
  return [
    "Usage: layerstash COMMAND [options]\n",
    `${DESCRIPTION}\n`,
    ...groups,
    "layerstash COMMAND --help shows a command, layerstash help TOPIC a longer text.\n" +
    hang("Topics: ", topics, room),
    EXAMPLES,
  ].join("\n");
}

/** A text after its title; its lines begin in one column. */
function hang(title: string, text: string, width: number): string {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && title.length + `${last} ${word}`.length <= width) {
      lines.push(`${lines.pop()} ${word}`);
    } else lines.push(word);
  }
  return `${title}${lines.join(`\n${" ".repeat(title.length)}`)}\n`;
}
