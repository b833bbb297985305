/** The exit codes. They never change, so that scripts can rely on them. @module */
import { LayerstashError } from "../errors.ts";
import { OutputClosedError } from "./terminal/standard_streams.ts";

/** The user or the system asked the program to stop. */
export class InterruptedError extends Error {
  /** @param hint how to go on */
  constructor(readonly hint?: string) {
    super("interrupted");
    this.name = "InterruptedError";
  }
}

/** Ends the program with an exit code. Everything has been printed already. */
export class CommandEnded extends Error {
  /** @param exitCode the exit code of the process */
  constructor(readonly exitCode: number) {
    super(`exit code ${exitCode}`);
  }
}

/** Exit codes by what happened: `done`, or the kind of the error. */
export const EXIT_CODES = {
  done: 0,
  failed: 1,
  usage: 2,
  "not-found": 3,
  "not-allowed": 4,
  mismatch: 5,
  conflict: 6,
  interrupted: 130,
  "output-closed": 141, // as shells report SIGPIPE
} as const;

/** Whether everything has been said about an error, or nothing is to be said. */
export function isSaid(error: unknown): boolean {
  return error instanceof CommandEnded || error instanceof OutputClosedError;
}

/** The exit code for the error that ended a command. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof LayerstashError) return EXIT_CODES[error.kind];
  if (error instanceof InterruptedError) return EXIT_CODES.interrupted;
  if (error instanceof OutputClosedError) return EXIT_CODES["output-closed"];
  if (error instanceof CommandEnded) return error.exitCode;
  if (error instanceof Deno.errors.NotCapable || error instanceof Deno.errors.PermissionDenied) {
    return EXIT_CODES["not-allowed"];
  }
  return EXIT_CODES.failed;
}
