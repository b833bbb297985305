/** `layerstash download`. @module */
import { type CommandUnknownOpts, Option } from "@commander-js/extra-typings";
import { download, info } from "../../../main.ts";
import { whyUnsafe } from "../../artifacts/safe_paths.ts";
import { InvalidInputError } from "../../errors.ts";
import { quoted } from "../../messages.ts";
import { isDigest } from "../../oci/digest.ts";
import { GO_ON, storeAction, type StoreSession } from "../action.ts";
import { transferCommand } from "../base_commands.ts";
import { platformOption } from "../options.ts";
import { mayRepeat } from "../strict_usage.ts";
import { requireFreeOutput, streamName } from "../terminal/standard_streams.ts";
import { eventLine } from "../text/json_lines.ts";
import { formatSize } from "../text/sizes.ts";
import type { DownloadFlags } from "./download_artifact.ts";

const EXAMPLES = `
Examples:
  $ layerstash download -r me/files -t disk -o disk.img
  $ layerstash download --registry ghcr -r me/files -t photos -o - | tar x
  $ layerstash download --registry ghcr -r me/charts/web -t 0.1.0

FILE is written after every byte was verified. Until then the bytes are in
FILE.part: after an interruption, the same command goes on there. A FILE with
other bytes is not replaced without --overwrite.
Standard output gets the bytes of a chunk before its digest is checked, so check
the exit code.

What other programs stored comes back under the names that they give: files of
oras, Helm charts, models (ModelPack, docker, ollama), bottles of Homebrew,
aliases of dxf. TAG may be a digest then, -o a directory, and is . by default.
`;

/** Makes the command. */
export function downloadCommand(): CommandUnknownOpts {
  const command = transferCommand("download")
    .option("-o, --outfile <file>", "the file to write, or a directory for several; - is standard output")
    .option("--overwrite", "replace a file with other bytes")
    .addOption(mayRepeat(
      new Option("--only <glob>", "of several files, only these; may be repeated").argParser(addGlob),
    ))
    .addOption(platformOption())
    .addHelpText("after", EXAMPLES)
    .action(storeAction(
      ({ baseTag, outfile }) => `download ${baseTag}${outfile === undefined ? "" : ` to ${nameOf(outfile)}`}`,
      async (session, flags) => {
        const { outfile, baseTag, only } = flags;
        if (outfile !== undefined) requireFreeOutput(outfile, flags);
        // Most downloads are of stored files: the rest is loaded when it is needed.
        if (only !== undefined || isDigest(baseTag)) {
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
        kept: ({ outfile }) => outfile === "-" ? undefined : GO_ON,
      },
    ));
  return command;
}

function addGlob(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text];
}

function nameOf(outfile: string): string {
  return streamName(outfile, "output");
}

async function bringBackStash(session: StoreSession, flags: DownloadFlags): Promise<void> {
  const { terminal, store, signal, onEvent, saved } = session;
  const { baseTag, json, stateDir: stateDirectory, outfile = await ownName(session, baseTag), ...options } =
    flags;
  const output = outfile === "-" ? terminal.dataStream() : outfile;
  const stash = await download(store, baseTag, { ...options, stateDirectory, output, signal, onEvent });
  if (json) return terminal.data(eventLine("done", stash));
  const doubt = stash.provenComplete ? "" : "; nothing proves that it is complete";
  terminal.note(
    `${outfile === "-" ? "sent to standard output" : `wrote ${outfile}`}: ${
      formatSize(stash.size)
    }, verified${saved(stash.size, "fetched")}${doubt}`,
  );
}

/**
 * The name that a stored file had, or else the one that it is stored under.
 *
 * @throws {InvalidInputError} if it is not safe: it comes from outside
 */
async function ownName({ store, signal, onEvent }: StoreSession, baseTag: string): Promise<string> {
  const { name = baseTag } = await info(store, baseTag, { signal, onEvent });
  const why = name.includes("/") ? "it is a path" : whyUnsafe(name);
  if (why === undefined) return name;
  throw new InvalidInputError(`the file cannot get the name ${quoted(name)} that it had: ${why}`, {
    hint: "name the file to write with -o",
  });
}
