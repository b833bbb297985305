/** `layerstash repos`. @module */
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { listRepositories } from "../../../main.ts";
import { action } from "../action.ts";
import { registryCommand } from "../base_commands.ts";
import { registryOptionsOf } from "../connection.ts";
import { jsonOption } from "../options.ts";
import { printNames } from "../text/answers.ts";

const EXAMPLES = `
Examples:
  $ layerstash repos --registry localhost:5000
  $ layerstash repos --registry oci:./box

Docker Hub, GHCR and others do not list their repositories.
`;

/** Makes the command. */
export function reposCommand(): CommandUnknownOpts {
  const command = registryCommand("repos")
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
  command.action((flags, parsed) => work(flags, parsed));
  return command;
}
