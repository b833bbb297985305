/** Reads small content into memory: never more bytes than announced, and verified where a digest is known. @module */
import { MismatchError } from "../errors.ts";
import type { SizedBlob } from "../oci/descriptor.ts";
import { corrupted, hasDigest } from "../oci/digest.ts";
import type { Bytes } from "./bytes.ts";

/** The first buffer, in bytes. It grows with the bytes that arrive, because an announced size may be a lie. */
const FIRST_ROOM = 64 * 1024;

/**
 * All bytes of a stream.
 *
 * @throws {MismatchError} if there are more than `most`
 */
export async function collect(
  stream: ReadableStream<Uint8Array>,
  most: number,
): Promise<Bytes> {
  let bytes = new Uint8Array(Math.min(most, FIRST_ROOM));
  let length = 0;
  for await (const piece of stream) {
    if (length + piece.length > most) {
      throw new MismatchError(`there are more than the ${most} bytes announced`);
    }
    // Copied, because a piece of one byte may keep a large buffer in memory.
    bytes = withRoomFor(bytes, length + piece.length, most);
    bytes.set(piece, length);
    length += piece.length;
  }
  return bytes.subarray(0, length);
}

/**
 * All bytes of a blob.
 *
 * @throws {MismatchError} if their number or digest is wrong
 */
export async function collectVerified(
  stream: ReadableStream<Uint8Array>,
  expected: SizedBlob,
): Promise<Bytes> {
  const bytes = await collect(stream, expected.size);
  if (bytes.length === expected.size && hasDigest(bytes, expected.digest)) return bytes;
  throw corrupted(expected.digest);
}

/**
 * All bytes of a small file. A pipe can be read, too: it is read to its end, whatever its size. Errors of the file system
 * come as they are.
 *
 * @throws {MismatchError} if there are more than `most`
 */
export async function collectFile(path: string, most: number): Promise<Bytes> {
  using file = await Deno.open(path);
  return await collect(file.readable, most);
}

/** The next bytes of an open file, at most so many; fewer at its end. */
export function collectNext(file: Deno.FsFile, most: number): Bytes {
  const bytes = new Uint8Array(most);
  let filled = 0;
  for (let read; filled < most && (read = file.readSync(bytes.subarray(filled)));) filled += read;
  return bytes.subarray(0, filled);
}

function withRoomFor(
  bytes: Bytes,
  length: number,
  most: number,
): Bytes {
  if (length <= bytes.length) return bytes;
  const room = Math.min(most, Math.max(length, 2 * bytes.length));
  return new Uint8Array(bytes.buffer.transfer(room)); // which frees what it was, at once
}
