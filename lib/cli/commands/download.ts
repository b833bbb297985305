/** `layerstash download`. @module */
import { join } from "node:path";
import { type CommandUnknownOpts, Option } from "@commander-js/extra-typings";
import { download } from "../../../main.ts";
import { whyUnsafe } from "../../artifacts/safe_paths.ts";
import { InvalidInputError } from "../../errors.ts";
import { quoted } from "../../messages.ts";
import { isDigest } from "../../oci/digest.ts";
import { isDirectory } from "../../oci/path_reference.ts";
import { sizeOf, type Stash } from "../../stash/stash.ts";
import { storeAction, type StoreSession } from "../action.ts";
import { ADDRESS, transferCommand } from "../base_commands.ts";
import { doneLine, keptHere } from "../ending.ts";
import { identitiesOf, identityOption, passphraseOption } from "../encryption_options.ts";
import { platformOption } from "../options.ts";
import { namedPlaceOf, type WithName } from "../place.ts";
import { oneFile, splitWords } from "../words.ts";
import { mayRepeat } from "../strict_usage.ts";
import { requireFreeOutput, streamName } from "../terminal/standard_streams.ts";
import { renderTotals } from "../terminal/transfer_totals.ts";
import { formatSize } from "../text/sizes.ts";
import type { DownloadFlags } from "./download_artifact.ts";

const EXAMPLES = `
Examples:
  $ layerstash download ghcr.io/me/files:disk
  $ layerstash download ghcr.io/me/files:photos.tar - | tar x
  $ layerstash download ghcr.io/me/charts/web:0.1.0

A file gets its name when every byte is verified. Until then the bytes are in
FILE.part, where the same command goes on after an interruption. Standard output
gets the bytes of a chunk before its digest is checked: look at the exit code.

Files of oras, Helm charts, models, bottles of Homebrew and aliases of dxf come
back under their own names: layerstash help files
`;

/** Makes the command. */
export function downloadCommand(): CommandUnknownOpts {
  const command = transferCommand("download")
    .argument(...ADDRESS)
    .argument("[dest]", "the file or directory to write; - is standard output")
    .option("-o, --outfile <file>", "the same, as an option")
    .option("--overwrite", "replace a file with other bytes")
    .addOption(mayRepeat(
      new Option("--only <glob>", "of several files, only these; may be repeated"),
    ))
    .option("--delete", "of a folder: remove from DEST what is not in it")
    .option("--checksum", "of a folder: compare contents, not times")
    .option("--same-owner", "of a folder: give files their owners")
    .addOption(platformOption())
    .addOption(identityOption())
    .addOption(passphraseOption("decrypt with a passphrase"))
    .addHelpText("after", EXAMPLES);
  const work = storeAction<WithName<ReturnType<typeof command.opts>>>(
    ({ baseTag, outfile }) =>
      `download ${baseTag}${outfile === undefined ? "" : ` to ${outputName(outfile)}`}`,
    async (session, given) => {
      const { outfile, only } = given;
      if (outfile !== undefined) requireFreeOutput(outfile, given);
      const flags = { ...given, identities: await identitiesOf(given, session) };
      // Most downloads are of stored files: the rest is loaded when it is needed.
      if (only !== undefined || flags.delete || flags.checksum || flags.sameOwner) {
        const { bringBackNamed } = await import("./download_artifact.ts");
        return await bringBackNamed(session, flags);
      }
      await bringBackStash(session, flags).catch(async (failure) => {
        const { bringBackInstead } = await import("./download_artifact.ts");
        await bringBackInstead(session, flags, failure);
      });
    },
    {
      moving: ({ baseTag }) => `fetching ${baseTag}`,
      kept: ({ outfile }, progress) => outfile === "-" ? undefined : keptHere(progress),
    },
  );
  command.action((address, dest, flags, parsed) => {
    const words = splitWords([address, dest], parsed, { most: 1 });
    const outfile = oneFile(words.others, flags.outfile, parsed);
    return work({ ...namedPlaceOf(words.address, flags, parsed), outfile }, parsed);
  });
  return command;
}

function outputName(outfile: string): string {
  return streamName(outfile, "output");
}

async function bringBackStash(session: StoreSession, flags: DownloadFlags): Promise<void> {
  const { terminal, store, signal, onEvent, totals } = session;
  const { baseTag, json, stateDir: stateDirectory, outfile, ...options } = flags;
  let written = outfile ?? "";
  const inDirectory = async (stash: Stash) => written = await fileIn(outfile, stash);
  const output = outfile === "-" ? terminal.dataStream() : isNamed(outfile) ? outfile : inDirectory;
  const stash = await download(store, baseTag, {
    ...options,
    stateDirectory,
    output,
    signal,
    onEvent,
  });
  if (json) return terminal.data(doneLine(session, stash));
  const size = sizeOf(stash);
  const doubt = stash.provenComplete ? "" : "; nothing proves that it is complete";
  terminal.note(
    `${outfile === "-" ? "sent to standard output" : `wrote ${written}`}: ${formatSize(size)}, verified, ${
      renderTotals(totals(), { size, moved: "fetched" })
    }${doubt}`,
  );
}

/** Whether a path names the file itself, and not a directory for it. */
function isNamed(outfile: string | undefined): outfile is string {
  return outfile !== undefined && !outfile.endsWith("/") && !isDirectory(outfile);
}

/**
 * The file to write in a directory, with the name that the stored file had, or else the one that it is stored under.
 *
 * @throws {InvalidInputError} if the name is not safe: it comes from outside
 */
async function fileIn(
  directory: string | undefined,
  { baseTag, name = isDigest(baseTag) ? undefined : baseTag }: Stash,
): Promise<string> {
  if (name === undefined) {
    throw new InvalidInputError("the file has no name: it was stored from a stream", {
      hint: "name the file to write after the address",
    });
  }
  const why = name.includes("/") ? "it is a path" : whyUnsafe(name);
  if (why !== undefined) {
    throw new InvalidInputError(`the file cannot get the name ${quoted(name)} that it had: ${why}`, {
      hint: "name the file to write after the address",
    });
  }
  if (directory === undefined) return name;
  await Deno.mkdir(directory, { recursive: true });
  return join(directory, name);
}
