/** `layerstash blob push`. @module */
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { pushBlob } from "../../exports/blobs.ts";
import { storeAction } from "../action.ts";
import { repositoryCommand } from "../base_commands.ts";
import { limitRateOption, manifestFormatOption, stateDirOption } from "../options.ts";
import { pipedInput, streamName } from "../terminal/standard_streams.ts";
import { textLines } from "../text/answers.ts";
import { eventLine } from "../text/json_lines.ts";

const EXAMPLES = `
Examples:
  $ layerstash blob push -r fred/datalogger -i logger.dat --alias may15-readings
  $ tar c photos | layerstash blob push -r fred/files
`;

/** Makes the command. */
export function blobPushCommand(): CommandUnknownOpts {
  const command = repositoryCommand("push")
    .description("store a blob of any size, and print its digest")
    .option("-i, --infile <file>", "the file to store; - is standard input", "-")
    .option("--alias <name>", "a name to give to the blob")
    .addOption(manifestFormatOption())
    .addOption(limitRateOption())
    .addOption(stateDirOption())
    .addHelpText("after", EXAMPLES)
    .action(storeAction(
      ({ infile }) => `store ${streamName(infile, "input")}`,
      async ({ terminal, store, signal, onEvent }, { infile, alias, json, stateDir: stateDirectory }) => {
        const input = infile === "-" ? pipedInput(NO_INPUT) : infile;
        const blob = await pushBlob(store, input, { alias, stateDirectory, signal, onEvent });
        terminal.data(json ? eventLine("done", { ...blob, alias }) : textLines([blob.digest]));
      },
      { moving: ({ infile }) => `storing ${streamName(infile, "input")}` },
    ));
  return command;
}

const NO_INPUT = {
  problem: "there is nothing to store",
  hint: "give a file with -i, or pipe the bytes in",
};
