/** How much is written of an image at most: a small layer may unpack to any size. @module */
import { LayerstashError } from "../errors.ts";
import type { ImageFiles } from "./image_files.ts";

/** What is written where nobody says how much: a layer that unpacks to a hundred times its size is no usual one. */
export function usualLimit({ layers }: ImageFiles): number {
  return 1024 ** 3 + 100 * layers.reduce((sum, { size }) => sum + size, 0);
}

/** The error for what is larger; the message says what it is. */
export function tooLarge(message: string): LayerstashError {
  return new LayerstashError(message, { hint: "if so much is meant to be there, say so with --max-size" });
}
