/** What ails a registry that takes nothing. @module */
import { RegistryError } from "../errors.ts";

/** Makes a call that stores something; what it is refused with gets a hint where it has none. */
export async function storing<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    if (!(error instanceof RegistryError) || error.hint !== undefined) throw error;
    const { message, status, codes, transient, retryAfter, cause } = error;
    const hint = hintFor(status);
    throw hint ? new RegistryError(message, { status, codes, transient, retryAfter, cause, hint }) : error;
  }
}

function hintFor(status: number): string | undefined {
  if (status === 405) return "the registry may be read-only: ask its owner";
  if (status < 500) return undefined;
  return "the registry itself fails, its disk may be full: ask its owner; then the same command goes on";
}
