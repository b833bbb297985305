/**
 * Standard output and standard error of one run: the one place that writes to them.
 *
 * - **Standard output gets data and nothing else**: file contents, tables, JSON. Piping it is always safe.
 * - **Standard error gets everything else.** Notes, warnings, retries and errors are lines `layerstash: ...`;
 *   `--log-level` says how important a line must be to be printed. Errors are always printed.
 * - **Progress** goes to standard error: on a terminal as a bar that is redrawn in place, elsewhere as a line every
 *   ten seconds. The bar is erased before any other line is printed, and at the end. It is also erased before data, which
 *   shows on the same terminal if that is standard output, or if standard output is a pipe to a program that prints there:
 *   to erase the bar later would erase the data. After data in a pipe, and after a line that has not ended, the bar does
 *   not come back: progress is then a line every ten seconds.
 * - Lines on a terminal are broken at words, except in a command; tables on one show the beginnings of digests.
 * - The bar is of blocks, or, where a locale is set that is not UTF-8, of ASCII. With `TERM=dumb` there is no bar; with it or
 *   `NO_COLOR` there are no colours. Control characters in names and messages never reach standard error.
 * - When the reader of standard output has gone, as in `layerstash list | head`, the command ends silently.
 *
 * @module
 */
import { writeAll } from "../../content/write_all.ts";
import { printable, withoutPasswords } from "../../messages.ts";
import type { TableStyle } from "../text/columns.ts";
import { Drawing } from "./drawing.ts";
import { Log, type LogLevel } from "./log.ts";
import { type ProgressDisplay, type ProgressMode, showProgress, type Ticker } from "./progress_display.ts";
import { type Output, OutputClosedError, outputError, print, requireText } from "./standard_streams.ts";
import { showsUnicode } from "./unicode.ts";

/** What a terminal is made of. */
export interface TerminalOptions {
  /** Receives data. */
  stdout: Output;
  /** Whether standard output is a file, so that none of its data shows on the terminal; `false` by default. */
  outputIsFile?: (() => boolean) | undefined;
  /** Receives everything else. */
  stderr: Output;
  ticker: Ticker;
  /** Gives the columns of the terminal. It is called for each drawing, because windows change. */
  columns: () => number;
  /** `NO_COLOR`, `TERM` and the variables of the locale. */
  env: Record<string, string | undefined>;
  /** `auto` by default. */
  progress?: ProgressMode | undefined;
  /** `info` by default. */
  logLevel?: LogLevel | undefined;
}

/** Standard output and standard error of one run of the program. */
export class Terminal implements Disposable {
  /** Whether lines on standard error have colours. */
  readonly colour: boolean;
  readonly #options: TerminalOptions;
  readonly #mode: "bar" | "plain" | "none";
  readonly #drawing: Drawing;
  readonly #log: Log;
  #display: ProgressDisplay | undefined;

