/** Reads small blobs into memory: never more than was announced, and nothing that is not what its digest says. @module */
import { MismatchError } from "../errors.ts";
import { type Digest, digestOf } from "../oci/digest.ts";

/**
 * All bytes of a stream.
 *
 * @throws {MismatchError} when there are more than `most`
 */
export async function collect(
  stream: ReadableStream<Uint8Array>,
  most: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of stream) {
    pieces.push(piece);
    if ((length += piece.length) > most) {
      throw new MismatchError(`there are more than the ${most} bytes announced`);
    }
  }
  return concatenate(pieces, length);
}

/** All bytes of a stream, checked against the digest and size that were announced for them. */
export async function collectVerified(
  stream: ReadableStream<Uint8Array>,
  expected: { digest: Digest; size: number },
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = await collect(stream, expected.size);
  if (bytes.length === expected.size && digestOf(bytes) === expected.digest) return bytes;
  throw new MismatchError(`the blob ${expected.digest} is corrupted: its bytes have another digest`);
}

function concatenate(pieces: Uint8Array[], length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  let offset = 0;
  for (const piece of pieces) {
    bytes.set(piece, offset);
    offset += piece.length;
  }
  return bytes;
}
