/** A store in which encrypted blobs seem to be plain: whoever reads it need not know that they are age files. @module */
import { verified } from "../content/byte_stream.ts";
import type { Bytes, ByteStream } from "../content/bytes.ts";
import type { ByteRange } from "../content/source.ts";
import { AgeFile } from "../encryption/age_file.ts";
import type { AgeBeginning } from "../encryption/encrypted_source.ts";
import type { SizedBlob } from "../oci/descriptor.ts";
import type { Digest } from "../oci/digest.ts";
import { withCalls } from "../store/replaced_calls.ts";
import type { BlobOptions, BlobReader, StoreReader } from "../store/store.ts";
import { broken, requireSize } from "./receive.ts";

/** Plain bytes that a store does not have as they are. */
export interface PlainBlob {
  /** How many there are. */
  size: number;
  /** The blob that they are made of: they are there if it is. Absent = they are at hand. */
  stored?: SizedBlob | undefined;
  /** Set where they go by a digest that is not theirs: whoever reads all of them in order gets the right ones. */
  isVerified?: boolean;
  /** Reads a range of them. */
  open(range: ByteRange, options: BlobOptions): ByteStream | Promise<ByteStream>;
}

/** The store, with plain blobs under the digests that `plainOf` knows. All others are as they are. */
export function withPlainBlobs<S extends StoreReader>(
  store: S,
  plainOf: (digest: Digest) => PlainBlob | undefined,
): S {
  const calls: Partial<StoreReader> = {
    prove: async (digest) => plainOf(digest) ? undefined : await store.prove?.(digest), // the file in the store is another one
    async stat(digest, options) {
      const blob = plainOf(digest);
      return blob ? await statPlain(store, blob, options) : await store.stat(digest, options);
    },
    async read(digest, options = {}) {
      const blob = plainOf(digest);
      if (!blob) return await store.read(digest, options);
      const bytes = await blob.open({ start: 0, end: blob.size }, options);
      return blob.isVerified ? bytes : verified(bytes, digest);
    },
    async readUnverified(digest, { range, ...options } = {}) {
      const blob = plainOf(digest);
      if (!blob) return await store.readUnverified(digest, { range, ...options });
      return await blob.open(range ?? { start: 0, end: blob.size }, options);
    },
  };
  return withCalls<S>(store, calls as Partial<S>);
}

/** A blob that is stored with too many or too few bytes has as many too many or too few plain ones. */
async function statPlain(
  store: BlobReader,
  { size, stored }: PlainBlob,
  options: BlobOptions | undefined,
): Promise<number | undefined> {
  if (!stored) return size;
  const found = await store.stat(stored.digest, { ...options, size: stored.size });
  return found && found - stored.size + size;
}

/**
 * The plain bytes of an age file of which header, nonce and size are known. Each record is authenticated before a byte of it
 * is given out.
 */
export function plainBlob(
  store: BlobReader,
  stored: SizedBlob,
  known: AgeBeginning & { size: number },
): PlainBlob {
  const file = AgeFile.ofKnown(known);
  return {
    size: file.size,
    stored,
    async open(plain, options) {
      const range = file.storedRange(plain);
      const isWhole = range.start === 0 && range.end === stored.size;
      // Asked for at once: a refusal of the range is an error of the call, not of the stream.
      const bytes = await store.readUnverified(stored.digest, { ...options, ...(!isWhole && { range }) });
      const read = ({ start, end }: ByteRange) => wholly(bytes, end - start, { store, stored, options });
      return withSource(file.open(plain.start, plain.end, read), bytes);
    },
  };
}

/** A stream that lets go of its source when it is cancelled, also before it has begun to read that. */
function withSource(stream: ByteStream, source: ByteStream): ByteStream {
  const reader = stream.getReader();
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await reader.read();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    async cancel(reason) {
      await reader.cancel(reason);
      await source.cancel(reason).catch(() => {}); // it may have broken
    },
  }, { highWaterMark: 0 });
}

/** The bytes of a stream, which has to have so many: a connection that breaks is not damage. */
async function* wholly(
  stream: ByteStream,
  size: number,
  { store, stored, options }: { store: BlobReader; stored: SizedBlob; options: BlobOptions },
): AsyncGenerator<Bytes> {
  let got = 0;
  for await (const piece of stream) {
    got += piece.length;
    yield piece;
  }
  if (got >= size) return;
  await requireSize(store, { ...stored, ...options });
  throw broken(new Error(`it ended after ${got} of ${size} bytes`));
}
