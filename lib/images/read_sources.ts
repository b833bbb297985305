/** Reads the contents of files that were found before, within a limit. @module */
import { LayerstashError } from "../errors.ts";
import type { ReadLayerOptions } from "../layers/read_layer.ts";
import { totalSize } from "../oci/descriptor.ts";
import type { LayerEntry } from "./layer_entry.ts";
import type { ImageFiles, OpenLayerEntry } from "./image_files.ts";

/**
 * The most bytes that are written by default. A small layer may decompress to any size, but hardly to 100 times its
 * own.
 */
export function defaultLimit({ layers }: ImageFiles): number {
  return 1024 ** 3 + 100 * totalSize(layers);
}

/** The error for contents that exceed the limit. */
export function tooLarge(message: string): LayerstashError {
  return new LayerstashError(message, {
    hint: "if the image really is so large, raise the limit with --max-size",
  });
}

/** A key for the content of a file, unique in the image. */
export function sourceKey({ layer, position }: Pick<LayerEntry, "layer" | "position">): string {
  return `${layer}:${position}`;
}

/** Reads the layers of these files again, each as far as needed or, with `whole`, to its verified end. */
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
      throw new LayerstashError(`the layer ${layer.digest} has changed since it was first read`);
    }
  }
}
