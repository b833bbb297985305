/** `layerstash blob push`. @module */
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { pushBlob, setAlias } from "../../exports/blobs.ts";
import type { Digest } from "../../oci/digest.ts";
import { exists } from "../../oci/path_reference.ts";
import { parseTag } from "../../oci/reference.ts";
import { storeAction } from "../action.ts";
import { placeCommand } from "../base_commands.ts";
import { limitRateOption, manifestFormatOption, stateDirOption } from "../options.ts";
import { type ParsedCommand, type PlaceFlags, refusalOf, type WithPlace } from "../place.ts";
import { pipedInput, streamName } from "../terminal/standard_streams.ts";
import { textLines } from "../text/answers.ts";
import { eventLine } from "../text/json_lines.ts";
import { filesAndPlace } from "../words.ts";

const EXAMPLES = `
Examples:
  $ layerstash blob push logger.dat fred/datalogger:may15-readings
  $ tar c photos | layerstash blob push ghcr.io/fred/files

Of several files, the alias names all, in their order: blob pull joins them.
`;

/** Makes the command. */
export function blobPushCommand(): CommandUnknownOpts {
  const command = placeCommand("push")
    .description("store a blob of any size, and print its digest")
    .argument("[file...]", "files to store, - or none is standard input; after them the address")
    .option("-i, --infile <file>", "the file to store, with -r")
    .option("--alias <name>", "a name to give to the blob, with -r")
    .addOption(manifestFormatOption())
    .addOption(limitRateOption())
    .addOption(stateDirOption())
    .addHelpText("after", EXAMPLES);
  const work = storeAction<WithPlace<ReturnType<typeof command.opts>> & { files: readonly string[] }>(
    ({ files }) => `store ${namesOf(files)}`,
    async ({ terminal, store, signal, onEvent }, { files, alias, json, stateDir: stateDirectory }) => {
      if (alias !== undefined) parseTag(alias); // before the first byte is read
      const ofOne = files.length === 1 ? alias : undefined;
      const digests: Digest[] = [];
      for (const file of files) {
        const input = file === "-" ? pipedInput(NO_INPUT) : file;
        const blob = await pushBlob(store, input, { alias: ofOne, stateDirectory, signal, onEvent });
        digests.push(blob.digest);
        terminal.data(json ? eventLine("done", { ...blob, alias }) : textLines([blob.digest]));
      }
      if (alias !== ofOne) await setAlias(store, alias!, { digests, signal, onEvent });
    },
    { moving: ({ files }) => `storing ${namesOf(files)}` },
  );
  command.usage("[options] [file...] <address>").action((words, flags, parsed) =>
    work(pushesOf(words, flags, parsed), parsed)
  );
  return command;
}

/** The files to store, and the alias that the address or the option gives. */
function pushesOf<F extends PlaceFlags & { infile?: string | undefined; alias?: string | undefined }>(
  words: readonly string[],
  flags: F,
  parsed: ParsedCommand,
): WithPlace<F> & { files: string[] } {
  const { files, place } = filesAndPlace(words, flags, parsed);
  const reference = place.address?.reference;
  if (reference !== undefined && flags.alias !== undefined) {
    refusalOf(parsed)("the address and --alias both give a name: leave out one");
  }
  // Of several files, one that does not exist goes first: it fails before another one is sent.
  const missing = files.find((file) => file !== "-" && !exists(file));
  const named = files.length === 0 ? ["-"] : missing === undefined ? files : [missing];
  return { ...place, files: named, alias: reference ?? flags.alias };
}

function namesOf(files: readonly string[]): string {
  return files.map((file) => streamName(file, "input")).join(", ");
}

const NO_INPUT = {
  problem: "there is nothing to store",
  hint: "name a file before the address, or pipe the bytes in",
};
