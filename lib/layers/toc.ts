/** Tables of contents. @module */
import type { Compression } from "./compression.ts";
import type { OpenEntry } from "./entry.ts";
import type { LayerBlob } from "./layer_blob.ts";

/** A table of contents. */
export interface Toc {
  entries(): AsyncGenerator<OpenEntry>;
}

/** Finds it. */
export function findToc(_blob: LayerBlob, _compression: Compression): Promise<Toc | undefined> {
  return Promise.resolve(undefined);
}
