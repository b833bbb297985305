/** Says how much of the layers was fetched, and whether what was read is verified. @module */
import type { ReadReport } from "../../images/image_files.ts";
import { formatSize } from "./sizes.ts";

/** The report for a short line: `fetched 1.5 MiB of 30 MiB, not verified`. */
export function renderShortReport({ fetched, size, verified, byTable }: ReadReport): string {
  const proof = byTable ? BY_TABLE : verified ? "verified" : "not verified";
  return `fetched ${formatSize(fetched)} of ${formatSize(size)}, ${proof}`;
}

const BY_TABLE = "checked against the table of contents alone";

/** Probing the end of a layer for a table of contents may fetch 0.5 % more than the layer. That is not reported. */
const SLIGHTLY_MORE = 1.005;

/**
 * The report in full: `fetched 1.5 MiB of 30 MiB (5 %); not verified: not all was read`. Where only contents are verified, it
 * says so, and that a layer above could replace them.
 */
export function renderReadReport(report: ReadReport): string {
  const { fetched, size, verified, byTable, contentsVerified } = report;
  const proven = verified || byTable;
  const twice = fetched > SLIGHTLY_MORE * size || fetched > 0 && fetched >= size && !proven;
  const part = twice ? ", some of it twice" : ` (${percentOf(fetched, size)} %)`;
  const why = twice ? "the last time not all was read" : "not all was read";
  const proof = verified
    ? "verified"
    : byTable
    ? `${BY_TABLE}: --verify reads what container engines unpack`
    : contentsVerified
    ? "the contents are verified, the other layers are not: not all was read"
    : `not verified: ${why}`;
  return `fetched ${formatSize(fetched)} of ${formatSize(size)}${part}; ${proof}`;
}

/** The percentage in two digits; 100 only if everything was fetched. */
function percentOf(fetched: number, size: number): string {
  const percent = size === 0 ? 100 : 100 * fetched / size;
  if (percent >= 10) return `${fetched < size ? Math.min(99, Math.round(percent)) : 100}`;
  if (percent > 0 && percent < 0.01) return "less than 0.01";
  return `${Number(percent.toPrecision(2))}`;
}
