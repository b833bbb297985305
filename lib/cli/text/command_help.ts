/** The help of a command: its own options, and where those that it shares with others are described. @module */
import { type Command, type CommandUnknownOpts, Help, type Option } from "@commander-js/extra-typings";
import { SHARED } from "../options.ts";

const POINTER = "More options, such as --json, -q and --ca-file: layerstash help options\n";

/** Lays out the help of a command. Only the help omits options: completions and suggestions know all of them. */
export function commandHelp(command: Command, { helpWidth }: Help): string {
  const page = Object.assign(new Help(), { helpWidth, visibleOptions: ownOptions, optionDescription });
  const text = page.formatHelp(command, page);
  const omits = command.options.some(({ helpGroupHeading }) => helpGroupHeading === SHARED);
  return omits ? `${text}${POINTER}` : text;
}

function ownOptions(command: CommandUnknownOpts): Option[] {
  return (command.options as Option[]).filter(({ hidden, helpGroupHeading }) =>
    !hidden && helpGroupHeading !== SHARED
  );
}

/** The topic `options` says once how the variable of an option is called. */
function optionDescription(
  { description, argChoices, defaultValueDescription, defaultValue }: Option,
): string {
  const choices = argChoices && `choices: ${argChoices.join(", ")}`;
  const usual = defaultValueDescription ?? (typeof defaultValue === "string" ? defaultValue : undefined);
  const more = [choices, usual && `default: ${usual}`].filter((each) => each !== undefined);
  return more.length > 0 ? `${description} (${more.join("; ")})` : description;
}
