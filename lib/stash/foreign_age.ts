/**
 * Stored files that another program has encrypted: the bytes of one age file, cut into chunks, or chunks each of which is an
 * age file.
 *
 * @module
 */
import { collect } from "../content/collect.ts";
import type { ByteRange } from "../content/source.ts";
import { AgeFile, headerOpener, type RangeReader } from "../encryption/age_file.ts";
import { FIRST_LINE, looksLikeAge } from "../encryption/header_text.ts";
import type { Identities } from "../encryption/identities.ts";
import { MismatchError } from "../errors.ts";
import { type SizedBlob, totalSize } from "../oci/descriptor.ts";
import { withCalls } from "../store/replaced_calls.ts";
import type { CallOptions, StoreReader } from "../store/store.ts";
import { decryptBlobs, type DecryptedBlobs, verifiedRanges } from "../transfer/decrypted_blobs.ts";
import { placeBlobs, type PlacedBlob, sizeOfFile } from "../transfer/placed_blob.ts";
import type { OpenStash } from "./decrypted_stash.ts";
import { chunksOf } from "./stash.ts";
import { StashKey } from "./stash_key.ts";

/** How many of the first bytes of a chunk show that it is an age file. */
const BEGINNING = FIRST_LINE.length;

/**
 * Decrypts what another program has encrypted. Anything else stays as it is, and an event says so: whoever can write to the
 * repository may have put it there. Nothing binds chunks together that are age files of their own: an event says so.
 *
 * @throws {NotAllowedError} if it is encrypted for none of the identities
 * @throws {MismatchError} if it was layerstash that encrypted it: then nothing is known of it as a whole
 */
export async function openForeignAge(
  open: OpenStash,
  identities: Identities,
  { onEvent, signal }: CallOptions,
): Promise<OpenStash> {
  const { stash, reader: store } = open;
  const options = { onEvent, signal };
  const [first, second] = stash.chunks;
  const isAge = (chunk: SizedBlob) => isAgeFile(store, chunk, options);
  if (!first || !await isAge(first)) {
    onEvent?.({ type: "notice", message: `${stash.baseTag} is not encrypted: no key was needed` });
    return open;
  }
  const isEach = second !== undefined && await isAge(second);
  onEvent?.({
    type: "notice",
    message: isEach
      ? "each chunk is an age file of its own: it is decrypted, and nothing shows that all are in their places"
      : "the stored file is an age file: it is decrypted",
  });
  const { reader, blobs, files, hasher } = isEach
    ? await decryptBlobs(store, stash.chunks, identities, options)
    : await decryptJoined(store, placeBlobs(stash.chunks), identities, options);
  files.forEach(requireForeign);
  const size = totalSize(blobs);
  const plain = { ...stash, size, chunkSize: blobs[0]!.size, chunks: chunksOf(stash.baseTag, blobs) };
  return { stash, plain, reader, isAuthenticated: true, hasher, readerOf: () => reader };
}

/**
 * A registry that hides the description of an encrypted stash, by which its chunks are checked, could else drop or mix them
 * unnoticed.
 *
 * @throws {MismatchError} if it was layerstash that encrypted the file
 */
function requireForeign({ header, nonce }: AgeFile): void {
  if (!new StashKey(header).hasMade(nonce)) return;
  throw new MismatchError("it was stored encrypted, and the description of the encrypted file is missing", {
    hint: "store it again; layerstash blob pull gives each chunk by itself",
  });
}

/** Whether a blob begins as an age file does. */
export async function isAgeFile(
  store: StoreReader,
  blob: SizedBlob,
  options: CallOptions,
): Promise<boolean> {
  if (blob.size <= BEGINNING) return false;
  const beginning = verifiedRanges(store, blob, options)({ start: 0, end: BEGINNING });
  return looksLikeAge(await collect(ReadableStream.from(beginning), BEGINNING));
}

/** The age file that the blobs are, end to end. It goes by the digest of the first of them. */
async function decryptJoined(
  store: StoreReader,
  blobs: readonly PlacedBlob[],
  identities: Identities,
  options: CallOptions,
): Promise<DecryptedBlobs> {
  const parts = blobs.map((blob) => ({ ...blob, read: verifiedRanges(store, blob, options) }));
  const read: RangeReader = async function* ({ start, end }: ByteRange) {
    for (const { size, at, read } of parts) {
      const range = { start: Math.max(0, start - at), end: Math.min(size, end - at) };
      if (range.start < range.end) yield* read(range);
    }
  };
  const openHeader = headerOpener(identities);
  const file = await AgeFile.open({ read, size: sizeOfFile(blobs), openHeader });
  const reader = withCalls(store, {
    prove: () => Promise.resolve(undefined), // the stored file is another one
    stat: () => Promise.resolve(file.size),
    readUnverified: (_, { range } = {}) => Promise.resolve(file.open(range?.start, range?.end)),
  });
  return { reader, blobs: [{ digest: blobs[0]!.digest, size: file.size }], files: [file] };
}
