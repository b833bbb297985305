/** Says how much was fetched, and what that means for what was printed. @module */
import type { ReadReport } from "../images/image_files.ts";
import { formatSize } from "./sizes.ts";

/** `fetched 1.5 MiB of 30 MiB (5 %)`, and whether the bytes are verified. */
export function renderReadReport({ fetched, size, verified }: ReadReport): string {
  const share = size === 0 ? 100 : 100 * fetched / size;
  const percent = share >= 10 || share === 0 ? Math.round(share) : Number(share.toPrecision(2));
  const sure = verified ? "verified" : "not verified, for not all was read";
  return `fetched ${formatSize(fetched)} of ${formatSize(size)} (${percent} %); ${sure}`;
}
