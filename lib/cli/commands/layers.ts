/** `layerstash layers`. @module */
import { type CommandUnknownOpts, Option } from "@commander-js/extra-typings";
import { describeImage, findImage } from "../../exports/images.ts";
import type { ReportedLayer } from "../../images/describe_image.ts";
import type { Layer } from "../../images/image.ts";
import { type Descriptor, titleOf } from "../../oci/descriptor.ts";
import { IMAGE_CONFIG } from "../../oci/media_types.ts";
import { imageAction, type ImageFlags } from "../image_action.ts";
import { imageCommand } from "../base_commands.ts";
import { collapsed, shortBuildCommand } from "../text/build_command.ts";
import { renderTable, type TableStyle } from "../text/columns.ts";
import { jsonLine } from "../text/json_lines.ts";
import { formatSize } from "../text/sizes.ts";

const EXAMPLES = `
Examples:
  $ layerstash layers nginx:alpine
  $ layerstash layers nginx:alpine --no-trunc   # digests and commands whole
  $ layerstash layers --json oci:./box:latest
`;

/** Makes the command. */
export function layersCommand(): CommandUnknownOpts {
  const command = imageCommand("layers")
    .addOption(wholeCommandsOption())
    .addHelpText("after", EXAMPLES)
    .action((image, flags, parsed) => layersAction({ ...flags, image }, parsed));
  return command;
}

/** The option that shows everything whole on a terminal, as it is in a pipe. docker's is called so, too. */
export function wholeCommandsOption() {
  return new Option("--no-trunc", "show digests and build commands whole on a terminal, too");
}

interface LayersFlags extends ImageFlags {
  image: string;
  trunc: boolean;
}

const layersAction = imageAction<LayersFlags>(
  ({ image }) => `list the layers of ${image}`,
  async ({ terminal, store, reference, signal, onEvent }, { platform, json, trunc }) => {
    const image = await findImage(store, reference, { platform, signal, onEvent });
    const layers = isImageConfig(image.config)
      ? (await describeImage(store, image, { signal, onEvent })).layers
      : image.layers;
    if (json) return terminal.data(jsonLine(layers));
    const style = layerStyle(terminal, { trunc });
    const hasTypes = style.width === undefined || !arePlain(image);
    terminal.data(renderTable(layers.map((layer) => layerRow(layer, style, { hasTypes })), style));
  },
);

/** How tables of layers are shown: on a terminal in its columns. */
export function layerStyle(
  { dataColumns }: { dataColumns: number | undefined },
  { trunc }: { trunc: boolean },
): TableStyle {
  if (dataColumns === undefined || !trunc) return { wholeCells: true };
  return { shortDigests: true, width: dataColumns - 1 };
}

/** A layer, and last the command that made it: shortened where rows are cut. */
export function layerRow(
  layer: ReportedLayer,
  { width }: TableStyle,
  { hasTypes }: { hasTypes: boolean },
): string[] {
  const { number, digest, size, mediaType, createdBy } = layer;
  const command = createdBy === undefined
    ? []
    : [width === undefined ? collapsed(createdBy) : shortBuildCommand(createdBy)];
  const about = hasTypes ? [mediaType, ...labelsOf(layer)] : [];
  return [`${number}`, digest, formatSize(size), ...about, ...command];
}

/** Whether the layers are those of an image, and need no further words. */
export function arePlain({ config, layers }: { config: Descriptor; layers: readonly Layer[] }): boolean {
  return isImageConfig(config) && layers.every((layer) => labelsOf(layer).length === 0);
}

/** Whether a config is that of an image. */
export function isImageConfig({ mediaType }: Descriptor): boolean {
  return Object.values(IMAGE_CONFIG).includes(mediaType);
}

/** The title of a layer, and where it is stored if that is not with its image. */
function labelsOf(layer: Layer): string[] {
  return [titleOf(layer), layer.urls && `stored at ${layer.urls[0]}`].filter((label) => label !== undefined);
}
