/** Hashes ranges of files in worker threads, also of files that are still being written. @module */
import { LayerstashError, MismatchError } from "../errors.ts";
import { type Algorithm, algorithmOf, type Digest, DigestHash } from "../oci/digest.ts";
import { abortable } from "../async/abortable.ts";
import { leastBusy } from "./answering_thread.ts";
import type { HashAnswer, HashCommand } from "./hash_worker.ts";
import type { ByteRange } from "./source.ts";
import { onThreadEnd } from "./thread_end.ts";

/** Below this many bytes a thread costs more than it saves. */
const WORTH_A_THREAD = 16 * 1024 * 1024;

/** The hash of a file range that is still being written, from its start on. */
export interface FollowingHash {
  /** All bytes before an offset are final. It counts from the beginning of the file. */
  advance(to: number): void;
  /** The digest of the range up to `end`, all bytes of which are written. It can be called once. */
  digest(end: number, onBytes?: (bytes: number) => void): Promise<Digest>;
  /** Stops the hashing: the digest is no longer wanted. */
  drop(): void;
}

/** A blob whose bytes are written into a file. */
export interface FollowedBlob {
  /** The digest that it should have. */
  digest: Digest;
  /** The offset in the file at which its bytes begin. */
  at: number;
}

/** Hashes blobs that lie in files, also while they are being written. Disposing of it ends all that is under way. */
export interface FileHasher extends Disposable {
  /** Begins to hash a blob. */
  followBlob(path: string, blob: FollowedBlob): FollowingHash;
}

/** How a file is hashed. */
export interface HashOptions {
  /** The algorithm of the digest; absent = sha256. */
  algorithm?: Algorithm | undefined;
  /** Receives the number of bytes that were hashed since its last call. */
  onBytes?: ((bytes: number) => void) | undefined;
  /** Stops the hashing. */
  signal?: AbortSignal | undefined;
}

/**
 * Hashes files in up to four threads. Small ranges are hashed without a thread.
 *
 * @example
 * ```ts
 * import { Hasher } from "./hasher.ts";
 * const path = await Deno.makeTempFile();
 * await Deno.writeTextFile(path, "hello world");
 * using hasher = new Hasher();
 * const digest = await hasher.file(path, { start: 0, end: 5 });
 * if (!digest.startsWith("sha256:2cf24dba5fb0a30e")) throw new Error("unexpected digest");
 * await Deno.remove(path);
 * ```
 */
export class Hasher implements FileHasher {
  readonly #threads: HashThread[] = [];
  #hasEnded = false;
  #nextId = 0;

  /**
   * The digest of a range of a file: the bytes from `start` up to, but not including, `end`.
   *
   * @throws {MismatchError} if the file ends before `end`
   */
  async file(
    path: string,
    { start, end }: { start: number; end: number },
    { algorithm, onBytes, signal }: HashOptions = {},
  ): Promise<Digest> {
    signal?.throwIfAborted();
    const hash = this.follow(path, start, algorithm);
    try {
      return await abortable(hash.digest(end, onBytes), signal);
    } catch (error) {
      if (signal?.aborted) hash.drop();
      throw error;
    }
  }

  /**
   * Begins to hash a file from an offset on, while it is being written.
   *
   * @param algorithm that of the digest; absent = sha256
   */
  follow(path: string, start: number, algorithm: Algorithm = "sha256"): FollowingHash {
    const id = this.#nextId++;
    let thread: HashThread | undefined;
    const engage = () => {
      if (thread) return thread;
      thread = this.#leastBusy();
      thread.tell({ type: "open", id, path, start, algorithm });
      return thread;
    };
    return {
      advance: (to) => {
        if (thread || to - start > WORTH_A_THREAD) engage().tell({ type: "advance", id, to });
      },
      digest: async (end, onBytes) => {
        if (thread || end - start > WORTH_A_THREAD) return await engage().finish(id, { end, onBytes });
        const digest = hashNow(path, { start, end }, algorithm);
        onBytes?.(end - start);
        return digest;
      },
      drop: () => thread?.tell({ type: "drop", id }),
    };
  }

