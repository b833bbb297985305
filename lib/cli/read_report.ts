/** Says how much was fetched, and what that means for what was printed. @module */
import type { ReadReport } from "../images/image_files.ts";
import { formatSize } from "./sizes.ts";

/** `fetched 1.5 MiB of 30 MiB, not verified`: for a single line, where more would be cut off. */
export function renderShortReport({ fetched, size, verified }: ReadReport): string {
  return `fetched ${formatSize(fetched)} of ${formatSize(size)}, ${verified ? "" : "not "}verified`;
}

/** `fetched 1.5 MiB of 30 MiB (5 %)`, and whether the bytes are verified. */
export function renderReadReport({ fetched, size, verified }: ReadReport): string {
  const share = size === 0 ? 100 : 100 * fetched / size;
  const whole = fetched < size ? Math.min(99, Math.round(share)) : Math.round(share);
  const percent = share >= 10 || share === 0 ? whole : Number(share.toPrecision(2));
  const sure = verified ? "verified" : "not verified: not all was read";
  return `fetched ${formatSize(fetched)} of ${formatSize(size)} (${percent} %); ${sure}`;
}
