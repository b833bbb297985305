/** What the system refuses, or Deno where it was not allowed. @module */
import { NotAllowedError } from "../errors.ts";

/** The error for what is refused, with a hint where it is Deno that refuses; `undefined` for every other error. */
export function denied(error: unknown, message: string): NotAllowedError | undefined {
  if (error instanceof Deno.errors.PermissionDenied) return new NotAllowedError(message, { cause: error });
  if (!(error instanceof Deno.errors.NotCapable)) return undefined;
  const [flag = "-A"] = /--allow-\w+/.exec(error.message) ?? [];
  return new NotAllowedError(message, { hint: `Deno has to allow it: ${flag}`, cause: error });
}
