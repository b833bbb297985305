/** Progress as text: the two lines of the bar, and the one line that is printed if there is no terminal. @module */
import { counted, printable } from "../../messages.ts";
import { clip } from "../text/columns.ts";
import { formatDuration, formatSize } from "../text/sizes.ts";
import {
  movedBytes,
  percentDone,
  type ProgressState,
  rateAt,
  timeLeft,
  timeWaited,
} from "./progress_state.ts";

/** The width and the time for which progress is rendered. */
export interface RenderOptions {
  /** The columns that a line may have. */
  width: number;
  /** The time, in milliseconds of the state's clock. */
  now: number;
}

/** The columns of everything beside the bar, at its longest. */
const BESIDE_BAR = 55;
const MIN_BAR = 10;
const MAX_BAR = 40;

/**
 * The bar: one line that says what is going on, and one that says how far it is. What does not fit is left out, the
 * least important first.
 */
export function renderBar(state: ProgressState, { width, now }: RenderOptions): string[] {
  const facts = progressFacts(state, now);
  const blobs = facts.blobs ? `  ${facts.blobs}` : "";
  const room = width - blobs.length;
  const title = room >= MIN_BAR ? clip(state.what, room) + blobs : clip(state.what, width);
  return [title, clip(measures(facts, width), width)];
}

/** Progress as one line without a bar, for logs. */
export function renderPlain(state: ProgressState, now: number): string {
  const { percent, sizes, rate, left, blobs } = progressFacts(state, now);
  const known = [percent, sizes, rate, left, blobs].filter((fact) => fact !== undefined);
  return `${printable(state.what)}: ${known.join(", ")}`;
}

interface ProgressFacts {
  percent?: string | undefined;
  done: number;
  sizes: string;
  rate?: string | undefined;
  left?: string | undefined;
  blobs?: string | undefined;
}

function progressFacts(state: ProgressState, now: number): ProgressFacts {
  const waited = timeWaited(state, now);
  if (waited !== undefined) {
    const requests = state.requests > 0 ? `, ${counted(state.requests, "request")}` : "";
    return { done: 0, sizes: `${formatDuration(waited)} so far${requests}` };
  }
  const percent = percentDone(state);
  const rate = rateAt(state, now);
  const left = timeLeft(state, now);
  const moved = formatSize(movedBytes(state));
  return {
    done: (percent ?? 0) / 100,
    percent: percent === undefined ? undefined : `${percent} %`,
    sizes: state.size === undefined ? moved : `${moved} / ${formatSize(state.size)}`,
    rate: rate === undefined ? undefined : `${formatSize(Math.round(rate))}/s`,
    left: left === undefined ? undefined : `${formatDuration(left)} left`,
    blobs: blobsDoneOfAll(state),
  };
}

function blobsDoneOfAll({ blobs, blobsDone, unit }: ProgressState): string | undefined {
  if (blobs !== undefined) return `${blobsDone}/${counted(blobs, unit)}`;
  return blobsDone === 0 ? undefined : counted(blobsDone, unit);
}

/** The bar's length depends on the width alone, so that it does not move while the numbers beside it change. */
function measures({ percent, done, sizes, rate, left }: ProgressFacts, width: number): string {
  const length = Math.min(MAX_BAR, Math.max(MIN_BAR, width - BESIDE_BAR));
  const start = percent === undefined ? [] : [`${bar(done, length)}${percent.padStart(6)}`];
  const candidates = [
    [...start, sizes, rate, left],
    [...start, sizes, left],
    [...start, sizes],
    [...start],
    [percent],
    [sizes],
  ].map((columns) => columns.filter((column) => column !== undefined).join("  "));
  return candidates.find((line) => line !== "" && line.length <= width) ?? sizes;
}

function bar(done: number, length: number): string {
  const inner = length - 2;
  return `[${"#".repeat(Math.floor(done * inner)).padEnd(inner, "-")}]`;
}
