/** Writes and reads numbers and texts as bytes, the small ones as few. @module */
import type { Bytes } from "../content/bytes.ts";
import { decodeName, encodeName } from "../layers/tar_field.ts";

const encoder = new TextEncoder();

/** Writes one value after the other to a buffer that grows. */
export class RowWriter {
  #bytes: Bytes = new Uint8Array(1024);
  #length = 0;

  /** How many bytes are written. */
  get length(): number {
    return this.#length;
  }

  /** What was written, until the next call. */
  get written(): Bytes {
    return this.#bytes.subarray(0, this.#length);
  }

  /** What was written, until the next call. What is written next stands at the beginning again. */
  take(): Bytes {
    const taken = this.written;
    this.#length = 0;
    return taken;
  }

  /** A whole number from 0 on: seven bits a byte. */
  count(value: number): void {
    this.#reserve(10);
    let rest = value;
    for (; rest >= 128; rest = Math.floor(rest / 128)) this.#bytes[this.#length++] = rest % 128 | 128;
    this.#bytes[this.#length++] = rest;
  }

  /** Any number. */
  number(value: number): void {
    this.#reserve(8);
    new DataView(this.#bytes.buffer).setFloat64(this.#length, value);
    this.#length += 8;
  }

  /** Bytes, with how many they are. */
  bytes(value: Bytes): void {
    this.count(value.length);
    this.copy(value);
  }

  /** Bytes, of which whoever reads them knows how many they are. */
  copy(value: Bytes): void {
    this.#reserve(value.length);
    this.#bytes.set(value, this.#length);
    this.#length += value.length;
  }

  /** A text, in which bytes that are not UTF-8 are lone surrogates. */
  text(value: string): void {
    if (value.length < SHORT && value.isWellFormed()) {
      this.#reserve(1 + 3 * SHORT);
      const { written } = encoder.encodeInto(value, this.#bytes.subarray(this.#length + 1));
      this.#bytes[this.#length] = written; // which fits into seven bits
      this.#length += 1 + written;
    } else this.bytes(encodeName(value));
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#bytes.length) return;
    const larger = new Uint8Array(2 * (this.#length + more));
    larger.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = larger;
  }
}

/** The length of which all texts have fewer bytes than seven bits can tell. */
const SHORT = 42;

/** Reads what was written, in the same order. */
export class RowReader {
  readonly #bytes: Bytes;
  #at = 0;

  constructor(bytes: Bytes, start = 0) {
    [this.#bytes, this.#at] = [bytes, start];
  }

  /** Where it reads next. */
  get position(): number {
    return this.#at;
  }

  /** Whether there is more. */
  get more(): boolean {
    return this.#at < this.#bytes.length;
  }

  count(): number {
    let value = 0;
    for (let factor = 1;; factor *= 128) {
      const byte = this.#bytes[this.#at++]!;
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
  }

  number(): number {
    const view = new DataView(this.#bytes.buffer, this.#bytes.byteOffset + this.#at);
    this.#at += 8;
    return view.getFloat64(0);
  }

  bytes(): Bytes {
    const length = this.count();
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  text(): string {
    return decodeName(this.bytes());
  }

  /** Passes over bytes that have their length. */
  skip(): void {
    const length = this.count();
    this.#at += length;
  }

  /** What was not read yet. */
  rest(): Bytes {
    return this.#bytes.subarray(this.#at);
  }
}
