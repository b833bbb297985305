/** Reads the bytes of files that were found before. @module */
import { LayerstashError } from "../errors.ts";
import type { ReadLayerOptions } from "../layers/read_layer.ts";
import type { LayerEntry } from "./file_tree.ts";
import type { ImageFiles, OpenLayerEntry } from "./image_files.ts";

/** What tells the bytes of one file from those of all others. */
export function sourceKey({ layer, position }: Pick<LayerEntry, "layer" | "position">): string {
  return `${layer}:${position}`;
}

/** Reads the layers that have these files once more, each as far as needed, or, with `whole`, to its verified end. */
export async function readSources(
  files: ImageFiles,
  sources: readonly LayerEntry[],
  visit: (entry: OpenLayerEntry) => Promise<void>,
  { whole }: Pick<ReadLayerOptions, "whole"> = {},
): Promise<void> {
  for (const layer of files.layers) {
    const wanted = new Set(sources.filter((source) => source.layer === layer.number).map(sourceKey));
    if (wanted.size === 0) continue;
    for await (const entry of files.entries(layer, { want: "some", whole })) {
      if (!wanted.delete(sourceKey(entry))) continue;
      await visit(entry);
      if (wanted.size === 0 && !whole) break;
    }
    if (wanted.size > 0) {
      throw new LayerstashError(`the layer ${layer.digest} is not what it was a moment ago`);
    }
  }
}
