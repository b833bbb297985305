/** `layerstash blob push`. @module */
import type { Command } from "@commander-js/extra-typings";
import { pushBlob } from "../../../main.ts";
import { InvalidInputError } from "../../errors.ts";
import { storeAction } from "../action.ts";
import { line } from "../json_events.ts";
import { lines } from "../named.ts";
import { limitRateOption, repositoryCommand, stateDirOption } from "../options.ts";

const EXAMPLES = `
Examples:
  $ layerstash blob push -r fred/datalogger -i logger.dat --alias may15-readings
  $ tar c photos | layerstash blob push -r fred/files
`;

/** Makes the command. */
export function pushCommand(): Command {
  const command = repositoryCommand("push")
    .description("store a blob of any size, and print its digest")
    .option("-i, --infile <file>", "the file to store; - is standard input", "-")
    .option("--alias <name>", "a name that points to it then")
    .addOption(limitRateOption())
    .addOption(stateDirOption())
    .addHelpText("after", EXAMPLES)
    .action(storeAction(
      ({ infile }) => `store ${nameOf(infile)}`,
      async ({ terminal, store, signal, onEvent }, { infile, alias, json, stateDir: stateDirectory }) => {
        const input = infile === "-" ? standardInput() : infile;
        const blob = await pushBlob(store, input, { alias, stateDirectory, signal, onEvent });
        terminal.data(json ? line("done", { ...blob, alias }) : lines([blob.digest]));
      },
      { moving: ({ infile }) => `storing ${nameOf(infile)}` },
    ));
  return command as unknown as Command;
}

/** Nobody types a blob: who left the option away forgot it. */
function standardInput(): ReadableStream<Uint8Array> {
  if (!Deno.stdin.isTerminal()) return Deno.stdin.readable;
  throw new InvalidInputError("there is nothing to store", {
    hint: "give a file with -i, or pipe the bytes in",
  });
}

function nameOf(infile: string): string {
  return infile === "-" ? "standard input" : infile;
}
