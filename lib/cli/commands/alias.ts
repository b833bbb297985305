/** `layerstash alias`: gives names to blobs. @module */
import { Argument, Command, type CommandUnknownOpts } from "@commander-js/extra-typings";
import { NotFoundError } from "../../errors.ts";
import { digestOfFile, getAlias, listAliases, removeAlias, setAlias } from "../../exports/blobs.ts";
import { quoted } from "../../messages.ts";
import { beginsAsDigest, type Digest, isDigest, parseDigest } from "../../oci/digest.ts";
import { requireRepository } from "../../store/known_references.ts";
import { storeAction } from "../action.ts";
import { correctedLine, withWord } from "../corrected_line.ts";
import { placeCommand, platformCommand, REPOSITORY_ADDRESS } from "../base_commands.ts";
import { refusalOf, repositoryOf, type WithPlace } from "../place.ts";
import { manifestFormatOption } from "../options.ts";
import { answerDocument, printAnswers, printNames, renderAnswer, textLines } from "../text/answers.ts";
import { jsonLine } from "../text/json_lines.ts";
import { isAddressRatherThanPath, isBareName, thingsOf } from "../words.ts";
import { aliasesArgument, manifestOption, namesOrManifest, overwriteAliasOption } from "./blob_arguments.ts";

const EXAMPLES = `
Examples:
  $ layerstash alias set fred/datalogger:may15-readings ./logger.dat
  $ layerstash alias get fred/datalogger:may15-readings
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
  $ layerstash alias set fred/datalogger:may15-readings sha256:2cf2...
  $ layerstash alias set fred/datalogger:may15-readings ./logger.dat

A file stands for its digest. It is not stored: its blob must exist already.
`;

function aliasSetCommand(): CommandUnknownOpts {
  const command = placeCommand("set")
    .description("point a name to blobs, and print its manifest")
    .addArgument(new Argument("<alias>", "the name, such as me/logs:may15"))
    .addArgument(new Argument("<blob...>", "digests (sha256:...), or files whose blobs are stored"))
    .addOption(overwriteAliasOption())
    .addOption(manifestFormatOption())
    .addHelpText("after", SET_EXAMPLES);
  const work = storeAction<
    WithPlace<ReturnType<typeof command.opts>> & { alias: string; blobs: readonly string[] }
  >(
    ({ alias }) => `set the alias ${alias}`,
    async ({ terminal, store, signal }, { alias, blobs, overwrite, json }) => {
      const digests: Digest[] = [];
      for (const blob of blobs) {
        digests.push(isDigest(blob) ? blob : await digestOfFile(blob).catch(explain(blob)));
      }
      const { digest, bytes } = await setAlias(store, alias, { digests, overwrite, signal });
      if (json) terminal.data(jsonLine({ alias, manifest: digest, digests }));
      else terminal.document(bytes);
    },
  );
  command.action((word, blobs, flags, parsed) => {
    const misplaced = isBareName(word) ? blobs.find(isAddressRatherThanPath) : undefined;
    if (misplaced !== undefined) {
      const line = correctedLine(parsed as CommandUnknownOpts, (words) => {
        const rest = withWord(words, misplaced);
        return withWord(rest, word, `${misplaced}:${word}`);
      });
      refusalOf(parsed)(
        `the address comes first, and has the alias: ${quoted(misplaced)} is not a blob`,
        line,
      );
    }
    const { names: [alias], ...place } = thingsOf([word], flags, parsed);
    if (alias !== undefined) return work({ ...place, alias, blobs }, parsed);
    return refusalOf(parsed)(`${quoted(word)} names a repository: add the alias, as in ${word}:may15`);
  });
  return command;
}

/** Says of a missing file whose name begins as a digest does that the digest is malformed. */
function explain(blob: string): (error: unknown) => never {
  return (error) => {
    if (error instanceof NotFoundError && beginsAsDigest(blob)) parseDigest(blob);
    throw error;
  };
}

const GET_EXAMPLES = `
Examples:
  $ layerstash alias get fred/datalogger:may15-readings
  $ layerstash alias get nginx:alpine --platform linux/arm64
`;

function aliasGetCommand(): CommandUnknownOpts {
  const command = platformCommand("get")
    .description("print the digests of the blobs that aliases point to")
    .addArgument(aliasesArgument("[alias...]"))
    .addOption(manifestOption())
    .addHelpText("after", GET_EXAMPLES);
  const work = storeAction<WithPlace<ReturnType<typeof command.opts>> & { names: readonly string[] }>(
    ({ names }) => `read ${names.length === 1 ? `the alias ${names[0]}` : "aliases"}`,
    async ({ terminal, store, signal }, { names, manifest, platform, json }) => {
      const found = [];
      for (const alias of await namesOrManifest(names, manifest, "alias")) {
        found.push(await getAlias(store, alias, { platform, signal }));
      }
      printAnswers(terminal, found, textLines, { json });
    },
  );
  command.action((words, flags, parsed) => work(thingsOf(words, flags, parsed), parsed));
  return command;
}

const REMOVE_EXAMPLES = `
Example:
  $ layerstash alias remove fred/datalogger:may15-readings

Other aliases of the same blobs stay, and so do the blobs: see layerstash blob
remove.
`;

function aliasRemoveCommand(): CommandUnknownOpts {
  const command = placeCommand("remove")
    .description("remove aliases, and print what they pointed to")
    .addArgument(new Argument("<alias...>", "such as me/logs:may15"))
    .addHelpText("after", REMOVE_EXAMPLES);
  const work = storeAction<WithPlace<ReturnType<typeof command.opts>> & { names: readonly string[] }>(
    ({ names }) => `remove ${names.length === 1 ? `the alias ${names[0]}` : "aliases"}`,
    async ({ terminal, store, signal }, { names, json }) => {
      const removed = [];
      for (const alias of names) {
        const digests = await removeAlias(store, alias, { signal });
        removed.push({ alias, digests: answerDocument<Digest | Digest[]>(digests) });
        if (!json) {
          terminal.data(renderAnswer<Digest | Digest[]>(digests, (each) => textLines([each].flat())));
        }
      }
      if (json) terminal.data(jsonLine(removed));
    },
  );
  command.action((words, flags, parsed) => work(thingsOf(words, flags, parsed), parsed));
  return command;
}

const LIST_EXAMPLES = `
Example:
  $ layerstash alias list fred/datalogger
`;

function aliasListCommand(): CommandUnknownOpts {
  const command = placeCommand("list")
    .argument(...REPOSITORY_ADDRESS)
    .description("print all aliases, which are all tags")
    .addHelpText("after", LIST_EXAMPLES);
  const work = storeAction<WithPlace<ReturnType<typeof command.opts>>>(
    ({ repository }) => `list the aliases of ${repository}`,
    async ({ terminal, store, signal }, { json }) => {
      const count = await printNames(terminal, listAliases(store, { signal }), { json });
      if (count === 0) await requireRepository(store, { signal });
    },
  );
  command.action((address, flags, parsed) => work(repositoryOf(address, flags, parsed), parsed));
  return command;
}
