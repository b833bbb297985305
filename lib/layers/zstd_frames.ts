/** Checks the frames of zstd data before they are decoded (RFC 8878). @module */
import type { Bytes } from "../content/bytes.ts";
import { MismatchError } from "../errors.ts";
import type { StreamInput } from "./tar_input.ts";

/** The most memory that a frame may demand of its decoder, in bytes. The zstd program has the same limit. */
const LARGEST_WINDOW = 128 * 1024 * 1024;
/** The largest block that RFC 8878 allows, in bytes, compressed or not. */
const LARGEST_BLOCK = 128 * 1024;
const MAGIC = 0xfd2fb528;
const RLE_BLOCK = 1;

/**
 * Splits zstd data into pieces of at most one block each, so that little is decoded at once. Small frames get small
 * windows.
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

/** A frame's header. */
interface FrameHeader {
  bytes: Bytes;
  /** The memory that the frame demands of its decoder, in bytes. */
  window: number;
  /** Whether the window is the size of the content. */
  isSingle: boolean;
  hasChecksum: boolean;
}

async function* frame(magic: Bytes, input: StreamInput): AsyncGenerator<Bytes> {
  const header = await readHeader(input);
  const first = await readFirstBlocks(input, header);
  yield joined(magic, first.isWhole ? fitted(header, first.blocks.length) : header.bytes);
  yield* first.blocks;
  for (let last = first.isWhole; !last;) {
    const block = await readBlock(input);
    last = block.last;
    yield block.bytes;
  }
  if (header.hasChecksum) yield await input.read(4);
}

/** The most bytes of blocks that are held until it is known how large a frame is. */
const MOST_HELD = 128 * 1024;

/** Reads the first blocks, up to the end of a frame that may be smaller than its window. */
async function readFirstBlocks(
  input: StreamInput,
  { window }: FrameHeader,
): Promise<{ blocks: Bytes[]; isWhole: boolean }> {
  const blocks: Bytes[] = [];
  for (let held = 0; held < MOST_HELD && blocks.length * LARGEST_BLOCK < window;) {
    const { bytes, last } = await readBlock(input);
    blocks.push(bytes);
    held += bytes.length;
    if (last) return { blocks, isWhole: true };
  }
  return { blocks, isWhole: false };
}

/**
 * The header of a whole frame, with a window that is no larger than its blocks can fill: the decoder takes memory for the
 * whole window, and a small layer may have thousands of frames.
 *
 * @throws {MismatchError} if the header announces more content than the blocks can have
 */
function fitted({ bytes, window, isSingle }: FrameHeader, blocks: number): Bytes {
  const largest = blocks * LARGEST_BLOCK;
  if (window <= largest) return bytes;
  if (isSingle) {
    throw new MismatchError("the layer's zstd data is damaged: a frame has less content than it announces");
  }
  const exponent = Math.ceil(Math.log2(largest)) - 10;
  return 2 ** (10 + exponent) < window ? bytes.with(1, exponent << 3) : bytes;
}

async function readBlock(input: StreamInput): Promise<{ bytes: Bytes; last: boolean }> {
  const start = await input.read(3);
  const fields = start[0]! | start[1]! << 8 | start[2]! << 16;
  const [kind, size] = [fields >> 1 & 3, fields >> 3];
  if (size > LARGEST_BLOCK || kind === 3) {
    throw new MismatchError("the layer's zstd data is damaged: a block is malformed");
  }
  const bytes = joined(start, await input.read(kind === RLE_BLOCK ? 1 : size));
  return { bytes, last: (fields & 1) === 1 };
}

async function readHeader(input: StreamInput): Promise<FrameHeader> {
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
  return { bytes: joined(descriptor, rest), window, isSingle, hasChecksum: (flags & 4) !== 0 };
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

/** Concatenates two pieces. */
export function joined(first: Bytes, second: Bytes): Bytes {
  const bytes = new Uint8Array(first.length + second.length);
  bytes.set(first);
  bytes.set(second, first.length);
  return bytes;
}
