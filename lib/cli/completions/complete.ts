/** Completes a command line: what may come next is read from the commands themselves, so it is never out of date. @module */
import type { Argument, CommandUnknownOpts, Option } from "@commander-js/extra-typings";

import { TOPICS } from "../help/topics.ts";

/** A word that may stand at the cursor. */
export interface Candidate {
  word: string;
  /** What the word means, in one line; may be empty. */
  description: string;
}

/** Everything that may stand at the cursor. */
export interface Completion {
  candidates: readonly Candidate[];
  /** Whether a path may stand there too. */
  files: boolean;
}

/** What may stand where a place is named. Each list is looked up only if it is needed. */
export type KnownPlaces = Readonly<
  Record<"registries" | "addresses" | "repositories" | "names", () => Promise<readonly Candidate[]>>
>;

const NOTHING_KNOWN: KnownPlaces = {
  registries: () => Promise.resolve([]),
  addresses: () => Promise.resolve([]),
  repositories: () => Promise.resolve([]),
  names: () => Promise.resolve([]),
};

/** The position of the cursor: in which command, after which option, at which argument. */
interface Cursor {
  command: CommandUnknownOpts;
  /** The option whose value must follow. */
  option: Option | undefined;
  /** How many arguments stand before it. */
  position: number;
  /** Whether `--` has ended the options. */
  plain: boolean;
  /** Whether it follows `layerstash help`, and a topic may stand there. */
  asksHelp: boolean;
}

/** Completes the last of `words`, which follow the program's name. The commands know no places: `known` has them. */
export async function complete(
  program: CommandUnknownOpts,
  words: readonly string[],
  known: KnownPlaces = NOTHING_KNOWN,
): Promise<Completion> {
  const current = words.at(-1) ?? "";
  const cursor = readWords(program, words.slice(0, -1));
  const valuesOf = (taker: Option | Argument) => values(taker, known);
  const { candidates, files } =
    await (cursor.option
      ? valuesOf(cursor.option)
      : !cursor.plain && current.startsWith("-")
      ? optionsAt(cursor.command, current, valuesOf)
      : argumentsAt(cursor, valuesOf));
  return { candidates: candidates.filter(({ word }) => word.startsWith(current)), files };
}

/** Reads what stands before the cursor. */
function readWords(program: CommandUnknownOpts, words: readonly string[]): Cursor {
  const cursor: Cursor = { command: program, option: undefined, position: 0, plain: false, asksHelp: false };
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
  if (word === "help" && cursor.command.commands.length > 0) {
    cursor.asksHelp = cursor.command.parent === null;
    return undefined;
  }
  cursor.asksHelp = false;
  const found = cursor.command.commands.find((each) => each.name() === word || each.aliases().includes(word));
  if (!found) cursor.position++;
  return found as CommandUnknownOpts | undefined;
}

/** The option that a word is, if the next word is its value. */
function awaiting(command: CommandUnknownOpts, word: string): Option | undefined {
  const option = visibleOptions(command).find(({ long, short }) => word === long || word === short);
  return option && takesValue(option) ? option : undefined;
}

type ValuesOf = (taker: Option | Argument) => Promise<Completion>;

async function optionsAt(
  command: CommandUnknownOpts,
  current: string,
  valuesOf: ValuesOf,
): Promise<Completion> {
  const options = visibleOptions(command);
  const [flag, value] = current.split("=", 2);
  const assigned = value === undefined ? undefined : options.find(({ long }) => long === flag);
  if (assigned && takesValue(assigned)) {
    const { candidates, files } = await valuesOf(assigned);
    return { candidates: candidates.map((each) => ({ ...each, word: `${flag}=${each.word}` })), files };
  }
  const candidates = options.flatMap(({ long, short, description }) =>
    [long, short].filter((word) => word !== undefined).map((word) => ({ word, description }))
  );
  return { candidates, files: false };
}

async function argumentsAt(
  { command, position, asksHelp }: Cursor,
  valuesOf: ValuesOf,
): Promise<Completion> {
  const commands = position > 0 ? [] : command.createHelp().visibleCommands(command);
  const topics = asksHelp ? TOPICS.map(({ name, summary }) => ({ word: name, description: summary })) : [];
  const named = commands.map((each) => ({ word: each.name(), description: each.description() }));
  // The help of a word that names a topic, too, is the topic.
  const candidates = [...named.filter(({ word }) => !topics.some((topic) => topic.word === word)), ...topics];
  const declared = command.registeredArguments;
  const last = declared.at(-1);
  const argument = declared[position] ?? (last?.variadic ? last : undefined);
  if (!argument) return { candidates, files: false };
  const { candidates: choices, files } = await valuesOf(argument as Argument);
  return { candidates: [...candidates, ...choices], files };
}

/** The known values of an option or argument. Its placeholder says what it takes. */
async function values(taker: Option | Argument, known: KnownPlaces): Promise<Completion> {
  const isOption = "flags" in taker;
  const placeholder = (isOption ? taker.flags : taker.name()).replace(/^.*[<[]/, "");
  const choices = (taker.argChoices ?? []).map((word) => ({ word, description: "" }));
  const files = /\b(file|dir|path|dest|tree)\b/.test(placeholder);
  if (isOption && taker.long === "--repository") return { candidates: await known.repositories(), files };
  if (isOption && taker.long === "--base-tag") return { candidates: await known.names(), files };
  if (/^registry\b/.test(placeholder)) {
    // Nobody signs in to a directory.
    const candidates = (await known.registries()).filter(({ word }) => isOption || !/^oci:/.test(word));
    return { candidates, files };
  }
  const isAddress = /^(address|image|src|dst|blob|alias|word|(old|new)-tree)\b/.test(placeholder) ||
    (files && isUploaded(taker));
  return { candidates: isAddress ? [...choices, ...await known.addresses()] : choices, files };
}

/** Whether the address follows several files: it is read as the last of them. */
function isUploaded(taker: Option | Argument): boolean {
  return !("flags" in taker) && taker.name() === "file" && taker.variadic;
}

function takesValue(option: Option): boolean {
  return option.required || option.optional;
}

function visibleOptions(command: CommandUnknownOpts): Option[] {
  return command.createHelp().visibleOptions(command);
}
