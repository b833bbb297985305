/** Progress as text: the two lines of the bar, and the one line that is printed if there is no terminal. @module */
import { counted, printable } from "../../messages.ts";
import { clip, columnsOf } from "../text/columns.ts";
import { formatDuration, formatSize, paddedSize } from "../text/sizes.ts";
import { styled } from "../text/styled.ts";
import {
  movedBytes,
  onlyHashes,
  percentDone,
  type ProgressState,
  rateAt,
  timeLeft,
  timeWaited,
  type Waiting,
} from "./progress_state.ts";

/** What a terminal can show. */
export interface BarStyle {
  /** Whether it shows more than ASCII. */
  unicode: boolean;
  colour: boolean;
}

/** The width and the time for which progress is rendered. */
export interface RenderOptions extends BarStyle {
  /** The columns that a line may have. */
  width: number;
  /** The time, in milliseconds of the state's clock. */
  now: number;
}

/** The columns of everything beside the bar, at its longest. */
const BESIDE_BAR = 53;
const MIN_BAR = 10;
const MAX_BAR = 40;

/**
 * The bar: one line that says what is going on, and one that says how far it is. What does not fit is left out, the
 * least important first. Numbers are padded, so that nothing moves while they change.
 */
export function renderBar(state: ProgressState, options: RenderOptions): string[] {
  const { width, now } = options;
  const blobs = blobsDoneOfAll(state);
  const end = blobs === undefined ? "" : `  ${blobs}`;
  const room = width - end.length;
  const title = room >= MIN_BAR ? clip(state.what, room) + end : clip(state.what, width);
  const waited = timeWaited(state, now);
  if (waited !== undefined) return [title, clip(elapsed(state, { waited, now }), width)];
  return [title, measures(state, options)];
}

/** Progress as one line without a bar, for logs. */
export function renderPlain(state: ProgressState, now: number): string {
  const waited = timeWaited(state, now);
  const percent = percentDone(state);
  const facts = waited === undefined
    ? [
      percent === undefined ? undefined : `${percent} %`,
      amounts(state, formatSize),
      ...paceAt(state, now, formatSize),
      blobsDoneOfAll(state),
    ]
    : [elapsed(state, { waited, now })];
  return `${printable(state.what)}: ${facts.filter((fact) => fact !== undefined).join(", ")}`;
}

/** Of work of which nothing else is known: how long it takes, and how many requests were answered. */
function elapsed(
  { requests, waiting }: ProgressState,
  { waited, now }: { waited: number; now: number },
): string {
  if (waiting) return renderWaiting(waiting, now);
  return `${formatDuration(waited)} so far${requests > 0 ? `, ${counted(requests, "request")}` : ""}`;
}

/** What has moved, and of how much; `undefined` if that tells nothing. */
function amounts(state: ProgressState, format: (bytes: number) => string): string | undefined {
  if (onlyHashes(state)) return undefined;
  const moved = format(movedBytes(state));
  return state.size === undefined ? moved : `${moved} / ${formatSize(state.size)}`;
}

/** The rate and the time that is left, as far as they are known; or that an attempt is waited for, or bytes are hashed. */
function paceAt(state: ProgressState, now: number, format: (bytes: number) => string): string[] {
  if (state.waiting) return [renderWaiting(state.waiting, now)];
  if (state.hashing > 0) return [`hashed ${format(state.hashing)}`];
  const rate = rateAt(state, now);
  const left = timeLeft(state, now);
  return [
    ...(rate === undefined ? [] : [`${format(Math.round(rate))}/s`]),
    ...(left === undefined ? [] : [`${formatDuration(left)} left`]),
  ];
}

/** `waiting: attempt 2 in 8s`; when it has begun, and has moved nothing yet, `waiting: attempt 2`. */
function renderWaiting({ attempt, until }: Waiting, now: number): string {
  const seconds = Math.ceil((until - now) / 1000);
  const what = attempt === undefined ? "waiting: it goes on" : `waiting: attempt ${attempt}`;
  return seconds > 0 ? `${what} in ${formatDuration(seconds * 1000)}` : what;
}

/** How many files of a folder are done, or else how many blobs. */
function blobsDoneOfAll(
  { blobs, blobsDone, unit, files, filesDone }: ProgressState,
): string | undefined {
  if (files !== undefined) {
    return `${String(filesDone).padStart(String(files).length)}/${counted(files, "file")}`;
  }
  if (blobs !== undefined) {
    return `${String(blobsDone).padStart(String(blobs).length)}/${counted(blobs, unit)}`;
  }
  return blobsDone === 0 ? undefined : counted(blobsDone, unit);
}

/** The bar's length depends on the width alone. */
function measures(state: ProgressState, { width, now, ...style }: RenderOptions): string {
  const length = Math.min(MAX_BAR, Math.max(MIN_BAR, width - BESIDE_BAR));
  const percent = percentDone(state);
  const share = percent === undefined ? undefined : `${percent} %`.padStart(5);
  const start = share === undefined ? [] : [bar(percent! / 100, length, style), share];
  const isUnknown = state.size === undefined && movedBytes(state) === 0;
  const sizes = isUnknown ? "" : amounts(state, paddedSize) ?? "";
  const pace = paceAt(state, now, paddedSize).map((fact) =>
    styled(fact, style.colour && state.waiting && "33")
  );
  const candidates = [
    [...start, sizes, ...pace],
    [...start, ...(state.waiting ? pace : [sizes])],
    start,
    [share ?? sizes],
  ].map((facts) => facts.filter((fact) => fact !== "").join("  "));
  const fits = candidates.find((line) => line !== "" && columnsOf(line) <= width);
  return fits ?? clip((share ?? sizes).trim(), width);
}

/** The parts of a column that a bar can end with, from none to seven eighths. */
const EIGHTHS = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];

/** `█████▌░░░░`, or `[####----]` in ASCII. */
function bar(done: number, length: number, { unicode, colour }: BarStyle): string {
  if (!unicode) {
    const inner = length - 2;
    const filled = "#".repeat(Math.floor(done * inner));
    const rest = "-".repeat(inner - filled.length);
    return `[${styled(filled, colour && "32")}${rest}]`;
  }
  const eighths = Math.floor(done * length * 8);
  const filled = "█".repeat(Math.floor(eighths / 8)) + EIGHTHS[eighths % 8];
  const rest = "░".repeat(length - filled.length);
  return styled(filled, colour && "32") + styled(rest, colour && "2");
}
