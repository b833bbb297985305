/** Writing to one of the standard streams, to the last byte. @module */

/** Where bytes go, as `Deno.stdout` is. */
export interface Output {
  /** Writes some of the bytes and returns how many. */
  writeSync(bytes: Uint8Array): number;
  /** The same beside whatever else goes on. */
  write(bytes: Uint8Array): Promise<number>;
  /** Whether a person is looking. */
  isTerminal(): boolean;
}

/** The reader of standard output has gone. No fault of anyone: nothing is to be printed about it. */
export class OutputClosedError extends Error {
  /** Makes the error. */
  constructor() {
    super("the reader of standard output has gone");
    this.name = "OutputClosedError";
  }
}

/** What a failure to write means. */
export function outputError(error: unknown): unknown {
  return error instanceof Deno.errors.BrokenPipe ? new OutputClosedError() : error;
}

/** Writes all of it. A write may take a part only, and none where another process has made the pipe non-blocking. */
export function writeAll(output: Output, content: Uint8Array | string): void {
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  for (let written = 0; written < bytes.length;) {
    try {
      written += output.writeSync(bytes.subarray(written));
    } catch (error) {
      if (error instanceof Deno.errors.Interrupted) continue;
      if (!(error instanceof Deno.errors.WouldBlock)) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, SOON);
    }
  }
}

/** The same beside whatever else goes on: a reader that takes its time keeps nobody from pressing `Ctrl-C`. */
export async function pourAll(output: Output, bytes: Uint8Array): Promise<void> {
  for (let written = 0; written < bytes.length;) {
    try {
      written += await output.write(bytes.subarray(written));
    } catch (error) {
      if (error instanceof Deno.errors.Interrupted) continue;
      if (!(error instanceof Deno.errors.WouldBlock)) throw error;
      await new Promise((resolve) => setTimeout(resolve, SOON));
    }
  }
}

/** A full pipe that does not block is tried again after so many milliseconds. */
const SOON = 5;
