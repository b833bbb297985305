/** Checks the frames of zstd data before they are decoded (RFC 8878). @module */
import type { Bytes } from "../content/bytes.ts";
import { MismatchError } from "../errors.ts";
import { joined, type StreamInput } from "./tar_input.ts";

/** The most memory that a frame may demand of its decoder, in bytes. The zstd program has the same limit. */
const LARGEST_WINDOW = 128 * 1024 * 1024;
/** The largest block that RFC 8878 allows, in bytes, compressed or not. */
const LARGEST_BLOCK = 128 * 1024;
/** The size of a block's header, in bytes. */
const HEADER = 3;
const MAGIC = 0xfd2fb528;
const RLE_BLOCK = 1;

/**
 * Splits zstd data into pieces of at most one block each, so that little is decoded at once: a frame's header, its blocks,
 * its checksum. Each is valid until the next is requested.
 *
 * @throws {MismatchError} if the data is not zstd, is truncated, or demands too much memory
 */
export async function* zstdPieces(input: StreamInput): AsyncGenerator<Bytes> {
  for (let magic; (magic = await input.readOrEnd(4));) {
    const number = viewOf(magic).getUint32(0, true);
    if (number === MAGIC) yield* frame(magic, input);
    else if ((number & 0xfffffff0) >>> 0 === 0x184d2a50) {
      await input.skip(viewOf(await input.read(4)).getUint32(0, true));
    } else throw new MismatchError("the layer's zstd data is damaged: there is no frame where one should be");
  }
}

async function* frame(magic: Bytes, input: StreamInput): AsyncGenerator<Bytes> {
  const { bytes, hasChecksum } = await readFrameHeader(input);
  yield joined(magic, bytes);
  for (let last = false; !last;) {
    const block = await readBlock(input);
    last = block.last;
    yield block.bytes;
  }
  if (hasChecksum) yield await input.read(4);
}

async function readBlock(input: StreamInput): Promise<{ bytes: Bytes; last: boolean }> {
  const [low = 0, middle = 0, high = 0] = await input.peek(HEADER);
  const fields = low | middle << 8 | high << 16;
  const [kind, size] = [fields >> 1 & 3, fields >> 3];
  if (size > LARGEST_BLOCK || kind === 3) {
    throw new MismatchError("the layer's zstd data is damaged: a block is malformed");
  }
  const whole = HEADER + (kind === RLE_BLOCK ? 1 : size);
  const bytes = input.arrived(whole) ?? await input.read(whole);
  return { bytes, last: (fields & 1) === 1 };
}

async function readFrameHeader(input: StreamInput): Promise<{ bytes: Bytes; hasChecksum: boolean }> {
  const descriptor = await input.read(1);
  const flags = descriptor[0]!;
  const isSingle = (flags & 0x20) !== 0;
  const dictionarySize = [0, 1, 2, 4][flags & 3]!;
  const contentSize = [isSingle ? 1 : 0, 2, 4, 8][flags >> 6]!;
  const rest = await input.read((isSingle ? 0 : 1) + dictionarySize + contentSize);
  const window = isSingle
    ? littleEndian(rest.subarray(dictionarySize)) + (contentSize === 2 ? 256 : 0)
    : windowOf(rest[0]!);
  if (window > LARGEST_WINDOW) {
    throw new MismatchError(
      `the layer's zstd data needs ${window} bytes of memory; at most ${LARGEST_WINDOW} are allowed`,
    );
  }
  if (dictionarySize > 0) throw new MismatchError("the layer's zstd data needs a dictionary");
  return { bytes: joined(descriptor, rest), hasChecksum: (flags & 4) !== 0 };
}

function windowOf(descriptor: number): number {
  const base = 2 ** (10 + (descriptor >> 3));
  return base + base / 8 * (descriptor & 7);
}

function littleEndian(bytes: Bytes): number {
  return bytes.reduceRight((sum, byte) => sum * 256 + byte, 0);
}

function viewOf(bytes: Bytes): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}
