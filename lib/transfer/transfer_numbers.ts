/** The numbers that the verbs take. @module */
import { type Bounds, BYTES, checkNumbers } from "../oci/numbers.ts";

/** How many requests may run at once: registries count them, and each has buffers of its own. */
export const JOBS = { least: 1, most: 64, whole: true } as const satisfies Bounds;

/** What a verb may take of them. */
export interface TransferNumbers {
  jobs?: number | undefined;
  chunkSize?: number | undefined;
  partSize?: number | undefined;
}

/**
 * Checks those that are given.
 *
 * @throws {InvalidInputError} when one cannot be
 */
export function checkTransfer(options: TransferNumbers): void {
  checkNumbers(options, { jobs: JOBS, chunkSize: BYTES, partSize: BYTES });
}
