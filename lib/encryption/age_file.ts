/** An age file that is read from any position, and fetched no further than needed. @module */
import { streamed } from "../content/byte_stream.ts";
import type { Bytes } from "../content/bytes.ts";
import { collect } from "../content/collect.ts";
import type { ByteRange } from "../content/source.ts";
import { MismatchError } from "../errors.ts";
import { type Digest, digestOf } from "../oci/digest.ts";
import { AgeHeader, NONCE_SIZE } from "./age_header.ts";
import { headerSize, MOST_OF_HEADER } from "./header_text.ts";
import { type AgeBeginning, cut, startOf } from "./encrypted_source.ts";
import type { Identities } from "./identities.ts";
import { openRecords } from "./payload.ts";
import { plainSizeOf, RECORD, recordCount, sealedRange } from "./records.ts";

/** The first request for a header, in bytes: that of a few recipients. */
const FIRST_STEP = 4 * 1024;

/**
 * Reads a range of the encrypted bytes. They need not be verified.
 *
 * @category Encryption
 */
export type RangeReader = (range: ByteRange) => AsyncIterable<Uint8Array<ArrayBuffer>>;

/**
 * Opens the headers of age files.
 *
 * @category Encryption
 */
export type HeaderOpener = (header: Uint8Array<ArrayBuffer>) => Promise<AgeHeader>;

/** How many headers stay open for the same keys. */
const MOST_OPEN = 16;

/** The headers that keys have opened, or tried to, by their digests. */
const openedWith = new WeakMap<Identities, Map<Digest, Promise<AgeHeader>>>();

/**
 * Opens headers with keys. Each is opened once, whoever asks: age files share headers, and that of a passphrase takes a second.
 *
 * @category Encryption
 *
 * @param identities the keys
 *
 * @example
 * ```ts
 * import { AgeHeader, headerOpener, Identities, Recipients } from "@layerstash/cli/encryption";
 * const { bytes } = await AgeHeader.make(Recipients.withPassphrase("correct horse battery staple", 10));
 * const keys = Identities.withPassphrase("correct horse battery staple");
 * if (await headerOpener(keys)(bytes) !== await headerOpener(keys)(bytes)) throw new Error("opened twice");
 * ```
 */
export function headerOpener(identities: Identities): HeaderOpener {
  const opened = openedWith.get(identities) ?? new Map<Digest, Promise<AgeHeader>>();
  openedWith.set(identities, opened);
  return (bytes) => {
    const digest = digestOf(bytes);
    const header = opened.get(digest) ?? AgeHeader.open(bytes, identities);
    opened.set(digest, header);
    if (opened.size > MOST_OPEN) opened.delete(opened.keys().next().value!);
    return header;
  };
}

/**
 * What opening an age file takes.
 *
 * @category Encryption
 */
export interface AgeFileOptions {
  /** Reads its bytes. */
  read: RangeReader;
  /** The size of the file, in bytes. */
  size: number;
  /** Opens its header. */
  openHeader: HeaderOpener;
}

/**
 * An age file whose header was opened. Every record is authenticated before a byte of it is given out.
 *
 * @category Encryption
 *
 * @example
 * ```ts
 * import { AgeFile, headerOpener, Identities } from "@layerstash/cli/encryption";
 * const bytes = new TextEncoder().encode("not encrypted");
 * const openHeader = headerOpener(Identities.withPassphrase("correct horse battery staple"));
 * const read = async function* ({ start, end }: { start: number; end: number }) {
 *   yield bytes.slice(start, end);
 * };
 * const refused = await AgeFile.open({ read, size: bytes.length, openHeader }).catch((error) => error.kind);
 * if (refused !== "mismatch") throw new Error("it was opened");
 * ```
 */
export class AgeFile {
  /** How many plain bytes it has. A wrong size of the file is noticed before the first of them is given out. */
  readonly size: number;
  /** Its header. */
  readonly header: AgeHeader;
  /** The nonce of its payload. */
  readonly nonce: Uint8Array<ArrayBuffer>;
  readonly #read: RangeReader;
  /** Where the payload begins. */
  readonly #begin: number;
  readonly #key: Bytes;
  /** Whether what stands before the payload is read along with its first record, and compared. */
  readonly #isKnown: boolean;
  #end: Promise<void> | undefined;

  private constructor(
    read: RangeReader,
    { header, nonce, size, isKnown }: AgeBeginning & { size: number; isKnown: boolean },
  ) {
    this.#read = read;
    this.header = header;
    this.nonce = nonce;
    this.#begin = header.bytes.length + NONCE_SIZE;
    this.#key = header.payloadKey(nonce);
    this.size = size;
    this.#isKnown = isKnown;
    if (isKnown) this.#end = Promise.resolve();
  }

