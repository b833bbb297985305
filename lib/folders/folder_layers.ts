/** Reads the layers of a folder: through their tables of contents, or as the archives that they are. @module */
import { isUtf8 } from "node:buffer";
import { Pace } from "../async/pace.ts";
import type { Bytes } from "../content/bytes.ts";
import type { Layer } from "../images/image.ts";
import { ImageFiles, type OpenLayerEntry } from "../images/image_files.ts";
import { provenTable } from "../layers/find_toc.ts";
import { LayerBlob } from "../layers/layer_blob.ts";
import { totalSize } from "../oci/descriptor.ts";
import type { CallOptions, StoreReader } from "../store/store.ts";
import { packedEntries, type PackedEntry, requireWhole } from "./pack_table.ts";
import type { Segment } from "./segments.ts";

/** The table of contents of a pack. */
export interface PackTable {
  /** The entries in their order, some at a time. They can be read once: the memory of the table is free at the end. */
  batches(): AsyncGenerator<PackedEntry[]>;
  /** Fetches a segment, into a buffer that is large enough for it. */
  fetch(segment: Segment, buffer: Bytes): Promise<void>;
}

/** The layers of a folder. */
export class FolderLayers {
  readonly all: readonly Layer[];
  /** How many bytes of what was fetched are written: a later run does not fetch them again. */
  written = 0;
  readonly #files: ImageFiles;
  readonly #blobs: ReadonlyMap<Layer, LayerBlob>;
  readonly #options: CallOptions;
  #hasArchives = false;

  /** Fetches nothing yet. */
  constructor(store: StoreReader, layers: readonly Layer[], options: CallOptions & { name: string }) {
    this.all = layers;
    this.#options = options;
    this.#files = new ImageFiles(store, layers, options);
    const each = { signal: options.signal, onEvent: this.#files.onEvent };
    this.#blobs = new Map(layers.map((layer) => [layer, new LayerBlob(store, layer, each)]));
  }

  /** The size of all layers, in bytes. */
  get size(): number {
    return totalSize(this.all);
  }

  /** Takes back, in the progress, what was fetched and not written: a later run fetches it again, as it does tables. */
  takeBackUnwritten(): void {
    const fetched = [...this.#blobs.values()].reduce(
      (sum, blob) => sum + blob.fetched,
      this.#files.report.fetched,
    );
    const bytes = this.written - fetched;
    if (bytes < 0) this.#options.onEvent?.({ type: "progress", phase: "fetch", bytes });
  }

  /** Whether all that was read is verified by digests that the manifest has. */
  get verified(): boolean {
    if (!this.#hasArchives) return true;
    const { verified, byTable } = this.#files.report;
    return verified || byTable;
  }

  /** The table of a layer; `undefined` if it has none whose digest the manifest has, or names that the table cannot spell. */
  async table(layer: Layer): Promise<PackTable | undefined> {
    const blob = this.#blobs.get(layer)!;
    const found = blob.wholeOnly ? undefined : await provenTable(blob);
    if (!found || hasReplacement(found.json)) return undefined;
    const { signal } = this.#options;
    return {
      async *batches() {
        const pace = new Pace(signal);
        for (const batch of inBatches(packedEntries(found.json, found.start))) {
          if (pace.isPauseDue) await pace.pause();
          yield batch;
        }
        found.json.buffer.transfer(0); // tables of megabytes would wait long to be collected
      },
      async fetch({ start, end }, buffer) {
        let filled = 0;
        for await (const piece of blob.from(start, { end, all: true })) {
          buffer.set(piece, filled);
          filled += piece.length;
        }
      },
    };
  }

  /** The entries of a layer, with contents that can be read until the next entry is asked for. */
  archive(layer: Layer, want: "names" | "bytes" | "some"): AsyncGenerator<OpenLayerEntry> {
    this.#hasArchives = true;
    return this.#files.entries(layer, { want });
  }
}

/** How many entries are given at a time: each wait would take as long as reading an entry. */
const BATCH = 500;

function* inBatches(entries: Iterable<PackedEntry>): Generator<PackedEntry[]> {
  let batch: PackedEntry[] = [];
  for (const entry of entries) {
    requireWhole(entry);
    if (batch.push(entry) < BATCH) continue;
    yield batch;
    batch = [];
  }
  yield batch;
}

/**
 * Whether names come out of a table with U+FFFD: programs in Go write it for bytes that are not UTF-8, most of them as an
 * escape, and so lose them. Whoever reads a table that is not UTF-8 does the same.
 */
function hasReplacement(json: Bytes): boolean {
  return !isUtf8(json) || isAmong(json, "\xef\xbf\xbd") || isAmong(json, "\\ufffd");
}

/** Whether bytes have these among them, large letters or small. */
function isAmong(bytes: Bytes, sought: string): boolean {
  const first = sought.charCodeAt(0);
  for (let at = bytes.indexOf(first); at >= 0; at = bytes.indexOf(first, at + 1)) {
    const found = String.fromCharCode(...bytes.subarray(at, at + sought.length));
    if (found.toLowerCase() === sought) return true;
  }
  return false;
}
