/** Fetches blobs into one file: several parts at once, each written where it belongs, each blob verified. @module */
import { corrupted } from "../oci/digest.ts";
import { withChannel } from "../events.ts";
import type { BlobReader } from "../store/store.ts";
import { WorkQueue } from "../async/work_queue.ts";
import { inParallel, type Jobs } from "../async/pool.ts";
import { adaptiveJobs, DEFAULT_JOBS } from "./adaptive_jobs.ts";
import { splitIntoParts } from "./byte_ranges.ts";
import { IncomingBlob, type IncomingOptions, type Outcome } from "./incoming_blob.ts";
import { RunningParts } from "./running_parts.ts";
import type { ByteRange } from "../content/source.ts";
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
const LOG_EVERY = 4 * 1024 * 1024;
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
  const size = blobs.reduce((sum, { size }) => sum + size, 0);
  const { jobs, onEvent } = adaptiveJobs({ ...withChannel(options, store), size });
  let wholeOnly = false;
  const onRefused = ({ message }: Error) => {
    if (wholeOnly) return;
    wholeOnly = true;
    onEvent?.({ type: "notice", message: `${message}: each blob is fetched over one connection` });
  };
  const connections = () => typeof jobs === "number" ? jobs : jobs.count;
  const running = new RunningParts<IncomingBlob>();
  const incomingOptions = {
    store,
    file,
    path,
    hasher,
    log,
    onEvent,
    onRefused,
    partSize,
    logEvery,
    connections,
    running,
  };
  const incoming = incomingBlobs(blobs, incomingOptions);
  const present = incoming.filter(({ missing }) => missing.length === 0);
  const queue = new WorkQueue(incoming.filter(({ missing }) => missing.length > 0), incoming.length);
  const finish = ({ blob, missing }: IncomingBlob) => {
    log.complete(blob);
    const { number: index, digest, size } = blob;
    onEvent?.({ type: "blob", index, state: missing.length > 0 ? "fetched" : "present", digest, size });
    queue.settle();
  };
  const anew = ({ blob }: IncomingBlob, partSize: number) =>
    new IncomingBlob(blob, [], { ...incomingOptions, partSize });
  const startOver = (incoming: IncomingBlob, partSize: number) => {
    incoming.takeBack();
    queue.add(anew(incoming, partSize));
  };
  /** The blob itself, or, where the store is known to give whole blobs only, one that is fetched as one part. */
  const asGiven = (incoming: IncomingBlob) => {
    if (!wholeOnly || incoming.isWhole) return incoming;
    incoming.drop();
    return anew(incoming, Infinity);
  };
  const settle = (incoming: IncomingBlob, outcome: Outcome) => {
    if (outcome === "good") return finish(incoming);
    if (outcome === "refused") return startOver(incoming, Infinity);
    log.bad(incoming.blob);
    if (incoming.reused === 0) throw corrupted(incoming.blob.digest);
    startOver(incoming, partSize);
  };
  await runAll({ signal }, (signal) => [
    { tasks: verifications(present, settle), jobs: DEFAULT_JOBS },
    { tasks: fetches(queue, { asGiven, settle, running }, signal), jobs },
  ]);
}

/** The range that is asked for first of a blob that stands alone, with so many jobs; `undefined` = all of it. */
export function firstPart(size: number, jobs: number = DEFAULT_JOBS): ByteRange | undefined {
  const options = { most: ONE_REQUEST, after: 0, connections: () => jobs };
  const [first] = splitIntoParts({ start: 0, end: size }, options);
  return first?.end === size ? undefined : first;
}

/** The blobs, each with what the file has of it. */
function incomingBlobs(blobs: readonly PlacedBlob[], options: IncomingOptions): IncomingBlob[] {
  let after = blobs.reduce((sum, { size }) => sum + size, 0);
  return blobs.map((blob) => {
    after -= blob.size;
    return new IncomingBlob(blob, options.log.present(blob), { ...options, after });
  });
}

type Task = (signal: AbortSignal) => Promise<void>;
interface TaskList {
  tasks: Iterable<Task> | AsyncIterable<Task>;
  jobs: number | Jobs;
}
type Settle = (incoming: IncomingBlob, outcome: Outcome) => void;

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

function* verifications(present: IncomingBlob[], settle: Settle): Generator<Task, void> {
  for (const blob of present) yield async (signal) => settle(blob, await blob.verify(signal));
}

interface FetchesOptions {
  asGiven: (incoming: IncomingBlob) => IncomingBlob;
  settle: Settle;
  running: RunningParts<IncomingBlob>;
}

/** The parts of all blobs; when no more are left, halves of those that take long. */
async function* fetches(
  queue: WorkQueue<IncomingBlob>,
  { asGiven, settle, running }: FetchesOptions,
  signal: AbortSignal,
): AsyncGenerator<Task, void> {
  const fetching = (blob: IncomingBlob, part: ByteRange) => async (signal: AbortSignal) => {
    const outcome = await blob.fetch(part, signal);
    if (outcome !== undefined) settle(blob, outcome);
  };
  for await (const next of queue.take(signal, { every: LOOK_AGAIN })) {
    if (next === undefined) {
      for (let half; (half = running.share());) yield fetching(half.owner, half.range);
      continue;
    }
    const blob = asGiven(next);
    blob.begin();
    for (const part of blob.parts()) yield fetching(blob, part);
  }
}