  /**
   * A file of which is known what it begins with, and its size: nothing is read before its bytes are wanted, and whoever opens
   * it says how they are read. A file with another beginning, or of another size, does not pass for it.
   *
   * @param known what it begins with, and how many plain bytes it has
   *
   * @internal
   */
  static ofKnown(known: AgeBeginning & { size: number }): AgeFile {
    return new AgeFile(() => ReadableStream.from([]), { ...known, isKnown: true });
  }

  /**
   * Reads and opens the header, and nothing else.
   *
   * @throws {MismatchError} if it is not an age file, damaged, or too short to be one
   * @throws {NotAllowedError} if none of the keys opens it
   */
  static async open({ read, size, openHeader }: AgeFileOptions): Promise<AgeFile> {
    const start = await readStart(read, size);
    const end = headerSize(start)!;
    const nonce = start.slice(end, end + NONCE_SIZE);
    const header = await openHeader(start.slice(0, end));
    return new AgeFile(read, { header, nonce, size: plainSizeOf(size - end - NONCE_SIZE), isKnown: false });
  }

  /**
   * The plain bytes of a range. Each piece is valid until the next one is read.
   *
   * @param start the first byte; absent = 0
   * @param end the byte after the last; absent = the size
   * @param read reads the encrypted bytes; absent = as the file was opened
   * @throws {MismatchError} if the bytes are not what was encrypted, by the stream
   */
  open(
    start = 0,
    end: number = this.size,
    read: RangeReader = this.#read,
  ): ReadableStream<Uint8Array<ArrayBuffer>> {
    return streamed(this.#pieces({ start, end }, read));
  }

  /**
   * The encrypted bytes that a range of the plain ones is read from: the only ones, where the beginning of the file is known.
   *
   * @internal
   */
  storedRange(range: ByteRange): ByteRange {
    const { start, end } = sealedRange(range, this.size);
    return { start: this.#isKnown && start === 0 ? 0 : this.#begin + start, end: this.#begin + end };
  }

  async *#pieces(range: ByteRange, read: RangeReader): AsyncGenerator<Bytes> {
    const toEnd = range.end === this.size;
    // The last record is marked: with it, the size is known to be the right one.
    if (!toEnd) await (this.#end ??= this.#checkEnd());
    yield* this.#records(range, read);
  }

  async #checkEnd(): Promise<void> {
    const start = (recordCount(this.size) - 1) * RECORD;
    for await (const _ of this.#records({ start, end: this.size }, this.#read));
  }

  async *#records(range: ByteRange, read: RangeReader): AsyncGenerator<Bytes> {
    const stored = this.storedRange(range);
    const first = Math.floor(range.start / RECORD);
    const sealed = stored.start === 0 ? this.#afterBeginning(read(stored)) : read(stored);
    const toEnd = stored.end === this.storedRange({ start: 0, end: this.size }).end;
    const records = openRecords(sealed, { key: this.#key, first, toEnd });
    yield* cut(records, { start: range.start - first * RECORD, end: range.end - first * RECORD });
  }

  /** The payload. What stands before it has to be as expected. */
  async *#afterBeginning(pieces: AsyncIterable<Bytes>): AsyncGenerator<Bytes> {
    const expected = startOf(this);
    let offset = 0;
    for await (const piece of pieces) {
      const before = expected.subarray(offset, offset + piece.length);
      if (before.some((byte, index) => byte !== piece[index])) {
        throw new MismatchError("the encrypted bytes have another header than expected");
      }
      offset += piece.length;
      if (before.length < piece.length) yield piece.subarray(before.length);
    }
  }
}

/**
 * Decrypts an age file that is in memory. Returns its header, too.
 *
 * @throws as {@linkcode AgeFile.open}, and {MismatchError} if its bytes are not what was encrypted
 */
export async function decryptBytes(
  bytes: Bytes,
  openHeader: HeaderOpener,
): Promise<{ header: AgeHeader; plain: Bytes }> {
  const read: RangeReader = ({ start, end }) => ReadableStream.from([bytes.subarray(start, end)]);
  const file = await AgeFile.open({ read, size: bytes.length, openHeader });
  return { header: file.header, plain: await collect(file.open(), file.size) };
}

/**
 * Reads the header of an age file, and does not open it.
 *
 * @throws {MismatchError} if it is not an age file
 */
export async function readHeader(read: RangeReader, size: number): Promise<Bytes> {
  const start = await readStart(read, size);
  return start.slice(0, headerSize(start));
}

/** The header and the nonce, and perhaps bytes after them. */
async function readStart(read: RangeReader, size: number): Promise<Bytes> {
  for (let step = FIRST_STEP;; step *= 4) {
    const wanted = Math.min(step, size, MOST_OF_HEADER + NONCE_SIZE);
    const start = await collect(ReadableStream.from(read({ start: 0, end: wanted })), wanted);
    const end = headerSize(start);
    if (end !== undefined && end + NONCE_SIZE <= start.length) return start;
    if (start.length < wanted || wanted === size) {
      throw new MismatchError("the encrypted bytes end too early");
    }
  }
}
