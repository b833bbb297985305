/** `layerstash blob`: a repository as a store of blobs. @module */
import { Argument, Command } from "@commander-js/extra-typings";
import { type BlobName, blobSize, mountBlob, removeBlobs } from "../../../main.ts";
import { parseDigest } from "../../oci/digest.ts";
import { CommandEnded, storeAction } from "../action.ts";
import { pullCommand } from "./blob_pull.ts";
import { pushCommand } from "./blob_push.ts";
import { exitCodeOf } from "../exit_codes.ts";
import { jsonLine } from "../json_events.ts";
import { blobsArgument, lines, manifestOption, namesOrManifest, plain, renderAnswer } from "../named.ts";
import { aliasCommand, repositoryCommand } from "../options.ts";

const EXAMPLES = `
Examples:
  $ layerstash blob push -r fred/datalogger -i logger.dat --alias may15-readings
  $ layerstash blob pull -r fred/datalogger @may15-readings -o logger.dat
`;

/** Makes the command with its subcommands. */
export function blobCommand(): Command {
  const command = new Command("blob").description("store, fetch and remove blobs by their digests")
    .helpCommand("help [command]", "print the help of a command").addHelpText("after", EXAMPLES);
  for (const make of [pushCommand, pullCommand, sizeCommand, mountCommand, removeCommand]) {
    command.addCommand(make());
  }
  return command as unknown as Command;
}

const SIZE_EXAMPLES = `
Examples:
  $ layerstash blob size -r fred/datalogger @may15-readings
  $ layerstash manifest -r fred/datalogger may15-readings |
      layerstash blob size -r fred/datalogger --manifest -
`;

function sizeCommand(): Command {
  const command = aliasCommand("size")
    .description("tell the size of blobs, in bytes; of an alias, the sum")
    .addArgument(blobsArgument())
    .addOption(manifestOption())
    .addHelpText("after", SIZE_EXAMPLES);
  const work = storeAction<ReturnType<typeof command.opts> & { names: readonly BlobName[] }>(
    () => "tell the size",
    async ({ terminal, store, signal }, { names, manifest, platform, json }) => {
      const named = await namesOrManifest(names, manifest);
      const sizes = [];
      for (const name of named) sizes.push(await blobSize(store, name, { platform, signal }));
      if (json) terminal.data(jsonLine(sizes.map(plain)));
      else for (const size of sizes) terminal.data(renderAnswer(size, (bytes) => lines([bytes])));
    },
  );
  command.action((names, flags, parsed) => work({ ...flags, names: names ?? [] }, parsed));
  return command as unknown as Command;
}

const MOUNT_EXAMPLES = `
Example:
  $ layerstash blob mount -r fred/copies --from fred/datalogger sha256:2cf2...
`;

function mountCommand(): Command {
  const command = repositoryCommand("mount")
    .description("take a blob over from another repository of the registry")
    .addArgument(new Argument("<digest>", "the blob"))
    .requiredOption("--from <repository>", "the repository that has it")
    .option("--alias <name>", "a name that points to it then")
    .addHelpText("after", MOUNT_EXAMPLES);
  const work = storeAction<ReturnType<typeof command.opts> & { digest: string }>(
    ({ digest, from }) => `take over ${digest} from ${from}`,
    async ({ terminal, store, signal }, { digest, from, alias, json }) => {
      const blob = await mountBlob(store, parseDigest(digest), { from, alias, signal });
      terminal.data(json ? jsonLine({ ...blob, alias }) : lines([digest]));
    },
  );
  command.action((digest, flags, parsed) => work({ ...flags, digest }, parsed));
  return command as unknown as Command;
}

const REMOVE_EXAMPLES = `
Examples:
  $ layerstash blob remove -r fred/datalogger sha256:2cf2...
  $ layerstash blob remove -r fred/datalogger @may15-readings

Of an alias, its blobs are removed, and not the alias: see layerstash alias
remove.
`;

function removeCommand(): Command {
  const command = aliasCommand("remove")
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
      terminal.data(json ? jsonLine({ removed, kept: reasons }) : lines(removed));
      for (const { digest, error } of kept) terminal.fail(`cannot remove ${digest}`, error);
      if (kept[0]) throw new CommandEnded(exitCodeOf(kept[0].error));
    },
  );
  command.action((names, flags, parsed) => work({ ...flags, names: names ?? [] }, parsed));
  return command as unknown as Command;
}
