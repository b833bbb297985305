/** Huffman codes as DEFLATE has them: from how often symbols occur to the bits of each (RFC 1951, 3.2.2). @module */

/** The most symbols of an alphabet. */
const MOST_SYMBOLS = 288;
/** The longest code of all, in bits. */
const LONGEST = 15;
/** A number holds how often a symbol occurs, times this, and the symbol. */
const SYMBOLS = 512;

/** The leaves of a tree by their weights, and after them its inner nodes. They are filled anew for each code. */
const weights = new Uint32Array(2 * MOST_SYMBOLS);
const parents = new Uint16Array(2 * MOST_SYMBOLS);
const depths = new Uint8Array(2 * MOST_SYMBOLS);
/** The symbols that occur, each after its frequency in one number. */
const keys = new Uint32Array(MOST_SYMBOLS);
/** How many symbols have each length, and the next code of each. */
const counts = new Uint16Array(LONGEST + 1);
const next = new Uint16Array(LONGEST + 1);

/** The code of an alphabet. */
export class HuffmanCode {
  /** How many bits each symbol has; 0 = it does not occur. */
  readonly lengths: Uint8Array;
  /** The bits of each symbol, the first in the lowest place. */
  readonly bits: Uint16Array;

  /** @param symbols how many there are */
  constructor(symbols: number) {
    this.lengths = new Uint8Array(symbols);
    this.bits = new Uint16Array(symbols);
  }

  /** The code with these lengths. */
  static of(lengths: ArrayLike<number>): HuffmanCode {
    const code = new HuffmanCode(lengths.length);
    code.lengths.set(lengths);
    code.spell();
    return code;
  }

  /**
   * Gives the symbols the lengths of the shortest code, if they occur so often; nearly the shortest, where that would have
   * more than `longest` bits for some. Two symbols at least have a length: some programs take no fewer.
   */
  fit(frequencies: Uint32Array, longest: number): void {
    const used = sortSymbols(frequencies);
    buildTree(used);
    shorten(used, longest);
    this.lengths.fill(0);
    for (let place = 0, length = longest; place < used; place++) {
      while (counts[length] === 0) length--;
      counts[length]!--;
      this.lengths[keys[place]! % SYMBOLS] = length;
    }
  }

  /** How many bits so many symbols take. */
  cost(frequencies: Uint32Array): number {
    let sum = 0;
    for (let symbol = 0; symbol < frequencies.length; symbol++) {
      sum += frequencies[symbol]! * this.lengths[symbol]!;
    }
    return sum;
  }

  /** Gives the symbols the bits that follow from the lengths: those of one length are consecutive numbers. */
  spell(): void {
    const { lengths, bits } = this;
    counts.fill(0);
    for (let symbol = 0; symbol < lengths.length; symbol++) counts[lengths[symbol]!]!++;
    for (let length = 1, code = 0; length <= LONGEST; length++) {
      next[length] = code;
      code = code + counts[length]! << 1;
    }
    for (let symbol = 0; symbol < lengths.length; symbol++) {
      const length = lengths[symbol]!;
      if (length > 0) bits[symbol] = reversed(next[length]!++) >>> 16 - length;
    }
  }
}

/** Sixteen bits in the other order. */
function reversed(bits: number): number {
  const pairs = (bits & 0xaaaa) >> 1 | (bits & 0x5555) << 1;
  const fours = (pairs & 0xcccc) >> 2 | (pairs & 0x3333) << 2;
  const bytes = (fours & 0xf0f0) >> 4 | (fours & 0x0f0f) << 4;
  return bytes >> 8 | (bytes & 0xff) << 8;
}

/** Puts the symbols that occur into `keys`, the rarest first; where these are fewer than two, others too. Returns their number. */
function sortSymbols(frequencies: Uint32Array): number {
  let used = 0;
  for (let symbol = 0; symbol < frequencies.length; symbol++) {
    if (frequencies[symbol]! > 0) keys[used++] = frequencies[symbol]! * SYMBOLS + symbol;
  }
  for (let symbol = 0; used < 2; symbol++) if (frequencies[symbol] === 0) keys[used++] = symbol;
  keys.subarray(0, used).sort();
  return used;
}

/** Joins the two lightest trees until there is one, and finds how deep its leaves are. */
function buildTree(used: number): void {
  for (let place = 0; place < used; place++) weights[place] = keys[place]! / SYMBOLS;
  const root = 2 * used - 2;
  let [leaf, inner] = [0, used];
  for (let next = used; next <= root; next++) {
    weights[next] = 0;
    for (let child = 0; child < 2; child++) {
      const isLeaf = leaf < used && (inner >= next || weights[leaf]! <= weights[inner]!);
      const lightest = isLeaf ? leaf++ : inner++;
      weights[next]! += weights[lightest]!;
      parents[lightest] = next;
    }
  }
  depths[root] = 0;
  for (let node = root - 1; node >= 0; node--) depths[node] = depths[parents[node]!]! + 1;
}

/** Counts the leaves of each depth, and moves those that are too deep up, for which others move down. */
function shorten(used: number, longest: number): void {
  counts.fill(0);
  for (let leaf = 0; leaf < used; leaf++) counts[Math.min(depths[leaf]!, longest)]!++;
  let room = 1 << longest;
  for (let length = 1; length <= longest; length++) room -= counts[length]! << longest - length;
  for (; room < 0; room++) {
    let length = longest - 1;
    while (counts[length] === 0) length--;
    counts[length]!--;
    counts[length + 1]! += 2;
    counts[longest]!--;
  }
}
