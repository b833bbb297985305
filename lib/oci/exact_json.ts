/** Parses JSON so that its numbers can be written again as they were. @module */

/** What JavaScript engines have, and TypeScript does not declare yet (the proposal "JSON.parse source text access"). */
interface SourceTextAccess {
  parse(text: string, revive: (key: string, value: unknown, context: { source: string }) => unknown): unknown;
  rawJSON(text: string): unknown;
}

const { parse, rawJSON } = JSON as unknown as SourceTextAccess;

/**
 * Parses JSON. A number that `JSON.stringify` would write in another way, such as one over 2^53 or `1.0`, becomes an object
 * that it writes as it was.
 *
 * @throws {SyntaxError} if the text is not JSON
 *
 * @example
 * ```ts
 * import { parseExactly } from "./exact_json.ts";
 *
 * const text = '{"limit":9223372036854775807,"size":5}';
 * if (JSON.stringify(parseExactly(text)) !== text) throw new Error("a number was changed");
 * ```
 */
export function parseExactly(text: string): unknown {
  return parse(
    text,
    (_key, value, { source }) =>
      typeof value === "number" && JSON.stringify(value) !== source ? rawJSON(source) : value,
  );
}
