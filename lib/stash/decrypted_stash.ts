/** An encrypted stash as whoever has its key sees it: the file's own bytes, in chunks with digests of their own. @module */
import { streamed } from "../content/byte_stream.ts";
import type { Bytes, ByteStream } from "../content/bytes.ts";
import type { FileHasher } from "../content/hasher.ts";
import type { ByteRange } from "../content/source.ts";
import { NONCE_SIZE } from "../encryption/age_header.ts";
import { type AgeBeginning, cut, encryptedSize } from "../encryption/encrypted_source.ts";
import { type Identities, needsKeyError } from "../encryption/identities.ts";
import { openRecords } from "../encryption/payload.ts";
import { RECORD, sealedRange } from "../encryption/records.ts";
import { type LayerstashError, MismatchError, RegistryError } from "../errors.ts";
import { counted } from "../messages.ts";
import type { Digest } from "../oci/digest.ts";
import type { StoreReader } from "../store/store.ts";
import { withCalls } from "../store/replaced_calls.ts";
import { decryptDetails, digestOfList, type EncryptedDetails } from "./encrypted_details.ts";
import { type Chunk, chunksOf, sliceSize, type Stash } from "./stash.ts";
import type { StashKey } from "./stash_key.ts";

/** A stash, and how the bytes of the file are read. */
export interface OpenStash {
  /** The stash as it is stored, with the name of the file. */
  stash: Stash;
  /** The stash as it was before it was encrypted: its chunks have the bytes of the file. */
  plain: Stash;
  /** Reads the chunks of `plain` by their digests. */
  reader: StoreReader;
  /** Set where the bytes are authentic as they come, and have digests that are not known. */
  isAuthenticated?: true;
  /** Then: gives the digests of `plain` from the bytes of the file; absent = nothing does. */
  hasher?: FileHasher | undefined;
  /** Reads one of these chunks alone: others may have the same bytes. */
  readerOf(chunk: Chunk): StoreReader;
}

/** What opens an encrypted stash, and what it says of the file. */
export interface StashSecrets {
  details: EncryptedDetails;
  key: StashKey;
}

/**
 * Opens the description of an encrypted stash, and makes sure that it is that of its chunks.
 *
 * @throws {NotAllowedError} if none of the identities opens it
 * @throws {MismatchError} if it is missing, damaged, or that of other chunks
 */
export async function openSecrets(stash: Stash, identities: Identities | undefined): Promise<StashSecrets> {
  if (!identities) throw needsKeyError(stash.baseTag);
  const encoded = stash.encryption?.details?.();
  if (encoded === undefined) {
    throw new MismatchError(`${stash.baseTag} has no description of the encrypted file`);
  }
  const secrets = await decryptDetails(encoded, identities);
  requireFit(stash, secrets);
  return secrets;
}

/** Shows a stash that layerstash has encrypted as it was before. */
export function decryptStash(store: StoreReader, stash: Stash, { details, key }: StashSecrets): OpenStash {
  const { name, modified, size, chunkSize, digests } = details;
  const slices = digests.map((digest, index) => ({
    digest,
    size: sliceSize(index + 1, { size, chunkSize }),
  }));
  const { encryption, name: _, ...rest } = stash;
  const named = { ...rest, modified, ...(name !== undefined && { name }) };
  const plain = { ...named, size, chunkSize, chunks: chunksOf(stash.baseTag, slices) };
  return {
    stash: { ...named, encryption: { format: "age", ...encryption, size } },
    plain,
    reader: decryptingReader(store, plain.chunks, { stash, key }),
    readerOf: (chunk) => decryptingReader(store, [chunk], { stash, key }),
  };
}

/** A stash of which the stored bytes are wanted, encrypted or not. */
export function asStored(store: StoreReader, stash: Stash): OpenStash {
  return { stash, plain: stash, reader: store, readerOf: () => store };
}

/** The details are authentic. What everybody can write, the list of chunks and their sizes, has to fit them. */
function requireFit(
  { chunks }: Stash,
  { details: { size, chunkSize, digests, stored }, key: { header } }: StashSecrets,
): void {
  const fits = digests.length === chunks.length && digestOfList(chunks) === stored &&
    Math.max(1, Math.ceil(size / chunkSize)) === chunks.length &&
    chunks.every((chunk, index) =>
      chunk.size === encryptedSize(header, sliceSize(index + 1, { size, chunkSize }))
    );
  if (fits) return;
  throw new MismatchError(
    "the chunks are not those that were encrypted: some were dropped, moved or exchanged",
  );
}

