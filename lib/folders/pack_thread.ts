/** Writes a pack in a thread of its own, beside the one that sends it. @module */
import type { Bytes } from "../content/bytes.ts";
import type { Source } from "../content/source.ts";
import { StreamCutter } from "../content/stream_source.ts";
import { forbiddenThread } from "../content/thread_error.ts";
import { LayerstashError, MismatchError } from "../errors.ts";
import { BytePort, type PortMessage } from "../content/byte_port.ts";
import type { FoundEntry } from "./entry_list.ts";
import type { PackBatch, PackOrder, PackReport } from "./pack_worker.ts";

type Written = Extract<PackReport, { type: "written" }>;

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
  readonly #report = Promise.withResolvers<Written>();

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
  write({ root, entries }: PackContent): { source: Source; report: Promise<Written> } {
    this.#entries = entries;
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
    } else if (message.type === "written") this.#report.resolve(message);
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
