/** Writes the bytes of blobs, or a range of them, to a stream, in order. @module */
import { algorithmOf, DigestHash } from "../oci/digest.ts";
import { abortable } from "../async/abortable.ts";
import type { ByteRange } from "../content/source.ts";
import { MismatchError } from "../errors.ts";
import type { BlobReader, CallOptions } from "../store/store.ts";
import { split } from "../transfer/byte_ranges.ts";
import type { PlacedBlob } from "../transfer/placed_blob.ts";
import { receive } from "../transfer/receive.ts";

/** What `streamOut` takes. */
export interface StreamOutOptions extends CallOptions {
  /** Which of all the bytes are written; absent = all. */
  range?: ByteRange | undefined;
  /** Whether the store itself makes sure of every byte that it gives: there is no digest to compare them with. */
  authenticated?: boolean | undefined;
  /** Gives a text that is written before a blob; absent = none. */
  heading?: ((blob: PlacedBlob) => string) | undefined;
  /** The most that one request asks for, in bytes; absent = all. */
  partSize?: number | undefined;
  /** Gives the error that a failure of the transfer means to the caller; absent = the failure itself. */
  explain?: ((error: unknown) => unknown) | undefined;
}

/**
 * Writes blobs to a stream, and closes it. A blob is verified when all of it was written: what went into a pipe cannot
 * be taken back. A blob of which only a part is wanted cannot be verified; an event says so.
 *
 * @throws {NotFoundError} if a blob does not exist
 * @throws {MismatchError} if bytes that were written are bad
 */
export async function streamOut(
  store: BlobReader,
  blobs: readonly PlacedBlob[],
  output: WritableStream<Uint8Array>,
  options: StreamOutOptions,
): Promise<void> {
  const { explain, signal } = options;
  const writer = output.getWriter();
  const write = async (bytes: Uint8Array) => {
    await abortable(writer.ready, signal);
    await abortable(writer.write(bytes), signal);
  };
  try {
    for (const blob of blobs) await streamBlob(store, blob, write, options);
    await abortable(writer.close(), signal);
  } catch (error) {
    await abortable(writer.abort(error), signal).catch(() => {});
    signal?.throwIfAborted();
    throw await explain?.(error) ?? error;
  }
}

async function streamBlob(
  store: BlobReader,
  blob: PlacedBlob,
  write: (bytes: Uint8Array) => Promise<void>,
  options: StreamOutOptions,
): Promise<void> {
  const { digest, size, at, number } = blob;
  const { range = { start: 0, end: Infinity }, heading, authenticated, onEvent } = options;
  const wanted = { start: Math.max(0, range.start - at), end: Math.min(size, range.end - at) };
  if (wanted.start > wanted.end || wanted.start === wanted.end && size > 0) return;
  if (heading) await write(new TextEncoder().encode(heading(blob)));
  const whole = wanted.end - wanted.start === size && !authenticated;
  if (!whole && !authenticated) {
    onEvent?.({ type: "notice", message: `a part of ${digest} is not verified: only the whole can be` });
  }
  const hash = new DigestHash(algorithmOf(digest));
  const sink = async (bytes: Uint8Array) => {
    if (whole) hash.update(bytes);
    await write(bytes.slice());
  };
  await receiveParts(store, blob, wanted, { ...options, sink });
  if (whole && hash.digest() !== digest) {
    throw new MismatchError(`the blob ${digest} is corrupted: bytes that were already written are bad`);
  }
  onEvent?.({ type: "blob", index: number, state: "fetched", digest, size: wanted.end - wanted.start });
}

/** Sends one request for the whole range, or one for each part of it. */
async function receiveParts(
  store: BlobReader,
  { digest, size, what }: PlacedBlob,
  wanted: ByteRange,
  { partSize = Infinity, sink, onEvent, signal }: StreamOutOptions & {
    sink(bytes: Uint8Array): Promise<void>;
  },
): Promise<void> {
  for (const range of split(wanted, partSize)) {
    await receive(store, { digest, size, what, range, sink, orWhole: true, onEvent, signal });
  }
}
