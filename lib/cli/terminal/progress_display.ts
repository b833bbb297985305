/** Shows the progress of a transfer while it runs: as a bar that is redrawn, or as a line at intervals. @module */
import type { OnEvent, TransferEvent } from "../../events.ts";
import type { Drawing } from "./drawing.ts";
import { type BarStyle, renderBar, renderPlain } from "./progress_bar.ts";
import { advance, hasMoved, type ProgressState, startProgress } from "./progress_state.ts";
import { totalsOf, type TransferTotals } from "./transfer_totals.ts";

/** How progress is shown; `auto` is `bar` on a terminal and `plain` elsewhere. */
export type ProgressMode = "auto" | "bar" | "plain" | "none";

/** Every progress mode. */
export const PROGRESS_MODES: readonly ProgressMode[] = ["auto", "bar", "plain", "none"];

/** The time, and what happens at intervals. Tests have their own. */
export interface Ticker {
  /** Milliseconds that only go forward. */
  now(): number;
  /** Calls `action` at intervals until the function that it returns is called. */
  every(milliseconds: number, action: () => void): () => void;
}

/**
 * The progress of one transfer. Declared with `using`, it stands still from the end of its block on, until another line takes
 * its place.
 */
export interface ProgressDisplay extends Disposable {
  /** Receives the events of the transfer. */
  readonly onEvent: OnEvent;
  /** How far the transfer is. */
  state(): ProgressState;
  /** What the transfer came to until now. */
  totals(): TransferTotals;
  /** Erases the bar. Later events are only logged. */
  end(): void;
  /** Leaves the bar on the screen as it is now, if bytes have moved. Later events are only logged. */
  keep(): void;
}

/** What a display is made of. */
export interface ProgressDisplayOptions {
  mode: Exclude<ProgressMode, "auto">;
  ticker: Ticker;
  /** The bar's place on the terminal. */
  drawing: Drawing;
  /** Writes to standard error. */
  print: (text: string) => void;
  /** The columns of the terminal. */
  columns: () => number;
  /** What the terminal can show. */
  style: BarStyle;
  /** Receives every event, for the log. */
  log: (event: TransferEvent) => void;
}

const REDRAW_INTERVAL = 100;
const PLAIN_INTERVAL = 10_000;

/** Begins to show the progress of `what`, such as `uploading disk.img`. */
export function showProgress(what: string, options: ProgressDisplayOptions): ProgressDisplay {
  const { ticker, drawing, log } = options;
  let state = startProgress(what, ticker.now());
  const stop = redraw(() => state, options);
  return {
    onEvent: (event) => {
      state = advance(state, event, ticker.now());
      log(event);
    },
    state: () => state,
    totals: () => totalsOf(state, ticker.now()),
    end() {
      stop();
      drawing.erase();
    },
    keep() {
      stop();
      if (options.mode === "bar" && hasMoved(state)) drawing.leave(barLines(state, options));
      else drawing.erase();
    },
    [Symbol.dispose]: stop,
  };
}

function redraw(
  state: () => ProgressState,
  options: ProgressDisplayOptions,
): () => void {
  const { mode, ticker, drawing, print } = options;
  if (mode === "none") return () => {};
  const printLine = () => print(`layerstash: ${renderPlain(state(), ticker.now())}\n`);
  if (mode === "plain") return ticker.every(PLAIN_INTERVAL, printLine);
  let lastShown = ticker.now();
  return ticker.every(REDRAW_INTERVAL, () => {
    if (drawing.withdrawn && ticker.now() - lastShown < PLAIN_INTERVAL) return;
    lastShown = ticker.now();
    if (drawing.withdrawn) printLine();
    else drawing.draw(barLines(state(), options));
  });
}

/** One column stays free: some terminals wrap a line as soon as it is full. */
function barLines(state: ProgressState, { ticker, columns, style }: ProgressDisplayOptions): string[] {
  return renderBar(state, { width: Math.max(1, columns() - 1), now: ticker.now(), ...style });
}
