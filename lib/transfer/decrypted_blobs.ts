/** Encrypted blobs, read as if their plain bytes lay in the store. @module */
import type { Bytes } from "../content/bytes.ts";
import type { FileHasher } from "../content/hasher.ts";
import type { ByteRange } from "../content/source.ts";
import { RunningHash } from "../content/running_hash.ts";
import { AgeFile, type HeaderOpener, headerOpener } from "../encryption/age_file.ts";
import type { Identities } from "../encryption/identities.ts";
import { SealedHasher } from "../encryption/sealed_hasher.ts";
import { withoutProgress } from "../events.ts";
import { type LayerstashError, MismatchError, NotAllowedError } from "../errors.ts";
import type { SizedBlob } from "../oci/descriptor.ts";
import { algorithmOf, corrupted, type Digest } from "../oci/digest.ts";
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
  identities: Identities,
  options: CallOptions = {},
): Promise<DecryptedBlobs> {
  const openHeader = headerOpener(identities);
  const opened = new Map<Digest, OpenedBlob>();
  for (const blob of blobs) {
    if (!opened.has(blob.digest)) opened.set(blob.digest, await openBlob(store, blob, openHeader, options));
  }
  const openedAs = (digest: Digest) => {
    const blob = opened.get(digest);
    if (blob) return blob;
    throw new MismatchError(`the blob ${digest} was not decrypted`);
  };
  const reader = withCalls(store, {
    prove: () => Promise.resolve(undefined), // the stored file is another one
    stat: (digest) => Promise.resolve(openedAs(digest).file.size),
    readUnverified(digest, { range, ...calls } = {}) {
      const { file, read } = openedAs(digest);
      return Promise.resolve(file.open(range?.start, range?.end, (range) => read(range, calls)));
    },
  });
  const plain = blobs.map(({ digest }) => ({ digest, size: openedAs(digest).file.size }));
  return {
    reader,
    blobs: plain,
    files: Array.from(opened.values(), ({ file }) => file),
    hasher: new SealedHasher(new Map(Array.from(opened, ([digest, { file }]) => [digest, file]))),
  };
}

/** A blob that was opened, and how its stored bytes are read. */
interface OpenedBlob {
  file: AgeFile;
  read: VerifiedRanges;
}

async function openBlob(
  store: StoreReader,
  blob: SizedBlob,
  openHeader: HeaderOpener,
  options: CallOptions,
): Promise<OpenedBlob> {
  const read = verifiedRanges(store, blob, options);
  try {
    return { file: await AgeFile.open({ read, size: blob.size, openHeader }), read };
  } catch (error) {
    const isOfBlob = error instanceof MismatchError || error instanceof NotAllowedError && error.isLasting;
    throw isOfBlob
      ? (error as LayerstashError).with({ message: `the blob ${blob.digest}: ${error.message}` })
      : error;
  }
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
