/** `layerstash blob`: uses a repository as a store of blobs. @module */
import { Command, type CommandUnknownOpts } from "@commander-js/extra-typings";
import type { BlobName } from "../../blobs/named_blobs.ts";
import { blobSize, mountBlob, removeBlobs } from "../../exports/blobs.ts";
import { quoted } from "../../messages.ts";
import { parseDigest } from "../../oci/digest.ts";
import { storeAction } from "../action.ts";
import { placeCommand, platformCommand } from "../base_commands.ts";
import { CommandEnded, exitCodeOf } from "../exit_codes.ts";
import { printAnswers, textLines } from "../text/answers.ts";
import { jsonLine } from "../text/json_lines.ts";
import { type ParsedCommand, type PlaceFlags, placeOf, refusalOf, type WithPlace } from "../place.ts";
import {
  blobsArgument,
  blobsOf,
  manifestOption,
  namesOrManifest,
  overwriteAliasOption,
} from "./blob_arguments.ts";
import { blobPullCommand } from "./blob_pull.ts";
import { blobPushCommand } from "./blob_push.ts";

const EXAMPLES = `
Examples:
  $ layerstash blob push logger.dat fred/datalogger:may15-readings
  $ layerstash blob pull fred/datalogger:may15-readings -o logger.dat
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
  $ layerstash blob size fred/datalogger:may15-readings
  $ layerstash manifest fred/datalogger:may15-readings > may15.json
  $ layerstash blob size -r fred/datalogger --manifest may15.json
`;

function blobSizeCommand(): CommandUnknownOpts {
  const command = platformCommand("size")
    .description("print the size of blobs in bytes; of an alias, the sum")
    .addArgument(blobsArgument())
    .addOption(manifestOption())
    .addHelpText("after", SIZE_EXAMPLES);
  const work = storeAction<WithPlace<ReturnType<typeof command.opts>> & { names: readonly BlobName[] }>(
    () => "find the size",
    async ({ terminal, store, signal }, { names, manifest, platform, json }) => {
      const named = await namesOrManifest(names, manifest);
      const sizes = [];
      for (const name of named) sizes.push(await blobSize(store, name, { platform, signal }));
      printAnswers(terminal, sizes, (bytes) => textLines([bytes]), { json });
    },
  );
  command.action((words, flags, parsed) => work(blobsOf(words, flags, parsed), parsed));
  return command;
}

const MOUNT_EXAMPLES = `
Examples:
  $ layerstash blob mount fred/datalogger@sha256:2cf2... fred/copies
  $ layerstash blob mount -r fred/copies --from fred/datalogger sha256:2cf2...
`;

function blobMountCommand(): CommandUnknownOpts {
  const command = placeCommand("mount")
    .description("mount a blob from another repository of the registry")
    .argument("<blob>", "the blob, such as me/logs@sha256:...; with --from, its digest")
    .argument("[address]", "the repository that gets it, such as me/copies, or me/copies:ALIAS")
    .option("--from <repository>", "the repository that has the blob, with -r")
    .option("--alias <name>", "a name to give to the blob, with -r")
    .addOption(overwriteAliasOption())
    .addHelpText("after", MOUNT_EXAMPLES);
  const work = storeAction<Mount & WithPlace<ReturnType<typeof command.opts>>>(
    ({ digest, from }) => `mount ${digest} from ${from}`,
    async ({ terminal, store, signal }, { digest, from, alias, overwrite, json }) => {
      const blob = await mountBlob(store, parseDigest(digest), { from, alias, overwrite, signal });
      terminal.data(json ? jsonLine({ ...blob, alias }) : textLines([digest]));
    },
  );
  command.action((blob, address, flags, parsed) => work(mountOf(blob, address, flags, parsed), parsed));
  return command;
}

/** What is mounted, and from where. */
interface Mount {
  digest: string;
  from: string;
}

function mountOf<F extends PlaceFlags & { from?: string | undefined; alias?: string | undefined }>(
  blob: string,
  address: string | undefined,
  flags: F,
  parsed: ParsedCommand,
): Mount & WithPlace<F> {
  const refuse = refusalOf(parsed);
  const target = placeOf(address, flags, parsed);
  const { from, alias } = flags;
  if (address === undefined) {
    return {
      ...target,
      digest: blob,
      from: from ?? refuse("--from is missing: the repository that has the blob"),
    };
  }
  for (const [option, value] of Object.entries({ from, alias })) {
    if (value !== undefined) refuse(`two addresses say all: leave out --${option}`);
  }
  const source = placeOf(blob, flags, parsed);
  const digest = source.address?.reference ??
    refuse(`${quoted(blob)} names a repository: add the digest of the blob, as in ${blob}@sha256:...`);
  if (source.registry !== target.registry) {
    refuse(
      `a blob is mounted within one registry, not from ${source.registry} to ${target.registry}` +
        "\nhint: within a directory, use --registry oci:DIR, -r and --from",
    );
  }
  return { ...target, digest, from: source.repository, alias: target.address?.reference };
}

const REMOVE_EXAMPLES = `
Examples:
  $ layerstash blob remove fred/datalogger@sha256:2cf2...
  $ layerstash blob remove fred/datalogger:may15-readings

By an alias its blobs are removed, but not the alias: see layerstash alias
remove.
`;

function blobRemoveCommand(): CommandUnknownOpts {
  const command = platformCommand("remove")
    .description("remove blobs, and print their digests")
    .addArgument(blobsArgument())
    .addOption(manifestOption())
    .addHelpText("after", REMOVE_EXAMPLES);
  const work = storeAction<WithPlace<ReturnType<typeof command.opts>> & { names: readonly BlobName[] }>(
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
  command.action((words, flags, parsed) => work(blobsOf(words, flags, parsed), parsed));
  return command;
}
