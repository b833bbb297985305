/** Refuses what commander lets pass, and names the mistake that a user has made rather than what follows from it. @module */
import type { CommandUnknownOpts, Option } from "@commander-js/extra-typings";
import { counted, quoted } from "../messages.ts";

/** What commander calls when something is wrong. Its types leave these methods out. */
interface Complaints {
  missingMandatoryOptionValue(option: Option): void;
  unknownOption(flag: string): void;
}

/** Options that may be given several times: each adds a value. */
const repeatable = new WeakSet<object>();

/** Marks an option that may be given several times. All others are refused then, as only the last value would count. */
export function mayRepeat<O extends object>(option: O): O {
  repeatable.add(option);
  return option;
}

/** Makes a command strict. */
export function beStrict(command: CommandUnknownOpts): void {
  for (const option of command.options) {
    if (option.required && !repeatable.has(option)) refuseSecond(command, option as Option);
  }
  const complaints = command as unknown as Complaints;
  const missing = complaints.missingMandatoryOptionValue;
  complaints.missingMandatoryOptionValue = (option) => {
    nameWrongWords(command, complaints);
    missing.call(command, option);
  };
}

function refuseSecond(command: CommandUnknownOpts, option: Option): void {
  const values: string[] = [];
  command.on(`option:${option.name()}`, (value: string) => {
    if (values.push(value) === 1) return;
    const [first = "", second = ""] = values;
    command.error(
      `error: ${option.long ?? option.flags} is given twice: ${quoted(first)} and ${quoted(second)}`,
    );
  });
}

/** An option may seem to be missing because it was mistyped, or because its value stands alone. */
function nameWrongWords(command: CommandUnknownOpts, complaints: Complaints): void {
  const option = command.args.find((word) => /^-./.test(word));
  if (option !== undefined) complaints.unknownOption(option);
  const { length, [length - 1]: last } = command.registeredArguments;
  const extra = last?.variadic ? undefined : command.args[length];
  if (extra === undefined) return;
  const taken = length === 0 ? "options only" : `${counted(length, "argument")} beside options`;
  command.error(`error: ${quoted(extra)} is not expected: ${command.name()} takes ${taken}`);
}
