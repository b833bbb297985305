/** Numbers of callers, checked where they come in: with one that cannot be, a loop would have no end. @module */
import { InvalidInputError } from "./errors.ts";
import { quoted } from "./messages.ts";

/** What a number may be. */
export interface Bounds {
  /** The smallest. */
  least: number;
  /** The largest; absent = any, also `Infinity`. */
  most?: number;
  /** Whether it has to be a whole one. */
  whole?: boolean;
  /** Whether `Infinity` will do, too: it means all, or no limit. */
  unlimited?: boolean;
}

/** So many bytes, and not none. */
export const BYTES: Bounds = { least: 1, most: Number.MAX_SAFE_INTEGER, whole: true };
/** Where a byte is, counted from 0. */
export const POSITION: Bounds = { least: 0, most: Number.MAX_SAFE_INTEGER, whole: true };
/** So long; `Infinity` = for ever. */
export const TIME: Bounds = { least: 0 };

/**
 * Checks the numbers that have bounds. One that is absent is no fault.
 *
 * @throws {InvalidInputError} when one cannot be
 */
export function checkNumbers<N extends string>(
  given: { readonly [name in N]?: unknown },
  allowed: { readonly [name in N]?: Bounds },
): void {
  for (const [name, bounds] of Object.entries(allowed) as [N, Bounds][]) {
    const value = given[name];
    if (value === undefined || isWithin(value, bounds)) continue;
    throw new InvalidInputError(`${name} cannot be ${quoted(value)}`, { hint: `use ${inWords(bounds)}` });
  }
}

function isWithin(value: unknown, { least, most = Infinity, whole = false, unlimited }: Bounds): boolean {
  if (unlimited && value === Infinity) return true;
  if (typeof value !== "number" || whole && !Number.isInteger(value)) return false;
  return value >= least && value <= most;
}

function inWords({ least, most = Infinity, whole = false }: Bounds): string {
  const end = most < Number.MAX_SAFE_INTEGER ? `to ${most}` : "on";
  return `a ${whole ? "whole " : ""}number from ${least} ${end}`;
}

/**
 * The usual values, and what was given in the place of some of them.
 *
 * @throws {InvalidInputError} when a number cannot be
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
