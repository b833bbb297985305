/** `layerstash peek`. @module */
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { InvalidInputError } from "../../errors.ts";
import { chooseLayer, findImage, pathPattern, survey } from "../../exports/images.ts";
import type { LayerEntry } from "../../images/layer_entry.ts";
import type { Layer } from "../../images/image.ts";
import { ImageFiles } from "../../images/image_files.ts";
import { meantBy, nothingAt, type PathPattern } from "../../images/path_pattern.ts";
import { imageAction, type ImageFlags, type ImageSession } from "../image_action.ts";
import { imageCommand } from "../base_commands.ts";
import { entryDocument, type ListedEntry, ListingLines } from "../text/file_listing.ts";
import { renderTree } from "../text/file_tree.ts";
import { eventLine } from "../text/json_lines.ts";
import { renderReadReport } from "../text/read_report.ts";
import { BatchedLines } from "../terminal/batched_lines.ts";

const EXAMPLES = `
Examples:
  $ layerstash peek nginx:alpine                # as a container sees them
  $ layerstash peek nginx:alpine --tree /etc/nginx
  $ layerstash peek nginx:alpine '**/*.conf'
  $ layerstash peek nginx:alpine --hidden       # also what layers remove
  $ layerstash peek nginx:alpine --layer 2      # as the archive has them
  $ layerstash peek --json oci:./box:latest |
      jq -r 'select(.event == "entry").path'

The number in brackets is the layer that a file is from. Layer 1 is the base.
`;

/** Makes the command. */
export function peekCommand(): CommandUnknownOpts {
  const command = imageCommand("peek")
    .argument("[path]", "a file, a directory with everything in it, or a glob")
    .option("--layer <layer>", "one layer only: its number, from 1, or its digest; all = each on its own")
    .option("--hidden", "also list what later layers remove or replace, and which layer does")
    .option("--tree", "draw a tree")
    .option("--verify", "read every layer to its last byte, and verify it")
    .addHelpText("after", EXAMPLES)
    .action((image, path, flags, parsed) => peekAction({ ...flags, image, path }, parsed));
  return command;
}

interface PeekFlags extends ImageFlags {
  image: string;
  path?: string | undefined;
  layer?: string | undefined;
  hidden?: true | undefined;
  tree?: true | undefined;
  verify?: true | undefined;
}

const peekAction = imageAction<PeekFlags>(
  ({ image }) => `list the files of ${image}`,
  async (session, flags) => {
    if (flags.tree && flags.json) throw new InvalidInputError("--tree and --json cannot be combined");
    if (flags.hidden && flags.layer !== undefined) {
      throw new InvalidInputError("--hidden needs all layers: it cannot be combined with --layer");
    }
    const { terminal, store, reference, signal, onEvent } = session;
    const image = await findImage(store, reference, { platform: flags.platform, signal, onEvent });
    const pattern = await pathPattern(flags.path ?? "");
    const { layer } = flags;
    const one = layer === undefined || layer === "all" ? undefined : chooseLayer(image, layer);
    const chosen = one ? [one] : image.layers;
    const name = one ? `layer ${one.number}` : flags.image;
    const files = new ImageFiles(store, chosen, { name, signal, onEvent });
    const { complete, count } = layer === undefined
      ? await listMerged(files, pattern, session, flags)
      : await listLayers(files, chosen, pattern, session, flags);
    const { report } = files;
    if (flags.json) terminal.data(eventLine("done", { complete, ...report }));
    if (count === 0 && flags.path !== undefined) throw nothingAt(pattern, files);
    const end = complete ? "" : "; lower layers were not read";
    terminal.note(renderReadReport(report) + end);
  },
  { moving: ({ image }) => `reading ${image}` },
);

/** The result of a listing: whether all layers were listed, and how many entries were printed. */
interface Listed {
  complete: boolean;
  count: number;
}

async function listMerged(
  files: ImageFiles,
  pattern: PathPattern,
  { terminal }: ImageSession,
  flags: PeekFlags,
): Promise<Listed> {
  const options = { whole: flags.verify, hidden: flags.hidden, toleratesDamage: true };
  const { selected, tree, damage } = await survey(files, [pattern], options);
  const lines = new BatchedLines(terminal, printer(flags, true));
  for (const entry of selected()) lines.add(entry);
  lines.print();
  if (flags.tree) terminal.data(renderTree(selected(), { layers: true }));
  if (damage) throw damage;
  return { complete: tree !== undefined, count: lines.count };
}

/** Lists layer by layer. Entries are kept only if a tree is drawn of them, or a glob may be the name of a file. */
async function listLayers(
  files: ImageFiles,
  layers: readonly Layer[],
  pattern: PathPattern,
  { terminal }: ImageSession,
  flags: PeekFlags,
): Promise<Listed> {
  const lines = new BatchedLines(terminal, printer(flags, layers.length > 1));
  const keeps = flags.tree || pattern.path === undefined;
  let count = 0;
  for (const layer of layers) {
    const kept: LayerEntry[] = [];
    try {
      for await (const entry of files.entries(layer, { want: "names", whole: flags.verify })) {
        if (!pattern.includes(entry.path)) continue;
        if (keeps) kept.push(entry);
        else lines.add(entry);
        count++;
      }
    } finally {
      lines.print(); // what comes before damage, too
    }
    const meant = meantBy(pattern, kept);
    for (const entry of meant) lines.add(entry);
    lines.print();
    if (flags.tree) {
      terminal.data(`layer ${layer.number} ${layer.digest}\n${renderTree(meant, { layers: false })}`);
    }
  }
  return { complete: true, count };
}

/** Renders one entry; with `--tree` nothing, because the tree is drawn at the end. */
function printer({ json, tree, layer }: PeekFlags, layers: boolean): (entry: ListedEntry) => string {
  if (json) return (entry) => eventLine("entry", entryDocument(entry));
  if (tree) return () => "";
  const lines = new ListingLines({ naming: layer === undefined ? "path" : "archive", layers });
  return (entry) => lines.render(entry);
}
