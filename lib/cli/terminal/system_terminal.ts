/** The terminal of this process. @module */
import type { Ticker } from "./progress_display.ts";
import { Terminal, type TerminalOptions } from "./terminal.ts";

/** The terminal of this process. */
export function systemTerminal(options: Pick<TerminalOptions, "env" | "progress" | "logLevel">): Terminal {
  return new Terminal({
    ...options,
    stdout: Deno.stdout,
    outputIsFile: () => isFileOrDevice(Deno.stdout),
    stderr: Deno.stderr,
    columns: systemColumns,
    ticker: systemTicker(),
  });
}

/** The time of this process. An interval does not keep the process alive. */
function systemTicker(): Ticker {
  return {
    now: () => performance.now(),
    every(milliseconds, action) {
      const timer = setInterval(action, milliseconds);
      Deno.unrefTimer(timer);
      return () => clearInterval(timer);
    },
  };
}

/** Whether an output is a file or a device such as `/dev/null`, and so neither a terminal nor a pipe. */
function isFileOrDevice(output: typeof Deno.stdout): boolean {
  if (output.isTerminal()) return false;
  try {
    const state = globalThis.process.getBuiltinModule("node:fs").fstatSync(1);
    return state.isFile() || state.isCharacterDevice();
  } catch {
    return false; // a pipe is the careful guess: its reader may print on the terminal
  }
}

function systemColumns(): number {
  try {
    return Deno.consoleSize().columns;
  } catch {
    return 80; // --progress bar without a terminal
  }
}
