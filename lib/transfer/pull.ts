/** Receives a range of a blob at the pace of its reader. @module */
import type { Bytes } from "../content/bytes.ts";
import type { BlobReader } from "../store/store.ts";
import { receive, type ReceiveOptions } from "./receive.ts";

/**
 * The bytes of a range of a blob, **not verified**. A connection that breaks is replaced. Each piece is valid until the next
 * is asked for. A reader that has enough leaves the loop, which closes the connection.
 */
export async function* pull(
  store: BlobReader,
  options: Omit<ReceiveOptions, "sink">,
): AsyncGenerator<Bytes, void> {
  const enough = new AbortController();
  const signal = AbortSignal.any([enough.signal, ...(options.signal ? [options.signal] : [])]);
  const handover = new Handover();
  const receiving = receive(store, { ...options, signal, sink: (bytes) => handover.give(bytes) })
    .then(() => handover.end(), (error) => handover.end(error));
  try {
    for (let piece; (piece = await handover.take());) yield piece;
  } finally {
    enough.abort();
    handover.stop();
    await receiving;
  }
}

/** Hands pieces from the receiving side to the reading side. Taking the next piece gives the last one back. */
class Handover {
  #given = Promise.withResolvers<Bytes | undefined>();
  #used = Promise.withResolvers<void>();
  #stopped = false;

  /** Resolves when the reader has used the piece. */
  async give(bytes: Bytes): Promise<void> {
    if (this.#stopped) return;
    this.#used = Promise.withResolvers();
    this.#given.resolve(bytes);
    await this.#used.promise;
  }

  async take(): Promise<Bytes | undefined> {
    this.#used.resolve();
    const piece = await this.#given.promise;
    this.#given = Promise.withResolvers();
    return piece;
  }

  end(error?: unknown): void {
    if (error === undefined) return this.#given.resolve(undefined);
    this.#given.promise.catch(() => {}); // a reader that has enough takes no more
    this.#given.reject(error);
  }

  stop(): void {
    this.#stopped = true;
    this.#used.resolve();
  }
}
