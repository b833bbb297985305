/** When a failed request is made again, and after how long: one pure policy, and the loop that follows it. @module */
import type { Clock } from "./clock.ts";
import { NotAllowedError, RegistryError } from "../errors.ts";
import type { OnEvent } from "../events.ts";
import { type Bounds, TIME } from "../arguments.ts";
import { inWords } from "../messages.ts";

/**
 * How often and how patiently requests are made again. All times are in milliseconds.
 *
 * @category Stores
 */
export interface RetryPolicy {
  /** Attempts in all, as long as none of them makes progress. */
  attempts: number;
  /** The upper end of the first wait; each further one is twice as long. */
  firstWait: number;
  /** The upper end of every wait. */
  longestWait: number;
  /** The longest `Retry-After` that is waited for; a longer one ends the attempts. */
  longestRetryAfter: number;
  /**
   * For how long a host that has answered before may give no answer at all, as while a network is down: no number of
   * attempts ends the wait before. It does not count where `attempts` is 1.
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

/** What the numbers of a policy may be. */
export const POLICY_NUMBERS: Record<keyof RetryPolicy, Bounds> = {
  attempts: { least: 1 },
  firstWait: TIME,
  longestWait: TIME,
  longestRetryAfter: TIME,
  longestOutage: TIME,
};

/**
 * How long to wait before the next attempt; `undefined` = give up. Full jitter: any time up to twice the last
 * upper end, so that clients that failed together do not come back together. `away` says for how many milliseconds
 * there has been no answer at all.
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

/** How patient one is, and by which clock. */
export interface Patience {
  /** How often, and how long apart. */
  policy: RetryPolicy;
  /** Time. */
  clock: Clock;
  /** Told of each wait. */
  onEvent?: OnEvent | undefined;
}

/** What the retry loop needs from around it. */
export interface RetryContext extends Patience {
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
  let silentSince: number | undefined;
  for (let count = 1;; count++) {
    const { clock } = context();
    const began = clock.now();
    try {
      return await attempt();
    } catch (error) {
      silentSince = gaveNoAnswer(error) ? silentSince ?? began : undefined;
      const away = silentSince === undefined ? undefined : clock.now() - silentSince;
      await waitToRetry(context(), what, count, error, away);
    }
  }
}

function gaveNoAnswer(error: unknown): boolean {
  return error instanceof RegistryError && error.status === 0;
}

/** Errors on which a loop has given up: a loop around it does not begin all over again. */
const givenUp = new WeakSet<Error>();

/** Whether a loop has given up on an error: no attempt is to be made after it. */
export function isGivenUp(error: unknown): boolean {
  return error instanceof Error && givenUp.has(error);
}

/** Waits as the policy says, or throws the error on where another attempt makes no sense. */
export async function waitToRetry(
  context: RetryContext,
  what: string,
  attempt: number,
  error: unknown,
  away?: number,
): Promise<void> {
  const { policy, clock, onEvent, signal } = context;
  signal?.throwIfAborted();
  if (!(error instanceof RegistryError) || !error.transient || givenUp.has(error)) throw error;
  const { retryAfter } = error;
  const delay = retryDelay(policy, { attempt, retryAfter, away, random: clock.random() });
  if (delay === undefined) throw lastWord(error, policy);
  onEvent?.({ type: "retry", what, attempt, delay, reason: reasonOf(error, what) });
  await clock.sleep(delay, signal);
}

/** Why an attempt failed, without what was asked for: that is told beside it. */
function reasonOf({ message }: RegistryError, what: string): string {
  return message.replace(`, at the request for ${what}`, "").replace(` to the request for ${what}`, "");
}

/** What an error comes to when no other attempt is made. */
function lastWord(error: RegistryError, { longestRetryAfter }: RetryPolicy): Error {
  const { message, status, codes, retryAfter = 0, cause } = error;
  if (status === 401) {
    return new NotAllowedError(`${message}, each time anew`, {
      hint: "the registry takes none of the tokens that its own token server gives",
      cause: error,
    });
  }
  givenUp.add(error);
  if (retryAfter <= longestRetryAfter) return error;
  const until = new Date(Date.now() + retryAfter).toISOString().slice(0, 16).replace("T", " ");
  return new RegistryError(`${message}; it wants to be left alone for ${inWords(retryAfter)}`, {
    status,
    codes,
    retryAfter,
    cause,
    hint: `come back after ${until} UTC: what is there already is not sent again`,
  });
}
