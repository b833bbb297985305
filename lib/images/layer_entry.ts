/** The entries of an image's layers. @module */
import type { Entry } from "../layers/entry.ts";

/** An entry, and the number of its layer. */
export interface LayerEntry extends Entry {
  /** The number of its layer: 1 is the base. */
  layer: number;
}
