/** Receives a part of a blob at the pace of the one who reads it. @module */
import type { Bytes } from "../content/bytes.ts";
import type { BlobReader } from "../store/store.ts";
import { receive, type ReceiveOptions } from "./receive.ts";

/**
 * The bytes of a part of a blob, **not verified**, over breaks of the connection. Each piece may be used until the next
 * is asked for. Who has enough stops asking; the connection is let go then.
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

/** Hands pieces from one side to the other; a piece is given back when the next is taken. */
class Handover {
  #given = Promise.withResolvers<Bytes | undefined>();
  #used = Promise.withResolvers<void>();
  #stopped = false;

  /** Resolves when the piece was used. */
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
    this.#given.promise.catch(() => {}); // who has enough does not ask any more
    this.#given.reject(error);
  }

  stop(): void {
    this.#stopped = true;
    this.#used.resolve();
  }
}
