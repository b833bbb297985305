/** Encrypted blobs, read as if their plain bytes lay in the store. @module */
import type { ByteRange } from "../content/source.ts";
import { RunningHash } from "../content/running_hash.ts";
import { AgeFile, type HeaderOpener, headerOpener, type RangeReader } from "../encryption/age_file.ts";
import type { Identities } from "../encryption/identities.ts";
import { withoutProgress } from "../events.ts";
import { type LayerstashError, MismatchError, NotAllowedError } from "../errors.ts";
import type { SizedBlob } from "../oci/descriptor.ts";
import { corrupted, type Digest } from "../oci/digest.ts";
import { withCalls } from "../store/replaced_calls.ts";
import type { CallOptions, StoreReader } from "../store/store.ts";
import { pull } from "./pull.ts";

/** Blobs that were decrypted. */
export interface DecryptedBlobs {
  /** Reads their plain bytes, by the digests that the blobs have as they are stored. */
  reader: StoreReader;
  /** The digests, with the sizes of the plain bytes. */
  blobs: SizedBlob[];
  /** What was opened. */
  files: AgeFile[];
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
  identities: Identities,
  options: CallOptions = {},
): Promise<DecryptedBlobs> {
  const openHeader = headerOpener(identities);
  const files = new Map<Digest, AgeFile>();
  for (const blob of blobs) {
    if (!files.has(blob.digest)) files.set(blob.digest, await openBlob(store, blob, openHeader, options));
  }
  const fileOf = (digest: Digest) => {
    const file = files.get(digest);
    if (file) return file;
    throw new MismatchError(`the blob ${digest} was not decrypted`);
  };
  const reader = withCalls(store, {
    stat: (digest) => Promise.resolve(fileOf(digest).size),
    readUnverified(digest, { range } = {}) {
      return Promise.resolve(fileOf(digest).open(range?.start, range?.end));
    },
  });
  return {
    reader,
    blobs: blobs.map(({ digest }) => ({ digest, size: fileOf(digest).size })),
    files: [...files.values()],
  };
}

async function openBlob(
  store: StoreReader,
  blob: SizedBlob,
  openHeader: HeaderOpener,
  options: CallOptions,
): Promise<AgeFile> {
  try {
    return await AgeFile.open({ read: verifiedRanges(store, blob, options), size: blob.size, openHeader });
  } catch (error) {
    const isOfBlob = error instanceof MismatchError || error instanceof NotAllowedError && error.isLasting;
    throw isOfBlob
      ? (error as LayerstashError).with({ message: `the blob ${blob.digest}: ${error.message}` })
      : error;
  }
}

/** Reads ranges of a blob. When all of it was read in order, its digest is compared. */
export function verifiedRanges(
  store: StoreReader,
  { digest, size, what }: SizedBlob & { what?: string | undefined },
  options: CallOptions,
): RangeReader {
  const hash = new RunningHash();
  const { signal, onEvent } = options;
  const quiet = withoutProgress(onEvent ?? store.onEvent); // whoever takes the plain bytes counts these
  return async function* (range: ByteRange) {
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
