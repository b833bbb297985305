/** `layerstash download`. @module */
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { download } from "../../../main.ts";
import { GO_ON, storeAction } from "../action.ts";
import { transferCommand } from "../base_commands.ts";
import { requireFreeOutput, streamName } from "../terminal/standard_streams.ts";
import { eventLine } from "../text/json_lines.ts";
import { formatSize } from "../text/sizes.ts";

const EXAMPLES = `
Examples:
  $ layerstash download -r me/files -t disk -o disk.img
  $ layerstash download --registry ghcr -r me/files -t photos -o - | tar x

FILE is written after every byte was verified. Until then the bytes are in
FILE.part: after an interruption, the same command goes on there. A FILE with
other bytes is not replaced without --overwrite.
Standard output gets the bytes of a chunk before its digest is checked, so check
the exit code.
`;

/** Makes the command. */
export function downloadCommand(): CommandUnknownOpts {
  const command = transferCommand("download")
    .requiredOption("-o, --outfile <file>", "the file to write; - is standard output")
    .option("--overwrite", "replace a file with other bytes")
    .addHelpText("after", EXAMPLES)
    .action(storeAction(
      ({ baseTag, outfile }) => `download ${baseTag} to ${streamName(outfile, "output")}`,
      async (
        { terminal, store, signal, onEvent, saved },
        { baseTag, outfile, json, stateDir: stateDirectory, ...options },
      ) => {
        requireFreeOutput(outfile, { json });
        const output = outfile === "-" ? terminal.dataStream() : outfile;
        const stash = await download(store, baseTag, { ...options, stateDirectory, output, signal, onEvent });
        if (json) return terminal.data(eventLine("done", stash));
        const doubt = stash.provenComplete ? "" : "; nothing proves that it is complete";
        terminal.note(
          `${outfile === "-" ? "sent to standard output" : `wrote ${outfile}`}: ${
            formatSize(stash.size)
          }, verified${saved(stash.size, "fetched")}${doubt}`,
        );
      },
      {
        moving: ({ baseTag }) => `fetching ${baseTag}`,
        kept: ({ outfile }) => outfile === "-" ? undefined : GO_ON,
      },
    ));
  return command;
}
