/** `layerstash extract`. @module */
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { abortable } from "../../async/abortable.ts";
import { InvalidInputError, LayerstashError } from "../../errors.ts";
import { chooseLayer, extract, findImage, readImageFile } from "../../exports/images.ts";
import type { ExtractResult } from "../../images/extract.ts";
import { ImageFiles } from "../../images/image_files.ts";
import { counted, printable } from "../../messages.ts";
import { imageAction, type ImageFlags, type ImageSession } from "../action.ts";
import { imageCommand } from "../base_commands.ts";
import { parseSizeOption } from "../options.ts";
import { requireFreeOutput } from "../terminal/standard_streams.ts";
import { entryDocument } from "../text/file_listing.ts";
import { eventLine } from "../text/json_lines.ts";
import { renderReadReport } from "../text/read_report.ts";

const EXAMPLES = `
Examples:
  $ layerstash extract nginx:alpine /etc/nginx -o out     # makes out/etc/nginx
  $ layerstash extract nginx:alpine etc/os-release -o -   # prints the file
  $ layerstash extract nginx:alpine '**/*.conf' usr/bin/env
  $ layerstash extract oci:./box:latest / -o rootfs

Files keep their paths, modes and times. Nothing is written outside DIR,
whatever the image contains. If usr/lib is a link, usr/lib/ is its target.
`;

/** Makes the command. */
export function extractCommand(): CommandUnknownOpts {
  const command = imageCommand("extract")
    .description("extract files from an image, fetching no more than is needed")
    .argument("<path...>", "files, directories with everything in them, or globs")
    .option("-o, --output <dir>", "the directory to write to; - is standard output, for one file", ".")
    .option("--layer <layer>", "from this layer only: its number, from 1, or its digest")
    .option("--overwrite", "replace existing files")
    .option("--same-owner", "also set owners and set-id bits; needs root")
    .option(
      "--max-size <size>",
      "write no more than this; by default 1 GiB and 100 times the layers",
      parseSizeOption,
    )
    .option("--verify", "read every layer to its last byte, and verify it")
    .addHelpText("after", EXAMPLES)
    .action((image, paths, flags, parsed) => extractAction({ ...flags, image, paths }, parsed));
  return command;
}

interface ExtractFlags extends ImageFlags {
  image: string;
  paths: string[];
  output: string;
  layer?: string | undefined;
  overwrite?: true | undefined;
  sameOwner?: true | undefined;
  maxSize?: number | undefined;
  verify?: true | undefined;
}

const extractAction = imageAction<ExtractFlags>(
  ({ image, paths }) => `extract ${paths.join(" ")} from ${image}`,
  async (session, flags) => {
    const { store, reference, signal, onEvent, terminal } = session;
    const image = await findImage(store, reference, { platform: flags.platform, signal, onEvent });
    const layer = flags.layer === undefined ? undefined : chooseLayer(image, flags.layer);
    const name = layer && `layer ${layer.number}`;
    const files = new ImageFiles(store, layer ? [layer] : image.layers, { name, signal, onEvent });
    if (flags.output === "-") await toStandardOutput(files, session, flags);
    else await toDirectory(files, session, flags);
    terminal.note(renderReadReport(files.report));
  },
  { moving: ({ image }) => `reading ${image}` },
);

async function toStandardOutput(
  files: ImageFiles,
  session: ImageSession,
  flags: ExtractFlags,
): Promise<void> {
  const { terminal, signal } = session;
  const [path, ...more] = flags.paths;
  requireFreeOutput("-", flags);
  if (more.length > 0) throw new InvalidInputError("-o - is for one file only");
  const { verify: whole, maxSize } = flags;
  const write = (bytes: Uint8Array) => abortable(terminal.pour(bytes), signal);
  await readImageFile(files, path!, { whole, maxSize, write });
}

async function toDirectory(files: ImageFiles, session: ImageSession, flags: ExtractFlags): Promise<void> {
  const { terminal, onEvent } = session;
  const { paths, output: directory, overwrite, sameOwner, maxSize, verify: whole } = flags;
  const { entries, skipped, unwritable } = await extract(files, paths, {
    directory,
    overwrite,
    sameOwner,
    maxSize,
    whole,
    onEvent,
  });
  if (flags.json) {
    for (const entry of entries) terminal.data(eventLine("entry", entryDocument(entry)));
    const [skippedPaths, unwritablePaths] = [skipped, unwritable].map((each) => each.map(({ path }) => path));
    terminal.data(
      eventLine("done", { directory, skipped: skippedPaths, unwritable: unwritablePaths, ...files.report }),
    );
  } else terminal.note(summary(entries, directory));
  requireAllWritten(unwritable);
}

/** `wrote 3 files, 1 directory to out`. */
function summary(entries: ExtractResult["entries"], directory: string): string {
  const kinds = { file: 0, directory: 0, link: 0 };
  for (const { type } of entries) kinds[type === "directory" || type === "file" ? type : "link"]++;
  const counts = [
    counted(kinds.file, "file"),
    ...(kinds.directory > 0 ? [counted(kinds.directory, "directory")] : []),
    ...(kinds.link > 0 ? [counted(kinds.link, "link")] : []),
  ];
  return `wrote ${counts.join(", ")} to ${printable(directory)}`;
}

/** Fails if something was left out for its name, so that nobody takes the files for all. */
function requireAllWritten({ length }: ExtractResult["unwritable"]): void {
  if (length === 0) return;
  throw new LayerstashError(`${counted(length, "entry")} could not be written`, {
    hint: "the other files are extracted; podman and umoci can unpack names that are not UTF-8",
  });
}
