/** Refuses what commander lets pass, and names the mistake that a user has made rather than what follows from it. @module */
import type { CommandUnknownOpts, Option } from "@commander-js/extra-typings";
import { closestName, counted, quoted } from "../messages.ts";
import { correctedLine, isSecret, takesOption, typedWords, withWord, wordsOf } from "./corrected_line.ts";
import { TOPICS } from "./help/topics.ts";
import { otherName } from "./other_names.ts";

/** What commander calls when something is wrong. Its types leave these methods out. */
interface Complaints {
  missingMandatoryOptionValue(option: Option): void;
  missingArgument(name: string): void;
  unknownOption(flag: string): void;
  unknownCommand(): void;
  _excessArguments(words: readonly string[]): void;
}

/** Options that may be given several times: each adds a value. */
const repeatable = new WeakSet<object>();

/**
 * Lets an option be given several times: it has all the values. Others are refused then, as only the last one would count.
 *
 * @param split gives the values in one word; absent = the word is one
 */
export function mayRepeat<Usage extends string>(
  option: Option<Usage>,
  split: (word: string) => readonly string[] = (word) => [word],
): Option<Usage, undefined, undefined, readonly string[]> {
  repeatable.add(option);
  return option.argParser((word, before: readonly string[] = []) => [...before, ...split(word)]);
}

/** The values in a word: commas part them. */
export function commaList(word: string): readonly string[] {
  return word.split(",");
}

/** Makes a command strict. */
export function beStrict(command: CommandUnknownOpts): void {
  for (const option of command.options) {
    if (option.required && !repeatable.has(option)) refuseSecond(command, option as Option);
  }
  const complaints = command as unknown as Complaints;
  const { unknownOption, unknownCommand } = complaints;
  complaints.missingMandatoryOptionValue = (option) => {
    nameWrongWords(command, complaints);
    const argument = command.registeredArguments[command.args.length];
    if (argument?.required) complaints.missingArgument(argument.name());
    const [, flag = "", value = ""] = /^(\S+?),? .*<(.+)>/.exec(option.flags) ?? [];
    const line = correctedLine(command, (words) => [...words, flag, value.toUpperCase()]);
    command.error(`error: ${flag} is missing: ${option.description}\nhint: ${line}`);
  };
  complaints.missingArgument = (name) => {
    const said = (WORDS[name] ?? name).replaceAll("-", " ");
    command.error(`error: the ${said} is missing${usageHint(command)}`);
  };
  complaints._excessArguments = (words) => refuseExtra(command, words);
  complaints.unknownOption = (word) => {
    refuseBeforeCommand(command, word);
    const flag = word.startsWith("--") ? optionName(word) : word;
    refuseOptionOfWord(command, flag);
    suggest(command, `unknown option '${flag}'`, otherName(flag, command.options.map(({ long }) => long!)));
    unknownOption.call(command, flag);
  };
  complaints.unknownCommand = () => {
    const [word = ""] = command.args;
    const known = command.commands.map((each) => each.name());
    const problem = `unknown command '${word}'`;
    suggest(command, problem, otherName(word, known));
    if (command.parent && closestName(word, known) === undefined) {
      command.error(`error: ${problem}\nhint: the commands of ${command.name()} are ${known.join(", ")}`);
    }
    unknownCommand.call(command);
  };
}

/** What arguments are called in messages, where their names in the usage are short. */
const WORDS: Readonly<Record<string, string>> = { src: "source", dst: "target" };

function refuseSecond(command: CommandUnknownOpts, option: Option): void {
  const values: string[] = [];
  command.on(`option:${option.name()}`, (value: string) => {
    if (values.push(value) === 1) return;
    const which = isSecret(option) ? "" : `: ${values.map(quoted).join(" and ")}`;
    const hint = option.name() === "infile" && command.name() === "upload"
      ? correctedLine(command, () => ["upload", ...values, "ghcr.io/me/files"])
      : "leave one out: only one counts";
    command.error(`error: ${option.long ?? option.flags} is given twice${which}\nhint: ${hint}`);
  });
}

