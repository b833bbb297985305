/** Threads that write packs, beside the one that sends them. @module */
import { BytePort, type PortMessage } from "../content/byte_port.ts";
import type { Bytes } from "../content/bytes.ts";
import type { Source } from "../content/source.ts";
import { StreamCutter } from "../content/stream_source.ts";
import { onThreadEnd } from "../content/thread_end.ts";
import { errorOfFailure } from "../content/thread_failure.ts";
import { LayerstashError } from "../errors.ts";
import type { Pack } from "./pack.ts";
import type { PackProgress } from "./pack_progress.ts";
import type { PackBatch, PackOrder, PackReport } from "./pack_worker.ts";

/** What a thread says of a pack at its end. */
export type WrittenPack = Extract<PackReport, { type: "written" }>;

/** Which files are packed, and who is told how many are. */
export interface PackContent extends Pick<PackOrder, "root"> {
  pack: Pack;
  progress: PackProgress;
}

/** Threads that take one pack after the other: a new one would compile the compressor again. Disposing of them ends them. */
export class PackThreads implements Disposable {
  readonly #spare: PackThread[] = [];

  /** A thread for a pack, until it is given back. */
  take(): PackThread {
    return this.#spare.pop() ?? new PackThread();
  }

  /** Takes a thread back. One whose pack is not done ends. */
  giveBack(thread: PackThread): void {
    if (thread.isIdle) this.#spare.push(thread);
    else thread[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    for (const thread of this.#spare) thread[Symbol.dispose]();
  }
}

/** What a thread works at. */
interface PackWork {
  port: BytePort;
  report: PromiseWithResolvers<WrittenPack>;
  rows: Iterator<Bytes, undefined>;
  progress: PackProgress;
  /** Stops to listen to the signal that ends it. */
  deafen: () => void;
}

/** A thread that writes packs. Disposing of it ends it. */
export class PackThread implements Disposable {
  readonly #worker = new Worker(new URL("./pack_worker.ts", import.meta.url), { type: "module" });
  #work: PackWork | undefined;
  #hasEnded = false;

  constructor() {
    this.#worker.onmessage = ({ data }: MessageEvent<PortMessage | PackReport>) => this.#hear(data);
    const file = new URL("pack_worker.ts", import.meta.url);
    onThreadEnd(this.#worker, { work: "packing", file }, (error) => this.#fail(error));
  }

  /** Whether it can take a pack. */
  get isIdle(): boolean {
    return !this.#work && !this.#hasEnded;
  }

  /** Begins to write a pack. The source can be read once; the report comes with its end. A signal ends the thread. */
  write(
    { root, pack, progress }: PackContent,
    signal: AbortSignal,
  ): { source: Source; report: Promise<WrittenPack> } {
    const port = new BytePort(this.#worker);
    const report = Promise.withResolvers<WrittenPack>();
    report.promise.catch(() => {}); // the bytes end with the same error
    const stop = () => this.#fail(signal.reason);
    signal.addEventListener("abort", stop);
    const deafen = () => signal.removeEventListener("abort", stop);
    this.#work = { port, report, rows: pack.rows(), progress, deafen };
    this.#worker.postMessage({ type: "pack", root } satisfies PackOrder);
    const stream = ReadableStream.from(this.#pieces(this.#work));
    const source = new StreamCutter(stream).take(Number.MAX_SAFE_INTEGER);
    return { source, report: report.promise };
  }

  /** Ends the thread. A report that is still to come does not come. */
  [Symbol.dispose](): void {
    this.#worker.terminate();
    this.#fail(new LayerstashError("the packing was stopped"));
  }

  async *#pieces(work: PackWork): AsyncGenerator<Bytes> {
    yield* work.port.receive();
    work.deafen();
    this.#work = undefined;
  }

  #giveRows({ rows }: PackWork): void {
    const { value } = rows.next();
    this.#worker.postMessage({ type: "rows", rows: value } satisfies PackBatch, value ? [value.buffer] : []);
  }

  #hear(message: PortMessage | PackReport): void {
    const work = this.#work;
    if (!work) return;
    if (message.type === "more") this.#giveRows(work);
    else if (message.type === "packed") work.progress.add(message.files, message.bytes);
    else if (message.type === "failed") this.#fail(errorOfFailure(message));
    else if (message.type === "written") work.report.resolve(message);
    else work.port.hear(message);
  }

  #fail(error: unknown): void {
    this.#hasEnded = true;
    this.#work?.deafen();
    this.#work?.report.reject(error);
    this.#work?.port.abort(error);
  }
}
