/** `layerstash blob`: uses a repository as a store of blobs. @module */
import { Argument, Command, type CommandUnknownOpts } from "@commander-js/extra-typings";
import type { BlobName } from "../../blobs/named_blobs.ts";
import { blobSize, mountBlob, removeBlobs } from "../../exports/blobs.ts";
import { parseDigest } from "../../oci/digest.ts";
import { storeAction } from "../action.ts";
import { platformCommand, repositoryCommand } from "../base_commands.ts";
import { CommandEnded, exitCodeOf } from "../exit_codes.ts";
import { printAnswers, textLines } from "../text/answers.ts";
import { jsonLine } from "../text/json_lines.ts";
import { blobsArgument, manifestOption, namesOrManifest } from "./blob_arguments.ts";
import { blobPullCommand } from "./blob_pull.ts";
import { blobPushCommand } from "./blob_push.ts";

const EXAMPLES = `
Examples:
  $ layerstash blob push -r fred/datalogger -i logger.dat --alias may15-readings
  $ layerstash blob pull -r fred/datalogger @may15-readings -o logger.dat
`;

/** Makes the command with its subcommands. */
export function blobCommand(): CommandUnknownOpts {
  const command = new Command("blob")
    .helpCommand("help [command]", "print the help of a command").addHelpText("after", EXAMPLES);
  for (
    const make of [blobPushCommand, blobPullCommand, blobSizeCommand, blobMountCommand, blobRemoveCommand]
  ) {
    command.addCommand(make());
  }
  return command;
}

const SIZE_EXAMPLES = `
Examples:
  $ layerstash blob size -r fred/datalogger @may15-readings
  $ layerstash manifest -r fred/datalogger may15-readings |
      layerstash blob size -r fred/datalogger --manifest -
`;

function blobSizeCommand(): CommandUnknownOpts {
  const command = platformCommand("size")
    .description("print the size of blobs in bytes; of an alias, the sum")
    .addArgument(blobsArgument())
    .addOption(manifestOption())
    .addHelpText("after", SIZE_EXAMPLES);
  const work = storeAction<ReturnType<typeof command.opts> & { names: readonly BlobName[] }>(
    () => "find the size",
    async ({ terminal, store, signal }, { names, manifest, platform, json }) => {
      const named = await namesOrManifest(names, manifest);
      const sizes = [];
      for (const name of named) sizes.push(await blobSize(store, name, { platform, signal }));
      printAnswers(terminal, sizes, (bytes) => textLines([bytes]), { json });
    },
  );
  command.action((names, flags, parsed) => work({ ...flags, names: names ?? [] }, parsed));
  return command;
}

const MOUNT_EXAMPLES = `
Example:
  $ layerstash blob mount -r fred/copies --from fred/datalogger sha256:2cf2...
`;

function blobMountCommand(): CommandUnknownOpts {
  const command = repositoryCommand("mount")
    .description("mount a blob from another repository of the registry")
    .addArgument(new Argument("<digest>", "the blob"))
    .requiredOption("--from <repository>", "the repository that has the blob")
    .option("--alias <name>", "a name to give to the blob")
    .addHelpText("after", MOUNT_EXAMPLES);
  const work = storeAction<ReturnType<typeof command.opts> & { digest: string }>(
    ({ digest, from }) => `mount ${digest} from ${from}`,
    async ({ terminal, store, signal }, { digest, from, alias, json }) => {
      const blob = await mountBlob(store, parseDigest(digest), { from, alias, signal });
      terminal.data(json ? jsonLine({ ...blob, alias }) : textLines([digest]));
    },
  );
  command.action((digest, flags, parsed) => work({ ...flags, digest }, parsed));
  return command;
}

const REMOVE_EXAMPLES = `
Examples:
  $ layerstash blob remove -r fred/datalogger sha256:2cf2...
  $ layerstash blob remove -r fred/datalogger @may15-readings

@ALIAS removes its blobs, but not the alias: see layerstash alias remove.
`;

function blobRemoveCommand(): CommandUnknownOpts {
  const command = platformCommand("remove")
    .description("remove blobs, and print their digests")
    .addArgument(blobsArgument())
    .addOption(manifestOption())
    .addHelpText("after", REMOVE_EXAMPLES);
  const work = storeAction<ReturnType<typeof command.opts> & { names: readonly BlobName[] }>(
    ({ repository }) => `remove blobs of ${repository}`,
    async ({ terminal, store, signal }, { names, manifest, platform, json }) => {
      const named = await namesOrManifest(names, manifest);
      const { removed, kept } = await removeBlobs(store, named, { platform, signal });
      const reasons = kept.map(({ digest, error }) => ({ digest, why: error.message }));
      terminal.data(json ? jsonLine({ removed, kept: reasons }) : textLines(removed));
      for (const { digest, error } of kept) terminal.fail(`cannot remove ${digest}`, error);
      if (kept[0]) throw new CommandEnded(exitCodeOf(kept[0].error));
    },
  );
  command.action((names, flags, parsed) => work({ ...flags, names: names ?? [] }, parsed));
  return command;
}
