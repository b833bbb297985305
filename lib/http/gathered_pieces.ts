/**
 * Gathers small pieces of a body. TLS brings 16 KiB at most, and each piece costs its reader as much as a large one: two
 * streams, a write to the disk, an event.
 *
 * @module
 */
import type { Bytes } from "../content/bytes.ts";

/** What a read gives. */
export type ReadPiece = ReadableStreamReadResult<Bytes>;

/** The most that TLS brings at once, in bytes. A piece that is larger is not gathered. */
const RECORD = 16 * 1024;
/** So many bytes are enough. */
const ENOUGH = 256 * 1024;
/** How long the first bytes wait for others, in milliseconds. */
const PATIENCE = 20;

/** Reads pieces from a stream that fills buffers, and gives them together if they come soon after one another. */
export class GatheredPieces {
  readonly #read: (view: Bytes) => Promise<ReadPiece>;
  #spare: ArrayBuffer | undefined;
  /** A read that has begun, and that nobody has waited for to its end. */
  #ahead: Promise<ReadPiece> | undefined;
  /** What a read brought that had no room. */
  #rest: Bytes = new Uint8Array();

  /** @param read reads into a buffer, which it takes over */
  constructor(read: (view: Bytes) => Promise<ReadPiece>) {
    this.#read = read;
  }

  /** Reads into a buffer, which it takes over. Bytes that have arrived are given before an error that comes after them. */
  async into(view: Bytes): Promise<ReadPiece> {
    const room = view.length;
    const first = await this.#first(view);
    if (first.done || first.value.length > RECORD || first.value.length === room) return first;
    const { buffer, byteOffset, length } = first.value;
    const whole = new Uint8Array(buffer, byteOffset, Math.min(room, ENOUGH));
    return { done: false, value: whole.subarray(0, await this.#gather(whole, length)) };
  }

  async #first(view: Bytes): Promise<ReadPiece> {
    if (this.#rest.length === 0) {
      if (!this.#ahead) return await this.#read(view);
      const { done, value } = await this.#ahead;
      this.#ahead = undefined;
      if (done) return { done, value: view.subarray(0, 0) };
      this.#keep(value);
    }
    return { done: false, value: view.subarray(0, this.#fill(view)) };
  }

  /** Adds to the bytes that a buffer has, and gives how many it has then. */
  async #gather(whole: Bytes, length: number): Promise<number> {
    const patience = Promise.withResolvers<undefined>();
    const timer = setTimeout(() => patience.resolve(undefined), PATIENCE);
    try {
      for (let filled = length; filled < whole.length; filled += this.#fill(whole.subarray(filled))) {
        if (this.#rest.length > 0) continue;
        const next = await Promise.race([this.#readAhead(), patience.promise]).catch(() => undefined);
        if (!next || next.done) return filled; // it is waited for by the next call, which also gets the error
        this.#ahead = undefined;
        this.#keep(next.value);
      }
      return whole.length;
    } finally {
      clearTimeout(timer);
    }
  }

  #readAhead(): Promise<ReadPiece> {
    return this.#ahead ??= this.#read(new Uint8Array(this.#spare ?? new ArrayBuffer(RECORD)));
  }

  #keep(bytes: Bytes): void {
    this.#rest = bytes;
    this.#spare = bytes.buffer;
  }

  /** Moves what had no room to a buffer, as much as it takes. */
  #fill(view: Bytes): number {
    const moved = this.#rest.subarray(0, view.length);
    view.set(moved);
    this.#rest = this.#rest.subarray(moved.length);
    return moved.length;
  }
}
