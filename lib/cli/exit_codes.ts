/** The exit codes: stable, so that scripts can tell what happened. @module */
import { LayerstashError } from "../errors.ts";
import { OutputClosedError } from "./terminal/standard_streams.ts";

/** The user, or the system, asked to stop. */
export class InterruptedError extends Error {
  /** @param hint how to go on */
  constructor(readonly hint?: string) {
    super("interrupted");
    this.name = "InterruptedError";
  }
}

/** Exit codes by what happened. */
export const EXIT_CODES = {
  done: 0,
  failed: 1,
  usage: 2,
  "not-found": 3,
  "not-allowed": 4,
  mismatch: 5,
  conflict: 6,
  interrupted: 130,
  "output-closed": 141, // as shells have it for SIGPIPE
} as const;

/** The exit code of what a command ended with. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof LayerstashError) return EXIT_CODES[error.kind];
  if (error instanceof InterruptedError) return EXIT_CODES.interrupted;
  if (error instanceof OutputClosedError) return EXIT_CODES["output-closed"];
  if (error instanceof Deno.errors.NotCapable || error instanceof Deno.errors.PermissionDenied) {
    return EXIT_CODES["not-allowed"];
  }
  return EXIT_CODES.failed;
}
