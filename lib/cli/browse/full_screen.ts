/**
 * The whole terminal as a screen. It is given back as it was: the alternate screen is left, the cursor is shown, and
 * keys are echoed and make lines again.
 *
 * @module
 */
import type { Output } from "../terminal/standard_streams.ts";
import { decodeKeys, flushKeys, type Key } from "./keys.ts";
import type { Size } from "./viewport.ts";

/** Where keys come from, as `Deno.stdin` is. */
export interface KeyInput {
  /** Reads some bytes; `null` = nothing more will come. */
  read(buffer: Uint8Array): Promise<number | null>;
  /** Takes every key as it is typed, or lines with echo. */
  setRaw(raw: boolean): void;
}

/** What the screen is made of. */
export interface FullScreenOptions {
  input: KeyInput;
  output: Output;
  /** The size, asked anew for each drawing. */
  size: () => Size;
  /** Whether the chosen line is set off by more than its mark. */
  colour: boolean;
}

const ENTER = "\x1b[?1049h\x1b[?25l\x1b[2J";
const LEAVE = "\x1b[?25h\x1b[?1049l";
/** After so many milliseconds nothing more belongs to what began as the escape key does. */
const ESCAPE_WAIT = 50;

/** The screen, until its block ends. */
export class FullScreen implements Disposable {
  readonly #options: FullScreenOptions;
  #left = false;

  /** Takes the terminal over. */
  constructor(options: FullScreenOptions) {
    this.#options = options;
    options.input.setRaw(true);
    this.#write(ENTER);
  }

  /** The size of the terminal; 80 columns and 24 lines where it is not told. */
  get size(): Size {
    const { columns, rows } = this.#options.size();
    return { columns: columns || 80, rows: rows || 24 };
  }

  /** Shows lines, from the top; what was there before is gone. */
  draw(lines: readonly string[], chosen: number | undefined): void {
    if (this.#left) return;
    const shown = lines.map((line, index) => {
      const isSetOff = index === chosen && this.#options.colour;
      return `${isSetOff ? `\x1b[7m${line}\x1b[0m` : line}\x1b[K`;
    });
    this.#write(`\x1b[H${shown.join("\r\n")}\x1b[J`);
  }

  /** The keys that are typed, until the terminal is gone. */
  async *keys(): AsyncGenerator<Key> {
    const decoder = new TextDecoder();
    let rest = "";
    let next = this.#read();
    for (;;) {
      const bytes = rest === "" ? await next : await Promise.race([next, later()]);
      if (bytes === null) return yield* flushKeys(rest);
      if (bytes === "later") {
        yield* flushKeys(rest);
        rest = "";
        continue;
      }
      const decoded = decodeKeys(rest + decoder.decode(bytes, { stream: true }));
      rest = decoded.rest;
      next = this.#read();
      yield* decoded.keys;
    }
  }

  /** Gives the terminal back; once more does nothing. */
  leave(): void {
    if (this.#left) return;
    this.#left = true;
    this.#write(LEAVE);
    try {
      this.#options.input.setRaw(false);
    } catch { /* the terminal is gone */ }
  }

  /** As `leave`. */
  [Symbol.dispose](): void {
    this.leave();
  }

  async #read(): Promise<Uint8Array | null> {
    const buffer = new Uint8Array(1024);
    const count = await this.#options.input.read(buffer).catch(() => null);
    return count === null ? null : buffer.subarray(0, count);
  }

  /** A terminal that is gone must not keep the program from ending. */
  #write(text: string): void {
    try {
      for (let bytes = new TextEncoder().encode(text); bytes.length > 0;) {
        bytes = bytes.subarray(this.#options.output.writeSync(bytes));
      }
    } catch { /* there is nobody who looks */ }
  }
}

function later(): Promise<"later"> {
  return new Promise((resolve) => setTimeout(() => resolve("later"), ESCAPE_WAIT));
}
