/** The header `Range` of a request (RFC 9110, section 14). @module */
import type { ByteRange } from "../content/source.ts";

/** The bytes that a request asks for; `unsatisfiable` if there are none of them, `undefined` if it wants all. */
export type RequestedRange = ByteRange | "unsatisfiable" | undefined;

/**
 * Reads one range: `bytes=2-5`, `bytes=2-` or `bytes=-4`. What is not understood, several ranges too, means all bytes: the
 * standard allows that.
 */
export function requestedRange(header: string | null, size: number): RequestedRange {
  const [, first = "", last = ""] = /^bytes=\s*(\d*)\s*-\s*(\d*)\s*$/i.exec(header ?? "") ?? [];
  if (first === "" && last === "") return undefined;
  if (first === "") return Number(last) === 0 || size === 0 ? "unsatisfiable" : lastBytes(Number(last), size);
  const [start, end] = [Number(first), last === "" ? size : Math.min(size, Number(last) + 1)];
  if (last !== "" && Number(last) < start) return undefined; // it is no range, and is to be ignored
  return start < size ? { start, end } : "unsatisfiable";
}

function lastBytes(count: number, size: number): ByteRange {
  return { start: Math.max(0, size - count), end: size };
}
