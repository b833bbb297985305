/** Blobs that are age files, opened with keys: what nobody has written down of them is read from their headers. @module */
import type { Bytes } from "../content/bytes.ts";
import type { FileHasher } from "../content/hasher.ts";
import type { ByteRange } from "../content/source.ts";
import { RunningHash } from "../content/running_hash.ts";
import { AgeFile, headerOpener } from "../encryption/age_file.ts";
import type { Identities } from "../encryption/identities.ts";
import { SealedHasher } from "../encryption/sealed_hasher.ts";
import { withoutProgress } from "../events.ts";
import { type LayerstashError, MismatchError, NotAllowedError } from "../errors.ts";
import { type SizedBlob, totalSize } from "../oci/descriptor.ts";
import { algorithmOf, corrupted, type Digest } from "../oci/digest.ts";
import type { CallOptions, StoreReader } from "../store/store.ts";
import { placeBlobs } from "./placed_blob.ts";
import { type PlainBlob, withPlainBlobs } from "./plain_blobs.ts";
import { pull } from "./pull.ts";

/** What opening blobs takes. */
export interface DecryptOptions extends CallOptions {
  /** The keys. */
  identities: Identities;
}

/** Blobs that were decrypted. */
export interface DecryptedBlobs {
  /** Reads their plain bytes, by the digests that the blobs have as they are stored. */
  reader: StoreReader;
  /** The digests, with the sizes of the plain bytes. */
  blobs: SizedBlob[];
  /** What was opened. */
  files: AgeFile[];
  /** Hashes their plain bytes, end to end in a file: encrypted again they have the digests. Absent = these are of other blobs. */
  hasher?: FileHasher;
}

/**
 * Opens blobs that are age files: their headers are read. Every record is authenticated before a byte of it is given out, and
 * a blob that is read as a whole has the digest that was asked for.
 *
 * @throws {NotAllowedError} if a blob is encrypted for none of the identities
 * @throws {MismatchError} if a blob is not an age file, or damaged
 */
export async function decryptBlobs(
  store: StoreReader,
  blobs: readonly SizedBlob[],
  { identities, ...options }: DecryptOptions,
): Promise<DecryptedBlobs> {
  const opened = new Map<Digest, OpenedFile>();
  for (const blob of blobs) {
    if (opened.has(blob.digest)) continue;
    const read = verifiedRanges(store, blob, options);
    opened.set(
      blob.digest,
      await openFile(read, blob.size, identities).catch((error) => {
        throw ofBlob(blob, error);
      }),
    );
  }
  const plain = blobs.map(({ digest }) => ({ digest, size: opened.get(digest)!.size }));
  const files = new Map(Array.from(opened, ([digest, { file }]) => [digest, file]));
  return {
    reader: withPlainBlobs(store, (digest) => opened.get(digest)),
    blobs: plain,
    files: [...files.values()],
    hasher: new SealedHasher(files),
  };
}

/**
 * Opens the age file that blobs are, end to end. It goes by the digest of the first of them.
 *
 * @throws {NotAllowedError} if it is encrypted for none of the identities
 * @throws {MismatchError} if it is not an age file, or damaged
 */
export async function decryptJoined(
  store: StoreReader,
  blobs: readonly SizedBlob[],
  { identities, ...options }: DecryptOptions,
): Promise<DecryptedBlobs> {
  const parts = placeBlobs(blobs).map((blob) => ({ ...blob, read: verifiedRanges(store, blob, options) }));
  const read: VerifiedRanges = async function* ({ start, end }, options) {
    for (const { size, at, read } of parts) {
      const range = { start: Math.max(0, start - at), end: Math.min(size, end - at) };
      if (range.start < range.end) yield* read(range, options);
    }
  };
  const opened = await openFile(read, totalSize(blobs), identities);
  const { digest } = blobs[0]!;
  return {
    reader: withPlainBlobs(store, (wanted) => wanted === digest ? opened : undefined),
    blobs: [{ digest, size: opened.size }],
    files: [opened.file],
  };
}

/** An age file that was opened. */
interface OpenedFile extends PlainBlob {
  file: AgeFile;
}

async function openFile(read: VerifiedRanges, size: number, identities: Identities): Promise<OpenedFile> {
  const file = await AgeFile.open({ read, size, openHeader: headerOpener(identities) });
  return {
    file,
    size: file.size,
    isVerified: true,
    open: ({ start, end }, options) => file.open(start, end, (range) => read(range, options)),
  };
}

/** The error of what was opened, with the blob that it is of, where it is of one. */
function ofBlob({ digest }: SizedBlob, error: unknown): unknown {
  const isOfBlob = error instanceof MismatchError || error instanceof NotAllowedError && error.isLasting;
  return isOfBlob
    ? (error as LayerstashError).with({ message: `the blob ${digest}: ${error.message}` })
    : error;
}

/** Reads ranges of a blob, each as the call or else the opening says. */
export type VerifiedRanges = (range: ByteRange, options?: CallOptions) => AsyncGenerator<Bytes>;

/** Reads ranges of a blob. When all of it was read in order, its digest is compared. */
export function verifiedRanges(
  store: StoreReader,
  { digest, size, what }: SizedBlob & { what?: string | undefined },
  options: CallOptions,
): VerifiedRanges {
  const hash = new RunningHash(algorithmOf(digest));
  return async function* (range, { signal, onEvent } = options) {
    const quiet = withoutProgress(onEvent ?? store.onEvent); // whoever takes the plain bytes counts these
    let offset = range.start;
    for await (
      const piece of pull(store, { digest, size, what, range, orWhole: true, signal, onEvent: quiet })
    ) {
      hash.see(piece, offset);
      offset += piece.length;
      if (hash.position === size && hash.digest(size) !== digest) throw corrupted(digest);
      yield piece;
    }
  };
}
