/** Opens a stash for whoever wants the bytes of the file, whichever program has encrypted it. @module */
import type { FileHasher } from "../content/hasher.ts";
import { encryptedSize } from "../encryption/encrypted_source.ts";
import { type Identities, needsKeyError } from "../encryption/identities.ts";
import { MismatchError } from "../errors.ts";
import { chunkCount } from "../files/input.ts";
import type { Digest } from "../oci/digest.ts";
import type { CallOptions, StoreReader } from "../store/store.ts";
import { type PlainBlob, plainBlob, withPlainBlobs } from "../transfer/plain_blobs.ts";
import { decryptDetails, digestOfList, type EncryptedDetails, opensWith } from "./encrypted_details.ts";
import { openForeignAge } from "./foreign_age.ts";
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

/** What opening a stash takes. */
export interface OpenStashOptions extends CallOptions {
  /** The keys that decrypt it; absent = it is not encrypted, or its stored bytes are wanted. */
  identities?: Identities | undefined;
}

/**
 * Opens a stash. One that is not encrypted is as it is; where keys were given for it, an event says so.
 *
 * @throws {NotAllowedError} if it is encrypted, and none of the identities opens it
 * @throws {MismatchError} if it is damaged, or its description is that of other chunks
 */
export async function openStash(
  store: StoreReader,
  stash: Stash,
  { identities, ...options }: OpenStashOptions,
): Promise<OpenStash> {
  if (stash.encryption) return decryptStash(store, stash, await openSecrets(stash, identities));
  const foreign = identities && await openForeignAge(store, stash, { identities, ...options });
  if (!foreign) return asStored(store, stash);
  return { stash, ...foreign, isAuthenticated: true, readerOf: () => foreign.reader };
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
  const { name, modified, size, chunkSize, digests, places } = details;
  const slices = digests.map((digest, index) => ({
    digest,
    size: sliceSize(index + 1, { size, chunkSize }),
  }));
  const { encryption, name: _, ...rest } = stash;
  const named = { ...rest, modified, ...(name !== undefined && { name }) };
  const plain = { ...named, size, chunkSize, chunks: chunksOf(stash.baseTag, slices) };
  const readerOf = (...chunks: Chunk[]) => {
    const blobs = new Map(chunks.map((chunk): [Digest, PlainBlob] => {
      const stored = stash.chunks[chunk.number - 1]!;
      const beginning = key.ofChunk(chunk.number, places?.[chunk.number]);
      return [chunk.digest, plainBlob(store, stored, { ...beginning, size: chunk.size })];
    }));
    return withPlainBlobs(store, (digest) => blobs.get(digest));
  };
  return {
    stash: { ...named, encryption: { format: "age", ...encryption, size } },
    plain,
    reader: readerOf(...plain.chunks),
    readerOf,
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
