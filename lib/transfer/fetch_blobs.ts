/** Fetches blobs into one file: several parts at once, each written where it belongs, each blob verified. @module */
import { withChannel } from "../events.ts";
import type { BlobReader } from "../store/store.ts";
import { inParallel, type Jobs } from "../async/pool.ts";
import { adaptiveJobs, DEFAULT_JOBS } from "./adaptive_jobs.ts";
import { splitIntoParts } from "./byte_ranges.ts";
import type { IncomingBlob, IncomingOptions } from "./incoming_blob.ts";
import { IncomingBlobs } from "./incoming_blobs.ts";
import { RunningParts } from "./running_parts.ts";
import type { ByteRange } from "../content/source.ts";
import { totalSize } from "../oci/descriptor.ts";
import type { PlacedBlob } from "./placed_blob.ts";

/** What `fetchBlobs` takes. */
export interface FetchBlobsOptions
  extends Pick<IncomingOptions, "file" | "path" | "hasher" | "log" | "onEvent"> {
  /** How many parts are fetched at once; absent = it begins with 4, and more are used while they carry more. */
  jobs?: number | undefined;
  signal?: AbortSignal | undefined;
  /** The most that one request asks for, in bytes; absent = {@link ONE_REQUEST}, 32 MiB. */
  partSize?: number | undefined;
  /** After how many bytes of a part the log gets them; absent = 4 MiB. */
  logEvery?: number | undefined;
}

/**
 * The most that one request asks for, in bytes. Blobs of up to this size that become files of their own are fetched side by
 * side, with one request each; larger ones one after the other, in several ranges.
 */
export const ONE_REQUEST: number = 32 * 1024 * 1024;
/** After how many bytes of a part the log gets them: so much is fetched again after a break. */
export const LOG_EVERY = 4 * 1024 * 1024;
/** After how long those who have nothing to fetch look again, in milliseconds: whether a part takes long shows slowly. */
const LOOK_AGAIN = 100;

/**
 * Fetches blobs into a file. Bytes that the file has already are verified beside the fetching. If a blob is bad and some
 * of its bytes were in the file before, the whole blob is fetched once more. Errors of the file system come as they are.
 *
 * @throws {MismatchError} if the store's bytes do not have the blob's digest
 * @throws {NotFoundError} if a blob does not exist
 */
export async function fetchBlobs(
  store: BlobReader,
  blobs: readonly PlacedBlob[],
  options: FetchBlobsOptions,
): Promise<void> {
  const { file, path, hasher, log, signal, partSize = ONE_REQUEST, logEvery = LOG_EVERY } = options;
  const size = totalSize(blobs);
  const { jobs, onEvent } = adaptiveJobs({ ...withChannel(options, store), size });
  const connections = () => typeof jobs === "number" ? jobs : jobs.count;
  const running = new RunningParts<IncomingBlob>();
  const transfer = { store, file, path, hasher, log, onEvent, partSize, logEvery, connections, running };
  const incoming = new IncomingBlobs(blobs, transfer);
  await runAll({ signal }, (signal) => [
    { tasks: verifications(incoming), jobs: DEFAULT_JOBS },
    { tasks: fetches(incoming, running, signal), jobs },
  ]);
}

/** The range that is asked for first of a blob that stands alone, with so many jobs; `undefined` = all of it. */
export function firstPart(size: number, jobs: number = DEFAULT_JOBS): ByteRange | undefined {
  const options = { most: ONE_REQUEST, after: 0, connections: () => jobs };
  const [first] = splitIntoParts({ start: 0, end: size }, options);
  return first?.end === size ? undefined : first;
}

type Task = (signal: AbortSignal) => Promise<void>;
interface TaskList {
  tasks: Iterable<Task> | AsyncIterable<Task>;
  jobs: number | Jobs;
}

/** Runs several lists of tasks side by side. A failure ends them all, and the waiting for more tasks. */
async function runAll(
  options: { signal?: AbortSignal | undefined },
  begin: (signal: AbortSignal) => TaskList[],
): Promise<void> {
  const failed = new AbortController();
  const signal = AbortSignal.any([failed.signal, ...(options.signal ? [options.signal] : [])]);
  const run: (task: Task, signal: AbortSignal) => Promise<void> = async (task, signal) => {
    try {
      await task(signal);
    } catch (error) {
      failed.abort(error);
      throw error;
    }
  };
  const lists = begin(signal);
  await inParallel(lists, { jobs: lists.length, signal }, async ({ tasks, jobs }) => {
    await inParallel(tasks, { jobs, signal }, run);
  });
}

/** Verifies the blobs of which the file is said to have everything. */
function* verifications(incoming: IncomingBlobs): Generator<Task, void> {
  for (const blob of incoming.present) {
    yield async (signal) => incoming.settle(blob, await blob.verify(signal));
  }
}

/** The parts of all blobs; when no more are left, halves of those that take long. */
async function* fetches(
  incoming: IncomingBlobs,
  running: RunningParts<IncomingBlob>,
  signal: AbortSignal,
): AsyncGenerator<Task, void> {
  const fetching = (blob: IncomingBlob, part: ByteRange) => async (signal: AbortSignal) => {
    const outcome = await blob.fetch(part, signal);
    if (outcome !== undefined) incoming.settle(blob, outcome);
  };
  for await (const next of incoming.queue.take(signal, { every: LOOK_AGAIN })) {
    if (next === undefined) {
      for (let half; (half = running.share());) yield fetching(half.owner, half.range);
      continue;
    }
    const blob = incoming.asGiven(next);
    blob.begin();
    for (const part of blob.parts()) yield fetching(blob, part);
  }
}
