/** `layerstash save`. @module */
import { type CommandUnknownOpts, Option } from "@commander-js/extra-typings";
import { InvalidInputError } from "../../errors.ts";
import { copyImage, saveLayers } from "../../exports/copy.ts";
import { chooseLayer, findImage, openImage } from "../../exports/images.ts";
import { counted, printable } from "../../messages.ts";
import { totalSize } from "../../oci/descriptor.ts";
import { isFile } from "../../oci/path_reference.ts";
import { addressIn } from "../../store/command_line.ts";
import { imageAction, type ImageFlags, type ImageSession } from "../image_action.ts";
import { imageCommand } from "../base_commands.ts";
import { jobsOption, limitRateOption, stateDirOption } from "../options.ts";
import { mayRepeat } from "../strict_usage.ts";
import { renderPace, renderTotals } from "../terminal/transfer_totals.ts";
import { doneLine, keptHere, keptThere } from "../ending.ts";
import { formatSize } from "../text/sizes.ts";
import { blobSummary } from "./copy.ts";

const EXAMPLES = `
Examples:
  $ layerstash save nginx:alpine -o box                 # as an OCI layout
  $ layerstash save nginx:alpine --layer all -o layers  # one file each
  $ layerstash save nginx:alpine --layer 1 --layer 2 -o layers

Everything that is downloaded is verified. A blob that the layout already has
counts as present if its name and size are right. After an interruption the same
command goes on: with --layer in the middle of a file; otherwise the layer that
was being downloaded starts again.
`;

/** Makes the command. */
export function saveCommand(): CommandUnknownOpts {
  const command = imageCommand("save")
    .requiredOption("-o, --output <dir>", "the directory to write to; it is created if it is missing")
    .addOption(mayRepeat(
      new Option("--layer <layer>", "a layer: its number, from 1, its digest, or all; may be repeated"),
    ))
    .option("--overwrite", "replace another image of this name; with --layer, files with other bytes")
    .addOption(jobsOption())
    .addOption(limitRateOption())
    .addOption(stateDirOption())
    .addHelpText("after", EXAMPLES)
    .action((image, flags, parsed) => saveAction({ ...flags, image }, parsed));
  return command;
}

interface SaveFlags extends ImageFlags {
  image: string;
  output: string;
  layer?: readonly string[] | undefined;
  overwrite?: true | undefined;
  jobs?: number | undefined;
  stateDir?: string | undefined;
}

const saveAction = imageAction<SaveFlags>(
  ({ image }) => `save ${image}`,
  async (session, flags) => {
    if (flags.output === "-") throw noStream();
    if (isFile(flags.output)) {
      throw new InvalidInputError(`${flags.output} is a file, and an image is saved to a directory`, {
        hint: "name a directory, or one that does not exist yet",
      });
    }
    await (flags.layer ? saveSome : saveWhole)(session, flags);
  },
  {
    moving: ({ image }) => `saving ${image}`,
    jsonEvents: true,
    kept: ({ layer }, progress) => layer ? keptHere(progress) : keptThere(progress),
  },
);

/** Elsewhere `-` is standard output. A directory of that name is not what the user meant. */
function noStream(): InvalidInputError {
  return new InvalidInputError("an image is saved to a directory, not to standard output", {
    hint: "name a directory with -o; if its name is -, write ./-",
  });
}

/** Saves an image, or a whole index, as a layout; `--platform` chooses one image of an index. */
async function saveWhole(session: ImageSession, flags: SaveFlags): Promise<void> {
  const { output, platform, overwrite, jobs, json } = flags;
  const { terminal, store, reference, signal, onEvent, totals } = session;
  using to = openImage({
    text: `oci:${output}`,
    registry: { kind: "layout", directory: output },
    repository: "",
    reference: undefined,
  });
  const platforms = platform === undefined ? [] : [platform];
  const copied = await copyImage({ store, reference }, to, { platforms, overwrite, jobs, signal, onEvent });
  if (json) terminal.data(doneLine(session, copied));
  const summary = `${blobSummary(copied.blobs, "written")}, ${renderPace(totals())}`;
  terminal.note(`saved ${addressIn(to.store, copied.reference)}: ${summary}`);
}

async function saveSome(session: ImageSession, flags: SaveFlags): Promise<void> {
  const { terminal, store, reference, signal, onEvent, totals } = session;
  const { layer: wanted = [], platform, jobs, json } = flags;
  if (wanted.includes("all") && wanted.length > 1) {
    throw new InvalidInputError("--layer all cannot be combined with other layers");
  }
  const image = await findImage(store, reference, { platform, signal, onEvent });
  const layers = wanted.includes("all") ? image.layers : wanted.map((each) => chooseLayer(image, each));
  const { output: directory, overwrite, stateDir: stateDirectory } = flags;
  const saved = await saveLayers(store, layers, {
    directory,
    overwrite,
    jobs,
    stateDirectory,
    signal,
    onEvent,
  });
  const files = saved.map(({ path, layer: { digest, size } }) => ({ path, digest, size }));
  if (json) return terminal.data(doneLine(session, { digest: image.manifest.digest, files }));
  for (const { path } of files) terminal.data(`${printable(path)}\n`);
  const size = totalSize(files);
  const pace = renderTotals(totals(), { size, moved: "fetched" });
  terminal.note(`saved ${counted(files.length, "layer")}: ${formatSize(size)}, verified, ${pace}`);
}
