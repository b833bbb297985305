/** The threads that seal and open records, for all streams of this process. @module */
import { AnsweringThread, leastBusy } from "../content/answering_thread.ts";
import type { CipherOrder, Transformed } from "./cipher_worker.ts";

type CipherThread = AnsweringThread<CipherOrder, Transformed>;

/** More threads than these would wait for whoever sends the bytes. */
const MOST_THREADS = 4;

/** The threads, which all users share: several chunks may be under way at once. */
let threads: CipherThread[] = [];
let users = 0;

/**
 * The threads for one stream. They are started when they are needed; with the last stream, they end. Whoever opens a stream for
 * each part of a transfer keeps them meanwhile, by one of these: starting them takes as long as some 100 MiB.
 */
export class CipherThreads implements Disposable {
  /** How many orders may be under way at once. */
  readonly most: number = 2 * threadCount();
  #isUsed = true;

  /** Starts no thread yet. */
  constructor() {
    users++;
  }

  /** Seals or opens a batch. Its buffers belong to the thread until they come back. */
  transform(order: CipherOrder): Promise<Transformed> {
    const thread = leastBusy(threads, { most: threadCount(), start: startThread });
    return thread.run(order, [order.batch.bytes.buffer, order.into.buffer]);
  }

  /** The stream needs no more threads. It may say so twice: others that use them are counted. */
  [Symbol.dispose](): void {
    if (!this.#isUsed) return;
    this.#isUsed = false;
    if (--users > 0) return;
    for (const thread of threads) thread[Symbol.dispose]();
    threads = [];
  }
}

function threadCount(): number {
  return Math.max(1, Math.min(MOST_THREADS, navigator.hardwareConcurrency));
}

function startThread(): CipherThread {
  const worker = new Worker(new URL("./cipher_worker.ts", import.meta.url), { type: "module" });
  const file = new URL("cipher_worker.ts", import.meta.url);
  return new AnsweringThread(worker, { work: "encrypting", file });
}
