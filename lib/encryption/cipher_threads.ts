/** The threads that seal and open records, for all streams of this process. @module */
import type { Bytes } from "../content/bytes.ts";
import { forbiddenThread } from "../content/thread_error.ts";
import { LayerstashError, MismatchError } from "../errors.ts";
import type { CipherAnswer, CipherOrder } from "./cipher_worker.ts";

/** What comes of an order. */
export type Transformed = Extract<CipherAnswer, { bytes: Bytes }>;

/** More threads than these would wait for whoever sends the bytes. */
const MOST_THREADS = 4;

/** The threads, which all users share: several chunks may be under way at once. */
let threads: CipherThread[] = [];
let users = 0;

/** The threads for one stream. They are started when they are needed; with the last stream, they end. */
export class CipherThreads implements Disposable {
  /** How many orders may be under way at once. */
  readonly most: number = 2 * threadCount();

  /** Starts no thread yet. */
  constructor() {
    users++;
  }

  /** Seals or opens a batch. Its buffers belong to the thread until they come back. */
  transform(order: CipherOrder): Promise<Transformed> {
    const idle = threads.find(({ load }) => load === 0);
    if (!idle && threads.length < threadCount()) threads.push(new CipherThread());
    const chosen = idle ?? threads.reduce((least, each) => each.load < least.load ? each : least);
    return chosen.transform(order);
  }

  /** The stream needs no more threads. */
  [Symbol.dispose](): void {
    if (--users > 0) return;
    for (const thread of threads) thread.end();
    threads = [];
  }
}

function threadCount(): number {
  return Math.max(1, Math.min(MOST_THREADS, navigator.hardwareConcurrency));
}

class CipherThread {
  readonly #worker = new Worker(new URL("./cipher_worker.ts", import.meta.url), { type: "module" });
  /** The orders that it has, in their order. */
  readonly #awaited: PromiseWithResolvers<Transformed>[] = [];
  #failure: Error | undefined;

  constructor() {
    this.#worker.onmessage = ({ data }: MessageEvent<CipherAnswer>) => {
      const awaited = this.#awaited.shift();
      if ("bytes" in data) awaited?.resolve(data);
      else awaited?.reject(new MismatchError(data.fault));
    };
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#failAll(threadError(event.message));
    };
  }

  get load(): number {
    return this.#awaited.length;
  }

  transform(order: CipherOrder): Promise<Transformed> {
    const answer = Promise.withResolvers<Transformed>();
    answer.promise.catch(() => {}); // a batch before it may have failed
    if (this.#failure) answer.reject(this.#failure);
    this.#awaited.push(answer);
    this.#worker.postMessage(order, [order.batch.bytes.buffer, order.into.buffer]);
    return answer.promise;
  }

  end(): void {
    this.#worker.terminate();
    this.#failAll(new LayerstashError("the encryption was stopped"));
  }

  #failAll(error: Error): void {
    this.#failure = error;
    for (const answer of this.#awaited.splice(0)) answer.reject(error);
  }
}

function threadError(message: string): LayerstashError {
  const file = new URL("cipher_worker.ts", import.meta.url);
  return forbiddenThread(message, { thread: "encrypting", file }) ??
    new LayerstashError(`the encrypting thread failed: ${message}`);
}
