/** Sizes and durations as people write and read them. @module */
import { InvalidInputError } from "../../errors.ts";
import { roundedSize } from "../../messages.ts";

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

/** Whether sizes are shown in powers of 1024. A process runs one command, and shows all sizes alike. */
let binary = false;

/** Shows sizes from now on in the units of a size that the user has typed: `64MiB` is a power of 1024. */
export function showSizesLike(text: string): void {
  binary ||= /ib\s*$/i.test(text);
}

/** A number of bytes as text, to three digits: `4.5 GB`, or `4.19 GiB` if the user thinks in powers of 1024. */
export function formatSize(bytes: number): string {
  return roundedSize(bytes, { binary });
}

/** A number of bytes as text that is as wide for every size, for numbers that change in place. */
export function paddedSize(bytes: number): string {
  return formatSize(bytes).padStart(binary ? 8 : 7);
}

/** How long something took, in seconds, as text: `0.2s`, `4.2s`, and from ten seconds on as `formatDuration` has it. */
export function formatElapsed(seconds: number): string {
  return seconds < 9.95 ? `${Math.max(0.1, seconds).toFixed(1)}s` : formatDuration(seconds * 1000);
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
