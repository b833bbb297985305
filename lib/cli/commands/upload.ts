/** `layerstash upload`. @module */
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { upload } from "../../../main.ts";
import { counted } from "../../messages.ts";
import { storeAction } from "../action.ts";
import { transferCommand } from "../base_commands.ts";
import { chunkSizeOption, manifestFormatOption } from "../options.ts";
import { streamName } from "../terminal/standard_streams.ts";
import { eventLine } from "../text/json_lines.ts";
import type { ProgressState } from "../terminal/progress_state.ts";
import { formatSize } from "../text/sizes.ts";

const EXAMPLES = `
Examples:
  $ layerstash upload -r me/files -t disk -i disk.img
  $ layerstash upload --registry ghcr -r me/files -t disk -i disk.img
  $ tar c photos | layerstash upload -r me/files -t photos -i -
  $ layerstash upload --registry oci:./box -r me/files -t disk -i disk.img

A chunk has 5 GiB, on GHCR 512 MiB. Chunks that are stored already are not sent
again: after an interruption, the same command goes on. If the name holds
another file, that is a conflict; --overwrite replaces it. What a pipe brings is
stored even if the program before it fails: use set -o pipefail, and remove what
is incomplete.
`;

/** Makes the command. */
export function uploadCommand(): CommandUnknownOpts {
  const command = transferCommand("upload")
    .requiredOption("-i, --infile <file>", "the file or block device to store; - is standard input")
    .addOption(chunkSizeOption())
    .option("--overwrite", "replace another file that has the same name")
    .addOption(manifestFormatOption())
    .addHelpText("after", EXAMPLES)
    .action(storeAction(
      ({ infile, baseTag }) => `store ${streamName(infile, "input")} as ${baseTag}`,
      async (
        { terminal, store, signal, onEvent, saved },
        { baseTag, infile, json, stateDir: stateDirectory, ...options },
      ) => {
        const input = infile === "-" ? Deno.stdin.readable : infile;
        const stash = await upload(store, baseTag, { ...options, stateDirectory, input, signal, onEvent });
        if (infile === "-" && stash.size === 0) terminal.warn("standard input was empty");
        if (json) return terminal.data(eventLine("done", stash));
        const { size, chunks } = stash;
        terminal.note(
          `stored ${baseTag} in ${store.name}: ${formatSize(size)} in ${counted(chunks.length, "chunk")}${
            saved(size, "sent")
          }`,
        );
      },
      {
        moving: ({ infile }) => `storing ${streamName(infile, "input")}`,
        kept: ({ infile }, progress) => keptChunks(progress, infile === "-"),
      },
    ));
  return command;
}

/** What an interruption leaves: chunks that are stored, and what was on its way. Some registries keep that, too. */
function keptChunks({ blobs, blobsDone, moving }: ProgressState, piped: boolean): string {
  const all = blobs === undefined
    ? counted(blobsDone, "chunk")
    : `${blobsDone} of ${counted(blobs, "chunk")}`;
  const lost = moving > 0 ? `; ${formatSize(moving)} were under way, and may have to be sent again` : "";
  const goesOn = "The same command goes on";
  const next = piped ? `${goesOn} if the same bytes come again; for others, add --overwrite` : goesOn;
  return `stored so far: ${all}${lost}. ${next}`;
}
