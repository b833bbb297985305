/** JSON Lines on standard output, for `--json`: documents, events, and what a command failed with. @module */
import { InvalidInputError, LayerstashError } from "../../errors.ts";
import type { OnEvent, TransferEvent } from "../../events.ts";
import { withoutPasswords } from "../../messages.ts";
import { InterruptedError } from "../exit_codes.ts";
import { OutputClosedError } from "../terminal/standard_streams.ts";

/** Progress is written at most this often, in milliseconds: more lines would only burden the programs that read them. */
const INTERVAL = 500;

/** Receives events, and what the transfer failed with. */
export interface JsonEvents {
  onEvent: OnEvent;
  /** Writes the last line, except for a mistake of the user before the first event: then nothing had begun. */
  fail(reason: unknown): void;
}

/**
 * Writes events as lines of JSON: the event's type as `event`, then its other fields. Progress is added up and written
 * at intervals, and before every other line; it is never negative, so that bytes that move again are not counted twice.
 * Requests are omitted.
 */
export function jsonEvents(
  write: (line: string) => void,
  now: () => number = () => performance.now(),
): JsonEvents {
  const gathered = new Gathered();
  let begun = false;
  let last = now();
  const flush = () => {
    for (const line of gathered.take()) write(line);
    last = now();
  };
  const onEvent: OnEvent = (event) => {
    if (event.type === "request") return;
    begun = true;
    if (!gathered.add(event)) {
      flush();
      const { type, ...rest } = event;
      return write(eventLine(type, rest));
    }
    if (now() - last >= INTERVAL) flush();
  };
  const fail = (reason: unknown) => {
    if (reason instanceof OutputClosedError || reason instanceof InvalidInputError && !begun) return;
    flush();
    write(failureLine(reason));
  };
  return { onEvent, fail };
}

/** Progress that is not written yet, added up. */
class Gathered {
  readonly #bytes = new Map<string, number>();
  #files = { count: 0, bytes: 0 };

  /** Adds an event, if it is progress: bytes that move, or files that are packed. */
  add(event: TransferEvent): boolean {
    if (event.type === "files" && event.bytes !== undefined) {
      this.#files.count += event.count;
      this.#files.bytes += event.bytes;
    } else if (event.type === "progress") {
      this.#bytes.set(event.phase, (this.#bytes.get(event.phase) ?? 0) + event.bytes);
    } else return false;
    return true;
  }

  /** The lines of what moved. Bytes that go out again count when more than before have moved. */
  *take(): Generator<string> {
    for (const [phase, bytes] of this.#bytes) {
      if (bytes <= 0) continue;
      this.#bytes.delete(phase);
      yield eventLine("progress", { phase, bytes });
    }
    const { count, bytes } = this.#files;
    if (count < 0 || bytes < 0 || count + bytes === 0) return;
    this.#files = { count: 0, bytes: 0 };
    yield eventLine("files", { count, bytes });
  }
}

/** The last line of a failed transfer: the kind of the error, its message, and its hint. */
function failureLine(reason: unknown): string {
  const { message, hint } = reason as { message?: string; hint?: string };
  const kind = reason instanceof LayerstashError
    ? reason.kind
    : reason instanceof InterruptedError
    ? "interrupted"
    : "failed";
  return eventLine("failure", {
    kind,
    message: withoutPasswords(message ?? String(reason)),
    hint: hint && withoutPasswords(hint),
  });
}

/** One event as a line. */
export function eventLine(event: string, content: object): string {
  return jsonLine({ event, ...content });
}

/**
 * A value as one line of JSON that is safe to show on a terminal: characters that could rewrite it are escaped. JSON
 * itself escapes only those of ASCII. The data stays exact.
 */
export function jsonLine(value: unknown): string {
  return `${JSON.stringify(value).replace(UNSAFE, escaped)}\n`;
}

const UNSAFE = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu;

/** All of these characters are in the basic plane: each is one code unit. */
function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
