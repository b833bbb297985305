/** Writes a pack in a thread of its own, beside the one that sends it. @module */
import { BytePort, type PortMessage } from "../content/byte_port.ts";
import type { Bytes } from "../content/bytes.ts";
import type { Source } from "../content/source.ts";
import { StreamCutter } from "../content/stream_source.ts";
import { onThreadEnd } from "../content/thread_end.ts";
import { errorOfFailure } from "../content/thread_failure.ts";
import { LayerstashError } from "../errors.ts";
import type { Digest } from "../oci/digest.ts";
import type { Pack } from "./pack.ts";
import type { PackProgress } from "./pack_progress.ts";
import type { PackBatch, PackOrder, PackReport } from "./pack_worker.ts";

type Written = Extract<PackReport, { type: "written" }>;

/** Which files are packed, and who is told how many are. */
export interface PackContent extends Pick<PackOrder, "root"> {
  pack: Pack;
  progress: PackProgress;
}

/**
 * The layer of a pack, as a source. It is made anew by another thread each time that it is opened, and has the same bytes
 * each time. Disposing of it ends the thread.
 */
export class PackSource implements Source, Disposable {
  readonly size = undefined;
  readonly #content: PackContent;
  readonly #signal: AbortSignal;
  #hashed = Promise.withResolvers<Digest>();
  #thread: PackThread | undefined;
  #report: Promise<Written> | undefined;

  /** @param signal ends the packing */
  constructor(content: PackContent, signal: AbortSignal) {
    this.#content = content;
    this.#signal = signal;
  }

  open(start = 0): ReadableStream<Bytes> {
    this[Symbol.dispose]();
    if (this.#thread) this.#hashed = Promise.withResolvers();
    this.#content.progress.takeBack();
    this.#thread = new PackThread(this.#signal);
    const { source, report } = this.#thread.write(this.#content);
    this.#report = report;
    const { resolve } = this.#hashed;
    source.digest().then(resolve, () => {}); // who reads the bytes gets the failure
    return start === 0 ? source.open() : ReadableStream.from(after(source.open(), start));
  }

  digest(): Promise<Digest> {
    return this.#hashed.promise;
  }

  /** What the thread says of the layer, when all of it was read. */
  async report(): Promise<Written> {
    return await this.#report!;
  }

  [Symbol.dispose](): void {
    this.#thread?.[Symbol.dispose]();
  }
}

/** The bytes from an offset on. Those before are made, too: the digest is that of all. */
async function* after(bytes: AsyncIterable<Bytes>, start: number): AsyncGenerator<Bytes> {
  let offset = 0;
  for await (const piece of bytes) {
    const rest = piece.subarray(Math.min(piece.length, Math.max(0, start - offset)));
    offset += piece.length;
    if (rest.length > 0) yield rest;
  }
}

/** A thread with one pack. Disposing of it ends it. */
class PackThread implements Disposable {
  readonly #worker = new Worker(new URL("./pack_worker.ts", import.meta.url), { type: "module" });
  readonly #port = new BytePort(this.#worker);
  readonly #report = Promise.withResolvers<Written>();

  readonly #signal: AbortSignal;

  /** @param signal ends the packing */
  constructor(signal: AbortSignal) {
    this.#signal = signal;
    signal.addEventListener("abort", this.#stop);
    this.#report.promise.catch(() => {}); // the bytes end with the same error
    this.#worker.onmessage = ({ data }: MessageEvent<PortMessage | PackReport>) => this.#hear(data);
    const file = new URL("pack_worker.ts", import.meta.url);
    onThreadEnd(this.#worker, { work: "packing", file }, (error) => this.#fail(error));
  }

  readonly #stop = () => this.#fail(this.#signal.reason);

  #rows: Iterator<Bytes> | undefined;
  #progress: PackProgress | undefined;

  /** Begins to write the pack. The source can be read once; the report comes with its end. */
  write({ root, pack, progress }: PackContent): { source: Source; report: Promise<Written> } {
    [this.#rows, this.#progress] = [pack.rows(), progress];
    this.#worker.postMessage({ type: "pack", root } satisfies PackOrder);
    const stream = ReadableStream.from(copied(this.#port.receive()));
    const source = new StreamCutter(stream).take(Number.MAX_SAFE_INTEGER);
    return { source, report: this.#report.promise };
  }

  /** Ends the thread. A report that is still to come does not come. */
  [Symbol.dispose](): void {
    this.#signal.removeEventListener("abort", this.#stop);
    this.#worker.terminate();
    this.#fail(new LayerstashError("the packing was stopped"));
  }

  #giveRows(): void {
    const next = this.#rows!.next();
    this.#worker.postMessage({ type: "rows", rows: next.done ? undefined : next.value } satisfies PackBatch);
  }

  #hear(message: PortMessage | PackReport): void {
    if (message.type === "more") this.#giveRows();
    else if (message.type === "packed") this.#progress!.add(message.files, message.bytes);
    else if (message.type === "failed") this.#fail(errorOfFailure(message));
    else if (message.type === "written") this.#report.resolve(message);
    else this.#port.hear(message);
  }

  #fail(error: unknown): void {
    this.#report.reject(error);
    this.#port.abort(error);
  }
}

/** Pieces that stay valid: those of the line between the threads are filled again. */
async function* copied(pieces: AsyncIterable<Bytes>): AsyncGenerator<Bytes> {
  for await (const piece of pieces) yield piece.slice();
}
