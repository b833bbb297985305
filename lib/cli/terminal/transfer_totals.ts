/** What a transfer came to: how long it took, and how many bytes it moved, as values and as text. @module */
import { formatElapsed, formatSize } from "../text/sizes.ts";
import type { ProgressState } from "./progress_state.ts";

/** What a transfer came to, as the last document of `--json` says it. */
export interface TransferTotals {
  /** How long it took, to the millisecond. */
  seconds: number;
  /** Bytes that went to a registry or a directory. */
  bytesSent: number;
  /** Bytes that came from one. */
  bytesFetched: number;
  /** Bytes that did not have to travel, because they were there already. */
  bytesSaved: number;
}

/** What a transfer came to until `now`. */
export function totalsOf({ since, sent, fetched, saved }: ProgressState, now: number): TransferTotals {
  const atLeastNone = (bytes: number) => Math.max(0, bytes);
  return {
    seconds: Math.round(now - since) / 1000,
    bytesSent: atLeastNone(sent),
    bytesFetched: atLeastNone(fetched),
    bytesSaved: atLeastNone(saved),
  };
}

/** What several transfers came to, one after the other. */
export function sumOf(all: readonly TransferTotals[]): TransferTotals {
  const sum = (field: keyof TransferTotals) =>
    Math.round(all.reduce((sum, each) => sum + each[field], 0) * 1000) / 1000;
  return {
    seconds: sum("seconds"),
    bytesSent: sum("bytesSent"),
    bytesFetched: sum("bytesFetched"),
    bytesSaved: sum("bytesSaved"),
  };
}

/** The rate of less than so many bytes in less than so many seconds says nothing. */
const FEW = { bytes: 1_000_000, seconds: 1 };

/** How long a transfer took, and how fast it was: `4.2s, 3 MB/s`. Where most bytes did not travel, no rate means anything. */
export function renderPace({ seconds, bytesSent, bytesFetched, bytesSaved }: TransferTotals): string {
  const moved = Math.max(bytesSent, bytesFetched); // a copy fetches what it sends
  const isFew = moved < FEW.bytes && seconds < FEW.seconds;
  const time = formatElapsed(seconds);
  return moved <= bytesSaved || isFew ? time : `${time}, ${formatSize(Math.round(moved / seconds))}/s`;
}

/** The end of a sentence about a transfer of `size` bytes: how long it took, how fast it was, and what was there already. */
export function renderTotals(
  totals: TransferTotals,
  { size, moved }: { size: number; moved: "sent" | "fetched" },
): string {
  const { bytesSaved, bytesSent, bytesFetched } = totals;
  const pace = renderPace(totals);
  if (bytesSaved === 0) return pace;
  // The layers of small files are larger than the files: what was saved tells nothing by itself.
  const isAll = bytesSaved >= size && (moved === "sent" ? bytesSent : bytesFetched) === 0;
  return `${pace}; ${isAll ? "nothing had" : `${formatSize(bytesSaved)} did not have`} to be ${moved}`;
}
