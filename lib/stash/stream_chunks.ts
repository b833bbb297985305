/** Brings chunks, or a part of them, into a stream, in order. @module */
import { createHash } from "node:crypto";
import { abortable } from "../async/abortable.ts";
import { MismatchError } from "../errors.ts";
import type { OnEvent } from "../events.ts";
import type { ByteRange } from "../content/source.ts";
import type { CallOptions, Store } from "../store/store.ts";
import { cut } from "../transfer/byte_ranges.ts";
import { receive } from "../transfer/receive.ts";
import { explainFetchError } from "./stash_faults.ts";
import { type Chunk, nameOf, type Stash } from "./stash.ts";

/** How chunks are streamed. */
export interface StreamOptions extends CallOptions {
  /** The part of all the bytes that is wanted; absent = all. */
  range?: ByteRange | undefined;
  /** What is written before each chunk; absent = nothing. */
  heading?: ((chunk: Chunk) => string) | undefined;
  /** What a chunk is, for messages; absent = the blob with its digest. */
  what?: ((chunk: Chunk) => string) | undefined;
  /** The most that one request asks for, in bytes; absent = all. */
  partSize?: number | undefined;
  onEvent?: OnEvent | undefined;
}

/** Writes a stash to a stream, and closes it. */
export async function streamStash(
  store: Store,
  stash: Stash,
  output: WritableStream<Uint8Array>,
  options: StreamOptions,
): Promise<void> {
  try {
    await streamChunks(store, stash.chunks, output, { ...options, what: nameOf });
  } catch (error) {
    options.signal?.throwIfAborted();
    throw await explainFetchError(error, store, stash, options);
  }
}

/**
 * Writes chunks to a stream, and closes it. Each is verified when it was written: what goes into a pipe cannot be taken
 * back.
 *
 * @throws {MismatchError} when bytes that were written are bad
 */
export async function streamChunks(
  store: Store,
  chunks: readonly Chunk[],
  output: WritableStream<Uint8Array>,
  options: StreamOptions,
): Promise<void> {
  const { signal } = options;
  const writer = output.getWriter();
  const write = async (bytes: Uint8Array) => {
    await abortable(writer.ready, signal);
    await abortable(writer.write(bytes), signal);
  };
  try {
    for (const chunk of chunks) await streamChunk(store, chunk, write, options);
    await abortable(writer.close(), signal);
  } catch (error) {
    await abortable(writer.abort(error), signal).catch(() => {});
    throw error;
  }
}

async function streamChunk(
  store: Store,
  chunk: Chunk,
  write: (bytes: Uint8Array) => Promise<void>,
  options: StreamOptions,
): Promise<void> {
  const { digest, size, position, number } = chunk;
  const { range = { start: 0, end: Infinity }, heading, onEvent } = options;
  const wanted = { start: Math.max(0, range.start - position), end: Math.min(size, range.end - position) };
  if (wanted.start > wanted.end || wanted.start === wanted.end && size > 0) return;
  if (heading) await write(new TextEncoder().encode(heading(chunk)));
  const whole = wanted.end - wanted.start === size;
  if (!whole) {
    onEvent?.({ type: "notice", message: `a part of ${digest} is not verified: only the whole can be` });
  }
  const hash = createHash("sha256");
  const sink = async (bytes: Uint8Array) => {
    if (whole) hash.update(bytes);
    await write(bytes.slice());
  };
  await receiveParts(store, chunk, wanted, { ...options, sink });
  if (whole && `sha256:${hash.digest("hex")}` !== digest) {
    throw new MismatchError(`the blob ${digest} is corrupted: bytes that were already written are bad`);
  }
  onEvent?.({ type: "blob", index: number, state: "fetched", digest, size: wanted.end - wanted.start });
}

/** One request for all, or one for each part. */
async function receiveParts(
  store: Store,
  chunk: Chunk,
  wanted: ByteRange,
  { partSize = Infinity, what, sink, onEvent, signal }: StreamOptions & {
    sink(bytes: Uint8Array): Promise<void>;
  },
): Promise<void> {
  const { digest, size } = chunk;
  for (const range of cut(wanted, partSize)) {
    await receive(store, { digest, size, what: what?.(chunk), range, sink, orWhole: true, onEvent, signal });
  }
}