  /**
   * Prints nothing yet.
   *
   * @param options the streams, the time and what the user asked for
   */
  constructor(options: TerminalOptions) {
    const { stderr, ticker, env, progress = "auto", logLevel = "info" } = options;
    const dumb = env["TERM"] === "dumb";
    const wanted = progress === "auto" ? (stderr.isTerminal() ? "bar" : "plain") : progress;
    this.#options = options;
    this.#mode = dumb && wanted === "bar" ? "plain" : wanted;
    this.colour = stderr.isTerminal() && !dumb && !env["NO_COLOR"];
    this.#drawing = new Drawing({ print: (text) => this.#write(text), columns: () => this.#columns() });
    this.#log = new Log({
      print: (text) => this.#print(text),
      level: logLevel,
      colour: this.colour,
      columns: () => stderr.isTerminal() ? this.#columns() - 1 : Infinity,
      now: () => ticker.now(),
    });
  }

  /** The columns that a line on standard output may take; `undefined` = it is not a terminal, and nothing is cut. */
  get dataColumns(): number | undefined {
    return this.#options.stdout.isTerminal() ? this.#columns() : undefined;
  }

  /** How tables on standard output are shown: to a person, or to a program. */
  get tableStyle(): TableStyle {
    return { shortDigests: this.#options.stdout.isTerminal() };
  }

  /**
   * Writes data to standard output, all of it before it returns.
   *
   * @throws {OutputClosedError} if the reader of standard output has gone
   */
  data(content: Uint8Array | string): void {
    const { stdout } = this.#options;
    this.#makeRoom({ endsLine: content.at(-1) === "\n" || content.at(-1) === 10 });
    try {
      print(stdout, content);
    } catch (error) {
      throw outputError(error);
    }
  }

  /**
   * Writes much data to standard output. While it waits for a slow reader, other work goes on.
   *
   * @throws {InvalidInputError} if standard output is a terminal, and the data is not text
   * @throws {OutputClosedError} if the reader of standard output has gone
   */
  async pour(bytes: Uint8Array): Promise<void> {
    const { stdout } = this.#options;
    if (stdout.isTerminal()) requireText(bytes);
    this.#makeRoom({ endsLine: false });
    try {
      await writeAll(stdout, bytes);
    } catch (error) {
      throw outputError(error);
    }
  }

  /**
   * Writes a document that has no line break at its end to standard output, byte for byte. On a terminal its last
   * line is ended, and control characters are replaced.
   */
  document(bytes: Uint8Array): void {
    if (!this.#options.stdout.isTerminal()) return this.data(bytes);
    const text = new TextDecoder().decode(bytes);
    this.data(`${text.trimEnd().split("\n").map(printable).join("\n")}\n`);
  }

  /** Standard output as a stream, which fails as `pour` does. Closing it leaves standard output open. */
  dataStream(): WritableStream<Uint8Array> {
    return new WritableStream({ write: (bytes) => this.pour(bytes) });
  }

  /** Prints what the user may like to know. */
  note(text: string): void {
    this.#log.print("info", text);
  }

  /** Prints what the user should know. */
  warn(text: string): void {
    this.#log.print("warning", text);
  }

  /** Prints a line for other programs to read on standard error, unless only errors are wanted there. */
  record(line: string): void {
    this.#log.record(line);
  }

  /** Prints a line on standard error, if lines of its level are wanted. */
  log(level: LogLevel, text: string): void {
    this.#log.print(level, text);
  }

  /**
   * Prints what could not be done and why, with the error's hint, and with its stack when debugging. Prints nothing
   * if the reason is that the reader of standard output has gone.
   */
  fail(what: string, error: unknown): void {
    if (!(error instanceof OutputClosedError)) this.#log.fail(what, error);
  }

  /** Prints what the user can do about the line before. */
  hint(text: string): void {
    this.#log.hint(text);
  }

  /** Shows the progress of `what`, such as `uploading disk.img`, in the mode that was asked for. Ends the one before. */
  progress(what: string): ProgressDisplay {
    this.#display?.end();
    return this.#display = showProgress(withoutPasswords(what), {
      mode: this.#mode,
      ticker: this.#options.ticker,
      drawing: this.#drawing,
      print: (text) => this.#write(text),
      columns: () => this.#columns(),
      style: { colour: this.colour, unicode: showsUnicode(this.#options.env) },
      log: (event) => this.#log.event(event),
    });
  }

  /** Ends the display of progress, and leaves on the screen how far it came. */
  keepProgress(): void {
    this.#display?.keep();
    this.#display = undefined;
  }

  /** Ends the display of progress. */
  close(): void {
    this.#display?.end();
  }

  /** Ends the display of progress, at the end of a block with `using terminal = ...`. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** Takes the bar away before data is written, and for good where its next place on the terminal is not known. */
  #makeRoom({ endsLine }: { endsLine: boolean }): void {
    const { stdout, outputIsFile = () => false } = this.#options;
    if (this.#mode !== "bar" || outputIsFile()) return;
    if (stdout.isTerminal() && endsLine) this.#drawing.erase();
    else this.#drawing.withdraw();
  }

  #columns(): number {
    return this.#options.columns() || 80;
  }

  #print(text: string): void {
    this.#drawing.erase();
    this.#write(text);
  }

  /** A closed standard error must not stop a transfer. */
  #write(text: string): void {
    try {
      print(this.#options.stderr, text);
    } catch { /* there is nowhere left to report it */ }
  }
}
