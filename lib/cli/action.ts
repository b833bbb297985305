/** How a command runs: it gets what it works with, and what it throws becomes a message and an exit code. @module */
import type { OnEvent } from "../events.ts";
import type { Store } from "../store/store.ts";
import { exitCodeOf, InterruptedError } from "./exit_codes.ts";
import { listenForInterrupt } from "./terminal/interrupt.ts";
import { jsonEvents } from "./json_events.ts";
import {
  type ConnectionFlags,
  openNamedStore,
  openTerminal,
  permissionError,
  type RepositoryFlags,
  warnOfUnsafe,
} from "./connection.ts";
import { formatSize } from "./sizes.ts";
import type { ProgressDisplay, Terminal } from "./terminal/terminal.ts";

/** What every command works with. */
export interface Session {
  terminal: Terminal;
  /** Ends when the user presses `Ctrl-C`. */
  signal: AbortSignal;
  /** Told of what the command ends with, where that is wanted as an event, too. */
  onFailure?: (reason: unknown) => void;
}

/** What a command on a repository works with. */
export interface StoreSession extends Session {
  store: Store;
  /** Shows events: as progress, as log lines, and as JSON where that is wanted. */
  onEvent: OnEvent;
  /** Says how many of so many bytes did not have to be `moved`, as the end of a sentence; empty where all had to be. */
  saved: (size: number, moved: "sent" | "fetched") => string;
}

/** The hint after an interruption, where the same command goes on. */
export const GO_ON = "what was done is kept: the same command goes on from there";

/** The command has ended with an exit code; what was to be said has been said. */
export class CommandEnded extends Error {
  /** @param exitCode the exit code of the process */
  constructor(readonly exitCode: number) {
    super(`exit code ${exitCode}`);
  }
}

/** As commander knows where a value came from. */
export interface Parsed {
  getOptionValueSource(option: string): string | undefined;
}

/** Wraps the work of a command that speaks to a registry. `doing` completes the sentence `cannot ...`. */
export function action<F extends ConnectionFlags>(
  doing: (flags: F) => string,
  work: (session: Session, flags: F) => Promise<void>,
): (flags: F, parsed: Parsed) => Promise<void> {
  return async (flags, parsed) => {
    using terminal = openTerminal(flags);
    using interrupt = listenForInterrupt();
    const session: Session = { terminal, signal: interrupt.signal };
    try {
      warnOfUnsafe(terminal, flags, (option) => parsed.getOptionValueSource(option) === "cli");
      await work(session, flags);
    } catch (error) {
      if (error instanceof CommandEnded) throw error;
      terminal.close();
      const reason = error instanceof Deno.errors.NotCapable ? permissionError(error) : error;
      session.onFailure?.(reason);
      terminal.fail(`cannot ${doing(flags)}`, reason);
      throw new CommandEnded(exitCodeOf(reason));
    }
  };
}

/** Shows what happens: as progress, as log lines, and as JSON where that is wanted. */
export function showEvents(
  session: Session,
  what: string,
  { json }: { json?: boolean | string | undefined },
): ProgressDisplay {
  const { terminal } = session;
  const display = terminal.progress(what);
  if (!json) return display;
  const toJson = jsonEvents((text) => terminal.data(text));
  session.onFailure = (reason) => {
    try {
      toJson.fail(reason);
    } catch { /* standard output takes nothing: standard error tells, and the exit code */ }
  };
  const onEvent: OnEvent = (event) => {
    display.onEvent(event);
    toJson.onEvent(event);
  };
  return { ...display, onEvent };
}

/** How a command that moves bytes speaks of that. */
interface Moving<F> {
  /** What is going on, as in `storing disk.img`. */
  moving?: (flags: F) => string;
  /** The hint after an interruption: how to go on; `undefined` where there is nothing to go on with. */
  kept?: (flags: F) => string | undefined;
}

/** Wraps the work of a command on a repository, with the progress of what it moves. */
export function storeAction<F extends RepositoryFlags & { json?: boolean | string | undefined }>(
  doing: (flags: F) => string,
  work: (session: StoreSession, flags: F) => Promise<void>,
  { moving, kept = () => GO_ON }: Moving<F> = {},
): (flags: F, parsed: Parsed) => Promise<void> {
  return action(doing, async (session, flags) => {
    const { terminal, signal } = session;
    using display = showEvents(session, moving?.(flags) ?? "", { json: moving && flags.json });
    const { onEvent } = display;
    const saved: StoreSession["saved"] = (size, moved) => savedPart(display.saved(), size, moved);
    using store = await openNamedStore(flags, onEvent);
    try {
      await work({ terminal, signal, store, onEvent, saved }, flags);
    } catch (error) {
      throw error instanceof InterruptedError && moving ? new InterruptedError(kept(flags)) : error;
    }
  });
}

function savedPart(saved: number, size: number, moved: "sent" | "fetched"): string {
  if (saved <= 0) return "";
  return saved < size ? `; ${formatSize(saved)} did not have to be ${moved}` : `; nothing had to be ${moved}`;
}
