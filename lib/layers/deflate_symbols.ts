/** The symbols with which DEFLATE writes lengths and distances (RFC 1951, 3.2.5). @module */

/** How far back what repeats may be, in bytes. */
export const WINDOW: number = 32 * 1024;
/** How many bytes at most are copied from there at once. */
export const LONGEST_MATCH = 258;
/** The symbol that ends a block, and the first that is a length. Those before them are bytes. */
export const [END_OF_BLOCK, FIRST_LENGTH] = [256, 257] as const;

/** The smallest number of each symbol, and how many bits follow it. */
interface Ranges {
  base: Uint16Array;
  extra: Uint8Array;
}

/** Lengths. The last symbol is the longest alone. */
export const LENGTHS: Ranges = makeRanges(29, { from: 3, plain: 8, alike: 4 });
LENGTHS.base[28] = LONGEST_MATCH;
LENGTHS.extra[28] = 0;
/** Distances. */
export const DISTANCES: Ranges = makeRanges(30, { from: 1, plain: 4, alike: 2 });

/** Ranges that follow each other. So many are one number; after them, so many each have the same number of bits. */
function makeRanges(
  count: number,
  { from, plain, alike }: { from: number; plain: number; alike: number },
): Ranges {
  const [base, extra] = [new Uint16Array(count), new Uint8Array(count)];
  for (let symbol = 0, next = from; symbol < count; symbol++) {
    extra[symbol] = symbol < plain ? 0 : Math.floor((symbol - plain) / alike) + 1;
    base[symbol] = next;
    next += 1 << extra[symbol]!;
  }
  return { base, extra };
}

const lengthSymbols = new Uint8Array(LONGEST_MATCH + 1);
for (const [symbol, base] of LENGTHS.base.entries()) lengthSymbols.fill(symbol, base);
/** By the distance less one, where that is below 256; the rest by its 128ths. */
const distanceSymbols = new Uint8Array(512);
for (const [symbol, base] of DISTANCES.base.entries()) distanceSymbols.fill(symbol, placeOfDistance(base));

function placeOfDistance(distance: number): number {
  return distance <= 256 ? distance - 1 : 256 + (distance - 1 >> 7);
}

/** The symbol of a length, counted from {@link FIRST_LENGTH}. */
export function symbolOfLength(length: number): number {
  return lengthSymbols[length]!;
}

/** The symbol of a distance. */
export function symbolOfDistance(distance: number): number {
  return distanceSymbols[placeOfDistance(distance)]!;
}
