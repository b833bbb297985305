/** Puts commander's errors about values of options and arguments into plain words. @module */
import { printable, quoted, withoutPasswords } from "../../messages.ts";

const OF_ARGUMENT = /^command-argument value '([^]*)' is invalid for argument '(.*?)'\. ([^]*)$/;
const OF_OPTION = /^option '(.*?)' argument '([^]*)' is invalid\. ([^]*)$/;
const OF_VARIABLE = /^option '.*?' value '([^]*)' from env '(\w+)' is invalid\. ([^]*)$/;

/** An error of commander as a sentence, perhaps with a hint: `--jobs does not take "0": use a number from 1 to 64`. */
export function usageError(text: string): string {
  return withoutPasswords(inPlainWords(text)).split("\n").map(printable).join("\n");
}

function inPlainWords(text: string): string {
  const plain = text.replace(/^error: /, "").replace(/^\(Did you mean (.*)\?\)$/m, "hint: did you mean $1?");
  const [, argued, argument, whyNot] = OF_ARGUMENT.exec(plain) ?? [];
  if (argued !== undefined && argument !== undefined && whyNot !== undefined) {
    return whyNot.startsWith('"')
      ? whyNot
      : `${quoted(argued)} is not ${withArticle(argument)}: ${advice(whyNot)}`;
  }
  const [, flags, typed, why] = OF_OPTION.exec(plain) ?? [];
  if (flags !== undefined && typed !== undefined && why !== undefined) {
    return `${/--[\w-]+/.exec(flags)?.[0] ?? flags} does not take ${quoted(typed)}: ${advice(why)}`;
  }
  const [, value, variable, reason] = OF_VARIABLE.exec(plain) ?? [];
  if (value === undefined || variable === undefined || reason === undefined) return plain;
  return `${variable} does not take ${quoted(value)}: ${advice(reason)}`;
}

function withArticle(noun: string): string {
  return `${/^[aeio]/.test(noun) ? "an" : "a"} ${noun}`;
}

/** `Allowed choices are a, b, c.` as `use a, b or c`; other advice as it is. */
function advice(text: string): string {
  return text.replace(
    /^Allowed choices are (.*)\.$/m,
    (_, choices: string) => `use ${choices.replace(/, ([^,]+)$/, " or $1")}`,
  );
}
