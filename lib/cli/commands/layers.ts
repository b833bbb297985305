/** `layerstash layers`. @module */
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { findImage } from "../../exports/images.ts";
import type { Layer } from "../../images/image.ts";
import { titleOf } from "../../oci/descriptor.ts";
import { imageAction, type ImageFlags } from "../image_action.ts";
import { imageCommand } from "../base_commands.ts";
import { renderTable } from "../text/columns.ts";
import { jsonLine } from "../text/json_lines.ts";
import { formatSize } from "../text/sizes.ts";

const EXAMPLES = `
Examples:
  $ layerstash layers nginx:alpine
  $ layerstash layers --json oci:./box:latest
`;

/** Makes the command. */
export function layersCommand(): CommandUnknownOpts {
  const command = imageCommand("layers")
    .addHelpText("after", EXAMPLES)
    .action((image, flags, parsed) => layersAction({ ...flags, image }, parsed));
  return command;
}

const layersAction = imageAction<ImageFlags & { image: string }>(
  ({ image }) => `list the layers of ${image}`,
  async ({ terminal, store, reference, signal, onEvent }, { platform, json }) => {
    const { layers } = await findImage(store, reference, { platform, signal, onEvent });
    terminal.data(json ? jsonLine(layers) : renderTable(layers.map(layerRow), terminal.tableStyle));
  },
);

function layerRow(layer: Layer): string[] {
  const { number, digest, size, mediaType } = layer;
  return [`${number}`, digest, formatSize(size), mediaType, ...labelsOf(layer)];
}

/** The title of a layer, and where it is stored if that is not with its image. */
export function labelsOf(layer: Layer): string[] {
  return [titleOf(layer), layer.urls && `stored at ${layer.urls[0]}`].filter((label) => label !== undefined);
}
