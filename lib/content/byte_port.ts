/**
 * One end of a line between two threads. Bytes change hands in few buffers, which come back to be filled again: the faster
 * thread waits, and memory stays small.
 *
 * @module
 */
import type { Bytes } from "./bytes.ts";

/** What the threads tell each other: here are bytes, here is the buffer back, there are no more. */
export type PortMessage =
  | { type: "piece"; buffer: ArrayBuffer; length: number }
  | { type: "taken"; buffer: ArrayBuffer }
  | { type: "end" };

/** The other thread. What is transferred to it no longer belongs to the sender. */
export interface PeerThread {
  postMessage(message: PortMessage, transfer: ArrayBuffer[]): void;
}

/** The most pieces that are under way in one direction. */
const MOST_UNDER_WAY = 6;

/** The size of a piece under way, in bytes: a message costs as much as copying some 200 KiB. */
const PIECE = 512 * 1024;

/** An end of the line. Whoever has the thread passes its messages on to {@linkcode BytePort.hear}. */
export class BytePort {
  readonly #peer: PeerThread;
  readonly #arrived: Bytes[] = [];
  readonly #spare: ArrayBuffer[] = [];
  #outgoing: Bytes = new Uint8Array();
  #filled = 0;
  #underWay = 0;
  #end: { error?: unknown } | undefined;
  #change = Promise.withResolvers<void>();

  constructor(peer: PeerThread) {
    this.#peer = peer;
  }

  /** Takes a message of the other thread. */
  hear(message: PortMessage): void {
    if (message.type === "piece") this.#arrived.push(new Uint8Array(message.buffer, 0, message.length));
    else if (message.type === "taken") this.#takeBack(message.buffer);
    else this.#end ??= {};
    this.#wake();
  }

  #takeBack(buffer: ArrayBuffer): void {
    this.#underWay--;
    this.#spare.push(buffer);
  }

  /** Ends what is received with an error, behind the pieces that have arrived. */
  fail(error: unknown): void {
    this.#end ??= { error };
    this.#wake();
  }

  /** Ends what is received with an error, at once. */
  abort(error: unknown): void {
    this.#arrived.length = 0;
    this.#end = { error };
    this.#wake();
  }

  /**
   * Sends pieces as the other thread takes them, and then the end. Stops where that thread has failed. If the pieces end
   * with an error, those before it are sent.
   */
  async send(pieces: AsyncIterable<Bytes>): Promise<void> {
    try {
      for await (const piece of pieces) {
        for (let at = 0; at < piece.length;) {
          at += this.#fill(piece.subarray(at));
          if (this.#filled === PIECE) await this.#flush();
        }
        if (this.#hasFailed) return;
      }
    } finally {
      await this.#flush();
    }
    this.#peer.postMessage({ type: "end" }, []);
  }

  /** Copies as much of a piece as there is room for: its maker may need its buffer again. */
  #fill(piece: Bytes): number {
    if (this.#filled === 0) this.#outgoing = new Uint8Array(this.#spare.pop() ?? new ArrayBuffer(PIECE));
    const part = piece.subarray(0, PIECE - this.#filled);
    this.#outgoing.set(part, this.#filled);
    this.#filled += part.length;
    return part.length;
  }

  async #flush(): Promise<void> {
    while (this.#underWay >= MOST_UNDER_WAY && !this.#hasFailed) await this.#change.promise;
    const [{ buffer }, length] = [this.#outgoing, this.#filled];
    this.#filled = 0;
    if (length === 0 || this.#hasFailed) return;
    this.#underWay++;
    this.#peer.postMessage({ type: "piece", buffer, length }, [buffer]);
  }

  /** The pieces that the other thread sends. Each is valid until the next is requested. */
  async *receive(): AsyncGenerator<Bytes> {
    for (;;) {
      const bytes = this.#arrived.shift();
      if (bytes) {
        yield bytes;
        this.#peer.postMessage({ type: "taken", buffer: bytes.buffer }, [bytes.buffer]);
      } else if (this.#hasFailed) throw this.#end!.error;
      else if (this.#end) return;
      else await this.#change.promise;
    }
  }

  get #hasFailed(): boolean {
    return this.#end !== undefined && "error" in this.#end;
  }

  #wake(): void {
    this.#change.resolve();
    this.#change = Promise.withResolvers();
  }
}
