/** Retries: a policy that says when a failed request is made again, and the loop that follows it. @module */
import type { Clock } from "./clock.ts";
import { RegistryError } from "../errors.ts";
import type { OnEvent } from "../events.ts";
import { type Bounds, TIME } from "../arguments.ts";
import { inWords } from "../messages.ts";

/**
 * How often failed requests are made again, and after what waits. All times are in milliseconds.
 *
 * @category Stores
 */
export interface RetryPolicy {
  /** How many attempts are made in all. One that makes progress, such as bytes that arrive, starts the count again. */
  attempts: number;
  /** The upper limit of the first wait; it doubles with each attempt. */
  firstWait: number;
  /** The upper limit of every wait. */
  longestWait: number;
  /** The longest `Retry-After` that is waited for; a longer one ends the attempts. */
  longestRetryAfter: number;
  /**
   * For how long a host that has answered before may give no answer at all, as while a network is down. Attempts go on
   * until then, however many they are; not if `attempts` is 1.
   */
  longestOutage: number;
}

/**
 * Eight attempts within a minute, ten minutes without a network, and fifteen where the registry asks for them.
 *
 * @category Stores
 */
export const DEFAULT_RETRY_POLICY: Readonly<RetryPolicy> = {
  attempts: 8,
  firstWait: 500,
  longestWait: 60_000,
  longestRetryAfter: 15 * 60_000,
  longestOutage: 10 * 60_000,
};

/** The bounds of a policy's numbers. */
export const POLICY_NUMBERS: Record<keyof RetryPolicy, Bounds> = {
  attempts: { least: 1 },
  firstWait: TIME,
  longestWait: TIME,
  longestRetryAfter: TIME,
  longestOutage: TIME,
};

/**
 * How long to wait before the next attempt, in milliseconds; `undefined` = give up. Full jitter: the wait is a random part
 * of its upper limit, so that clients that failed together do not come back together. `away` says for how many
 * milliseconds there has been no answer at all.
 */
export function retryDelay(
  policy: RetryPolicy,
  failure: { attempt: number; retryAfter?: number | undefined; away?: number | undefined; random: number },
): number | undefined {
  const { attempt, away = Infinity } = failure;
  const outage = policy.attempts > 1 && away < policy.longestOutage;
  if (attempt >= policy.attempts && !outage) return undefined;
  const ceiling = Math.min(policy.longestWait, policy.firstWait * 2 ** (attempt - 1));
  const wait = ceiling * failure.random;
  if (failure.retryAfter === undefined) return wait;
  return failure.retryAfter > policy.longestRetryAfter ? undefined : Math.max(wait, failure.retryAfter);
}

/**
 * The policy for a host that has not answered yet: it is not waited for as long as one that has. Its name may be wrong.
 */
export function firstContact(policy: RetryPolicy): RetryPolicy {
  return { ...policy, attempts: Math.min(policy.attempts, FIRST_ATTEMPTS), longestOutage: 0 };
}

const FIRST_ATTEMPTS = 3;

/** What a loop of attempts goes by. */
export interface RetryContext {
  policy: RetryPolicy;
  clock: Clock;
  /** Receives each wait as a `retry` event. */
  onEvent?: OnEvent | undefined;
  /** Ends the wait. */
  signal?: AbortSignal | undefined;
}

/** An attempt that failed. */
export interface FailedAttempt {
  error: unknown;
  /** What was attempted, for messages: `chunk 3`, `the manifest disk-1`. */
  what: string;
  /** How many attempts in a row have failed by now, from 1. */
  attempt: number;
  /** For how many milliseconds there has been no answer at all; absent = it does not count. */
  away?: number | undefined;
}

/**
 * Makes attempts until one succeeds, fails for good, or the policy gives up.
 */
export async function retrying<T>(
  context: RetryContext,
  what: string,
  attempt: () => Promise<T>,
): Promise<T> {
  let silentSince: number | undefined;
  for (let count = 0;;) {
    const { clock } = context;
    const began = clock.now();
    try {
      return await attempt();
    } catch (error) {
      silentSince = gaveNoAnswer(error) ? silentSince ?? began : undefined;
      const away = silentSince === undefined ? undefined : clock.now() - silentSince;
      count = countAttempt(count, error);
      await waitToRetry(context, { error, what, attempt: count, away });
    }
  }
}

/**
 * How many attempts in a row have failed after one more, whose error this is. While a busy host takes other requests, this
 * one has to wait for its turn, and is not counted. The count does not begin again: a host that refuses and breaks off by
 * turns would be asked for ever.
 */
export function countAttempt(before: number, error: unknown): number {
  return error instanceof RegistryError && error.hostProceeds ? Math.max(1, before) : before + 1;
}

function gaveNoAnswer(error: unknown): boolean {
  return error instanceof RegistryError && error.status === 0;
}

/**
 * Waits until the next attempt may be made, and reports the wait.
 *
 * @throws the error of the attempt, if it is not transient, or the policy allows no more attempts. It is marked as given
 *   up then, so that no loop around this one begins again.
 */
export async function waitToRetry(context: RetryContext, failed: FailedAttempt): Promise<void> {
  const { clock, onEvent, signal } = context;
  const { error, what, attempt, away } = failed;
  signal?.throwIfAborted();
  if (!(error instanceof RegistryError) || !error.transient || error.givenUp) throw error;
  const { retryAfter } = error;
  const policy = error.firstContact ? firstContact(context.policy) : context.policy;
  const delay = retryDelay(policy, { attempt, retryAfter, away, random: clock.random() });
  if (delay === undefined) throw finalError(error, policy);
  onEvent?.({ type: "retry", what, attempt, delay, reason: reasonOf(error, what) });
  await clock.sleep(delay, signal);
}

/** Why an attempt failed. The event names what was attempted beside it, so the reason need not. */
function reasonOf({ message }: RegistryError, what: string): string {
  return message.replace(`, at the request for ${what}`, "").replace(` to the request for ${what}`, "");
}

/** The error after the last attempt. */
function finalError(error: RegistryError, { longestRetryAfter }: RetryPolicy): Error {
  const { message, retryAfter = 0 } = error;
  error.givenUp = true;
  if (retryAfter <= longestRetryAfter) return error;
  const until = new Date(Date.now() + retryAfter).toISOString().slice(0, 16).replace("T", " ");
  return error.with({
    message: `${message}; it asks for a pause of ${inWords(retryAfter)}`,
    hint: `come back after ${until} UTC: what already exists is not sent again`,
  });
}
