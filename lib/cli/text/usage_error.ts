/** Puts commander's errors about values of options and arguments into plain words. @module */
import { printable, quoted } from "../../messages.ts";

const OF_ARGUMENT = /^command-argument value '([^]*)' is invalid for argument '(.*?)'\. ([^]*)$/;
const OF_OPTION = /^option '(.*?)' argument '([^]*)' is invalid\. ([^]*)$/;
const OF_VARIABLE = /^option '.*?' value '([^]*)' from env '(\w+)' is invalid\. ([^]*)$/;

/** An error of commander as a sentence: `--jobs does not take "0": use a number from 1 to 64`. */
export function usageError(text: string): string {
  const plain = text.replace(/^error: /, "");
  const [, argued, argument, whyNot] = OF_ARGUMENT.exec(plain) ?? [];
  if (argued !== undefined && argument !== undefined && whyNot !== undefined) {
    return whyNot.startsWith('"')
      ? whyNot
      : `${shown(argued)} is not ${withArticle(argument)}: ${advice(whyNot)}`;
  }
  const [, flags, typed, why] = OF_OPTION.exec(plain) ?? [];
  if (flags !== undefined && typed !== undefined && why !== undefined) {
    return `${/--[\w-]+/.exec(flags)?.[0] ?? flags} does not take ${shown(typed)}: ${advice(why)}`;
  }
  const [, value, variable, reason] = OF_VARIABLE.exec(plain) ?? [];
  if (value === undefined || variable === undefined || reason === undefined) return plain;
  return `${variable} does not take ${shown(value)}: ${advice(reason)}`;
}

function shown(value: string): string {
  return printable(quoted(value));
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
