/** Lines on standard error: `layerstash: ...`, from the level on that the user wants. @module */
import { saidBy } from "../../content/system_words.ts";
import type { TransferEvent } from "../../events.ts";
import { counted, printable, withoutPasswords } from "../../messages.ts";
import { wrapWords } from "../text/columns.ts";
import { formatDuration, formatSize } from "../text/sizes.ts";
import { styled } from "../text/styled.ts";
import { unitOf } from "./progress_state.ts";

/** How important a line is. */
export type LogLevel = "trace" | "debug" | "info" | "warning" | "critical";

/** Every log level, the least important first. */
export const LOG_LEVELS: readonly LogLevel[] = ["trace", "debug", "info", "warning", "critical"];

const COLOURS: Partial<Record<LogLevel, string>> = { warning: "33", critical: "31" };
/** A failure that repeats is only logged for debugging during so many milliseconds: an outage breaks many requests. */
const REPEATED_FOR = 30_000;

/** What a log is made of. */
export interface LogOptions {
  /** Writes to standard error, after erasing what is drawn there. */
  print: (text: string) => void;
  /** The least important level that is printed. */
  level: LogLevel;
  colour: boolean;
  /** The columns of a line; `Infinity` where nobody looks. */
  columns: () => number;
  /** The time in milliseconds. */
  now: () => number;
}

/** Prints messages, errors and events as lines. */
export class Log {
  readonly #options: LogOptions;
  #lastFailure = { reason: "", at: -Infinity };

  /** @param options where and how lines are printed */
  constructor(options: LogOptions) {
    this.#options = options;
  }

  /** Prints a line, if lines of its level are wanted. */
  print(level: LogLevel, text: string): void {
    if (!this.#wants(level)) return;
    const colour = this.#options.colour ? COLOURS[level] : undefined;
    const lines = this.#wrapped(`layerstash: ${oneLine(text)}`);
    this.#options.print(lines.replace(/^\w+:/, (name) => styled(name, colour)));
  }

  /** Prints a line as it is, if notes are wanted. */
  record(line: string): void {
    if (this.#wants("info")) this.#options.print(`${oneLine(line)}\n`);
  }

  /** Prints what could not be done and why, the error's hint, and its stack when debugging. */
  fail(what: string, error: unknown): void {
    this.print("critical", `${what}: ${saidBy(error)}`);
    const hint = (error as { hint?: unknown } | null)?.hint;
    if (typeof hint === "string") this.hint(hint);
    if (error instanceof Error && error.stack && this.#wants("debug")) {
      this.#options.print(`${withoutPasswords(error.stack).split("\n").map(printable).join("\n")}\n`);
    }
  }

  /** Prints what the user can do about the line before. */
  hint(text: string): void {
    this.#options.print(this.#wrapped(`hint: ${oneLine(text)}`));
  }

  /** Prints an event, if lines of its level are wanted. */
  event(event: TransferEvent): void {
    const level = event.type === "retry" && this.#isRepeated(event.reason) ? "debug" : levelOf(event);
    if (this.#wants(level)) this.print(level, renderEvent(event));
  }

  #wrapped(text: string): string {
    return `${wrapWords(text, this.#options.columns()).join("\n")}\n`;
  }

  /** Errors are always printed. */
  #wants(level: LogLevel): boolean {
    return level === "critical" || LOG_LEVELS.indexOf(level) >= LOG_LEVELS.indexOf(this.#options.level);
  }

  /** Whether this failure was printed a moment ago. */
  #isRepeated(reason: string): boolean {
    const now = this.#options.now();
    const { reason: last, at } = this.#lastFailure;
    if (reason === last && now - at < REPEATED_FOR) return true;
    this.#lastFailure = { reason, at: now };
    return false;
  }
}

function levelOf(event: TransferEvent): LogLevel {
  switch (event.type) {
    case "retry":
    case "notice":
      return "warning";
    case "resume": // the display counts what was kept; that some of it was bad is news
      return event.bytes < 0 ? "info" : "debug";
    case "plan":
    case "pause": // the display counts it down
    case "blob":
    case "request":
      return "debug";
    case "progress":
    case "files":
      return "trace";
  }
}

/** An event as the text of a line. */
export function renderEvent(event: TransferEvent): string {
  switch (event.type) {
    case "plan": {
      const bytes = event.size ?? event.content;
      const size = bytes === undefined ? "unknown size" : formatSize(bytes);
      const unit = unitOf(event);
      return `plan: ${size} in ${
        event.blobs === undefined ? `an unknown number of ${unit}s` : counted(event.blobs, unit)
      }`;
    }
    case "progress":
      return `${event.phase}: ${counted(event.bytes, "byte")}`;
    case "files":
      return filesLine(event);
    case "resume":
      return event.bytes < 0
        ? `${formatSize(-event.bytes)} must be ${PAST[event.phase]} again after all`
        : `${formatSize(event.bytes)} were kept and need not be ${PAST[event.phase]} again`;
    case "blob":
      return `blob ${event.index}: ${event.state}, ${formatSize(event.size)}, ${event.digest}${
        event.fault ? `: ${event.fault}` : ""
      }`;
    case "retry":
      return `${event.reason}; attempt ${event.attempt + 1} for ${event.what} follows${
        event.delay < 1000 ? "" : ` in ${formatDuration(event.delay)}`
      }`;
    case "pause":
      return `${event.host} wants to be left alone for ${formatDuration(event.delay)}`;
    case "notice":
      return event.message;
    case "request":
      return `${event.method} ${event.url}: ${event.status}, ${event.milliseconds} ms`;
  }
}

const PAST = { send: "sent", fetch: "fetched" };

/** Longer lines are cut off, in characters: a registry's answer may be long. */
const LONGEST_LINE = 4096;

function oneLine(text: string): string {
  const blanks = withoutPasswords(text.trim()).replace(/\s+/g, (blank) => /[\r\n]/.test(blank) ? " " : blank);
  return printable(blanks.length > LONGEST_LINE ? `${blanks.slice(0, LONGEST_LINE)}...` : blanks);
}

function filesLine({ count, bytes }: Extract<TransferEvent, { type: "files" }>): string {
  if (bytes === undefined) return `${counted(count, "file")} more in place`;
  if (count >= 0 && bytes >= 0) return `${counted(count, "file")} more of ${formatSize(bytes)}`;
  return `${counted(-count, "file")} of ${formatSize(-bytes)} must be packed again`;
}
