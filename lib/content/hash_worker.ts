/** The thread that hashes files beside a transfer. It reads them itself: bytes just sent or written are in the cache. @module */
import { createHash, type Hash } from "node:crypto";
import { setImmediate as breathe } from "node:timers/promises";
import type { Algorithm, Digest } from "../oci/digest.ts";

/** A command to the worker. Offsets count from the beginning of the file. */
export type HashCommand =
  | { type: "open"; id: number; path: string; start: number; algorithm: Algorithm }
  | { type: "advance"; id: number; to: number }
  | { type: "finish"; id: number; end: number }
  | { type: "drop"; id: number };

/** A message of the worker after `finish`: several with progress, and then one with the digest or the error. */
export interface HashAnswer {
  /** The id of the command. */
  id: number;
  /** Progress: bytes hashed since the last message. */
  bytes?: number;
  /** The digest. */
  digest?: Digest;
  /** Why the file could not be hashed. */
  error?: string;
}

/** How many bytes are hashed before the next command is read. */
const SLICE = 16 * 1024 * 1024;
const buffer = new Uint8Array(1024 * 1024);

/** The hash of one file range. An error is kept until the digest is asked for. */
class Job {
  readonly #id: number;
  readonly #algorithm: Algorithm;
  readonly #hash: Hash;
  #file: Deno.FsFile | undefined;
  #position: number;
  #target: number;
  #end: number | undefined;
  #running = false;
  #failure: string | undefined;

  constructor({ id, path, start, algorithm }: HashCommand & { type: "open" }) {
    this.#id = id;
    this.#algorithm = algorithm;
    this.#hash = createHash(algorithm);
    this.#position = this.#target = start;
    this.#attempt(() => {
      this.#file = Deno.openSync(path);
      this.#file.seekSync(start, Deno.SeekMode.Start);
    });
  }

  async advance(to: number, end?: number): Promise<void> {
    this.#target = Math.max(this.#target, to);
    this.#end = end ?? this.#end;
    if (this.#running) return;
    this.#running = true;
    while (this.#position < this.#target && this.#failure === undefined) {
      const before = this.#position;
      this.#attempt(() => this.#hashUpTo(Math.min(this.#target, this.#position + SLICE)));
      if (this.#end !== undefined) self.postMessage({ id: this.#id, bytes: this.#position - before });
      await breathe();
    }
    this.#running = false;
    if (this.#end !== undefined) this.#answer();
  }

  close(): void {
    this.#file?.close();
    this.#file = this.#end = undefined; // the digest is no longer wanted
    jobs.delete(this.#id);
  }

  #answer(): void {
    const answer: HashAnswer = this.#failure === undefined
      ? { id: this.#id, digest: `${this.#algorithm}:${this.#hash.digest("hex")}` }
      : { id: this.#id, error: this.#failure };
    this.close();
    self.postMessage(answer);
  }

  #attempt(action: () => void): void {
    try {
      action();
    } catch (error) {
      this.#failure = error instanceof Error ? error.message : String(error);
    }
  }

  #hashUpTo(limit: number): void {
    while (this.#position < limit) {
      const read = this.#file?.readSync(buffer.subarray(0, limit - this.#position));
      if (!read) throw new Error(`the file ended at byte ${this.#position} while it was read`);
      this.#hash.update(buffer.subarray(0, read));
      this.#position += read;
    }
  }
}

const jobs = new Map<number, Job>();

function obey(command: HashCommand): void {
  const job = jobs.get(command.id);
  if (command.type === "open") jobs.set(command.id, new Job(command));
  else if (command.type === "advance") job?.advance(command.to);
  else if (command.type === "finish") job?.advance(command.end, command.end);
  else job?.close();
}

declare const self: {
  onmessage: (event: MessageEvent<HashCommand>) => void;
  postMessage(message: HashAnswer): void;
};

self.onmessage = ({ data }) => obey(data);
