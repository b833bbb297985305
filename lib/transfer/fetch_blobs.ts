/** Brings blobs into one file: several parts at once, each written where it belongs, each blob verified. @module */
import type { ByteRange } from "../content/source.ts";
import { corrupted } from "../oci/digest.ts";
import type { Store } from "../store/store.ts";
import { DEFAULT_JOBS, lanesOf } from "./adaptive_jobs.ts";
import { WorkQueue } from "../async/work_queue.ts";
import { IncomingBlob, type IncomingOptions, type PlacedBlob } from "./incoming_blob.ts";
import { inParallel, type Lanes } from "../async/pool.ts";

export type { PlacedBlob } from "./incoming_blob.ts";

/** How blobs are fetched. */
export interface FetchOptions<B extends PlacedBlob>
  extends Pick<IncomingOptions<B>, "file" | "path" | "hasher" | "what" | "onEvent" | "onWritten"> {
  /** How many parts are on their way at once; absent = as many as serve, 4 to begin with. */
  jobs?: number | undefined;
  signal?: AbortSignal | undefined;
  /** What is said to be in the file of a blob; absent = nothing. It is hashed with the rest, not believed. */
  have?: (blob: B) => readonly ByteRange[];
  /** Told of each blob when it is in the file and verified: `present` = no byte of it was fetched. */
  onBlob?: (blob: B, how: "fetched" | "present") => void;
  /** Told of a blob that has not its digest: nothing of it is to be used again. */
  onBad?: (blob: B) => void;
  /** The most that one request asks for, in bytes; absent = 32 MiB. */
  partSize?: number;
  /** After how many bytes of each part `onWritten` is told; absent = 4 MiB. */
  reportEvery?: number;
}

const PART = 32 * 1024 * 1024;
const REPORT = 4 * 1024 * 1024;

/**
 * Fetches blobs into a file. What is there already is verified beside the fetching; a blob that is bad with bytes that
 * were there before is fetched once more, wholly. Errors of the file system come as they are.
 *
 * @throws {MismatchError} when bytes that arrived have not the blob's digest
 * @throws {NotFoundError} when a blob is absent
 */
export async function fetchBlobs<B extends PlacedBlob>(
  store: Store,
  blobs: readonly B[],
  options: FetchOptions<B>,
): Promise<void> {
  const { have = () => [] } = options;
  const { jobs, onEvent } = lanesOf(options);
  const how = { partSize: PART, reportEvery: REPORT, ...options, onEvent, store };
  const incoming = blobs.map((blob) => new IncomingBlob(blob, have(blob), how));
  const present = incoming.filter(({ parts }) => parts.length === 0);
  const backlog = new WorkQueue(incoming.filter(({ parts }) => parts.length > 0), incoming.length);
  const settle = (each: IncomingBlob<B>, good: boolean) => {
    if (good) {
      options.onBlob?.(each.blob, each.parts.length > 0 ? "fetched" : "present");
      return backlog.settle();
    }
    options.onBad?.(each.blob);
    if (!each.reusesBytes) throw corrupted(each.blob.digest);
    each.giveBack();
    backlog.add(new IncomingBlob(each.blob, [], how));
  };
  await runAll(options, (signal) => [
    { tasks: verifications(present, settle), jobs: DEFAULT_JOBS },
    { tasks: fetches(backlog, settle, signal), jobs },
  ]);
}

type Task = (signal: AbortSignal) => Promise<void>;
interface TaskList {
  tasks: Iterable<Task> | AsyncIterable<Task>;
  jobs: number | Lanes;
}
type Settle<B extends PlacedBlob> = (blob: IncomingBlob<B>, good: boolean) => void;

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

function* verifications<B extends PlacedBlob>(
  present: IncomingBlob<B>[],
  settle: Settle<B>,
): Generator<Task, void> {
  for (const blob of present) yield async (signal) => settle(blob, await blob.verify(signal));
}

async function* fetches<B extends PlacedBlob>(
  backlog: WorkQueue<IncomingBlob<B>>,
  settle: Settle<B>,
  signal: AbortSignal,
): AsyncGenerator<Task, void> {
  for await (const blob of backlog.take(signal)) {
    blob.begin();
    for (const part of blob.parts) {
      yield async (signal) => {
        const good = await blob.fetch(part, signal);
        if (good !== undefined) settle(blob, good);
      };
    }
  }
}
