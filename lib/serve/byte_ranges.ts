/** Reads the header `Range` of a request (RFC 9110, section 14). @module */
import type { ByteRange } from "../content/source.ts";
import { isRangeWanted, type Version } from "./conditions.ts";

/** The most ranges that one answer has. More of them are no use to anybody but an attacker. */
const MOST_RANGES = 32;

/**
 * The ranges that a request asks for. `undefined` = all bytes are the answer, because the header is absent, malformed or of
 * another unit, or asks for more than the whole; because the client has a part of another version; or because there are none,
 * of which no range could be given. Empty = none of the ranges is within the bytes.
 */
export function rangesOf(
  { method, headers }: Request,
  { size, ...version }: Version & { size: number },
): ByteRange[] | undefined {
  if (method !== "GET" || size === 0) return undefined; // the header says nothing to any other method
  if (!isRangeWanted(headers, version)) return undefined;
  const [, list] = /^bytes=(.+)$/i.exec(headers.get("range") ?? "") ?? [];
  const specs = list?.split(",").map((each) => each.trim()).filter((each) => each !== "");
  if (!specs || specs.length === 0 || specs.length > MOST_RANGES) return undefined;
  const ranges: ByteRange[] = [];
  for (const spec of specs) {
    const [, first, last] = /^(\d*)-(\d*)$/.exec(spec) ?? [];
    if (first === undefined || first + last === "" || first && last && Number(last) < Number(first)) {
      return undefined;
    }
    const range = first === ""
      ? { start: Math.max(0, size - Number(last)), end: size }
      : { start: Number(first), end: last ? Math.min(size, Number(last) + 1) : size };
    if (range.start < range.end) ranges.push(range);
  }
  const wanted = ranges.reduce((sum, { start, end }) => sum + end - start, 0);
  return wanted > size ? undefined : ranges;
}

/** The value of the header `Content-Range`. */
export function contentRange({ start, end }: ByteRange, size: number): string {
  return `bytes ${start}-${end - 1}/${size}`;
}
