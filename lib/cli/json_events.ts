/** Events as JSON, one a line, for `--json`. @module */
import { InvalidInputError, LayerstashError } from "../errors.ts";
import type { OnEvent } from "../events.ts";
import { InterruptedError } from "./exit_codes.ts";
import { OutputClosedError } from "./terminal/output.ts";

/** Progress is gathered for so long, in milliseconds: programs that read it want to know, not to drown. */
const INTERVAL = 500;

/** Takes events, and what the transfer failed with. */
export interface JsonEvents {
  onEvent: OnEvent;
  /** Writes the last line, unless nothing was begun: a mistake of the caller that came before every event. */
  fail(reason: unknown): void;
}

/**
 * Writes events as lines of JSON: the event's type as `event`, then what it carries. Progress is added up and written
 * at intervals, and before every other line. Requests are left out.
 */
export function jsonEvents(
  write: (line: string) => void,
  now: () => number = () => performance.now(),
): JsonEvents {
  const gathered = new Map<string, number>();
  let begun = false;
  let last = now();
  const flush = () => {
    for (const [phase, bytes] of gathered) write(line("progress", { phase, bytes }));
    gathered.clear();
    last = now();
  };
  const onEvent: OnEvent = ({ type, ...rest }) => {
    if (type === "request") return;
    begun = true;
    if (type !== "progress") {
      flush();
      return write(line(type, rest));
    }
    const { phase, bytes } = rest as { phase: string; bytes: number };
    gathered.set(phase, (gathered.get(phase) ?? 0) + bytes);
    if (now() - last >= INTERVAL) flush();
  };
  const fail = (reason: unknown) => {
    if (reason instanceof OutputClosedError || reason instanceof InvalidInputError && !begun) return;
    flush();
    write(failureLine(reason));
  };
  return { onEvent, fail };
}

/** What a transfer failed with, as its last line: the kind of the error, what happened, and what to do. */
function failureLine(reason: unknown): string {
  const { message, hint } = reason as { message?: string; hint?: string };
  const kind = reason instanceof LayerstashError
    ? reason.kind
    : reason instanceof InterruptedError
    ? "interrupted"
    : "failed";
  return line("failure", { kind, message: message ?? String(reason), hint });
}

/** One event as a line. */
export function line(event: string, content: object): string {
  return jsonLine({ event, ...content });
}

/**
 * A value as a line of JSON. Its data is exact, and yet it can be shown on a terminal: what could write to that is
 * escaped (JSON itself lets through what is beyond ASCII).
 */
export function jsonLine(value: unknown): string {
  return `${JSON.stringify(value).replace(UNSAFE, escaped)}\n`;
}

const UNSAFE = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu;

/** All of these are in the basic plane: one code unit each. */
function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
