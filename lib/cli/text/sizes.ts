/** Sizes and durations as people write and read them. @module */
import prettyBytes from "pretty-bytes";
import { InvalidInputError } from "../../errors.ts";

const UNITS: ReadonlyMap<string, bigint> = new Map([
  ["", 1n],
  ["b", 1n],
  ...["k", "m", "g", "t"].flatMap((letter, index) =>
    [
      [letter, 1000n ** BigInt(index + 1)],
      [`${letter}b`, 1000n ** BigInt(index + 1)],
      [`${letter}ib`, 1024n ** BigInt(index + 1)],
    ] as const
  ),
]);

const DURATION_UNITS = [["d", 86_400], ["h", 3600], ["m", 60], ["s", 1]] as const;

/**
 * Reads a size: bytes, or a number with a unit, in either case. `KB MB GB TB`, also without the B, are powers
 * of 1000, `KiB MiB GiB TiB` of 1024. Fractions of a byte are dropped.
 *
 * @returns the size in bytes
 * @throws {InvalidInputError} if the text is not a size, or the size is larger than `Number.MAX_SAFE_INTEGER`
 */
export function parseSize(text: string): number {
  const [, whole = "", fraction = "", unit = ""] = /^(\d+)(?:\.(\d+))?\s*([a-z]*)$/i.exec(text.trim()) ?? [];
  const factor = UNITS.get(unit.toLowerCase());
  if (whole === "" || factor === undefined || factor === 1n && fraction !== "") {
    throw new InvalidInputError(`"${text}" is not a size`, {
      hint: "use bytes or a number with a unit, such as 500MB or 4.5GiB",
    });
  }
  const bytes = BigInt(whole + fraction) * factor / 10n ** BigInt(fraction.length);
  if (bytes > Number.MAX_SAFE_INTEGER) throw new InvalidInputError(`the size "${text}" is too large`);
  return Number(bytes);
}

/** A number of bytes as text: `4.5 GiB`, to three digits, in powers of 1024. */
export function formatSize(bytes: number): string {
  return prettyBytes(bytes, { binary: true });
}

/** Milliseconds as text, in the two largest units: `45s`, `3m 20s`, `2h 5m`, `1d`. */
export function formatDuration(milliseconds: number): string {
  let seconds = Math.max(0, Math.round(milliseconds / 1000));
  const largest = DURATION_UNITS.findIndex(([, length]) => seconds >= length);
  if (largest < 0) return "0s";
  const parts: string[] = [];
  for (const [unit, length] of DURATION_UNITS.slice(largest, largest + 2)) {
    const count = Math.floor(seconds / length);
    if (count > 0) parts.push(`${count}${unit}`);
    seconds -= count * length;
  }
  return parts.join(" ");
}
