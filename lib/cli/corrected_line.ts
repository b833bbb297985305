/** The command line as it was typed, and corrected: hints about mistakes on it show the line that would have worked. @module */
import type { CommandUnknownOpts, Option } from "@commander-js/extra-typings";
import { commandLine } from "../store/command_line.ts";

/** What a secret is shown as. */
const HIDDEN = "...";
/** The options whose values are secrets, and how they are typed. */
export const SECRETS = {
  token: "-p",
  bearerToken: "--bearer-token",
  authorization: "--authorization",
} as const;

/** Whether the value of an option is a secret. */
export function isSecret(option: Option): boolean {
  return Object.hasOwn(SECRETS, option.attributeName());
}

/** An option on a command line: which one, and where it stands. */
interface TypedOption {
  option: Option;
  /** The first of its words. */
  at: number;
  /** How many words it takes: one for `--option=value`, two for `--option value`. */
  words: number;
  /** Short options in the same word before it, as `-q` in `-qp TOKEN`. */
  before: string[];
}

/**
 * The command line that would have worked, in the notation of shells. Secrets on it are left out.
 *
 * @param correct corrects the words after `layerstash`
 */
export function correctedLine(
  command: CommandUnknownOpts,
  correct: (words: readonly string[]) => readonly string[],
): string {
  return commandLine(...withoutSecrets(command, correct(typedWords(command))));
}

/** The words that call a command, as in `layerstash blob push`. */
export function wordsOf(command: CommandUnknownOpts): string[] {
  return command.parent ? [...wordsOf(command.parent), command.name()] : [command.name()];
}

/** The words after `layerstash`. Commander keeps them, but its types leave them out. */
export function typedWords(command: CommandUnknownOpts): readonly string[] {
  if (command.parent) return typedWords(command.parent);
  return (command as unknown as { rawArgs: readonly string[] }).rawArgs;
}

/** The words with another value of an option; one that was not typed is added. */
export function withOption(
  command: CommandUnknownOpts,
  words: readonly string[],
  [name, value]: readonly [name: string, value: string],
): string[] {
  const option = command.options.find((each) => each.name() === name) as Option | undefined;
  const added = [option?.short ?? `--${name}`, value];
  const typed = typedOptions(command, words).find((each) => each.option === option);
  return typed ? words.toSpliced(typed.at, typed.words, ...typed.before, ...added) : [...words, ...added];
}

/** The words with an option that takes no value. */
export function withFlag(words: readonly string[], flag: string): string[] {
  const end = words.indexOf("--"); // what comes after it is no option
  return words.toSpliced(end < 0 ? words.length : end, 0, flag);
}

/** The words with another one in the place of the last that is `word`, or with none. */
export function withWord(words: readonly string[], word: string, other?: string): string[] {
  return words.toSpliced(words.lastIndexOf(word), 1, ...(other === undefined ? [] : [other]));
}

function withoutSecrets(command: CommandUnknownOpts, words: readonly string[]): string[] {
  const shown = [...words];
  for (const { option, at, words: count, before } of typedOptions(command, words).reverse()) {
    if (isSecret(option)) shown.splice(at, count, ...before, option.short ?? option.long!, HIDDEN);
  }
  return shown;
}

/** The options with values among the words of a command line. */
function typedOptions(command: CommandUnknownOpts, words: readonly string[]): TypedOption[] {
  const found: TypedOption[] = [];
  for (let at = 0; at < words.length; at += found.at(-1)?.at === at ? found.at(-1)!.words : 1) {
    const word = words[at]!;
    if (word === "--") break;
    const typed = optionIn(command, word);
    if (typed) found.push({ ...typed, at });
  }
  return found;
}

/** The option with a value that a word is, or ends with; `undefined` = it is none. */
function optionIn(command: CommandUnknownOpts, word: string): Omit<TypedOption, "at"> | undefined {
  const options = command.options as readonly Option[];
  const [name, value] = word.split("=", 2);
  const long = options.find((each) => each.long === name);
  if (long?.required) return { option: long, words: value === undefined ? 2 : 1, before: [] };
  if (!/^-[^-]/.test(word)) return undefined;
  const letters = word.slice(1);
  for (let at = 0; at < letters.length; at++) {
    const option = options.find(({ short }) => short === `-${letters[at]}`);
    if (!option) return undefined;
    const before = at === 0 ? [] : [`-${letters.slice(0, at)}`];
    if (option.required) return { option, words: at === letters.length - 1 ? 2 : 1, before };
  }
  return undefined;
}

/** Whether a command has the option that a word is or begins with. */
export function takesOption(command: CommandUnknownOpts, word: string): boolean {
  const [name] = word.split("=", 1);
  return command.options.some(({ long, short }) => long === name || short === word.slice(0, 2));
}
