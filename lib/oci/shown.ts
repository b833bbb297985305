/** How a message shows what was given: without types that may be anything. @module */

/** More than this, in characters, is no name: its beginning is shown. */
const LONGEST_SHOWN = 255;

/** A name in quotes; of anything else what it is. */
export function quoted(value: unknown): string {
  if (typeof value === "string") {
    return `"${value.length > LONGEST_SHOWN ? `${value.slice(0, LONGEST_SHOWN)}...` : value}"`;
  }
  return ["object", "function", "symbol"].includes(typeof value) ? kindOf(value) : String(value);
}

/** What a value is, without itself, as in `a string`, `an ArrayBuffer` or `undefined`. */
export function kindOf(value: unknown): string {
  if (value === undefined || value === null) return String(value);
  const kind = typeof value === "object" ? value.constructor?.name || "object" : typeof value;
  return `${/^[aeio]/i.test(kind) ? "an" : "a"} ${kind}`;
}
