/** Makes gzip members, byte for byte the same from the same bytes: without a name and a time (RFC 1952). @module */
import { Buffer } from "node:buffer";
import { crc32 } from "node:zlib";
import type { Bytes } from "../content/bytes.ts";
import { Deflater } from "../layers/deflate.ts";

/** By how many of its first bytes it is judged whether content gains. */
export const TRIAL: number = 64 * 1024;

/** Deflate, no flags, no time, made on no system in particular. */
const HEADER: Bytes = new Uint8Array([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff]);

/** Makes one member after the other. Each piece that comes out is valid until the next is asked for. */
export class GzipMembers {
  readonly #deflater = new Deflater();
  readonly #tail = new DataView(new ArrayBuffer(8));

  /** Whether compressing gains anything, by trial of the first bytes. Photos, films and archives gain nothing. */
  gains(content: Bytes): boolean {
    const trial = content.subarray(0, TRIAL);
    return this.#deflater.deflate(trial).length < trial.length;
  }

  /**
   * A member.
   *
   * @param isStored whether it is known that compressing gains nothing
   */
  *member(content: readonly Bytes[], { isStored = false } = {}): Generator<Bytes> {
    yield HEADER;
    let [checksum, length] = [0, 0];
    for (const [place, bytes] of content.entries()) {
      [checksum, length] = [crc32(bytes, checksum), length + bytes.length];
      yield this.#deflater.deflate(bytes, { isLast: place === content.length - 1, isStored });
    }
    this.#tail.setUint32(0, checksum, true);
    this.#tail.setUint32(4, length % 2 ** 32, true);
    yield new Uint8Array(this.#tail.buffer);
  }
}

/** The last member of an eStargz layer: an empty one, whose extra field says where the table of contents begins. */
export function stargzFooter(tableAt: number): Bytes {
  const field = `${tableAt.toString(16).padStart(16, "0")}STARGZ`;
  return new Uint8Array(Buffer.concat([
    Buffer.from([0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 0xff, 26, 0]),
    Buffer.from(`SG\x16\0${field}`, "latin1"),
    Buffer.from([1, 0, 0, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0]),
  ]));
}
