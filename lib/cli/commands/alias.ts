/** `layerstash alias`: gives names to blobs. @module */
import { Argument, Command, type CommandUnknownOpts } from "@commander-js/extra-typings";
import { NotFoundError } from "../../errors.ts";
import { digestOfFile, getAlias, listAliases, removeAlias, setAlias } from "../../exports/blobs.ts";
import { type Digest, isDigest, parseDigest } from "../../oci/digest.ts";
import { requireRepository } from "../../store/known_references.ts";
import { storeAction } from "../action.ts";
import { platformCommand, repositoryCommand } from "../base_commands.ts";
import { manifestFormatOption } from "../options.ts";
import { answerDocument, printAnswers, printNames, renderAnswer, textLines } from "../text/answers.ts";
import { jsonLine } from "../text/json_lines.ts";
import { manifestOption, namesOrManifest } from "./blob_arguments.ts";

const EXAMPLES = `
Examples:
  $ layerstash alias set -r fred/datalogger may15-readings ./logger.dat
  $ layerstash alias get -r fred/datalogger may15-readings
`;

/** Makes the command with its subcommands. */
export function aliasCommand(): CommandUnknownOpts {
  const command = new Command("alias")
    .helpCommand("help [command]", "print the help of a command").addHelpText("after", EXAMPLES);
  for (const make of [aliasSetCommand, aliasGetCommand, aliasRemoveCommand, aliasListCommand]) {
    command.addCommand(make());
  }
  return command;
}

const SET_EXAMPLES = `
Examples:
  $ layerstash alias set -r fred/datalogger may15-readings sha256:2cf2...
  $ layerstash alias set -r fred/datalogger may15-readings ./logger.dat

A file stands for its digest. It is not stored: its blob must exist already.
`;

function aliasSetCommand(): CommandUnknownOpts {
  const command = repositoryCommand("set")
    .description("point a name to blobs, and print its manifest")
    .addArgument(new Argument("<alias>", "the name"))
    .addArgument(new Argument("<blob...>", "digests (sha256:...), or files whose blobs are stored"))
    .addOption(manifestFormatOption())
    .addHelpText("after", SET_EXAMPLES);
  const work = storeAction<ReturnType<typeof command.opts> & { alias: string; blobs: readonly string[] }>(
    ({ alias }) => `set the alias ${alias}`,
    async ({ terminal, store, signal }, { alias, blobs, json }) => {
      const digests: Digest[] = [];
      for (const blob of blobs) {
        digests.push(isDigest(blob) ? blob : await digestOfFile(blob).catch(explain(blob)));
      }
      const { digest, bytes } = await setAlias(store, alias, { digests, signal });
      if (json) terminal.data(jsonLine({ alias, manifest: digest, digests }));
      else terminal.document(bytes);
    },
  );
  command.action((alias, blobs, flags, parsed) => work({ ...flags, alias, blobs }, parsed));
  return command;
}

/** Says of a missing file whose name begins as a digest does that the digest is malformed. */
function explain(blob: string): (error: unknown) => never {
  return (error) => {
    if (error instanceof NotFoundError && blob.startsWith("sha256:")) parseDigest(blob);
    throw error;
  };
}

const GET_EXAMPLES = `
Examples:
  $ layerstash alias get -r fred/datalogger may15-readings
  $ layerstash alias get -r library/nginx alpine --platform linux/arm64
`;

function aliasGetCommand(): CommandUnknownOpts {
  const command = platformCommand("get")
    .description("print the digests of the blobs that aliases point to")
    .addArgument(new Argument("[alias...]", "tags, or digests of manifests"))
    .addOption(manifestOption())
    .addHelpText("after", GET_EXAMPLES);
  const work = storeAction<ReturnType<typeof command.opts> & { aliases: readonly string[] }>(
    ({ aliases }) => `read ${aliases.length === 1 ? `the alias ${aliases[0]}` : "aliases"}`,
    async ({ terminal, store, signal }, { aliases, manifest, platform, json }) => {
      const found = [];
      for (const alias of await namesOrManifest(aliases, manifest, "alias")) {
        found.push(await getAlias(store, alias, { platform, signal }));
      }
      printAnswers(terminal, found, textLines, { json });
    },
  );
  command.action((aliases, flags, parsed) => work({ ...flags, aliases }, parsed));
  return command;
}

const REMOVE_EXAMPLES = `
Example:
  $ layerstash alias remove -r fred/datalogger may15-readings

Other aliases of the same blobs stay, and so do the blobs: see layerstash blob
remove.
`;

function aliasRemoveCommand(): CommandUnknownOpts {
  const command = repositoryCommand("remove")
    .description("remove aliases, and print what they pointed to")
    .addArgument(new Argument("<alias...>", "the names"))
    .addHelpText("after", REMOVE_EXAMPLES);
  const work = storeAction<ReturnType<typeof command.opts> & { aliases: readonly string[] }>(
    ({ aliases }) => `remove ${aliases.length === 1 ? `the alias ${aliases[0]}` : "aliases"}`,
    async ({ terminal, store, signal }, { aliases, json }) => {
      const removed = [];
      for (const alias of aliases) {
        const digests = await removeAlias(store, alias, { signal });
        removed.push({ alias, digests: answerDocument<Digest | Digest[]>(digests) });
        if (!json) {
          terminal.data(renderAnswer<Digest | Digest[]>(digests, (each) => textLines([each].flat())));
        }
      }
      if (json) terminal.data(jsonLine(removed));
    },
  );
  command.action((aliases, flags, parsed) => work({ ...flags, aliases }, parsed));
  return command;
}

const LIST_EXAMPLES = `
Example:
  $ layerstash alias list -r fred/datalogger
`;

function aliasListCommand(): CommandUnknownOpts {
  const command = repositoryCommand("list")
    .description("print all aliases, which are all tags")
    .addHelpText("after", LIST_EXAMPLES)
    .action(storeAction(
      ({ repository }) => `list the aliases of ${repository}`,
      async ({ terminal, store, signal }, { json }) => {
        const count = await printNames(terminal, listAliases(store, { signal }), { json });
        if (count === 0) await requireRepository(store, { signal });
      },
    ));
  return command;
}