/** An option may seem to be missing because it was mistyped, or because its value stands alone. */
function nameWrongWords(command: CommandUnknownOpts, complaints: Complaints): void {
  const option = command.args.find((word) => /^-./.test(word));
  if (option !== undefined) complaints.unknownOption(option);
  const { length, [length - 1]: last } = command.registeredArguments;
  if (!last?.variadic && command.args.length > length) refuseExtra(command, command.args);
}

/** Refuses a word too many. It may be the name of the command, typed twice. */
function refuseExtra(command: CommandUnknownOpts, words: readonly string[]): void {
  const { length } = command.registeredArguments;
  const extra = words[0] === command.name() ? words[0] : words[length]!;
  const taken = length === 0 ? "options only" : `${counted(length, "argument")} beside options`;
  const line = correctedLine(command, (typed) => withWord(typed, extra));
  command.error(
    `error: ${quoted(extra)} is not expected: ${command.name()} takes ${taken}\nhint: ${line}`,
  );
}

/** Refuses an option that stands before the command that it is for. */
function refuseBeforeCommand(command: CommandUnknownOpts, flag: string): void {
  const words = typedWords(command);
  const at = words.findIndex((word, index) =>
    index > words.indexOf(flag) && command.commands.some((each) => each.name() === word)
  );
  if (at < 0) return;
  const meant = command.commands.find((each) => each.name() === words[at])!;
  const last = meant.commands.some((each) => each.name() === words[at + 1]) ? at + 2 : at + 1;
  const first = words.indexOf(flag);
  const ordered = [words.slice(0, first), words.slice(at, last), words.slice(first, at), words.slice(last)];
  const owner = meant.commands.find((each) => each.name() === words[at + 1]) ?? meant;
  if (!takesOption(owner, flag)) return;
  command.error(
    `error: ${optionName(flag)} stands before the command\nhint: ${
      correctedLine(owner, () => ordered.flat())
    }`,
  );
}

/** Options of other commands for what stands as a word here. */
const AS_WORDS: Readonly<Record<string, { flag: string; what: string }>> = {
  "recipients add": { flag: "--encrypt-to", what: "recipients" },
  "recipients set": { flag: "--encrypt-to", what: "recipients" },
};

function refuseOptionOfWord(command: CommandUnknownOpts, flag: string): void {
  const name = wordsOf(command).slice(1).join(" ");
  const word = AS_WORDS[name];
  if (word?.flag !== flag) return;
  const line = correctedLine(
    command,
    (words) =>
      words.filter((each) => each !== flag).map((each) =>
        each.startsWith(`${flag}=`) ? each.slice(flag.length + 1) : each
      ),
  );
  command.error(`error: ${name} takes ${word.what} as words, without ${flag}\nhint: ${line}`);
}

/** An option without its value, which may be a secret even where the option does not exist. */
function optionName(word: string): string {
  return word.startsWith("--") ? word.replace(/=.*/s, "") : word.slice(0, 2);
}

function suggest(command: CommandUnknownOpts, problem: string, name: string | undefined): void {
  if (name !== undefined) command.error(`error: ${problem}\nhint: did you mean ${name}?`);
}

/** Refuses a word after `help`, and names the command or the topic that is meant, or all topics. */
export function refuseTopic(command: CommandUnknownOpts, word: string): never {
  const commands = command.commands.map((each) => each.name());
  const topics = TOPICS.map(({ name }) => name);
  const problem = `unknown command '${word}'`;
  suggest(command, problem, otherName(word, commands) ?? closestName(word, [...topics, ...commands]));
  return command.error(`error: ${problem}\nhint: the topics are ${topics.join(", ")}`);
}

function usageHint(command: CommandUnknownOpts): string {
  return `\nhint: usage is ${wordsOf(command).join(" ")} ${command.usage()}`;
}
