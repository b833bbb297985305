/** Receives the bytes of a blob, and resumes after broken connections. @module */
import { counted } from "../messages.ts";
import { countAttempt } from "../async/retry.ts";
import { LayerstashError, MismatchError, RangeRefusedError, RegistryError } from "../errors.ts";
import type { SizedBlob } from "../oci/descriptor.ts";
import type { Digest } from "../oci/digest.ts";
import type { ByteRange } from "../content/source.ts";
import type { BlobOptions, BlobReader, BrokenRead, CallOptions } from "../store/store.ts";
import { pieceReader } from "../content/byte_stream.ts";
import { collectVerified } from "../content/collect.ts";

/** Takes bytes at an offset of the blob. The buffer is reused as soon as the promise resolves. */
export type Sink = (bytes: Uint8Array<ArrayBuffer>, offset: number) => Promise<void> | void;

/** What `receive` takes. */
export interface ReceiveOptions extends CallOptions {
  /** The blob. */
  digest: Digest;
  /** Its size, in bytes. */
  size: number;
  /** What messages call the blob, such as `chunk 3`; absent = by its digest. */
  what?: string | undefined;
  /** The range that is wanted; absent = the whole blob. Its end may come closer meanwhile, but not to what was read. */
  range?: Readonly<ByteRange>;
  /** Takes the bytes, in order. */
  sink: Sink;
  /** Where a store only gives whole blobs, reads the blob from its beginning and drops the rest. */
  orWhole?: boolean;
  /** The largest size of the buffer that bytes are read into; absent = 1 MiB. */
  pieceSize?: number | undefined;
}

/** The usual largest size of the buffers that bytes are read into. */
const BUFFER = 1024 * 1024;

/**
 * Receives a range of a blob. The bytes are **not verified**. Where the store can resume a broken read, that is done;
 * attempts are counted from 1 again whenever bytes have arrived.
 *
 * @throws {NotFoundError} if the blob does not exist
 * @throws {RangeRefusedError} if the store only gives whole blobs, and `orWhole` is not set
 */
export async function receive(store: BlobReader, options: ReceiveOptions): Promise<void> {
  const { range = { start: 0, end: options.size }, onEvent = store.onEvent, signal } = options;
  const progress = { position: range.start };
  for (let attempt = 0;;) {
    const before = progress.position;
    try {
      return await receiveOnce(store, { ...options, onEvent }, range, progress);
    } catch (error) {
      signal?.throwIfAborted();
      const moved = progress.position > before;
      if (moved && progress.position >= range.end && isTransient(error)) return; // it broke after the last byte
      attempt = countAttempt(moved ? 0 : attempt, error);
      const { what = `the blob ${options.digest}` } = options;
      await waitToResume(store, { error, what, attempt }, { signal, onEvent });
    }
  }
}

async function waitToResume(store: BlobReader, broken: BrokenRead, options: CallOptions): Promise<void> {
  if (!store.waitToResume) throw broken.error;
  await store.waitToResume(broken, options);
}

function isTransient(error: unknown): boolean {
  return error instanceof RegistryError && error.transient;
}

async function receiveOnce(
  store: BlobReader,
  options: ReceiveOptions,
  range: Readonly<ByteRange>,
  progress: { position: number },
): Promise<void> {
  const asked = range.end;
  const { stream, start, isSlice } = await open(store, options, { start: progress.position, end: asked });
  let offset = start;
  const { pieceSize = BUFFER } = options;
  const most = isSlice ? pieceSize : Math.min(pieceSize, asked - start + 1); // one byte more shows that the stream has ended
  for await (const piece of pieces(stream, { most, signal: options.signal })) {
    const { end } = range;
    const isCut = isSlice || end < asked;
    const wanted = piece.subarray(Math.max(0, progress.position - offset), Math.max(0, end - offset));
    offset += piece.length;
    if (offset > end && !isCut) {
      throw new MismatchError(`the store gave more bytes of ${options.digest} than there are`);
    }
    if (wanted.length === 0) continue;
    await options.sink(wanted, progress.position);
    progress.position += wanted.length;
    options.onEvent?.({ type: "progress", phase: "fetch", bytes: wanted.length });
    if (progress.position >= range.end && isCut) return;
  }
  if (progress.position >= range.end) return;
  await requireSize(store, options);
  throw broken(new Error(`it ended after ${progress.position} of ${range.end} bytes`));
}

/** Opens the range, or else the whole blob, of which the range is then a slice. */
async function open(store: BlobReader, options: ReceiveOptions, range: ByteRange) {
  const { digest, size, what, signal, orWhole, onEvent } = options;
  const whole = range.start === 0 && range.end === size;
  try {
    const stream = await store.readUnverified(digest, { what, signal, onEvent, ...(!whole && { range }) });
    return { stream, start: range.start, isSlice: false };
  } catch (cause) {
    const error = await explainRefusedRange(cause, store, options);
    if (!(error instanceof RangeRefusedError) || !orWhole) throw error;
    onEvent?.({
      type: "notice",
      message: `${store.name} gives whole blobs only: reading ${digest} from its beginning`,
    });
    return { stream: await store.readUnverified(digest, { what, signal, onEvent }), start: 0, isSlice: true };
  }
}

/** A 416 says that the blob is shorter than it should be, or, with some servers, that they do not give ranges. */
async function explainRefusedRange(
  error: unknown,
  store: BlobReader,
  options: ReceiveOptions,
): Promise<unknown> {
  if (!(error instanceof RegistryError) || error.status !== 416) return error;
  await requireSize(store, options);
  return new RangeRefusedError("the registry gives whole blobs only", { cause: error });
}

/**
 * Makes sure that a blob still has its size. If so, it was the connection that ended too early.
 *
 * @throws {MismatchError} if it has another one
 */
export async function requireSize(
  store: BlobReader,
  { digest, size, what, signal, onEvent }: SizedBlob & BlobOptions,
): Promise<void> {
  const found = await store.stat(digest, { what, signal, onEvent });
  if (found === size) return;
  if (found === undefined) throw broken(new Error(`the blob ${digest} is not there any more`));
  throw new MismatchError(`the blob ${digest} has ${counted(found, "byte")}, not ${size}`);
}

/** The stream's bytes, through one buffer of the size `most` where the stream can fill one. */
async function* pieces(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  { most, signal }: { most: number; signal: AbortSignal | undefined },
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const reader = pieceReader(stream, most);
  try {
    for (;;) {
      const { done, value } = await reader.read().catch((error) => {
        throw error instanceof LayerstashError ? error : broken(error);
      });
      signal?.throwIfAborted();
      if (done) return;
      yield value!;
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}

/** The error of a connection that broke. */
export function broken(cause: unknown): RegistryError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new RegistryError(`the connection broke: ${why}`, { transient: true, cause });
}

/**
 * Receives the bytes of a whole blob, verified, into memory: the caller has checked that its size is small. After a broken
 * connection the blob is received again.
 *
 * @throws {NotFoundError} if the blob does not exist
 * @throws {MismatchError} if its bytes have another digest or size
 */
export async function receiveSmall(
  store: BlobReader,
  blob: SizedBlob,
  { signal, onEvent = store.onEvent }: CallOptions = {},
): Promise<Uint8Array<ArrayBuffer>> {
  const what = `the blob ${blob.digest}`;
  for (let attempt = 1;; attempt++) {
    try {
      return await collectVerified(await store.readUnverified(blob.digest, { signal, onEvent }), blob);
    } catch (error) {
      await waitToResume(store, { error, what, attempt }, { signal, onEvent });
    }
  }
}
