/** How a command runs: it gets a session to work with, and its errors become a message and an exit code. @module */
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { ConflictError, type ErrorKind, LayerstashError } from "../errors.ts";
import type { OnEvent } from "../events.ts";
import { type Address, hintOfFile } from "../oci/address.ts";
import type { Store } from "../store/store.ts";
import {
  type ConnectionFlags,
  openNamedStore,
  openTerminal,
  permissionError,
  type RepositoryFlags,
  warnOfUnsafe,
} from "./connection.ts";
import { correctedLine, withFlag } from "./corrected_line.ts";
import { CommandEnded, exitCodeOf, InterruptedError } from "./exit_codes.ts";
import type { ParsedCommand } from "./place.ts";
import { listenForInterrupt } from "./terminal/interrupt.ts";
import type { ProgressDisplay } from "./terminal/progress_display.ts";
import { hasMoved, type ProgressState } from "./terminal/progress_state.ts";
import type { Terminal } from "./terminal/terminal.ts";
import type { TransferTotals } from "./terminal/transfer_totals.ts";
import { jsonEvents } from "./text/json_lines.ts";

/** What every command works with. */
export interface Session {
  terminal: Terminal;
  /** Aborts when the user presses `Ctrl-C`. */
  signal: AbortSignal;
  /** Receives the error that ends the command, if `--json` reports it as an event. */
  onFailure?: (reason: unknown) => void;
  /** Says what is kept of a transfer that ends early; `undefined` if nothing is, or nothing had begun. */
  kept?: () => string | undefined;
}

/** What a command on a repository works with. */
export interface StoreSession extends Session {
  store: Store;
  /** Shows events as progress and log lines, and with `--json` as JSON. */
  onEvent: OnEvent;
  /** What the transfer came to until now. */
  totals: () => TransferTotals;
}

/** Wraps the work of a command that speaks to a registry. `doing` completes the sentence `cannot ...`. */
export function action<F extends ConnectionFlags>(
  doing: (flags: F) => string,
  work: (session: Session, flags: F) => Promise<void>,
  { safer, images = () => [] }: {
    /** What the warning of a typed password advises. */
    safer?: string;
    /** The images and addresses that the user has named. */
    images?: (flags: F) => readonly string[];
  } = {},
): (flags: F, parsed: ParsedCommand) => Promise<void> {
  return async (flags, parsed) => {
    using terminal = openTerminal(flags);
    using interrupt = listenForInterrupt();
    const session: Session = { terminal, signal: interrupt.signal };
    try {
      warnOfUnsafe(terminal, flags, (option) => parsed.getOptionValueSource(option) === "cli", safer);
      await work(session, flags);
    } catch (error) {
      if (error instanceof CommandEnded) throw error;
      terminal.keepProgress();
      const known = withOverwrite(
        error instanceof Deno.errors.NotCapable ? permissionError(error) : error,
        parsed,
      );
      const next = howToGoOn(session, known, parsed);
      const isInterrupted = known instanceof InterruptedError;
      const merged = next === undefined ? undefined : withNext(known, next);
      const reason = isInterrupted
        ? new InterruptedError(next)
        : merged ?? withFileHint(known, images(flags));
      session.onFailure?.(reason);
      terminal.fail(`cannot ${doing(flags)}`, reason);
      if (!isInterrupted && !merged && next !== undefined) terminal.hint(next);
      throw new CommandEnded(exitCodeOf(reason));
    }
  };
}

/**
 * What is kept of a transfer that ended early, and the command that goes on; `undefined` if the same command would fail again,
 * or begin anew.
 */
function howToGoOn({ kept }: Session, reason: unknown, parsed: ParsedCommand): string | undefined {
  if (reason instanceof LayerstashError && (reason.isLasting || !GOES_ON.has(reason.kind))) return undefined;
  const what = kept?.();
  return what && `${what}; go on with: ${correctedLine(parsed as CommandUnknownOpts, (words) => words)}`;
}

/** The end of a hint that says what `go on with` says better. */
const SAME_AGAIN = /(?: and|; then) run the same command again.*$/;

