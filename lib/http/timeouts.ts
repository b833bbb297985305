/** How long a silent connection is waited for. @module */
import { type Bounds, TIME } from "../arguments.ts";

/**
 * For how long a connection may be silent before it is given up, in milliseconds; `Infinity` = for ever. A connection
 * that moves is never given up, however slow it is.
 *
 * @category Stores
 */
export interface Timeouts {
  /** Until there is a connection. What reads is not told when that is: there `answer` holds for both. */
  connect: number;
  /** While bytes are on their way, up or down, since the last one. Waiting for a slow source does not count. */
  stall: number;
  /** For the answer to a request, once its last byte is out. */
  answer: number;
  /** The same where the registry first stores what it was sent: a part of a blob, a manifest. */
  store: number;
  /** The same at the end of an upload: some registries copy or hash the whole blob first (distribution on S3). */
  commit: number;
}

/**
 * A minute for what is quick, and half an hour for the end of an upload.
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

/** What each of them may be. */
export const TIMES: Record<keyof Timeouts, Bounds> = {
  connect: TIME,
  stall: TIME,
  answer: TIME,
  store: TIME,
  commit: TIME,
};

/** The longest time that a timer takes: for a longer one it would ring at once. */
export const LONGEST_TIMER: number = 2 ** 31 - 1;

/**
 * What a promise gives; or, when it takes too long, the error that `late` makes; or the signal's reason. The time is
 * the system's: the network knows no other.
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
