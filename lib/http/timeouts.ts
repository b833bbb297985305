/** Timeouts: how long a connection may be silent. @module */
import { type Bounds, TIME } from "../arguments.ts";

/**
 * How long a connection may be silent before a request fails, in milliseconds; `Infinity` = no limit. A connection that
 * moves bytes does not time out, however slow it is; only an answer that drips, with less than 1 KB/s on average after five
 * times `stall`, does.
 *
 * @category Stores
 */
export interface Timeouts {
  /** The time to connect, for bodies that stream. For other requests the time to the answer covers both. */
  connect: number;
  /**
   * The time between two bytes of a body, up or down. Waiting for a slow source does not count. Bodies of up to 1 MiB go up at
   * one go, and the time to the answer covers them.
   */
  stall: number;
  /** The time from the last byte of a request to its answer. */
  answer: number;
  /**
   * The time to the answer if the registry stores something first: a part of a blob, a manifest, or the blob that a cache
   * fetches before it gives it.
   */
  store: number;
  /** The time to the answer at the end of an upload: some registries copy or hash the whole blob (distribution on S3). */
  commit: number;
}

/**
 * The timeouts that apply unless others are set: a minute for an answer, half an hour for the end of an upload.
 *
 * @category Stores
 */
export const DEFAULT_TIMEOUTS: Readonly<Timeouts> = {
  connect: 15_000,
  stall: 60_000,
  answer: 60_000,
  store: 5 * 60_000,
  commit: 30 * 60_000,
};

/** The range of each timeout. */
export const TIMES: Record<keyof Timeouts, Bounds> = {
  connect: TIME,
  stall: TIME,
  answer: TIME,
  store: TIME,
  commit: TIME,
};

/** The longest time that a timer takes: with a longer one it would fire at once. */
export const LONGEST_TIMER: number = 2 ** 31 - 1;

/**
 * Waits for a promise. Rejects with the error of `late` if it takes too long, or with the signal's reason. The time is the
 * system's, as the network's is.
 */
export async function inTime<T>(
  waiting: Promise<T>,
  { milliseconds, late, signal }: {
    milliseconds: number;
    late: () => unknown;
    signal?: AbortSignal | undefined;
  },
): Promise<T> {
  const { promise: ended, reject } = Promise.withResolvers<never>();
  const stop = () => reject(signal?.reason);
  signal?.addEventListener("abort", stop);
  if (signal?.aborted) stop();
  const timer = setTimeout(() => reject(late()), Math.min(milliseconds, LONGEST_TIMER));
  try {
    return await Promise.race([waiting, ended]);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", stop);
  }
}
