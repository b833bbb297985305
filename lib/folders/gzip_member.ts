/** Makes gzip members, byte for byte the same from the same bytes: without a name and a time (RFC 1952). @module */
import { Buffer } from "node:buffer";
import { Readable } from "node:stream";
import { crc32, createDeflateRaw, deflateRawSync } from "node:zlib";
import type { Bytes } from "../content/bytes.ts";

/** Nearly as fast as the lowest level, with three quarters of its bytes. Higher levels gain little more. */
const LEVEL = 3;
/** The most bytes in a block that is stored. */
const MOST_STORED = 0xffff;
/** What deflate has to gain: less is not worth the time of whoever decompresses. */
const WORTH_IT = 0.97;
/** By how many of its first bytes it is judged whether content gains. */
export const TRIAL: number = 64 * 1024;

/** Whether compressing gains anything, by trial of the first bytes. Photos, films and archives gain nothing. */
export function gains(content: Bytes): boolean {
  const trial = content.subarray(0, TRIAL);
  return deflated(trial).length < WORTH_IT * trial.length;
}

/**
 * A gzip member: its header, what it holds, and the checksum.
 *
 * @param isStored whether it is known that compressing gains nothing. Little content is compressed, and stored if
 *   that gained nothing.
 */
export function gzipMember(content: Bytes, { isStored }: { isStored: boolean }): Bytes[] {
  const body = isStored ? storedBlocks(content) : [deflated(content)];
  const isVain = content.length <= 2 * TRIAL && body[0]!.length >= WORTH_IT * content.length;
  return [HEADER, ...(isVain ? storedBlocks(content) : body), tailOf(crc32(content), content.length)];
}

/** A gzip member of content that is not in one piece. */
export async function* streamedMember(content: readonly Bytes[]): AsyncGenerator<Bytes> {
  yield HEADER;
  let [checksum, length] = [0, 0];
  for (const bytes of content) [checksum, length] = [crc32(bytes, checksum), length + bytes.length];
  yield* Readable.from(content, { objectMode: false }).pipe(createDeflateRaw({ level: LEVEL }));
  yield tailOf(checksum, length);
}

function tailOf(checksum: number, length: number): Bytes {
  const tail = new DataView(new ArrayBuffer(8));
  tail.setUint32(0, checksum, true);
  tail.setUint32(4, length % 2 ** 32, true);
  return new Uint8Array(tail.buffer);
}

function deflated(content: Bytes): Bytes {
  // A buffer is not to be larger than what it holds.
  const chunkSize = Math.max(64, Math.min(LARGEST_BUFFER, content.length));
  return deflateRawSync(content, { level: LEVEL, chunkSize }) as Bytes; // a copy for each file would be much to collect
}

/** The most that is compressed into one buffer, in bytes. */
const LARGEST_BUFFER = 1024 * 1024;

/** Deflate, no flags, no time, made on no system in particular. */
const HEADER: Bytes = new Uint8Array([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff]);

/** Blocks of deflate that hold bytes as they are: each begins with whether it is the last, and its length twice. */
function storedBlocks(content: Bytes): Bytes[] {
  const blocks: Bytes[] = [];
  for (let at = 0; at === 0 || at < content.length; at += MOST_STORED) {
    const part = content.subarray(at, at + MOST_STORED);
    const head = new DataView(new ArrayBuffer(5));
    head.setUint8(0, at + MOST_STORED >= content.length ? 1 : 0);
    head.setUint16(1, part.length, true);
    head.setUint16(3, ~part.length & 0xffff, true);
    blocks.push(new Uint8Array(head.buffer), part);
  }
  return blocks;
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
