/** `layerstash token`. @module */
import { Argument, type CommandUnknownOpts } from "@commander-js/extra-typings";
import { getToken } from "../../../main.ts";
import { quoted } from "../../messages.ts";
import { action } from "../action.ts";
import { placeCommand, REPOSITORY_ADDRESS } from "../base_commands.ts";
import { registryOptionsOf } from "../connection.ts";
import { refusalOf, repositoryOf, type WithPlace } from "../place.ts";
import { isBareName } from "../words.ts";
import { textLines } from "../text/answers.ts";
import { jsonLine } from "../text/json_lines.ts";

const EXAMPLES = `
Example:
  $ TOKEN=$(layerstash token fred/datalogger pull)
  $ curl -fL -H "Authorization: Bearer $TOKEN" -o logger.dat \\
      https://registry-1.docker.io/v2/fred/datalogger/blobs/sha256:2cf2...

The token is valid for some minutes. Nothing is printed if the registry uses no
tokens.
`;

const ACTIONS: readonly string[] = ["pull", "push", "delete", "*"];

/** Makes the command. */
export function tokenCommand(): CommandUnknownOpts {
  const command = placeCommand("token")
    .argument(...REPOSITORY_ADDRESS)
    .addArgument(new Argument("[action...]", "what the token must allow").choices(ACTIONS))
    .addHelpText("after", EXAMPLES);
  const work = action<WithPlace<ReturnType<typeof command.opts>> & { actions: readonly string[] }>(
    ({ repository }) => `get a token for ${repository}`,
    async ({ terminal, signal }, { actions, repository, address, json, ...flags }) => {
      using display = terminal.progress(`getting a token for ${repository}`);
      const options = await registryOptionsOf(flags, display.onEvent);
      const wanted = actions.length === 0 ? ["pull"] : actions;
      const isDirectory = address && address.registry.kind !== "remote";
      const token = isDirectory
        ? undefined
        : await getToken({ ...options, repository, actions: wanted, signal });
      if (json) terminal.data(jsonLine({ token: token ?? null }));
      else if (token === undefined) terminal.note(`${flags.registry} uses no tokens`);
      else terminal.data(textLines([token]));
    },
  );
  command.action((word, more, flags, parsed) => {
    const isAction = word !== undefined && isBareName(word);
    if (isAction && !ACTIONS.includes(word)) {
      refusalOf(parsed)(`${quoted(word)} is not an action: use pull, push, delete or *`);
    }
    const place = repositoryOf(isAction ? undefined : word, flags, parsed);
    return work({ ...place, actions: isAction ? [word, ...more] : more }, parsed);
  });
  return command;
}
