/** Tells from an answer whether the same request may succeed later, and after what wait. @module */
import { BUSY } from "../oci/error_codes.ts";

// 499 and 520 to 524 come from the proxies in front of registries (nginx, Cloudflare).
const TRANSIENT_STATUS = new Set([408, 425, 429, 499, 500, 502, 503, 504, 520, 521, 522, 523, 524]);

/** Whether an answer says that the same request may well succeed a little later. */
export function isTransientAnswer(status: number, codes: readonly string[]): boolean {
  return TRANSIENT_STATUS.has(status) || codes.some((code) => BUSY.has(code));
}

/** Whether an answer says that the host is too busy, or that it has been asked too often. */
export function isBusyAnswer(status: number): boolean {
  return status === 429 || status === 503;
}

/**
 * Whether an answer is one that a call ends with. After a redirect or a demand to sign in the call goes on: a host that then
 * refuses it has not taken it.
 */
export function endsCall(status: number): boolean {
  return status < 300 || status >= 400 && status < 500 && status !== 401;
}

/**
 * The wait that a `Retry-After` header asks for: seconds or a date (RFC 9110, 10.2.3). A date is compared with the
 * answer's own: the clock of this machine may be wrong.
 */
export function retryAfterOf(headers: Headers): number | undefined {
  const value = headers.get("retry-after");
  if (value === null) return undefined;
  if (/^\s*\d+\s*$/.test(value)) return Math.min(Number(value) * 1000, LONGEST_ASKED);
  const until = parseDate(value);
  if (until === undefined) return undefined;
  return Math.min(LONGEST_ASKED, Math.max(0, until - (parseDate(headers.get("date")) ?? Date.now())));
}

/** The longest wait that is taken from a header. A year is as good as never, and a later date could not be formatted. */
const LONGEST_ASKED = 365 * 24 * 3600_000;

/** Parses a date of HTTP, which ends with GMT. `Date.parse` alone accepts nearly anything. */
function parseDate(value: string | null): number | undefined {
  const date = /\bGMT\s*$/.test(value ?? "") ? Date.parse(value!) : NaN;
  return Number.isNaN(date) ? undefined : date;
}
