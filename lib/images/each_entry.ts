/** Works through the entries of an extraction, and says at which it failed. @module */
import { join } from "node:path";
import { Pace } from "../async/pace.ts";
import { writeError } from "../content/file_errors.ts";
import { ConflictError, LayerstashError } from "../errors.ts";

/** How entries are worked through. */
export interface EachEntryOptions {
  /** The directory that they are extracted to. */
  target: string;
  /** Ends the work before the next entry. */
  signal?: AbortSignal | undefined;
}

/** Does something for each entry until the signal aborts. Errors say which entry it was. */
export async function forEachEntry<E extends { path: string }>(
  entries: Iterable<E>,
  { target, signal }: EachEntryOptions,
  action: (entry: E) => unknown,
): Promise<void> {
  const pace = new Pace(signal);
  for (const entry of entries) {
    signal?.throwIfAborted();
    if (pace.isPauseDue) await pace.pause();
    try {
      action(entry);
    } catch (error) {
      throw placementError(error, join(target, entry.path));
    }
  }
}

function placementError(error: unknown, path: string): unknown {
  if (error instanceof LayerstashError) return error;
  if (error instanceof Deno.errors.AlreadyExists) {
    return new ConflictError(`${path} already exists`, {
      hint: "extract to another directory",
      cause: error,
    });
  }
  return writeError(error, path);
}
