/**
 * Stored files that another program has encrypted: the bytes of one age file, cut into chunks, or chunks each of which is an
 * age file.
 *
 * @module
 */
import { collect } from "../content/collect.ts";
import type { FileHasher } from "../content/hasher.ts";
import type { AgeFile } from "../encryption/age_file.ts";
import { FIRST_LINE, looksLikeAge } from "../encryption/header_text.ts";
import type { Identities } from "../encryption/identities.ts";
import { MismatchError } from "../errors.ts";
import { type SizedBlob, totalSize } from "../oci/descriptor.ts";
import type { CallOptions, StoreReader } from "../store/store.ts";
import { decryptBlobs, decryptJoined, verifiedRanges } from "../transfer/decrypted_blobs.ts";
import { chunksOf, type Stash } from "./stash.ts";
import { StashKey } from "./stash_key.ts";

/** How many of the first bytes of a chunk show that it is an age file. */
const BEGINNING = FIRST_LINE.length;

/** A stash that another program has encrypted, and how its plain bytes are read. */
export interface ForeignStash {
  /** The stash, with chunks of plain bytes. Their digests are those of the stored chunks. */
  plain: Stash;
  /** Reads these chunks. */
  reader: StoreReader;
  /** Gives their digests from the plain bytes; absent = nothing does. */
  hasher?: FileHasher | undefined;
}

/**
 * Decrypts what another program has encrypted. `undefined` = it is something else, and an event says so: whoever can write to
 * the repository may have put it there. Nothing binds chunks together that are age files of their own: an event says so.
 *
 * @throws {NotAllowedError} if it is encrypted for none of the identities
 * @throws {MismatchError} if it was layerstash that encrypted it: then nothing is known of it as a whole
 */
export async function openForeignAge(
  store: StoreReader,
  stash: Stash,
  { identities, ...options }: CallOptions & { identities: Identities },
): Promise<ForeignStash | undefined> {
  const notice = (message: string) => options.onEvent?.({ type: "notice", message });
  const [first, second] = stash.chunks;
  const isAge = (chunk: SizedBlob) => isAgeFile(store, chunk, options);
  if (!first || !await isAge(first)) {
    return void notice(`${stash.baseTag} is not encrypted: no key was needed`);
  }
  const isEach = second !== undefined && await isAge(second);
  notice(
    isEach
      ? "each chunk is an age file of its own: it is decrypted, and nothing shows that all are in their places"
      : "the stored file is an age file: it is decrypted",
  );
  const decrypt = isEach ? decryptBlobs : decryptJoined;
  const { reader, blobs, files, hasher } = await decrypt(store, stash.chunks, { identities, ...options });
  files.forEach(requireForeign);
  const size = totalSize(blobs);
  const plain = { ...stash, size, chunkSize: blobs[0]!.size, chunks: chunksOf(stash.baseTag, blobs) };
  return { plain, reader, hasher };
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
