/** `layerstash token`. @module */
import { Argument, type CommandUnknownOpts } from "@commander-js/extra-typings";
import { getToken } from "../../../main.ts";
import { action } from "../action.ts";
import { repositoryCommand } from "../base_commands.ts";
import { registryOptionsOf } from "../connection.ts";
import { textLines } from "../text/answers.ts";
import { jsonLine } from "../text/json_lines.ts";

const EXAMPLES = `
Example:
  $ TOKEN=$(layerstash token -r fred/datalogger pull)
  $ curl -fL -H "Authorization: Bearer $TOKEN" -o logger.dat \\
      https://registry-1.docker.io/v2/fred/datalogger/blobs/sha256:2cf2...

The token is valid for some minutes. Nothing is printed if the registry uses no
tokens.
`;

/** Makes the command. */
export function tokenCommand(): CommandUnknownOpts {
  const command = repositoryCommand("token")
    .addArgument(
      new Argument("[action...]", "what the token must allow").choices(["pull", "push", "delete", "*"]),
    )
    .addHelpText("after", EXAMPLES);
  const work = action<ReturnType<typeof command.opts> & { actions: readonly string[] }>(
    ({ repository }) => `get a token for ${repository}`,
    async ({ terminal, signal }, { actions, repository, json, ...flags }) => {
      using display = terminal.progress(`getting a token for ${repository}`);
      const options = await registryOptionsOf(flags, display.onEvent);
      const wanted = actions.length === 0 ? ["pull"] : actions;
      const token = await getToken({ ...options, repository, actions: wanted, signal });
      if (json) terminal.data(jsonLine({ token: token ?? null }));
      else if (token === undefined) terminal.note(`${flags.registry} uses no tokens`);
      else terminal.data(textLines([token]));
    },
  );
  command.action((actions, flags, parsed) => work({ ...flags, actions }, parsed));
  return command;
}
