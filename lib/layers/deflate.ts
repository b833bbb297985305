/**
 * Compresses as DEFLATE (RFC 1951). The same bytes become the same bytes everywhere: the compressor that comes with Deno gives
 * others with each version, and on each kind of processor. And it makes a quarter of a mebibyte of state for each content,
 * which costs more than compressing a small one.
 *
 * @module
 */
import type { Bytes } from "../content/bytes.ts";
import { BitWriter } from "./bit_writer.ts";
import {
  DISTANCES,
  END_OF_BLOCK,
  FIRST_LENGTH,
  LENGTHS,
  LONGEST_MATCH,
  symbolOfDistance,
  symbolOfLength,
  WINDOW,
} from "./deflate_symbols.ts";
import { DynamicCodes } from "./dynamic_codes.ts";
import { HuffmanCode } from "./huffman.ts";

/** The fewest bytes that are copied from further back. */
const SHORTEST_MATCH = 4;
/** The most bytes and copies of a block. */
const MOST_TOKENS = 16 * 1024;
/** How many positions are remembered, by what stands there: the exponent of two. */
const SLOT_BITS = 14;
/** Where positions are counted anew. */
const MOST_POSITIONS = 2 ** 30;
/** The kinds of blocks: bytes as they are; symbols in the codes of the RFC; symbols in codes that the block defines. */
const [STORED, FIXED, DYNAMIC] = [0, 1, 2];
/** The most bytes of a block that has them as they are. */
const MOST_STORED = 0xffff;
/** To how much of its size content has to shrink: less is not worth the time of whoever decompresses. */
const WORTH_IT = 0.97;

/** The codes that the RFC has (3.2.6). */
const FIXED_LITERALS: HuffmanCode = HuffmanCode.of(
  Array.from({ length: 288 }, (_, symbol) => symbol < 144 ? 8 : symbol < 256 ? 9 : symbol < 280 ? 7 : 8),
);
const FIXED_DISTANCES: HuffmanCode = HuffmanCode.of(Array<number>(30).fill(5));

/** Compresses one content after the other, with memory that is made once. */
export class Deflater {
  /** For bytes that stand somewhere: where they stood before, counted from the first content on. */
  readonly #before = new Int32Array(1 << SLOT_BITS);
  /** What the positions of the content are counted from. */
  #base = 2 * WINDOW;
  /** Bytes, and copies: their length and their distance. */
  readonly #tokens = new Uint32Array(MOST_TOKENS);
  #count = 0;
  readonly #literals = new Uint32Array(286);
  readonly #distances = new Uint32Array(30);
  readonly #literalCode = new HuffmanCode(286);
  readonly #distanceCode = new HuffmanCode(30);
  readonly #dynamic = new DynamicCodes();
  readonly #out = new BitWriter();

  /**
   * Compresses a content, or the next part of one. What it gives is valid until the next call.
   *
   * @param isLast whether the content ends here
   * @param isStored whether it is known that nothing is gained
   */
  deflate(content: Bytes, { isLast = true, isStored = false } = {}): Bytes {
    let [start, end] = [0, 0];
    do {
      end = isStored ? content.length : this.#gather(content, start);
      const block = content.subarray(start, end);
      const isLastBlock = isLast && end === content.length;
      if (isStored) this.#store(block, isLastBlock);
      else this.#write(block, isLastBlock);
      start = end;
    } while (start < content.length);
    if (isLast) this.#out.align();
    this.#forget(content.length);
    return this.#out.take();
  }

  /** The positions of this content are none of the next one. */
  #forget(length: number): void {
    this.#base += length + WINDOW;
    if (this.#base < MOST_POSITIONS) return;
    this.#base = 2 * WINDOW;
    this.#before.fill(0);
  }

