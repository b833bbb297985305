/** Fetches blobs into a local file: into `FILE.part` first, which is renamed when every byte is verified. @module */
import { writeAll } from "../content/write_all.ts";
import { type FileHasher, Hasher } from "../content/hasher.ts";
import { ConflictError } from "../errors.ts";
import type { BlobReader } from "../store/store.ts";
import { fetchBlobs, type FetchBlobsOptions } from "../transfer/fetch_blobs.ts";
import { type PlacedBlob, reportPresent, sizeOfFile } from "../transfer/placed_blob.ts";
import { openDownloadJournal } from "./download_journal.ts";
import { beginsWith, foreignPart, hasBlob, isForeignPart } from "./foreign_part.ts";
import { PartialFile, type PartialFileOptions } from "./partial_file.ts";
import { streamOut, type StreamOutOptions } from "./stream_out.ts";

/** What `fetchFile` takes. */
export interface FetchFileOptions
  extends
    Pick<FetchBlobsOptions, "jobs" | "partSize" | "onEvent" | "signal">,
    Pick<PartialFileOptions, "overwrite">,
    Pick<StreamOutOptions, "explain"> {
  /** The directory of the journal, with which another process can resume; absent = there is no journal. */
  stateDirectory?: string | undefined;
  /** Gives the digests of the blobs from what the file has of them, and is taken over; absent = it has their own bytes. */
  hasher?: FileHasher | undefined;
}

/**
 * Fetches blobs into a file. The journal says which bytes of an earlier run's `FILE.part` are good; without a journal
 * all of it is read, and one that is not the beginning of these blobs is left alone. Every byte is hashed by this run. A
 * file that has these bytes already is left as it is. Other files are replaced only with `overwrite`, and then as a whole.
 *
 * @param blobs the blobs that make up the file
 * @throws {NotFoundError} if the directory of the file, or a blob, does not exist
 * @throws {MismatchError} if a blob is corrupted; `FILE.part` is kept, and the file is not touched
 * @throws {ConflictError} if another process downloads to the file, a file with other bytes exists, or `FILE.part` is
 *   somebody else's
 */
export async function fetchFile(
  store: BlobReader,
  blobs: readonly PlacedBlob[],
  path: string,
  options: FetchFileOptions,
): Promise<void> {
  using hasher = options.hasher ?? new Hasher();
  if (await isComplete(path, blobs, hasher, options)) return reportPresent(blobs, options.onEvent);
  using partial = await PartialFile.open(path, options);
  using journal = await openDownloadJournal(partial, blobs, options);
  const size = sizeOfFile(blobs);
  await partial.requireRoomFor(size, journal.missing, options.onEvent);
  try {
    if (
      !options.overwrite && !journal.resumes &&
      await isForeignPart(store, partial, blobs, { ...options, hasher })
    ) {
      journal.discard();
      throw foreignPart(partial);
    }
    await partial.file.truncate(size);
    const into = { file: partial.file, path: partial.path, hasher, log: journal };
    await fetchBlobs(store, blobs, { ...options, ...into });
    await finish(partial, () => isComplete(path, blobs, hasher, options));
  } catch (error) {
    options.signal?.throwIfAborted();
    const reason = await partial.explain(error, journal.missing);
    throw await options.explain?.(reason) ?? reason;
  }
  journal.discard();
}

/** Gives the partial file its name. Where another process has fetched the same bytes meanwhile, it is not needed. */
async function finish(partial: PartialFile, isComplete: () => Promise<boolean>): Promise<void> {
  try {
    await partial.finish();
  } catch (error) {
    if (!(error instanceof ConflictError) || !await isComplete()) throw error;
    await partial.remove();
  }
}

/** Whether a file has just the bytes of the blobs. The look ends with the first blob that differs. */
async function isComplete(
  path: string,
  blobs: readonly PlacedBlob[],
  hasher: FileHasher,
  { signal }: FetchFileOptions,
): Promise<boolean> {
  const info = await Deno.lstat(path).catch(() => undefined);
  if (!info?.isFile || info.size !== sizeOfFile(blobs)) return false;
  for (const blob of blobs) if (!await hasBlob(path, blob, hasher, signal)) return false;
  return true;
}

/**
 * Fetches a range of all the bytes of blobs into a file. It begins anew each time: without a digest of the range nothing
 * tells whether bytes of an earlier run are good. A partial file that begins with other bytes is left alone.
 *
 * @throws {NotFoundError} if the directory of the file, or a blob, does not exist
 * @throws {ConflictError} if another process downloads to the file; or if the file exists, or `FILE.part` is somebody
 *   else's, and `overwrite` is not set
 */
export async function fetchRange(
  store: BlobReader,
  blobs: readonly PlacedBlob[],
  path: string,
  options: StreamOutOptions & PartialFileOptions,
): Promise<void> {
  using partial = await PartialFile.open(path, options);
  const { range = { start: 0, end: sizeOfFile(blobs) }, overwrite, signal, onEvent } = options;
  if (
    !overwrite && partial.found > 0 && !await beginsWith(store, partial, blobs, { range, signal, onEvent })
  ) {
    throw foreignPart(partial);
  }
  await partial.file.truncate();
  const write = (bytes: Uint8Array) => writeAll(partial.file, bytes);
  await streamOut(store, blobs, new WritableStream({ write }), options);
  await partial.finish();
}
