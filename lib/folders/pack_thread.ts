/** Writes a pack in a thread of its own, beside the one that sends it. @module */
import type { Bytes } from "../content/bytes.ts";
import type { Source } from "../content/source.ts";
import { StreamCutter } from "../content/stream_source.ts";
import { forbiddenThread } from "../content/thread_error.ts";
import { LayerstashError, MismatchError } from "../errors.ts";
import { BytePort, type PortMessage } from "../layers/byte_port.ts";
import type { FoundEntry } from "./entry_list.ts";
import type { PackBatch, PackOrder, PackReport } from "./pack_worker.ts";

type Written = Extract<PackReport, { type: "written" }>;
type Measured = Extract<PackReport, { type: "measured" }>;

/** Which files are packed. */
export interface PackContent extends Pick<PackOrder, "root"> {
  entries: Iterator<FoundEntry>;
}

/** How many entries go over at once. */
const BATCH = 500;

/** A thread with one pack. Disposing of it ends it. */
export class PackThread implements Disposable {
  readonly #worker = new Worker(new URL("./pack_worker.ts", import.meta.url), { type: "module" });
  readonly #port = new BytePort(this.#worker);
  readonly #report = Promise.withResolvers<Written | Measured>();

  readonly #signal: AbortSignal;

  /** @param signal ends the packing */
  constructor(signal: AbortSignal) {
    this.#signal = signal;
    signal.addEventListener("abort", this.#stop);
    this.#report.promise.catch(() => {}); // the bytes end with the same error
    this.#worker.onmessage = ({ data }: MessageEvent<PortMessage | PackReport>) => this.#hear(data);
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#fail(threadError(event.message));
    };
  }

  readonly #stop = () => this.#fail(this.#signal.reason);

  #entries: Iterator<FoundEntry> | undefined;

  /** Begins to write the pack. The source can be read once; the report comes with its end. */
  write(content: PackContent): { source: Source; report: Promise<Written> } {
    this.#begin(content, { measuring: false });
    const stream = ReadableStream.from(copied(this.#port.receive()));
    const source = new StreamCutter(stream).take(Number.MAX_SAFE_INTEGER);
    return { source, report: this.#report.promise as Promise<Written> };
  }

  /** Reads the files of the pack, to learn the digest of what it would hold. */
  measure(content: PackContent): Promise<Measured> {
    this.#begin(content, { measuring: true });
    return this.#report.promise as Promise<Measured>;
  }

  /** Ends the thread. A report that is still to come does not come. */
  [Symbol.dispose](): void {
    this.#signal.removeEventListener("abort", this.#stop);
    this.#worker.terminate();
    this.#fail(new LayerstashError("the packing was stopped"));
  }

  #begin({ root, entries }: PackContent, { measuring }: { measuring: boolean }): void {
    this.#entries = entries;
    this.#worker.postMessage({ type: "pack", measuring, root } satisfies PackOrder);
  }

  #giveEntries(): void {
    const entries: FoundEntry[] = [];
    for (let next; entries.length < BATCH && !(next = this.#entries!.next()).done;) entries.push(next.value);
    this.#worker.postMessage({ type: "entries", entries } satisfies PackBatch);
  }

  #hear(message: PortMessage | PackReport): void {
    if (message.type === "more") this.#giveEntries();
    else if (message.type === "failed") {
      const { kind, hint } = message;
      const Kind = kind === "mismatch" ? MismatchError : LayerstashError;
      this.#fail(new Kind(message.message, { hint }));
    } else if (message.type === "written" || message.type === "measured") this.#report.resolve(message);
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

function threadError(message: string): LayerstashError {
  const file = new URL("pack_worker.ts", import.meta.url);
  return forbiddenThread(message, { thread: "packing", file }) ??
    new LayerstashError(`the packing thread failed: ${message}`);
}
