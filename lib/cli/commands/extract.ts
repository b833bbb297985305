/** `layerstash extract`. @module */
import { basename, resolve } from "node:path";
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { abortable } from "../../async/abortable.ts";
import { ConflictError, InvalidInputError, LayerstashError } from "../../errors.ts";
import { chooseLayer, extract, findImage, parseImage, readImageFile } from "../../exports/images.ts";
import type { ExtractResult } from "../../images/extract.ts";
import type { MergedEntry } from "../../images/file_tree.ts";
import { packDirectory } from "../../images/pack_directory.ts";
import { ImageFiles } from "../../images/image_files.ts";
import { counted, printable } from "../../messages.ts";
import type { Address } from "../../oci/address.ts";
import { imageAction, type ImageFlags, type ImageSession } from "../image_action.ts";
import { imageCommand } from "../base_commands.ts";
import { parseSizeOption } from "../options.ts";
import { requireFreeOutput } from "../terminal/standard_streams.ts";
import { entryDocument } from "../text/file_listing.ts";
import { eventLine } from "../text/json_lines.ts";
import { renderPace } from "../terminal/transfer_totals.ts";
import { doneLine } from "../ending.ts";
import { renderReadReport } from "../text/read_report.ts";

const EXAMPLES = `
Examples:
  $ layerstash extract nginx:alpine /etc/nginx -o out     # makes out/etc/nginx
  $ layerstash extract nginx:alpine etc/os-release -o -   # prints the file
  $ layerstash extract nginx:alpine /etc/nginx -o - | tar tv   # a directory
  $ layerstash extract nginx:alpine '**/*.conf' usr/bin/env  # to nginx-alpine
  $ layerstash extract oci:./box:latest / -o rootfs

Files keep their paths, modes and times. Nothing is written outside DIR,
whatever the image contains. If usr/lib is a link, usr/lib/ is its target.
`;

/** Makes the command. */
export function extractCommand(): CommandUnknownOpts {
  const command = imageCommand("extract")
    .argument("<path...>", "files, directories with everything in them, or globs")
    .option(
      "-o, --output <dir>",
      "the directory to write to, by default a new one; - is standard output: a file as it is, a directory as tar",
    )
    .option("--layer <layer>", "from this layer only: its number, from 1, or its digest")
    .option("--overwrite", "replace existing files")
    .option("--same-owner", "also set owners and set-id bits; needs root")
    .option(
      "--max-size <size>",
      "write no more; by default 1 GiB, or 100 times the layers",
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
  output?: string | undefined;
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
    const directory = flags.output ?? await newDirectory(flags);
    const image = await findImage(store, reference, { platform: flags.platform, signal, onEvent });
    const layer = flags.layer === undefined ? undefined : chooseLayer(image, flags.layer);
    const name = layer ? `layer ${layer.number}` : flags.image;
    const files = new ImageFiles(store, layer ? [layer] : image.layers, { name, signal, onEvent });
    if (flags.output === "-") await toStandardOutput(files, session, flags);
    else await toDirectory(files, session, { ...flags, directory });
    terminal.note(`${renderReadReport(files.report)}; ${renderPace(session.totals())}`);
  },
  { moving: ({ image }) => `reading ${image}` },
);

/**
 * The directory for a user who names none. The current one would not do: programs find their settings there, so that an
 * image could bring some.
 *
 * @throws {ConflictError} if it exists, and nothing is to be replaced
 */
async function newDirectory({ image, overwrite }: ExtractFlags): Promise<string> {
  const directory = directoryName(parseImage(image));
  const found = await Deno.lstat(directory).catch(() => undefined);
  if (!found || overwrite) return directory;
  throw new ConflictError(`${directory} already exists`, {
    hint: "name a directory with -o, or replace existing files with --overwrite",
  });
}

/** `nginx-alpine` for `docker.io/library/nginx:alpine`, and `box-latest` for `oci:some/box:latest`. */
function directoryName({ registry, repository, reference = "image" }: Address): string {
  const path = registry.kind === "archive"
    ? registry.file
    : registry.kind === "layout"
    ? registry.directory
    : repository;
  const name = basename(resolve(path)).replace(/\.tar(\.\w+)?$/, "");
  const tag = reference.replace(/^sha(?:256|512):(.{12}).*/, "$1").split("/").at(-1)!;
  return `${name}-${tag.replaceAll(/[^\w.-]/g, "-").slice(0, 128)}`;
}

/** Writes the bytes of a file, or a directory as a tar archive. */
async function toStandardOutput(
  files: ImageFiles,
  session: ImageSession,
  flags: ExtractFlags,
): Promise<void> {
  const { terminal, signal, onEvent } = session;
  const [path, ...more] = flags.paths;
  requireFreeOutput("-", flags);
  if (more.length > 0) throw new InvalidInputError("-o - is for one file or one directory only");
  const { verify: whole, maxSize, sameOwner } = flags;
  const write = (bytes: Uint8Array) => abortable(terminal.pour(bytes), signal);
  let unwritable: ExtractResult["unwritable"] = [];
  await readImageFile(files, path!, {
    ...{ whole, maxSize, write },
    onDirectory: async (found) => {
      requireReader(path!, terminal);
      unwritable = await packDirectory(files, found, { whole, maxSize, write, sameOwner, onEvent });
    },
  });
  requireAllWritten(unwritable);
}

/** An archive on a terminal helps nobody. */
function requireReader(path: string, { dataColumns }: ImageSession["terminal"]): void {
  if (dataColumns === undefined) return;
  throw new InvalidInputError(`${path} is a directory, and a tar archive is not printed on a terminal`, {
    hint: "pipe it to a program, as in: layerstash extract IMAGE DIR -o - | tar x",
  });
}

async function toDirectory(
  files: ImageFiles,
  session: ImageSession,
  flags: ExtractFlags & { directory: string },
): Promise<void> {
  const { terminal, onEvent } = session;
  const { paths, directory, overwrite, sameOwner, maxSize, verify: whole } = flags;
  const { extracted, skipped, unwritable } = await extract(files, paths, {
    directory,
    overwrite,
    sameOwner,
    maxSize,
    whole,
    onEvent,
  });
  if (flags.json) {
    for (const entry of extracted()) terminal.data(eventLine("entry", entryDocument(entry)));
    const [skippedPaths, unwritablePaths] = [skipped, unwritable].map((each) => each.map(({ path }) => path));
    terminal.data(
      doneLine(session, { directory, skipped: skippedPaths, unwritable: unwritablePaths, ...files.report }),
    );
  } else terminal.note(summary(extracted(), directory));
  requireAllWritten(unwritable);
}

/** `wrote 3 files, 1 directory to out`. */
function summary(entries: Iterable<MergedEntry>, directory: string): string {
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
