/** Writes at the beginning of a block which codes it defines: their lengths, compressed in turn (RFC 1951, 3.2.7). @module */
import type { BitWriter } from "./bit_writer.ts";
import { HuffmanCode } from "./huffman.ts";

/** In which order the lengths of that code are written with which the lengths of the two others are. */
const ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15] as const;
/** The symbols for: the length before, again; and zeros, few and many. */
const [AGAIN, FEW_ZEROS, MANY_ZEROS] = [16, 17, 18];
/** How many bits follow a symbol, and what they count from. */
const [EXTRA, FROM] = [[2, 3, 7], [3, 3, 11]] as const;
/** The fewest lengths of the first code that are written. */
const FEWEST = 257;

/** The lengths of the two codes of a block: that of bytes and lengths, and that of distances. */
export class DynamicCodes {
  readonly #lengths = new Uint8Array(286 + 30);
  #literals = 0;
  #distances = 0;
  /** Symbols, and what follows each. */
  readonly #symbols = new Uint8Array(286 + 30);
  readonly #extra = new Uint8Array(286 + 30);
  #count = 0;
  readonly #frequencies = new Uint32Array(19);
  readonly #code = new HuffmanCode(19);
  /** How many lengths of its code are written. */
  #written = 0;

  /** Takes the codes of the next block. Returns how many bits they take. */
  take(literals: HuffmanCode, distances: HuffmanCode): number {
    this.#literals = Math.max(FEWEST, usedOf(literals));
    this.#distances = usedOf(distances);
    this.#lengths.set(literals.lengths.subarray(0, this.#literals));
    this.#lengths.set(distances.lengths.subarray(0, this.#distances), this.#literals);
    this.#shorten();
    this.#code.fit(this.#frequencies, 7);
    this.#written = ORDER.length;
    while (this.#code.lengths[ORDER[this.#written - 1]!] === 0) this.#written--;
    let cost = 14 + 3 * this.#written + this.#code.cost(this.#frequencies);
    for (let index = 0; index < EXTRA.length; index++) {
      cost += EXTRA[index]! * this.#frequencies[AGAIN + index]!;
    }
    return cost;
  }

  /** Writes what was taken. */
  write(out: BitWriter): void {
    out.put(this.#literals - FEWEST, 5);
    out.put(this.#distances - 1, 5);
    out.put(this.#written - 4, 4);
    for (let place = 0; place < this.#written; place++) out.put(this.#code.lengths[ORDER[place]!]!, 3);
    this.#code.spell();
    for (let place = 0; place < this.#count; place++) {
      const symbol = this.#symbols[place]!;
      out.put(this.#code.bits[symbol]!, this.#code.lengths[symbol]!);
      if (symbol >= AGAIN) out.put(this.#extra[place]!, EXTRA[symbol - AGAIN]!);
    }
  }

  /** Shortens the lengths: runs become one symbol. */
  #shorten(): void {
    this.#frequencies.fill(0);
    this.#count = 0;
    const end = this.#literals + this.#distances;
    for (let at = 0; at < end;) {
      const length = this.#lengths[at]!;
      let run = 1;
      while (at + run < end && this.#lengths[at + run] === length) run++;
      at += run;
      if (length > 0) {
        this.#add(length);
        run--;
      }
      for (; run >= 3; run -= this.#addRun(length > 0 ? AGAIN : run > 10 ? MANY_ZEROS : FEW_ZEROS, run));
      for (; run > 0; run--) this.#add(length);
    }
  }

  /** Adds a symbol for as much of a run as it can mean, and returns how much that is. */
  #addRun(symbol: number, run: number): number {
    const from = FROM[symbol - AGAIN]!;
    const most = from + (1 << EXTRA[symbol - AGAIN]!) - 1;
    const taken = Math.min(run, most);
    this.#add(symbol, taken - from);
    return taken;
  }

  #add(symbol: number, extra = 0): void {
    this.#symbols[this.#count] = symbol;
    this.#extra[this.#count++] = extra;
    this.#frequencies[symbol]!++;
  }
}

function usedOf({ lengths }: HuffmanCode): number {
  let used = lengths.length;
  while (used > 1 && lengths[used - 1] === 0) used--;
  return used;
}
