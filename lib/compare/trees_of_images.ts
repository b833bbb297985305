/** The files of two images, from the layers that tell them apart. @module */
import type { FileTree } from "../images/file_tree.ts";
import type { Layer } from "../images/image.ts";
import type { LayerEntry } from "../images/layer_entry.ts";
import type { PackedEntries } from "../images/packed_entries.ts";
import { whiteoutOf } from "../images/whiteouts.ts";
import type { Sides } from "./differences.ts";
import { type ImageSide, treeOfEntries } from "./image_side.ts";

/** The files of two images, as far as layers differ. */
export async function treesOfImages(one: ImageSide, other: ImageSide): Promise<Sides<FileTree>> {
  const [layers, others] = [one.image.layers, other.image.layers];
  if (one.isFolder && other.isFolder) {
    // The layers of a folder have no path in common, so that those of both folders change nothing.
    const own = await one.entriesOf(without(layers, others));
    return [treeOfEntries([own]), treeOfEntries([await other.entriesOf(without(others, layers))])];
  }
  const end = layers.findIndex(({ digest }, index) => digest !== others[index]?.digest);
  const shared = end < 0 ? layers.length : end;
  const own = await one.entriesOf(layers.slice(shared));
  const foreign = await other.entriesOf(others.slice(shared));
  if (shared === 0 || speakForThemselves(own, foreign)) {
    return [treeOfEntries([own]), treeOfEntries([foreign])];
  }
  const base = layers.slice(0, shared);
  const below = await one.entriesOf(base);
  for (const { number } of base) other.contents.adopt(one.contents, number);
  return [treeOfEntries([below, own]), treeOfEntries([below, foreign])];
}

function without(layers: readonly Layer[], others: readonly Layer[]): Layer[] {
  const digests = new Set(others.map(({ digest }) => digest));
  return layers.filter(({ digest }) => !digests.has(digest));
}

/** Whether layers that have the same paths hide the same of what is below them, so that nobody has to look there. */
function speakForThemselves(own: PackedEntries, foreign: PackedEntries): boolean {
  const paths = new Set<string>();
  let reaches = false;
  const see = ({ path, type }: LayerEntry) => {
    reaches ||= whiteoutOf(path) !== undefined || type === "hardlink";
    return path;
  };
  own.forEach((entry) => paths.add(see(entry)));
  const others = new Set<string>();
  foreign.forEach((entry) => others.add(see(entry)));
  return !reaches && paths.size === others.size && [...paths].every((path) => others.has(path));
}