/** A chunk as it is stored, and as it was before. */
interface EncryptedChunk {
  stored: Chunk;
  plain: Chunk;
  beginning: AgeBeginning;
}

/** Reads a store in which the bytes of the file seem to lie: each record is authenticated before its bytes are given out. */
function decryptingReader(
  store: StoreReader,
  chunks: readonly Chunk[],
  { stash, key }: { stash: Stash; key: StashKey },
): StoreReader {
  const byDigest = new Map<Digest, Chunk>(chunks.map((chunk) => [chunk.digest, chunk]));
  const chunkOf = (digest: Digest): EncryptedChunk => {
    const chunk = byDigest.get(digest);
    if (!chunk) throw new MismatchError(`the stash has no chunk with the bytes ${digest}`);
    return { plain: chunk, stored: stash.chunks[chunk.number - 1]!, beginning: key.ofChunk(chunk.number) };
  };
  return withCalls(store, {
    prove: () => Promise.resolve(undefined), // the digests are not those of stored files
    async stat(digest, options) {
      const { stored, plain } = chunkOf(digest);
      const found = await store.stat(stored.digest, { ...options, size: stored.size });
      return found === stored.size ? plain.size : found && found - stored.size + plain.size;
    },
    async readUnverified(digest, { range, ...options } = {}) {
      const chunk = chunkOf(digest);
      const { stored, plain } = chunk;
      const { start, end } = range ?? { start: 0, end: plain.size };
      const wanted = storedRange({ start, end }, chunk);
      const whole = wanted.start === 0 && wanted.end === stored.size;
      const bytes = await store.readUnverified(stored.digest, {
        ...options,
        ...(!whole && { range: wanted }),
      });
      const explain = async (got: number) => await tooShort(store, chunk, got);
      return streamed(decrypt(bytes, chunk, { range: { start, end }, explain }));
    },
  });
}

/** Which stored bytes are read: the first bytes of a chunk come with what stands before them, so that all are checked. */
function storedRange(range: ByteRange, { plain, beginning: { header } }: EncryptedChunk): ByteRange {
  const before = header.bytes.length + NONCE_SIZE;
  const { start, end } = sealedRange(range, plain.size);
  return { start: start === 0 ? 0 : before + start, end: before + end };
}

async function* decrypt(
  stream: ByteStream,
  chunk: EncryptedChunk,
  { range: { start, end }, explain }: { range: ByteRange; explain: (got: number) => Promise<unknown> },
): AsyncGenerator<Bytes> {
  const { plain, beginning: { header, nonce } } = chunk;
  const first = Math.floor(start / RECORD);
  const wanted = storedRange({ start, end }, chunk);
  const expected = first === 0 ? new Uint8Array([...header.bytes, ...nonce]) : new Uint8Array();
  const payload = withoutBeginning(stream, { expected, size: wanted.end - wanted.start, explain });
  const toEnd = Math.ceil(end / RECORD) >= Math.ceil(plain.size / RECORD);
  const records = openRecords(payload, { key: header.payloadKey(nonce), first, toEnd });
  yield* cut(records, { start: start - first * RECORD, end: end - first * RECORD });
}

/** The payload of a chunk. What stands before it has to be as expected: nobody can exchange it unnoticed. */
async function* withoutBeginning(
  stream: ByteStream,
  { expected, size, explain }: { expected: Bytes; size: number; explain: (got: number) => Promise<unknown> },
): AsyncGenerator<Bytes> {
  let offset = 0;
  for await (const piece of stream) {
    const before = expected.subarray(offset, offset + piece.length);
    if (before.some((byte, index) => byte !== piece[index])) {
      throw new MismatchError("the header of an encrypted chunk is not the one of the stash");
    }
    offset += piece.length;
    if (before.length < piece.length) yield piece.subarray(before.length);
  }
  if (offset < size) throw await explain(offset);
}

/** Whether the connection has ended too early, or what is stored does. */
async function tooShort(
  store: StoreReader,
  { stored }: EncryptedChunk,
  got: number,
): Promise<LayerstashError> {
  const found = await store.stat(stored.digest, { size: stored.size });
  if (found !== undefined && found !== stored.size) {
    return new MismatchError(`the blob ${stored.digest} has ${counted(found, "byte")}, not ${stored.size}`);
  }
  return new RegistryError(`the connection broke: it ended after ${got} bytes`, { transient: true });
}
