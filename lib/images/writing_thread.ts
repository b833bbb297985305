/**
 * Writes files of an extraction in a thread of its own, beside the one that reads their layer: the calls to the system take
 * half of an extraction's time. What that thread cannot write, this one tries: so errors and names that are taken are dealt
 * with in one place.
 *
 * @module
 */
import { AnsweringThread } from "../content/answering_thread.ts";
import type { Bytes } from "../content/bytes.ts";
import type { BufferedFile, WritingAnswer, WritingOrder } from "./writing_worker.ts";

/** A file whose whole content is there. */
export interface WholeFile extends Pick<BufferedFile, "path" | "mode" | "modified"> {
  /** Its number among the contents of the extraction. */
  index: number;
  /** Valid until the call that gets it returns. */
  bytes: Bytes;
}

/** What the thread gets. */
export interface WritingThreadOptions extends Pick<WritingOrder, "root" | "given"> {
  /** Writes a file in this thread. */
  writeHere(file: WholeFile): void;
}

/** How many bytes and how many files go over at once. Fewer than these are worth no thread. */
const [BATCH, MOST_FILES] = [1024 * 1024, 256];

/** The most batches that are under way. */
const MOST_UNDER_WAY = 3;

/** Files that go over together. */
type Batch = (BufferedFile & Pick<WholeFile, "index">)[];

/** Takes files, and writes them in their order. Disposing of it waits for what is under way: then nothing is written any more. */
export class WritingThread implements AsyncDisposable {
  readonly #options: WritingThreadOptions;
  /** The batches that are under way. */
  readonly #sent: Promise<void>[] = [];
  readonly #spare: ArrayBuffer[] = [];
  #batch: Batch = [];
  #buffer = new ArrayBuffer(BATCH);
  #filled = 0;
  #thread: AnsweringThread<WritingOrder, WritingAnswer> | undefined;
  #failure: { error: unknown } | undefined;

  constructor(options: WritingThreadOptions) {
    this.#options = options;
  }

  /** Whether it takes files of a size. */
  takes(size: number): boolean {
    return size <= BATCH;
  }

  /**
   * Takes a file. Its directory must be there.
   *
   * @throws if an earlier file could not be written
   */
  async add({ bytes, ...file }: WholeFile): Promise<void> {
    if (this.#filled + bytes.length > BATCH || this.#batch.length === MOST_FILES) await this.#send();
    new Uint8Array(this.#buffer).set(bytes, this.#filled);
    this.#batch.push({ ...file, offset: this.#filled, length: bytes.length });
    this.#filled += bytes.length;
  }

  /**
   * Writes what is left, and waits for the thread.
   *
   * @throws if a file could not be written
   */
  async finish(): Promise<void> {
    if (this.#thread) await this.#send();
    else this.#writeHere(this.#batch, this.#buffer);
    this.#batch = [];
    await this[Symbol.asyncDispose]();
    if (this.#failure) throw this.#failure.error;
  }

  /** Ends the thread. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#sent.splice(0));
    this.#thread?.[Symbol.dispose]();
    this.#thread = undefined;
  }

  async #send(): Promise<void> {
    if (this.#sent.length === MOST_UNDER_WAY) await this.#sent.shift();
    if (this.#failure) throw this.#failure.error;
    this.#sent.push(this.#written(this.#batch, this.#buffer));
    this.#buffer = this.#spare.pop() ?? new ArrayBuffer(BATCH);
    [this.#batch, this.#filled] = [[], 0];
  }

  /** Waits until a batch is written. An error is kept until the next one is to be sent. */
  async #written(files: Batch, sent: ArrayBuffer): Promise<void> {
    this.#thread ??= startThread();
    const { root, given } = this.#options;
    try {
      const { failed, buffer } = await this.#thread.run({ root, given, files, buffer: sent }, [sent]);
      this.#writeHere(failed.map((index) => files[index]!), buffer);
      this.#spare.push(buffer);
    } catch (error) {
      this.#failure ??= { error };
    }
  }

  #writeHere(files: Batch, buffer: ArrayBuffer): void {
    for (const { offset, length, ...file } of files) {
      this.#options.writeHere({ ...file, bytes: new Uint8Array(buffer, offset, length) });
    }
  }
}

function startThread(): AnsweringThread<WritingOrder, WritingAnswer> {
  const worker = new Worker(new URL("./writing_worker.ts", import.meta.url), { type: "module" });
  const file = new URL("writing_worker.ts", import.meta.url);
  return new AnsweringThread(worker, { work: "writing", file });
}
