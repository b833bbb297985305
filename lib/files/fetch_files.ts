/** Fetches blobs into files, each into one of its own: small ones side by side, large ones by several ranges. @module */
import { inParallel } from "../async/pool.ts";
import { partOfTransfer } from "../events.ts";
import type { SizedBlob } from "../oci/descriptor.ts";
import type { BlobReader } from "../store/store.ts";
import { DEFAULT_JOBS } from "../transfer/adaptive_jobs.ts";
import { LOG_EVERY, ONE_REQUEST } from "../transfer/fetch_blobs.ts";
import { placeBlobs } from "../transfer/placed_blob.ts";
import { fetchFile, type FetchFileOptions } from "./fetch_file.ts";

/** A blob, and the file that is to hold it. */
export interface BlobFile {
  path: string;
  blob: SizedBlob;
}

/** How many files are fetched at once that are so small that they take a round trip each, and hardly any bandwidth. */
const MANY_JOBS = 2 * DEFAULT_JOBS;

/**
 * Fetches blobs into files, as `fetchFile` fetches one. The event `blob` counts them in the order in which they are given.
 *
 * @throws {MismatchError} if a blob is corrupted; its file is then not made
 * @throws {ConflictError} if another file has the name of one of these, and `overwrite` is not set
 */
export async function fetchFiles<F extends BlobFile>(
  store: BlobReader,
  files: readonly F[],
  { explain, ...options }: Omit<FetchFileOptions, "explain"> & {
    /** Gives the error that a failure means to the caller; absent = the failure itself. */
    explain?: ((error: unknown, file: F) => unknown) | undefined;
  },
): Promise<void> {
  const { jobs, signal, onEvent = store.onEvent } = options;
  const size = files.reduce((sum, { blob }) => sum + blob.size, 0);
  onEvent?.({ type: "plan", size, blobs: files.length });
  const fetchOne = async (file: F, each: Pick<FetchFileOptions, "jobs" | "signal">) => {
    const { digest, size } = file.blob;
    await fetchFile(store, placeBlobs([{ digest, size }]), file.path, {
      ...options,
      ...each,
      ...(size <= LOG_EVERY && { stateDirectory: undefined }), // a journal would record nothing before its end
      onEvent: partOfTransfer(onEvent, () => files.indexOf(file) + 1),
      explain: explain && ((error) => explain(error, file)),
    });
  };
  const groups = Map.groupBy(
    files,
    ({ blob: { size } }) => size <= LOG_EVERY ? "unrecorded" : size <= ONE_REQUEST ? "small" : "large",
  );
  const sideBySide = { unrecorded: MANY_JOBS, small: DEFAULT_JOBS };
  for (const [group, most] of Object.entries(sideBySide) as [keyof typeof sideBySide, number][]) {
    await inParallel(groups.get(group) ?? [], { jobs: jobs ?? most, signal }, async (file, signal) => {
      await fetchOne(file, { jobs: 1, signal });
    });
  }
  for (const file of groups.get("large") ?? []) await fetchOne(file, { jobs, signal });
}
