/** Notices when a thread ends by itself, and tells why. @module */
import { fileURLToPath } from "node:url";
import { LayerstashError, NotAllowedError } from "../errors.ts";

/** What a thread is called in errors. */
export interface ThreadName {
  /** Its work, such as `hashing`. */
  work: string;
  /** Its program. */
  file: URL;
}

/**
 * Reports that a thread could not be started, or has thrown what its own code does not catch: it does nothing any more.
 *
 * @param report gets the error, and what Deno says of the failure
 */
export function onThreadEnd(
  worker: Worker,
  name: ThreadName,
  report: (error: LayerstashError, message: string) => void,
): void {
  worker.onerror = (event) => {
    event.preventDefault();
    report(threadError(event.message, name), event.message);
  };
}

/** The error for a thread that has ended. It may have lacked the right to read its own program. */
function threadError(message: string, { work, file }: ThreadName): LayerstashError {
  if (!message.includes("read access")) return new LayerstashError(`the ${work} thread failed: ${message}`);
  return new NotAllowedError(
    `the ${work} thread may not be started: it needs to read its own program file`,
    { hint: `run it with --allow-read=${fileURLToPath(file)} in addition` },
  );
}
