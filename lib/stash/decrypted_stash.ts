/** An encrypted stash as whoever has its key sees it: the file's own bytes, in chunks with digests of their own. @module */
import type { Bytes, ByteStream } from "../content/bytes.ts";
import type { FileHasher } from "../content/hasher.ts";
import { AgeFile } from "../encryption/age_file.ts";
import { encryptedSize } from "../encryption/encrypted_source.ts";
import { type Identities, needsKeyError } from "../encryption/identities.ts";
import { type LayerstashError, MismatchError, RegistryError } from "../errors.ts";
import { chunkCount } from "../files/input.ts";
import { counted } from "../messages.ts";
import type { Digest } from "../oci/digest.ts";
import type { StoreReader } from "../store/store.ts";
import { withCalls } from "../store/replaced_calls.ts";
import { decryptDetails, digestOfList, type EncryptedDetails, opensWith } from "./encrypted_details.ts";
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
  if (!identities) throw needsKeyError(stash.baseTag, stash.encryption && opensWith(stash.encryption));
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
    chunkCount(size, chunkSize) === chunks.length &&
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
  file: AgeFile;
}

/** Reads a store in which the bytes of the file seem to lie: each record is authenticated before its bytes are given out. */
function decryptingReader(
  store: StoreReader,
  chunks: readonly Chunk[],
  { stash, key }: { stash: Stash; key: StashKey },
): StoreReader {
  const byDigest = new Map<Digest, Chunk>(chunks.map((chunk) => [chunk.digest, chunk]));
  const chunkOf = (digest: Digest): EncryptedChunk => {
    const plain = byDigest.get(digest);
    if (!plain) throw new MismatchError(`the stash has no chunk with the bytes ${digest}`);
    const file = AgeFile.ofKnown({ ...key.ofChunk(plain.number), size: plain.size });
    return { stored: stash.chunks[plain.number - 1]!, plain, file };
  };
  return withCalls(store, {
    prove: () => Promise.resolve(undefined), // the digests are not those of stored files
    async stat(digest, options) {
      const { stored, plain } = chunkOf(digest);
      const found = await store.stat(stored.digest, { ...options, size: stored.size });
      return found === stored.size ? plain.size : found && found - stored.size + plain.size;
    },
    async readUnverified(digest, { range, ...options } = {}) {
      const { stored, plain, file } = chunkOf(digest);
      const { start, end } = range ?? { start: 0, end: plain.size };
      const wanted = file.storedRange({ start, end });
      const whole = wanted.start === 0 && wanted.end === stored.size;
      const bytes = await store.readUnverified(stored.digest, { // at once: a refusal of the range is not the stream's
        ...options,
        ...(!whole && { range: wanted }),
      });
      return file.open(start, end, ({ start, end }) => requireLength(bytes, end - start, { store, stored }));
    },
  });
}

/** The bytes of a stream, which has to have so many: a connection that breaks is not damage. */
async function* requireLength(
  stream: ByteStream,
  size: number,
  { store, stored }: { store: StoreReader; stored: Chunk },
): AsyncGenerator<Bytes> {
  let got = 0;
  for await (const piece of stream) {
    got += piece.length;
    yield piece;
  }
  if (got < size) throw await tooShort(store, stored, got);
}

/** Whether the connection has ended too early, or what is stored does. */
async function tooShort(store: StoreReader, { digest, size }: Chunk, got: number): Promise<LayerstashError> {
  const found = await store.stat(digest, { size });
  if (found !== undefined && found !== size) {
    return new MismatchError(`the blob ${digest} has ${counted(found, "byte")}, not ${size}`);
  }
  return new RegistryError(`the connection broke: it ended after ${got} bytes`, { transient: true });
}
