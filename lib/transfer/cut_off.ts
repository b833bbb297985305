/** Advice for uploads that never get through. @module */
import { RegistryError } from "../errors.ts";

/** The error of an upload, with advice if its connection broke at every attempt: something may cut off what takes long. */
export function withCutOffHint(error: unknown, advice: string): unknown {
  if (!(error instanceof RegistryError) || !error.givenUp || error.status !== 0) return error;
  const { hint = "check the network" } = error;
  return error.with({ hint: `${hint}; if something on the way cuts off what takes long, use ${advice}` });
}
