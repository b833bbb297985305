/** Range checks for numbers that callers pass. A part size of 0 would loop forever. @module */
import { InvalidInputError } from "./errors.ts";
import { quoted } from "./messages.ts";

/** The range of an argument. */
export interface Bounds {
  /** The smallest value. */
  least: number;
  /** The largest value; absent = any, even `Infinity`. */
  most?: number;
  /** Whether only whole numbers are allowed. */
  whole?: boolean;
  /** Whether `Infinity` is allowed beside the range: it means all, or no limit. */
  unlimited?: boolean;
}

/** A number of bytes, at least 1. */
export const BYTES: Bounds = { least: 1, most: Number.MAX_SAFE_INTEGER, whole: true };
/** The position of a byte, counted from 0. */
export const POSITION: Bounds = { least: 0, most: Number.MAX_SAFE_INTEGER, whole: true };
/** A duration, in whichever unit; `Infinity` = without end. */
export const TIME: Bounds = { least: 0 };

/**
 * Checks the arguments that have bounds. Absent ones are allowed.
 *
 * @throws {InvalidInputError} if one is not a number, or is out of range
 */
export function checkNumbers<N extends string>(
  given: { readonly [name in N]?: unknown },
  allowed: { readonly [name in N]?: Bounds },
): void {
  for (const [name, bounds] of Object.entries(allowed) as [N, Bounds][]) {
    const value = given[name];
    if (value === undefined || isWithin(value, bounds)) continue;
    throw new InvalidInputError(`${name} must be ${rangeInWords(bounds)}, not ${quoted(value)}`);
  }
}

function isWithin(value: unknown, { least, most = Infinity, whole = false, unlimited }: Bounds): boolean {
  if (unlimited && value === Infinity) return true;
  if (typeof value !== "number" || whole && !Number.isInteger(value)) return false;
  return value >= least && value <= most;
}

function rangeInWords({ least, most = Infinity, whole = false }: Bounds): string {
  const range = most < Number.MAX_SAFE_INTEGER ? `from ${least} to ${most}` : `of at least ${least}`;
  return `a ${whole ? "whole " : ""}number ${range}`;
}

/**
 * The default values, replaced by those that are given and not `undefined`.
 *
 * @throws {InvalidInputError} if a number is out of range
 */
export function withDefaults<T extends object>(
  usual: T,
  given: Partial<T> | undefined,
  allowed: { readonly [name in keyof T & string]?: Bounds },
): T {
  const defined = Object.entries(given ?? {}).filter(([, value]) => value !== undefined);
  const all: T = { ...usual, ...Object.fromEntries(defined) };
  checkNumbers<keyof T & string>(all, allowed);
  return all;
}