/** The error with one hint in the place of two that say to run the command again; `undefined` if its own does not. */
function withNext(error: unknown, next: string): LayerstashError | undefined {
  if (!(error instanceof LayerstashError) || !SAME_AGAIN.test(error.hint ?? "")) return undefined;
  return error.with({ hint: error.hint!.replace(SAME_AGAIN, () => `; ${next}`) });
}

/** Kinds of errors that another attempt may be spared. */
const GOES_ON: ReadonlySet<ErrorKind> = new Set<ErrorKind>(["failed", "not-allowed"]);

/** Adds the command that replaces what exists to the hint of a conflict that `--overwrite` ends. */
function withOverwrite(error: unknown, parsed: ParsedCommand): unknown {
  if (!(error instanceof ConflictError && error.isReplaceable)) return error;
  const line = correctedLine(parsed as CommandUnknownOpts, (words) => withFlag(words, "--overwrite"));
  return error.with({ hint: `${error.hint}: ${line}` });
}

/** Adds the way to name a file to the hint of an error, if an image has the name of one in the current directory. */
function withFileHint(error: unknown, images: readonly string[]): unknown {
  const hint = images.map(hintOfFile).find((each) => each !== undefined);
  if (hint === undefined || !(error instanceof LayerstashError)) {
    return error;
  }
  return error.with({ hint: error.hint === undefined ? hint : `${error.hint}; ${hint}` });
}

/** What is going on while something is done: `removing disk` for `remove disk`. */
export function inProgress(doing: string): string {
  return doing.replace(
    /^\w+/,
    (verb) => `${verb === "set" || verb === "get" ? `${verb}t` : verb.replace(/e$/, "")}ing`,
  );
}

/**
 * Shows events as progress and log lines, and with `--json` as JSON on standard output. `kept` says what is kept if the
 * command is interrupted, or fails when bytes had moved.
 */
export function showEvents(
  session: Session,
  what: string,
  { json, kept }: {
    json?: boolean | string | undefined;
    kept?: ((progress: ProgressState) => string | undefined) | undefined;
  },
): ProgressDisplay {
  const { terminal, signal } = session;
  const display = terminal.progress(what);
  session.kept = () => {
    const state = display.state();
    return signal.aborted || hasMoved(state) ? kept?.(state) : undefined;
  };
  if (!json) return display;
  const toJson = jsonEvents((text) => terminal.data(text));
  session.onFailure = (reason) => {
    try {
      toJson.fail(reason);
    } catch { /* standard output is closed: standard error and the exit code report the failure */ }
  };
  const onEvent: OnEvent = (event) => {
    display.onEvent(event);
    toJson.onEvent(event);
  };
  return { ...display, onEvent };
}

/** What a command that moves bytes says about that. */
export interface MovingOptions<F> {
  /** What is going on, as in `storing disk.img`. */
  moving?: (flags: F) => string;
  /** What is kept when the command is interrupted, or fails in the middle; `undefined` if nothing is. */
  kept?: (flags: F, progress: ProgressState) => string | undefined;
}

/** Wraps the work of a command on a repository, and shows the progress of what it moves. */
export function storeAction<
  F extends RepositoryFlags & { json?: boolean | string | undefined; address?: Address | undefined },
>(
  doing: (flags: F) => string,
  work: (session: StoreSession, flags: F) => Promise<void>,
  { moving, kept }: MovingOptions<F> = {},
): (flags: F, parsed: ParsedCommand) => Promise<void> {
  return action(doing, async (session, flags) => {
    const { terminal, signal } = session;
    using display = showEvents(session, moving?.(flags) ?? inProgress(doing(flags)), {
      json: moving && flags.json,
      kept: (progress) => kept?.(flags, progress),
    });
    const { onEvent, totals } = display;
    using store = await openNamedStore(flags, onEvent);
    await work({ terminal, signal, store, onEvent, totals }, flags);
  }, { images: ({ address }) => address ? [address.text] : [] });
}
