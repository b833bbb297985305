/** The payload of an age file: records of 64 KiB, each sealed by itself, in order. @module */
import { type Bytes, free } from "../content/bytes.ts";
import type { ByteRange } from "../content/source.ts";
import { MismatchError } from "../errors.ts";
import { NONCE_LENGTH, seal, TAG_SIZE, unseal } from "./chacha.ts";

/** How many bytes a record holds; the last one may hold fewer. */
export const RECORD = 64 * 1024;

/** How many records are sealed or opened at once. */
export const BATCH = 8;

/** The size of a sealed record. */
export const SEALED_RECORD = RECORD + TAG_SIZE;

/** How many records hold so many bytes. Nothing at all takes an empty one. */
export function recordCount(plainSize: number): number {
  return Math.max(1, Math.ceil(plainSize / RECORD));
}

/** The size of the payload of so many bytes. */
export function sealedSize(plainSize: number): number {
  return plainSize + recordCount(plainSize) * TAG_SIZE;
}

/**
 * How many bytes a payload of a size has.
 *
 * @throws {MismatchError} if no payload has this size
 */
export function plainSizeOf(sealed: number): number {
  const records = Math.ceil(sealed / SEALED_RECORD);
  const last = sealed - (records - 1) * SEALED_RECORD;
  if (sealed >= TAG_SIZE && (last > TAG_SIZE || sealed === TAG_SIZE)) return sealed - records * TAG_SIZE;
  throw new MismatchError("the encrypted bytes end too early");
}

/** The range of a payload with the records that hold a range of its plain bytes. */
export function sealedRange({ start, end }: ByteRange, plainSize: number): ByteRange {
  const first = Math.floor(start / RECORD);
  const after = Math.max(first + 1, Math.ceil(end / RECORD));
  return { start: first * SEALED_RECORD, end: Math.min(after * SEALED_RECORD, sealedSize(plainSize)) };
}

/** Seals and opens the records of one payload. */
export class RecordCipher {
  readonly #key: Bytes;
  readonly #nonce = new Uint8Array(NONCE_LENGTH);
  readonly #view = new DataView(this.#nonce.buffer);

  /** @param key the key of the payload */
  constructor(key: Bytes) {
    this.#key = key;
  }

  /** Seals a record into a buffer. Returns its size. */
  seal(place: RecordPlace, plain: Bytes, into: Bytes): number {
    seal(this.#key, this.#nonceOf(place), { plain, into });
    return plain.length + TAG_SIZE;
  }

  /**
   * Opens a record into a buffer. Returns its size.
   *
   * @throws {MismatchError} if it was changed, stood elsewhere, or is not the last one where the last is expected
   */
  open(place: RecordPlace, sealed: Bytes, into: Bytes): number {
    const plain = unseal(this.#key, this.#nonceOf(place), sealed);
    if (plain === undefined || plain.length === 0 && place.index > 0) {
      throw new MismatchError(
        `the encrypted bytes are damaged: record ${place.index + 1} is not what was stored`,
      );
    }
    const size = plain.length;
    into.set(plain);
    free(plain);
    return size;
  }

  /** Eleven bytes count the records, the twelfth marks the last one. */
  #nonceOf({ index, isLast }: RecordPlace): Bytes {
    this.#view.setUint32(3, Math.floor(index / 2 ** 32));
    this.#view.setUint32(7, index % 2 ** 32);
    this.#nonce[11] = Number(isLast);
    return this.#nonce;
  }
}

/** Where a record stands in its payload. */
export interface RecordPlace {
  /** From 0. */
  index: number;
  /** Whether it ends the payload. */
  isLast: boolean;
}

/** Whether records are encrypted or decrypted. */
export type Work = "seal" | "open";

/** Records that follow each other, end to end. */
export interface Batch {
  /** Plain bytes, or those of sealed records. */
  bytes: Bytes;
  /** The number of the first record, from 0. */
  first: number;
  /** Whether the last of them ends the payload. */
  toEnd: boolean;
}

/**
 * Seals or opens a batch into a buffer. Returns the part of the buffer that was filled.
 *
 * @throws {MismatchError} if a record to be opened is not what was stored
 */
export function transformBatch(
  work: Work,
  cipher: RecordCipher,
  { batch: { bytes, first, toEnd }, into }: { batch: Batch; into: Bytes },
): Bytes {
  const [from, to] = work === "seal" ? [RECORD, SEALED_RECORD] : [SEALED_RECORD, RECORD];
  const count = Math.max(1, Math.ceil(bytes.length / from));
  let filled = 0;
  for (let number = 0; number < count; number++) {
    const place = { index: first + number, isLast: toEnd && number === count - 1 };
    const record = bytes.subarray(number * from, (number + 1) * from);
    filled += cipher[work](place, record, into.subarray(number * to));
  }
  return into.subarray(0, filled);
}
