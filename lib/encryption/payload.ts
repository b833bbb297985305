/** Encrypts and decrypts the records of a payload as they flow. @module */
import type { Bytes } from "../content/bytes.ts";
import { MismatchError } from "../errors.ts";
import { RECORD, RecordCipher, SEALED_RECORD } from "./records.ts";

/** Which records flow. */
export interface PayloadOrder {
  /** The key of the payload. */
  key: Bytes;
  /** The first record, from 0. */
  first: number;
  /** Whether the last record that comes is the last of the payload. */
  toEnd: boolean;
}

/**
 * Seals plain bytes. They begin where a record does; where they do not go to the end, they end where one does. Each piece
 * is valid until the next one is requested.
 */
export async function* sealRecords(
  pieces: AsyncIterable<Bytes>,
  { key, first, toEnd }: PayloadOrder,
): AsyncGenerator<Bytes> {
  const cipher = new RecordCipher(key);
  const into = new Uint8Array(SEALED_RECORD);
  let index = first;
  for await (const { bytes, isEnd } of inRecords(pieces, RECORD)) {
    if (isEnd && bytes.length === 0 && (index > 0 || !toEnd)) continue;
    const sealed = into.subarray(0, bytes.length + SEALED_RECORD - RECORD);
    cipher.seal({ index: index++, isLast: isEnd && toEnd }, bytes, sealed);
    yield sealed;
  }
}

/**
 * Opens sealed records. They begin where a record does. Nothing is passed on that is not authenticated.
 *
 * @throws {MismatchError} if a record is not what was stored, or the last one is missing
 */
export async function* openRecords(
  pieces: AsyncIterable<Bytes>,
  { key, first, toEnd }: PayloadOrder,
): AsyncGenerator<Bytes> {
  const cipher = new RecordCipher(key);
  let index = first;
  for await (const { bytes, isEnd } of inRecords(pieces, SEALED_RECORD)) {
    if (isEnd && bytes.length === 0) {
      if (!toEnd) continue;
      throw new MismatchError("the encrypted bytes end too early");
    }
    const plain = cipher.open({ index: index++, isLast: isEnd && toEnd }, bytes);
    if (plain.length > 0) yield plain;
  }
}

/**
 * Cuts pieces into records. A full one is held back until it is known whether more follow: the last is marked, and may be
 * shorter. Each is valid until the next one is requested.
 */
async function* inRecords(
  pieces: AsyncIterable<Bytes>,
  size: number,
): AsyncGenerator<{ bytes: Bytes; isEnd: boolean }> {
  const held = new Uint8Array(size);
  let filled = 0;
  for await (let piece of pieces) {
    while (piece.length > 0) {
      if (filled === size) {
        yield { bytes: held, isEnd: false };
        filled = 0;
      }
      // A record that lies in the piece as a whole, with bytes after it, is not copied.
      while (filled === 0 && piece.length > size) {
        yield { bytes: piece.subarray(0, size), isEnd: false };
        piece = piece.subarray(size);
      }
      const part = piece.subarray(0, size - filled);
      held.set(part, filled);
      filled += part.length;
      piece = piece.subarray(part.length);
    }
  }
  yield { bytes: held.subarray(0, filled), isEnd: true };
}
