/** The payload of an age file: records of 64 KiB, each sealed by itself, in order. @module */
import type { Bytes } from "../content/bytes.ts";
import type { ByteRange } from "../content/source.ts";
import { MismatchError } from "../errors.ts";
import { NONCE_LENGTH, seal, TAG_SIZE, unseal } from "./chacha.ts";

/** How many bytes a record holds; the last one may hold fewer. */
export const RECORD = 64 * 1024;

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

  /** Seals a record into a buffer with room for its tag. */
  seal(record: RecordPlace, plain: Bytes, into: Bytes): void {
    seal(this.#key, this.#nonceOf(record), { plain, into });
  }

  /**
   * Opens a record.
   *
   * @throws {MismatchError} if it was changed, stood elsewhere, or is not the last one where the last is expected
   */
  open(record: RecordPlace, sealed: Bytes): Bytes {
    const plain = unseal(this.#key, this.#nonceOf(record), sealed);
    if (plain && (plain.length > 0 || record.index === 0)) return plain;
    throw new MismatchError(
      `the encrypted bytes are damaged: record ${record.index + 1} is not what was stored`,
    );
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
