/** Standard input and standard output: their names, what is piped in, and writing to the last byte. @module */
import { writeAllSync } from "../../content/write_all.ts";
import { InvalidInputError } from "../../errors.ts";

/** A stream to write to, as `Deno.stdout` is. */
export interface Output {
  /** Writes some of the bytes and returns how many. */
  writeSync(bytes: Uint8Array): number;
  /** Writes some of the bytes and resolves to how many. */
  write(bytes: Uint8Array): Promise<number>;
  /** Whether a person is looking. */
  isTerminal(): boolean;
}

/** Writes a text to one of the standard streams. */
export type Write = (text: string) => void;

/** The reader of standard output has gone. Nobody is at fault, and nothing is printed about it. */
export class OutputClosedError extends Error {
  /** Makes the error. */
  constructor() {
    super("the reader of standard output has gone");
    this.name = "OutputClosedError";
  }
}

/** The error that a failed write means: `OutputClosedError` for a broken pipe, else the error itself. */
export function outputError(error: unknown): unknown {
  return error instanceof Deno.errors.BrokenPipe ? new OutputClosedError() : error;
}

/** A file as messages name it: `-` is standard input or standard output. */
export function streamName(file: string, direction: "input" | "output"): string {
  return file === "-" ? `standard ${direction}` : file;
}

/**
 * Standard input, if something is piped in. Nobody types bytes: a user at a terminal has forgotten the option.
 *
 * @throws {InvalidInputError} if standard input is a terminal
 */
export function pipedInput({ problem, hint }: { problem: string; hint: string }): ReadableStream<Uint8Array> {
  if (!Deno.stdin.isTerminal()) return Deno.stdin.readable;
  throw new InvalidInputError(problem, { hint });
}

/**
 * Checks that standard output gets either data or JSON.
 *
 * @throws {InvalidInputError} if the data goes to standard output (`-`), and `--json` is given
 */
export function requireFreeOutput(outfile: string, { json }: { json?: boolean | string | undefined }): void {
  if (outfile === "-" && json) {
    throw new InvalidInputError("--json and -o - both need standard output", {
      hint: "name a file with -o, or omit --json",
    });
  }
}

/** The control characters that text has: tab, line feed, form feed and carriage return. */
const OF_TEXT: ReadonlySet<number> = new Set([0x09, 0x0a, 0x0c, 0x0d]);

/**
 * Makes sure that bytes do not garble a terminal, which takes control characters for commands.
 *
 * @throws {InvalidInputError} if they are not text
 */
export function requireText(bytes: Uint8Array): void {
  const isCommand = (byte: number, index: number) =>
    byte < 0x20 && !OF_TEXT.has(byte) || byte === 0x7f ||
    byte >= 0x80 && byte < 0xa0 && bytes[index - 1] === 0xc2; // the control characters beyond ASCII, in UTF-8
  if (!bytes.some(isCommand)) return;
  throw new InvalidInputError("standard output is a terminal, and this is not text", {
    hint: "name a file to write, or add | less; | cat prints it all the same",
  });
}

const ENCODER = new TextEncoder();
/** Where texts become bytes: those of long listings would be much to collect. */
const ENCODED = new Uint8Array(64 * 1024);

/** The bytes of a text, in parts of which each is valid until the next is asked for. */
function* encoded(text: string): Generator<Uint8Array> {
  for (let at = 0; at < text.length;) {
    const { read, written } = ENCODER.encodeInto(text.slice(at), ENCODED);
    yield ENCODED.subarray(0, written);
    at += read;
  }
}

/** Writes a text or bytes before it returns. */
export function print(output: Pick<Output, "writeSync">, content: Uint8Array | string): void {
  for (const bytes of typeof content === "string" ? encoded(content) : [content]) writeAllSync(output, bytes);
}
