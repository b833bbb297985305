/** Threads that unpack segments, beside the one that fetches them. @module */
import type { Bytes } from "../content/bytes.ts";
import { forbiddenThread } from "../content/thread_error.ts";
import { ConflictError, type ErrorKind, LayerstashError, MismatchError, NotAllowedError } from "../errors.ts";
import type { Segment } from "./segments.ts";
import type { SegmentOrder, UnpackOrder, UnpackReport } from "./unpack_worker.ts";

type Done = Extract<UnpackReport, { type: "done" }>;

/** The usual size of a buffer: somewhat more than a piece of four MiB that nothing compresses. In bytes. */
const USUAL = 4 * 1024 * 1024 + 64 * 1024;
/** The most threads. More would wait for the disk. */
const MOST_THREADS = 4;

/** Threads that take one segment at a time. Disposing of them ends them. */
export class UnpackThreads implements Disposable {
  /** How many extended attributes could not be set. */
  lostAttributes = 0;
  readonly #order: UnpackOrder;
  readonly #all: UnpackThread[] = [];
  readonly #idle: UnpackThread[] = [];
  readonly #spare: ArrayBuffer[] = [];
  readonly #waiting: ((thread: UnpackThread) => void)[] = [];

  /** Threads are started when they are needed. */
  constructor(order: Omit<UnpackOrder, "type">) {
    this.#order = { type: "begin", ...order };
  }

  /** A buffer for the bytes of a segment: they come back when it is written, and would be slow to be collected. */
  buffer({ start, end }: Segment): Bytes {
    const spare = this.#spare.pop();
    if (spare && spare.byteLength >= end - start) return new Uint8Array(spare);
    return new Uint8Array(Math.max(end - start, USUAL));
  }

  /** Writes the files of a segment, whose bytes are at the beginning of a buffer. */
  async write(segment: Segment, bytes: Bytes): Promise<void> {
    const { buffer } = await this.#run({ type: "segment", segment, bytes });
    if (buffer) this.#spare.push(buffer);
  }

  /** Whether everything of a segment is there already, and verified. */
  async isThere(segment: Segment): Promise<boolean> {
    return (await this.#run({ type: "segment", segment })).isThere;
  }

  async #run(order: SegmentOrder): Promise<Done> {
    const thread = await this.#take();
    try {
      const done = await thread.run(order);
      this.lostAttributes += done.lostAttributes;
      return done;
    } finally {
      const next = this.#waiting.shift();
      if (next) next(thread);
      else this.#idle.push(thread);
    }
  }

  async #take(): Promise<UnpackThread> {
    const idle = this.#idle.pop();
    if (idle) return idle;
    if (this.#all.length < Math.min(MOST_THREADS, navigator.hardwareConcurrency)) {
      const thread = new UnpackThread(this.#order);
      this.#all.push(thread);
      return thread;
    }
    return await new Promise((resolve) => this.#waiting.push(resolve));
  }

  [Symbol.dispose](): void {
    for (const thread of this.#all) thread[Symbol.dispose]();
  }
}

class UnpackThread implements Disposable {
  readonly #worker = new Worker(new URL("./unpack_worker.ts", import.meta.url), { type: "module" });
  #answer = Promise.withResolvers<Done>();
  /** Why it has ended by itself: it answers no more. */
  #failure: LayerstashError | undefined;

  constructor(order: UnpackOrder) {
    this.#worker.onmessage = ({ data }: MessageEvent<UnpackReport>) => {
      if (data.type === "done") this.#answer.resolve(data);
      else this.#answer.reject(errorOf(data));
    };
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#failure = threadError(event.message);
      this.#answer.reject(this.#failure);
    };
    this.#worker.postMessage(order);
  }

  async run(order: SegmentOrder): Promise<Done> {
    if (this.#failure) throw this.#failure;
    this.#answer = Promise.withResolvers();
    this.#worker.postMessage(order, order.bytes ? [order.bytes.buffer] : []);
    return await this.#answer.promise;
  }

  [Symbol.dispose](): void {
    this.#worker.terminate();
    this.#answer.promise.catch(() => {});
    this.#answer.reject(new LayerstashError("the unpacking was stopped"));
  }
}

const KINDS: Partial<Record<ErrorKind, typeof LayerstashError>> = {
  mismatch: MismatchError,
  conflict: ConflictError,
  "not-allowed": NotAllowedError,
};

/** The error of a thread, which only its words can leave. */
function errorOf({ kind, message, hint }: Extract<UnpackReport, { type: "failed" }>): LayerstashError {
  return new (KINDS[kind] ?? LayerstashError)(message, { hint });
}

function threadError(message: string): LayerstashError {
  const file = new URL("unpack_worker.ts", import.meta.url);
  return forbiddenThread(message, { thread: "unpacking", file }) ??
    new LayerstashError(`the unpacking thread failed: ${message}`);
}
