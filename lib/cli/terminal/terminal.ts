/**
 * What is printed where: the one place that writes to the terminal.
 *
 * - **Standard output gets data and nothing else**: file contents, tables, JSON. Piping it is always safe.
 * - **Standard error gets everything else.** Notes, warnings, retries and errors are lines `layerstash: ...`;
 *   `--log-level` says from which weight on. Errors are always printed.
 * - **Progress** goes to standard error: a bar that is redrawn in place where that is a terminal, a line every ten
 *   seconds where it is not. Before any other line is printed, and at the end, the bar is erased.
 * - `TERM=dumb` gets no bar, and neither it nor `NO_COLOR` gets colours. Control characters in names and messages
 *   never reach standard error.
 * - When the reader of standard output has gone, as in `layerstash list | head`, the command ends without a word.
 *
 * @module
 */
import type { OnEvent, TransferEvent } from "../../events.ts";
import { Drawing } from "./drawing.ts";
import { isTold, levelOf, type LogLevel } from "../log_level.ts";
import { type Output, OutputClosedError, outputError, pourAll, writeAll } from "./output.ts";
import { printable, renderBar, renderEvent, renderPlain } from "./progress_bar.ts";
import { advance, type ProgressState, startProgress } from "./progress_state.ts";

/** How progress is shown; `auto` is `bar` on a terminal and `plain` elsewhere. */
export type ProgressMode = "auto" | "bar" | "plain" | "none";

/** Every progress mode. */
export const PROGRESS_MODES: readonly ProgressMode[] = ["auto", "bar", "plain", "none"];

/** Time, so that tests can have their own. */
export interface Clock {
  /** Milliseconds that only go forward. */
  now(): number;
  /** Calls again and again until the function that it returns is called. */
  every(milliseconds: number, action: () => void): () => void;
}

/** What a terminal is made of. */
export interface TerminalOptions {
  /** Takes data. */
  stdout: Output;
  /** Takes everything else. */
  stderr: Output;
  /** The time. */
  clock: Clock;
  /** The columns of the terminal; asked anew for each drawing, because windows change. */
  columns: () => number;
  /** `NO_COLOR` and `TERM` of the environment. */
  env: Record<string, string | undefined>;
  /** `auto` where absent. */
  progress?: ProgressMode | undefined;
  /** `info` where absent. */
  logLevel?: LogLevel | undefined;
}

/** The progress of one transfer; it ends with its block where it is declared with `using`. */
export interface ProgressDisplay extends Disposable {
  /** Takes the events of the transfer. */
  readonly onEvent: OnEvent;
  /** How many bytes did not have to travel. */
  saved(): number;
  /** Erases the bar. Events that still come are only logged. */
  end(): void;
}

const REDRAW_INTERVAL = 100;
const PLAIN_INTERVAL = 10_000;
/** The same failure is told again after so many milliseconds: an outage ends many requests, many times. */
const TOLD_FOR = 30_000;
const COLOURS: Partial<Record<LogLevel, string>> = { warning: "33", critical: "31" };

/** Standard output and standard error of one run of the program. */
export class Terminal implements Disposable {
  /** Whether lines on standard error have colours. */
  readonly colour: boolean;
  readonly #options: TerminalOptions;
  readonly #mode: "bar" | "plain" | "none";
  readonly #level: LogLevel;
  readonly #drawing: Drawing;
  #endProgress: () => void = () => {};
  #lastFailure = { reason: "", at: -Infinity };

  /**
   * Prints nothing yet.
   *
   * @param options the streams, the clock and what the user asked for
   */
  constructor(options: TerminalOptions) {
    const { stderr, env, progress = "auto", logLevel = "info" } = options;
    const dumb = env["TERM"] === "dumb";
    const wanted = progress === "auto" ? (stderr.isTerminal() ? "bar" : "plain") : progress;
    this.#options = options;
    this.#mode = dumb && wanted === "bar" ? "plain" : wanted;
    this.#level = logLevel;
    this.#drawing = new Drawing({ print: (text) => this.#print(text), columns: () => this.#columns() });
    this.colour = stderr.isTerminal() && !dumb && !env["NO_COLOR"];
  }

  /**
   * Writes data to standard output, all of it before it returns.
   *
   * @throws {OutputClosedError} when its reader has gone
   */
  data(content: Uint8Array | string): void {
    const { stdout } = this.#options;
    if (stdout.isTerminal()) this.#drawing.erase();
    try {
      writeAll(stdout, content);
    } catch (error) {
      throw outputError(error);
    }
  }

  /** The same for much data: it may wait for a reader, and other things go on meanwhile. */
  async pour(bytes: Uint8Array): Promise<void> {
    const { stdout } = this.#options;
    if (stdout.isTerminal()) this.#drawing.erase();
    try {
      await pourAll(stdout, bytes);
    } catch (error) {
      throw outputError(error);
    }
  }

