/** Completes a command line: what may come next is read from the commands themselves, so it is never out of date. @module */
import type { Argument, CommandUnknownOpts, Option } from "@commander-js/extra-typings";

/** A word that may stand at the cursor. */
export interface Candidate {
  word: string;
  /** What the word means, in one line; may be empty. */
  description: string;
}

/** Everything that may stand at the cursor. */
export interface Completion {
  candidates: Candidate[];
  /** Whether a path may stand there too. */
  files: boolean;
}

/** The position of the cursor: in which command, after which option, at which argument. */
interface Cursor {
  command: CommandUnknownOpts;
  /** The option whose value must follow. */
  option: Option | undefined;
  /** How many arguments stand before it. */
  position: number;
  /** Whether `--` has ended the options. */
  plain: boolean;
}

/**
 * Completes the last of `words`, which follow the program's name. The commands know no registries: where a registry may
 * stand, `registries` are offered.
 */
export function complete(
  program: CommandUnknownOpts,
  words: readonly string[],
  registries: readonly Candidate[] = [],
): Completion {
  const current = words.at(-1) ?? "";
  const cursor = readWords(program, words.slice(0, -1));
  const valuesOf = (taker: Option | Argument) => values(taker, registries);
  const { candidates, files } = cursor.option
    ? valuesOf(cursor.option)
    : !cursor.plain && current.startsWith("-")
    ? optionsAt(cursor.command, current, valuesOf)
    : argumentsAt(cursor, valuesOf);
  return { candidates: candidates.filter(({ word }) => word.startsWith(current)), files };
}

/** Reads what stands before the cursor. */
function readWords(program: CommandUnknownOpts, words: readonly string[]): Cursor {
  const cursor: Cursor = { command: program, option: undefined, position: 0, plain: false };
  for (const word of words) {
    if (cursor.option) cursor.option = undefined;
    else if (word === "--") cursor.plain = true;
    else if (!cursor.plain && word.startsWith("-")) cursor.option = awaiting(cursor.command, word);
    else cursor.command = subcommand(cursor, word) ?? cursor.command;
  }
  return cursor;
}

/** Enters a command, or counts an argument. `help` is followed by a command of the same parent. */
function subcommand(cursor: Cursor, word: string): CommandUnknownOpts | undefined {
  if (word === "help" && cursor.command.commands.length > 0) return undefined;
  const found = cursor.command.commands.find((each) => each.name() === word || each.aliases().includes(word));
  if (!found) cursor.position++;
  return found as CommandUnknownOpts | undefined;
}

/** The option that a word is, if the next word is its value. */
function awaiting(command: CommandUnknownOpts, word: string): Option | undefined {
  const option = visibleOptions(command).find(({ long, short }) => word === long || word === short);
  return option && takesValue(option) ? option : undefined;
}

type ValuesOf = (taker: Option | Argument) => Completion;

function optionsAt(command: CommandUnknownOpts, current: string, valuesOf: ValuesOf): Completion {
  const options = visibleOptions(command);
  const [flag, value] = current.split("=", 2);
  const assigned = value === undefined ? undefined : options.find(({ long }) => long === flag);
  if (assigned && takesValue(assigned)) {
    const { candidates, files } = valuesOf(assigned);
    return { candidates: candidates.map((each) => ({ ...each, word: `${flag}=${each.word}` })), files };
  }
  const candidates = options.flatMap(({ long, short, description }) =>
    [long, short].filter((word) => word !== undefined).map((word) => ({ word, description }))
  );
  return { candidates, files: false };
}

function argumentsAt({ command, position }: Cursor, valuesOf: ValuesOf): Completion {
  const commands = position > 0 ? [] : command.createHelp().visibleCommands(command);
  const candidates = commands.map((each) => ({ word: each.name(), description: each.description() }));
  const declared = command.registeredArguments;
  const last = declared.at(-1);
  const argument = declared[position] ?? (last?.variadic ? last : undefined);
  if (!argument) return { candidates, files: false };
  const { candidates: choices, files } = valuesOf(argument as Argument);
  return { candidates: [...candidates, ...choices], files };
}

/** The known values of an option or argument. Its placeholder says what it takes. */
function values(taker: Option | Argument, registries: readonly Candidate[]): Completion {
  const placeholder = ("flags" in taker ? taker.flags : taker.name()).replace(/^.*[<[]/, "");
  if (/^registry\b/.test(placeholder)) {
    // Nobody signs in to a directory.
    const directories = "flags" in taker;
    return { candidates: registries.filter(({ word }) => directories || !/^oci:/.test(word)), files: false };
  }
  const candidates = (taker.argChoices ?? []).map((word) => ({ word, description: "" }));
  return { candidates, files: /\b(file|dir|path|dest)\b/.test(placeholder) };
}

function takesValue(option: Option): boolean {
  return option.required || option.optional;
}

function visibleOptions(command: CommandUnknownOpts): Option[] {
  return command.createHelp().visibleOptions(command);
}
