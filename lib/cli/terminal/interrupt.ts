/** `Ctrl-C` and the signals that ask a program to end: the first stops work cleanly, the second ends at once. @module */
import { EXIT_CODES, InterruptedError } from "../exit_codes.ts";

/** The abort signal of a run. It listens until its block ends. */
export interface Interrupt extends Disposable {
  readonly signal: AbortSignal;
}

/**
 * Begins to listen for signals of the system. A signal that was ignored when the program started stays ignored, as `nohup`
 * does it with the end of a terminal, and a shell with `Ctrl-C` for what it runs in the background.
 */
export function listenForInterrupt(): Interrupt {
  const controller = new AbortController();
  const stop = () => {
    if (controller.signal.aborted) Deno.exit(EXIT_CODES.interrupted);
    controller.abort(new InterruptedError());
  };
  const ignored = ignoredSignals();
  const signals: Deno.Signal[] = Deno.build.os === "windows" ? ["SIGINT"] : ["SIGINT", "SIGTERM", "SIGHUP"];
  // Deno ends the program at each of them as soon as there is a listener of one: to ignore a signal takes a listener.
  const listenerOf = (name: Deno.Signal) => ignored.has(name) ? ignore : stop;
  for (const name of signals) Deno.addSignalListener(name, listenerOf(name));
  return {
    signal: controller.signal,
    [Symbol.dispose]() {
      for (const name of signals) Deno.removeSignalListener(name, listenerOf(name));
    },
  };
}

function ignore(): void {}

/** The numbers of the signals on Linux. */
const NUMBERS = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const;

/** The signals that whoever started the program has set to be ignored. Only Linux says which. */
function ignoredSignals(): Set<string> {
  const mask = /^SigIgn:\s*([0-9a-f]+)$/m.exec(processStatus())?.[1] ?? "0";
  const isIgnored = (number: number) => (BigInt(`0x${mask}`) >> BigInt(number - 1) & 1n) === 1n;
  return new Set(Object.entries(NUMBERS).flatMap(([name, number]) => isIgnored(number) ? [name] : []));
}

function processStatus(): string {
  const path = "/proc/self/status";
  if (Deno.permissions.querySync({ name: "read", path }).state !== "granted") return ""; // nobody is asked for it
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return ""; // another system
  }
}
