/** An upload to a layout that comes in pieces: it is a file until it becomes a blob, and outlives the process. @module */
import type { ByteStream } from "../content/bytes.ts";
import { storageError } from "../content/file_errors.ts";
import type { FollowingHash } from "../content/hasher.ts";
import { writeAll } from "../content/write_all.ts";
import { ConflictError } from "../errors.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { type Algorithm, algorithmOf, type Digest } from "../oci/digest.ts";
import { OCTET_STREAM } from "../oci/media_types.ts";
import type { CallOptions, UploadInPieces } from "../store/store.ts";
import type { Blobs } from "./blobs.ts";
import { closingOnce, type Draft, LOCKS } from "./drafts.ts";

/** How many bytes one write takes: those of connections come in much smaller pieces, and each write waits for a thread. */
const GATHERED = 256 * 1024;

interface UploadOptions {
  id: string;
  blobs: Blobs;
  /** The algorithm of the digest that is expected; absent = sha256. */
  algorithm?: Algorithm | undefined;
  forget: () => void;
}

/** One upload of a layout. Only one request at a time appends to it. */
export class LayoutUpload implements UploadInPieces {
  readonly id: string;
  readonly #path: string;
  readonly #blobs: Blobs;
  readonly #forget: () => void;
  #size = 0;
  /** The algorithm of the digest that is expected, by which the bytes are hashed as they come. */
  readonly #algorithm: Algorithm;
  /** The hash of all bytes; `undefined` = not all were seen as they came. */
  #hash: FollowingHash | undefined;
  #isBusy = false;

  /**
   * @param path its file, which exists
   * @param options `forget` is called when the upload ends
   */
  constructor(path: string, { id, blobs, algorithm = "sha256", forget }: UploadOptions) {
    this.#path = path;
    this.#algorithm = algorithm;
    this.id = id;
    this.#blobs = blobs;
    this.#forget = forget;
  }

  get size(): number {
    return this.#size;
  }

  /** Takes the size of the file for its own: another process may have appended to it. */
  correct(size: number): void {
    if (this.#isBusy || size === this.#size) return;
    this.forgetHash();
    this.#size = size;
  }

  /** Lets go of the thread that hashes. */
  forgetHash(): void {
    if (!this.#isBusy) this.#dropHash();
  }

  #dropHash(): void {
    this.#hash?.drop();
    this.#hash = undefined;
  }

  async append(
    bytes: ByteStream,
    { signal }: CallOptions = {},
  ): Promise<void> {
    await this.#alone(async () => {
      using draft = await this.#open();
      if (this.#size === 0) this.#hash ??= this.#blobs.follow(this.#path, this.#algorithm);
      await eachGathered(bytes, async (piece) => {
        await writeAll(draft.file, piece);
        this.#size += piece.length;
        this.#hash?.advance(this.#size);
      }, signal);
    });
  }

  async finish(digest: Digest, { signal }: CallOptions = {}): Promise<Descriptor> {
    signal?.throwIfAborted();
    return await this.#alone(async () => {
      const draft = await this.#open();
      if (algorithmOf(digest) !== this.#algorithm) this.#dropHash(); // the file is read again
      const [hash, size] = [this.#hash, this.#size];
      this.#hash = undefined;
      try {
        await this.#blobs.adopt(draft, { digest, size, hash });
      } finally {
        this.#forget(); // not before: whoever asks for it meanwhile would get another object, and append to the blob
      }
      return { mediaType: OCTET_STREAM, digest, size };
    });
  }

  async cancel(): Promise<void> {
    await this.#alone(async () => {
      this.#dropHash();
      this.#forget();
      await Deno.remove(this.#path).catch(() => {});
    });
  }

  /** Opens the file for this process alone, which has all that it knows of. */
  async #open(): Promise<Draft> {
    const file = await Deno.open(this.#path, { append: true });
    const draft = { path: this.#path, file, [Symbol.dispose]: closingOnce(file) };
    const isOwn = !LOCKS || await file.tryLock(true).catch(() => true); // a file system may have no locks
    if (isOwn && (await file.stat()).size === this.#size) return draft;
    draft[Symbol.dispose]();
    throw this.#conflict();
  }

  async #alone<T>(work: () => Promise<T>): Promise<T> {
    if (this.#isBusy) throw this.#conflict();
    this.#isBusy = true;
    try {
      return await work();
    } catch (error) {
      throw storageError(error, this.#path);
    } finally {
      this.#isBusy = false;
    }
  }

  #conflict(): ConflictError {
    return new ConflictError(`another request appends to the upload ${this.id}`);
  }
}

/** Gathers the pieces of a stream to larger ones. What came before the stream broke is not lost. */
async function eachGathered(
  stream: ByteStream,
  write: (piece: Uint8Array) => Promise<void>,
  signal: AbortSignal | undefined,
): Promise<void> {
  const buffer = new Uint8Array(GATHERED);
  let length = 0;
  const flush = async () => {
    await write(buffer.subarray(0, length));
    length = 0;
  };
  try {
    for await (const piece of stream) {
      for (let at = 0; at < piece.length;) {
        const part = piece.subarray(at, at + GATHERED - length);
        buffer.set(part, length);
        [at, length] = [at + part.length, length + part.length];
        if (length === GATHERED) await flush();
      }
      signal?.throwIfAborted();
    }
  } finally {
    if (length > 0) await flush();
  }
}
