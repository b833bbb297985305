/** Reads a blob, or a range of it, for somebody who waits for the bytes. @module */
import type { Bytes, ByteStream } from "../content/bytes.ts";
import type { ByteRange } from "../content/source.ts";
import { withoutProgress } from "../events.ts";
import type { SizedBlob } from "../oci/descriptor.ts";
import { algorithmOf, corrupted, type Digest, DigestHash } from "../oci/digest.ts";
import type { BlobProof, BlobReader, CallOptions } from "../store/store.ts";
import { pull } from "./pull.ts";

/** What reading a blob takes beside it. */
export interface ReadBlobOptions extends CallOptions, ByteRange {
  /** What messages call the blob, such as `chunk 3`; absent = by its digest. */
  what?: string | undefined;
  /** Whether the store itself makes sure of every byte that it gives: no digest is needed. */
  isAuthenticated?: boolean | undefined;
  /** Gives the error that the stream ends with in place of one; absent = each as it is. */
  explain?: ((error: unknown) => Promise<unknown>) | undefined;
}

/** The size of the buffer that bytes are read into. A reader that stops in the middle holds no more of them. */
const PIECE = 128 * 1024;

/**
 * Streams a range of a blob. Where that is the whole blob, it is verified as it flows: the last bytes are given only if the
 * digest is right. A part of a blob cannot be verified. Each piece is valid until the next is asked for. Cancelling the
 * stream ends the request at once.
 */
export function readBlob(store: BlobReader, blob: SizedBlob, options: ReadBlobOptions): ByteStream {
  const { explain, signal } = options;
  const gone = new AbortController();
  const both = signal ? AbortSignal.any([signal, gone.signal]) : gone.signal;
  const pieces = verifiedPieces(store, blob, { ...options, signal: both });
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await pieces.next().catch(async (error) => {
        throw await explain?.(error) ?? error;
      });
      if (done) controller.close();
      else controller.enqueue(value);
    },
    cancel(reason) {
      gone.abort(reason);
      void pieces.return();
    },
  }, { highWaterMark: 0 });
}

async function* verifiedPieces(
  store: BlobReader,
  { digest, size }: SizedBlob,
  { start, end, what, isAuthenticated, signal, onEvent = store.onEvent }: ReadBlobOptions,
): AsyncGenerator<Bytes, void> {
  const isProvable = start === 0 && end === size && !isAuthenticated;
  using proof = isProvable ? await store.prove?.(digest) ?? proofByHash(digest) : undefined;
  const pieces = pull(store, {
    ...{ digest, size, what, signal, range: { start, end }, pieceSize: PIECE, orWhole: true },
    onEvent: withoutProgress(onEvent), // whoever gets the bytes counts them
  });
  let left = end - start;
  for await (const bytes of pieces) {
    proof?.see(bytes);
    left -= bytes.length;
    if (left === 0 && proof && !await proof.isRight()) throw corrupted(digest);
    yield bytes;
  }
}

/** Hashes the bytes in this thread. */
function proofByHash(digest: Digest): BlobProof {
  const hash = new DigestHash(algorithmOf(digest));
  return {
    see: (bytes) => void hash.update(bytes),
    isRight: () => Promise.resolve(hash.digest() === digest),
    [Symbol.dispose]() {},
  };
}