  /**
   * Writes a document that ends without a line break to standard output, to the byte; for a person to look at, its
   * line is ended, and what could move the cursor is not shown.
   */
  document(bytes: Uint8Array): void {
    if (!this.#options.stdout.isTerminal()) return this.data(bytes);
    const text = new TextDecoder().decode(bytes);
    this.data(`${text.trimEnd().split("\n").map(printable).join("\n")}\n`);
  }

  /** Standard output as a stream; closing it leaves standard output open. It fails as `data` does. */
  dataStream(): WritableStream<Uint8Array> {
    return new WritableStream({ write: (bytes) => this.pour(bytes) });
  }

  /** Prints what the user may like to know. */
  note(text: string): void {
    this.log("info", text);
  }

  /** Prints what the user should know. */
  warn(text: string): void {
    this.log("warning", text);
  }

  /** Prints a line on standard error, if lines of its level are wanted. */
  log(level: LogLevel, text: string): void {
    if (!isTold(level, { from: this.#level })) return;
    this.#drawing.erase();
    const colour = this.colour ? COLOURS[level] : undefined;
    const name = colour ? `\x1b[${colour}mlayerstash:\x1b[0m` : "layerstash:";
    this.#print(`${name} ${oneLine(text)}\n`);
  }

  /**
   * Prints what could not be done and why, with a hint where the error has one, and with the stack where debugging
   * is wanted. Nothing where the reader of standard output has gone.
   */
  fail(what: string, error: unknown): void {
    if (error instanceof OutputClosedError) return;
    this.log("critical", `${what}: ${error instanceof Error ? error.message : String(error)}`);
    const hint = (error as { hint?: unknown } | null)?.hint;
    if (typeof hint === "string") this.hint(hint);
    if (error instanceof Error && error.stack && isTold("debug", { from: this.#level })) {
      this.#print(`${error.stack.split("\n").map(printable).join("\n")}\n`);
    }
  }

  /** Prints what can be done about what was said before. */
  hint(text: string): void {
    this.#drawing.erase();
    this.#print(`hint: ${oneLine(text)}\n`);
  }

  /** Shows the progress of a transfer, in the mode that was asked for; `what` is such as `uploading disk.img`. */
  progress(what: string): ProgressDisplay {
    this.#endProgress();
    const { clock } = this.#options;
    let state = startProgress(what, clock.now());
    const stop = this.#show(() => state);
    const end = () => {
      stop();
      this.#drawing.erase();
      this.#endProgress = () => {};
    };
    this.#endProgress = end;
    const endOnce = () => this.#endProgress === end && end();
    return {
      onEvent: (event) => {
        state = advance(state, event, clock.now());
        this.#logEvent(event);
      },
      saved: () => state.saved,
      end: endOnce,
      [Symbol.dispose]: endOnce,
    };
  }

  /** Ends what is shown; also at the end of the block that says `using terminal = ...`. */
  close(): void {
    this.#endProgress();
  }

  /** As `close`. */
  [Symbol.dispose](): void {
    this.close();
  }

  #show(state: () => ProgressState): () => void {
    const { clock } = this.#options;
    if (this.#mode === "bar") {
      return clock.every(REDRAW_INTERVAL, () => this.#drawing.draw(this.#bar(state())));
    }
    if (this.#mode === "none") return () => {};
    return clock.every(
      PLAIN_INTERVAL,
      () => this.#print(`layerstash: ${renderPlain(state(), clock.now())}\n`),
    );
  }

  /** One column stays free: some terminals wrap a line as soon as it is full. */
  #bar(state: ProgressState): string[] {
    return renderBar(state, { width: Math.max(1, this.#columns() - 1), now: this.#options.clock.now() });
  }

  #columns(): number {
    return this.#options.columns() || 80;
  }

  #logEvent(event: TransferEvent): void {
    const level = event.type === "retry" && this.#isTold(event.reason) ? "debug" : levelOf(event);
    if (isTold(level, { from: this.#level })) this.log(level, renderEvent(event));
  }

  /** Whether the same failure was told a moment ago. */
  #isTold(reason: string): boolean {
    const now = this.#options.clock.now();
    const { reason: last, at } = this.#lastFailure;
    if (reason === last && now - at < TOLD_FOR) return true;
    this.#lastFailure = { reason, at: now };
    return false;
  }

  /** Standard error that nobody reads any more must not stop a transfer. */
  #print(text: string): void {
    try {
      writeAll(this.#options.stderr, text);
    } catch { /* there is nowhere left to say so */ }
  }
}

/** Longer lines are cut off, in characters: a registry may have much to say. */
const LONGEST_LINE = 4096;

function oneLine(text: string): string {
  const blanks = text.trim().replace(/\s+/g, (blank) => /[\r\n]/.test(blank) ? " " : blank);
  return printable(blanks.length > LONGEST_LINE ? `${blanks.slice(0, LONGEST_LINE)}...` : blanks);
}
