/** The layer of a pack as a source. @module */
import type { Bytes } from "../content/bytes.ts";
import type { Source } from "../content/source.ts";
import type { Digest } from "../oci/digest.ts";
import type { PackContent, PackThread, PackThreads, WrittenPack } from "./pack_thread.ts";

/**
 * The layer of a pack, as a source. It is made anew by a thread each time that it is opened, and has the same bytes each
 * time. Disposing of it ends the making.
 */
export class PackSource implements Source, Disposable {
  readonly size = undefined;
  readonly #content: PackContent;
  readonly #threads: PackThreads;
  readonly #signal: AbortSignal;
  #hashed = Promise.withResolvers<Digest>();
  #thread: PackThread | undefined;
  #report: Promise<WrittenPack> | undefined;

  /** @param options the threads that pack, and what ends the packing */
  constructor(content: PackContent, { threads, signal }: { threads: PackThreads; signal: AbortSignal }) {
    this.#content = content;
    this.#threads = threads;
    this.#signal = signal;
  }

  open(start = 0): ReadableStream<Bytes> {
    this[Symbol.dispose]();
    if (this.#report) this.#hashed = Promise.withResolvers();
    this.#content.progress.takeBack();
    this.#thread = this.#threads.take();
    const { source, report } = this.#thread.write(this.#content, this.#signal);
    this.#report = report;
    const { resolve } = this.#hashed;
    source.digest().then(resolve, () => {}); // who reads the bytes gets the failure
    return start === 0 ? source.open() : ReadableStream.from(after(source.open(), start));
  }

  digest(): Promise<Digest> {
    return this.#hashed.promise;
  }

  /** What the thread says of the layer, when all of it was read. */
  async report(): Promise<WrittenPack> {
    return await this.#report!;
  }

  [Symbol.dispose](): void {
    if (this.#thread) this.#threads.giveBack(this.#thread);
    this.#thread = undefined;
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
