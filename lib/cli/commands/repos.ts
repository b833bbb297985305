/** `layerstash repos`. @module */
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { listRepositories } from "../../../main.ts";
import { quoted } from "../../messages.ts";
import { action } from "../action.ts";
import { registryCommand } from "../base_commands.ts";
import { registryOptionsOf } from "../connection.ts";
import { refusalOf } from "../place.ts";
import { jsonOption } from "../options.ts";
import { printNames } from "../text/answers.ts";

const EXAMPLES = `
Examples:
  $ layerstash repos localhost:5000
  $ layerstash repos oci:./box

Docker Hub, GHCR and others do not list their repositories.
`;

/** Makes the command. */
export function reposCommand(): CommandUnknownOpts {
  const command = registryCommand("repos")
    .argument("[registry]", "such as localhost:5000 or oci:./box")
    .addOption(jsonOption())
    .addHelpText("after", EXAMPLES);
  const work = action<ReturnType<typeof command.opts>>(
    ({ registry }) => `list the repositories of ${registry}`,
    async ({ terminal, signal }, flags) => {
      using display = terminal.progress(`listing the repositories of ${flags.registry}`);
      const options = await registryOptionsOf(flags, display.onEvent);
      await printNames(terminal, listRepositories({ ...options, signal }), flags);
    },
  );
  command.action((word, flags, parsed) => {
    if (word !== undefined && parsed.getOptionValueSource("registry") === "cli") {
      refusalOf(parsed)(`${quoted(word)} and --registry both name a registry: leave out one`);
    }
    return work({ ...flags, registry: word ?? flags.registry }, parsed);
  });
  return command;
}
