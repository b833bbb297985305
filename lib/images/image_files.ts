/** Reads the files of an image from its layers, and reports how much was fetched. @module */
import { Pace } from "../async/pace.ts";
import type { OnEvent } from "../events.ts";
import type { OpenEntry } from "../layers/entry.ts";
import { LayerBlob } from "../layers/layer_blob.ts";
import { isOfStargz } from "../layers/stargz.ts";
import { NoFilesError, readLayer, type ReadLayerOptions } from "../layers/read_layer.ts";
import { totalSize } from "../oci/descriptor.ts";
import type { BlobReader, CallOptions } from "../store/store.ts";
import { FileTree } from "./file_tree.ts";
import { type Layer, missingLayerError } from "./image.ts";

/** How much was fetched, and whether it was verified. */
export interface ReadReport {
  /** The number of bytes fetched. Bytes that were fetched twice count twice. */
  fetched: number;
  /** The size of all layers in bytes. */
  size: number;
  /** Whether everything that was read is verified: each layer that was used was read to its last byte and has its digest. */
  verified: boolean;
  /**
   * Whether what is not verified was read through tables of contents whose digests the manifest has. Such a table proves the
   * contents of the files that it lists, but it may list other files than the layer has, which container engines unpack.
   */
  byTable: boolean;
  /**
   * Whether the contents of files that were read are verified by the digest of their layer or by a table of contents; absent =
   * none were read. That no layer above replaces them is proven only if `verified` is set, too.
   */
  contentsVerified?: boolean;
}

/** Options for {@link ImageFiles}. */
export interface ImageFilesOptions extends CallOptions {
  /** The name of what is read in messages, such as `layer 2`; absent = `the image`. */
  name?: string | undefined;
}

/** An entry whose content can be read, and its layer. */
export interface OpenLayerEntry extends OpenEntry {
  /** The number of its layer: 1 is the base. */
  layer: number;
}

/**
 * The files of an image. Several readings are counted together in one report.
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
  /** The layers that are read, the base first. */
  readonly layers: readonly Layer[];
  /** The name of what is read in messages. */
  readonly name: string;
  /** Receives what happens while the files are read: the channel of the options, or else that of the store. */
  readonly onEvent: OnEvent | undefined;
  /** Ends whatever is done with the files; it then rejects with the signal's reason. */
  readonly signal: AbortSignal | undefined;
  readonly #blobs: Map<number, LayerBlob>;
  /** Layers whose archives were read. Later readings ignore tables of contents, in which positions differ. */
  readonly #archives: Set<number> = new Set();
  /** Layers that were used for an answer. */
  readonly #used: Set<number> = new Set();
  /** Layers of which contents of files were read. */
  readonly #opened: Set<number> = new Set();
  /** Layers that have no files. */
  readonly #passedOver: Set<number> = new Set();

  /** Fetches nothing yet. */
  constructor(store: BlobReader, layers: readonly Layer[], options: ImageFilesOptions = {}) {
    this.layers = layers;
    this.name = options.name ?? "the image";
    this.onEvent = withoutRepeats(options.onEvent ?? store.onEvent);
    this.signal = options.signal;
    const each = { ...options, onEvent: this.onEvent };
    this.#blobs = new Map(layers.map((layer) => [layer.number, new LayerBlob(store, layer, each)]));
  }

  /**
   * The entries of one layer, in the order of its archive. An entry's content can be read until the next is requested. A
   * layer that holds something other than files is passed over, with a notice.
   *
   * @throws {MismatchError} if the layer is damaged, has another digest, or is not the archive that its media type says
   * @throws {LayerstashError} if no layer has files
   * @throws {NotFoundError} if the registry does not have it
   */
  async *entries(layer: Layer, options: ReadLayerOptions): AsyncGenerator<OpenLayerEntry> {
    const { number } = layer;
    this.#used.add(number);
    if (options.whole || options.want === "bytes") this.#archives.add(number);
    const archive = this.#archives.has(number);
    const pace = new Pace(this.signal);
    try {
      for await (const entry of readLayer(this.#blobs.get(number)!, { ...options, archive })) {
        if (pace.isPauseDue) await pace.pause();
        const extents = (from?: number) => {
          this.#opened.add(number);
          return entry.extents(from);
        };
        yield { ...entry, extents, layer: number };
      }
    } catch (error) {
      this.#passOver(number, missingLayerError(error, layer));
    }
  }

  /** The same without the files that the format eStargz adds to a layer. */
  async *contents(layer: Layer, options: ReadLayerOptions): AsyncGenerator<OpenLayerEntry> {
    for await (const entry of this.entries(layer, options)) if (!isOfStargz(layer, entry.path)) yield entry;
  }

  /** Goes on without a layer that has no files, and says so once; where no other is left, that is an error. */
  #passOver(number: number, error: unknown): void {
    if (!(error instanceof NoFilesError)) throw error;
    const isNew = !this.#passedOver.has(number);
    this.#passedOver.add(number);
    const hint = `to get it as it is, use layerstash save --layer ${number}`;
    if (this.#passedOver.size === this.layers.length) throw error.with({ hint, cause: error });
    const about = error.message.replace("the layer", `layer ${number}`);
    if (isNew) this.onEvent?.({ type: "notice", message: `${about}: it is passed over; ${hint}` });
  }

  /** The merged filesystem of all layers. */
  async merged(options: Pick<ReadLayerOptions, "whole"> = {}): Promise<FileTree> {
    const tree = new FileTree();
    for (const layer of this.layers) {
      for await (const { extents: _, ...entry } of this.contents(layer, { ...options, want: "names" })) {
        tree.add(entry);
      }
    }
    return tree;
  }

  /** How much was fetched so far, and whether it was verified. */
  get report(): ReadReport {
    const blobs = [...this.#blobs.values()];
    const used = this.#blobsOf(this.#used.size > 0 ? this.#used : this.#blobs.keys());
    const opened = this.#blobsOf(this.#opened);
    const verified = used.every(({ proven }) => proven);
    return {
      fetched: blobs.reduce((sum, { fetched }) => sum + fetched, 0),
      size: totalSize(blobs),
      verified,
      byTable: !verified && used.every(isProvenSomehow),
      ...(opened.length > 0 && { contentsVerified: opened.every(isProvenSomehow) }),
    };
  }

  #blobsOf(numbers: Iterable<number>): LayerBlob[] {
    return Array.from(numbers, (number) => this.#blobs.get(number)!);
  }
}

/** Whether what was read of a layer is verified, be it by a table of contents. */
function isProvenSomehow({ proven, hasProvenTable }: LayerBlob): boolean {
  return proven || hasProvenTable;
}

/** Passes a notice on only once: several layers, and several readings of one, give the same. */
function withoutRepeats(onEvent: OnEvent | undefined): OnEvent | undefined {
  const given = new Set<string>();
  return onEvent && ((event) => {
    if (event.type === "notice" && given.has(event.message)) return;
    if (event.type === "notice") given.add(event.message);
    onEvent(event);
  });
}
