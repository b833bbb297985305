/** Says how much was fetched, and what that means for what was printed. @module */
import type { ReadReport } from "../../images/image_files.ts";
import { formatSize } from "./sizes.ts";

/** `fetched 1.5 MiB of 30 MiB, not verified`: for a single line, where more would be cut off. */
export function renderShortReport({ fetched, size, verified }: ReadReport): string {
  return `fetched ${formatSize(fetched)} of ${formatSize(size)}, ${verified ? "" : "not "}verified`;
}

/** The end of a layer, where a table of contents would be, is looked at for itself: that is not worth a word. */
const SLIGHTLY_MORE = 1.005;

/** `fetched 1.5 MiB of 30 MiB (5 %)`, and whether the bytes are verified. */
export function renderReadReport({ fetched, size, verified }: ReadReport): string {
  const twice = fetched > SLIGHTLY_MORE * size || fetched > 0 && fetched >= size && !verified;
  const part = twice ? ", some of it twice" : ` (${percentOf(fetched, size)} %)`;
  const why = twice ? "the last time not all was read" : "not all was read";
  return `fetched ${formatSize(fetched)} of ${formatSize(size)}${part}; ${
    verified ? "verified" : `not verified: ${why}`
  }`;
}

/** 100 only where it is all; two digits are enough. */
function percentOf(fetched: number, size: number): string {
  const percent = size === 0 ? 100 : 100 * fetched / size;
  if (percent >= 10) return `${fetched < size ? Math.min(99, Math.round(percent)) : 100}`;
  if (percent > 0 && percent < 0.01) return "less than 0.01";
  return `${Number(percent.toPrecision(2))}`;
}
