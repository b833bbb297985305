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

/** `1 chunk`, `3 chunks`, `2 directories`. */
export function counted(count: number, noun: string): string {
  return `${count} ${count === 1 ? noun : `${noun.replace(/y$/, "ie")}s`}`;
}

/** What a registry says, fit for a terminal: no control character could be told from one of ours. */
export function printable(text: string): string {
  return text.replace(/\p{Cc}+/gu, " ").trim();
}

/** A time for people, as in `90 seconds`, `15 minutes` or `6 hours`. */
export function inWords(milliseconds: number): string {
  const [size, unit] =
    [[3_600_000, "hours"], [60_000, "minutes"]].find(([size]) => milliseconds >= 2 * Number(size)) ??
      [1000, "seconds"];
  const count = milliseconds / Number(size);
  return `${count < 2 ? Number(count.toPrecision(2)) : Math.ceil(count)} ${unit}`;
}
