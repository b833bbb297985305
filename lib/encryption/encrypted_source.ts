/** Plain content as an age file, for a store. @module */
import { streamed } from "../content/byte_stream.ts";
import type { Bytes } from "../content/bytes.ts";
import type { HashOptions } from "../content/hasher.ts";
import type { ByteRange, Source } from "../content/source.ts";
import { type Digest, DigestHash } from "../oci/digest.ts";
import { type AgeHeader, NONCE_SIZE } from "./age_header.ts";
import { sealRecords } from "./payload.ts";
import { RECORD, SEALED_RECORD, sealedSize } from "./records.ts";

/**
 * What an age file begins with, beside its plain bytes.
 *
 * @category Encryption
 */
export interface AgeBeginning {
  /** The header, with its file key. */
  header: AgeHeader;
  /** 16 bytes that no other file with this header has, such as {@linkcode newNonce} makes. */
  nonce: Uint8Array<ArrayBuffer>;
}

/**
 * The size of the age file of so many plain bytes.
 *
 * @category Encryption
 *
 * @param header its header
 * @param plainSize in bytes
 *
 * @example
 * ```ts
 * import { encryptedSize } from "@layerstash/cli/encryption";
 * if (encryptedSize({ bytes: new Uint8Array(168) }, 100) !== 168 + 16 + 100 + 16) throw new Error("unexpected size");
 * ```
 */
export function encryptedSize(header: Pick<AgeHeader, "bytes">, plainSize: number): number {
  return header.bytes.length + NONCE_SIZE + sealedSize(plainSize);
}

/**
 * Encrypts a source as an age file. The same header, nonce and bytes give the same file, so that its sending can go on in the
 * middle, also in another process. What can be read only once gives what can be read only once.
 *
 * **A nonce with other bytes is not safe**: whoever sees both files learns in what the bytes differ. Whoever keeps a nonce
 * to go on later makes sure that the bytes have not changed.
 *
 * @category Encryption
 *
 * @param plain the bytes to be encrypted
 * @param beginning the header, and the nonce
 *
 * @example
 * ```ts
 * import { AgeHeader, encryptedSource, newNonce, Recipients } from "@layerstash/cli/encryption";
 * import { bytesSource } from "@layerstash/cli/store";
 * const header = await AgeHeader.make(Recipients.withPassphrase("correct horse battery staple", 10));
 * const source = encryptedSource(bytesSource(new Uint8Array(100)), { header, nonce: newNonce() });
 * let size = 0;
 * for await (const piece of source.open()) size += piece.length;
 * if (size !== source.size) throw new Error("unexpected size");
 * ```
 */
export function encryptedSource(plain: Source, beginning: AgeBeginning): Source {
  if (plain.once) return onceSource(() => encryptedPieces(() => plain.open(), beginning));
  const { header, nonce } = beginning;
  const start = startOf(beginning);
  const key = header.payloadKey(nonce);
  const size = encryptedSize(header, plain.size!);
  let digest: Promise<Digest> | undefined;
  const pieces = async function* (from: number, to: number): AsyncGenerator<Bytes> {
    if (from < start.length) yield start.subarray(from, to);
    const range = { start: Math.max(0, from - start.length), end: to - start.length };
    if (range.end > range.start) yield* sealedPieces(plain, key, range);
  };
  return {
    size,
    open: (from = 0, to = size) => streamed(pieces(from, to)),
    digest: (onBytes) => digest ??= digestOfPieces(pieces(0, size), { onBytes }),
  };
}

/** The age file of plain bytes, which are opened after its beginning. Each piece is valid until the next one is requested. */
export async function* encryptedPieces(
  openPlain: () => AsyncIterable<Bytes>,
  beginning: AgeBeginning,
): AsyncGenerator<Bytes, void> {
  const { header, nonce } = beginning;
  yield startOf(beginning);
  yield* sealRecords(openPlain(), { key: header.payloadKey(nonce), first: 0, toEnd: true });
}

/** What stands before the payload. */
export function startOf({ header, nonce }: AgeBeginning): Bytes {
  return new Uint8Array([...header.bytes, ...nonce]);
}

/** The bytes of a range of the payload. */
async function* sealedPieces(plain: Source, key: Bytes, range: ByteRange): AsyncGenerator<Bytes> {
  const size = plain.size!;
  const first = Math.floor(range.start / SEALED_RECORD);
  const end = Math.min(size, Math.ceil(range.end / SEALED_RECORD) * RECORD);
  const records = sealRecords(plain.open(first * RECORD, end), { key, first, toEnd: end === size });
  yield* cut(records, { start: range.start - first * SEALED_RECORD, end: range.end - first * SEALED_RECORD });
}

/** A source that is hashed as it flows, because nobody can read it a second time. */
function onceSource(read: () => AsyncIterable<Bytes>): Source {
  const { promise, resolve, reject } = Promise.withResolvers<Digest>();
  promise.catch(() => {}); // a failed read is reported by the stream
  let isRead = false;
  const hashed = async function* () {
    if (isRead) throw new Error("what can be read once was to be encrypted twice, with one nonce");
    isRead = true;
    const hash = new DigestHash();
    let isWhole = false;
    try {
      for await (const piece of read()) {
        hash.update(piece);
        yield piece.slice();
      }
      isWhole = true;
      resolve(hash.digest());
    } catch (error) {
      reject(error);
      throw error;
    } finally {
      if (!isWhole) reject(new Error("the encrypted bytes were not read to their end"));
    }
  };
  return { size: undefined, once: true, open: () => streamed(hashed()), digest: () => promise };
}

/** The digest of bytes that flow. */
export async function digestOfPieces(
  pieces: AsyncIterable<Bytes>,
  { algorithm, onBytes }: Pick<HashOptions, "algorithm" | "onBytes"> = {},
): Promise<Digest> {
  const hash = new DigestHash(algorithm);
  for await (const piece of pieces) {
    hash.update(piece);
    onBytes?.(piece.length);
  }
  return hash.digest();
}

/** The bytes of a range of what flows. */
export async function* cut(pieces: AsyncIterable<Bytes>, { start, end }: ByteRange): AsyncGenerator<Bytes> {
  let offset = 0;
  for await (const piece of pieces) {
    const part = piece.subarray(Math.max(0, start - offset), Math.max(0, end - offset));
    offset += piece.length;
    if (part.length > 0) yield part;
    if (offset >= end) return;
  }
}
