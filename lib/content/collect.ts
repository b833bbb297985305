/** Reads what fits into memory: never more than was announced, and nothing that is not what its digest says. @module */
import { MismatchError } from "../errors.ts";
import type { SizedBlob } from "../oci/descriptor.ts";
import { corrupted, digestOf } from "../oci/digest.ts";

/** The room that is taken at first, in bytes. It grows with what comes, and not with what somebody says will come. */
const FIRST_ROOM = 64 * 1024;

/**
 * All bytes of a stream.
 *
 * @throws {MismatchError} when there are more than `most`
 */
export async function collect(
  stream: ReadableStream<Uint8Array>,
  most: number,
): Promise<Uint8Array<ArrayBuffer>> {
  let bytes = new Uint8Array(Math.min(most, FIRST_ROOM));
  let length = 0;
  for await (const piece of stream) {
    if (length + piece.length > most) {
      throw new MismatchError(`there are more than the ${most} bytes announced`);
    }
    // Copied, because a piece of one byte may hold on to a buffer of many.
    bytes = withRoomFor(bytes, length + piece.length, most);
    bytes.set(piece, length);
    length += piece.length;
  }
  return bytes.subarray(0, length);
}

/** All bytes of a stream, checked against the digest and size that were announced for them. */
export async function collectVerified(
  stream: ReadableStream<Uint8Array>,
  expected: SizedBlob,
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = await collect(stream, expected.size);
  if (bytes.length === expected.size && digestOf(bytes) === expected.digest) return bytes;
  throw corrupted(expected.digest);
}

/**
 * All bytes of a file that has to be small. A pipe is a file too: its size is not looked at, its end is waited for.
 * Errors of the file system come as they are.
 *
 * @throws {MismatchError} when there are more than `most`
 */
export async function collectFile(path: string, most: number): Promise<Uint8Array<ArrayBuffer>> {
  using file = await Deno.open(path);
  return await collect(file.readable, most);
}

function withRoomFor(
  bytes: Uint8Array<ArrayBuffer>,
  length: number,
  most: number,
): Uint8Array<ArrayBuffer> {
  if (length <= bytes.length) return bytes;
  const larger = new Uint8Array(Math.min(most, Math.max(length, 2 * bytes.length)));
  larger.set(bytes);
  return larger;
}
