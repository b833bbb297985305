/** Writes bits as DEFLATE packs them into bytes: the first bit in the lowest place (RFC 1951, 3.1.1). @module */
import type { Bytes } from "../content/bytes.ts";

/** Writes into a buffer that is used again and again, and grows when that is asked for. */
export class BitWriter {
  #bytes: Bytes = new Uint8Array(64 * 1024);
  #written = 0;
  /** What does not fill a byte yet, and how many bits it is. */
  #rest = 0;
  #restLength = 0;

  /** Makes room for as many bytes more. */
  reserve(bytes: number): void {
    if (this.#written + bytes <= this.#bytes.length) return;
    const larger = new Uint8Array(2 * (this.#written + bytes));
    larger.set(this.#bytes.subarray(0, this.#written));
    this.#bytes = larger;
  }

  /** Writes up to 16 bits. There must be room for them. */
  put(bits: number, length: number): void {
    this.#rest |= bits << this.#restLength;
    this.#restLength += length;
    if (this.#restLength < 16) return;
    this.#bytes[this.#written++] = this.#rest;
    this.#bytes[this.#written++] = this.#rest >>> 8;
    this.#rest >>>= 16;
    this.#restLength -= 16;
  }

  /** Ends the last byte. */
  align(): void {
    for (; this.#restLength > 0; this.#restLength -= 8, this.#rest >>>= 8) {
      this.#bytes[this.#written++] = this.#rest;
    }
    this.#restLength = 0;
  }

  /** Writes whole bytes. */
  copy(bytes: Bytes): void {
    this.align();
    this.#bytes.set(bytes, this.#written);
    this.#written += bytes.length;
  }

  /** The bytes that are full, valid until the next call. Bits that do not fill a byte yet come after them. */
  take(): Bytes {
    const taken = this.#bytes.subarray(0, this.#written);
    this.#written = 0;
    return taken;
  }
}