  /** Finds the bytes and copies of the next block. Returns where it ends. */
  #gather(content: Bytes, start: number): number {
    const before = this.#before, base = this.#base, tokens = this.#tokens;
    const literals = this.#literals, distances = this.#distances;
    const view = new DataView(content.buffer, content.byteOffset, content.length);
    const last = content.length - SHORTEST_MATCH;
    literals.fill(0);
    distances.fill(0);
    literals[END_OF_BLOCK] = 1;
    let at = start, count = 0;
    while (at < content.length && count < MOST_TOKENS) {
      let length = 0, distance = 0;
      if (at <= last) {
        const four = view.getInt32(at, true);
        const slot = slotOf(four);
        distance = at + base - before[slot]!;
        before[slot] = at + base;
        if (distance <= WINDOW && view.getInt32(at - distance, true) === four) {
          length = equalBytes(view, at - distance, at);
        }
      }
      if (length === 0) {
        const byte = content[at++]!;
        literals[byte]!++;
        tokens[count++] = byte;
        continue;
      }
      literals[FIRST_LENGTH + symbolOfLength(length)]!++;
      distances[symbolOfDistance(distance)]!++;
      tokens[count++] = length << 16 | distance;
      at += length;
      if (at <= last) before[slotOf(view.getInt32(at - 1, true))] = at - 1 + base;
    }
    this.#count = count;
    return at;
  }

  /** Writes a block, in the way that takes the fewest bits. */
  #write(content: Bytes, isLast: boolean): void {
    const [literals, distances] = [this.#literalCode, this.#distanceCode];
    literals.fit(this.#literals, 15);
    distances.fit(this.#distances, 15);
    const dynamic = this.#dynamic.take(literals, distances) + this.#cost(literals, distances);
    const fixed = this.#cost(FIXED_LITERALS, FIXED_DISTANCES);
    const cost = Math.min(dynamic, fixed) + this.#extraBits();
    if (cost >= WORTH_IT * 8 * content.length) return this.#store(content, isLast);
    this.#out.reserve(content.length + 16);
    this.#out.put(Number(isLast) | (fixed <= dynamic ? FIXED : DYNAMIC) << 1, 3);
    if (fixed <= dynamic) return this.#writeTokens(FIXED_LITERALS, FIXED_DISTANCES);
    this.#dynamic.write(this.#out);
    literals.spell();
    distances.spell();
    this.#writeTokens(literals, distances);
  }

  /** How many bits the symbols of the block take. */
  #cost(literals: HuffmanCode, distances: HuffmanCode): number {
    return literals.cost(this.#literals) + distances.cost(this.#distances);
  }

  /** How many bits follow the symbols. */
  #extraBits(): number {
    let sum = 0;
    const [lengths, distances] = [LENGTHS.extra, DISTANCES.extra];
    for (let symbol = 0; symbol < lengths.length; symbol++) {
      sum += lengths[symbol]! * this.#literals[FIRST_LENGTH + symbol]!;
    }
    for (let symbol = 0; symbol < distances.length; symbol++) {
      sum += distances[symbol]! * this.#distances[symbol]!;
    }
    return sum;
  }

  #writeTokens(literals: HuffmanCode, distances: HuffmanCode): void {
    const out = this.#out, tokens = this.#tokens;
    for (let place = 0; place < this.#count; place++) {
      const token = tokens[place]!;
      if (token < 256) {
        out.put(literals.bits[token]!, literals.lengths[token]!);
        continue;
      }
      const length = token >>> 16, distance = token & 0xffff;
      const symbol = symbolOfLength(length);
      out.put(literals.bits[FIRST_LENGTH + symbol]!, literals.lengths[FIRST_LENGTH + symbol]!);
      out.put(length - LENGTHS.base[symbol]!, LENGTHS.extra[symbol]!);
      const range = symbolOfDistance(distance);
      out.put(distances.bits[range]!, distances.lengths[range]!);
      out.put(distance - DISTANCES.base[range]!, DISTANCES.extra[range]!);
    }
    out.put(literals.bits[END_OF_BLOCK]!, literals.lengths[END_OF_BLOCK]!);
  }

  /** Writes bytes as they are. */
  #store(content: Bytes, isLast: boolean): void {
    this.#out.reserve(content.length + 16 + 5 * Math.ceil(content.length / MOST_STORED));
    let at = 0;
    do {
      const part = content.subarray(at, at + MOST_STORED);
      this.#out.put(Number(isLast && at + part.length === content.length) | STORED << 1, 3);
      this.#out.align();
      this.#out.put(part.length, 16);
      this.#out.put(~part.length & 0xffff, 16);
      this.#out.copy(part);
      at += MOST_STORED;
    } while (at < content.length);
  }
}

/** The slot of four bytes. */
function slotOf(four: number): number {
  return Math.imul(four, 0x9e3779b1) >>> 32 - SLOT_BITS;
}

/** How many bytes are the same from two positions on, as far as a copy goes. The first four are. */
function equalBytes(view: DataView, earlier: number, later: number): number {
  const most = Math.min(LONGEST_MATCH, view.byteLength - later);
  let length = 4;
  while (
    length + 4 <= most && view.getInt32(earlier + length, true) === view.getInt32(later + length, true)
  ) length += 4;
  while (length < most && view.getUint8(earlier + length) === view.getUint8(later + length)) length++;
  return length;
}
