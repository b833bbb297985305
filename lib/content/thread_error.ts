/** Tells why a thread could not be started. @module */
import { fileURLToPath } from "node:url";
import { NotAllowedError } from "../errors.ts";

/**
 * The error for a thread that may not read its own program file; `undefined` if it failed for another reason.
 *
 * @param message what Deno says of the failure
 * @param about `thread` is its work, such as `hashing`, and `file` its program
 */
export function forbiddenThread(
  message: string,
  { thread, file }: { thread: string; file: URL },
): NotAllowedError | undefined {
  if (!message.includes("read access")) return undefined;
  return new NotAllowedError(
    `the ${thread} thread may not be started: it needs to read its own program file`,
    { hint: `run it with --allow-read=${fileURLToPath(file)} in addition` },
  );
}
