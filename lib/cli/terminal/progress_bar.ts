/** Progress as text: the two lines of the bar, the one line where there is no terminal, and events for logs. @module */
import { counted } from "../../messages.ts";
import type { TransferEvent } from "../../events.ts";
import { movedBytes, percentDone, type ProgressState, rateAt, timeLeft, unitOf } from "./progress_state.ts";
import { formatDuration, formatSize } from "../sizes.ts";

/** Where and when progress is rendered. */
export interface RenderOptions {
  /** Columns that a line may have. */
  width: number;
  /** The time, in milliseconds of the state's clock. */
  now: number;
}

/** Columns of all that stands beside the bar, at its longest. */
const BESIDE_BAR = 55;
const MIN_BAR = 10;
const MAX_BAR = 40;

/**
 * The bar: a line that says what is going on, and one that says how far it is. What does not fit is left out, the
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

/** An event as a line for logs. */
export function renderEvent(event: TransferEvent): string {
  switch (event.type) {
    case "plan": {
      const size = event.size === undefined ? "unknown size" : formatSize(event.size);
      const unit = unitOf(event);
      return `plan: ${size} in ${
        event.blobs === undefined ? `an unknown number of ${unit}s` : counted(event.blobs, unit)
      }`;
    }
    case "progress":
      return `${event.phase}: ${counted(event.bytes, "byte")}`;
    case "resume":
      return event.bytes < 0
        ? `${formatSize(-event.bytes)} have to be ${PAST[event.phase]} again after all`
        : `${formatSize(event.bytes)} are there already, and need not be ${PAST[event.phase]} again`;
    case "blob":
      return `blob ${event.index}: ${event.state}, ${formatSize(event.size)}, ${event.digest}${
        event.fault ? `: ${event.fault}` : ""
      }`;
    case "retry":
      return `${event.what}: ${event.reason}; attempt ${event.attempt + 1} ${
        event.delay < 1000 ? "follows" : `in ${formatDuration(event.delay)}`
      }`;
    case "notice":
      return event.message;
    case "request":
      return `${event.method} ${event.url}: ${event.status}, ${event.milliseconds} ms`;
  }
}

const PAST = { send: "sent", fetch: "fetched" };

/**
 * A text without control characters, which could rewrite the terminal, and without those that turn the direction of
 * writing, behind which other text could hide: names and reasons come from outside.
 */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu, "?");
}

/** What takes one column a character: most of what there is, and it is not looked at more closely. */
const ASCII = /^[ -~]*$/;

/** The columns that a text takes at most. */
export function columnsOf(text: string): number {
  if (ASCII.test(text)) return text.length;
  let columns = 0;
  for (const { segment } of graphemes(text)) columns += widthOf(segment);
  return columns;
}

interface Facts {
  percent?: string | undefined;
  done: number;
  sizes: string;
  rate?: string | undefined;
  left?: string | undefined;
  blobs?: string | undefined;
}

function progressFacts(state: ProgressState, now: number): Facts {
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
    blobs: blobCount(state),
  };
}

function blobCount({ blobs, blobsDone, unit }: ProgressState): string | undefined {
  if (blobs !== undefined) return `${blobsDone}/${counted(blobs, unit)}`;
  return blobsDone === 0 ? undefined : counted(blobsDone, unit);
}

/** The bar's length depends on the width alone, so that it stands still while the numbers beside it change. */
function measures({ percent, done, sizes, rate, left }: Facts, width: number): string {
  const length = Math.min(MAX_BAR, Math.max(MIN_BAR, width - BESIDE_BAR));
  const start = percent === undefined ? [] : [`${bar(done, length)}${percent.padStart(6)}`];
  const candidates = [
    [...start, sizes, rate, left],
    [...start, sizes, left],
    [...start, sizes],
    [...start],
    [percent],
    [sizes],
  ].map((parts) => parts.filter((part) => part !== undefined).join("  "));
  return candidates.find((line) => line !== "" && line.length <= width) ?? sizes;
}

function bar(done: number, length: number): string {
  const inner = length - 2;
  return `[${"#".repeat(Math.floor(done * inner)).padEnd(inner, "-")}]`;
}

/** A text without what could do harm, cut off behind so many columns. */
export function clip(text: string, width: number): string {
  const clean = printable(text);
  if (columnsOf(clean) <= width) return clean;
  const dots = ".".repeat(Math.max(0, Math.min(3, width)));
  let kept = "";
  let columns = dots.length;
  for (const { segment } of graphemes(clean)) {
    columns += widthOf(segment);
    if (columns > width) break;
    kept += segment;
  }
  return kept + dots;
}

/** Made once: making one takes longer than measuring a name. */
const SEGMENTER = new Intl.Segmenter("en", { granularity: "grapheme" });

function graphemes(text: string): Intl.Segments {
  return SEGMENTER.segment(text);
}

/** Two from Hangul on: some of those take one column only, and a line that is too short does no harm. */
function widthOf(grapheme: string): number {
  return /[\u1100-\u{10ffff}]/u.test(grapheme) ? 2 : 1;
}