  /** Begins to hash a blob, by the algorithm of its digest. */
  followBlob(path: string, { at, digest }: FollowedBlob): FollowingHash {
    return this.follow(path, at, algorithmOf(digest));
  }

  /** Ends the threads. Pending digests reject, and later ones that would need a thread. */
  [Symbol.dispose](): void {
    this.#hasEnded = true;
    for (const thread of this.#threads) thread.end();
  }

  #leastBusy(): HashThread {
    if (this.#hasEnded) throw hashingStopped(); // a thread that is started now would never end
    const most = Math.max(1, Math.min(4, navigator.hardwareConcurrency - 1));
    return leastBusy(this.#threads, { most, start: () => new HashThread() });
  }
}

function hashingStopped(): LayerstashError {
  return new LayerstashError("the hashing was stopped");
}

/** A digest that a caller waits for. */
interface AwaitedDigest extends PromiseWithResolvers<Digest>, Pick<HashOptions, "onBytes"> {}

class HashThread {
  readonly #worker = new Worker(new URL("./hash_worker.ts", import.meta.url), { type: "module" });
  readonly #awaited = new Map<number, AwaitedDigest>();
  load = 0;
  #failure: Error | undefined;

  /** Whether it answers no more. */
  get hasEnded(): boolean {
    return this.#failure !== undefined;
  }

  constructor() {
    this.#worker.onmessage = ({ data }: MessageEvent<HashAnswer>) => this.#settle(data);
    const file = new URL("hash_worker.ts", import.meta.url);
    onThreadEnd(this.#worker, { work: "hashing", file }, (error) => this.#failAll(error));
  }

  tell(command: HashCommand): void {
    if (command.type === "open") this.load++;
    if (command.type === "drop") this.load--;
    this.#worker.postMessage(command);
  }

  finish(id: number, { end, onBytes }: { end: number; onBytes: HashOptions["onBytes"] }): Promise<Digest> {
    const answer = Promise.withResolvers<Digest>();
    answer.promise.catch(() => {}); // the caller may have failed meanwhile
    this.#awaited.set(id, { ...answer, onBytes });
    if (this.#failure) answer.reject(this.#failure);
    this.tell({ type: "finish", id, end });
    return answer.promise;
  }

  end(): void {
    this.#worker.terminate();
    this.#failAll(hashingStopped());
  }

  #settle({ id, bytes, digest, error }: HashAnswer): void {
    const answer = this.#awaited.get(id);
    if (bytes !== undefined) return answer?.onBytes?.(bytes);
    this.load--;
    this.#awaited.delete(id);
    if (digest) answer?.resolve(digest);
    else answer?.reject(new MismatchError(error ?? "the hashing thread gave no digest"));
  }

  #failAll(error: Error): void {
    this.#failure = error;
    for (const answer of this.#awaited.values()) answer.reject(error);
    this.#awaited.clear();
  }
}

/** Hashes a small range in this thread: reading it takes less time than waiting for another thread. */
function hashNow(path: string, { start, end }: ByteRange, algorithm: Algorithm): Digest {
  using file = Deno.openSync(path);
  file.seekSync(start, Deno.SeekMode.Start);
  const hash = new DigestHash(algorithm);
  const buffer = new Uint8Array(Math.max(1, Math.min(1024 * 1024, end - start)));
  for (let position = start; position < end;) {
    const read = file.readSync(buffer.subarray(0, end - position));
    if (!read) throw new MismatchError(`the file ended at byte ${position} while it was read`);
    hash.update(buffer.subarray(0, read));
    position += read;
  }
  return hash.digest();
}

/** A range of at most so many bytes is hashed to its end, also after an abort: that takes no time, and closes the file. */
const SHORT = 64 * 1024 * 1024;

/** The digest of a range, all bytes of which are written. A signal ends the wait, because hashing gibibytes takes long. */
export async function awaitDigest(
  hash: FollowingHash,
  { start, end }: ByteRange,
  signal: AbortSignal,
): Promise<Digest> {
  signal.throwIfAborted();
  if (end - start <= SHORT) return await hash.digest(end);
  try {
    return await abortable(hash.digest(end), signal);
  } catch (error) {
    if (signal.aborted) hash.drop();
    throw error;
  }
}
