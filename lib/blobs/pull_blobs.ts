/** Fetches blobs, one after the other: into a file, or into a stream. @module */
import { letGoOnFailure } from "../content/byte_stream.ts";
import { counted } from "../messages.ts";
import { InvalidInputError, NotFoundError } from "../errors.ts";
import type { PlatformOptions } from "../images/platforms.ts";
import type { ByteRange } from "../content/source.ts";
import type { StoreReader } from "../store/store.ts";
import { fetchFile, fetchRange } from "../files/fetch_file.ts";
import { checkOutput } from "../files/output.ts";
import { streamOut } from "../files/stream_out.ts";
import { placeBlobs } from "../transfer/placed_blob.ts";
import { decryptBlobs } from "../transfer/decrypted_blobs.ts";
import type { Identities } from "../encryption/identities.ts";
import { checkNumbers, POSITION } from "../arguments.ts";
import { checkTransfer } from "../transfer/adaptive_jobs.ts";
import type { SizedBlob } from "../oci/descriptor.ts";
import { totalBlobSize } from "./alias_manifest.ts";
import { findBlobs, type NamedBlobs } from "./named_blobs.ts";

/** Options of {@link pullBlobs}. */
export interface PullBlobsOptions extends PlatformOptions {
  /** The path of the file to write, or a stream, which receives the bytes in order and is then closed. */
  output: string | WritableStream<Uint8Array>;
  /** Replaces a file with other bytes; absent = that is a conflict. */
  overwrite?: boolean | undefined;
  /** Which of all the bytes are wanted; absent = all. A blob of which only a part is read is not verified. */
  range?: Partial<ByteRange> | undefined;
  /** Keys with which blobs that are age files are decrypted; absent = the blobs come as they are stored. */
  identities?: Identities | undefined;
  /** Writes a line `<digest> <size>` before each blob; for streams. */
  withInfo?: boolean | undefined;
  /** The directory of the journal, with which another process can resume; absent = there is no journal. */
  stateDirectory?: string | undefined;
  /** How many requests run at once, into a file; absent = more are used while they carry more. */
  jobs?: number | undefined;
  /** The most that one request asks for, in bytes; absent = 32 MiB into a file, all into a stream. */
  partSize?: number | undefined;
}

/**
 * Fetches blobs, one after the other. `names` are digests, aliases (`@NAME`) and manifests, in the order in which their
 * blobs are wanted. A file is written as `FILE.part`, and renamed when every byte is verified and on the disk. Calling it
 * again resumes.
 *
 * @returns the blobs, in order
 * @throws {NotFoundError} if a blob or an alias does not exist, or the directory of the file
 * @throws {NotAllowedError} if a blob is encrypted for none of the identities: nothing was written then
 * @throws {MismatchError} if bytes are corrupted: a file is not made then, a stream has got bad bytes
 * @throws {ConflictError} if another process downloads to the file; or if a file with other bytes exists (for a range:
 *   any file), or a `FILE.part` that is not the beginning of this download, and `overwrite` is not set
 * @throws {InvalidInputError} if a name is not valid, an alias has several platforms and none is named, the output is
 *   neither a path nor a stream, or the range or a number is out of range
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
  store: StoreReader,
  names: readonly NamedBlobs[],
  options: PullBlobsOptions,
): Promise<SizedBlob[]> {
  const { platform, output, signal, onEvent } = options;
  return await letGoOnFailure(output, async () => {
    const blobs = await findBlobs(store, names, { platform, signal, onEvent });
    await pullFound(store, blobs, options);
    return blobs;
  });
}

/** Fetches blobs that were found already. Otherwise see {@link pullBlobs}. Returns how many bytes were wanted. */
export async function pullFound(
  store: StoreReader,
  blobs: readonly SizedBlob[],
  options: Omit<PullBlobsOptions, "platform">,
): Promise<number> {
  const {
    output,
    overwrite,
    identities,
    withInfo,
    jobs,
    partSize,
    stateDirectory,
    onEvent = store.onEvent,
    signal,
  } = options;
  checkTransfer(options);
  checkOutput(output);
  if (withInfo && typeof output === "string") {
    throw new InvalidInputError("lines between the blobs would make the file another one", {
      hint: "--with-info is for standard output",
    });
  }
  const opened = identities && await decryptBlobs(store, blobs, { identities, onEvent, signal });
  const { reader, blobs: readable } = opened ?? { reader: store, blobs };
  const size = totalBlobSize(readable);
  const range = rangeWithin(size, options.range);
  const wanted = range.end - range.start;
  onEvent?.({ type: "plan", size: wanted, blobs: blobs.length });
  const placed = placeBlobs(readable);
  const common = { overwrite, partSize, onEvent, signal, explain: removedBlobError };
  const part = { ...common, range, ...(opened && { authenticated: true }) };
  if (typeof output !== "string") {
    await streamOut(reader, placed, output, { ...part, ...(withInfo && { heading: infoOf }) });
  } else if (wanted < size) await fetchRange(reader, placed, output, part);
  else await fetchFile(reader, placed, output, { ...common, jobs, stateDirectory, hasher: opened?.hasher });
  return wanted;
}

function infoOf({ digest, size }: SizedBlob): string {
  return `${digest} ${size}\n`;
}

/** Says how a blob that is listed, and that the store does not have, comes back. */
function removedBlobError(error: unknown): unknown {
  if (!(error instanceof NotFoundError)) return error;
  const hint = "the blob was removed: store it again, as in: layerstash blob push";
  return error.with({ hint, cause: error });
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
