/** Fetches a blob of one store into the file that it becomes in another: a directory. @module */
import type { Hasher } from "../content/hasher.ts";
import type { ByteRange } from "../content/source.ts";
import type { OnEvent } from "../events.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { withEmbedded } from "../store/embedded.ts";
import type { BlobReader, CallOptions, DraftFile } from "../store/store.ts";
import { fetchBlobs } from "../transfer/fetch_blobs.ts";
import type { FetchLog } from "../transfer/incoming_blob.ts";
import { placeBlobs } from "../transfer/placed_blob.ts";

/** Which blob is fetched, and how. */
export interface PlaceBlobOptions extends CallOptions {
  blob: Descriptor;
  hasher: Hasher;
  /** The number of requests that run at once; absent = adapted to the registry. */
  jobs?: number | undefined;
  /** Receives the events of the source, except the progress. */
  reading: OnEvent | undefined;
  /** Called when all bytes have arrived: what is left is to hash the last of them. */
  onArrived?: (() => void) | undefined;
}

/**
 * Fetches a blob as a download does: in several ranges, each written where it belongs, and hashed once, by a thread that
 * follows the file. What is fetched is stored thereby, and counted as sent.
 *
 * @throws {NotFoundError} if the blob does not exist
 * @throws {MismatchError} if the bytes of the source do not have the digest
 */
export async function placeBlob(
  from: BlobReader,
  { path, file }: DraftFile,
  { blob, hasher, jobs, signal, onEvent, reading, onArrived }: PlaceBlobOptions,
): Promise<void> {
  const hear: OnEvent = (event) => {
    if (event.type === "progress" && event.phase !== "hash") onEvent?.({ ...event, phase: "send" });
    else if (event.type !== "blob") reading?.(event);
  };
  let left = blob.size;
  const written = (_: unknown, { start, end }: ByteRange) => {
    left -= end - start;
    if (left === 0) onArrived?.();
  };
  const log = { ...NOTHING_KEPT, written };
  const options = { path, file, hasher, log, jobs, signal, onEvent: hear };
  await fetchBlobs(withEmbedded(from, blob), placeBlobs([blob]), options);
}

/** The file is new, and another process begins with another one. */
const NOTHING_KEPT: Omit<FetchLog, "written"> = {
  present: () => [],
  complete() {},
  bad() {},
};
