/** `layerstash blob push`. @module */
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { pushBlob, setAlias } from "../../exports/blobs.ts";
import { requireFreeAlias } from "../../blobs/aliases.ts";
import { totalBlobSize } from "../../blobs/alias_manifest.ts";
import { counted } from "../../messages.ts";
import type { SizedBlob } from "../../oci/descriptor.ts";
import { parseTag } from "../../oci/reference.ts";
import { addressIn } from "../../store/command_line.ts";
import { storeAction, type StoreSession } from "../action.ts";
import { placeCommand } from "../base_commands.ts";
import { limitRateOption, manifestFormatOption, stateDirOption } from "../options.ts";
import { type ParsedCommand, type PlaceFlags, refusalOf, type WithPlace } from "../place.ts";
import { pipedInput, streamName } from "../terminal/standard_streams.ts";
import { textLines } from "../text/answers.ts";
import { doneLine, getItBack, keptThere, keyWords } from "../ending.ts";
import { encryptToOption, passphraseOption, recipientsOf } from "../encryption_options.ts";
import { renderTotals } from "../terminal/transfer_totals.ts";
import { formatSize } from "../text/sizes.ts";
import { overwriteAliasOption } from "./blob_arguments.ts";
import { filesAndPlace, firstMissingOrAll } from "../words.ts";

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
    .addOption(overwriteAliasOption())
    .addOption(encryptToOption())
    .addOption(passphraseOption("encrypt with a passphrase"))
    .addOption(manifestFormatOption())
    .addOption(limitRateOption())
    .addOption(stateDirOption())
    .addHelpText("after", EXAMPLES);
  const work = storeAction<WithPlace<ReturnType<typeof command.opts>> & { files: readonly string[] }>(
    ({ files }) => `store ${namesOf(files)}`,
    async (session, { files, alias, overwrite, json, stateDir: stateDirectory, ...encryption }) => {
      const { terminal, store, signal, onEvent } = session;
      if (alias !== undefined) parseTag(alias); // before the first byte is read
      const encryptTo = await recipientsOf(encryption, session);
      const ofOne = files.length === 1 ? alias : undefined;
      if (alias !== ofOne) {
        await requireFreeAlias(store, alias!, { sizes: files.map(() => undefined), overwrite, signal });
      }
      const blobs: SizedBlob[] = [];
      for (const file of files) {
        const input = file === "-" ? pipedInput(NO_INPUT) : file;
        const blob = await pushBlob(store, input, {
          alias: ofOne,
          overwrite,
          encryptTo,
          stateDirectory,
          signal,
          onEvent,
        });
        if (file === "-" && blob.size === 0) terminal.warn("standard input was empty");
        blobs.push(blob);
        terminal.data(json ? doneLine(session, { ...blob, alias }) : textLines([blob.digest]));
      }
      const digests = blobs.map(({ digest }) => digest);
      if (alias !== ofOne) await setAlias(store, alias!, { digests, overwrite, signal, onEvent });
      if (!json) reportBlobs(session, blobs, alias, keyWords(encryptTo?.kind));
    },
    { moving: ({ files }) => `storing ${namesOf(files)}`, kept: (_, progress) => keptThere(progress) },
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
): WithPlace<F> & { files: readonly string[] } {
  const { files, place } = filesAndPlace(words, flags, parsed);
  const reference = place.address?.reference;
  if (reference !== undefined && flags.alias !== undefined) {
    refusalOf(parsed)("the address and --alias both give a name: leave out one");
  }
  const named = files.length === 0 ? ["-"] : firstMissingOrAll(files);
  return { ...place, files: named, alias: reference ?? flags.alias };
}

function namesOf(files: readonly string[]): string {
  return files.map((file) => streamName(file, "input")).join(", ");
}

function reportBlobs(
  { terminal, store, totals }: StoreSession,
  blobs: readonly SizedBlob[],
  alias: string | undefined,
  key: readonly string[],
): void {
  const size = totalBlobSize(blobs);
  const pace = renderTotals(totals(), { size, moved: "sent" });
  terminal.note(`stored ${counted(blobs.length, "blob")} in ${store.name}: ${formatSize(size)}, ${pace}`);
  const name = alias ?? (blobs.length === 1 ? blobs[0]!.digest : undefined);
  if (name !== undefined) {
    terminal.note(getItBack("blob", "pull", addressIn(store, name), ...key, "-o", "FILE"));
  }
}

const NO_INPUT = {
  problem: "there is nothing to store",
  hint: "name a file before the address, or pipe the bytes in",
};
