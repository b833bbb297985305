/** `layerstash layers`. @module */
import type { Command } from "@commander-js/extra-typings";
import { findImage } from "../../../main.ts";
import { imageAction, type ImageFlags } from "../image_action.ts";
import { jsonLine } from "../json_events.ts";
import { imageCommand } from "../options.ts";
import { formatSize } from "../sizes.ts";
import { renderTable } from "../terminal/table.ts";

const EXAMPLES = `
Examples:
  $ layerstash layers nginx:alpine
  $ layerstash layers --json oci:./box:latest
`;

/** Makes the command. */
export function layersCommand(): Command {
  const command = imageCommand("layers")
    .description("list the layers of an image, the base first")
    .addHelpText("after", EXAMPLES)
    .action((image, flags, parsed) => layers({ ...flags, image }, parsed));
  return command as unknown as Command;
}

const layers = imageAction<ImageFlags & { image: string }>(
  ({ image }) => `list the layers of ${image}`,
  async ({ terminal, store, reference, signal, onEvent }, { platform, json }) => {
    const { layers } = await findImage(store, reference, { platform, signal, onEvent });
    terminal.data(
      json ? jsonLine(layers) : renderTable(
        layers.map((
          { number, digest, size, mediaType },
        ) => [`${number}`, digest, formatSize(size), mediaType]),
      ),
    );
  },
);
