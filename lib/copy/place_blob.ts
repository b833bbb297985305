/** Fetches a blob of one store into the file that it becomes in another: a directory. @module */
import type { Hasher } from "../content/hasher.ts";
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
  { blob, hasher, jobs, signal, onEvent, reading }: PlaceBlobOptions,
): Promise<void> {
  const hear: OnEvent = (event) => {
    if (event.type === "progress") onEvent?.({ ...event, phase: "send" });
    else if (event.type !== "blob") reading?.(event);
  };
  const options = { path, file, hasher, log: NOTHING_KEPT, jobs, signal, onEvent: hear };
  await fetchBlobs(withEmbedded(from, blob), placeBlobs([blob]), options);
}

/** The file is new, and another process begins with another one. */
const NOTHING_KEPT: FetchLog = {
  present: () => [],
  written() {},
  complete() {},
  bad() {},
};
