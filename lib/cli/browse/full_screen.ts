/**
 * The whole terminal as a screen. At the end it is restored: the alternate screen is left, the cursor is shown, and
 * keys are echoed and make lines again.
 *
 * @module
 */
import { type Output, print } from "../terminal/standard_streams.ts";
import type { Line } from "./frame.ts";
import { decodeKeys, flushKeys, type Key } from "./keys.ts";
import { coloured } from "./tones.ts";
import type { Size } from "./viewport.ts";

/** A source of keys, as `Deno.stdin` is. */
export interface KeyInput {
  /** Reads some bytes; `null` = the input has ended. */
  read(buffer: Uint8Array): Promise<number | null>;
  /** Switches between getting every key as it is typed and getting lines with echo. */
  setRaw(raw: boolean): void;
}

/** What the screen is made of. */
export interface FullScreenOptions {
  input: KeyInput;
  output: Output;
  /** Gives the size. It is called for each drawing. */
  size: () => Size;
  /** Whether lines have colours, and the chosen one is highlighted in addition to its mark. */
  colour: boolean;
  /** Whether the terminal shows all characters, and not only those of ASCII. */
  unicode: boolean;
}

const ENTER = "\x1b[?1049h\x1b[?25l\x1b[2J";
const LEAVE = "\x1b[?25h\x1b[?1049l";
/** An escape sequence arrives within so many milliseconds; a lone escape byte is the escape key. */
const ESCAPE_WAIT = 50;

/** The screen, until its block ends. */
export class FullScreen implements Disposable {
  readonly #options: FullScreenOptions;
  #left = false;

  /** Takes over the terminal. */
  constructor(options: FullScreenOptions) {
    this.#options = options;
    options.input.setRaw(true);
    this.#write(ENTER);
  }

  /** The size of the terminal; 80 columns and 24 rows if it is unknown. */
  get size(): Size {
    const { columns, rows } = this.#options.size();
    return { columns: columns || 80, rows: rows || 24 };
  }

  /** Shows lines from the top, in place of those before. */
  draw(lines: readonly Line[]): void {
    if (this.#left) return;
    const { colour, unicode } = this.#options;
    const shown = lines.map((line) => {
      const text = unicode ? line.text : line.text.replace(/[^ -~]/gu, "?");
      return `${colour ? coloured(text, line) : text}\x1b[K`;
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

  /** Restores the terminal. A second call does nothing. */
  leave(): void {
    if (this.#left) return;
    this.#left = true;
    this.#write(LEAVE);
    try {
      this.#options.input.setRaw(false);
    } catch { /* the terminal is gone */ }
  }

  /** Restores the terminal, at the end of a block with `using`. */
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
      print(this.#options.output, text);
    } catch { /* nobody is looking any more */ }
  }
}

function later(): Promise<"later"> {
  return new Promise((resolve) => setTimeout(() => resolve("later"), ESCAPE_WAIT));
}
