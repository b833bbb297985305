/** Brings blobs back, one behind the other: into a file, or into a stream. @module */
import { letGoOnFailure } from "../content/byte_stream.ts";
import { counted } from "../messages.ts";
import { InvalidInputError, NotFoundError } from "../errors.ts";
import type { OnEvent } from "../events.ts";
import type { PlatformOptions } from "../images/platforms.ts";
import type { ByteRange } from "../content/source.ts";
import type { Store } from "../store/store.ts";
import { fetchStash } from "../stash/fetch_stash.ts";
import { checkOutput } from "../files/output.ts";
import { PartialFile, requirePlace } from "../files/partial_file.ts";
import { placeChunks, type Stash } from "../stash/stash.ts";
import { streamChunks } from "../stash/stream_chunks.ts";
import { checkNumbers, POSITION } from "../arguments.ts";
import { checkTransfer } from "../transfer/adaptive_jobs.ts";
import type { SizedBlob } from "../oci/descriptor.ts";
import { totalSize } from "./alias_manifest.ts";
import { findBlobs, type NamedBlobs } from "./named_blobs.ts";

/** What `pullBlobs` takes. */
export interface PullBlobsOptions extends PlatformOptions {
  /** The path of a file to write, or a stream, which gets the bytes in order and is closed. */
  output: string | WritableStream<Uint8Array>;
  /** The part of all the bytes that is wanted; absent = all. A blob of which only a part is read is not verified. */
  range?: Partial<ByteRange> | undefined;
  /** Writes a line `<digest> <size>` before each blob; for streams. */
  withInfo?: boolean | undefined;
  /** A directory for the journal, so that another process can go on; absent = nothing is kept. */
  stateDirectory?: string | undefined;
  /** How many requests run at once, into a file; absent = as many as serve. */
  jobs?: number | undefined;
  /** The most that one request asks for, in bytes; absent = 32 MiB into a file, all into a stream. */
  partSize?: number | undefined;
  /** Told of progress. */
  onEvent?: OnEvent | undefined;
}

/**
 * Brings blobs back, one after the other. `names` are digests, aliases (`@NAME`) and manifests, in the order in which
 * their blobs are wanted. A file is written as `FILE.part` and gets its name when every byte is
 * verified; running it again goes on with what is there.
 *
 * @returns the blobs, in order
 * @throws {NotFoundError} when there is no such blob or alias
 * @throws {MismatchError} when bytes are corrupted: a file is not made then, a stream has got bad bytes
 * @throws {InvalidInputError} when a name is none, an alias has several platforms and none was named, there is no such
 *   range or no such output, or a number cannot be
 *
 * @example
 * ```ts
 * import { openStore } from "@layerstash/cli";
 * import { pullBlobs, pushBlob } from "@layerstash/cli/blobs";
 *
 * const directory = await Deno.makeTempDir();
 * using store = openStore({ registry: `oci:${directory}`, repository: "me/files" });
 * const { digest } = await pushBlob(store, new Response("hello, world").body!);
 * const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
 * const text = new Response(readable).text();
 * await pullBlobs(store, [digest], { output: writable, range: { start: 7 } });
 * if (await text !== "world") throw new Error("unexpected bytes");
 * await Deno.remove(directory, { recursive: true });
 * ```
 */
export async function pullBlobs(
  store: Store,
  names: readonly NamedBlobs[],
  options: PullBlobsOptions,
): Promise<SizedBlob[]> {
  const { platform, output, signal } = options;
  return await letGoOnFailure(output, async () => {
    const blobs = await findBlobs(store, names, { platform, signal });
    await pullFound(store, blobs, options);
    return blobs;
  });
}

/** The same for blobs that were found already. */
export async function pullFound(
  store: Store,
  blobs: readonly SizedBlob[],
  options: Omit<PullBlobsOptions, "platform">,
): Promise<void> {
  const { output, withInfo } = options;
  checkTransfer(options);
  checkOutput(output);
  if (withInfo && typeof output === "string") {
    throw new InvalidInputError("lines between the blobs would make the file another one", {
      hint: "--with-info is for standard output",
    });
  }
  const stash = asStash(blobs);
  const range = rangeWithin(stash.size, options.range);
  const size = range.end - range.start;
  options.onEvent?.({ type: "plan", size, blobs: blobs.length });
  if (typeof output !== "string") {
    const heading = ({ digest, size }: SizedBlob) => `${digest} ${size}\n`;
    return await streamChunks(store, stash.chunks, output, {
      ...options,
      range,
      ...(withInfo && { heading }),
    });
  }
  if (size === stash.size) return await fetchAll(store, stash, { ...options, output });
  await fetchRange(store, stash, { ...options, output, range });
}

/** Blobs that are fetched together are what the chunks of one file are. */
function asStash(blobs: readonly SizedBlob[]): Stash {
  const chunks = placeChunks("blob", blobs);
  const size = totalSize(blobs);
  return { baseTag: "blob", size, chunkSize: size, chunks, provenComplete: true };
}

function rangeWithin(size: number, range: Partial<ByteRange> = {}): ByteRange {
  const { start = 0, end = size } = range;
  checkNumbers({ start, end }, { start: POSITION, end: { ...POSITION, unlimited: true } });
  if (start < end && start < size || start === 0 && end === size) return { start, end: Math.min(end, size) };
  throw new InvalidInputError(
    range.end !== undefined && start >= end
      ? `the range from ${start} to ${end} has no bytes: its end is the byte after the last`
      : `there is no byte ${start}: the size is ${counted(size, "byte")}`,
  );
}

type FileOptions = Omit<PullBlobsOptions, "output" | "range"> & { output: string };

async function fetchAll(store: Store, stash: Stash, options: FileOptions): Promise<void> {
  const { output, stateDirectory, jobs, partSize, onEvent, signal } = options;
  try {
    const how = { stateDirectory, jobs, onEvent, signal, ...(partSize && { partSize }) };
    await fetchStash(store, stash, output, how);
  } catch (error) {
    if (!(error instanceof NotFoundError) || !(error.cause instanceof NotFoundError)) throw error;
    throw new NotFoundError(error.cause.message, { hint: "it was removed meanwhile", cause: error.cause });
  }
}

/** A part of the blobs is read anew each time: there is no digest to check what is there against. */
async function fetchRange(
  store: Store,
  { chunks }: Stash,
  options: FileOptions & { range: ByteRange },
): Promise<void> {
  await requirePlace(options.output);
  using part = await PartialFile.open(options.output, options.onEvent);
  await part.file.truncate();
  const write = async (bytes: Uint8Array) => {
    for (let written = 0; written < bytes.length;) written += await part.file.write(bytes.subarray(written));
  };
  await streamChunks(store, chunks, new WritableStream({ write }), options);
  await part.finish();
}
