/** When a failed request is made again, and after how long: one pure policy, and the loop that follows it. @module */
import { RegistryError } from "../errors.ts";
import type { OnEvent } from "../events.ts";

/** How often and how patiently requests are made again. All times are in milliseconds. */
export interface RetryPolicy {
  /** Attempts in all, as long as none of them makes progress. */
  attempts: number;
  /** The upper end of the first wait; each further one is twice as long. */
  firstWait: number;
  /** The upper end of every wait. */
  longestWait: number;
  /** The longest `Retry-After` that is waited for; a longer one ends the attempts. */
  longestRetryAfter: number;
}

/** Eight attempts over some two minutes, and up to fifteen minutes where the registry asks for them. */
export const DEFAULT_POLICY: RetryPolicy = {
  attempts: 8,
  firstWait: 500,
  longestWait: 60_000,
  longestRetryAfter: 15 * 60_000,
};

/** Time and chance, as the outside gives them. */
export interface Clock {
  /** Milliseconds that only ever grow; no wall clock, which may be set while a transfer runs. */
  now(): number;
  /** Waits, or rejects with the signal's reason. */
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>;
  /** From 0 up to, and not with, 1. */
  random(): number;
}

/** The system's time. */
export const systemClock: Clock = {
  now: () => performance.now(),
  random: Math.random,
  async sleep(milliseconds, signal) {
    signal?.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, milliseconds);
    const end = () => reject(signal?.reason);
    signal?.addEventListener("abort", end);
    try {
      await promise;
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", end);
    }
  },
};

/**
 * How long to wait before the next attempt; `undefined` = give up. Full jitter: any time up to twice the last
 * upper end, so that clients that failed together do not come back together.
 */
export function retryDelay(
  policy: RetryPolicy,
  failure: { attempt: number; retryAfter?: number | undefined; random: number },
): number | undefined {
  if (failure.attempt >= policy.attempts) return undefined;
  const ceiling = Math.min(policy.longestWait, policy.firstWait * 2 ** (failure.attempt - 1));
  const wait = ceiling * failure.random;
  if (failure.retryAfter === undefined) return wait;
  return failure.retryAfter > policy.longestRetryAfter ? undefined : Math.max(wait, failure.retryAfter);
}

// 499 and 520 to 524 come from the proxies in front of registries (nginx, Cloudflare).
const TRANSIENT_STATUS = new Set([408, 425, 429, 499, 500, 502, 503, 504, 520, 521, 522, 523, 524]);
const TRANSIENT_CODES = new Set(["TOOMANYREQUESTS", "UNAVAILABLE", "UNKNOWN"]);

/** Whether an answer says that the same request may well succeed a little later. */
export function isTransientAnswer(status: number, codes: readonly string[]): boolean {
  return TRANSIENT_STATUS.has(status) || codes.some((code) => TRANSIENT_CODES.has(code));
}

/** The wait that a `Retry-After` header asks for: seconds or a date (RFC 9110, 10.2.3). */
export function parseRetryAfter(value: string | null, wallClock: number = Date.now()): number | undefined {
  if (value === null) return undefined;
  if (/^\s*\d+\s*$/.test(value)) return Number(value) * 1000;
  const date = /\bGMT\s*$/.test(value) ? Date.parse(value) : NaN; // Date.parse takes nearly anything
  return Number.isNaN(date) ? undefined : Math.max(0, date - wallClock);
}

/** How patient one is, and by which clock. */
export interface Patience {
  /** How often, and how long apart. */
  policy: RetryPolicy;
  /** Time. */
  clock: Clock;
}

/** What the retry loop needs from around it. */
export interface RetryContext extends Patience {
  onEvent?: OnEvent | undefined;
  signal?: AbortSignal | undefined;
}

/**
 * Makes attempts until one succeeds, fails for good, or the policy gives up. Each wait is an event. The context is
 * asked for after each failure: patience may grow with what was learned meanwhile.
 */
export async function retrying<T>(
  context: () => RetryContext,
  what: string,
  attempt: () => Promise<T>,
): Promise<T> {
  for (let count = 1;; count++) {
    try {
      return await attempt();
    } catch (error) {
      await waitToRetry(context(), what, count, error);
    }
  }
}

/** Waits as the policy says, or throws the error on where another attempt makes no sense. */
export async function waitToRetry(
  context: RetryContext,
  what: string,
  attempt: number,
  error: unknown,
): Promise<void> {
  const { policy, clock, onEvent, signal } = context;
  signal?.throwIfAborted();
  if (!(error instanceof RegistryError) || !error.transient) throw error;
  const delay = retryDelay(policy, { attempt, retryAfter: error.retryAfter, random: clock.random() });
  if (delay === undefined) throw error;
  onEvent?.({ type: "retry", what, attempt, delay, reason: error.message });
  await clock.sleep(delay, signal);
}
