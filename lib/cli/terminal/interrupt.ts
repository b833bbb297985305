/** `Ctrl-C` and the signals that ask a program to end: the first stops work cleanly, the second ends at once. @module */
import { EXIT_CODES, InterruptedError } from "../exit_codes.ts";

/** The abort signal of a run. It listens until its block ends. */
export interface Interrupt extends Disposable {
  readonly signal: AbortSignal;
}

/** Begins to listen for signals of the system. */
export function listenForInterrupt(): Interrupt {
  const controller = new AbortController();
  const stop = () => {
    if (controller.signal.aborted) Deno.exit(EXIT_CODES.interrupted);
    controller.abort(new InterruptedError());
  };
  const signals: Deno.Signal[] = Deno.build.os === "windows" ? ["SIGINT"] : ["SIGINT", "SIGTERM", "SIGHUP"];
  for (const name of signals) Deno.addSignalListener(name, stop);
  return {
    signal: controller.signal,
    [Symbol.dispose]() {
      for (const name of signals) Deno.removeSignalListener(name, stop);
    },
  };
}
