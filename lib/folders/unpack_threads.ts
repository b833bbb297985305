/** Threads that unpack segments, beside the one that fetches them. @module */
import { AnsweringThread, leastBusy } from "../content/answering_thread.ts";
import type { Bytes } from "../content/bytes.ts";
import type { Segment } from "./segments.ts";
import type { Unpacked, UnpackOrder, UnpackTarget } from "./unpack_worker.ts";

type UnpackThread = AnsweringThread<UnpackOrder, Unpacked>;

/** Buffers have whole multiples of this, so that segments of about one size fill the same ones again. In bytes. */
const STEP = 1024 * 1024;
/** The most threads. Each takes some 30 MiB, and the one that fetches and reads tables keeps no more of them busy with small files. */
const MOST_THREADS = 2;

/** Threads that take segments. Disposing of them ends them. */
export class UnpackThreads implements Disposable {
  /** How many extended attributes could not be set. */
  lostAttributes = 0;
  readonly #target: UnpackTarget;
  readonly #threads: UnpackThread[] = [];
  readonly #spare: ArrayBuffer[] = [];

  /** Threads are started when they are needed. */
  constructor(target: UnpackTarget) {
    this.#target = target;
  }

  /** A buffer for the bytes of a segment: they come back when it is written, and would be slow to be collected. */
  buffer({ start, end }: Segment): Bytes {
    const spare = this.#spare.pop();
    if (spare && spare.byteLength >= end - start) return new Uint8Array(spare);
    return new Uint8Array(Math.ceil((end - start) / STEP) * STEP);
  }

  /** Writes the files of a segment, whose bytes are at the beginning of a buffer. */
  async write(segment: Segment, bytes: Bytes): Promise<void> {
    const { buffer } = await this.#run(segment, bytes);
    if (buffer) this.#spare.push(buffer);
  }

  /** Whether everything of a segment is there already, and verified. */
  async isThere(segment: Segment): Promise<boolean> {
    return (await this.#run(segment)).isThere;
  }

  async #run(segment: Segment, bytes?: Bytes): Promise<Unpacked> {
    const most = Math.min(MOST_THREADS, navigator.hardwareConcurrency);
    const thread = leastBusy(this.#threads, { most, start: startThread });
    const done = await thread.run({ ...this.#target, segment, bytes }, bytes ? [bytes.buffer] : []);
    this.lostAttributes += done.lostAttributes;
    return done;
  }

  [Symbol.dispose](): void {
    for (const thread of this.#threads) thread[Symbol.dispose]();
  }
}

function startThread(): UnpackThread {
  const worker = new Worker(new URL("./unpack_worker.ts", import.meta.url), { type: "module" });
  const file = new URL("unpack_worker.ts", import.meta.url);
  return new AnsweringThread(worker, { work: "unpacking", file });
}
