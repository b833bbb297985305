/** The files of an image, read from its layers, and how much had to be fetched for that. @module */
import type { OpenEntry } from "../layers/entry.ts";
import { LayerBlob, type ReadingOptions } from "../layers/layer_blob.ts";
import { readLayer, type ReadLayerOptions } from "../layers/read_layer.ts";
import type { Store } from "../store/store.ts";
import { FileTree } from "./file_tree.ts";
import type { Layer } from "./image.ts";

/** What reading has cost, and what can be said of what was read. */
export interface ReadReport {
  /** Bytes of layers that were fetched; those that were fetched twice count twice. */
  fetched: number;
  /** Bytes of the layers that were to be read. */
  size: number;
  /**
   * Whether what was read is proven: each time a layer was read, it was read to its last byte and has its digest, or it
   * was read by a table of contents that has one.
   */
  verified: boolean;
}

/** What is read, and how. */
export interface ImageFilesOptions extends ReadingOptions {
  /** As messages call what is read, such as `layer 2`; absent = `the image`. */
  name?: string | undefined;
}

/** An entry whose bytes can be read, with its layer. */
export interface OpenLayerEntry extends OpenEntry {
  /** The number of its layer: 1 is the base. */
  layer: number;
}

/**
 * Reads layers of an image. Several readings of one layer are counted together.
 *
 * @example
 * ```ts
 * import { findImage, ImageFiles, openImage } from "@layerstash/cli/images";
 *
 * async function list(name: string): Promise<string[]> {
 *   using image = openImage(name);
 *   const { layers } = await findImage(image.store, image.reference);
 *   const tree = await new ImageFiles(image.store, layers).merged();
 *   return Array.from(tree.entries(), ({ path, layer }) => `${path} (layer ${layer})`);
 * }
 * if (typeof list !== "function") throw new Error("unreachable");
 * ```
 */
export class ImageFiles {
  /** The layers that are read, base first. */
  readonly layers: readonly Layer[];
  /** As messages call what is read. */
  readonly name: string;
  readonly #blobs: Map<number, LayerBlob>;
  /** The layers whose archives were read: what was found in one is not looked for in a table of contents. */
  readonly #archives: Set<number> = new Set();

  /** Fetches nothing yet. */
  constructor(store: Store, layers: readonly Layer[], options: ImageFilesOptions = {}) {
    this.layers = layers;
    this.name = options.name ?? "the image";
    this.#blobs = new Map(layers.map((layer) => [layer.number, new LayerBlob(store, layer, options)]));
  }

  /**
   * The entries of one layer, in the order of its archive. An entry's bytes can be read until the next is asked for.
   *
   * @throws {MismatchError} when the layer is no tar archive, is damaged, or has another digest
   * @throws {NotFoundError} when the registry does not have it
   */
  async *entries({ number }: Layer, options: ReadLayerOptions): AsyncGenerator<OpenLayerEntry> {
    if (options.whole || options.want === "bytes") this.#archives.add(number);
    const archive = this.#archives.has(number);
    for await (const entry of readLayer(this.#blobs.get(number)!, { ...options, archive })) {
      yield { ...entry, layer: number };
    }
  }

  /** All layers put on each other. */
  async merged(options: Pick<ReadLayerOptions, "whole"> = {}): Promise<FileTree> {
    const tree = new FileTree();
    for (const layer of this.layers) {
      for await (const { extents: _, ...entry } of this.entries(layer, { ...options, want: "names" })) {
        tree.add(entry);
      }
    }
    return tree;
  }

  /** What it has cost so far. */
  get report(): ReadReport {
    const blobs = [...this.#blobs.values()];
    return {
      fetched: blobs.reduce((sum, { fetched }) => sum + fetched, 0),
      size: blobs.reduce((sum, { size }) => sum + size, 0),
      verified: blobs.every(({ proven }) => proven),
    };
  }
}
