/** Encrypts and decrypts the records of a payload as they flow, in threads where that is worth it. @module */
import type { Bytes } from "../content/bytes.ts";
import { MismatchError } from "../errors.ts";
import { CipherThreads } from "./cipher_threads.ts";
import type { Transformed } from "./cipher_worker.ts";
import {
  BATCH,
  type Batch,
  RECORD,
  RecordCipher,
  SEALED_RECORD,
  transformBatch,
  type Work,
} from "./records.ts";

/** Which records flow. */
export interface PayloadOrder {
  /** The key of the payload. */
  key: Bytes;
  /** The first record, from 0. */
  first: number;
  /** Whether the last record that comes is the last of the payload. */
  toEnd: boolean;
}

/** Below this many bytes, threads cost more than they save. */
const WORTH_THREADS = 16 * 1024 * 1024;

/**
 * Seals plain bytes. They begin where a record does; where they do not go to the end, they end where one does. Each piece
 * is valid until the next one is requested.
 */
export function sealRecords(pieces: AsyncIterable<Bytes>, order: PayloadOrder): AsyncGenerator<Bytes> {
  return transformed("seal", pieces, order);
}

/**
 * Opens sealed records. They begin where a record does. Nothing is passed on that is not authenticated. Where the source breaks,
 * the whole records that came are passed on first: the next attempt goes on after them. Each piece is valid until the next one
 * is requested.
 *
 * @throws {MismatchError} if a record is not what was stored, or the last one is missing
 */
export function openRecords(pieces: AsyncIterable<Bytes>, order: PayloadOrder): AsyncGenerator<Bytes> {
  return transformed("open", pieces, order);
}

async function* transformed(
  work: Work,
  pieces: AsyncIterable<Bytes>,
  order: PayloadOrder,
): AsyncGenerator<Bytes> {
  using threads = new CipherThreads();
  const { key } = order;
  const cipher = new RecordCipher(key);
  const buffers = new SpareBuffers();
  const running: Promise<Transformed>[] = [];
  const source = new Breakable(pieces);
  let begun = 0;
  for await (const batch of batches(source, work, { ...order, buffers })) {
    begun += batch.bytes.length;
    const into = buffers.take();
    if (begun <= WORTH_THREADS) {
      yield transformBatch(work, cipher, { batch, into });
      buffers.giveBack(batch.bytes.buffer, into.buffer);
    } else if (running.push(threads.transform({ work, key, batch, into })) >= threads.most) {
      const { bytes, spare } = await running.shift()!;
      yield bytes;
      buffers.giveBack(bytes.buffer, spare);
    }
  }
  for (const each of running) yield (await each).bytes;
  source.requireWhole();
}

/** Pieces that end where their source breaks, so that what came before it can be used. */
class Breakable {
  readonly #pieces: AsyncIterable<Bytes>;
  #failure: { error: unknown } | undefined;

  constructor(pieces: AsyncIterable<Bytes>) {
    this.#pieces = pieces;
  }

  get isBroken(): boolean {
    return this.#failure !== undefined;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Bytes> {
    try {
      yield* this.#pieces;
    } catch (error) {
      this.#failure = { error };
    }
  }

  /** Throws the error with which the source broke. */
  requireWhole(): void {
    if (this.#failure) throw this.#failure.error;
  }
}

/**
 * Cuts pieces into batches. A full one is held back until it is known whether more follow: the last record of all is marked,
 * and may be shorter. So where the source breaks, the last record that came is left out.
 */
async function* batches(
  pieces: Breakable,
  work: Work,
  { first, toEnd, buffers }: PayloadOrder & { buffers: SpareBuffers },
): AsyncGenerator<Batch> {
  const record = work === "seal" ? RECORD : SEALED_RECORD;
  const size = BATCH * record;
  let held = buffers.take();
  let filled = 0;
  let index = first;
  for await (let piece of pieces) {
    while (piece.length > 0) {
      if (filled === size) {
        yield { bytes: held.subarray(0, size), first: index, toEnd: false };
        held = buffers.take();
        filled = 0;
        index += BATCH;
      }
      const part = piece.subarray(0, size - filled);
      held.set(part, filled);
      filled += part.length;
      piece = piece.subarray(part.length);
    }
  }
  if (pieces.isBroken) {
    const whole = Math.floor((filled - 1) / record) * record;
    if (whole > 0) yield { bytes: held.subarray(0, whole), first: index, toEnd: false };
    return;
  }
  const isEmptyPayload = work === "seal" && toEnd && index === 0;
  if (filled > 0 || isEmptyPayload) yield { bytes: held.subarray(0, filled), first: index, toEnd };
  else if (work === "open" && toEnd) throw new MismatchError("the encrypted bytes end too early");
}

/** Buffers that are filled again. */
class SpareBuffers {
  readonly #spare: ArrayBuffer[] = [];

  take(): Bytes {
    return new Uint8Array(this.#spare.pop() ?? new ArrayBuffer(BATCH * SEALED_RECORD));
  }

  giveBack(...buffers: ArrayBuffer[]): void {
    this.#spare.push(...buffers);
  }
}
